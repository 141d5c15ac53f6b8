"""What clearing the store frees, or would: by kind, oldest first."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from assay.run.collect import Garbage, Held

MOST = 12
"""Artifacts listed one by one."""
NAMES = {"partial": "unfinished work", "content": "unnamed content"}


def print_garbage(garbage: Garbage, numerics: str, deleted: bool, console: Console) -> None:
    """Print what was found.

    Args:
        garbage: From `assay.run.collect.find_garbage`.
        numerics: This machine's, in one line.
        deleted: Whether it is gone already.
        console: Where to.
    """
    free = garbage.free
    console.print(f"Needed, and kept: {_amount(garbage.kept)}.", soft_wrap=True)
    if not free:
        console.print("Everything in the store is needed: there is nothing to delete.")
        return
    if garbage.elsewhere:
        console.print(
            f"{garbage.elsewhere} of those not needed are steps of the named studies under other numerics than this "
            f"machine's ({numerics}). --keep-runs DIR keeps what a run folder was made from, whatever its numerics.",
            soft_wrap=True,
        )
    table = Table(title=f"{'Deleted' if deleted else 'Would free'}: {_amount(free)}", title_justify="left")
    for name in ("kind", "oldest (UTC)", "newest"):
        table.add_column(name)
    for name in ("artifacts", "size"):
        table.add_column(name, justify="right")
    for kind in dict.fromkeys(one.kind for one in free):
        some = [one for one in free if one.kind == kind]
        size = decimal(sum(one.bytes for one in some))
        table.add_row(NAMES.get(kind, kind), _day(some[0]), _day(some[-1]), f"{len(some):,}", size)
    console.print(table)
    if deleted:
        return
    console.print("The oldest:" if len(free) > MOST else "Each:")
    for one in free[:MOST]:
        line = f"  {_day(one)}  {decimal(one.bytes):>9}  {one.kind}/{one.key[:12]}  {one.title}"
        console.print(Text(line), soft_wrap=True)
    if len(free) > MOST:
        console.print(f"  and {len(free) - MOST:,} more")
    console.print("Nothing was deleted. Give --delete to delete it.")
    if garbage.unguarded:
        console.print(
            "When you do, nobody else may be running a study on it: no lock holds across machines.", soft_wrap=True
        )


def _amount(some: Sequence[Held]) -> str:
    return f"{len(some):,} artifact{'' if len(some) == 1 else 's'}, {decimal(sum(one.bytes for one in some))}"


def _day(one: Held) -> str:
    return datetime.fromtimestamp(one.time, UTC).strftime("%Y-%m-%d %H:%M") if one.time else "at some time"
