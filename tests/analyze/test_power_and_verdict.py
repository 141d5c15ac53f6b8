"""Power against statsmodels, Holm against statsmodels, and the four verdicts on estimates made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import pair
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from assay.analyze.effects import Estimate
from assay.analyze.power import detectable_ratio, items_needed, power_at, seeds_needed, smallest_effect
from assay.analyze.verdict import decide, favours, holds, holm, margin_of


def known(value: float, se: float | None, df: float | None = 10.0) -> Estimate:
    return Estimate(
        value=value,
        n_seeds=3,
        n_items=100,
        se=se,
        df=df,
        se_new_items=None if se is None else 2 * se,
        df_new_items=df,
        seeds_variance=0.0,
        interaction_variance=0.0,
    )


@pytest.mark.parametrize("seeds", [3, 4, 6, 11, 40])
def test_with_a_known_spread_the_smallest_effect_is_statsmodels_solution(seeds: int) -> None:
    oracle = TTestPower().solve_power(nobs=seeds, alpha=0.05, power=0.8, alternative="two-sided")
    assert detectable_ratio(seeds - 1) / seeds**0.5 == pytest.approx(oracle, rel=1e-5)


@pytest.mark.parametrize("seeds", [2, 3, 5, 16])
def test_effects_of_the_size_that_a_study_names_are_found_by_its_repeat_80_percent_of_the_time(seeds: int) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, (2, 40_000, seeds))
    ratio = smallest_effect(1.0, seeds - 1)
    assert ratio is not None
    named = ratio * first.std(1, ddof=1) / seeds**0.5
    t = (second.mean(1) + named) / (second.std(1, ddof=1) / seeds**0.5)
    assert np.mean(np.abs(t) > stats.t.ppf(0.975, seeds - 1)) == pytest.approx(0.8, abs=0.01)


def test_a_spread_from_three_seeds_taken_for_the_truth_would_promise_too_much() -> None:
    assert power_at(detectable_ratio(2), 2, known=2) == pytest.approx(0.63, abs=0.01)
    assert detectable_ratio(2, known=2) / detectable_ratio(2) == pytest.approx(1.55, abs=0.01)


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
    strict = seeds_needed(1.0, 1.0, alpha=0.05 / 90)
    oracle = TTestPower().solve_power(effect_size=1.0, alpha=0.05 / 90, power=0.8, alternative="two-sided")
    assert strict == int(np.ceil(oracle))


def test_no_standard_error_no_smallest_effect() -> None:
    assert smallest_effect(None, None) is None


@pytest.mark.parametrize("wished", [0.5, 1.0, 2.0])
def test_seeds_needed_is_statsmodels_number_where_items_add_nothing(wished: float) -> None:
    oracle = TTestPower().solve_power(effect_size=wished, alpha=0.05, power=0.8, alternative="two-sided")
    assert seeds_needed(wished, 1.0) == int(np.ceil(oracle))


def test_a_spread_that_is_hardly_known_asks_for_more_seeds() -> None:
    few, many = seeds_needed(1.0, 1.0, known=2), seeds_needed(1.0, 1.0)
    assert few is not None and many is not None and few > 2 * many
    assert seeds_needed(0.001, 1.0) is None


def test_more_items_help_against_what_seeds_do_on_single_items_and_nothing_else() -> None:
    wished = detectable_ratio(4) * (0.06 / 5) ** 0.5
    assert items_needed(wished, 100, 5, 0.11, 0.10) == pytest.approx(200, abs=1)
    assert items_needed(wished, 100, 5, 0.06, 0.05) == 100
    assert items_needed(wished, 100, 5, 0.11, 0.04) is None


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


def test_a_verdict_on_the_suite_says_whether_it_holds_on_new_items() -> None:
    assert holds(known(0.5, 0.1).on_new_items(), 0.02, "higher") is True
    assert holds(known(0.5, 0.2).on_new_items(), 0.02, "higher") is False
    assert holds(known(0.001, 0.002).on_new_items(), 0.02, "no difference") is True
    assert holds(known(0.001, 0.008).on_new_items(), 0.02, "no difference") is False
    assert holds(known(0.5, 0.5).on_new_items(), 0.02, "cannot tell") is None


def test_favours_follows_what_is_better() -> None:
    assert (favours("higher", "higher"), favours("higher", "lower")) == ("a", "b")
    assert (favours("lower", "lower"), favours("cannot tell", "lower")) == ("a", None)


def test_a_trends_margin_is_the_metrics_margin_over_the_grid() -> None:
    grid = np.array([0.0, 0.25, 0.5, 0.75])
    weights = tuple((grid - grid.mean()) / np.square(grid - grid.mean()).sum())
    two = pair("f", "", "a", "b")
    assert margin_of(0.02, two.model_copy(update={"kind": "trend", "weights": weights})) * 0.75 == pytest.approx(0.02)
    assert margin_of(0.02, two) == 0.02
    assert margin_of(0.02, two.model_copy(update={"kind": "interaction", "weights": (1.0, -1.0, -1.0, 1.0)})) == 0.02
