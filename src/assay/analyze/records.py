"""Item records as arrays: per size and task one (arms × seeds × items) block per measure.

Every estimate is a weighted sum over arms of such a block, so the records are laid out once and each of the
hundreds of (contrast, metric) pairs costs microseconds. Only an arm's last checkpoint counts here. Draws of
one seed that forked late (``fork_seed``) are averaged within their seed: they share its trunk and are no
replication.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import InputError
from assay.study.design import Design, Measure

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

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


@dataclass(frozen=True, slots=True)
class Records:
    """The item records of a study, indexed by the design's arms, sizes, seeds and tasks."""

    blocks: dict[tuple[str, str], Block]
    """By (size, task)."""
    checkpoints: dict[tuple[str, str, int], frozenset[str]]
    """By (size, arm, seed)."""
    numerics: dict[tuple[str, str, int], tuple[str, ...]]
    """By (size, arm, seed), sorted."""

    def one_checkpoint(self, size: str, arms: Sequence[str], seeds: Sequence[int]) -> bool:
        """Whether these arms are the same checkpoint in every one of these seeds."""
        return all(
            len({self.checkpoints.get((size, arm, seed)) for arm in arms}) == 1
            and self.checkpoints.get((size, arms[0], seed)) is not None
            for seed in seeds
        )


def read_records(design: Design, items: pa.Table) -> Records:
    """Lay item records out as arrays; the order of the rows does not matter.

    Records of arms, sizes, seeds or tasks that the design does not name are left out.

    Raises:
        InputError: A column is missing; a record is there twice; one task was scored in two versions or
        formats, or
            in a version that the plan does not name; the arms disagree on an item's gold answer.
    """
    missing = [name for name in COLUMNS if name not in items.column_names]
    if missing:
        raise InputError(f"the item records lack the column(s) {', '.join(missing)}: they are not Assay's, or too old")
    items = _of_design(design, items.select(list(COLUMNS)).combine_chunks())
    items = items.append_column("answers", pc.divide(pc.cast(items["right"], pa.float64()), items["samples"]))
    items = _last_checkpoints(items)
    codes = {
        "arm": _positions(items["arm"], design.arms),
        "seed": _positions(items["seed"], design.seeds),
    }
    blocks: dict[tuple[str, str], Block] = {}
    for size in design.sizes:
        for task in design.tasks:
            chosen = np.flatnonzero(
                pc.and_(pc.equal(items["size"], size), pc.equal(items["task"], task.id)).to_numpy(zero_copy_only=False)
            )
            if len(chosen):
                rows = items.take(chosen)
                _check_one(rows, "task_version", task.id, task.version)
                _check_one(rows, "format", task.id, None)
                shape = (len(design.arms), len(design.seeds))
                blocks[size, task.id] = _block(rows, codes["arm"][chosen], codes["seed"][chosen], shape, task.id)
    return Records(blocks, _checkpoints(items), _numerics(items))


def _of_design(design: Design, items: pa.Table) -> pa.Table:
    wanted = {
        "arm": design.arms,
        "size": design.sizes,
        "seed": design.seeds,
        "task": [task.id for task in design.tasks],
    }
    keep = pa.scalar(True)
    for column, values in wanted.items():
        known = pa.array(list(values), type=items[column].type)
        keep = pc.and_(keep, pc.is_in(items[column], value_set=known))
    return items.filter(keep) if items.num_rows else items


def _last_checkpoints(items: pa.Table) -> pa.Table:
    """Of each (arm, size, seed, fork): the records with the most tokens seen."""
    run = ["arm", "size", "seed", "fork_seed"]
    last = items.group_by(run).aggregate([("tokens_seen", "max")])
    latest = items.append_column("row", pa.array(np.arange(items.num_rows))).join(last, keys=run)
    rows = latest.filter(pc.equal(latest["tokens_seen"], latest["tokens_seen_max"]))["row"].to_numpy()
    return items.take(np.sort(rows)) if len(rows) < items.num_rows else items


def _positions(column: pa.ChunkedArray, order: Sequence[object]) -> Ints:
    return np.asarray(pc.index_in(column, value_set=pa.array(list(order), type=column.type)), dtype=np.int64)


def _check_one(rows: pa.Table, column: str, task: str, wanted: int | None) -> None:
    found = sorted(pc.unique(rows[column]).to_pylist())
    if len(found) > 1:
        raise InputError(f"task '{task}' was scored with more than one {column}: {', '.join(map(str, found))}")
    if wanted is not None and found[0] != wanted:
        raise InputError(
            f"task '{task}' was scored with {column} {found[0]}, and the plan says {wanted}: score it again"
        )


def _block(rows: pa.Table, arms: Ints, seeds: Ints, shape: tuple[int, int], task: str) -> Block:
    identity = rows["item"].combine_chunks().dictionary_encode()
    names = np.asarray(identity.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    item = rank[np.asarray(identity.indices)]
    cell = (arms * shape[1] + seeds) * len(names) + item
    forks = rows["fork_seed"].to_numpy()
    sequence = np.lexsort((forks, cell))
    same = (np.diff(cell[sequence]) == 0) & (np.diff(forks[sequence]) == 0)
    if same.any():
        doubled = names[order][item[sequence[:-1][same][0]]]
        raise InputError(f"item {doubled} of task '{task}' has two records for one checkpoint")

    columns: dict[str, Floats] = {}
    for column in VALUE_OF.values():
        value = rows[column].cast(pa.float64()).to_numpy()[sequence]
        there = ~np.isnan(value)
        counts = np.bincount(cell[sequence][there], minlength=shape[0] * shape[1] * len(names))
        sums = np.bincount(cell[sequence][there], weights=value[there], minlength=len(counts))
        with np.errstate(invalid="ignore"):
            columns[column] = (sums / counts).reshape(*shape, len(names))

    return Block(
        values=columns,
        bytes=_per_item(rows["gold_bytes"].to_numpy(), item, len(names), "gold_bytes", task).astype(np.float64),
        clusters=_per_item(_numbered(rows["cluster"]), item, len(names), "cluster", task),
        gold=_per_item(rows["gold"].to_numpy(), item, len(names), "gold", task),
    )


def _numbered(column: pa.ChunkedArray) -> Ints:
    """Each distinct string as its rank, so that the numbers do not depend on the order of the rows."""
    names = pc.sort_indices(pc.unique(column))
    return _positions(column, pc.take(pc.unique(column), names).to_pylist())


def _per_item(values: npt.NDArray[np.integer], item: Ints, n: int, column: str, task: str) -> Ints:
    """What belongs to the item and not to the arm: one value per item, checked to be one."""
    kept = np.zeros(n, dtype=np.int64)
    kept[item] = values
    if not np.array_equal(kept[item], values):
        raise InputError(f"the arms disagree on {column} of the same item of task '{task}': they were not scored alike")
    return kept


def _checkpoints(items: pa.Table) -> dict[tuple[str, str, int], frozenset[str]]:
    found: dict[tuple[str, str, int], set[str]] = {}
    keys = ["size", "arm", "seed", "checkpoint"]
    for row in items.select(keys).group_by(keys).aggregate([]).to_pylist():
        found.setdefault((row["size"], row["arm"], row["seed"]), set()).add(row["checkpoint"])
    return {key: frozenset(names) for key, names in found.items()}


def _numerics(items: pa.Table) -> dict[tuple[str, str, int], tuple[str, ...]]:
    found: dict[tuple[str, str, int], set[str]] = {}
    keys = ["size", "arm", "seed", "numerics"]
    for row in items.select(keys).group_by(keys).aggregate([]).to_pylist():
        found.setdefault((row["size"], row["arm"], row["seed"]), set()).add(row["numerics"])
    return {key: tuple(sorted(names)) for key, names in found.items()}
