"""Judging until decided: never wrong more often than promised, however often one looks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _judge_simulations import World, stopped
from assay.errors import InputError
from assay.judge.tournament import ConfidenceSequence, Outcome, watched
from assay.judge.tournament.win_rate import of_scores

VALUES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=60)


def outcome(prompt: str, score: int | None, seed: int = 0) -> Outcome:
    return Outcome(
        judge="judge", prompt=prompt, a="a", b="b", seed=seed, score=score, orders=2, unread=0, a_bytes=1, b_bytes=1
    )


def capital(values: list[float], mean: float, alpha: float = 0.05) -> float:
    """The paper's hedged capital against one candidate mean, by its formulas and nothing else."""
    above = below = 1.0
    for t, value in enumerate(values, start=1):
        before = np.array(values[: t - 1])
        means = [(0.5 + before[:k].sum()) / (k + 1) for k in range(1, t)]
        variance = (0.25 + sum((x - m) ** 2 for x, m in zip(before, means, strict=True))) / t
        bet = np.sqrt(2 * np.log(2 / alpha) / (variance * t * np.log(t + 1)))
        above *= 1 + min(bet, 0.5 / mean) * (value - mean)
        below *= 1 - min(bet, 0.5 / (1 - mean)) * (value - mean)
    return max(above, below) / 2


@given(VALUES)
@settings(max_examples=25, deadline=None)
def test_a_candidate_is_out_when_the_paper_s_capital_says_so(values: list[float]) -> None:
    sequence = ConfidenceSequence()
    for value in values:
        sequence.add(value)
    candidates = np.array([0.1, 0.3, 0.5, 0.7, 0.9]) + 0.00025  # between two of the grid
    for mean in candidates:
        ever = any(capital(values[:seen], mean) >= 20 for seen in range(1, len(values) + 1))
        if sequence.low - 0.001 < mean < sequence.low + 0.001 or sequence.high - 0.001 < mean < sequence.high + 0.001:
            continue
        assert ever == (not sequence.low <= mean <= sequence.high)


@given(VALUES)
@settings(max_examples=25, deadline=None)
def test_exchanging_the_arms_mirrors_the_interval(values: list[float]) -> None:
    one, other = ConfidenceSequence(), ConfidenceSequence()
    for value in values:
        low, high = one.add(value)
        assert other.add(1 - value) == pytest.approx((1 - high, 1 - low), abs=0.00051)


@given(VALUES)
@settings(max_examples=25, deadline=None)
def test_the_interval_never_widens(values: list[float]) -> None:
    sequence = ConfidenceSequence()
    before = (0.0, 1.0)
    for value in values:
        low, high = sequence.add(value)
        assert low >= before[0]
        assert high <= before[1]
        before = low, high


def test_looking_after_every_prompt_is_wrong_no_more_often_than_promised() -> None:
    for difference in (0.0, 1.0):
        failed, _, _ = stopped(World(difference=difference), 120, 120, seed=1)
        assert failed <= 0.05


def test_an_ordinary_interval_looked_at_as_often_is_wrong_far_more_often() -> None:
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(40):
        scores = rng.integers(-1, 2, 200).astype(np.float64)
        tests = [of_scores(scores[None, :n]) for n in range(10, 201, 5)]
        wrong += any(one is not None and one.p is not None and one.p < 0.05 for one in tests)
    assert wrong / 40 > 0.15


def test_a_clear_difference_is_decided_early() -> None:
    _, decided, prompts = stopped(World(difference=2.0), 60, 200, seed=3)
    assert decided == 1
    assert prompts < 40


def test_prompts_are_taken_in_the_order_given_and_seeds_averaged() -> None:
    found = [outcome(f"p{n}", score, seed) for n in range(40) for seed, score in enumerate((1, 1 if n % 3 else 0))]
    order = [f"p{n}" for n in reversed(range(40))]
    result = watched(found, "a", "b", order)
    sequence = ConfidenceSequence()
    after = None
    for name in order:
        low, _ = sequence.add(1.0 if int(name[1:]) % 3 else 0.75)
        after = after or (sequence.seen if low > 0.5 else None)
    assert (result.low, result.high, result.prompts) == (sequence.low, sequence.high, 40)
    assert (result.decided_after, result.prefers) == (after, "a")
    assert after is not None
    assert watched(found, "b", "a", order).prefers == "a"


def test_prompts_without_an_outcome_are_passed_over() -> None:
    found = [outcome("one", None), outcome("two", 1)]
    assert watched(found, "a", "b", ["one", "two", "three"]).prompts == 1


def test_an_order_that_lacks_a_prompt_or_a_value_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="every judged prompt"):
        watched([outcome("one", 1), outcome("two", 1)], "a", "b", ["one"])
    with pytest.raises(InputError, match="between 0 and 1"):
        ConfidenceSequence().add(-1)
