"""Item records as arrays: per size and task one (arms × seeds × items) block per measure.

Every estimate is a weighted sum over arms of such a block, so the records are laid out once and each of the
hundreds of (contrast, metric) pairs costs microseconds. Tables are taken one by one and let go, as twenty million
records do not fit in memory as rows. Only an arm's last checkpoint counts here; of earlier ones each task's score is
kept. Draws of one seed that forked late (``fork_seed``) are averaged within their seed: they share its trunk and are no
replication.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import InputError
from assay.study.design import Design, Measure

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Run = tuple[int, int, int]
"""Position of the arm, position of the seed, fork."""
Sums = dict[tuple[str, str, int], dict[int, Floats]]
"""By (size, arm, seed) and tokens seen: float64 [tasks, measures, 2], Σ value and Σ weight over items."""

COLUMNS = (
    "checkpoint", "arm", "size", "seed", "fork_seed", "tokens_seen", "task", "task_version", "format", "item",
    "cluster", "contaminated", "gold", "correct", "correct_norm", "gold_bits", "gold_bytes", "margin", "samples",
    "right", "numerics",
)  # fmt: skip
"""Columns of the item records that the statistics read; the choices' log-likelihoods are left on disk."""

VALUE_OF: dict[Measure, str] = {
    "bits_per_byte": "gold_bits",
    "accuracy": "correct",
    "accuracy_norm": "correct_norm",
    "margin": "margin",
    "answers": "answers",
}
"""Column behind each measure; ``answers`` is ``right`` over ``samples``."""
NAMED = ("checkpoint", "numerics", "task_version", "format")
"""Of each run of a task the values found of these are kept."""


@dataclass(frozen=True, slots=True)
class Block:
    """All records of one task at one size."""

    values: dict[str, Floats]
    """Per column of `VALUE_OF`: float64 [arms, seeds, items], NaN where there is no record or no value."""
    bytes: Floats
    """float64 [items]: length of the gold answer, the same for every arm."""
    clusters: Ints
    """int64 [items]: number of the passage that the item shares with others."""
    gold: Ints
    """int64 [items]: position of the right choice."""
    items: tuple[str, ...]
    """Their names, sorted."""


@dataclass(frozen=True, slots=True)
class Records:
    """The item records of a study, indexed by the design's arms, sizes, seeds and tasks."""

    blocks: dict[tuple[str, str], Block]
    """By (size, task)."""
    checkpoints: dict[tuple[str, str, int], frozenset[str]]
    """By (size, arm, seed)."""
    numerics: dict[tuple[str, str, int], tuple[str, ...]]
    """By (size, arm, seed), sorted."""
    contaminated: dict[str, list[int]]
    """By task: items that stand in the training documents, and items of which it is known; tasks of the latter only."""
    sums: Sums
    """Of all checkpoints, early and late; tasks in the design's order, measures in that of `VALUE_OF`."""

    def scores(self, size: str, arm: str, seed: int, task: int, measure: Measure) -> dict[int, float]:
        """By tokens seen, the fewest first: an arm's score on the items of one task, given by its place."""
        place = list(VALUE_OF).index(measure)
        found = {tokens: sums[task, place] for tokens, sums in sorted(self.sums[size, arm, seed].items())}
        return {tokens: float(total / weight) for tokens, (total, weight) in found.items() if weight}

    def one_checkpoint(self, size: str, arms: Sequence[str], seeds: Sequence[int]) -> bool:
        """Whether these arms are the same checkpoint in every one of these seeds."""
        return all(
            len({self.checkpoints.get((size, arm, seed)) for arm in arms}) == 1
            and self.checkpoints.get((size, arms[0], seed)) is not None
            for seed in seeds
        )


@dataclass(slots=True)
class _Taken:
    """What one run gave to one task, in the order of arrival."""

    positions: list[Ints] = field(default_factory=list)
    values: list[dict[str, Floats]] = field(default_factory=list)
    named: dict[str, set[Any]] = field(default_factory=lambda: {name: set() for name in NAMED})


class _Gathered:
    """One task at one size while its records come in: items are numbered by arrival."""

    def __init__(self, task: str) -> None:
        self.task = task
        self.runs: dict[Run, _Taken] = {}
        self.flags: set[tuple[str, bool]] = set()
        self._numbers: dict[str, int] = {}
        self._facts: dict[str, list[Any]] = {"gold_bytes": [], "cluster": [], "gold": []}
        self._last: tuple[pa.Table, Ints] | None = None

    def add(self, run: Run, rows: pa.Table) -> None:
        """Records of one run."""
        taken = self.runs.setdefault(run, _Taken())
        taken.positions.append(self._placed(rows.select(["item", "contaminated", *self._facts])))
        values = {}
        for column in VALUE_OF.values():
            if rows[column].null_count < rows.num_rows:
                values[column] = pc.cast(rows[column], pa.float64()).to_numpy()
        taken.values.append(values)
        for name, found in taken.named.items():
            found.update(pc.unique(rows[name]).to_pylist())

    def _placed(self, about: pa.Table) -> Ints:
        """Numbers of the items; most runs have the very items of the run before."""
        if self._last is not None and about.equals(self._last[0]):
            return self._last[1]
        names = about["item"].to_pylist()
        for name, flag in zip(names, about["contaminated"].to_pylist(), strict=True):
            if flag is not None:
                self.flags.add((name, flag))
        for name in names:
            self._numbers.setdefault(name, len(self._numbers))
        placed = np.array([self._numbers[name] for name in names], dtype=np.int64)
        for column, known in self._facts.items():
            known.extend([None] * (len(self._numbers) - len(known)))
            for place, value in zip(placed.tolist(), about[column].to_pylist(), strict=True):
                if known[place] is None:
                    known[place] = value
                elif known[place] != value:
                    raise InputError(
                        f"the arms disagree on {column} of the same item of task '{self.task}': "
                        "they were not scored alike"
                    )
        self._last = about, placed
        return placed

    def one(self, column: str, wanted: int | None) -> None:
        """Check that all was scored in one way, and in the plan's."""
        found = sorted({value for taken in self.runs.values() for value in taken.named[column]})
        if len(found) > 1:
            told = ", ".join(map(str, found))
            raise InputError(f"task '{self.task}' was scored with more than one {column}: {told}")
        if wanted is not None and found[0] != wanted:
            raise InputError(
                f"task '{self.task}' was scored with {column} {found[0]}, and the plan says {wanted}: score it again"
            )

    def block(self, shape: tuple[int, int]) -> Block:
        """The task's arrays; what came in is let go."""
        names = list(self._numbers)
        order = sorted(range(len(names)), key=names.__getitem__)
        rank = np.empty(len(names), dtype=np.int64)
        rank[order] = np.arange(len(names))
        there = sorted({column for taken in self.runs.values() for one in taken.values for column in one})
        nothing = np.broadcast_to(np.float64("nan"), (*shape, len(names)))
        sums = {column: np.zeros((*shape, len(names))) for column in there}
        counts = {column: np.zeros((*shape, len(names)), dtype=np.int16) for column in there}
        for arm, seed, fork in sorted(self.runs):
            taken = self.runs.pop((arm, seed, fork))
            together = np.concatenate(taken.positions)
            again = np.flatnonzero(np.bincount(together) > 1)
            if len(again):
                raise InputError(f"item {names[again[0]]} of task '{self.task}' has two records for one checkpoint")
            for placed, values in zip(taken.positions, taken.values, strict=True):
                for column, value in values.items():
                    known = ~np.isnan(value)
                    at = rank[placed[known]]
                    sums[column][arm, seed, at] += value[known]
                    counts[column][arm, seed, at] += 1
        with np.errstate(invalid="ignore"):
            for column in there:
                sums[column] /= counts.pop(column)
        facts = {column: [known[place] for place in order] for column, known in self._facts.items()}
        passages = {name: number for number, name in enumerate(sorted(set(facts["cluster"])))}
        return Block(
            values={column: sums.get(column, nothing) for column in VALUE_OF.values()},
            bytes=np.array(facts["gold_bytes"], dtype=np.float64),
            clusters=np.array([passages[name] for name in facts["cluster"]], dtype=np.int64),
            gold=np.array(facts["gold"], dtype=np.int64),
            items=tuple(names[place] for place in order),
        )


def read_records(design: Design, items: pa.Table | Iterable[pa.Table]) -> Records:
    """Lay item records out as arrays; the order of the rows and tables does not matter.

    Records of arms, sizes, seeds or tasks that the design does not name are left out.

    Raises:
        InputError: A column is missing; a record is there twice; one task was scored in two versions or
            formats, or in a version that the plan does not name; the arms disagree on an item's gold answer.
    """
    gathered = {(size, task.id): _Gathered(task.id) for size in design.sizes for task in design.tasks}
    latest: dict[tuple[str, Run], int] = {}
    sums: Sums = {}
    for table in [items] if isinstance(items, pa.Table) else items:
        _take(design, table, gathered, latest, sums)
    found = {key: one for key, one in gathered.items() if one.runs}
    for task in design.tasks:
        for size in design.sizes:
            if (size, task.id) in found:
                found[size, task.id].one("task_version", task.version)
                found[size, task.id].one("format", None)
    checkpoints = {key: frozenset(names) for key, names in _named(design, found, "checkpoint").items()}
    numerics = {key: tuple(sorted(names)) for key, names in _named(design, found, "numerics").items()}
    shape = (len(design.arms), len(design.seeds))
    flags = {task.id: set[tuple[str, bool]]() for task in design.tasks}
    for (_, name), one in found.items():
        flags[name] |= one.flags
    told = {task: [sum(flag for _, flag in pairs), len(pairs)] for task, pairs in sorted(flags.items()) if pairs}
    return Records({key: one.block(shape) for key, one in found.items()}, checkpoints, numerics, told, sums)


def _take(
    design: Design,
    table: pa.Table,
    gathered: dict[tuple[str, str], _Gathered],
    latest: dict[tuple[str, Run], int],
    sums: Sums,
) -> None:
    """Give a table's rows to their tasks, but those that an arm's later checkpoint has made old."""
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(f"the item records lack the column(s) {', '.join(missing)}: they are not Assay's, or too old")
    table = table.select(list(COLUMNS))
    tasks = [task.id for task in design.tasks]
    keys = [
        _positions(table["size"], design.sizes),
        _positions(table["arm"], design.arms),
        _positions(table["seed"], design.seeds),
        table["fork_seed"].to_numpy().astype(np.int64),
        _positions(table["task"], tasks),
        table["tokens_seen"].to_numpy(),
    ]
    rows = np.flatnonzero((np.stack([keys[0], keys[1], keys[2], keys[4]]) >= 0).all(axis=0))
    if not len(rows):
        return
    rows = rows[np.lexsort([key[rows] for key in reversed(keys)])]
    table = table.take(rows) if len(rows) < table.num_rows or (np.diff(rows) != 1).any() else table
    table = table.append_column("answers", pc.divide(pc.cast(table["right"], pa.float64()), table["samples"]))
    sorted_keys = np.stack([key[rows] for key in keys])
    _score(design, table, sorted_keys, sums)
    seen = sorted_keys[5]
    for begin, end in _stretches(sorted_keys[:4]):
        size, arm, seed, fork = (int(key) for key in sorted_keys[:4, begin])
        run = (arm, seed, fork)
        newest = int(seen[begin:end].max())
        known = latest.setdefault((design.sizes[size], run), newest)
        if newest < known:
            continue
        if newest > known:
            latest[design.sizes[size], run] = newest
            for task in tasks:
                gathered[design.sizes[size], task].runs.pop(run, None)
        for first, last in _stretches(sorted_keys[4:5, begin:end]):
            chosen = table.slice(begin + first, last - first)
            if (seen[begin + first : begin + last] < newest).any():
                chosen = chosen.filter(pa.array(seen[begin + first : begin + last] == newest))
            if chosen.num_rows:
                gathered[design.sizes[size], tasks[int(sorted_keys[4, begin + first])]].add(run, chosen)


def _score(design: Design, table: pa.Table, keys: Ints, sums: Sums) -> None:
    """Add up each checkpoint's values, task by task; rows are sorted by ``keys``. Bits are weighed by the bytes."""
    begins = [begin for begin, _ in _stretches(keys)]
    found = np.empty((len(VALUE_OF), 2, len(begins)))
    for number, (measure, column) in enumerate(VALUE_OF.items()):
        values = pc.cast(table[column], pa.float64()).to_numpy()
        known = ~np.isnan(values)
        weights = np.where(known, table["gold_bytes"].to_numpy() if measure == "bits_per_byte" else 1.0, 0.0)
        found[number] = np.add.reduceat(np.stack([np.where(known, values, 0.0), weights]), begins, axis=1)
    for place, (size, arm, seed, _, task, tokens) in enumerate(keys[:, begins].T.tolist()):
        path = sums.setdefault((design.sizes[size], design.arms[arm], design.seeds[seed]), {})
        here = path.setdefault(tokens, np.zeros((len(design.tasks), len(VALUE_OF), 2)))
        here[task] += found[:, :, place]


def _stretches(keys: Ints) -> list[tuple[int, int]]:
    """Begin and end of each run of equal columns."""
    changes = np.flatnonzero((np.diff(keys, axis=1) != 0).any(axis=0)) + 1
    edges = [0, *changes.tolist(), keys.shape[1]]
    return list(itertools.pairwise(edges))


def _positions(column: pa.ChunkedArray, order: Sequence[object]) -> Ints:
    """Place of each value in the order, -1 where it is not there."""
    if pa.types.is_dictionary(column.type):
        pieces = [
            _positions(pa.chunked_array([one.dictionary]), order)[one.indices.to_numpy()] for one in column.chunks
        ]
        return np.concatenate(pieces)
    found = pc.index_in(column, value_set=pa.array(list(order), type=column.type))
    return np.asarray(pc.fill_null(found, -1), dtype=np.int64)


def _named(
    design: Design, found: dict[tuple[str, str], _Gathered], column: str
) -> dict[tuple[str, str, int], set[str]]:
    """Values of a column by (size, arm, seed)."""
    told: dict[tuple[str, str, int], set[str]] = {}
    for (size, _), one in found.items():
        for (arm, seed, _), taken in one.runs.items():
            told.setdefault((size, design.arms[arm], design.seeds[seed]), set()).update(taken.named[column])
    return told
