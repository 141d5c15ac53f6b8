"""How difficult records are, by the features that their makers counted: how deep, how many operations, how long."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.corpus.synthesis.record import Record

FEATURES = ("depth", "operations", "lines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Of one feature over the records that have it."""

    mean: float
    low: float
    """A tenth of the records are below it."""
    median: float
    high: float
    """A tenth of the records are above it."""
    counts: Mapping[int, int]
    """Value to the number of records, ascending."""


def spreads(records: Sequence[Record]) -> dict[str, Spread]:
    """The spread of each of `FEATURES` that any record has."""
    found = {}
    for name in FEATURES:
        values = [record.problem.difficulty[name] for record in records if name in record.problem.difficulty]
        if values:
            low, median, high = (float(one) for one in np.quantile(values, (0.1, 0.5, 0.9)))
            counts = dict(sorted(Counter(values).items()))
            found[name] = Spread(mean=float(np.mean(values)), low=low, median=median, high=high, counts=counts)
    return found


def share_of_depth(records: Sequence[Record], least: int) -> float:
    """Share of the records that tell their depth of which it is at least ``least``; 0 where none does."""
    depths = [record.problem.difficulty["depth"] for record in records if "depth" in record.problem.difficulty]
    return sum(depth >= least for depth in depths) / len(depths) if depths else 0.0
