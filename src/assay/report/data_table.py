"""An ingredient, or the difference of two, as tables on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

MOST = 15
"""Rows of a table."""
PROPERTIES = ("source", "kind", "language", "licence")


def print_facts(facts: Mapping[str, Any], console: Console) -> None:
    """Print what `data.ingredient_facts` gives."""
    train, heldout = facts["train"], facts["heldout"]
    console.print(f"[bold]{escape(facts['ingredient'])}[/bold] of {escape(facts['corpus'])}, {facts['key'][:12]}")
    console.print(f"training  {_amount(train)}{_tokens(facts['tokens'])}")
    groups = sum(len(names) for names in heldout["groups"].values())
    console.print(f"held out  {_amount(heldout)}, {groups:,} groups")
    for key in PROPERTIES:
        _print_counts(f"By {key}", train["by"][key], train["bytes"], console)
    if facts["tokens"]:
        _print_fertility(facts["tokens"], console)
    _print_dropped(facts["dropped"], console)
    _print_near(facts, console)
    _print_benchmarks(facts, console)
    for row in facts["examples"]:
        about = [row["source"] + ":" + row["path"], row["language"], row.get("licence") or row.get("detail", "")]
        console.rule(Text(" · ".join(part for part in about if part)), align="left")
        console.print(Text(row["text"] + (" …" if row["characters"] > len(row["text"]) else "")))


def _amount(entry: Mapping[str, Any]) -> str:
    return f"{entry['documents']:,} documents, {entry['bytes'] / 1e6:,.2f} MB"


def _tokens(counted: Mapping[str, Any] | None) -> str:
    if counted is None or not counted["tokens"]:
        return ""
    return f", {counted['tokens']:,} tokens ({counted['bytes'] / counted['tokens']:.2f} bytes a token)"


def _print_counts(title: str, values: Mapping[str, Mapping[str, int]], whole: int, console: Console) -> None:
    table = Table("", "documents", "MB", "share", title=title, title_justify="left")
    ordered = sorted(values.items(), key=lambda pair: (-pair[1]["bytes"], pair[0]))
    for name, entry in ordered[:MOST]:
        share = f"{entry['bytes'] / whole:.1%}" if whole else ""
        table.add_row(escape(name), f"{entry['documents']:,}", f"{entry['bytes'] / 1e6:,.2f}", share)
    if len(ordered) > MOST:
        table.add_row(f"{len(ordered) - MOST:,} more", "", "", "")
    console.print(table)


def _print_fertility(counted: Mapping[str, Any], console: Console) -> None:
    table = Table("kind", "language", "documents", "tokens", "bytes a token", title="Tokens", title_justify="left")
    for entry in sorted(counted["by_label"], key=lambda entry: -entry["tokens"])[:MOST]:
        fertility = f"{entry['bytes'] / entry['tokens']:.2f}"
        table.add_row(
            entry["kind"], escape(entry["language"]), f"{entry['documents']:,}", f"{entry['tokens']:,}", fertility
        )
    console.print(table)


def _print_dropped(reasons: Mapping[str, Mapping[str, int]], console: Console) -> None:
    if not reasons:
        console.print("Nothing was dropped.")
        return
    table = Table("reason", "documents", "MB", title="Dropped, and kept beside", title_justify="left")
    for reason, entry in sorted(reasons.items(), key=lambda pair: -pair[1]["documents"]):
        table.add_row(escape(reason), f"{entry['documents']:,}", f"{entry['bytes'] / 1e6:,.2f}")
    console.print(table)


def _print_near(facts: Mapping[str, Any], console: Console) -> None:
    near = facts["near"]
    curve = " · ".join(f"{similarity:g}: {chance:.1%}" for similarity, chance in facts["s_curve"])
    others = ", ".join(facts["compared_with"]) or "no other ingredient"
    console.print(
        f"Near duplicates: {near['bands']} bands of {near['rows']} hashes over 5-word shingles, within it and against "
        f"{escape(others)}. Chance that two documents of a Jaccard similarity are found double: {curve}",
        soft_wrap=True,
    )


def _print_benchmarks(facts: Mapping[str, Any], console: Console) -> None:
    if not facts["benchmarks"]:
        console.print("Benchmarks: no item of a known benchmark was found in it, or it was compared with none.")
        return
    table = Table(
        "benchmark", "items met", "documents dropped", title="Found of known benchmarks", title_justify="left"
    )
    for name, entry in facts["benchmarks"].items():
        table.add_row(escape(name), f"{entry['items']:,}", f"{entry['documents_dropped']:,}")
    console.print(table)
    for one in sorted(facts["found"], key=lambda one: (-one["share"], one["benchmark"], one["item"]))[:MOST]:
        fate = "dropped" if one["dropped"] else "kept"
        what = f"{one['share']:.0%} of the {one['part']} of {one['benchmark']} {one['item']}"
        head = f"{what} ({one['how']}) in {one['source']}:{one['path']}, {fate}"
        console.print(Text(head, style="bold"), soft_wrap=True)
        console.print(Text("  " + " ".join(one["excerpt"].split())), soft_wrap=True)


def print_difference(a: str, b: str, told: Mapping[str, Any], console: Console) -> None:
    """Print what `data.difference` gives of the ingredients called ``a`` and ``b``."""
    table = Table(
        "", "documents", "MB", "near doubles in the other", title_justify="left", title=escape(f"{a} and {b}")
    )
    for name, key in (("in both", "both"), (f"only in {a}", "a"), (f"only in {b}", "b")):
        entry = told[key]
        near = f"{entry['near']:,}" if key != "both" else ""
        table.add_row(escape(name), f"{entry['documents']:,}", f"{entry['bytes'] / 1e6:,.2f}", near)
    console.print(table)
    for name, key in ((a, "a"), (b, "b")):
        entry = told[key]
        for what in ("source", "language"):
            if entry["documents"]:
                _print_counts(f"Only in {name}, by {what}", entry["by"][what], entry["bytes"], console)
        for row in entry["examples"]:
            console.rule(Text(f"only in {name}: {row['source']}:{row['path']}"), align="left")
            console.print(Text(row["text"]))
    if told["dropped"]:
        lost = Table("dropped", a, b, title_justify="left")
        for reason, (one, other) in told["dropped"].items():
            lost.add_row(escape(reason), f"{one:,}", f"{other:,}")
        console.print(lost)
