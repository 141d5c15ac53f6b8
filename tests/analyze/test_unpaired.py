"""Unpaired arms against scipy's Welch test, and how often it rejects what is true."""

import numpy as np
import pytest
from scipy import stats

from assay.analyze.unpaired import UnpairedSample, combine_unpaired


def test_it_is_welchs_test_with_degrees_of_freedom_rounded_down() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 0.3, (4, 20)), rng.normal(1, 2, (6, 20))
    found = combine_unpaired([UnpairedSample([a, -b], np.arange(20))])
    oracle = stats.ttest_ind(a.mean(1), b.mean(1), equal_var=False)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.df == np.floor(oracle.df) and not found.paired and found.n_seeds == 4
    assert found.p == pytest.approx(2 * stats.t.sf(abs(oracle.statistic), np.floor(oracle.df)), rel=1e-9)


def test_a_ratio_to_bytes_and_several_tasks_are_averaged_as_in_pairs() -> None:
    rng = np.random.default_rng(1)
    sizes = rng.integers(2, 99, 15).astype(float)
    a, b = rng.gamma(2, 1, (3, 15)) * sizes, rng.gamma(2, 1, (4, 15)) * sizes
    plain = rng.normal(size=(3, 9)), rng.normal(size=(4, 9))
    samples = [
        UnpairedSample([a, -b], np.arange(15), sizes),
        UnpairedSample([plain[0], -plain[1]], np.arange(9)),
    ]
    runs = [(ratio.sum(1) / sizes.sum() + mean.mean(1)) / 2 for ratio, mean in zip((a, b), plain, strict=True)]
    oracle = stats.ttest_ind(*runs, equal_var=False)
    found = combine_unpaired(samples)
    assert found.value == pytest.approx(runs[0].mean() - runs[1].mean())
    assert found.se is not None and found.value / found.se == pytest.approx(oracle.statistic, rel=1e-9)


@pytest.mark.parametrize("counts", [(2, 9), (1, 3), (2, 2)])
def test_fewer_than_three_seeds_in_an_arm_give_no_interval(counts: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    a, b = (rng.normal(size=(count, 5)) for count in counts)
    found = combine_unpaired([UnpairedSample([a, -b], np.arange(5))])
    assert found.interval() is None and found.p is None and found.value == pytest.approx(a.mean() - b.mean())


@pytest.mark.parametrize("ratio", [1.0, 5.0, 25.0])
def test_a_against_a_is_rejected_no_more_often_than_promised(ratio: float) -> None:
    rng = np.random.default_rng(int(ratio))
    sims, false = 1000, 0
    for _ in range(sims):
        a, b = rng.normal(size=(3, 1)), ratio * rng.normal(size=(3, 1))
        p = combine_unpaired([UnpairedSample([a, -b], np.zeros(1, dtype=np.int64))]).p
        assert p is not None
        false += p < 0.05
    assert false / sims <= 0.07
