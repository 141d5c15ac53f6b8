"""The rows of a task, out of a wheel, a copy of a data set of the hub, or local files.

Wheels are opened as zip files and read as data; nothing is installed or imported from them. Several files are read in
the order of their names. Every file, line and number of files is bounded, so that a file that is small only while it is
packed ends in a message and not in a full memory. Nothing is downloaded: a copy of a hub data set is a folder that the
user names in ``ASSAY_HUB``, as for the corpus.
"""

import gzip
import itertools
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import InputError, StepError
from assay.evaluate.derive import Row, derive_rows
from assay.evaluate.probes.rows import probe_digest, probe_rows
from assay.evaluate.task import KINDS, SIGNS, Source, Task
from assay.run.identity import file_hash, key_of

FILES = 1000
"""Most files of a task."""
FILE_BYTES = 1 << 30
"""Most bytes of a file, unpacked."""
LINE_BYTES = 1 << 26
"""Most bytes of a line."""


def read_rows(task: Task, wheels: Mapping[str, Path], columns: frozenset[str]) -> Iterator[Row]:
    """Rows in file order.

    Args:
        task: The task.
        wheels: Path of each wheel by name; other tasks need none.
        columns: Those that are wanted; of a table that has them all, no others are read.

    Raises:
        InputError: A file is missing, too large or not what its ending says.
        StepError: The wheel is missing, is not a zip file or does not hold the rows.
    """
    for name, record in _records(task, wheels, columns):
        if task.source.derive is None:
            yield record
            continue
        try:
            yield from derive_rows(record, task.source.derive)
        except KeyError as problem:
            raise InputError(
                f"task '{task.id}': a row of {name} has no column {problem}, which '{task.source.derive}' needs; "
                f"it has {', '.join(sorted(record))}"
            ) from None
        except (ValueError, TypeError) as problem:
            raise InputError(f"task '{task.id}': a row of {name}: {problem}") from None


def local_files(task: Task) -> list[Path]:
    """The files of a task that is in no wheel, in the order they are read.

    Raises:
        InputError: There are none, with what would be right; or more than can be meant.
    """
    source = task.source
    folder = task.folder
    if source.hub is not None:
        from assay.corpus.hub import COPIES, local_copy

        copy = local_copy(source.hub)
        if copy is None:
            raise InputError(
                f"task '{task.id}' reads {source.hub} of the Hugging Face hub, which is in no package: put a copy into "
                f"FOLDER/{source.hub}, with its files {source.path}, and set {COPIES}=FOLDER"
            )
        folder = copy
    if not source.is_pattern or (folder / source.path).is_file():
        path = folder / source.path
        if not path.is_file():
            raise InputError(f"task '{task.id}': {path} cannot be read: there is no such file")
        return [path]
    steps = source.path.split("/")
    fixed = list(itertools.takewhile(lambda step: not any(sign in step for sign in SIGNS), steps))
    folder = folder / ("/".join(fixed) + "/" if fixed else "")
    matches = pattern("/".join(steps[len(fixed) :]))
    named = ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*"))
    found = sorted((name, path) for name, path in named if matches.fullmatch(name) and _kind(name) and path.is_file())
    _check_number(task, len(found), str(folder))
    return [path for _, path in found]


def local_hash(task: Task) -> str:
    """What identifies the content of a task that is in no wheel: of one file its sha256, of several a key of theirs.

    Raises:
        InputError: As `local_files`.
    """
    if task.source.generator is not None:
        return probe_digest(task.source.generator)
    hashes = [file_hash(path) for path in local_files(task)]
    return hashes[0] if len(hashes) == 1 else key_of(hashes)


def pattern(path: str) -> re.Pattern[str]:
    """A regular expression for the names that ``*``, ``?``, ``[…]``, ``{a,b}`` and ``**/`` in a path stand for."""
    signs = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    written = []
    for part in re.split(r"(\*\*/|\*|\?|\[[^\]]+\]|\{[^{}]+\})", path):
        if part.startswith("{"):
            written.append("(?:" + "|".join(map(re.escape, part[1:-1].split(","))) + ")")
        else:
            written.append(signs.get(part) or (part if part.startswith("[") else re.escape(part)))
    return re.compile("".join(written))


def _kind(name: str) -> str | None:
    return next((kind for kind in KINDS if name.endswith(f".{kind}")), None)


def _check_number(task: Task, number: int, where: str) -> None:
    if not 1 <= number <= FILES:
        told = "no file" if number == 0 else f"{number} files, more than the {FILES} that are read,"
        raise InputError(f"task '{task.id}': {told} in {where} matches {task.source.path}")


def _records(task: Task, wheels: Mapping[str, Path], columns: frozenset[str]) -> Iterator[tuple[str, Row]]:
    """(file's name, record)."""
    source = task.source
    if source.generator is not None:
        yield from ((source.generator, row) for row in probe_rows(source.generator))
        return
    if source.wheel is None:
        for path in local_files(task):
            try:
                with path.open("rb") as stream:
                    for row in _read(task, path.name, stream, path.stat().st_size, columns):
                        yield path.name, row
            except OSError as problem:
                raise InputError(f"task '{task.id}': {path} cannot be read: {problem.strerror or problem}") from None
        return
    wheel = wheels.get(source.wheel)
    if wheel is None:
        raise StepError(f"task '{task.id}' is in the wheel '{source.wheel}', and only {sorted(wheels)} were given")
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in _members(task, archive):
                with archive.open(name) as stream:
                    for row in _read(task, name, stream, archive.getinfo(name).file_size, columns):
                        yield name, row
    except KeyError:
        raise StepError(f"task '{task.id}': {wheel.name} has no member {source.path}; is it another version?") from None
    except (OSError, zipfile.BadZipFile) as problem:
        raise StepError(f"task '{task.id}': the wheel {wheel} cannot be read: {problem}") from None


def _members(task: Task, archive: zipfile.ZipFile) -> list[str]:
    if not task.source.is_pattern:
        return [task.source.path]
    matches = pattern(task.source.path)
    found = sorted(name for name in archive.namelist() if _kind(name) and matches.fullmatch(name))
    if not found:
        raise KeyError(task.source.path)
    _check_number(task, len(found), "the wheel")
    return found


def _read(task: Task, name: str, stream: IO[bytes], size: int, columns: frozenset[str]) -> Iterator[Row]:
    kind = _kind(name)
    if size > FILE_BYTES:
        raise _too_large(task, name)
    if kind in {"arrow", "parquet"}:
        yield from _read_table(task, name, stream, kind == "parquet", columns if task.source.derive is None else None)
        return
    packed = gzip.GzipFile(fileobj=stream) if kind in {"jsonl.gz", "json.gz"} else None
    plain = stream if packed is None else packed
    try:
        if kind in {"json", "json.gz"}:
            yield from _read_array(task, name, plain.read(FILE_BYTES + 1))
        else:
            yield from _read_lines(task, name, plain)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise InputError(f"task '{task.id}': {name} is not whole gzip data: {problem}") from None


def _read_table(
    task: Task, name: str, stream: IO[bytes], is_parquet: bool, columns: frozenset[str] | None
) -> Iterator[Row]:
    try:
        if is_parquet:
            file = pq.ParquetFile(pa.BufferReader(stream.read()))
            if sum(file.metadata.row_group(index).total_byte_size for index in range(file.num_row_groups)) > FILE_BYTES:
                raise _too_large(task, name)
            have = file.schema_arrow.names
        else:
            table = pa.ipc.open_stream(stream).read_all()
            have = table.column_names
        # where one is missing every row goes on, to be complained of with its columns
        wanted = sorted(columns) if columns and columns <= set(have) else have
        batches = file.iter_batches(1024, columns=wanted) if is_parquet else table.select(wanted).to_batches(1024)
        for batch in batches:
            yield from batch.to_pylist()
    except pa.ArrowException as problem:
        what = "a Parquet file" if is_parquet else "an Arrow stream"
        raise InputError(f"task '{task.id}': {name} is not {what}: {problem}") from None


def _read_array(task: Task, name: str, data: bytes) -> Iterator[Row]:
    if len(data) > FILE_BYTES:
        raise _too_large(task, name)
    try:
        records = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"task '{task.id}': {name} is not JSON: {problem}") from None
    if not isinstance(records, list):
        raise InputError(f"task '{task.id}': {name} holds {type(records).__name__}; an array of rows is right")
    for number, record in enumerate(records, start=1):
        yield _row(task.source, f"task '{task.id}': row {number} of {name}", record)


def _read_lines(task: Task, name: str, lines: "IO[bytes] | gzip.GzipFile") -> Iterator[Row]:
    number = total = 0
    while line := lines.readline(LINE_BYTES + 1):
        number += 1
        total += len(line)
        if len(line) > LINE_BYTES or total > FILE_BYTES:
            raise _too_large(task, name)
        if not line.strip():
            continue
        where = f"task '{task.id}': line {number} of {name}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise InputError(f"{where} is not JSON: {problem}") from None
        yield _row(task.source, where, record)


def _row(source: Source, where: str, record: Any) -> Row:
    if source.under is not None and isinstance(record, dict):
        if source.under not in record:
            raise InputError(f"{where} has no '{source.under}'; it has {', '.join(sorted(record))}")
        record = record[source.under]
    if not isinstance(record, dict):
        raise InputError(f"{where}: a row is a JSON object with named columns, and this is {type(record).__name__}")
    return record


def _too_large(task: Task, name: str) -> InputError:
    return InputError(f"task '{task.id}': {name} is larger than the {FILE_BYTES >> 20} MiB, or a line of it larger "
                      f"than the {LINE_BYTES >> 20} MiB, that are read")  # fmt: skip
