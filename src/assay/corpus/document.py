"""A document, a dropped document, and how both are kept: one Parquet file each, read back row group by group.

Rows are written in the order given, in row groups of bounded size, so that neither side ever holds a corpus
in memory and the same documents always give the same bytes (with one version of pyarrow). Every document
carries its licence and the unit of the held-out split; nothing here knows of ingredients or tokens.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, Literal, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import StepError

Kind = Literal["text", "code", "markup", "commit", "notebook", "qa", "synthetic", "math", "instruct"]

ROW_GROUP_BYTES = 8_000_000
ROW_GROUP_ROWS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One piece of text after cleaning."""

    text: str
    source: str
    """Name of the source in the recipe."""
    path: str
    """Place inside the source: a member of a wheel, ``member#key`` for a record of a collection."""
    group: str
    """Unit of the held-out split: an author, a work, a country, a package. A group is never divided."""
    kind: str
    """One of ``Kind``."""
    language: str
    """``English`` for prose, otherwise linguist's name as enry gives it."""
    licence: str

    def dropped(self, reason: str) -> "Dropped":
        """This document as one that is not kept."""
        return Dropped(
            source=self.source,
            path=self.path,
            kind=self.kind,
            language=self.language,
            bytes=len(self.text.encode()),
            reason=reason,
            text=self.text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A document that was not kept, and why."""

    source: str
    path: str
    kind: str
    language: str
    bytes: int
    reason: str
    """A short phrase; the same fault always has the same phrase, so that reasons can be counted."""
    detail: str = ""
    """What is particular to this one: the document that it duplicates, the benchmark that it holds."""
    text: str = ""
    """The text, as far as it could be read."""


_Row = TypeVar("_Row", Document, Dropped)
_LARGE = {"text": pa.large_string(), "bytes": pa.int64()}


def _schema(row: type[_Row]) -> pa.Schema:
    return pa.schema([(field.name, _LARGE.get(field.name, pa.string())) for field in fields(row)])


DOCUMENTS = _schema(Document)
"""Columns of a file of documents."""
DROPPED = _schema(Dropped)
"""Columns of a file of what was dropped."""


class RowWriter(Generic[_Row]):
    """A Parquet file that rows are added to one by one; a context manager, whose end closes the file."""

    def __init__(self, path: Path, row_type: type[_Row]) -> None:
        """Raises StepError where the file cannot be written, as do all other methods."""
        self.path: Path = path
        self.written: int = 0
        self._schema = _schema(row_type)
        self._rows: list[_Row] = []
        self._size: int = 0
        with _telling(path):
            self._writer = pq.ParquetWriter(path, self._schema, compression="zstd", write_statistics=False)

    def write(self, row: _Row) -> None:
        """Add a row."""
        self._rows.append(row)
        self._size += len(row.text) + 64
        if self._size >= ROW_GROUP_BYTES or len(self._rows) >= ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = {name: [getattr(row, name) for row in self._rows] for name in self._schema.names}
            with _telling(self.path):
                self._writer.write_table(pa.table(columns, schema=self._schema), row_group_size=len(self._rows))
            self.written += len(self._rows)
            self._rows, self._size = [], 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            with _telling(self.path):
                self._writer.close()


def _write(path: Path, rows: Iterable[_Row], row_type: type[_Row]) -> int:
    with RowWriter(path, row_type) as writer:
        for row in rows:
            writer.write(row)
    return writer.written


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StepError(f"cannot write {path}: {error.strerror or error}") from error


def _read(path: Path, row_type: type[_Row]) -> Iterator[_Row]:
    names = _schema(row_type).names
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            columns = file.read_row_group(number, columns=names).to_pydict()
            for values in zip(*(columns[name] for name in names), strict=True):
                yield row_type(**dict(zip(names, values, strict=True)))


def write_documents(path: Path, documents: Iterable[Document]) -> int:
    """Write documents in their order (Parquet, zstd); returns how many.

    Raises:
        StepError: The file cannot be written.
    """
    return _write(path, documents, Document)


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of a file in the order written, holding one row group at a time."""
    return _read(path, Document)


def write_dropped(path: Path, dropped: Iterable[Dropped]) -> int:
    """Like :func:`write_documents`, for what was not kept."""
    return _write(path, dropped, Dropped)


def read_dropped(path: Path) -> Iterator[Dropped]:
    """Like :func:`read_documents`, for what was not kept."""
    return _read(path, Dropped)
