"""Rows of a JSON file with the line that each begins in, so that what is wrong in one can be told by file and line.

A file is an array of objects, or one object a line; which of the two is seen from its first character and not from its
name. Files of prompts and of answers are small, so they are read whole.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.errors import InputError


@dataclass(frozen=True, slots=True)
class JsonRow:
    """An object of a file."""

    where: str
    """``file:line``."""
    values: dict[str, Any]

    def text(self, key: str, needed: bool = True) -> str:
        """The text under a key, as it stands; empty where there is none and none is needed.

        Raises:
            InputError: It is missing, or no text.
        """
        value = self.values.get(key)
        if value is None and not needed:
            return ""
        if not isinstance(value, str):
            raise InputError(f"'{key}' must be a text{_not(value, key in self.values)}", self.where)
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise InputError(f"'{key}' has half a character in it, a lone surrogate; write it in UTF-8", self.where)
        return value

    def name(self, key: str) -> str | None:
        """The text or whole number under a key, as text; None: there is none.

        Raises:
            InputError: It is something else, or empty.
        """
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise InputError(f"'{key}' must be a text or a whole number{_not(value, True)}", self.where)
        return self.text(key) if isinstance(value, str) else str(value)

    def elements(self, key: str, kind: Literal["texts", "objects"]) -> list[Any]:
        """The list under a key, of one element at least, all of a kind.

        Raises:
            InputError: It is something else.
        """
        value = self.values.get(key)
        wanted = str if kind == "texts" else dict
        if not isinstance(value, list) or not value or not all(isinstance(one, wanted) for one in value):
            raise InputError(f"'{key}' must be a list of {kind}{_not(value, key in self.values)}", self.where)
        return value


def read_text(path: Path, noun: str) -> str:
    """A user's file.

    Args:
        path: Of the file.
        noun: What it is called in messages, such as ``prompt file``.

    Raises:
        InputError: It is not there, cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"there is no {noun} {path}") from None
    except UnicodeDecodeError as problem:
        raise InputError(f"not UTF-8 (byte {problem.start}); save it as UTF-8", str(path)) from None
    except OSError as problem:
        raise InputError(f"the {noun} cannot be read: {problem.strerror}", str(path)) from None


def json_rows(text: str, path: str) -> list[JsonRow]:
    """The objects of a JSON array, or of lines of JSON.

    Args:
        text: The file's content.
        path: Its name in messages.

    Raises:
        InputError: It is neither, with the line; or it holds nothing.
    """
    rows = list(_array(text, path) if text.lstrip().startswith("[") else _lines(text, path))
    if not rows:
        raise InputError("the file holds no rows", path)
    return rows


def _lines(text: str, path: str) -> Iterator[JsonRow]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise InputError(f"not JSON: {_told(problem)}; each line is an object of its own", where) from None
        yield _row(value, where)


def _array(text: str, path: str) -> Iterator[JsonRow]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as problem:
        raise InputError(f"not JSON: {problem.msg}", f"{path}:{problem.lineno}") from None
    except (ValueError, RecursionError) as problem:
        raise InputError(f"not JSON: {_told(problem)}", path) from None
    decoder = json.JSONDecoder()
    at, line, counted = text.index("[") + 1, 1, 0
    for _ in whole:
        while text[at] in " \t\r\n,":
            at += 1
        line, counted = line + text.count("\n", counted, at), at
        value, at = decoder.raw_decode(text, at)
        yield _row(value, f"{path}:{line}")


def _row(value: object, where: str) -> JsonRow:
    if not isinstance(value, dict):
        raise InputError(f"a row must be an object of names and values{_not(value, True)}", where)
    return JsonRow(where, value)


def _told(problem: Exception) -> str:
    return problem.msg if isinstance(problem, json.JSONDecodeError) else str(problem)


def _not(value: object, given: bool) -> str:
    return f", and is {json.dumps(value, ensure_ascii=False, default=str)[:60]}" if given else ", and is missing"
