"""The estimator against textbook tests, direct sums, and data of known variance."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from assay.analyze.effects import Estimate, Prior, Sample, combine, task_part

Floats = npt.NDArray[np.float64]


def estimate(values: Floats, clusters: npt.NDArray[np.int64] | None = None, sizes: Floats | None = None) -> Estimate:
    numbers = np.arange(values.shape[1]) if clusters is None else clusters
    return combine([task_part(Sample(values, numbers, sizes))])


def crossed(
    rng: np.random.Generator, seeds: int, n: int, spreads: tuple[float, float, float], effect: float = 0.0
) -> Floats:
    """effect + seed + item + seed × item; each spread in units of the mean's standard deviation."""
    seed, item, both = spreads
    return (
        effect
        + rng.normal(0, seed, (seeds, 1))
        + rng.normal(0, item * np.sqrt(n), (1, n))
        + rng.normal(0, both * np.sqrt(n), (seeds, n))
    )


def test_items_without_spread_leave_the_paired_t_test_over_seeds() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(2.0, 0.1, 6), rng.normal(1.9, 0.2, 6)
    found = estimate(np.repeat((a - b)[:, None], 40, axis=1))
    oracle = stats.ttest_rel(a, b)
    low, high = oracle.confidence_interval(0.95)
    assert found.value == pytest.approx(np.mean(a - b), rel=1e-12)
    assert found.df == pytest.approx(5)
    assert found.p == pytest.approx(oracle.pvalue, rel=1e-9)
    assert found.interval() == pytest.approx((low, high), rel=1e-9)


def test_on_a_suite_the_interval_is_the_paired_t_test_whatever_items_do() -> None:
    rng = np.random.default_rng(12)
    values = crossed(rng, 4, 30, (0.3, 2.0, 1.0))
    oracle = stats.ttest_1samp(values.mean(axis=1), 0)
    bounds = oracle.confidence_interval(0.95)
    assert estimate(values).p == pytest.approx(oracle.pvalue, rel=1e-9)
    assert estimate(values).interval() == pytest.approx((bounds.low, bounds.high), rel=1e-9)


def test_seeds_without_spread_leave_the_t_test_over_items() -> None:
    rng = np.random.default_rng(2)
    differences = rng.normal(0.1, 1.0, 80)
    found = estimate(np.repeat(differences[None], 3, axis=0)).on_new_items()
    assert estimate(np.repeat(differences[None], 3, axis=0)).p is None, "seeds that do not differ say nothing of seeds"
    oracle = DescrStatsW(differences)
    _, p, df = oracle.ttest_mean()
    assert found.df == pytest.approx(df)
    assert found.p == pytest.approx(p, rel=1e-9)
    assert found.interval() == pytest.approx(oracle.tconfint_mean(), rel=1e-9)


def test_variance_terms_are_those_of_a_two_way_analysis_of_variance() -> None:
    rng = np.random.default_rng(3)
    values = crossed(rng, 8, 30, (0.3, 0.5, 0.3))
    seeds, n = values.shape
    grand, rows, columns = values.mean(), values.mean(1), values.mean(0)
    mean_square_seeds = n * np.sum((rows - grand) ** 2) / (seeds - 1)
    mean_square_items = seeds * np.sum((columns - grand) ** 2) / (n - 1)
    rest = values - rows[:, None] - columns + grand
    mean_square_rest = np.sum(rest**2) / ((seeds - 1) * (n - 1))
    oracle = (mean_square_seeds + mean_square_items - mean_square_rest) / (seeds * n)
    oracle_df = oracle**2 / (
        (mean_square_seeds / (seeds * n)) ** 2 / (seeds - 1)
        + (mean_square_items / (seeds * n)) ** 2 / (n - 1)
        + (mean_square_rest / (seeds * n)) ** 2 / ((seeds - 1) * (n - 1))
    )
    found = estimate(values)
    assert found.se_new_items == pytest.approx(oracle**0.5, rel=1e-10)
    assert found.df_new_items == pytest.approx(oracle_df, rel=1e-10)
    assert found.interaction_variance == pytest.approx(mean_square_rest / n, rel=1e-10)


def test_bits_per_byte_is_the_ratio_of_sums_and_its_difference_the_difference_of_ratios() -> None:
    rng = np.random.default_rng(4)
    sizes = rng.integers(2, 300, 70).astype(np.float64)
    a, b = (rng.gamma(2, 1, (3, 70)) * sizes for _ in range(2))
    found = estimate(a - b, sizes=sizes)
    direct = a.sum(1) / sizes.sum() - b.sum(1) / sizes.sum()
    assert found.value == pytest.approx(direct.mean(), rel=1e-12)
    assert found.seeds_variance == pytest.approx(direct.var(ddof=1), rel=1e-10)


def test_item_spread_of_a_ratio_agrees_with_the_jackknife() -> None:
    rng = np.random.default_rng(5)
    n = 400
    sizes = rng.integers(2, 300, n).astype(np.float64)
    bits = np.repeat(((1.5 + rng.normal(0, 0.5, n)) * sizes)[None], 3, axis=0)
    left_out = (bits[0].sum() - bits[0]) / (sizes.sum() - sizes)
    jackknife = (n - 1) / n * np.sum((left_out - left_out.mean()) ** 2)
    found = estimate(bits, sizes=sizes)
    assert found.se_new_items is not None
    assert found.se_new_items**2 == pytest.approx(jackknife, rel=0.02)


def test_a_shift_of_one_seed_in_a_ratio_is_no_interaction() -> None:
    sizes = np.array([2.0, 400.0, 30.0, 9.0, 120.0])
    part = task_part(Sample(np.array([[0.1], [0.3], [-0.2]]) * sizes, np.arange(5), sizes))
    assert part.interaction == pytest.approx(0, abs=1e-25)


def test_clusters_count_as_clusters() -> None:
    rng = np.random.default_rng(6)
    passages = rng.normal(0, 1, 50)
    values = np.repeat(np.repeat(passages, 4)[None], 3, axis=0)
    together = estimate(values, np.repeat(np.arange(50), 4)).on_new_items()
    assert together.se == pytest.approx(stats.sem(passages), rel=1e-9)
    assert together.df == pytest.approx(49)
    apart = estimate(values).on_new_items()
    assert apart.se is not None and together.se is not None and together.se > 1.9 * apart.se


def test_a_metric_over_tasks_is_their_unweighted_mean() -> None:
    rng = np.random.default_rng(7)
    large, small = rng.normal(1, 1, (3, 900)), rng.normal(5, 1, (3, 20))
    parts = [task_part(Sample(values, np.arange(values.shape[1]))) for values in (large, small)]
    assert combine(parts).value == pytest.approx((large.mean() + small.mean()) / 2, rel=1e-12)


def test_one_seed_has_no_interval_and_no_p() -> None:
    found = estimate(np.random.default_rng(8).normal(0.5, 1, (1, 60)))
    assert (found.se, found.df, found.p, found.interval()) == (None, None, None, None)
    assert found.value == pytest.approx(0.5, abs=0.5)


def test_no_spread_at_all_gives_no_interval_instead_of_certainty() -> None:
    found = estimate(np.full((3, 40), 0.3))
    assert found.interval() is None and found.on_new_items().interval() is None


def test_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="gaps"):
        estimate(np.array([[1.0, np.nan]]))


GRID = list(itertools.product([2, 3, 5], [0.0, 0.9], [1.0, 25.0]))


@pytest.mark.parametrize(("seeds", "correlation", "ratio"), GRID)
def test_a_against_a_is_rejected_at_5_percent_and_intervals_hold_the_effect_on_the_suite(
    seeds: int, correlation: float, ratio: float
) -> None:
    """Trunks are common to both arms, one arm may vary far more, and items answer to the arms as they please."""
    rng = np.random.default_rng([seeds, int(10 * correlation), int(ratio)])
    sims, n = 700, 8
    false = held = 0
    for _ in range(sims):
        trunk = rng.normal(size=(seeds, 1)) * correlation**0.5
        a, b = (
            spread * (trunk + rng.normal(0, (1 - correlation) ** 0.5, (seeds, 1)) + rng.normal(size=(seeds, n)))
            for spread in (1.0, ratio)
        )
        null = estimate(a - b).p
        items = 0.7 + rng.normal(0, 5, (1, n))
        interval = estimate(a - b + items).interval()
        assert null is not None and interval is not None
        false += null < 0.05
        held += interval[0] <= items.mean() <= interval[1]
    assert false / sims == pytest.approx(0.05, abs=0.033)
    assert false == sims - held


SPREADS = [(1, 0, 0.1), (1, 0.3, 0.3), (1, 1, 0.3), (0.3, 1, 0.3), (0, 1, 1)]


@pytest.mark.parametrize(("seeds", "spreads"), list(itertools.product([2, 3, 5], SPREADS)))
def test_the_interval_for_new_items_holds_the_effect_over_all_items(
    seeds: int, spreads: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(seeds)
    sims = 300
    held = 0
    for _ in range(sims):
        found = estimate(crossed(rng, seeds, 25, spreads, effect=0.7))
        wide, narrow = found.on_new_items().interval(), found.interval()
        assert wide is not None and narrow is not None
        assert wide[0] <= narrow[0] and narrow[1] <= wide[1]
        held += wide[0] <= 0.7 <= wide[1]
    assert held / sims >= 0.9


def test_draws_of_one_trunk_are_averaged_in_it_and_reject_as_rarely_as_promised() -> None:
    rng = np.random.default_rng(13)
    false, sims = 0, 1000
    for _ in range(sims):
        trunk = rng.normal(0, 10, (3, 1))
        a, b = (trunk + rng.normal(size=(3, 4, 6)).mean(axis=1) for _ in range(2))
        p = estimate(a - b).p
        assert p is not None
        false += p < 0.05
    assert false / sims == pytest.approx(0.05, abs=0.028)


def test_a_prior_counts_as_so_many_degrees_of_freedom() -> None:
    values = np.array([[0.1], [0.3], [0.2]])
    part = task_part(Sample(values, np.zeros(1, dtype=np.int64)))
    found = combine([part], Prior(variance=0.04, df=4.0))
    assert found.df == 6 and found.seeds_variance == pytest.approx((4 * 0.04 + 2 * 0.01) / 6)
    assert found.se == pytest.approx((found.seeds_variance / 3) ** 0.5)
