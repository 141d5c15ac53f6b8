"""step → ids: a pure function of all mixes so far, the tokenised ingredients, the seed and the batch shape.

There is no loader state to lose: resuming is asking for the next step. Which ingredient a row takes is integer error
diffusion, begun anew with each piece of the path; where in its stream an ingredient stands is the number of rows it
gave before. Neither depends on how long a piece will be, and both are looked up in one period of the dealing, so that
the billionth row costs what the first does.
"""

import bisect
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

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


@dataclass(frozen=True)
class _Piece:
    """The rows of a path that are dealt out by one mix."""

    first: int
    """Row of the path that it begins with."""
    names: tuple[str, ...]
    period: npt.NDArray[np.int16]
    """[rows after which dealing begins anew, or all rows] ingredient of each, an index into ``names``."""
    before: npt.NDArray[np.int64]
    """[the same] rows that this ingredient was given before, in the period."""
    taken: dict[str, int]
    """Rows that each ingredient gave before this piece."""

    def draw(self, row: int) -> tuple[str, int]:
        """(ingredient, row of its stream) for a row of the path."""
        periods, place = divmod(row - self.first, len(self.period))
        which = int(self.period[place])
        given = periods * self._share(which) + int(self.before[place])
        return self.names[which], self.taken.get(self.names[which], 0) + given

    def end(self, rows: int) -> dict[str, int]:
        """Rows that each ingredient gave before the row that is ``rows`` after the piece's first."""
        periods, place = divmod(rows, len(self.period))
        counts = np.bincount(self.period[:place], minlength=len(self.names))
        given = {name: periods * self._share(i) + int(counts[i]) for i, name in enumerate(self.names)}
        return self.taken | {name: self.taken.get(name, 0) + rows for name, rows in given.items()}

    def _share(self, which: int) -> int:
        return int(np.count_nonzero(self.period == which))


class Mixture:
    """The batches of one path for one seed."""

    def __init__(
        self,
        mixes: Sequence[tuple[Mix, int]],
        streams: Mapping[str, Stream],
        rows_per_step: int,
        draw: int = 0,
    ) -> None:
        """
        Args:
            mixes: (mix, steps) of the path's pieces.
            streams: By ingredient.
            rows_per_step: Rows of a batch.
            draw: Of the last piece; above 0, its rows come in another order than the streams', see `Stream.redrawn`.
        """
        self.streams = streams
        self.rows_per_step = rows_per_step
        self._pieces: list[_Piece] = []
        first, taken = 0, dict[str, int]()
        for mix, steps in mixes:
            names, period, before = _period(mix, steps * rows_per_step)
            self._pieces.append(_Piece(first, names, period, before, taken))
            taken = self._pieces[-1].end(steps * rows_per_step)
            first += steps * rows_per_step
        self.rows = first
        """Of the whole path."""
        self._draw = draw

    def draws(self, start: int, end: int) -> Iterator[tuple[str, int]]:
        """(ingredient, row of its stream) for the rows of the steps ``start`` … ``end``."""
        for row in range(start * self.rows_per_step, min(end * self.rows_per_step, self.rows)):
            piece = self._pieces[bisect.bisect_right(self._pieces, row, key=lambda piece: piece.first) - 1]
            name, place = piece.draw(row)
            if self._draw and piece is self._pieces[-1]:
                place = self.streams[name].redrawn(place, piece.taken.get(name, 0), self._draw)
            yield name, place

    def batch(self, step: int) -> Batch:
        """The rows of a step, counted from the path's beginning."""
        taken = tuple(self.draws(step, step + 1))
        return Batch(np.stack([self.streams[name].row(row) for name, row in taken]), taken)

    def documents(self, step: int) -> npt.NDArray[np.int32]:
        """Which document of its row each input token of a step belongs to, counted from 0: [rows, sequence].

        For attention that stays inside a document.
        """
        pieces = [self.streams[name].pieces(row) for name, row in self.draws(step, step + 1)]
        counted = [np.repeat(np.arange(len(row)), [piece.end - piece.begin for piece in row]) for row in pieces]
        return np.stack(counted).astype(np.int32)

    def seen(self, start: int, end: int) -> dict[tuple[str, str, str], int]:
        """Tokens of the steps ``start`` … ``end`` per (ingredient, kind, language), counted row by row."""
        counts: dict[tuple[str, str, str], int] = {}
        for name, row in self.draws(start, end):
            for (kind, language), tokens in self.streams[name].labels(row).items():
                counts[name, kind, language] = counts.get((name, kind, language), 0) + tokens
        return counts


@lru_cache(maxsize=64)
def _period(mix: Mix, rows: int) -> tuple[tuple[str, ...], npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """Names, and one period of `assign`, or as much of it as the rows need: after a period every ingredient was given
    its share exactly, so dealing begins anew."""
    names = tuple(name for name, part in mix if part > 0)
    index = {name: place for place, name in enumerate(names)}
    length = min(MILLION // math.gcd(*(part for _, part in mix)), max(1, rows))
    period = np.fromiter((index[name] for name in itertools.islice(assign(mix), length)), np.int16, length)
    before = np.zeros(length, np.int64)
    for place in range(len(names)):
        mine = period == place
        before[mine] = np.arange(np.count_nonzero(mine))
    return names, period, before


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
