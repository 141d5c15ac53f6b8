"""A programming problem: as somebody made it, as it was proved, or as it was refused.

A candidate says everything that verification needs and nothing that only execution can tell. A record adds what was
seen when it was run: tests with their results, and how many wrong versions of the solution those tests caught. Records
are kept as Parquet in the order in which they were made; the same problems give the same bytes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

Maker = Literal["given", "composed", "model"]
Sort = Literal["agreement", "invariant", "metamorphic", "inverse", "contract"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """Something that must hold on every input."""

    sort: Sort
    """``agreement`` of two implementations, an ``invariant`` of the result, a ``metamorphic`` relation between results
    on related inputs, an ``inverse``, or the ``contract``: the result has the announced type, a second call gives the
    same, the arguments stay as they were."""
    about: str
    """A sentence, such as "The order of the readings does not matter."."""
    check: str
    """Source of an expression that must be true. It sees the parameters by name, ``result``, the solution's own names
    and, for an agreement, ``other``, the second implementation's result. The parameters are the caller's own copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A problem that nobody has run yet."""

    id: str
    """Unique: maker, seed and number, or a name that its source gave it."""
    maker: Maker
    statement: str
    """What is asked, in words; ends without a newline."""
    entry: str
    """Name of the function that is asked for."""
    signature: str
    """``def entry(a: list[int], k: int) -> int``, without the colon."""
    solution: str
    """Source: imports, helper functions, the function; no statement in it beyond what a docstring of one line tells."""
    alternative: str = ""
    """A second implementation of the whole, whose function has the same name; empty where there is none."""
    inputs: str
    """Source of ``def make_inputs(random: Random) -> tuple``: arguments for one call, of literals alone. ``random``
    is a `random.Random`; the source may import from the standard library."""
    edges: str = "[]"
    """Source of a literal list of argument tuples that are always tried first."""
    properties: tuple[Property, ...] = ()
    tests: tuple[str, ...] = ()
    """Source of statements, ``assert …``, that its maker wrote; verification makes its own beside them."""
    difficulty: Mapping[str, int] = field(default_factory=dict)
    """Features such as ``depth`` (operations behind one another), ``operations``, ``inputs``, ``lines``."""
    topics: tuple[str, ...] = ()
    """Families of its operations, or what its source says."""
    group: str
    """What must not be divided between training and held-out documents: problems of one group are variants."""
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Where it comes from: a package and member, a model and prompt, an operation graph."""
    seed: int
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A call and its result, as Python literals."""

    arguments: str
    """``[3, 1], 2``."""
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A problem that was proved."""

    problem: Candidate
    """As it was made; ``tests`` are only those that passed."""
    examples: tuple[Example, ...]
    """Calls with results, the plainest first; the same under every hash seed."""
    mutants: int
    """Wrong versions of the solution that were run against the tests."""
    killed: int
    """Those that the tests told from the solution."""
    inputs_tried: int
    """Inputs on which every property held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A problem that was not proved."""

    id: str
    maker: Maker
    stage: Literal[
        "syntax", "modules", "types", "run", "deterministic", "tests", "properties", "mutants", "duplicate", "overlap"
    ]
    """Where it failed, in the order in which they are tried; ``duplicate``: too like one that was kept; ``overlap``:
    proved, and too like a problem of a benchmark."""
    why: str
    """A phrase; the same fault has the same phrase, so that reasons can be counted."""
    detail: str = ""
    text: str = ""
    """Statement and solution, as far as there are any."""


RECORDS = pa.schema(
    [
        ("id", pa.string()),
        ("maker", pa.string()),
        ("statement", pa.large_string()),
        ("entry", pa.string()),
        ("signature", pa.string()),
        ("solution", pa.large_string()),
        ("alternative", pa.large_string()),
        ("inputs", pa.large_string()),
        ("edges", pa.large_string()),
        ("properties", pa.list_(pa.struct([(name, pa.string()) for name in ("sort", "about", "check")]))),
        ("tests", pa.list_(pa.string())),
        ("difficulty", pa.string()),
        ("topics", pa.list_(pa.string())),
        ("group", pa.string()),
        ("provenance", pa.string()),
        ("seed", pa.int64()),
        ("licence", pa.string()),
        ("examples", pa.list_(pa.struct([("arguments", pa.string()), ("result", pa.string())]))),
        ("mutants", pa.int16()),
        ("killed", pa.int16()),
        ("inputs_tried", pa.int32()),
    ]
)
"""Columns of a file of records; ``difficulty`` and ``provenance`` are JSON objects."""
REFUSED = pa.schema([(one.name, pa.large_string() if one.name == "text" else pa.string()) for one in fields(Refused)])
ROW_GROUP = 2048


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Write records in their order (Parquet, zstd); returns how many."""
    return write_rows(path, (as_row(record) for record in records), RECORDS)


def read_records(path: Path) -> Iterator[Record]:
    """Records in the order written, a row group at a time."""
    for row in _read(path):
        yield from_row(row)


def write_refused(path: Path, refused: Iterable[Refused]) -> int:
    """Like `write_records`, for what was refused."""
    return write_rows(path, ({one.name: getattr(row, one.name) for one in fields(Refused)} for row in refused), REFUSED)


def read_refused(path: Path) -> Iterator[Refused]:
    """Like `read_records`, for what was refused."""
    for row in _read(path):
        yield Refused(**row)


def as_row(record: Record) -> dict[str, Any]:
    """A record as a flat row of plain values; `RECORDS` names the columns."""
    problem = record.problem
    return {
        **{one.name: getattr(problem, one.name) for one in fields(Candidate)},
        "properties": [{"sort": one.sort, "about": one.about, "check": one.check} for one in problem.properties],
        "tests": list(problem.tests),
        "topics": list(problem.topics),
        "difficulty": json.dumps(dict(problem.difficulty)),
        "provenance": json.dumps(dict(problem.provenance), ensure_ascii=False),
        "examples": [{"arguments": one.arguments, "result": one.result} for one in record.examples],
        "mutants": record.mutants,
        "killed": record.killed,
        "inputs_tried": record.inputs_tried,
    }


def from_row(row: Mapping[str, Any]) -> Record:
    """The record of a row."""
    made = {one.name: row[one.name] for one in fields(Candidate)}
    made |= {
        "properties": tuple(Property(**one) for one in row["properties"]),
        "tests": tuple(row["tests"]),
        "topics": tuple(row["topics"]),
        "difficulty": json.loads(row["difficulty"]),
        "provenance": json.loads(row["provenance"]),
    }
    return Record(
        problem=Candidate(**made),
        examples=tuple(Example(**one) for one in row["examples"]),
        mutants=row["mutants"],
        killed=row["killed"],
        inputs_tried=row["inputs_tried"],
    )


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> int:
    """Write rows in groups (Parquet, zstd); returns how many."""
    written = 0
    waiting: list[Mapping[str, Any]] = []
    with pq.ParquetWriter(path, schema, compression="zstd", write_statistics=False) as writer:
        for row in rows:
            waiting.append(row)
            if len(waiting) == ROW_GROUP:
                writer.write_table(pa.Table.from_pylist(waiting, schema))
                written, waiting = written + len(waiting), []
        if waiting or not written:
            writer.write_table(pa.Table.from_pylist(waiting, schema))
    return written + len(waiting)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield from file.read_row_group(number).to_pylist()
