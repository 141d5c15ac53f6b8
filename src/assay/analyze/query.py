"""Item records looked at one by one: those that satisfy some conditions, sorted, or their means by group.

A condition is a column, a comparison and a value, and nothing that could run code; values are read by the column's
type. Beside the columns of `assay.evaluate.records.RECORDS` there are two that follow from them: ``bits_per_byte`` and
``generated``, the share of an item's answers in words that were right. Only pyarrow is used.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from assay.errors import InputError, nearest
from assay.evaluate.records import RECORDS

CONDITION = re.compile(r"\s*(\w+)\s*(==|!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)
MEASURES = ("correct", "correct_norm", "bits_per_byte", "margin", "probability", "greedy", "generated")
"""What `grouped` takes the mean of."""
ORDERS = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}
TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


def read_items(folder: Path) -> pa.Table:
    """All item records of a run folder or an evaluation's, with the columns that follow from them.

    Raises:
        InputError: There are none, or a file holds something else.
    """
    paths = sorted((folder / "items").glob("*.parquet"))
    if not paths:
        raise InputError(f"{folder} holds no item records: give a run folder of a finished study, or of 'assay eval'")
    return pa.concat_tables(map(read_file, paths))


def read_file(path: Path) -> pa.Table:
    """The item records of one file, with the columns that follow from them.

    Raises:
        InputError: It cannot be read, or holds something else.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as problem:
        raise InputError(f"{path} cannot be read: {problem}") from None
    missing = [name for name in RECORDS.names if name not in table.column_names]
    if missing:
        raise InputError(f"{path} lacks the column(s) {', '.join(missing)}: it is not Assay's, or too old")
    items = table.select(RECORDS.names)
    bits = pc.divide(items["gold_bits"], pc.cast(items["gold_bytes"], pa.float64()))
    share = pc.divide(pc.cast(items["right"], pa.float64()), pc.cast(items["samples"], pa.float64()))
    return items.append_column("bits_per_byte", bits).append_column("generated", share)


def chosen(items: pa.Table, conditions: Sequence[str]) -> pa.Table:
    """The records that satisfy all conditions, in their order.

    Args:
        items: From `read_items`.
        conditions: Such as ``task=piqa``, ``task=piqa,boolq`` (either), ``correct=false``, ``margin<0``,
            ``right!=null``. A comparison with a column that is null is not satisfied.

    Raises:
        InputError: One is no condition, or names no column (with the nearest), or a value that the column cannot have.
    """
    for condition in conditions:
        items = items.filter(_mask(items, condition))
    return items


def _mask(items: pa.Table, condition: str) -> Any:
    match = CONDITION.fullmatch(condition)
    if match is None:
        raise InputError(f"'{condition}' is no condition; task=piqa, correct=false or margin<0 would be")
    name, sign, written = match.groups()
    column = column_of(items, name)
    kind = column.type
    if pa.types.is_list(kind):
        raise InputError(f"'{condition}': {name} is a list, which is not compared; see --columns and --out")
    if written == "null":
        if sign not in {"=", "==", "!="}:
            raise InputError(f"'{condition}': null is neither less nor more than anything")
        return pc.is_valid(column) if sign == "!=" else pc.is_null(column)
    if sign in ORDERS:
        if pa.types.is_boolean(kind):
            raise InputError(f"'{condition}': {name} is true or false, which is compared with = or !=")
        return ORDERS[sign](column, _value(condition, name, kind, written))
    parts = [part.strip() for part in written.split(",")]
    values = pa.array([_value(condition, name, kind, part).as_py() for part in parts], kind)
    found = pc.is_in(column, value_set=values)
    return found if sign != "!=" else pc.and_(pc.invert(found), pc.is_valid(column))


def _value(condition: str, name: str, kind: pa.DataType, written: str) -> pa.Scalar:
    if pa.types.is_boolean(kind):
        if written.lower() not in TRUTHS:
            raise InputError(f"'{condition}': {name} is true or false, and not '{written}'")
        return pa.scalar(TRUTHS[written.lower()], kind)
    if pa.types.is_string(kind):
        return pa.scalar(written.strip("'\""), kind)
    try:
        return pa.scalar(int(written) if pa.types.is_integer(kind) else float(written), kind)
    except (ValueError, pa.ArrowInvalid, OverflowError):
        what = "a whole number" if pa.types.is_integer(kind) else "a number"
        raise InputError(f"'{condition}': {name} is {what}, and '{written}' is not") from None


def column_of(items: pa.Table, name: str) -> pa.ChunkedArray:
    """A column by name.

    Raises:
        InputError: There is none, with the nearest.
    """
    if name not in items.column_names:
        raise InputError(f"item records have no column '{name}'{nearest(name, items.column_names)}")
    return items[name]


def ordered(items: pa.Table, by: Sequence[str]) -> pa.Table:
    """Sorted by some columns, descending where a name begins with ``-``; nulls last, ties in their order.

    Raises:
        InputError: There is no such column, or it is a list.
    """
    keys = []
    for name in by:
        column = column_of(items, name.removeprefix("-"))
        if pa.types.is_list(column.type):
            raise InputError(f"{name.removeprefix('-')} is a list, which has no order")
        keys.append((name.removeprefix("-"), "descending" if name.startswith("-") else "ascending"))
    if not keys:
        return items
    place = "_place"
    numbered = items.append_column(place, pa.array(range(items.num_rows), pa.int64()))
    return items.take(pc.sort_indices(numbered, sort_keys=[*keys, (place, "ascending")]))


def grouped(items: pa.Table, by: Sequence[str]) -> pa.Table:
    """Number of records and means of the measures, by groups in the order they first appear.

    Bits per byte are those of all items together (bits over bytes); of every other measure the mean over the items
    that have it, null where none has.

    Raises:
        InputError: There is no such column, or it is a list.
    """
    for name in by:
        if pa.types.is_list(column_of(items, name).type):
            raise InputError(f"{name} is a list, by which nothing is grouped")
    plain = [name for name in MEASURES if name != "bits_per_byte"]
    cast = {name: pc.cast(items[name], pa.float64()) for name in (*plain, "gold_bits", "gold_bytes")}
    # a measure may itself be what is grouped by, so the copies have names of their own
    table = pa.table({**{name: items[name] for name in by}, **{f"{name} ": column for name, column in cast.items()}})
    wanted = [
        ([], "count_all"),
        *((f"{name} ", "mean") for name in plain),
        ("gold_bits ", "sum"),
        ("gold_bytes ", "sum"),
    ]
    found = table.group_by(list(by), use_threads=False).aggregate(wanted)
    columns = {name: found[name] for name in by} | {"items": found["count_all"]}
    for name in MEASURES:
        is_ratio = name == "bits_per_byte"
        columns[name if name not in by else f"mean_{name}"] = (
            pc.divide(found["gold_bits _sum"], found["gold_bytes _sum"]) if is_ratio else found[f"{name} _mean"]
        )
    return pa.table(columns)


def write_items(table: pa.Table, path: Path) -> None:
    """Write records as .csv (lists as JSON text), .parquet or .jsonl; the file appears whole.

    Raises:
        InputError: Another ending, or no folder to write into.
    """
    if path.suffix not in {".csv", ".parquet", ".jsonl"}:
        raise InputError(f"{path} ends in none of .csv, .parquet, .jsonl")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write {path.name} into")
    aside = path.with_name(f".{path.name}.part")
    try:
        if path.suffix == ".parquet":
            pq.write_table(table, aside, compression="zstd")
        elif path.suffix == ".csv":
            csv.write_csv(_without_lists(table), aside)
        else:
            with aside.open("w", encoding="utf-8") as file:
                for row in table.to_pylist():
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _without_lists(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            written = [None if one is None else json.dumps(one, ensure_ascii=False) for one in table[place].to_pylist()]
            table = table.set_column(place, field.name, pa.array(written, pa.string()))
    return table
