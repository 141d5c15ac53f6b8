"""An ingredient, or the difference of two, as tables on a terminal."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

MOST = 15
"""Rows of a table."""
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SIGNALS = {
    "parses": ("parse", ".0%"),
    "comment_share": ("comments", ".0%"),
    "complexity": ("complexity of a function", ".1f"),
    "lines": ("lines", ",.0f"),
    "mean_line": ("characters a line", ".0f"),
    "longest_line": ("of the longest line", ".0f"),
    "alphanumeric": ("letters and digits", ".0%"),
}
"""What a signal is called, and how it is written."""
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
    if facts["signals"]:
        _print_signals(facts["signals"], console)
    _print_dropped(facts["dropped"], console)
    if facts["masked"]:
        told = ", ".join(f"{count:,} {kind}" for kind, count in facts["masked"].items())
        console.print(f"Masked: {escape(told)}.")
    _print_near(facts, console)
    _print_benchmarks(facts, console)
    for row in facts["examples"]:
        about = [row["source"] + ":" + row["path"], row["language"], row.get("licence") or row.get("detail", "")]
        console.rule(_shown(" · ".join(part for part in about if part)), align="left")
        console.print(_shown(row["text"] + (" …" if row["characters"] > len(row["text"]) else "")))


def _table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table whose columns of numbers are flush right."""
    table = Table(title=escape(title) or None, title_justify="left")
    for name in words:
        table.add_column(escape(name))
    for name in numbers:
        table.add_column(escape(name), justify="right")
    return table


def _shown(text: str) -> Text:
    """A document's text without what would steer the terminal."""
    return Text(_STEERING.sub("\N{REPLACEMENT CHARACTER}", text))


def _amount(entry: Mapping[str, Any]) -> str:
    return f"{entry['documents']:,} documents, {entry['bytes'] / 1e6:,.2f} MB"


def _tokens(counted: Mapping[str, Any] | None) -> str:
    if counted is None or not counted["tokens"]:
        return ""
    return f", {counted['tokens']:,} tokens ({counted['bytes'] / counted['tokens']:.2f} bytes a token)"


def _print_counts(title: str, values: Mapping[str, Mapping[str, int]], whole: int, console: Console) -> None:
    table = _table(title, [""], ["documents", "MB", "share"])
    ordered = sorted(values.items(), key=lambda pair: (-pair[1]["bytes"], pair[0]))
    for name, entry in ordered[:MOST]:
        share = f"{entry['bytes'] / whole:.1%}" if whole else ""
        table.add_row(escape(name), f"{entry['documents']:,}", f"{entry['bytes'] / 1e6:,.2f}", share)
    if len(ordered) > MOST:
        table.add_row(f"{len(ordered) - MOST:,} more", "", "", "")
    console.print(table)


def _print_fertility(counted: Mapping[str, Any], console: Console) -> None:
    table = _table("Tokens", ["kind", "language"], ["documents", "tokens", "bytes a token"])
    for entry in sorted(counted["by_label"], key=lambda entry: -entry["tokens"])[:MOST]:
        fertility = f"{entry['bytes'] / entry['tokens']:.2f}"
        table.add_row(
            entry["kind"], escape(entry["language"]), f"{entry['documents']:,}", f"{entry['tokens']:,}", fertility
        )
    console.print(table)


def _print_signals(signals: Mapping[str, Any], console: Console) -> None:
    means = ", ".join(
        f"{SIGNALS[name][0]} {value:{SIGNALS[name][1]}}"
        for name, value in signals["means"].items()
        if value is not None
    )
    roles = ", ".join(f"{count} {role}" for role, count in sorted(signals["roles"].items(), key=lambda pair: -pair[1]))
    console.print(f"Of {signals['files']} files drawn at random: {means}. Linguist has {roles}.")


def _print_dropped(reasons: Mapping[str, Mapping[str, int]], console: Console) -> None:
    if not reasons:
        console.print("Nothing was dropped.")
        return
    table = _table("Dropped, and kept beside", ["reason"], ["documents", "MB"])
    for reason, entry in sorted(reasons.items(), key=lambda pair: -pair[1]["documents"]):
        table.add_row(escape(reason), f"{entry['documents']:,}", f"{entry['bytes'] / 1e6:,.2f}")
    console.print(table)


def _print_near(facts: Mapping[str, Any], console: Console) -> None:
    near = facts["near"]
    curve = " · ".join(f"{similarity:g}: {chance:.1%}" for similarity, chance in facts["s_curve"])
    others = ", ".join(facts["compared_with"]) or "no other ingredient"
    console.print(
        f"Near duplicates: {near['bands']} bands of {near['rows']} hashes over 5-word shingles, within it and against "
        f"{escape(others)}. Chance that two documents of a Jaccard similarity are found double: {curve}"
    )


def _print_benchmarks(facts: Mapping[str, Any], console: Console) -> None:
    if not facts["benchmarks"]:
        nothing = "no item of a known one was found in it" if facts["decontaminate"] else "it was compared with none"
        console.print(f"Benchmarks: {nothing}.")
        return
    table = _table("Found of known benchmarks", ["benchmark"], ["items met", "documents dropped"])
    for name, entry in facts["benchmarks"].items():
        table.add_row(escape(name), f"{entry['items']:,}", f"{entry['documents_dropped']:,}")
    console.print(table)
    for one in sorted(facts["found"], key=lambda one: (-one["share"], one["benchmark"], one["item"]))[:MOST]:
        fate = "dropped" if one["dropped"] else "kept"
        what = f"{one['share']:.0%} of the {one['part']} of {one['benchmark']} {one['item']}"
        head = f"{what} ({one['how']}) in {one['source']}:{one['path']}, {fate}"
        console.print(_shown(head), style="bold")
        console.print(_shown("  " + " ".join(one["excerpt"].split())))


def print_difference(a: str, b: str, told: Mapping[str, Any], console: Console) -> None:
    """Print what `data.difference` gives of the ingredients called ``a`` and ``b``."""
    table = _table(f"{a} and {b}", [""], ["documents", "MB", "near doubles in the other"])
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
            console.rule(_shown(f"only in {name}: {row['source']}:{row['path']}"), align="left")
            console.print(_shown(row["text"]))
    if told["dropped"]:
        lost = _table("", ["dropped"], [a, b])
        for reason, (one, other) in told["dropped"].items():
            lost.add_row(escape(reason), f"{one:,}", f"{other:,}")
        console.print(lost)
