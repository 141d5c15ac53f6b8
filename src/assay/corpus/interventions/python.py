"""Python taken apart by one regular expression, and its docstrings told from other strings.

Not by ``tokenize``: that is another language in every release (replacement fields became tokens in 3.12), and gives
up where a file does not parse; the same corpus must not depend on the interpreter. On the standard library the
parts are those of ``tokenize``, which the tests hold them to. Statements are found by indentation, brackets and
semicolons alone, which Python 2 shares.
"""

import re

from assay.corpus.interventions.lexeme import Part, Role

_DIGITS = r"\d(?:_?\d)*+"
_TOKEN = re.compile(
    rf"""
      ([ \t\f]++|\\\n)
    | (\n)
    | (\#[^\n]*+)
    | ((?:[rR]?[fFtT]|[fFtT][rR])(?:'''|\"""|'|"))
    | ((?:[uU]|[bB][rR]?|[rR][bB]?)?
       (?:'''(?:[^\\']++|\\.|'(?!''))*+''' | \"""(?:[^\\"]++|\\.|"(?!""))*+\"""
        | '(?:[^\\'\n]++|\\.)*+' | "(?:[^\\"\n]++|\\.)*+"))
    | ([^\W\d]\w*+)
    | (0[xX](?:_?[0-9a-fA-F])++[lL]? | 0[oO](?:_?[0-7])++ | 0[bB](?:_?[01])++
       | (?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][-+]?{_DIGITS})?[jJlL]?)
    | (\*\*=?|//=?|>>=?|<<=?|\.\.\.|->|:=|<>|[-+*/%&|^@=<>!]=|[-+*/%&|^@=<>.,:;()\[\]{{}}~`!])
    """,
    re.VERBOSE | re.DOTALL,
)
_ROLES = (
    Role.OTHER,
    Role.SPACE,
    Role.NEWLINE,
    Role.COMMENT,
    Role.FORMATTED,
    Role.STRING,
    Role.NAME,
    Role.NUMBER,
    Role.OPERATOR,
)
_DIRECTIVE = re.compile(r"#!|#.*?coding[:=][ \t]*[-\w.]+")
_HEADERS = frozenset(
    {"class", "def", "async", "if", "elif", "else", "for", "while", "with", "try", "except", "finally"}
)
DEEPEST = 32
"""Strings with fields inside each other's fields; what is nested deeper is no code that a person wrote."""
OPENING = frozenset("([{")
CLOSING = frozenset(")]}")


def parts(text: str) -> list[Part]:
    """The parts of a file; a shebang and an encoding line are ``OTHER``, docstrings are told from strings."""
    found: list[Part] = []
    position = 0
    while position < len(text):
        part, position = _next(text, position)
        found.append(part)
    _set_directives_apart(found)
    _set_docstrings_apart(found)
    return found


def _next(text: str, position: int, depth: int = 0) -> tuple[Part, int]:
    token = _TOKEN.match(text, position)
    if token is None:
        return (Role.OTHER, text[position]), position + 1
    role, end = _ROLES[token.lastindex or 0], token.end()
    if role is Role.FORMATTED:
        try:
            end = _read_formatted(text, position, [], depth + 1)
        except _Unfinished:
            if depth:
                raise
            return (Role.OTHER, text[position]), position + 1
    return (role, text[position:end]), end


class _Unfinished(Exception):
    """A string with replacement fields has no end."""


def fields(text: str) -> list[Part]:
    """The parts of one ``FORMATTED`` part: what is printed as it stands as ``STRING``, the code of fields as code."""
    found: list[Part] = []
    _read_formatted(text, 0, found, 1)
    return found


def _literal(quote: str, raw: bool, nested: bool) -> re.Pattern[str]:
    """What stands between the fields, up to a brace or the quote; in a format specification braces are not doubled."""
    line = "" if len(quote) == 3 else r"\n"
    inner = rf"(?!{quote}){quote[0]}"
    named = "" if raw else r"|\\N\{[^}\n]*\}"
    doubled = "" if nested else r"|\{\{|\}\}"
    return re.compile(rf"(?:[^\\{{}}{quote[0]}{line}]++{named}|\\[^{{}}]|\\|{inner}{doubled})*+", re.DOTALL)


_LITERALS = {
    (quote, raw, nested): _literal(quote, raw, nested)
    for quote in ("'", '"', "'''", '"""')
    for raw in (False, True)
    for nested in (False, True)
}


def _read_formatted(text: str, position: int, into: list[Part], depth: int) -> int:
    opening = _TOKEN.match(text, position)
    if opening is None or depth > DEEPEST:
        raise _Unfinished
    prefix = opening.group().rstrip("'\"")
    quote = opening.group()[len(prefix) :]
    into.append((Role.STRING, opening.group()))
    position = opening.end()
    raw = "r" in prefix.lower()
    while True:
        position = _read_literal(text, position, _LITERALS[quote, raw, False], into)
        if text.startswith(quote, position):
            into.append((Role.STRING, quote))
            return position + len(quote)
        position = _read_field(text, position, quote, raw, into, depth)


def _read_literal(text: str, position: int, pattern: re.Pattern[str], into: list[Part]) -> int:
    literal = pattern.match(text, position)
    end = literal.end() if literal else position
    if end > position:
        into.append((Role.STRING, text[position:end]))
    return end


def _read_field(text: str, position: int, quote: str, raw: bool, into: list[Part], depth: int) -> int:
    if not text.startswith("{", position) or depth > DEEPEST:
        raise _Unfinished
    into.append((Role.OPERATOR, "{"))
    position += 1
    brackets = 0
    while position < len(text):
        (role, value), end = _next(text, position, depth)
        if role is Role.OPERATOR and brackets == 0:
            if value == "}":
                into.append((role, value))
                return end
            if value[0] == ":":
                into.append((role, ":"))
                return _read_specification(text, position + 1, quote, raw, into, depth + 1)
            if value == "!":
                value, end = text[position : position + 2], position + 2
        if role is Role.OPERATOR:
            brackets += (value in OPENING) - (value in CLOSING)
        into.append((role, value))
        position = end
    raise _Unfinished


def _read_specification(text: str, position: int, quote: str, raw: bool, into: list[Part], depth: int) -> int:
    while True:
        position = _read_literal(text, position, _LITERALS[quote, raw, True], into)
        if text.startswith("}", position):
            into.append((Role.OPERATOR, "}"))
            return position + 1
        position = _read_field(text, position, quote, raw, into, depth)


def _set_directives_apart(found: list[Part]) -> None:
    lines = 0
    for number, (role, value) in enumerate(found[:8]):
        lines += value.count("\n")
        if role is Role.COMMENT and lines < 2 and _DIRECTIVE.match(value) and (lines == 0 or value[1] != "!"):
            found[number] = (Role.OTHER, value)


class _Block:
    """Statements of one indentation, as far as they were read."""

    def __init__(self, indent: int) -> None:
        self.indent = indent
        self.docstring: int | None = None
        self.has_statement = False


def _set_docstrings_apart(found: list[Part]) -> None:
    """Give strings that are statements the role ``DOCSTRING``, or ``ONLY_DOCSTRING`` where a statement must stay."""
    blocks = [_Block(0)]

    def leave() -> None:
        block = blocks.pop()
        if block.docstring is not None and not block.has_statement:
            found[block.docstring] = (Role.ONLY_DOCSTRING, found[block.docstring][1])

    for indent, statements, alone in _logical_lines(found):
        while indent < blocks[-1].indent and len(blocks) > 1:
            leave()
        if indent > blocks[-1].indent:
            blocks.append(_Block(indent))
        block = blocks[-1]
        for statement in statements:
            if not all(found[number][0] is Role.STRING for number in statement):
                block.has_statement = True
                continue
            for number in statement:
                found[number] = (Role.DOCSTRING, found[number][1])
            if not alone:
                found[statement[0]] = (Role.ONLY_DOCSTRING, found[statement[0]][1])
                block.has_statement = True
            elif block.docstring is None:
                block.docstring = statement[0]
    while len(blocks) > 1:
        leave()


def _logical_lines(found: list[Part]) -> list[tuple[int, list[list[int]], bool]]:
    """(indentation, numbers of the parts of each statement, whether there is one and no header) of each line."""
    lines: list[tuple[int, list[list[int]], bool]] = []
    statement: list[int] = []
    statements = [statement]
    header = False
    indent = depth = 0
    fresh = True
    for number, (role, value) in enumerate(found):
        if role is Role.SPACE:
            if fresh and not statement:
                indent = width(value)
        elif role is Role.NEWLINE:
            fresh = not depth
            if fresh and statements[0]:
                lines.append((indent, [one for one in statements if one], len(statements) == 1))
                statement = []
                statements = [statement]
            if fresh:
                indent = 0
        elif role is not Role.COMMENT:
            if fresh:
                fresh, header = False, value in _HEADERS
            if role is Role.OPERATOR:
                depth = max(0, depth + (value in OPENING) - (value in CLOSING))
                if not depth and (value == ";" or (header and value == ":")):
                    header = header and value != ":"
                    statement = []
                    statements.append(statement)
                    continue
            statement.append(number)
    if statements[0]:
        lines.append((indent, [one for one in statements if one], len(statements) == 1))
    return lines


def width(space: str) -> int:
    """Columns of white space at the start of a line, a tab going to the next multiple of 8 as in Python's grammar."""
    return len(space.rpartition("\f")[2].expandtabs(8))
