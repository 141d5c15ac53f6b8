"""Loss spikes: what counts as one, and when training is stopped.

A loss is a spike where it lies above the median of the 16 before it by half a nat and by eight robust deviations:
1.4826 times the median change from one of the last 64 losses to the next, so that the fall at the beginning of
training does not count as noise. The window begins anew with each piece of the path, because another mix is another
loss. One spike is logged; when 25 losses in a row are spikes, training has diverged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

WINDOW = 64
RECENT = 16
LEAST = 32
"""Losses needed before one can be judged."""
NATS = 0.5
DEVIATIONS = 8.0
PATIENCE = 25


@dataclass(frozen=True, slots=True)
class Spike:
    """A loss that stands out."""

    loss: float
    usual: float
    """Median of the last losses before."""
    row: int
    """Which spike in a row it is, from 1."""

    @property
    def diverged(self) -> bool:
        """Whether it is one too many in a row."""
        return self.row >= PATIENCE


class Watch:
    """Judges losses as they come; its verdicts follow from the losses alone."""

    def __init__(self, losses: Sequence[float] = ()) -> None:
        """``losses``: those of this piece so far, when training goes on in the middle of it."""
        self.begin()
        for loss in losses:
            self.judge(loss)

    def begin(self) -> None:
        """A new piece of the path."""
        self._window: list[float] = []
        self._row = 0

    def judge(self, loss: float) -> Spike | None:
        """The verdict on the next loss; spikes do not enter the window that later ones are held against."""
        if len(self._window) >= LEAST:
            usual = median(self._window[-RECENT:])
            deviation = 1.4826 * median(abs(one - other) for one, other in pairwise(self._window))
            if not math.isfinite(loss) or loss - usual > max(NATS, DEVIATIONS * deviation):
                self._row += 1
                return Spike(loss, usual, self._row)
        self._row = 0
        self._window = [*self._window[1 - WINDOW :], loss]
        return None
