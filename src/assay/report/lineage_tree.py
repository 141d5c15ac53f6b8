"""An artifact on the terminal: what made it, from what, and which field differs from another's.

Values are shown as a person would say them; long ones are folded, as a manifest holds them in full. The tree of
inputs names every artifact once, where it is first needed, and stops where it would fill more than a screen or two.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text
from rich.tree import Tree

from assay.report.numbers import duration
from assay.run.lineage import DIGEST, Difference, Record
from assay.study.resolve import MILLION

LONGEST = 72
"""Characters of a value before it is folded."""
MOST_LINES = 70
"""Artifacts that a tree may show."""
WIDE = 240
"""Columns of a tree that goes into a file or a pipe."""


def print_record(record: Record, place: Path, console: Console) -> None:
    """Print what made an artifact, its recipe, its files and the tree of its inputs.

    Args:
        record: From `assay.run.lineage.record_of`.
        place: Where it lies.
        console: Where to.
    """
    say = _plain(console)
    say(f"{record.kind}/{record.key}")
    say(f"  {record.title}, {decimal(record.bytes)}")
    if made := record.made:
        when = str(made["time"]).replace("T", " ").replace("Z", " UTC")
        took = "less than a second" if made["seconds"] < 1 else duration(made["seconds"])
        say(f"  made {when} on {made['host']} in {took}, by Assay {made['assay']} under Python {made['python']}")
    if record.numerics:
        say(f"  numerics: {', '.join(f'{name} {value}' for name, value in record.numerics.items())}")
    say(f"  in {place}")
    say("recipe")
    for line in _lines(record.recipe, "  "):
        say(line)
    say("files")
    width = max((len(name) for name in record.files), default=0)
    for name, entry in record.files.items():
        say(f"  {name:<{width}}  {decimal(entry['bytes']):>9}  sha256 {entry['sha256'][:12]}")
    if not record.inputs:
        return
    count, deepest = _depths(record)
    tree = Tree(Text(f"made from {count} artifact{'' if count == 1 else 's'}"))
    _grow(tree, record, deepest)
    (console if console.is_terminal else Console(file=console.file, width=WIDE)).print(tree)


def print_differences(one: Record, other: Record, found: Sequence[Difference], console: Console) -> None:
    """Print why two artifacts are not one, root causes only.

    Args:
        one: The first.
        other: The second, or a step that would make it.
        found: From `assay.run.lineage.differences`.
        console: Where to.
    """
    say = _plain(console)
    say(f"first:  {one.name}  {one.title}")
    say(f"second: {other.name}  {other.title}")
    if not found:
        say("They are the same artifact.")
        return
    say(f"They differ in {len(found)} field{'' if len(found) == 1 else 's'}:")
    for chain in dict.fromkeys(each.chain for each in found):
        here = [each for each in found if each.chain == chain]
        indent = "  "
        if chain:
            indent = "    "
            reasons = "".join(f", because its {name} differs" for name in chain[1:])
            say(f"  input {chain[0]} differs{reasons}:")
        for each in here:
            say(f"{indent}{each.field}: {_contrast(each)}")
        also = [name for name in here[0].through if name not in chain[:1]]
        if also:
            say(f"    (and so {'does' if len(also) == 1 else 'do'} {_several(also)})")
    hashes = [{name: entry["sha256"] for name, entry in side.files.items()} for side in (one, other)]
    if hashes[0] and hashes[0] == hashes[1]:
        say("Their files are equal all the same, byte for byte.")


def _plain(console: Console) -> Any:
    """Print a line as it is: no markup, no colours by guess, never wrapped."""
    return lambda line: console.print(Text(line), soft_wrap=True)


def _depths(record: Record) -> tuple[int, int]:
    """How many artifacts it was made from, and how deep a tree of them may go."""
    seen = {record.key}
    layer = [record]
    shown, deepest, depth = 0, 0, 0
    while layer:
        depth += 1
        below = {need.key: need for one in layer for need in one.inputs.values() if need.key not in seen}
        seen |= set(below)
        layer = list(below.values())
        if shown + len(layer) <= MOST_LINES or depth == 1:
            shown, deepest = shown + len(layer), depth
        else:
            shown = MOST_LINES + 1
    return len(seen) - 1, deepest


def _grow(tree: Tree, record: Record, deepest: int) -> None:
    """Breadth first, so that each artifact stands where the way to it is shortest."""
    seen = {record.key}
    layer = [(tree, record)]
    for depth in range(deepest + 1):
        following = []
        for branch, one in layer:
            new = {name: need for name, need in one.inputs.items() if need.key not in seen}
            if depth == deepest:
                if new:
                    branch.add(Text(f"… and more, from {len(new)} input{'' if len(new) == 1 else 's'}", style="dim"))
                continue
            for name, need in new.items():
                if need.key not in seen:
                    seen.add(need.key)
                    size = f", {decimal(need.bytes)}" if need.files else ""
                    label = Text.assemble((name, "bold"), f"  {need.title}{size}  ", (need.name, "dim"))
                    following.append((branch.add(label), need))
            known = [name for name in one.inputs if name not in new]
            if known:
                branch.add(Text(f"and, shown elsewhere, {_several(known)}", style="dim"))
        layer = following


def _lines(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    """A recipe, one field a line."""
    width = max((len(name) for name, one in value.items() if not isinstance(one, Mapping)), default=0)
    for name, one in value.items():
        if isinstance(one, Mapping):
            yield f"{indent}{name}"
            yield from _lines(one, indent + "  ")
        elif isinstance(one, list) and one and all(isinstance(row, Mapping) for row in one):
            yield f"{indent}{name}"
            for row in one:
                yield f"{indent}  - {_value(row)}"
        else:
            yield f"{indent}{name:<{width}}  {_value(one)}"


def _flat(row: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}{key}.")
        elif value not in (None, []):
            yield f"{name}{key}", value


def _value(value: Any) -> str:
    """A value as a person would say it, folded to `LONGEST`."""
    if isinstance(value, list) and value and all(_is_share(one) for one in value):
        return ", ".join(f"{share * 100 / MILLION:g} % {name}" for name, share in value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return _several(value) if value else "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(each)}" for key, each in _flat(value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _folded(text)


def _folded(text: str, longest: int = LONGEST) -> str:
    if DIGEST.fullmatch(text):
        return f"{text[:12]}…"
    line = text.replace("\n", "\\n")
    return line if len(line) <= longest else f"{line[: longest - 20]} … {line[-12:]}"


def _several(names: Sequence[str]) -> str:
    """As many of the names as fit, and how many more there are."""
    shown: list[str] = []
    for name in names:
        short = _folded(name)
        if shown and sum(map(len, shown)) + len(short) > LONGEST:
            return f"{', '.join(shown)} and {len(names) - len(shown)} more"
        shown.append(short)
    return ", ".join(shown)


def _is_share(one: Any) -> bool:
    return isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) and isinstance(one[1], int)


def _contrast(each: Difference) -> str:
    """Both values; of two lists of names only what the other has not."""
    lists = [value if isinstance(value, list) else None for value in (each.one, each.other)]
    if all(value is not None and all(isinstance(one, str) for one in value) for value in lists):
        assert lists[0] is not None and lists[1] is not None
        only = [[one for one in mine if one not in theirs] for mine, theirs in (lists, lists[::-1])]  # type: ignore[operator,union-attr]
        if any(only):
            return "; ".join(
                f"only the {which} has {_several(names)}"
                for which, names in zip(("first", "second"), only, strict=True)
                if names
            )
        return "the same in another order"
    one, other = (_folded(_value(value), 2 * LONGEST) for value in (each.one, each.other))
    return f"{one} against {other}"
