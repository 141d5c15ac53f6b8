"""Judging until it is decided, without paying for the looks: a confidence sequence for a win rate.

An ordinary interval looked at after every prompt excludes the truth sooner or later. A confidence sequence holds it
after all prompts at once with 95 %, so one may stop at any moment for any reason. This is the hedged-capital sequence
of Waudby-Smith and Ramdas (2020, arXiv 2010.09686, theorem 3 with their predictable plug-in bets): for each candidate
mean m two gamblers bet on each next value X in [0, 1] being above, or below m,

    K⁺ = Π (1 + λ⁺ (X − m)),   K⁻ = Π (1 − λ⁻ (X − m)),   λ⁺ = min(λ, c / m),  λ⁻ = min(λ, c / (1 − m)),  c = 1/2,
    λ = √(2 log(2/α) / (σ̂² t log(t + 1))) from the values before, with mean 1/2 and variance 1/4 as one value seen,

and m is out once max(K⁺, K⁻) / 2 ≥ 1 / α; by Ville's inequality the true mean is ever out with chance α at most. It
asks that each prompt's value have the same mean given those before: prompts in random order, fixed before judging. It
needs no bound on the number of prompts.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.errors import InputError
from assay.judge.tournament.outcome import Outcome, cells

CANDIDATES = 2000
"""Steps in which candidate means are tried; interval ends are given outward to the next."""
BOLDEST = 0.5
"""c: share of a gambler's capital that one value may take."""


class ConfidenceSequence:
    """An interval for the mean of values in [0, 1] that holds at every moment; state: the gamblers' capital.

    A prompt's value is its win rate for the first arm: 1, 1/2 or 0, or the mean of these over the seeds.
    """

    def __init__(self, alpha: float = 0.05) -> None:
        """Begin with [0, 1].

        Args:
            alpha: Chance that the interval ever fails.
        """
        if not 0 < alpha < 1:
            raise InputError(f"the chance of an error lies between 0 and 1, not at {alpha:g}")
        self.alpha = alpha
        self.seen = 0
        self.low = 0.0
        self.high = 1.0
        steps = np.arange(CANDIDATES + 1)
        self._mean = steps / CANDIDATES
        with np.errstate(divide="ignore"):
            self._most_above = BOLDEST / self._mean
            self._most_below = BOLDEST / ((CANDIDATES - steps) / CANDIDATES)
        self._above = np.zeros(CANDIDATES + 1)
        self._below = np.zeros(CANDIDATES + 1)
        self._sum = 0.5
        self._squares = 0.25

    def add(self, value: float) -> tuple[float, float]:
        """The interval after one more prompt; it never widens.

        Raises:
            InputError: The value is outside [0, 1].
        """
        if not 0 <= value <= 1:
            raise InputError(f"a prompt's win rate lies between 0 and 1, not at {value:g}")
        self.seen += 1
        variance = self._squares / self.seen
        bet = math.sqrt(2 * math.log(2 / self.alpha) / (variance * self.seen * math.log(self.seen + 1)))
        away = value - self._mean
        self._above += np.log1p(np.minimum(bet, self._most_above) * away)
        self._below += np.log1p(-np.minimum(bet, self._most_below) * away)
        self._sum += value
        self._squares += (value - self._sum / (self.seen + 1)) ** 2

        bar = math.log(2 / self.alpha)
        # The capital of betting above falls with m, that of betting below rises: what is left is an interval.
        too_low = int((self._above >= bar).sum())
        too_high = int((self._below >= bar).sum())
        if too_low:
            self.low = max(self.low, float(self._mean[too_low - 1]))
        if too_high:
            self.high = min(self.high, float(self._mean[CANDIDATES + 1 - too_high]))
        return self.low, self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What judging prompt by prompt would have said, and when."""

    judge: str
    a: str
    b: str
    prompts: int
    """Seen, with an outcome."""
    low: float
    """Interval of the win rate of ``a`` after all of them."""
    high: float
    decided_after: int | None
    """Prompts after which the interval first left out one half; None: it did not."""
    prefers: str | None
    """The arm preferred, once decided."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def watched(found: Sequence[Outcome], a: str, b: str, order: Sequence[str], alpha: float = 0.05) -> Watched:
    """Go through the prompts in the order in which they were judged.

    Args:
        found: Outcomes of one judge.
        a: An arm.
        b: The other.
        order: Ids of the prompts: a random order fixed before judging; those without an outcome are passed over.
        alpha: Chance that the interval ever fails.

    Raises:
        InputError: The outcomes are of several judges, the two arms were not compared, or the order does not hold each
            judged prompt once.
    """
    table = cells(found, a, b)
    by_prompt = dict(zip(table.prompts, np.nanmean((1 + table.scores) / 2, axis=0), strict=True))
    if len(set(order)) < len(order) or not by_prompt.keys() <= set(order):
        raise InputError("the order of the prompts must hold every judged prompt, each once")
    sequence = ConfidenceSequence(alpha)
    decided = None
    for prompt in order:
        if prompt in by_prompt:
            low, high = sequence.add(float(by_prompt[prompt]))
            if decided is None and not low <= 0.5 <= high:
                decided = sequence.seen
    return Watched(
        judge=table.judge,
        a=a,
        b=b,
        prompts=sequence.seen,
        low=sequence.low,
        high=sequence.high,
        decided_after=decided,
        prefers=None if decided is None else a if sequence.low > 0.5 else b,
    )
