"""step → ids: a pure function of all mixes so far, the tokenised ingredients, the seed and the batch shape.

There is no loader state to lose: resuming is asking for the next step. Which ingredient a row takes is integer error
diffusion, begun anew with each piece of the path; where in its stream an ingredient stands is the number of rows it
gave before. Neither depends on how long a piece will be.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.tokens.stream import Stream

MILLION = 1_000_000
Mix = tuple[tuple[str, int], ...]
"""(ingredient, millionths of the tokens); they sum to a million."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's rows."""

    ids: npt.NDArray[np.int64]
    """[rows, sequence + 1]."""
    draws: tuple[tuple[str, int], ...]
    """(ingredient, row of its stream) for each row."""


class Mixture:
    """The batches of one path for one seed."""

    def __init__(self, mixes: Sequence[tuple[Mix, int]], streams: Mapping[str, Stream], rows_per_step: int) -> None:
        """
        Args:
            mixes: (mix, steps) of the path's pieces.
            streams: By ingredient.
            rows_per_step: Rows of a batch.
        """
        self.streams = streams
        self.rows_per_step = rows_per_step
        self._draws = draws(mixes, rows_per_step)

    def batch(self, step: int) -> Batch:
        """The rows of a step, counted from the path's beginning."""
        taken = self._draws[step * self.rows_per_step : (step + 1) * self.rows_per_step]
        return Batch(np.stack([self.streams[name].row(row) for name, row in taken]), tuple(taken))

    def seen(self, start: int, end: int) -> dict[tuple[str, str, str], int]:
        """Tokens of the steps ``start`` … ``end`` per (ingredient, kind, language), counted row by row."""
        counts: dict[tuple[str, str, str], int] = {}
        for name, row in self._draws[start * self.rows_per_step : end * self.rows_per_step]:
            for (kind, language), tokens in self.streams[name].labels(row).items():
                counts[name, kind, language] = counts.get((name, kind, language), 0) + tokens
        return counts


def draws(mixes: Sequence[tuple[Mix, int]], rows_per_step: int) -> list[tuple[str, int]]:
    """(ingredient, row of its stream) for every row of a path."""
    taken: dict[str, int] = {}
    found: list[tuple[str, int]] = []
    for mix, steps in mixes:
        for name in itertools.islice(assign(mix), steps * rows_per_step):
            found.append((name, taken.get(name, 0)))
            taken[name] = taken.get(name, 0) + 1
    return found


def assign(mix: Mix) -> Iterator[str]:
    """Endlessly, the ingredient of the next row, never off by a whole row in any ingredient at any time.

    Tijdeman's solution of the chairman assignment problem (Discrete Mathematics 32, 1980): among the ingredients that
    are owed at least 1/(2k − 2) of a row, the one that would be owed too much soonest. Its error stays below
    1 − 1/(2k − 2) rows, where taking simply the most owed can exceed one. All in integers.
    """
    parts = [(name, part) for name, part in mix if part > 0]
    if len(parts) == 1:
        while True:
            yield parts[0][0]
    scale = 2 * len(parts) - 2
    owed = dict.fromkeys((name for name, _ in parts), 0)  # in units of 1 / (scale · MILLION) rows
    while True:
        best: tuple[int, int, str] | None = None
        for name, part in parts:
            owed[name] += part * scale
            if owed[name] >= MILLION:
                left = (scale - 1) * MILLION - owed[name]
                if best is None or left * best[1] < best[0] * part:
                    best = (left, part, name)
        assert best is not None, "the shares of a mix sum to one, so someone is always owed"
        owed[best[2]] -= MILLION * scale
        yield best[2]
