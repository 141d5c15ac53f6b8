"""An operation: what it takes and gives, several ways to write it in Python, several ways to say it in English.

Everything is a template. Code and words of one operation are independent of what its arguments were made by, so any
operation may follow any other whose kind fits. Every operation is total: it has a value for every value of the kinds
it takes (empty lists, negative numbers, strings of no letters), and where that needs a convention (the largest of no
numbers) the convention is a literal that the code and the words both show. Where there is more than one natural way to
write something there are several forms, independent of each other: two renderings of one program then agree only if
both are right.

Templates of code
    ``{x}`` ``{y}``: the arguments, as names or expressions in need of no brackets (blocks get names only).
    ``{one}``: a variable for an element of ``x``, named after its noun; ``{key}`` ``{value}`` likewise for what is in
    pairs and maps. ``{_total}``: a local variable, named ``total`` or, where that is taken, something near it.
    ``{k}``: a literal. ``{test(one)}``: a part, applied to an expression: names of placeholders in it are replaced, as
    in ``{test(value)}`` or ``{measure(one[1])}``. Braces of Python are doubled.
    An expression needs no brackets where it stands alone; it is bracketed by the renderer where it is put into another.
    A block assigns to ``{out}`` and uses no name besides placeholders, builtins and what it imports.

Templates of words
    ``{x}``: a phrase with its article, plural where the value holds several ("the readings", "the result").
    ``{x.one}`` ``{x.many}`` ``{x.key}`` ``{x.value}``: nouns. ``{k}``: a literal as it is written in Python.
    ``{test}``: how a part is said behind a noun ("greater than 12", "that are even"); ``{test.is}``: behind the subject
    ("is greater than 12"); ``{measure}``: a singular noun ("digit sum"); ``{change}``: with "its" ("its square");
    ``{change.many}``: a noun in the plural ("squares"); ``{reduce}``: a noun that takes "of" ("sum").
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from assay.corpus.synthesis.composed.kind import Kind, Noun

Family = Literal[
    "sequences", "strings", "maps", "graphs", "numbers", "parsing", "simulation", "dynamic programming", "recursion",
    "grids",
]  # fmt: skip
Role = Literal["test", "measure", "change", "reduce"]
"""A ``test`` of an element is true or false; a ``measure`` gives a number of it; a ``change`` another element of the
same sort; a ``reduce`` makes a number of a list of numbers."""
Element = Literal["number", "word"]
Literals = Mapping[str, tuple[int | str, ...]]
"""Name to the values that may be drawn."""
PLACE = re.compile(r"\{([a-z_][a-z_0-9.]*)(?:\(([^(){}]*(?:\([^(){}]*\)[^(){}]*)*)\))?\}")
"""A placeholder: its name and, of a part, what it is applied to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A small function that operations are completed with."""

    name: str
    role: Role
    of: Element
    """What it is applied to; a ``reduce``: what the list holds."""
    forms: tuple[str, ...]
    """Expressions over ``{v}``, all equal. ``{v}`` is a name or an indexed name."""
    literals: Literals = field(default_factory=dict)
    behind: str = ""
    """Of a test, behind a plural noun: "that are even", "longer than {k} letters"."""
    is_: str = ""
    """Of a test, behind a singular subject: "is even", "has more than {k} letters"."""
    noun: str = ""
    """Of a measure, change or reduce: "digit sum", "square", "sum"."""
    many: str = ""
    """Of a change: "squares"."""
    note: str = ""
    """A convention that must be said, as a sentence: "The largest of no numbers is {d}."."""
    imports: tuple[str, ...] = ()
    """Lines such as ``import math`` or ``from collections import Counter``."""
    order: bool = True
    """Of a reduce: whether the order of the list matters."""
    doubles: bool = True
    """Of a reduce: whether it matters how often a number stands there."""
    adds: bool = False
    """Of a reduce: whether that of two lists joined is the sum of those of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way to write an operation: an expression or a block, maybe with a function of its own."""

    expression: str = ""
    block: str = ""
    helper: str = ""
    """Source of a function, without placeholders but literals and parts, annotated and with a docstring of one line;
    the expression or block calls it. Functions of the same name have the same source."""
    imports: tuple[str, ...] = ()
    style: Literal["plain", "library", "recursive"] = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """See the module."""

    name: str
    family: Family
    takes: tuple[Kind, ...]
    """One kind or two."""
    gives: Kind
    forms: tuple[Form, ...]
    noun: tuple[str, ...]
    """What the result is: "the {x.many} {test}", "the sum of {x}"."""
    step: tuple[str, ...]
    """What is to be done, beginning with a verb: "keep only the {x.many} {test}"."""
    parts: Mapping[str, tuple[Role, Element]] = field(default_factory=dict)
    """Placeholder to what it stands for; the name is the role, or the role and a number: ``test``, ``test2``."""
    literals: Literals = field(default_factory=dict)
    note: str = ""
    """A convention that must be said, as a sentence or two: "If there are none, take {d}."."""
    names: tuple[str, ...] = ()
    """What a variable for the result may be called."""
    becomes: Noun | None = None
    """What the result, or what is in it, is called; None: as in ``x``. May have placeholders of words."""
    commutes: bool = False
    """Whether ``x`` and ``y`` may change places."""
    order: Literal["uses", "keeps", "ignores"] = "uses"
    """What the order of the elements of ``x`` does: ``keeps``: the result's elements are in the order of theirs, each
    depending on its own element alone; ``ignores``: nothing."""
    doubles: bool = True
    """Whether it matters how often an element stands in ``x``."""
    joins: Literal["", "joins", "adds"] = ""
    """Of two lists put together the result is that of the one with that of the other put behind it, or the sum."""
    reorders: bool = False
    """Whether it does nothing but change the order; what ignores order does not follow it."""
    once: bool = False
    """Whether doing it twice is doing it once."""
    ensures: tuple[tuple[str, str], ...] = ()
    """(a sentence, an expression over ``result`` and literals): what is true of every result, such as ("The result is
    in ascending order.", "all(a <= b for a, b in zip(result, result[1:]))")."""
    inverse: str = ""
    """An expression over ``result`` that gives ``x`` back."""
    weight: float = 1.0
    """How often it is drawn, beside others that fit."""


def number_test(name: str, form: str, behind: str, is_: str, *more: str, **literals: tuple[int | str, ...]) -> Part:
    """A test of numbers."""
    return Part(name=name, role="test", of="number", forms=(form, *more), behind=behind, is_=is_, literals=literals)


def expressions(*forms: str, imports: tuple[str, ...] = ()) -> tuple[Form, ...]:
    """Forms that are expressions."""
    return tuple(Form(expression=form, imports=imports) for form in forms)
