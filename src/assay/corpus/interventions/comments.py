"""Code without its prose, and the prose without its code: the two halves of a documented program.

Prose is what a compiler skips: comments, and strings that are statements (docstrings, and those written under
attributes). What a comment quotes, an example or code that was commented out, counts as prose; words inside other
strings count as code. In notebooks and Markdown the text around fenced blocks is prose that stays in both halves.
"""

import re
import textwrap

from assay.corpus.document import Document
from assay.corpus.interventions.lexeme import Part, Role, parts, pieces

_PROSE = frozenset({Role.COMMENT, Role.DOCSTRING, Role.ONLY_DOCSTRING})
_QUOTES = re.compile(r"[A-Za-z]{0,2}(\"\"\"|'''|\"|')")
_OPENING = re.compile(
    r"[ \t]*(?:/\*+[!<]?|//+[!<]?|\*+/|<!--+|\{-+\|?|\(\*+|--+\[=*\[|--+|#+[:!|]?|;+|%+|\"+|'+|!+[>]?"
    r"|(?:REM|rem|dnl|@REM|@rem|=begin|=end|=pod|=cut)\b)[ \t]?"
)
_ENDING = re.compile(r"[ \t]*(?:\*+/|--+>|-+\}|\*+\)|\]=*\]|\|#)\s*\Z")
_STAR = re.compile(r"[ \t]*\*+(?!/)[ \t]?")
_MEANS = re.compile(r"[^\W_]")
_FENCE = re.compile(r"^(?:```|~~~).*\n?", re.MULTILINE)


def comments_removed(document: Document, seed: int = 0) -> str:
    """The text without comments and docstrings; a Python block that held nothing else gets ``pass``.

    Lines that held nothing else go, and the blank lines around them become as few as stood on either side. ``seed``
    changes nothing.

    Raises:
        Unfit: The language has no lexer.
    """
    found = pieces(document)
    return "".join(
        text if language is None else _without_prose(parts(language, text)) for language, text in found if text
    )


def _without_prose(found: list[Part]) -> str:
    lines: list[tuple[str, Role | None]] = []
    line = ""
    removed: Role | None = None
    gap = False
    for role, value in found:
        if role in _PROSE:
            if role is Role.ONLY_DOCSTRING:
                line += "pass"
            removed, gap = role, True
            for _ in range(value.count("\n")):
                lines.append((line, removed))
                line, gap = "", False
            if value.endswith("\n"):
                removed = None
            continue
        head, *rest = (_closed(line, value) if gap else value).split("\n")
        gap = False
        line += head
        for one in rest:
            lines.append((line, removed))
            line, removed = one, None
    ended = not line and removed is None
    if not ended:
        lines.append((line, removed))
    kept = _collapsed(lines)
    return "\n".join(kept) + ("\n" if kept and (ended or removed is not None) else "")


def _closed(line: str, value: str) -> str:
    """What followed a removed comment, one blank away from ``line`` where words would run together, not two."""
    if line[-1:] in (" ", "\t") and value[:1] == " ":
        return value[1:]
    return " " + value if line[-1:].isalnum() and value[:1].isalnum() else value


def _collapsed(lines: list[tuple[str, Role | None]]) -> list[str]:
    """The lines that are left, where a docstring went with the blank lines below it, a comment with the fewer."""
    kept: list[str] = []
    blank: list[str] = []
    most = before = 0
    first: Role | None = None
    for line, removed in lines:
        if line.strip():
            if first is not None:
                number = before if first is not Role.COMMENT else max(most, len(blank))
                blank = [""] * (number if kept else 0)
            kept += [*blank, line.rstrip() if removed is not None else line]
            blank, most, first = [], 0, None
        elif removed is not None:
            if first is None:
                first, before = removed, len(blank)
            most, blank = max(most, len(blank)), []
        else:
            blank.append(line)
    return kept + (blank if first is None else [])


def prose_only(document: Document, seed: int = 0) -> str:
    """The comments and docstrings in their order, without their marks; rulers, lines without a letter or digit, go.

    Comments on neighbouring lines stay together, others are set apart by a blank line. ``seed`` changes nothing.

    Raises:
        Unfit: The language has no lexer.
    """
    blocks: list[str] = []
    for language, text in pieces(document):
        if language is None:
            blocks.append(_FENCE.sub("", text))
        else:
            blocks += _prose(parts(language, text))
    paragraphs = (re.sub(r"\n{3,}", "\n\n", block).strip("\n") for block in blocks)
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph.strip())
    return text + "\n" if text else ""


def _prose(found: list[Part]) -> list[str]:
    comments: list[tuple[str, bool]] = []
    between = "code"
    for role, value in found:
        if role not in _PROSE:
            between += value
            continue
        docstring = role is not Role.COMMENT and _QUOTES.match(value) is not None
        if docstring or between.strip() or between.count("\n") > 1 or not comments or comments[-1][1]:
            comments.append((value, docstring))
        else:
            comments[-1] = (comments[-1][0] + between + value, False)
        body = value.rstrip("\n")
        between = value[len(body) :]
        if between and not docstring:
            comments[-1] = (comments[-1][0][: -len(between)], False)
    return [_unquoted(text) if docstring else _unmarked(text) for text, docstring in comments]


def _unquoted(text: str) -> str:
    quotes = _QUOTES.match(text)
    if quotes is None:
        return text
    first, _, rest = text[quotes.end() :].removesuffix(quotes.group(1)).partition("\n")
    return _meaning([first.strip(), *textwrap.dedent(rest).split("\n")])


def _unmarked(text: str) -> str:
    plain: list[str] = []
    inside = False
    for line in text.split("\n"):
        if inside:
            bare = _STAR.sub("", line, count=1) if _STAR.match(line) else line.strip()
        else:
            bare = _OPENING.sub("", line, count=1)
            inside = line.lstrip().startswith(("/*", "<!--", "{-", "(*", "=begin", "=pod", "--[", "#|"))
        closed = _ENDING.sub("", bare)
        inside = inside and closed == bare
        plain.append(closed.rstrip())
    return _meaning(plain)


def _meaning(lines: list[str]) -> str:
    return "\n".join(line.rstrip() if _MEANS.search(line) else "" for line in lines)
