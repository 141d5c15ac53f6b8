"""Four verdicts, and the correction for asking many questions.

A small p does not make a difference matter, and a large one does not make two arms equal. So equality is
tested by itself: the 90 % interval inside ±margin is two one-sided tests at 5 % (Schuirmann 1987). What is
neither equal nor different after Holm's correction stays *cannot tell*.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from assay.analyze.effects import Estimate
from assay.study.design import Contrast

Verdict = Literal["higher", "lower", "no difference", "cannot tell"]

SIGNIFICANCE = 0.05


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down adjustment (Holm 1979) over the tests that have a p; None stays None."""
    adjusted: list[float | None] = [None] * len(p_values)
    known = [(p, index) for index, p in enumerate(p_values) if p is not None]
    largest = 0.0
    for rank, (p, index) in enumerate(sorted(known)):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[index] = largest
    return adjusted


def equivalent(estimate: Estimate, margin: float) -> bool:
    """Whether the 90 % interval lies inside ±margin."""
    interval = estimate.interval(1 - 2 * SIGNIFICANCE)
    return interval is not None and -margin < interval[0] and interval[1] < margin


def decide(estimate: Estimate, margin: float, p_adjusted: float | None) -> Verdict:
    """The verdict on a contrast: a against b, or the sign of a trend.

    Args:
        estimate: Effect and spread.
        margin: Differences smaller than this do not matter, in units of the effect.
        p_adjusted: p after Holm's correction; None where nothing could be tested.
    """
    if equivalent(estimate, margin):
        return "no difference"
    if p_adjusted is not None and p_adjusted < SIGNIFICANCE:
        return "higher" if estimate.value > 0 else "lower"
    return "cannot tell"


def holds(elsewhere: Estimate, margin: float, verdict: Verdict) -> bool | None:
    """Whether a verdict would be reached for new items too, each test by itself; None where there is no verdict.

    Args:
        elsewhere: The estimate with its standard error for new seeds and new items.
        margin: As for `decide`.
        verdict: What the suite says.
    """
    if verdict == "cannot tell":
        return None
    if verdict == "no difference":
        return equivalent(elsewhere, margin)
    p = elsewhere.p
    return p is not None and p < SIGNIFICANCE


def favours(verdict: Verdict, better_is: str) -> Literal["a", "b"] | None:
    """Whom the verdict speaks for, given which direction is better."""
    if verdict not in {"higher", "lower"}:
        return None
    return "a" if verdict == better_is else "b"


def margin_of(margin: float, contrast: Contrast) -> float:
    """A metric's margin in units of a contrast.

    A pair and an interaction have the metric's own. A trend's effect is a slope, and its margin is the slope that makes
    the metric's margin over the whole grid. The grid's range follows from the least-squares weights w = (x −
    x̄)/Σ(x − x̄)²: it is (max w − min w) / Σ w².
    """
    if contrast.kind != "trend":
        return margin
    spread = np.asarray(contrast.weights)
    return float(margin * np.square(spread).sum() / (spread.max() - spread.min()))
