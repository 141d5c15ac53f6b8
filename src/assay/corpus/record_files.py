"""Files of records as rows: JSON lines, JSON values, Parquet, Arrow, CSV and TSV, whatever their size.

Memory is bounded by ``LARGEST_RECORD`` and not by the file: lines are cut out of blocks, a JSON array is taken apart
value by value, Parquet comes in batches of the wanted columns. A record that is larger, broken or half there is a
`Fault` in its place, and the records after it are still read. What a row means, and which are wanted, is `records`.
"""

import codecs
import csv
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from assay.corpus.cleaning import Unfit

LARGEST_RECORD = 16 << 20
"""Bytes (characters of decoded text) of the largest record that is read."""
TOO_LARGE = f"record larger than {LARGEST_RECORD >> 20} MiB"
BLOCK = 1 << 20
"""Bytes that are read at a time."""

LARGEST_COPY = 4 << 30
"""Bytes of the largest Parquet or Arrow file that is unpacked to be read."""

_HEAD = 1 << 20
"""Bytes in which the layout of a JSON file is looked for."""
_COMPRESSED = {".gz", ".zst", ".xz", ".bz2"}
_DECODER = json.JSONDecoder()
_BETWEEN_VALUES = re.compile(r"[\s,\[\]]*")
_BRACKET_OR_QUOTE = re.compile(r'[{}\[\]"]')
_IN_STRING = re.compile(r'\\(?:.|\Z)|"', re.DOTALL)


class Fault(NamedTuple):
    """Stands where a record should be."""

    reason: str
    data: bytes = b""
    """What was there, as far as it was held."""


class Header(NamedTuple):
    """The columns of the rows that follow, for formats that say so; nested ones with dots."""

    columns: tuple[str, ...]


def read_rows(name: str, file: BinaryIO, columns: Sequence[str]) -> Iterator[object]:
    """The records of a file in order: what each holds, or a `Fault`, and a `Header` before them where there is one.

    Args:
        name: File name; its ending (before that of a compression) says the format.
        file: Already decompressed.
        columns: Those wanted; formats that store columns apart read no others.

    Raises:
        Unfit: The ending is not known, or the file cannot be read on.
    """
    ending = file_format(name)
    if ending in (".jsonl", ".ndjson", ".json"):
        yield from _json(_Peeked(file))
    elif ending == ".parquet":
        with _on_disk(file) as whole:
            yield from _parquet(whole, columns)
    elif ending in (".arrow", ".feather"):
        with _on_disk(file) as whole:
            yield from _arrow(whole, columns)
    elif ending == ".csv":
        yield from _csv(file)
    elif ending == ".tsv":
        yield from _tsv(file)
    else:
        raise Unfit("not a file of records")


def file_format(name: str) -> str:
    """The ending that says the format, in lower case: ``.jsonl`` of ``train.JSONL.zst``."""
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in _COMPRESSED else path.suffix


def pieces(file: BinaryIO, delimiter: bytes = b"\n") -> Iterator[tuple[bytes | None, bool]]:
    """What lies between delimiters, and whether one follows; None for a piece over ``LARGEST_RECORD``.

    Such a piece is read past without being held. Nothing is yielded for an empty end of the file.
    """
    rest, skipping = b"", False
    while block := file.read(BLOCK):
        *whole, rest = (rest + block).split(delimiter)
        for piece in whole:
            yield (None if skipping or len(piece) > LARGEST_RECORD else piece), True
            skipping = False
        skipping = skipping or len(rest) > LARGEST_RECORD + len(delimiter) - 1  # its end may begin a delimiter
        if skipping:
            rest = rest[len(rest) - len(delimiter) + 1 :]
    if skipping or rest:
        yield (None if skipping or len(rest) > LARGEST_RECORD else rest), False


class _Peeked:
    """A file whose first bytes can be looked at before they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        head = b""
        while len(head) < _HEAD and (block := file.read(_HEAD - len(head))):
            head += block
        self.head = head.removeprefix(codecs.BOM_UTF8)
        self._unread = self.head

    def read(self, size: int) -> bytes:
        if self._unread:
            head, self._unread = self._unread, b""
            return head
        return self._file.read(size)


def _json(file: Any) -> Iterator[object]:
    return _json_lines(file) if _is_lines(file.head) else _json_values(file)


def _is_lines(head: bytes) -> bool:
    """Whether each line is a value of its own, judged by the first: not an array, and not the beginning of more."""
    first, newline, _ = head.lstrip().partition(b"\n")
    first = first.strip()
    if first.startswith(b"["):
        return False
    try:
        text = first.decode()
        end = _DECODER.raw_decode(text)[1]
    except (ValueError, RecursionError):
        return not (newline and first.endswith((b"{", b"[", b",", b":")))
    return not text[end:].lstrip().startswith(("{", ","))


def _json_lines(file: Any) -> Iterator[object]:
    for line, ended in pieces(file):
        if line is None:
            yield Fault(TOO_LARGE)
            continue
        if not line or line.isspace():
            continue
        try:
            value: object = _DECODER.decode(line.decode())
        except UnicodeDecodeError:
            value = Fault("not UTF-8", line)
        except (ValueError, RecursionError):
            value = Fault("not JSON" if ended else "half-written record", line)
        yield value


def _json_values(file: Any) -> Iterator[object]:
    """Values one after another or in an array, over as many lines as they like; bad UTF-8 is left as surrogates."""
    decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
    text, at = "", 0
    while True:
        at = _end_of_gap(text, at)
        if at == len(text):
            block = file.read(BLOCK)
            if not block:
                return
            text, at = decode(block), 0
            continue
        try:
            value: object
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            if text[at] not in '{["':
                yield Fault("not JSON", _encoded(text[at:]))
                return
            extent, scanned, large = _Extent(), at, False
            while (end := extent.end(text, scanned)) is None:
                block = file.read(BLOCK)
                large = large or len(text) - at > LARGEST_RECORD
                if not block:
                    yield Fault(TOO_LARGE) if large else Fault("half-written record", _encoded(text[at:]))
                    return
                kept = "" if large else text[at:]
                text, at, scanned = kept + decode(block), 0, len(kept)
            value, at = (Fault(TOO_LARGE) if large else _value(text[at:end])), end
        yield value


def _end_of_gap(text: str, at: int) -> int:
    gap = _BETWEEN_VALUES.match(text, at)
    return gap.end() if gap else at


def _value(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return Fault("not JSON", _encoded(text))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class _Extent:
    """Where a JSON value ends, by its brackets and quotes alone; the text may come in parts."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def end(self, text: str, at: int) -> int | None:
        """The position after the value; None where more text is needed."""
        if self._escaped and at < len(text):
            at, self._escaped = at + 1, False
        while found := (_IN_STRING if self._in_string else _BRACKET_OR_QUOTE).search(text, at):
            mark, at = found.group(), found.end()
            if mark == "\\":
                self._escaped = True
            elif mark == '"':
                self._in_string = not self._in_string
            elif mark in "{[":
                self._depth += 1
            elif mark in "}]":
                self._depth -= 1
            if self._depth <= 0 and not self._in_string:
                return at
        return None


@contextmanager
def _on_disk(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file itself where it is one of this machine's, else a nameless copy: its parts are read in any order."""
    try:
        file.fileno()
    except OSError:
        with tempfile.TemporaryFile() as copy:
            while block := file.read(BLOCK):
                copy.write(block)
                if copy.tell() > LARGEST_COPY:
                    raise Unfit(f"larger than {LARGEST_COPY >> 30} GiB") from None
            copy.seek(0)
            yield copy
    else:
        yield file


def _parquet(file: BinaryIO, columns: Sequence[str]) -> Iterator[object]:
    try:
        parquet = pq.ParquetFile(file, pre_buffer=False, buffer_size=BLOCK)
        groups = [parquet.metadata.row_group(number) for number in range(parquet.num_row_groups)]
        rows = sum(group.num_rows for group in groups)
        bytes_a_row = sum(group.total_byte_size for group in groups) // max(rows, 1)
        yield Header(column_names(parquet.schema_arrow))
        batch_size = min(max(LARGEST_RECORD // max(bytes_a_row, 1), 1), 1024)
        for batch in parquet.iter_batches(batch_size, columns=list(columns), use_threads=False):
            yield from batch_rows(batch)
    except (pa.ArrowException, OSError):
        raise Unfit("damaged Parquet file") from None


def _arrow(file: BinaryIO, columns: Sequence[str]) -> Iterator[object]:
    tops = {column.partition(".")[0] for column in columns} | set(columns)
    try:
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        reader = pa.ipc.open_file(file) if is_file else pa.ipc.open_stream(file)
        yield Header(column_names(reader.schema))
        batches = map(reader.get_batch, range(reader.num_record_batches)) if is_file else reader
        for batch in batches:
            wanted = batch.select([name for name in batch.schema.names if name in tops])
            for start in range(0, batch.num_rows, 256):
                yield from batch_rows(wanted.slice(start, 256), min(256, batch.num_rows - start))
    except (pa.ArrowException, OSError):
        raise Unfit("damaged Arrow file") from None


def column_names(fields: Any, above: str = "") -> tuple[str, ...]:
    """The columns of an Arrow schema (or struct type), those inside structs with dots."""
    names: list[str] = []
    for field in fields:
        struct = pa.types.is_struct(field.type)
        names += column_names(field.type, f"{above}{field.name}.") if struct else [above + field.name]
    return tuple(names)


def batch_rows(batch: Any, rows: int | None = None) -> Iterator[dict[str, Any]]:
    """The rows of an Arrow batch or table as dictionaries; text that is not UTF-8 comes as bytes."""
    if not batch.num_columns:
        yield from ({} for _ in range(batch.num_rows if rows is None else rows))
        return
    names = batch.schema.names
    for values in zip(*map(_values, batch.columns), strict=True):
        yield dict(zip(names, values, strict=True))


def _values(column: Any) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        values = [_scalar(scalar) for scalar in column]
    return values


def _scalar(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        text = pa.types.is_string(scalar.type) or pa.types.is_large_string(scalar.type)
        return scalar.cast(pa.large_binary()).as_py() if text else None


class _TooLargeError(Exception):
    pass


class _Lines:
    """Lines of a CSV file, refused where those of one record are too many."""

    def __init__(self, file: BinaryIO) -> None:
        self._pieces = pieces(file)
        self.bytes = 0
        """Of the lines since it was last set to 0."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, _ = next(self._pieces)
        self.bytes += 0 if line is None else len(line) + 1
        if line is None or self.bytes > LARGEST_RECORD:
            raise _TooLargeError
        return line.decode("utf-8", "surrogateescape") + "\n"


def _csv(file: BinaryIO) -> Iterator[object]:
    """RFC 4180: commas, double quotes, the first record names the columns."""
    csv.field_size_limit(LARGEST_RECORD)
    lines = _Lines(file)
    reader = csv.reader(lines)

    def records() -> Iterator[list[str] | Fault]:
        while True:
            lines.bytes = 0
            try:
                yield next(reader)
            except StopIteration:
                return
            except (_TooLargeError, csv.Error):
                yield Fault(TOO_LARGE)

    return _tabular(records())


def _tsv(file: BinaryIO) -> Iterator[object]:
    """Lines of fields between tabs, without quoting (IANA text/tab-separated-values)."""
    lines = pieces(file)
    return _tabular(
        Fault(TOO_LARGE) if line is None else line.decode("utf-8", "surrogateescape").rstrip("\r").split("\t")
        for line, _ in lines
        if line is None or line.strip()
    )


def _tabular(records: Iterator[list[str] | Fault]) -> Iterator[object]:
    names: tuple[str, ...] = ()
    for record in records:
        if isinstance(record, Fault):
            yield record
        elif not record:
            continue
        elif not names:
            names = (record[0].removeprefix("\ufeff"), *record[1:])
            yield Header(names)
        elif len(record) != len(names):
            yield Fault("number of fields is not the header's", _encoded("\t".join(record)))
        else:
            yield dict(zip(names, record, strict=True))
