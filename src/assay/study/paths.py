"""Prefixes are found, not declared: arms as paths, and the tree of segments that trains each step once.

A path is the sequence of what decides every step's result: mix, learning-rate law and join, carried state. Two arms
share every step up to the first that differs. The tree is cut at forks and at the ends of declared stages, so that a
later study can fork at any of them without training it again. All is done piece by piece, never step by step: arms of
a hundred thousand steps cost no more than short ones.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from assay.study.resolve import MILLION, Arm, habit

TARGETS = {"linear": "final", "1-sqrt": "final", "cosine": "floor"}
"""The level that a schedule ends at; a constant one stays where it begins. Before the first stage it is ``peak``."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Steps under one law."""

    mix: tuple[tuple[str, int], ...]
    """(ingredient, millionths)."""
    steps: int
    schedule: str
    length: int
    """Whole length of the stage in steps where the law depends on it (linear, 1-sqrt, cosine), else 0."""
    moments: str
    """``reset`` where the optimizer starts anew at this piece's first step."""
    join: str | None = None
    """``continue`` or ``restart`` where the rate does not begin as the schedule's habit is, else None."""
    counter: str = "keep"
    """``reset`` where the warm-up begins anew at this piece's first step."""
    draw: int = 0
    """Above 0: the data come in another order from this piece's first step on."""

    def law(self) -> tuple[object, ...]:
        """What must be equal for two pieces to give the same steps."""
        return (self.mix, self.schedule, self.length, self.moments, self.join, self.counter, self.draw)


Path = tuple[Piece, ...]


def path_of(arm: Arm, rows_per_step: int) -> Path:
    """The arm as pieces.

    Each stage deals its rows out to the ingredients anew, so that its shares hold by themselves. A constant stage that
    goes on with the mix before it is one piece with it where that makes no difference: where the earlier one ended
    with every ingredient having had exactly its share. What never leaves the rate it begins with is constant, whatever
    it is called: a linear stage behind a linear one, a cosine that continues behind a cosine. A join is named only
    where it changes a rate: going back to the peak makes no difference to who is there, and a decay of one step is its
    last rate, wherever it comes from.
    """
    pieces: list[Piece] = []
    for number, (stage, law) in enumerate(zip(arm.stages, _laws(arm), strict=True), 1):
        length = 0 if law.schedule == "constant" else stage.steps
        moments, counter = (stage.moments, stage.counter) if pieces else ("keep", "keep")
        draw = arm.draw if number == len(arm.stages) else 0
        piece = Piece(stage.mix, stage.steps, law.schedule, length, moments, law.join, counter, draw)
        before = pieces[-1] if pieces else None
        if (
            before is not None
            and before.schedule == "constant"
            and piece.law() == (before.mix, "constant", 0, "keep", None, "keep", 0)
            and all(before.steps * rows_per_step * share % MILLION == 0 for _, share in piece.mix)
        ):
            pieces[-1] = replace(before, steps=before.steps + piece.steps)
        else:
            pieces.append(piece)
    return tuple(pieces)


def restarts(arm: Arm) -> tuple[int, ...]:
    """First steps of the stages where the learning rate, having left the peak, begins there again."""
    starts = itertools.accumulate((stage.steps for stage in arm.stages), initial=0)
    return tuple(start for start, law in zip(starts, _laws(arm), strict=False) if law.restarts)


class _Law(NamedTuple):
    """A stage's learning rate, called by the plainest name that gives the same rates."""

    schedule: str
    join: str | None
    restarts: bool
    """Whether it goes back to the peak from somewhere else."""


def _laws(arm: Arm) -> Iterator[_Law]:
    """The law of each stage."""
    level = "peak"
    for stage in arm.stages:
        begin = "peak" if stage.joined == "restart" else level
        target = TARGETS.get(stage.schedule, begin)
        if begin == target or (stage.steps == 1 and level == target):
            moved = target != level
            yield _Law("constant", "restart" if moved else None, moved)
        elif stage.steps == 1:
            yield _Law("linear" if target == "final" else "cosine", None, False)
        else:
            usual = "peak" if habit(stage.schedule) == "restart" else level
            yield _Law(stage.schedule, None if begin == usual else stage.joined, begin != level)
        level = target


def path_record(path: Path) -> list[dict[str, Any]]:
    """A path as a recipe holds it: JSON-able, without join, counter and draw where there is nothing to say."""
    return [
        {
            "mix": [list(share) for share in piece.mix],
            "steps": piece.steps,
            "schedule": piece.schedule,
            "length": piece.length,
            "moments": piece.moments,
            **({"join": piece.join} if piece.join else {}),
            **({"counter": piece.counter} if piece.counter != "keep" else {}),
            **({"draw": piece.draw} if piece.draw else {}),
        }
        for piece in path
    ]


def read_path(record: Iterable[Mapping[str, Any]]) -> Path:
    """The path that `path_record` wrote."""
    return tuple(Piece(**{**piece, "mix": tuple((name, part) for name, part in piece["mix"])}) for piece in record)


def steps_in(path: Path) -> int:
    """Length of a path in steps."""
    return sum(piece.steps for piece in path)


def cut(path: Path, steps: int) -> Path:
    """The first ``steps`` steps of a path."""
    kept: list[Piece] = []
    for piece in path:
        if steps <= 0:
            break
        kept.append(piece if piece.steps <= steps else replace(piece, steps=steps))
        steps -= piece.steps
    return tuple(kept)


@dataclass(slots=True)
class Segment:
    """A stretch of training that one or more arms share; its place in the tree."""

    path: Path
    """From step 0 to the segment's end."""
    start: int
    end: int
    arms: list[str] = field(default_factory=list)
    """All arms that pass through it."""
    ends: list[str] = field(default_factory=list)
    """Arms whose last step is this segment's."""
    children: list["Segment"] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Steps to train here."""
        return self.end - self.start


def share_prefixes(arms: tuple[Arm, ...], rows_per_step: int, every: int | None = None) -> list[Segment]:
    """The roots of the segment tree of these arms (for one size and seed).

    Every step of every arm lies in exactly one segment, and no two segments hold the same step of the same path.

    Args:
        arms: Trained together.
        rows_per_step: Of the study.
        every: Steps after which a segment ends in any case; None: only at forks and stages' ends.
    """
    paths = {arm.name: path_of(arm, rows_per_step) for arm in arms}
    boundaries = {cut(paths[arm.name], end) for arm in arms for end, _ in stops(arm, every)}
    return _grow([arm.name for arm in arms], paths, boundaries, 0, ())


def stops(arm: Arm, every: int | None = None) -> list[tuple[int, str]]:
    """Where an arm's stages end, and every so many steps between: (step, name of the stage), ascending."""
    found: list[tuple[int, str]] = []
    start = 0
    for stage in arm.stages:
        end = start + stage.steps
        if every is not None:
            found += [(step, stage.name) for step in range((start // every + 1) * every, end, every)]
        found.append((end, stage.name))
        start = end
    return found


def segments_below(roots: Sequence[Segment]) -> list[Segment]:
    """All segments of a tree, parents before children."""
    found: list[Segment] = []
    waiting = list(roots)
    while waiting:
        segment = waiting.pop(0)
        found.append(segment)
        waiting += segment.children
    return found


def _grow(names: list[str], paths: dict[str, Path], boundaries: set[Path], start: int, done: Path) -> list[Segment]:
    """Segments that go on from ``done`` (``start`` steps), for the arms that all begin with it."""
    groups: dict[Path, list[str]] = {}
    for name in names:
        if steps_in(paths[name]) > start:
            groups.setdefault(cut(paths[name], start + 1), []).append(name)
    segments = []
    for group in groups.values():
        end = _common_end(group, paths, boundaries, start)
        path = cut(paths[group[0]], end)
        segment = Segment(path, start, end, list(group), [name for name in group if steps_in(paths[name]) == end])
        segment.children = _grow(group, paths, boundaries, end, path)
        segments.append(segment)
    return segments


def _common_end(group: list[str], paths: dict[str, Path], boundaries: set[Path], start: int) -> int:
    """The step where this group first parts, or the first boundary before that."""
    shared = min(_shared_steps(paths[group[0]], paths[name]) for name in group)
    ends = [steps_in(path) for path in boundaries if steps_in(path) > start and steps_in(path) <= shared]
    reached = [end for end in ends if cut(paths[group[0]], end) in boundaries]
    return min([shared, *reached])


def _shared_steps(one: Path, other: Path) -> int:
    """Length of the longest common prefix of two paths, in steps."""
    shared = 0
    for left, right in zip(one, other, strict=False):
        if left.law() != right.law():
            break
        shared += min(left.steps, right.steps)
        if left.steps != right.steps:
            break
    return shared
