"""Kinds of values that operations take and give, and the nouns by which they are spoken of.

A kind is finer than a Python type: a graph and words sorted into bins are both ``dict[str, list[str]]``, and no
operation that fits the one makes sense on the other. A *count* is a number that is known to be small and not negative,
and may stand wherever a number may; loops as long as a number are asked for counts only.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "number", "count", "flag", "text", "numbers", "words", "pairs", "counts", "groups", "bins", "graph", "grid",
    "spans", "settings", "brackets", "formula", "moves", "runs", "digits",
]  # fmt: skip

ANNOTATIONS: dict[Kind, str] = {
    "number": "int",
    "count": "int",
    "flag": "bool",
    "text": "str",
    "numbers": "list[int]",
    "words": "list[str]",
    "pairs": "list[tuple[str, int]]",
    "counts": "dict[str, int]",
    "groups": "dict[str, list[int]]",
    "bins": "dict[str, list[str]]",
    "graph": "dict[str, list[str]]",
    "grid": "list[list[int]]",
    "spans": "list[tuple[int, int]]",
    "settings": "str",
    "brackets": "str",
    "formula": "str",
    "moves": "str",
    "runs": "str",
    "digits": "str",
}
"""``pairs``: (name, value), names may repeat. ``groups``: numbers by name; ``bins``: words by name. ``graph``: every
node is a key, its neighbours the value, each of them a key too; directed unless an operation says otherwise. ``grid``:
rows of one length, maybe none. ``spans``: (start, end) with start ≤ end, in any order, maybe overlapping.

Texts of a form, which may stand wherever a text may, and any of them may be empty: ``settings``: ``red=3;blue=-12``,
names of letters and whole numbers, a name may come again; ``brackets``: any of ``()[]{}``, in order or not;
``formula``: whole numbers, not negative, with ``+``, ``-``, ``*`` and round brackets that match, spaces around
the signs alone (``2 * (3 + 14)``); ``moves``: any of ``UDLR``; ``runs``: a lower-case letter and how often it comes,
again and again (``a3b12``), counts from 1 to 20; ``digits``: decimal digits."""
FORMED: tuple[Kind, ...] = ("settings", "brackets", "formula", "moves", "runs", "digits")


@dataclass(frozen=True, slots=True)
class Noun:
    """What a value, or what is in it, is called. A name in code is made from it: spaces become underscores."""

    one: str
    """One element, or the value itself where it has none: "reading", "word", "sale", "station"."""
    many: str
    key: str = ""
    """Of pairs, counts, groups and bins: what the strings are, in the singular: "product"."""
    value: str = ""
    """Of pairs, counts, groups and bins: what belongs to each string, in the singular ("amount", "score")."""


def accepts(wanted: Kind, given: Kind) -> bool:
    """Whether a value of a kind may stand where another is asked for."""
    return wanted == given or (wanted, given) == ("number", "count") or (wanted == "text" and given in FORMED)
