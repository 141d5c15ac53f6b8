"""What must hold of every result of a given problem, told from how its result was announced.

The files say of what type a result is, in words: ``int``, ``list of lists of floats``, ``str or None``,
``Dict[str, int]``. Where all of that can be understood, it is a property; where it cannot, nothing is said. A float may
be a whole number. Of a dictionary whose keys are listed it is a property that it has no others. That a result can be
written as JSON, as the files promise, is a property of every problem: no number in it is infinite or none.
"""

import re

from assay.corpus.synthesis.given_words import announced_result
from assay.corpus.synthesis.record import Property

_PLAIN = {
    **dict.fromkeys(("int", "ints", "integer", "integers"), "type({}) is int"),
    **dict.fromkeys(("float", "floats", "number", "numbers"), "type({}) in (int, float)"),
    **dict.fromkeys(("str", "strs", "string", "strings"), "type({}) is str"),
    **dict.fromkeys(("bool", "bools", "boolean", "booleans"), "type({}) is bool"),
    **dict.fromkeys(("dict", "dicts", "dictionary", "dictionaries"), "type({}) is dict"),
    **dict.fromkeys(("list", "lists"), "type({}) is list"),
    **dict.fromkeys(("tuple", "tuples"), "type({}) is tuple"),
    "none": "{} is None",
}
_LISTED = re.compile(r"(?:a )?(lists?|tuples?)(?: of (.+)|\[(.+)\])", re.DOTALL)
_MAPPED = re.compile(r"dict\[(str|int), ?(.+)\]", re.DOTALL)
_EITHER = re.compile(r"\s+or\s+|\s*[|/]\s*|,\s*(?:or\s+)?")
_KEY = re.compile(r"\s*[-*]\s+(?P<quote>[`'\"]{0,2})(?P<key>\w+)(?P=quote)\s*[(:]")
_JSON = Property(
    sort="contract",
    about="The result can be written as JSON.",
    check="(lambda plain: plain(plain, result))(lambda plain, one: "
    "all(plain(plain, part) for part in one) if type(one) in (list, tuple) else "
    "all(type(key) is not tuple and plain(plain, key) and plain(plain, part) for key, part in one.items()) "
    "if type(one) is dict else one is None or type(one) in (int, float, str, bool))",
)


def properties(announced: str) -> tuple[Property, ...]:
    """What a problem's results must be.

    Args:
        announced: What goes in and what comes out, as the files list it.
    """
    name, words = announced_result(announced)
    found = [_JSON]
    if check := _check(name.lower(), "result", 0):
        found.append(Property(sort="invariant", about=f"The result is of type {name}.", check=check))
        keys = _keys(words) if check == _PLAIN["dict"].format("result") else []
        if keys:
            among = f"{{{', '.join(map(repr, keys))}}}"
            found.append(
                Property(
                    sort="invariant",
                    about=f"The result has no keys but {_listed(keys)}.",
                    check=f"set(result) <= {among}",
                )
            )
    return tuple(found)


def _check(name: str, what: str, depth: int) -> str:
    """An expression that tells whether something is of a type; empty where the type is not understood.

    ``list of int or str`` can be read in two ways, and what fits one of them fits.
    """
    name = name.strip()
    if name in _PLAIN:
        return _PLAIN[name].format(what)
    readings = []
    if listed := _LISTED.fullmatch(name):
        inner = "abcdefgh"[min(depth, 7)]
        of = _check(listed[2] or listed[3], inner, depth + 1)
        kind = "list" if listed[1].startswith("list") else "tuple"
        readings.append(of and f"type({what}) is {kind} and all({of} for {inner} in {what})")
    elif mapped := _MAPPED.fullmatch(name):
        value = _check(mapped[2], "value", depth + 1)
        key = _PLAIN[mapped[1]].format("key")
        readings.append(value and f"type({what}) is dict and all({key} and ({value}) for key, value in {what}.items())")
    parts = _EITHER.split(name)
    either = [_check(one, what, depth) for one in parts] if len(parts) > 1 else []
    readings += either if all(either) else []
    understood = [one for one in readings if one]
    return " or ".join(f"({one})" for one in understood) if len(understood) > 1 else "".join(understood)


def _keys(words: str) -> list[str]:
    """The keys of a dictionary that are listed under it; none where they may be those of dictionaries within it."""
    head, *lines = words.split("\n")
    if re.search(r"\b(each|every|values?|lists?)\b", head, re.IGNORECASE):
        return []
    items = [line for line in lines if re.match(r"\s*[-*]\s", line)]
    least = min((len(line) - len(line.lstrip()) for line in items), default=0)
    found = [_KEY.match(line) for line in items if len(line) - len(line.lstrip()) == least]
    keys = [one["key"] for one in found if one]
    return keys if len(keys) == len(found) else []


def _listed(keys: list[str]) -> str:
    *others, last = (f"`{key}`" for key in keys)
    return f"{', '.join(others)} and {last}" if others else last
