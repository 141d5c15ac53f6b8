"""Strengths against statsmodels' logistic regression, by their symmetries, and on simulated tournaments."""

import itertools
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from assay.errors import InputError
from assay.judge.tournament import Outcome, Ranking, rank

ARMS = ("base", "code", "late", "text")


def tournament(
    strengths: npt.NDArray[np.float64],
    prompts: int,
    rng: np.random.Generator,
    *,
    seeds: int = 1,
    ties: float = 0.3,
    taste: float = 0.0,
) -> list[Outcome]:
    """All pairs; the arms' strengths vary over prompts by ``taste``, and a tie is drawn before anything else."""
    found = []
    for prompt in range(prompts):
        here = strengths + taste * rng.normal(size=len(strengths))
        for seed in range(seeds):
            for i, j in itertools.combinations(range(len(strengths)), 2):
                won = 1 if rng.random() < special.expit(here[i] - here[j]) else -1
                found.append(outcome(ARMS[i], ARMS[j], 0 if rng.random() < ties else won, f"{prompt:03d}", seed))
    return found


def outcome(a: str, b: str, score: int | None, prompt: str = "p", seed: int = 0) -> Outcome:
    return Outcome(
        judge="judge", prompt=prompt, a=a, b=b, seed=seed, score=score, orders=2, unread=0, a_bytes=1, b_bytes=1
    )


def by_arm(ranking: Ranking) -> dict[str, float]:
    return {one.arm: one.strength for one in ranking.strengths}


def test_strengths_and_clustered_errors_are_those_of_a_logistic_regression() -> None:
    found = tournament(np.array([-0.5, 0.1, 0.6, 0.2]), 60, np.random.default_rng(1), taste=1.0)
    ranking = rank(found)
    design = np.zeros((len(found), 4))
    for row, one in zip(design, found, strict=True):
        row[ARMS.index(one.a)], row[ARMS.index(one.b)] = 1, -1
    won = np.array([(1 + (one.score or 0)) / 2 for one in found])
    groups = np.array([int(one.prompt) for one in found])
    # The first arm is statsmodels' zero; the mean over arms is ours.
    model = GLM(won, design[:, 1:], family=Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    centre = np.eye(4)[:, 1:] - 1 / 4
    expected = centre @ model.params
    errors = np.sqrt(np.diag(centre @ model.cov_params() @ centre.T) * 60 / 59)
    for strong in ranking.strengths:
        place = ARMS.index(strong.arm)
        assert strong.strength == pytest.approx(expected[place], abs=1e-8)
        assert strong.se == pytest.approx(errors[place], rel=1e-6)
        assert strong.df == 59
    assert [one.arm for one in ranking.strengths] == [ARMS[place] for place in np.argsort(-expected)]


def test_two_arms_have_the_odds_of_their_win_rate() -> None:
    scores = [1] * 5 + [0] * 4 + [-1] * 3
    ranking = rank([outcome("a", "b", score, f"{place}") for place, score in enumerate(scores)])
    rate = (5 + 4 / 2) / 12
    assert by_arm(ranking)["a"] - by_arm(ranking)["b"] == pytest.approx(special.logit(rate), abs=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_strengths_sum_to_zero_and_neither_order_nor_direction_matters(seed: int, seeds: int) -> None:
    rng = np.random.default_rng(seed)
    found = tournament(np.zeros(4), 8, rng, seeds=seeds)
    ranking = rank(found)
    assert sum(by_arm(ranking).values()) == pytest.approx(0, abs=1e-9)
    assert rank([found[place] for place in rng.permutation(len(found))]) == ranking
    turned = rank([replace(one, score=-(one.score or 0)) for one in found])
    for arm, strength in by_arm(turned).items():
        assert strength == pytest.approx(-by_arm(ranking)[arm], abs=1e-8)
    assert ranking.over == ("prompts" if seeds == 1 else "prompts and seeds")


def test_intervals_hold_the_truth_about_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(2)
    true = np.array([-0.6, 0.0, 0.2, 0.4])
    centred = dict(zip(ARMS, true - true.mean(), strict=True))
    held = total = 0
    for _ in range(100):
        for one in rank(tournament(true, 40, rng, ties=0.0)).strengths:
            assert one.low is not None
            assert one.high is not None
            held += one.low <= centred[one.arm] <= one.high
            total += 1
    assert held / total == pytest.approx(0.95, abs=0.025)


def test_arms_that_no_chain_of_comparisons_joins_are_refused() -> None:
    with pytest.raises(InputError, match="joins a, b with c, d: they cannot be ranked together"):
        rank([outcome("a", "b", 0), outcome("c", "d", 1)])


def test_a_chain_of_comparisons_is_enough() -> None:
    ranking = rank([outcome("a", "b", 0), outcome("b", "c", 0)])
    assert by_arm(ranking) == pytest.approx({"a": 0, "b": 0, "c": 0}, abs=1e-9)


def test_an_arm_that_never_lost_is_refused_as_unbounded() -> None:
    found = [
        outcome(a, b, score, f"{n}") for n in range(5) for a, b, score in (("a", "b", 0), ("a", "c", 1), ("b", "c", 1))
    ]
    with pytest.raises(InputError, match="a, b never lost or tied against c, so how much stronger is unbounded"):
        rank(found)


def test_nearly_unbounded_strengths_are_found() -> None:
    scores = [1] * 999 + [0]
    ranking = rank([outcome("a", "b", score, f"{place}") for place, score in enumerate(scores)])
    assert by_arm(ranking)["a"] == pytest.approx(special.logit(0.9995) / 2, abs=1e-6)
