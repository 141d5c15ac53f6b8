"""The trade-off between two capabilities: which arms no other arm beats in both.

With noise some arms are beaten for sure, some only on this draw of seeds. An arm is *beaten* where one other arm is
better in both capabilities by paired one-sided t tests (both must reject, which keeps the level of each), with Holm's
correction over all the arms it is held against; it is *on the frontier* where no arm's means are better in both; and it
*may be* on it where one is, but not for sure.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from assay.analyze.records import Floats
from assay.analyze.verdict import SIGNIFICANCE, holm
from assay.errors import InputError

Better = Literal["higher", "lower"]
Standing = Literal["on the frontier", "may be on it", "beaten"]
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Point:
    """One arm in the plane of two capabilities."""

    arm: str
    x: float
    y: float
    x_interval: tuple[float, float] | None
    """Of the arm alone, by the t distribution over seeds; None with one seed."""
    y_interval: tuple[float, float] | None
    standing: Standing
    beaten_by: tuple[str, ...]
    """Arms that are better in both: for sure where the standing is *beaten*, else by their means."""


def frontier(x: Mapping[str, Floats], y: Mapping[str, Floats], x_better: Better, y_better: Better) -> list[Point]:
    """Every arm with its standing, in the order given.

    Args:
        x: By arm: float [S], one capability's value for each seed, in the same order for all arms.
        y: Likewise of the other.
        x_better: Of the first metric.
        y_better: Of the second.

    Raises:
        InputError: Fewer than two arms, or arms or seeds that differ.
    """
    arms = list(x)
    lengths = {len(values) for each in (x, y) for values in each.values()}
    if len(arms) < 2 or set(arms) != set(y) or len(lengths) != 1 or not min(lengths):
        raise InputError("a frontier needs two arms or more, each with both capabilities and the same seeds")
    signs = [1 if better == "higher" else -1 for better in (x_better, y_better)]
    points = []
    for arm in arms:
        rivals = [other for other in arms if other != arm]
        ahead = [
            [sign * (np.asarray(axis[other]) - np.asarray(axis[arm])) for sign, axis in zip(signs, (x, y), strict=True)]
            for other in rivals
        ]
        by_means = [
            rival for rival, both in zip(rivals, ahead, strict=True) if all(float(one.mean()) > 0 for one in both)
        ]
        adjusted = holm([_p_both(both) for both in ahead])
        surely = [rival for rival, p in zip(rivals, adjusted, strict=True) if p is not None and p < SIGNIFICANCE]
        standing: Standing = "beaten" if surely else "may be on it" if by_means else "on the frontier"
        points.append(
            Point(
                arm,
                float(np.mean(x[arm])),
                float(np.mean(y[arm])),
                _interval(x[arm]),
                _interval(y[arm]),
                standing,
                tuple(surely or by_means),
            )
        )
    return points


def _p_both(ahead: list[Floats]) -> float | None:
    """One-sided p that a rival is ahead in both: the larger of two (Berger 1982); None with one seed."""
    found = []
    for differences in ahead:
        if len(differences) < 2:
            return None
        se, mean = float(differences.std(ddof=1)) / math.sqrt(len(differences)), float(differences.mean())
        if se == 0:
            return None
        found.append(float(special.stdtr(len(differences) - 1, -mean / se)))
    return max(found)


def _interval(values: Floats) -> tuple[float, float] | None:
    if len(values) < 2:
        return None
    half = float(special.stdtrit(len(values) - 1, 0.5 + LEVEL / 2) * np.std(values, ddof=1) / math.sqrt(len(values)))
    mean = float(np.mean(values))
    return mean - half, mean + half
