"""Verified problems on a terminal: how many stages were passed by how many, and examples of either."""

import itertools
import random
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assay.corpus.synthesis.collection import Collection
from assay.corpus.synthesis.layouts import LAYOUTS, write
from assay.corpus.synthesis.record import Record
from assay.corpus.synthesis.verification.yields import STAGES
from assay.errors import InputError, nearest

MOST_REASONS = 12
_TOLD = 40
"""Lines of a refused problem that are shown."""


def print_yield(made: Collection, console: Console) -> None:
    """How many problems passed each stage, and the commonest reasons against them."""
    about = made.about
    console.print(
        f"[bold]{about['records']:,}[/bold] verified problems in {escape(str(made.folder))} "
        f"(sandbox: {', '.join(about['tiers'])})"
    )
    table = Table(box=None, pad_edge=False)
    for name in ("stage", "refused", "left", "share"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    left = about["made"]
    table.add_row("made", "", f"{left:,}", "")
    for stage in STAGES:
        lost = sum(about["refused"].get(stage, {}).values()) + (about["repeated"] if stage == "duplicate" else 0)
        left -= lost
        if lost:
            table.add_row(stage, f"{lost:,}", f"{left:,}", f"{left / max(1, about['made']):.1%}")
    if made.surplus:
        table.add_row("not asked for", f"{made.surplus:,}", f"{left - made.surplus:,}", "")
    console.print(table)
    reasons = [(n, stage, why) for stage, counts in about["refused"].items() for why, n in counts.items()]
    for count, stage, why in sorted(reasons, key=lambda one: (-one[0], one[1:]))[:MOST_REASONS]:
        console.print(Text(f"  {count:>7,}  {stage}: {why}"))


def print_collection(
    made: Collection, examples: int, seed: int, refused: str | None, layout: str, console: Console
) -> None:
    """The yield, and some problems drawn at random.

    Args:
        made: What is shown.
        examples: How many are drawn.
        seed: Of the draw.
        refused: Draw from what was refused at this stage instead.
        layout: How proved ones are written.
        console: Where to.

    Raises:
        InputError: A stage or layout that is not there, or nothing was refused at that stage.
    """
    if layout not in LAYOUTS:
        raise InputError(f"there is no layout '{layout}'{nearest(layout, LAYOUTS)}")
    if refused is not None and refused not in STAGES:
        raise InputError(f"there is no stage '{refused}'{nearest(refused, STAGES)}")
    print_yield(made, console)
    rows: list[tuple[str, str]]
    if refused is None:
        records = _drawn(made.about["records"], examples, seed, made.records())
        name = next(one for one in LAYOUTS if one == layout)
        rows = [(record.problem.id, write(record, name)) for record in records]
    else:
        found = [one for one in made.refused() if one.stage == refused]
        if not found:
            raise InputError(f"nothing was refused at the stage '{refused}'")
        chosen = random.Random(seed).sample(found, min(examples, len(found)))
        rows = [(f"{one.id} · {one.why} · {one.detail}", _cut(one.text)) for one in chosen]
    for title, text in rows:
        console.rule(Text(_plain(title)), align="left")
        console.print(Text(_plain(text)), soft_wrap=True)


def _drawn(count: int, wanted: int, seed: int, records: Iterable[Record]) -> list[Record]:
    places = set(random.Random(seed).sample(range(count), min(wanted, count)))
    return [record for at, record in enumerate(itertools.islice(records, count)) if at in places]


def _cut(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(lines[:_TOLD]) + ("\n…" if len(lines) > _TOLD else "")


def _plain(text: str) -> str:
    """Without control characters: a model may have written it."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text.expandtabs(4))
