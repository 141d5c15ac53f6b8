"""Learning rate as a function of the path and the step.

A piece begins where the one before ended, or at the peak: its schedule's habit, unless it names its join. From there a
constant one stays; ``linear`` and ``1-sqrt`` go to the final rate, a cosine to its floor, which they reach with their
last step (linear to 1e-6 is the paper's cooldown, arXiv 2408.10914, §2.3; 1-sqrt is Hägele et al. 2024, arXiv
2405.18392, §3). Warm-up multiplies what the piece asks for and counts steps from the arm's beginning, or from the last
piece that reset the counter. So the rates of a path's beginning never depend on how it goes on.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.study.paths import TARGETS, Piece
from assay.study.resolve import habit


def learning_rates(
    path: Sequence[Piece], peak: float, warmup_steps: int, final: float, cosine_floor: float
) -> list[float]:
    """The rate of every step of a path.

    Args:
        path: The pieces; the last may be the beginning of a longer one.
        peak: Rate after the warm-up.
        warmup_steps: Steps from 0 to the whole rate.
        final: Where a linear or 1-sqrt piece ends.
        cosine_floor: Where a cosine piece ends, as a fraction of the peak.
    """
    courses = _courses(path, peak, warmup_steps, final, cosine_floor)
    return [course.rate(step) for course in courses for step in range(course.start, course.start + course.piece.steps)]


def learning_rate(
    path: Sequence[Piece], step: int, peak: float, warmup_steps: int, final: float, cosine_floor: float
) -> float:
    """The rate of one step of a path, without going through the others.

    Args:
        path: As in `learning_rates`, with the other arguments.
        step: From 0, below the path's length.
    """
    for course in _courses(path, peak, warmup_steps, final, cosine_floor):
        if step < course.start + course.piece.steps:
            return course.rate(step)
    raise IndexError(f"step {step} is behind the path's end")


@dataclass(frozen=True, slots=True)
class _Course:
    """A piece's place on the path, with its rates' begin and end."""

    piece: Piece
    start: int
    counted_from: int
    """Step that the warm-up counts from."""
    warmup_steps: int
    begin: float
    target: float

    def rate(self, step: int) -> float:
        """Rate of a step of the path that lies in this piece."""
        rate = self.begin
        if self.piece.schedule != "constant":
            done = (step - self.start + 1) / self.piece.length
            rate = self.target + (self.begin - self.target) * _left(self.piece.schedule, done)
        return rate * min(1.0, (step - self.counted_from + 1) / max(1, self.warmup_steps))


def _left(schedule: str, done: float) -> float:
    """How much of the way to its end a schedule has left, from 1 to exactly 0, after a fraction of its steps."""
    if schedule == "linear":
        return 1 - done
    if schedule == "1-sqrt":
        return 1 - math.sqrt(done)
    return (1 + math.cos(math.pi * done)) / 2


def _courses(
    path: Sequence[Piece], peak: float, warmup_steps: int, final: float, cosine_floor: float
) -> Iterator[_Course]:
    levels = {"final": final, "floor": peak * cosine_floor}
    level, start, counted_from = peak, 0, 0
    for piece in path:
        if piece.counter == "reset":
            counted_from = start
        begin = peak if (piece.join or habit(piece.schedule)) == "restart" else level
        level = begin if piece.schedule == "constant" else levels[TARGETS[piece.schedule]]
        yield _Course(piece, start, counted_from, warmup_steps, begin, level)
        start += piece.steps
