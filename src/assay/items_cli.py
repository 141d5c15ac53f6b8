"""``assay items``: item records filtered, grouped, written out, or shown with their texts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from assay.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = (
    "arm", "size", "seed", "task", "item", "gold", "correct", "correct_norm", "bits_per_byte", "margin", "generated",
)  # fmt: skip
"""Columns that are printed unless others are asked for."""
HEAD = 20


def items(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder of a study, or one of 'assay eval'.")],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="CONDITION…", help="Conditions, as for --where.", show_default=False)
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="task=piqa, task=piqa,copa, correct=false, margin<0, right!=null; repeatable, all must hold.",
        ),
    ] = None,
    group_by: Annotated[
        str | None, typer.Option("--group-by", metavar="A,B", help="Counts and means by these columns instead.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B", help="Columns to show or write; all: every one.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="A,-B", help="Sort by these columns; a minus before a name: descending.")
    ] = None,
    head: Annotated[
        int | None, typer.Option(min=1, help=f"The first so many; default {HEAD} where they are printed, else all.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write them to a .csv, .parquet or .jsonl file.")
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", help="With context and choices, as far as the store has them.")
    ] = False,
) -> None:
    """Query item records: one line per checkpoint, task and item."""
    from assay.analyze.query import chosen, column_of, grouped, ordered, read_items, write_items

    if text and group_by is not None:
        raise InputError("--text shows single items, and --group-by only groups of them")
    found = chosen(read_items(folder), [*(more or ()), *(where or ())])
    if group_by is not None:
        found = grouped(found, _names(group_by, "--group-by"))
    found = ordered(found, _names(sort, "--sort"))
    total = found.num_rows
    first = head if head is not None or out is not None else HEAD
    found = found if first is None else found.slice(0, first)
    shown = list(_names(columns, "--columns"))
    if shown == ["all"] or (not shown and (out is not None or group_by is not None)):
        shown = found.column_names
    for name in shown:
        column_of(found, name)
    shown = shown or _told(found)
    texts = _texts(found) if text else {}
    if out is not None:
        table = found.select(shown)
        write_items(_with_texts(table, found, texts) if text else table, out)
        print(f"{table.num_rows:,} of {total:,} {'groups' if group_by else 'records'}: {out}")
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    if text:
        _print_texts(found, texts, console)
    else:
        _print(found.select(shown), console)
    if found.num_rows < total or not total:
        console.print(f"{found.num_rows:,} of {total:,} {'groups' if group_by else 'records'}.", soft_wrap=True)


def _told(found: "pa.Table") -> list[str]:
    """`SHOWN` without measures that no record has, and the draw where there is more than one."""
    told = [name for name in SHOWN if found[name].null_count < found.num_rows or name in SHOWN[:5]]
    if any(found["fork_seed"].to_pylist()):
        told.insert(told.index("seed") + 1, "fork_seed")
    return told


def _names(written: str | None, option: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (written or "").split(",") if name.strip())
    if written is not None and not names:
        raise InputError(f"{option} names no column")
    return names


def _texts(found: "pa.Table") -> Mapping[str, Any]:
    from assay.run.item_texts import item_texts
    from assay.run.store import present_store

    return item_texts(present_store(), set(found["item"].to_pylist()))


def _with_texts(table: "pa.Table", found: "pa.Table", texts: Mapping[str, Any]) -> "pa.Table":
    import pyarrow as pa

    known = [texts.get(name) for name in found["item"].to_pylist()]
    several = pa.list_(pa.string())
    contexts = pa.array([None if one is None else list(one.contexts) for one in known], several)
    choices = pa.array([None if one is None else list(one.choices) for one in known], several)
    return table.append_column("contexts", contexts).append_column("choices", choices)


def _print(table: "pa.Table", console: Console) -> None:
    from rich.table import Table

    drawn = Table()
    for field in table.schema:
        drawn.add_column(field.name, justify="left" if str(field.type) == "string" else "right", no_wrap=True)
    for row in table.to_pylist():
        drawn.add_row(*map(_cell, row.values()))
    console.print(drawn)


def _cell(value: object) -> str:
    from assay.report.numbers import NONE, plain

    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return plain(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_cell, value))
    return str(value)


def _print_texts(found: "pa.Table", texts: Mapping[str, Any], console: Console) -> None:
    from rich.text import Text

    for row in found.to_pylist():
        names = ("arm", "size", "seed", "task", "item")
        head = " ".join(str(row[name]) for name in names if row[name] not in {None, "", -1})
        measures = [f"{name} {_cell(row[name])}" for name in SHOWN[6:] if row[name] is not None]
        console.print(Text(f"{head}: {', '.join(measures)}", style="bold"), soft_wrap=True)
        known = texts.get(row["item"])
        if known is None:
            console.print(Text("  (the store holds no request for it)"))
            continue
        best = row["logprob"].index(max(row["logprob"])) if row["logprob"] else None
        for number, choice in enumerate(known.choices):
            if number < len(known.contexts):
                console.print(Text(known.contexts[number]), soft_wrap=True)
            marks = ("right" if number == row["gold"] else "") + (" likeliest" if number == best else "")
            told = f"{row['logprob'][number]:.3f} nats" if row["logprob"] else ""
            console.print(Text(f"  [{number}] {choice!r}  {told}  {marks}".rstrip()), soft_wrap=True)
        console.print()
