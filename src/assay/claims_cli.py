"""``assay claims``: the study's statements, worked out again from its tables, or asked of a finished study.

Needs no store, no torch and no network: the claims come with the program, a finished study is its folder.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

    from assay.analyze.claims.claim import Claim, Tables

WIDTH = 150
WIDER = 190
"""Columns of a table that is written into a file or pipe."""
METRIC = {
    "bits_per_byte": "bits per byte",
    "accuracy": "accuracy",
    "accuracy_norm": "accuracy, by length",
    "answers": "right answers",
    "win_minus_loss": "win − loss, points",
    "win_rate": "win rate − 50 %",
}
VERDICTS = ("agrees", "disagrees", "cannot be checked")


def claims(
    name: Annotated[str | None, typer.Argument(metavar="[CLAIM]", help="One claim, in full.")] = None,
    study: Annotated[
        Path | None,
        typer.Option("--study", metavar="DIR", help="A run folder of a finished study: what its own data say of them."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """Check the claims of "To Code, or Not To Code?" against its own tables, or against a study of yours."""
    from assay.analyze.claims.claim import claim_named, load_claims

    every, tables = load_claims()
    chosen = every if name is None else (claim_named(name),)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH if study is None else WIDER)
    if study is not None:
        from assay.analyze.claims.asked import ask

        rows = ask(study, chosen)
        if as_json:
            print(json.dumps(rows, indent=1, ensure_ascii=False))
        else:
            _print_asked(rows, chosen, console)
        return
    if as_json:
        told = [_about(claim, tables) for claim in chosen]
        print(json.dumps(told if name is None else told[0], indent=1, ensure_ascii=False))
    elif name is None:
        _print_all(chosen, tables, console)
    else:
        _print_one(chosen[0], tables, console)


def _about(claim: "Claim", tables: "Tables") -> dict[str, Any]:
    from assay.analyze.claims.claim import cell
    from assay.analyze.claims.rederive import rederive

    return {
        **claim.model_dump(mode="json"),
        "printed": [cell(tables, at) for at in claim.cells],
        "rederived": rederive(claim, tables).as_dict(),
    }


def _print_all(chosen: "Sequence[Claim]", tables: "Tables", console: Console) -> None:
    from collections import Counter

    from assay.analyze.claims.rederive import rederive
    from assay.report.numbers import NONE

    drawn = _table("claim", "a", "b", "of", "stated", "from the tables", "verdict")
    found: Counter[str] = Counter()
    for claim in chosen:
        made = rederive(claim, tables)
        found[made.verdict] += 1
        value = NONE if made.value is None else _like(claim, made.value)
        drawn.add_row(claim.name, str(claim.a), str(claim.b), claim.metric, claim.shown(), value, made.verdict)
    console.print(drawn)
    parts = (f"{found[verdict]} {_plural(verdict, found[verdict])}" for verdict in VERDICTS)
    console.print(f"{len(chosen)} claims: {', '.join(parts)}. The first nine are those the study is known for.")


def _print_one(claim: "Claim", tables: "Tables", console: Console) -> None:
    from rich.text import Text

    from assay.analyze.claims.claim import cell
    from assay.analyze.claims.rederive import rederive

    made = rederive(claim, tables)
    lines = [
        f"{claim.name}: {made.verdict}",
        "",
        f"states   {claim.states}",
        *([f"quote    “{claim.quote}”"] if claim.quote else []),
        f"source   {claim.source}",
        f"a        {claim.a}",
        f"b        {claim.b}",
        f"stated   {claim.shown()} of {claim.metric}",
    ]
    for at in claim.cells:
        printed = cell(tables, at)
        table = tables[at[0]]
        lines.append(f"cell     {table.source}: {at[1]}, {at[2]}: {'not printed' if printed is None else printed}")
    lines.append(f"reckoned {made.how}")
    if made.off is not None:
        lines.append(f"off by   {_like(claim, made.off)}")
    if claim.note:
        lines.append(f"note     {claim.note}")
    console.print(Text("\n".join(lines)), soft_wrap=True)


def _print_asked(rows: Sequence[dict[str, Any]], chosen: "Sequence[Claim]", console: Console) -> None:
    from rich.text import Text

    from assay.analyze.claims.judged import GENERATION
    from assay.report.numbers import NONE, interval, plain, signed

    drawn = _table("claim", "stated", "a", "b", "size", "metric", "gain of a", "95 %", "smallest seen", "verdict")
    unasked: dict[str, list[str]] = {}
    for row in rows:
        if row["verdict"] == "not asked":
            unasked.setdefault(row["why"], []).append(row["claim"])
            continue
        head = (row["claim"], row["stated"], row["a"], row["b"], row["size"] or NONE)
        for place, measured in enumerate((row, *row["beside"])):
            capability, _, measure = measured["metric"].partition("/")
            digits = 1 if capability == GENERATION else 3
            effect, ends = signed(measured["gain"], digits), interval(measured["low"], measured["high"], digits)
            seen = plain(measured["smallest"], digits)
            drawn.add_row(
                *(map(_safe, head) if place == 0 else [""] * len(head)),
                METRIC[measure],
                effect,
                ends,
                seen,
                measured["verdict"],
            )
    if drawn.row_count:
        console.print(drawn)
        console.print(
            "A gain is positive where a is better, whatever the metric; 'smallest seen' is the smallest effect that "
            "would have been found four times in five. Verdicts pay for the number of contrasts (Holm's correction), "
            "intervals do not."
        )
        pairs = {(row["a"], row["b"]): row["confounds"] for row in rows if row.get("confounds")}
        for row in rows:
            if row["verdict"] != "not asked" and row["gain"] is None:
                console.print(Text(f"{row['claim']} has no numbers: {row['why']}."), soft_wrap=True)
        for (a, b), confounds in pairs.items():
            console.print(Text(f"{a} and {b} differ also in: {'; '.join(confounds)}."), soft_wrap=True)
        told: dict[str, int] = {}
        for row in rows:
            told[row["verdict"]] = told.get(row["verdict"], 0) + 1
        told.pop("not asked", None)
        console.print(", ".join(f"{count} {verdict}" for verdict, count in sorted(told.items())) + ".")
    for why, names in unasked.items():
        console.print(Text(f"Not asked ({why}): {', '.join(names)}."), soft_wrap=True)


def _safe(written: object) -> str:
    from rich.markup import escape

    return escape(str(written))


def _like(claim: "Claim", value: float) -> str:
    """A value in the claim's unit, with its digits."""
    from assay.report.numbers import plain, signed

    digits = max(1, len(claim.stated.partition(".")[2]))
    if claim.unit == "times":
        return f"{plain(value, digits)} times"
    return f"{signed(value, digits)} {'%' if claim.unit == 'relative %' else 'points'}"


def _plural(verdict: str, count: int) -> str:
    return verdict.removesuffix("s") if verdict != "cannot be checked" and count != 1 else verdict


def _table(*columns: str) -> "Table":
    from rich.table import Table

    drawn = Table()
    for column in columns:
        right = column in {"stated", "from the tables", "gain of a", "95 %", "smallest seen"}
        drawn.add_column(
            column,
            justify="right" if right else "left",
            overflow="fold",
            no_wrap=column in {"claim", "stated", "metric", "95 %"},
        )
    return drawn
