"""Many token sequences as trees, so that each distinct beginning goes through a model once.

Sorted, every sequence shares with its predecessor all that it shares with anyone before it. Its other tokens are a
run; runs lie one behind another in a flat row, and what a run sees before itself are spans of that row. The sorted
sequences are cut into batches of about equal numbers of tokens, close to a budget, where the least has to be computed
again: what the first sequence of a batch shares with the last of the one before. What results depends on the set of
sequences and on the budget, and not on the order in which they were given.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SLACK = 0.1
"""How much shorter a batch may be than the others for a better cut."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A batch: neighbouring sequences in one flat row."""

    first: int
    """Which of the sorted sequences is the first."""
    ids: NDArray[np.int64]
    """[tokens]: the row."""
    positions: NDArray[np.int64]
    """[tokens]: place of each in its sequences."""
    begins: list[int]
    """First token of every run, and the number of tokens; there is a run for every sequence."""
    spans: list[list[tuple[int, int]]]
    """For every run, what it sees before its own tokens: [first, one behind the last), ascending."""
    places: list[NDArray[np.int64]]
    """For every sequence, where its tokens lie in the row."""


def plant(sequences: Sequence[NDArray[np.int32]], budget: int) -> Iterator[Tree]:
    """Batches of sequences.

    Args:
        sequences: All different, none empty, and sorted: those with a common beginning stand together, a sequence
            before those that it is the beginning of.
        budget: Tokens of a batch; a longer sequence is a batch of its own.
    """
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    shared = np.array([0, *map(_shared, sequences[:-1], sequences[1:])], np.int64)
    ends = np.cumsum(lengths - shared)
    first = 0
    while first < len(sequences):
        costs = ends[first:] - ends[first] + lengths[first]
        last = first + _cut(costs, shared[first + 1 :], budget)
        yield _tree(sequences, shared, first, last)
        first = last


def _shared(left: NDArray[np.int32], right: NDArray[np.int32]) -> int:
    """Length of the common beginning."""
    length = min(len(left), len(right))
    unlike = left[:length] != right[:length]
    at = int(unlike.argmax())
    return at if unlike[at] else length


def _cut(costs: NDArray[np.int64], shared: NDArray[np.int64], budget: int) -> int:
    """How many sequences to take, of which the first so many cost ``costs``; ``shared``: lost by a cut behind each."""
    if costs[-1] <= budget:
        return len(costs)
    share = costs[-1] / -(-costs[-1] // budget)
    most = int(np.searchsorted(costs, min(budget, share * (1 + SLACK / 2)), side="right"))
    least = int(np.searchsorted(costs, share * (1 - SLACK / 2), side="left"))
    if most <= least:
        return max(1, most)
    return most - int(shared[least:most][::-1].argmin())


def _tree(sequences: Sequence[NDArray[np.int32]], shared: NDArray[np.int64], first: int, last: int) -> Tree:
    path = np.empty(max(len(sequence) for sequence in sequences[first:last]), np.int64)
    ids, positions, places, begins = [], [], [], [0]
    spans: list[list[tuple[int, int]]] = []
    branch: list[tuple[int, int]] = []  # depth and place at which each stretch of the path begins
    for index in range(first, last):
        sequence = sequences[index]
        depth = 0 if index == first else int(shared[index])
        begin, end = begins[-1], begins[-1] + len(sequence) - depth
        while branch and branch[-1][0] >= depth:
            branch.pop()
        stops = [stretch[0] for stretch in branch[1:]] + [depth]
        spans.append([(at, at + stop - start) for (start, at), stop in zip(branch, stops, strict=False)])
        branch.append((depth, begin))
        path[depth : len(sequence)] = np.arange(begin, end)
        ids.append(sequence[depth:])
        positions.append(np.arange(depth, len(sequence)))
        places.append(path[: len(sequence)].copy())
        begins.append(end)
    return Tree(first, np.concatenate(ids).astype(np.int64), np.concatenate(positions), begins, spans, places)
