"""Many arms on one scale: Bradley and Terry's model (1952), ties half, mean zero.

P(i is preferred to j) = 1 / (1 + exp(θ_j − θ_i)). A tie counts half for each: the likelihood's equations then need the
outcomes' means only, so θ is right wherever the model holds for these means, and the standard errors are made from what
the outcomes did (the sandwich of Huber 1967), clustered by prompt and crossed with seeds like every other number here.
A parameter for ties (Davidson 1970) would change neither the order nor what the strengths mean, and is left out.

The model says that strengths add: if that fails (a beats b beats c beats a), read the pairs. It has no finite answer
where some arms never lost or tied against the rest (Ford 1957), and none at all between arms that no chain of
comparisons joins; both are refused.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from assay.analyze.records import Floats, Ints
from assay.errors import InputError, StepError
from assay.judge.tournament.crossed import Over, Seeds, measured
from assay.judge.tournament.outcome import Outcome, judge_of

MOST_ROUNDS = 200
CONVERGED = 1e-10
"""Where no strength moves by more, in natural logarithms of odds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """One arm's place."""

    arm: str
    strength: float
    """θ: natural logarithm of the odds against an arm of average strength."""
    low: float | None
    """95 % interval of its distance to the average."""
    high: float | None
    se: float | None
    df: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """All arms of a tournament, by one judge."""

    judge: str
    strengths: tuple[Strength, ...]
    """The strongest first, equal ones by name; they sum to zero."""
    outcomes: int
    prompts: int
    seeds: int
    over: Over
    """What the intervals are drawn over."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def rank(found: Sequence[Outcome], *, seeds_are: Seeds = "trained") -> Ranking:
    """Strengths of all arms.

    Args:
        found: Outcomes of one judge; those without a score are left out.
        seeds_are: Whether the seeds are trainings of the arms, or samplings of one checkpoint each.

    Raises:
        InputError: The outcomes are of several judges; some arms were never compared with the rest, even in a chain; or
            some never lost or tied against the rest.
    """
    judge = judge_of(found)
    # Sorted, as sums of floating numbers depend on their order.
    known = sorted(
        (one for one in found if one.score is not None), key=lambda one: (one.a, one.b, one.seed, one.prompt)
    )
    arms = sorted({arm for one in found for arm in (one.a, one.b)})
    number = {arm: place for place, arm in enumerate(arms)}
    i = np.array([number[one.a] for one in known], np.int64)
    j = np.array([number[one.b] for one in known], np.int64)
    won = np.array([(1 + (one.score or 0)) / 2 for one in known])
    _check_joined(arms, i, j, won)

    strengths, inverse = _fit(len(arms), i, j, won)
    seeds = {seed: place for place, seed in enumerate(sorted({one.seed for one in known}))}
    prompts = {prompt: place for place, prompt in enumerate(sorted({one.prompt for one in known}))}
    cell = np.array([seeds[one.seed] for one in known]), np.array([prompts[one.prompt] for one in known])
    rest = won - _chance(strengths, i, j)
    places: list[Strength] = []
    over: Over = "nothing"
    for arm, row in zip(arms, inverse, strict=True):
        influence = np.zeros((len(seeds), len(prompts)))
        np.add.at(influence, cell, (row[i] - row[j]) * rest)
        result = measured(float(strengths[number[arm]]), influence, seeds_are=seeds_are)
        over = result.over if result.over != "nothing" else over
        places.append(
            Strength(arm=arm, strength=result.value, low=result.low, high=result.high, se=result.se, df=result.df)
        )
    return Ranking(
        judge=judge,
        strengths=tuple(sorted(places, key=lambda place: (-place.strength, place.arm))),
        outcomes=len(known),
        prompts=len(prompts),
        seeds=len(seeds),
        over=over,
    )


def _chance(strengths: Floats, i: Ints, j: Ints) -> Floats:
    chance: Floats = 1 / (1 + np.exp(strengths[j] - strengths[i]))
    return chance


def _fit(arms: int, i: Ints, j: Ints, won: Floats) -> tuple[Floats, Floats]:
    """Strengths by Newton's method, and the inverse of the information on vectors of mean zero."""
    strengths = np.zeros(arms)
    for _ in range(MOST_ROUNDS):
        chance = _chance(strengths, i, j)
        gradient = np.bincount(i, won - chance, arms) - np.bincount(j, won - chance, arms)
        weight = chance * (1 - chance)
        information = np.diag(np.bincount(i, weight, arms) + np.bincount(j, weight, arms))
        np.subtract.at(information, (i, j), weight)
        np.subtract.at(information, (j, i), weight)
        # The information knows nothing of a shift of all strengths; without one it is turned round exactly.
        shift = np.full_like(information, np.trace(information) / arms**2)
        inverse: Floats = np.linalg.inv(information + shift)
        inverse -= inverse.mean()
        step = inverse @ gradient
        # Far from the answer a full step may overshoot; no step of more than a factor e in the odds is taken.
        strengths += step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < CONVERGED:
            return strengths - strengths.mean(), inverse
    raise StepError(f"the strengths of {arms} arms did not settle in {MOST_ROUNDS} rounds; this is a defect of Assay")


def _check_joined(arms: Sequence[str], i: Ints, j: Ints, won: Floats) -> None:
    compared = np.zeros((len(arms), len(arms)))
    beaten = np.zeros_like(compared)
    np.add.at(compared, (i, j), 1.0)
    np.add.at(beaten, (i, j), won)
    np.add.at(beaten, (j, i), 1 - won)
    groups, group = connected_components(compared, directed=False)
    if groups > 1:
        parts = [_names(arms, group == one) for one in range(groups)]
        raise InputError(
            f"no chain of comparisons joins {' with '.join(parts)}: they cannot be ranked together; "
            "judge at least one pair between them, or rank each group by itself"
        )
    groups, group = connected_components(beaten, directed=True, connection="strong")
    if groups > 1:
        best = next(group == one for one in range(groups) if not beaten[np.ix_(group != one, group == one)].any())
        raise InputError(
            f"{_names(arms, best)} never lost or tied against {_names(arms, ~best)}, so how much stronger is "
            "unbounded: read the win rates, or judge more prompts"
        )


def _names(arms: Sequence[str], chosen: npt.NDArray[np.bool_]) -> str:
    return ", ".join(arm for arm, is_chosen in zip(arms, chosen, strict=True) if is_chosen)
