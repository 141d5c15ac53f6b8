"""Reader of record files: how a row becomes a document, by the columns that the recipe names.

Rows are plain dictionaries and columns are looked up by functions made once, because at web scale this loop is the
cost: validating each row would take longer than parsing it. A row that the recipe does not want (``where``) is no
document of the source and leaves no trace but the gap in the row numbers. Files are taken apart by `record_files`;
rows of the hub's data sets come through the same `RowReader` (see `hub`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from assay.corpus.archive import Archive
from assay.corpus.candidate import Candidate, members
from assay.corpus.cleaning import Unfit
from assay.corpus.record_files import LARGEST_RECORD, TOO_LARGE, Fault, Header, read_rows
from assay.corpus.source import Source
from assay.errors import StepError

FIRST_ROWS = 1000
"""Rows among which every column that the recipe names must be met at least once."""

_MISSING: Any = object()
_Row = dict[str, Any]
_Column = Callable[[_Row], Any]


def read_records(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Each wanted row of the source's record files, as ``source.records`` says.

    The place is ``member#id`` (the number of the row, from 1, where no id is named), with the file's own path after it
    where the recipe names that column: ``member#id/src/main.c``.

    Raises:
        StepError: A column is in none of the first ``FIRST_ROWS`` rows, or the template cannot be compiled.
    """
    reader = RowReader(source)
    for name in members(source, archive):
        try:
            with archive.open(name) as file:
                yield from reader.candidates(name, read_rows(name, file, reader.columns))
        except Unfit as fault:
            yield Candidate(path=name, group=name, data="", fault=str(fault))
    reader.finish()


class RowReader:
    """Turns rows into candidates. State: which columns were met so far, until ``FIRST_ROWS`` rows have been seen."""

    def __init__(self, source: Source) -> None:
        """Compile what ``source.records`` says.

        Raises:
            StepError: It says nothing, or its template cannot be compiled.
        """
        if source.records is None:
            raise StepError(f"source {source.name}: records says how rows are read, and is missing")
        records = source.records
        self._source = source.name
        self._text, own = _text_of(source)
        self._id, self._group, self._path, self._licence = (
            None if column is None else _lookup(column)
            for column in (records.id, records.group, records.path, records.licence)
        )
        self._where = [(_lookup(column), values) for column, values in records.where.items()]
        self._where_not = [(_lookup(column), values) for column, values in records.where_not.items()]
        others = (records.id, records.group, records.path, records.licence, *records.where, *records.where_not)
        self.columns: tuple[str, ...] = tuple(dict.fromkeys([*own, *(name for name in others if name is not None)]))
        """Every column that is needed, dotted where nested."""
        self._unmet = {column: _lookup(column) for column in self.columns}
        self._known: dict[str, None] = {}
        self._rows = 0

    def candidates(self, member: str, items: Iterable[object]) -> Iterator[Candidate]:
        """The candidates of one member, from what `record_files.read_rows` yields of it."""
        number = 0
        for item in items:
            if isinstance(item, dict):
                number += 1
                if self._unmet:
                    self._meet(item)
                candidate = self._candidate(member, number, item)
                if candidate is not None:
                    yield candidate
            elif isinstance(item, Header):
                self._known.update(dict.fromkeys(item.columns))
            else:
                number += 1
                place = f"{member}#{number}"
                fault = item if isinstance(item, Fault) else Fault("record is not an object")
                yield Candidate(path=place, group=place, data=fault.data, fault=fault.reason)

    def finish(self) -> None:
        """Say that there are no more rows.

        Raises:
            StepError: A column that the recipe names was never met, though there were rows.
        """
        if self._unmet and self._rows:
            column = next(iter(self._unmet))
            raise StepError(
                f"source {self._source}: no column is called {column} in the first {self._rows:,} rows; "
                f"there is {', '.join(self._known)}"
            )

    def _meet(self, row: _Row) -> None:
        self._rows += 1
        for column in [column for column, look in self._unmet.items() if look(row) is not _MISSING]:
            del self._unmet[column]
        self._known.update(dict.fromkeys(_names(row)))
        if self._rows == FIRST_ROWS:
            self.finish()

    def _candidate(self, member: str, number: int, row: _Row) -> Candidate | None:
        for look, values in self._where:
            if not _holds(look(row), values):
                return None
        for look, values in self._where_not:
            if _holds(look(row), values):
                return None
        own = self._id(row) if self._id else None
        place = f"{member}#{own if isinstance(own, str | int) and own != '' else number}"
        path = self._path(row) if self._path else None
        if isinstance(path, str) and path:
            place = f"{place}/{path.lstrip('/')}"
        group = self._group(row) if self._group else None
        data = self._text(row)
        fault = None
        if isinstance(data, Fault):
            fault, data = data.reason, ""
        elif len(data) > LARGEST_RECORD:
            fault, data = TOO_LARGE, ""
        return Candidate(
            path=place,
            group=str(group) if isinstance(group, str | int) and group != "" else place,
            data=data,
            licence=_licence(self._licence(row)) if self._licence else None,
            fault=fault,
        )


def _lookup(column: str) -> _Column:
    """Finds the column in a row: under its whole name, else step by step at the dots; ``_MISSING`` where it is not."""
    if "." not in column:
        return lambda row: row.get(column, _MISSING)
    steps = column.split(".")

    def look(row: _Row) -> Any:
        value: Any = row.get(column, _MISSING)
        if value is not _MISSING:
            return value
        value = row
        for step in steps:
            if not isinstance(value, dict) or step not in value:
                return _MISSING
            value = value[step]
        return value

    return look


def _text_of(source: Source) -> tuple[Callable[[_Row], str | bytes | Fault], list[str]]:
    """What gives a row's text, and the columns that it needs."""
    records = source.records
    if records is not None and records.template is not None:
        return _template(source.name, records.template)
    column = (records.text if records is not None else None) or ""
    look = _lookup(column)

    def text(row: _Row) -> str | bytes | Fault:
        value = look(row)
        if isinstance(value, str | bytes):
            return value
        if value is _MISSING:
            return Fault("no such column")
        return "" if value is None else Fault("text is not a string")

    return text, [column]


def _template(source: str, template: str) -> tuple[Callable[[_Row], str | Fault], list[str]]:
    """A Jinja template over the columns; null is written as nothing, and what it may do is sandboxed."""
    from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        finalize=lambda value: "" if value is None else value,
    )
    try:
        names = meta.find_undeclared_variables(environment.parse(template)) - set(environment.globals)
        render = environment.from_string(template).render
    except TemplateSyntaxError as error:
        raise StepError(f"source {source}: the template cannot be read: {error.message}") from error

    def text(row: _Row) -> str | Fault:
        try:
            return render(row)
        except UndefinedError:
            return Fault("no such column")
        except Exception:  # a filter raises whatever it likes at a value that it cannot take
            return Fault("template does not fit the row")

    return text, sorted(names)


def _holds(value: Any, wanted: tuple[Any, ...]) -> bool:
    if value is _MISSING:
        value = None
    return any(one in wanted for one in value) if isinstance(value, list) else value in wanted


def _licence(value: Any) -> str:
    names = value if isinstance(value, list) else [value]
    return " OR ".join(dict.fromkeys(name for name in names if isinstance(name, str) and name)) or "unknown"


def _names(row: _Row, above: str = "") -> Iterator[str]:
    for name, value in row.items():
        if isinstance(value, dict) and value:
            yield from _names(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"
