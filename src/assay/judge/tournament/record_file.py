"""Judgements on disk: one Parquet file, its rows in one order whatever the order of the work.

Sorting makes the same judgements the same bytes. Nothing is interpreted here: what two orders say together is
`assay.judge.tournament.outcome`'s business.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import InputError
from assay.files import ASIDE, flush, refused
from assay.judge.judgement import JUDGEMENTS, Judgement

PREFERRED = get_args(Judgement.__annotations__["preferred"])
KEY = ("judge", "prompt", "a", "b", "seed", "a_first")
"""What a judgement is of; no two have it in common."""


def write_judgements(path: Path | str, rows: Iterable[Judgement]) -> None:
    """Write judgements with the columns of `JUDGEMENTS`, sorted by `KEY`; an existing file is replaced at the end.

    Raises:
        StepError: The disk is full or cannot be written.
    """
    path = Path(path)
    ordered = sorted(rows, key=lambda row: tuple(getattr(row, name) for name in KEY))
    columns = {name: [getattr(row, name) for row in ordered] for name in JUDGEMENTS.names}
    aside = path.with_name(f"{ASIDE}{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns, schema=JUDGEMENTS), aside, compression="zstd")
        flush(aside)
        aside.rename(path)
    except OSError as problem:
        aside.unlink(missing_ok=True)
        if told := refused(problem, path.parent):
            raise told from None
        raise


def read_judgements(path: Path | str) -> list[Judgement]:
    """The judgements of one file, in its order.

    Raises:
        InputError: There is no such file, it is no Parquet file, it lacks a column, or holds a verdict that is none.
    """
    path = Path(path)
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError("there is no such file of judgements", str(path)) from None
    except (pa.ArrowInvalid, OSError) as problem:
        raise InputError(f"it cannot be read as a file of judgements: {problem}", str(path)) from None
    missing = [name for name in JUDGEMENTS.names if name not in table.column_names]
    if missing:
        raise InputError(f"these judgements lack the column(s) {', '.join(missing)}", str(path))
    try:
        table = table.select(JUDGEMENTS.names).cast(JUDGEMENTS)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
        raise InputError(f"a column is not of its type: {problem}", str(path)) from None
    unknown = sorted({str(verdict) for verdict in table["preferred"].unique().to_pylist()} - set(PREFERRED))
    if unknown:
        raise InputError(f"'{unknown[0]}' is no verdict; there is {', '.join(PREFERRED)}", str(path))
    return [Judgement(**row) for row in table.to_pylist()]
