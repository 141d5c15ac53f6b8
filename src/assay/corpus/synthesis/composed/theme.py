"""What problems are about: two dozen small worlds that give numbers, words and events their names and ranges."""

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

import yaml

from assay.corpus.synthesis.composed import THEMES
from assay.corpus.synthesis.composed.kind import FORMED, Kind, Noun
from assay.corpus.synthesis.composed.program import Input
from assay.corpus.synthesis.composed.render import identifier

_FORMS: dict[str, tuple[str, str]] = {
    "settings": (
        "settings",
        "a text of settings such as {example}, a name and a whole number each; a name may come again",
    ),
    "brackets": ("brackets", "a text of round, square and curly brackets"),
    "formula": ("formula", "a formula of whole numbers, `+`, `-`, `*` and round brackets, such as `2 * (3 + 14)`"),
    "moves": ("moves", "a text of the moves `U`, `D`, `L` and `R` (up, down, left, right)"),
    "runs": ("encoded", "a text of letters, each followed by how often it comes, such as `a3b12`"),
    "digits": ("digits", "a text of decimal digits"),
}


@dataclass(frozen=True, slots=True)
class Theme:
    """See the YAML file beside this module for what each field is."""

    name: str
    scene: str
    number: tuple[str, str, str, int, int]
    thing: tuple[str, str, tuple[str, ...]]
    event: tuple[str, str]
    holder: tuple[str, str, tuple[str, ...]]
    link: str
    span: tuple[str, str, str]
    text: tuple[str, str]

    def input(self, kind: Kind, random: Random, taken: set[str]) -> Input:
        """An input of a kind, with a name that is not taken."""
        one, many, about, low, high = self.number
        thing, things, pool = self.thing
        holder, _, holders = self.holder
        event, events = self.event
        number_noun = Noun(one, many)
        made: tuple[Noun, str, str, tuple[str, ...]]
        if kind in FORMED:
            name, told = _FORMS[kind]
            pool = tuple(word for word in pool if word.isalpha())
            example = f"`{pool[0]}={high};{pool[1]}={low}`"
            made = Noun(name, name), name, told.format(example=example), pool
        elif kind == "numbers":
            made = number_noun, many, f"a list of {about}", pool
        elif kind in {"number", "count"}:
            told = "a whole number" if kind == "number" else "a whole number, not negative"
            name = random.choice(["number", "n", "value"] if kind == "number" else ["count", "n", "size"])
            made = Noun("number", "numbers"), name, told, pool
        elif kind == "text":
            text, texts = self.text
            made = (
                Noun(text, texts),
                text.split()[-1],
                f"{_a(text)}, as a text",
                (*(w.lower() for w in pool), *_FILLERS),
            )
        elif kind == "words":
            made = Noun(thing, things), things, f"a list of {things}", pool
        elif kind == "pairs":
            noun = Noun(event, events, thing, one)
            made = noun, events, f"a list of {events}, each a pair of {_a(thing)} and {_a(one)}", pool
        elif kind == "counts":
            made = Noun(thing, things, thing, one), f"{one} by {thing}", f"a dictionary from {things} to {many}", pool
        elif kind == "groups":
            told = f"a dictionary from each {holder} to a list of {many}"
            made = Noun(holder, self.holder[1], holder, one), f"{many} by {holder}", told, holders
        elif kind == "bins":
            told = f"a dictionary from each {holder} to a list of {things}"
            made = Noun(holder, self.holder[1], holder, thing), f"{things} by {holder}", told, (*holders, *pool)
        elif kind == "graph":
            told = f"a dictionary from each {thing} to the list of {things} that it {self.link}"
            made = Noun(thing, things), random.choice(["graph", "links"]), told, pool
        elif kind == "grid":
            made = Noun("row", "rows", "", one), "grid", f"a grid of {many}, as a list of rows of equal length", pool
        else:
            span, spans, unit = self.span
            told = f"a list of {spans}, each a pair of its first and last {unit}"
            made = Noun(span, spans), spans, told, pool
            low, high = 0, 24
        noun, name, told, words = made
        return Input(kind, noun, _free(identifier(name), taken), told, words, low, high)


_FILLERS = ("the", "and", "a", "of", "to", "on", "level", "is", "no", "we")


@cache
def themes() -> tuple[Theme, ...]:
    """All of them, in order."""
    rows = yaml.safe_load(THEMES.read_text(encoding="utf-8"))
    return tuple(Theme(**{name: _tuple(value) for name, value in row.items()}) for row in rows)


def _tuple(value: Any) -> Any:
    return tuple(_tuple(one) for one in value) if isinstance(value, list) else value


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    for other in (f"other_{name}", f"more_{name}", f"third_{name}"):
        if other not in taken:
            return other
    raise ValueError(f"four inputs are called {name}")
