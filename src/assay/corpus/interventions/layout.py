"""One formatting for all code: indentation, blanks and blank lines say nothing any more of who wrote it.

Python is set anew from its parts, so its syntax tree and its comments stay and line breaks stay where they were
(nothing is wrapped or joined). Of other languages only white space at the ends of lines is touched: leading tabs,
trailing blanks, blank lines. What stands inside a string of several lines is not touched, as far as a lexer tells.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from assay.corpus.document import Document
from assay.corpus.interventions.lexeme import PYTHON, Part, Role, has_lexer, parts, pieces
from assay.corpus.interventions.python import CLOSING, OPENING, width

_TABS_MEAN = frozenset({"makefile", "tsv", "diff"})
_STRINGS = frozenset({Role.STRING, Role.FORMATTED, Role.DOCSTRING, Role.ONLY_DOCSTRING})
_STATEMENT_WORDS = """
and as assert async await break case class continue def del elif else except finally for from global if import in
is lambda nonlocal not or pass raise return try while with yield
"""
_KEYWORDS = frozenset(_STATEMENT_WORDS.split())
_MAY_BE_UNARY = frozenset({"+", "-", "*", "**", "~", "@"})
_MAGIC = frozenset({"%", "!", "?", "$"})
_SUBSCRIPT = "subscript"
_SINGLE_QUOTED = re.compile(r"([A-Za-z]{0,2})('''|')([^\"\\]*)\2", re.DOTALL)
_INNER_NEWLINE = "\0"
"""Stands for a line end inside a string while lines are looked at; no document holds one."""


def formatting_normalised(document: Document, seed: int = 0) -> str:
    """The text with four blanks a level, no trailing blanks, at most one blank line, and one line end at the end.

    In Python also: blanks around operators, after commas and before comments as in PEP 8, continued lines indented
    by their brackets, and double quotes where the string allows it. ``seed`` changes nothing. Any language will do;
    without a lexer strings cannot be told from the rest.
    """
    known = has_lexer(document.language)
    found = pieces(document) if known else [(document.language.lower(), document.text)]
    text = "".join(
        _python(parts("python", text)) if language in PYTHON else _other(language, text) for language, text in found
    )
    text = text.strip("\n")
    return text + "\n" if text else ""


def _other(language: str | None, text: str) -> str:
    if language is not None and has_lexer(language):
        protected = parts(language, text)
        text = "".join(value.replace("\n", _INNER_NEWLINE) if role in _STRINGS else value for role, value in protected)
    lines = [line.rstrip(" \t\f") for line in text.split("\n")]
    if language not in _TABS_MEAN:
        lines = [re.sub(r"\A[ \t]+", lambda lead: lead.group().expandtabs(4), line) for line in lines]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).replace(_INNER_NEWLINE, "\n")


class _Line(NamedTuple):
    """A physical line, or several that a string holds together."""

    column: int
    parts: list[Part]
    """Without white space."""
    text: str
    """As it stood, without the line end."""
    joined: bool
    """Whether a backslash joins the next line to it."""
    ended: bool
    """False for a last line without a line end."""


def _lines(found: list[Part]) -> Iterator[_Line]:
    column, line, text = 0, list[Part](), ""
    for role, value in found:
        if role is Role.NEWLINE or (value == "\\\n" and line):
            yield _Line(column, line, text, role is not Role.NEWLINE, True)
            column, line, text = 0, [], ""
            continue
        text += value
        if role is not Role.SPACE:
            line.append((role, value))
        elif not line:
            column = width(value)
    if line:
        yield _Line(column, line, text, False, False)


def _python(found: list[Part]) -> str:
    out: list[str] = []
    indents = [0]
    brackets: list[str] = []
    last: Part | None = None
    fresh, was_joined, was_blank, opens_block = True, False, True, False
    for line in _lines(found):
        if not line.parts:
            if was_joined or not was_blank:
                out.append("\n")
            fresh, was_joined, was_blank = not brackets, False, True
            continue
        first = line.parts[0]
        only_comment = first[0] is Role.COMMENT
        if not fresh:
            level = len(indents) - 1 + (len(brackets) - (first[1] in CLOSING) if brackets else 1)
        elif only_comment:
            level = sum(0 < indent <= line.column for indent in indents)
            level += opens_block and line.column > indents[-1]
        else:
            last = None
            while line.column < indents[-1]:
                indents.pop()
            if line.column > indents[-1]:
                indents.append(line.column)
            level = len(indents) - 1
        out.append(" " * (4 * level))
        if fresh and first[1] in _MAGIC:
            out.append(line.text.strip())
        else:
            last = _set(line.parts, last, brackets, out)
        out.append((" \\\n" if line.joined else "\n") if line.ended else "")
        was_joined, was_blank = line.joined, False
        if not only_comment:
            fresh = not brackets and not line.joined
            opens_block = fresh and last == (Role.OPERATOR, ":")
    return "".join(out)


def _set(line: list[Part], last: Part | None, brackets: list[str], out: list[str]) -> Part | None:
    """Append the parts of a line with the blanks between them; the last part that is no comment."""
    after_unary = True
    for part in line:
        role, value = part
        if role is Role.COMMENT:
            if part is not line[0]:
                out.append("  ")
            out.append(value.rstrip())
            break
        follows_value = last is not None and _is_value(last)
        if not after_unary and last is not None and _is_apart(last, part, follows_value, brackets):
            out.append(" ")
        if role is Role.OPERATOR:
            if value in OPENING:
                brackets.append(_SUBSCRIPT if value == "[" and follows_value else value)
            elif value in CLOSING and brackets:
                brackets.pop()
            after_unary = value in _MAY_BE_UNARY and not follows_value
        else:
            after_unary = False
        out.append(_double_quoted(value) if role in _STRINGS else value)
        last = part
    return last


def _double_quoted(string: str) -> str:
    found = _SINGLE_QUOTED.fullmatch(string)
    if found is None:
        return string
    prefix, quote, inside = found.groups()
    return prefix + quote.replace("'", '"') + inside + quote.replace("'", '"')


def _is_value(part: Part) -> bool:
    role, value = part
    if role is Role.OPERATOR:
        return value in CLOSING or value == "..."
    return not (role is Role.NAME and value in _KEYWORDS)


def _is_apart(left: Part, right: Part, follows_value: bool, brackets: list[str]) -> bool:
    """Whether one blank stands between two parts of a line, neither a comment, the left one no unary operator."""
    if Role.OTHER in (left[0], right[0]):
        return False
    before, after = left[1], right[1]
    left_operates, right_operates = left[0] is Role.OPERATOR, right[0] is Role.OPERATOR
    if (left_operates and before in OPENING) or (right_operates and after in "),]};:"):
        return False
    if right_operates and after in {".", "..."} and not (left_operates and before not in {".", "...", *CLOSING}):
        return left[0] is Role.NUMBER or (left[0] is Role.NAME and before in _KEYWORDS)
    if left_operates and before in {".", "..."} and not right_operates:
        return after in _KEYWORDS
    if right_operates and after in "([":
        return not follows_value
    if left_operates and before == ":":
        return not brackets or brackets[-1] != _SUBSCRIPT
    return not (brackets and "=" in {before if left_operates else "", after if right_operates else ""})
