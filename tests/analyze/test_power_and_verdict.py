"""Power against statsmodels, Holm against statsmodels, and the four verdicts on estimates made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from assay.analyze.effects import Estimate
from assay.analyze.power import power_at, seeds_needed, smallest_effect
from assay.analyze.verdict import decide, favours, holm, margin_of


def known(value: float, se: float | None, df: float | None = 10.0) -> Estimate:
    return Estimate(
        value=value, n_seeds=3, n_items=100, se=se, df=df, seeds_variance=0.0, items_variance=0.0, items_df=9.0
    )


@pytest.mark.parametrize("seeds", [3, 4, 6, 11, 40])
def test_smallest_detectable_effect_is_statsmodels_solution(seeds: int) -> None:
    oracle = TTestPower().solve_power(nobs=seeds, alpha=0.05, power=0.8, alternative="two-sided")
    assert smallest_effect(1 / seeds**0.5, seeds - 1) == pytest.approx(oracle, rel=1e-5)


def test_smallest_detectable_effect_with_two_seeds_is_found_80_percent_of_the_time() -> None:
    rng = np.random.default_rng(0)
    mde = smallest_effect(1 / 2**0.5, 1)
    assert mde is not None
    drawn = rng.normal(mde, 1, (40_000, 2))
    t = drawn.mean(1) / (drawn.std(1, ddof=1) / 2**0.5)
    assert np.mean(np.abs(t) > 12.7062) == pytest.approx(0.8, abs=0.01)


@settings(max_examples=60, deadline=None)
@given(st.floats(1, 300), st.floats(0, 8))
def test_power_is_a_probability_and_symmetric(df: float, ratio: float) -> None:
    assert 0.049 <= power_at(ratio, df) <= 1
    assert power_at(ratio, df) == pytest.approx(power_at(-ratio, df), abs=1e-9)


@pytest.mark.parametrize(("df", "ratio"), [(3, 2.0), (4.7, 0.1), (12, 5.0), (150, 2.8)])
def test_power_is_that_of_the_noncentral_t(df: float, ratio: float) -> None:
    critical = stats.t.ppf(0.975, df)
    oracle = stats.nct.sf(critical, df, ratio) + stats.nct.cdf(-critical, df, ratio)
    assert power_at(ratio, df) == pytest.approx(oracle, abs=1e-6)


def test_a_stricter_level_asks_for_more_seeds() -> None:
    strict = seeds_needed(1.0, 1.0, 0.0, float("inf"), alpha=0.05 / 90)
    oracle = TTestPower().solve_power(effect_size=1.0, alpha=0.05 / 90, power=0.8, alternative="two-sided")
    assert strict == int(np.ceil(oracle))


def test_no_standard_error_no_smallest_effect() -> None:
    assert smallest_effect(None, None) is None


@pytest.mark.parametrize("wished", [0.5, 1.0, 2.0])
def test_seeds_needed_is_statsmodels_number_where_items_add_nothing(wished: float) -> None:
    oracle = TTestPower().solve_power(effect_size=wished, alpha=0.05, power=0.8, alternative="two-sided")
    assert seeds_needed(wished, 1.0, 0.0, float("inf")) == int(np.ceil(oracle))


def test_no_number_of_seeds_is_enough_where_the_items_are_too_few() -> None:
    assert seeds_needed(0.02, 0.001, 0.05**2, 99.0) is None
    assert seeds_needed(0.02, 0.001, 0.002**2, 99.0) is not None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_statsmodels_holm(p_values: list[float]) -> None:
    oracle = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(oracle), abs=1e-12)


def test_holm_leaves_out_what_was_not_tested() -> None:
    assert holm([None, 0.01, None, 0.04]) == [None, 0.02, None, 0.04]


def test_verdicts() -> None:
    assert decide(known(0.5, 0.01), 0.02, 0.001) == "higher"
    assert decide(known(-0.5, 0.01), 0.02, 0.001) == "lower"
    assert decide(known(0.5, 0.5), 0.02, 0.4) == "cannot tell"
    assert decide(known(0.001, 0.002), 0.02, 0.9) == "no difference"
    assert decide(known(0.03, None, None), 0.02, None) == "cannot tell"


def test_a_sure_difference_within_the_margin_is_no_difference() -> None:
    assert decide(known(0.01, 0.001), 0.02, 1e-6) == "no difference"


def test_equivalence_is_two_one_sided_tests_at_5_percent() -> None:
    t = 1.812461  # the 95 % quantile with 10 degrees of freedom
    inside, outside = (0.02 - 0.01) / t * 0.999, (0.02 - 0.01) / t * 1.001
    assert decide(known(0.01, inside), 0.02, 1.0) == "no difference"
    assert decide(known(0.01, outside), 0.02, 1.0) == "cannot tell"


def test_favours_follows_what_is_better() -> None:
    assert (favours("higher", "higher"), favours("higher", "lower")) == ("a", "b")
    assert (favours("lower", "lower"), favours("cannot tell", "lower")) == ("a", None)


def test_a_trends_margin_is_the_metrics_margin_over_the_grid() -> None:
    grid = np.array([0.0, 0.25, 0.5, 0.75])
    weights = (grid - grid.mean()) / np.square(grid - grid.mean()).sum()
    assert margin_of(0.02, tuple(weights)) * 0.75 == pytest.approx(0.02)
    assert margin_of(0.02, (1.0, -1.0)) == pytest.approx(0.02)
