"""Item records for the page: one arm, size and seed at a time.

A run folder has a file for each of them, a published one a file for all of a size. Files are found by what their
records say and never by a name out of a request, so nothing but the run's own records can be opened. Conditions and
order are those of ``assay items``.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.analyze.query import chosen, ordered, read_file
from assay.errors import InputError, nearest

PAGE = 100
"""Items of a page."""
MEASURES = ("correct", "correct_norm", "bits_per_byte", "margin", "probability", "greedy", "generated", "contaminated")
"""Columns that are shown where any item has them."""
WHO = ["arm", "size", "seed"]
Who = tuple[str, str, str]
"""Arm, size and seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records a page shows; empty: the first there are."""

    arm: str = ""
    size: str = ""
    seed: str = ""
    task: str = ""
    at: str = ""
    """Tokens that the checkpoint had seen; empty, or a number that this arm was not measured at: the most."""
    where: str = ""
    """Conditions as ``assay items`` takes them, with semicolons between them."""
    sort: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a page shows, and what else there is to choose."""

    wanted: Wanted
    """With what was left open filled in."""
    choices: Mapping[str, tuple[str, ...]]
    """By field of `Wanted`."""
    total: int
    """Items that satisfy the conditions."""
    pages: int
    measures: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]


class Scores:
    """The item records of a folder, of a study or of an evaluation; may be asked from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[tuple[str, int], list[Who]] = {}
        self._latest: tuple[Path, int, pa.Table] | None = None
        self._turn = threading.Lock()

    def files(self) -> dict[Who, Path]:
        """The file that holds an arm, size and seed, for each, in the order of their names.

        Raises:
            InputError: A file holds something else.
        """
        found = {}
        for path in sorted((self.folder / "items").glob("*.parquet")):
            known = (path.name, path.stat().st_mtime_ns)
            if known not in self._known:
                self._known[known] = _whose(path)
            found.update(dict.fromkeys(self._known[known], path))
        return found

    def find(self, wanted: Wanted) -> Found:
        """The records of one page.

        Raises:
            InputError: There are no records, or none of that arm, size, seed or task; or a condition is none.
        """
        files = self.files()
        if not files:
            raise InputError("there are no item records in this folder yet: they are written when the run is finished")
        filled, choices = _chosen_who(files, wanted)
        items = self._items(files, (filled["arm"], filled["size"], filled["seed"]))
        for name, column in (("at", "tokens_seen"), ("task", "task")):
            values = pc.unique(items[column]).to_pylist()
            values = [str(value) for value in (sorted(values, reverse=True) if name == "at" else values)]
            asked = getattr(wanted, name)
            is_elsewhere = name == "at" and asked not in values  # arms end after different numbers of tokens
            filled[name] = _one(name, "" if is_elsewhere else asked, values)
            choices[name] = tuple(values)
            items = items.filter(pc.equal(pc.cast(items[column], pa.string()), filled[name]))
        items = chosen(items, [condition for condition in wanted.where.split(";") if condition.strip()])
        items = ordered(items, [wanted.sort] if wanted.sort else [])
        pages = max(1, -(-items.num_rows // PAGE))
        page = min(max(1, wanted.page), pages)
        return Found(
            wanted=Wanted(**filled, where=wanted.where, sort=wanted.sort, page=page),
            choices=choices,
            total=items.num_rows,
            pages=pages,
            measures=tuple(name for name in MEASURES if items[name].null_count < items.num_rows),
            rows=tuple(items.slice((page - 1) * PAGE, PAGE).to_pylist()),
        )

    def one(self, wanted: Wanted, item: str) -> tuple[Wanted, Mapping[str, Any], tuple[Mapping[str, Any], ...]]:
        """One item's record, and the same item's in the other arms, sizes and seeds.

        Returns:
            Which was found, its record, and the last of each arm, size and seed that has the item, this one's too.

        Raises:
            InputError: There is no such record.
        """
        found = self.find(wanted)
        filled = found.wanted
        files = self.files()
        items = self._items(files, (filled.arm, filled.size, filled.seed))
        mine = items.filter(
            pc.and_(
                pc.and_(pc.equal(items["item"], item), pc.equal(items["task"], filled.task)),
                pc.equal(pc.cast(items["tokens_seen"], pa.string()), filled.at),
            )
        )
        if not mine.num_rows:
            raise InputError(f"there is no item '{item}' of {filled.task} in these records")
        return filled, mine.slice(0, 1).to_pylist()[0], tuple(_everywhere(files, filled.task, item))

    def _items(self, files: Mapping[Who, Path], who: Who) -> pa.Table:
        """The records of one arm, size and seed, of its last stage's first draw; the file read last is kept."""
        path = files[who]
        with self._turn:
            time = path.stat().st_mtime_ns
            if self._latest is None or self._latest[:2] != (path, time):
                self._latest = (path, time, read_file(path))
            items = self._latest[2]
        if list(files.values()).count(path) > 1:
            for name, value in zip(WHO, who, strict=True):
                items = items.filter(pc.equal(pc.cast(items[name], pa.string()), value))
        return items.filter(pc.equal(items["fork_seed"], 0))


def _everywhere(files: Mapping[Who, Path], task: str, item: str) -> list[Mapping[str, Any]]:
    columns = [*WHO, "tokens_seen", "correct", "gold_bits", "gold_bytes", "margin", "samples", "right"]
    rows: list[Mapping[str, Any]] = []
    for path in dict.fromkeys(files.values()):
        wanted = [("task", "=", task), ("item", "=", item), ("fork_seed", "=", 0)]
        table = pq.read_table(path, columns=columns, filters=wanted)
        last: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        for row in sorted(table.to_pylist(), key=lambda one: one["tokens_seen"]):
            last[tuple(row[name] for name in WHO)] = row
        for _, row in sorted(last.items()):
            generated = row["right"] / row["samples"] if row["samples"] else None
            rows.append({**row, "bits_per_byte": row["gold_bits"] / row["gold_bytes"], "generated": generated})
    return rows


def _whose(path: Path) -> list[Who]:
    """Every arm, size and seed that a file has records of; where it is one, the file's foot tells."""
    try:
        file = pq.ParquetFile(path, read_dictionary=["arm", "size"])
        ends: list[set[Any]] = [set() for _ in WHO]
        for group in map(file.metadata.row_group, range(file.num_row_groups)):
            for name, found in zip(WHO, ends, strict=True):
                about = group.column(file.metadata.schema.names.index(name)).statistics
                found.update((about.min, about.max) if about else (None,))
        if all(len(found) == 1 and None not in found for found in ends):
            rows = [[found.pop() for found in ends]]
        else:
            table = file.read(WHO).unify_dictionaries().group_by(WHO, use_threads=False).aggregate([])
            rows = sorted([row[name] for name in WHO] for row in table.to_pylist())
    except (OSError, ValueError):
        rows = []
    if not rows:
        raise InputError(f"{path} holds no item records")
    return [(str(arm), str(size), str(seed)) for arm, size, seed in rows]


def _chosen_who(files: Mapping[Who, Path], wanted: Wanted) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """Arm, size and seed; what is left open becomes the first that the others allow."""
    left = list(files)
    filled: dict[str, Any] = {}
    choices: dict[str, tuple[str, ...]] = {}
    for place, name in enumerate(WHO):
        choices[name] = tuple(dict.fromkeys(who[place] for who in files))
        so_far = ", ".join(f"{known} '{value}'" for known, value in filled.items())
        filled[name] = _one(name, getattr(wanted, name), list(dict.fromkeys(who[place] for who in left)), so_far)
        left = [who for who in left if who[place] == filled[name]]
    return filled, choices


def _one(name: str, asked: str, among: list[str], so_far: str = "") -> str:
    if not asked:
        return among[0]
    if asked not in among:
        where = f"in {so_far}" if so_far else "here"
        raise InputError(f"there are no records of {name} '{asked}' {where}{nearest(asked, among)}")
    return asked
