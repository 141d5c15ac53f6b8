"""Win rates against a textbook's tests, by their symmetries, and on simulated tournaments of known truth."""

import json
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from tournament_rows import VERDICTS, both_orders, tournaments

from _judge_simulations import A_A, COVERED, World, coverage, false_positives, length_false_positives
from assay.analyze.verdict import holm
from assay.errors import InputError
from assay.judge.judgement import Judgement
from assay.judge.tournament import (
    Outcome,
    length_controlled,
    outcomes,
    prompts_needed,
    smallest_difference,
    standard_error,
    win_rate,
    win_rates,
)
from assay.judge.tournament.length_control import regressed
from assay.judge.tournament.win_rate import of_scores, repeat_correlation


def scored(
    prompt: int, score: int | None, *, seed: int = 0, a: str = "arm0", b: str = "arm1", longer: int = 0
) -> Outcome:
    return Outcome(
        judge="judge",
        prompt=f"{prompt:04d}",
        a=a,
        b=b,
        seed=seed,
        score=score,
        orders=2,
        unread=2 * (score is None),
        a_bytes=500 + longer,
        b_bytes=500,
    )


def robust_log_odds(scores: npt.NDArray[np.float64]) -> Any:
    """statsmodels' logistic regression of nothing but an intercept, its errors clustered by prompt, t with C − 1."""
    known = ~np.isnan(scores)
    prompts = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)[known]
    # Its correction for C clusters and n outcomes, C/(C − 1) · (n − 1)/(n − k), has k = 1 here.
    return GLM((1 + scores[known]) / 2, np.ones(known.sum()), family=Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": prompts}, use_t=True
    )


def test_one_seed_is_the_log_odds_over_prompts_by_their_robust_error() -> None:
    rng = np.random.default_rng(1)
    scores = rng.choice([-1, 0, 1], 60, p=[0.2, 0.3, 0.5])
    found = win_rate([scored(place, int(score)) for place, score in enumerate(scores)], "arm0", "arm1")
    oracle = robust_log_odds(scores[None])
    low, high = special.expit(oracle.conf_int()[0])
    assert found.p == pytest.approx(oracle.pvalues[0], rel=1e-6)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-7)
    assert (found.win_minus_loss_low, found.win_minus_loss_high) == pytest.approx((2 * low - 1, 2 * high - 1), abs=1e-7)
    assert found.se == pytest.approx(scores.std(ddof=1) / 60**0.5, rel=1e-9)
    assert (found.wins, found.losses, found.ties) == tuple(int((scores == kind).sum()) for kind in (1, -1, 0))
    assert found.rate == pytest.approx((found.wins + found.ties / 2) / 60)
    assert found.over == "prompts"


def test_samplings_of_one_checkpoint_are_averaged_within_their_prompt() -> None:
    rng = np.random.default_rng(2)
    scores = rng.integers(-1, 2, (3, 50)).astype(np.float64)
    found = of_scores(scores, "sampled")
    assert found is not None
    assert found.p == pytest.approx(robust_log_odds(scores).pvalues[0], rel=1e-6)
    assert found.se == pytest.approx(stats.sem(scores.mean(axis=0)), rel=1e-9)
    assert (found.df, found.over) == (49, "prompts")


def test_trainings_that_differ_are_tested_over_trainings() -> None:
    rng = np.random.default_rng(3)
    chance = np.array([0.9, 0.2, 0.85])[:, None]
    scores = np.where(rng.random((3, 400)) < chance, 1.0, -1.0)
    found = of_scores(scores)
    assert found is not None
    assert found.over == "prompts and seeds"
    assert found.df == pytest.approx(2, rel=0.1)
    assert found.se == pytest.approx(stats.sem(scores.mean(axis=1)), rel=0.05)


def test_missing_outcomes_leave_the_clustered_ratio_of_the_rest() -> None:
    rng = np.random.default_rng(4)
    scores = rng.integers(-1, 2, (2, 40)).astype(np.float64)
    scores[rng.random((2, 40)) < 0.3] = np.nan
    scores = scores[:, ~np.isnan(scores).all(axis=0)]
    found = of_scores(scores, "sampled")
    oracle = robust_log_odds(scores)
    assert found is not None
    assert found.low is not None
    assert found.value == pytest.approx(np.nanmean(scores), abs=1e-12)
    assert found.p == pytest.approx(oracle.pvalues[0], rel=1e-6)
    assert (1 + found.low) / 2 == pytest.approx(special.expit(oracle.conf_int()[0][0]), rel=1e-7)


@given(tournaments())
@settings(max_examples=40, deadline=None)
def test_exchanging_the_arms_turns_every_sign(rows: list[Judgement]) -> None:
    found = outcomes(rows)
    for seeds_are in ("trained", "sampled"):
        one = win_rate(found, "arm0", "arm1", seeds_are=seeds_are)
        other = win_rate(found, "arm1", "arm0", seeds_are=seeds_are)
        assert (one.wins, one.losses, one.ties) == (other.losses, other.wins, other.ties)
        assert (one.p, one.se, one.df, one.over) == pytest.approx((other.p, other.se, other.df, other.over))
        if one.rate is not None and other.rate is not None:
            assert one.rate + other.rate == pytest.approx(1, abs=1e-12)
            assert one.rate == pytest.approx((one.wins + one.ties / 2) / (one.wins + one.losses + one.ties))
        if one.low is not None and other.high is not None:
            assert one.low + other.high == pytest.approx(1, abs=1e-9)
        equal, turned = (length_controlled(found, *names) for names in (("arm0", "arm1"), ("arm1", "arm0")))
        assert equal.why_not == turned.why_not
        assert equal.slope == pytest.approx(turned.slope, abs=1e-9)
        assert equal.p == pytest.approx(turned.p, abs=1e-6)
        if equal.rate is not None and turned.rate is not None:
            assert equal.rate + turned.rate == pytest.approx(1, abs=1e-9)
        json.dumps([one.as_dict(), equal.as_dict()], allow_nan=False)


@given(tournaments(arms=3), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_order_of_records_is_irrelevant_to_the_last_bit_and_that_of_prompts_to_rounding(
    rows: list[Judgement], random: Random
) -> None:
    shuffled = random.sample(rows, len(rows))
    assert win_rates(outcomes(shuffled)) == win_rates(outcomes(rows))
    names = sorted({row.prompt for row in rows})
    renamed = dict(zip(names, random.sample(names, len(names)), strict=True))
    other = win_rates(outcomes([replace(row, prompt=renamed[row.prompt]) for row in rows]))
    for one, two in zip(win_rates(outcomes(rows)), other, strict=True):
        assert one.as_dict() == pytest.approx(two.as_dict(), abs=1e-9)


@given(st.integers(1, 40), st.integers(1, 3), st.sampled_from(["first", "second", "longer", "bytes"]))
@settings(max_examples=40, deadline=None)
def test_identical_answers_give_exactly_half_and_no_significance(prompts: int, seeds: int, manner: str) -> None:
    """Whatever a judge that sees only the pairing makes of them."""
    rows = []
    for prompt in range(prompts):
        for seed in range(seeds):
            first_preferred = {"first": True, "second": False, "longer": True, "bytes": prompt % 2 == 0}[manner]
            first, second = VERDICTS[:2] if first_preferred else VERDICTS[1::-1]
            rows += both_orders(f"p{prompt}", first, second, seed=seed, lengths=(prompt, prompt))
    found = win_rate(outcomes(rows), "code", "text")
    assert (found.rate, found.win_minus_loss, found.ties) == (0.5, 0.0, prompts * seeds)
    assert found.p in {None, 1.0}
    if found.low is not None and found.high is not None:
        assert found.low < 0.5 < found.high
    assert length_controlled(outcomes(rows), "code", "text").rate in {None, 0.5}


def test_prompts_that_all_say_the_same_have_the_exact_binomial_interval() -> None:
    found = win_rate([scored(place, 1) for place in range(30)], "arm0", "arm1")
    exact = stats.binomtest(30, 30).proportion_ci(0.95, "exact")
    assert found.rate == 1
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    assert found.p == pytest.approx(stats.binomtest(30, 30).pvalue)
    assert found.over == "prompts, none differing"


def test_prompts_whose_spread_cancels_to_rounding_have_no_interval_of_rounding() -> None:
    """Between seeds nothing differs, and prompts differ as chance makes them: the variance left was 1e-18."""
    grid = ((0, 0, 0, -1, 1), (0, 0, 0, 0, 0), (-1, None, 1, 0, 0))
    rows = [scored(place, score, seed=seed) for seed, scores in enumerate(grid) for place, score in enumerate(scores)]
    found = win_rate(rows, "arm0", "arm1")
    assert found.rate == 0.5 and found.low is not None and found.high is not None
    assert found.low < 0.3 and found.high > 0.7


def test_one_prompt_has_no_interval() -> None:
    found = win_rate([scored(1, score, seed=seed) for seed, score in enumerate((1, 0, 1))], "arm0", "arm1")
    assert found.rate == pytest.approx(5 / 6)
    assert (found.low, found.p, found.over) == (None, None, "nothing")


def test_answers_without_an_outcome_are_counted_and_no_more() -> None:
    rows = [
        *both_orders("1", "a", "a"),
        *both_orders("2", "none", "none"),
        *both_orders("3", "none", "b"),
        *both_orders("4", "a", "a")[:1],
        *both_orders("5", "b", "b"),
    ]
    found = win_rate(outcomes(rows), "code", "text")
    assert (found.wins, found.losses, found.ties) == (1, 1, 1)
    assert (found.unparsed, found.half_read, found.incomplete, found.prompts) == (1, 1, 1, 3)


def test_no_outcome_at_all_is_no_rate() -> None:
    found = win_rate(outcomes(both_orders("1", "none", "none")), "code", "text")
    assert (found.rate, found.low, found.p, found.unparsed, found.over) == (None, None, None, 1, "nothing")


def test_pairs_are_corrected_together_by_holm() -> None:
    rng = np.random.default_rng(5)
    found = [
        scored(prompt, int(rng.choice([-1, 0, 1], p=shares)), a=a, b=b)
        for (a, b), shares in {
            ("a", "b"): (0.1, 0.4, 0.5),
            ("a", "c"): (0.25, 0.35, 0.4),
            ("b", "c"): (0.35, 0.3, 0.35),
        }.items()
        for prompt in range(60)
    ]
    rates = win_rates(found)
    assert [(one.a, one.b) for one in rates] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [one.p_adjusted for one in rates] == holm([one.p for one in rates])
    assert [(one.a, one.b) for one in win_rates(found, [("c", "a")])] == [("c", "a")]


def test_several_judges_and_unknown_arms_are_refused() -> None:
    rows = [*both_orders("1", "a", "a", judge="one"), *both_orders("1", "a", "a", judge="two")]
    with pytest.raises(InputError, match="judgements of one, two: take one"):
        win_rate(outcomes(rows), "code", "text")
    with pytest.raises(InputError, match="'text'"):
        win_rate(outcomes(rows[:2]), "code", "txt")


def test_equal_length_is_the_intercept_of_a_logistic_regression_on_an_odd_function_of_length() -> None:
    rng = np.random.default_rng(6)
    longer = np.round(rng.normal(60, 100, (1, 80)))
    scores = np.clip(np.round(0.3 + np.tanh(longer / longer.std()) + rng.normal(0, 0.7, (1, 80))), -1, 1)
    found, slope, why_not = regressed(scores, longer)
    design = np.column_stack([np.ones(80), np.tanh(longer[0] / longer[0].std())])
    oracle = GLM((1 + scores[0]) / 2, design, family=Binomial()).fit()
    assert found is not None
    assert why_not is None
    assert [found.value, slope] == pytest.approx(oracle.params)
    jackknife = [
        GLM((1 + np.delete(scores[0], n)) / 2, np.delete(design, n, axis=0), family=Binomial()).fit().params[0]
        for n in range(80)
    ]
    assert found.se == pytest.approx((79 * np.var(jackknife)) ** 0.5, rel=0.02)


def test_equal_lengths_change_nothing() -> None:
    rng = np.random.default_rng(7)
    scores = rng.integers(-1, 2, (2, 30)).astype(np.float64)
    plain = of_scores(scores)
    equal, slope, why_not = regressed(scores, np.zeros_like(scores))
    assert plain is not None
    assert equal is not None
    assert (slope, why_not) == (0.0, None)
    assert special.expit(equal.value) == pytest.approx((1 + plain.value) / 2)
    assert equal.p == pytest.approx(plain.p)
    assert equal.df == pytest.approx(plain.df)


def test_outcomes_that_follow_length_throughout_say_nothing_of_equal_length() -> None:
    found = [scored(n, 1 if n % 2 else -1, longer=50 + n if n % 2 else -50 - n) for n in range(30)]
    assert length_controlled(found, "arm0", "arm1").why_not == (
        "the outcomes follow the lengths so closely that equal length cannot be told"
    )


def test_lengths_that_never_vary_cannot_be_controlled_for() -> None:
    found = [scored(prompt, prompt % 2, longer=20) for prompt in range(10)]
    equal = length_controlled(found, "arm0", "arm1")
    assert (equal.rate, equal.a_longer) == (None, 1.0)
    assert equal.why_not == "one arm's answers are all longer by much the same"


def test_longer_answers_win_plainly_and_not_at_equal_length() -> None:
    for seeds in (1, 3):
        controlled, plain = length_false_positives(World(seeds=seeds, length=2.0, longer=0.7), 200, seeds)
        assert controlled <= 0.097  # 5 % and three standard errors
        assert plain > 0.4


@pytest.mark.parametrize("name", ["1 seed, lean", "2 seeds, seeds differ", "3 seeds, noise alone"])
def test_arms_alike_are_rarely_called_different(name: str) -> None:
    assert false_positives(A_A[name], 600, seed=11) <= 0.077  # 5 % and three standard errors


def test_samplings_of_arms_alike_are_called_different_one_time_in_twenty() -> None:
    share = false_positives(A_A["3 seeds, lean"], 1000, seed=12, seeds_are="sampled")
    assert 0.029 <= share <= 0.071


@pytest.mark.parametrize("name", ["1 seed, difference", "1 seed, very large difference", "3 seeds, seeds differ"])
def test_intervals_hold_the_truth_as_often_as_they_say(name: str) -> None:
    assert coverage(COVERED[name], 600, seed=13) >= 0.923  # 95 % less three standard errors


@pytest.mark.slow
@pytest.mark.parametrize("name", A_A)
def test_five_thousand_tournaments_of_arms_alike_find_no_more_than_they_may(name: str) -> None:
    assert false_positives(A_A[name], 5000, seed=14) <= 0.0593  # 5 % and three standard errors


def test_the_study_this_started_from_would_have_needed_1280_prompts() -> None:
    """200 prompts, 29 % ties: 6.0 points of standard error; 6.6 points take about 1,280 prompts, 4.0 about 3,500."""
    assert 100 * standard_error(200, ties=0.29) == pytest.approx(6.0, abs=0.05)
    assert prompts_needed(0.066, ties=0.29) == pytest.approx(1280, rel=0.01)
    assert prompts_needed(0.040, ties=0.29) == pytest.approx(3500, rel=0.01)
    assert smallest_difference(1280, ties=0.29) == pytest.approx(0.066, abs=0.0005)


def test_the_prompts_planned_find_the_difference_four_times_in_five() -> None:
    rng = np.random.default_rng(8)
    for difference, ties in ((0.3, 0.3), (0.2, 0.5)):
        prompts = prompts_needed(difference, ties=ties)
        shares = [(1 - ties - difference) / 2, ties, (1 - ties + difference) / 2]
        drawn = rng.choice([-1.0, 0.0, 1.0], (1000, prompts), p=shares)
        tests = [of_scores(one[None]) for one in drawn]
        found = sum(one is not None and one.p is not None and one.p < 0.05 for one in tests)
        assert found / 1000 == pytest.approx(0.80, abs=0.04)


def test_repeats_that_correlate_help_as_much_as_their_correlation_lets_them() -> None:
    rng = np.random.default_rng(9)
    shared = rng.integers(-1, 2, (1, 4000))
    scores = np.where(rng.random((3, 4000)) < 0.6, shared, rng.integers(-1, 2, (3, 4000))).astype(np.float64)
    correlation = repeat_correlation(scores)
    assert correlation == pytest.approx(0.36, abs=0.03)
    assert correlation is not None
    ties = float((scores == 0).mean())
    planned = standard_error(4000, ties=ties, repeats=3, correlation=correlation)
    seen = of_scores(scores, "sampled")
    assert seen is not None
    assert planned == pytest.approx(seen.se, rel=0.02)
    assert prompts_needed(0.1, ties=0.3, repeats=3, correlation=1.0) == prompts_needed(0.1, ties=0.3)
    assert prompts_needed(0.1, ties=0.3, repeats=3, correlation=0.0) < 0.35 * prompts_needed(0.1, ties=0.3)


@given(st.floats(0.02, 0.6), st.floats(0, 0.35), st.integers(1, 4), st.floats(0, 1), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_the_fewest_prompts_are_enough_and_one_fewer_is_not(
    difference: float, ties: float, repeats: int, correlation: float, pairs: int
) -> None:
    needed = prompts_needed(difference, ties=ties, repeats=repeats, correlation=correlation, pairs=pairs)

    def smallest(prompts: int) -> float:
        found = smallest_difference(prompts, ties=ties, repeats=repeats, correlation=correlation, pairs=pairs)
        return 1.0 if found is None else found

    assert smallest(needed) <= difference + 1e-9
    assert needed == 2 or smallest(needed - 1) > difference
    assert needed == prompts_needed(-difference, ties=ties, repeats=repeats, correlation=correlation, pairs=pairs)


def test_a_difference_that_ties_leave_no_room_for_is_refused() -> None:
    with pytest.raises(InputError, match=r"lies between 0 and 0.3; 0.4 does not"):
        prompts_needed(0.4, ties=0.7)
    with pytest.raises(InputError, match="share of ties"):
        prompts_needed(0.1, ties=1.0)
