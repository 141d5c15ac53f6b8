import argparse
import ast
import asyncio.base_events
import io
import re
import time
import tokenize
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus.cleaning import Unfit
from assay.corpus.document import Document
from assay.corpus.interventions import python
from assay.corpus.interventions.lexeme import Role, parts, pieces

WHITE = {Role.SPACE, Role.NEWLINE}
MARKS = {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@pytest.mark.parametrize("module", [argparse, asyncio.base_events, ast, typing, tokenize])
def test_parts_of_python_are_the_tokens_of_the_standard_library(module: ModuleType) -> None:
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    found = [value for role, value in python.parts(text) if role not in {*WHITE, Role.FORMATTED}]
    assert found == list(_plain_tokens(text))


def _plain_tokens(text: str) -> Iterator[str]:
    """Tokens outside strings with fields, which Python 3.12 began to take apart."""
    inside = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        name = tokenize.tok_name[token.type]
        inside += (name == "FSTRING_START") - (name == "FSTRING_END")
        formatted = inside or name == "FSTRING_END" or re.match(r"[rR]?[fF][rR]?['\"]", token.string)
        if not formatted and token.string.strip() and token.type not in MARKS:
            yield token.string


@given(st.text(alphabet="f'\"{}\\\n#:;()[] xr=!0.e", max_size=60))
def test_no_text_is_too_broken_and_no_character_is_lost(text: str) -> None:
    assert "".join(value for _, value in python.parts(text)) == text


@pytest.mark.parametrize(
    ("string", "code"),
    [
        ("f'{x!r:>{width}}'", ["x", "width"]),
        ('f"{d["a"]} {{no}}"', ["d"]),
        ("rf'\\{x} \\N{y}'", ["x", "y"]),
        ("f'\\N{DASH}{x}'", ["x"]),
        ("f'''{(lambda a: a)(\n1)}'''", ["lambda", "a", "a"]),
        ("f'{x != y}'", ["x", "y"]),
        ("f'{f\"{inner}\"}'", []),
    ],
)
def test_the_code_inside_a_string_is_found(string: str, code: list[str]) -> None:
    assert python.parts(string) == [(Role.FORMATTED, string)]
    fields = python.fields(string)
    assert "".join(value for _, value in fields) == string
    assert [value for role, value in fields if role is Role.NAME] == code


@pytest.mark.parametrize("text", ['f"{' * 9_000, "'''" * 9_001, "(" * 50_000, "f'''{x:" * 9_000, '{f"{x}' * 9_000])
def test_hostile_python_takes_no_longer_than_a_little(text: str) -> None:
    start = time.monotonic()
    assert "".join(value for _, value in python.parts(text)) == text
    assert time.monotonic() - start < 10


def _roles(text: str) -> list[str]:
    return [role.name for role, _ in python.parts(text) if "DOCSTRING" in role.name]


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ('"a"\n', ["DOCSTRING"]),
        ('x = """a"""\n', []),
        ('x: "a"\n', []),
        ('f(\n"a"\n)\n', []),
        ('def f():\n    "a"\n', ["ONLY_DOCSTRING"]),
        ('def f():\n    "a"\n    return 1\n', ["DOCSTRING"]),
        ('def f():\n    "a"\n    # b\nx = 1\n', ["ONLY_DOCSTRING"]),
        ('def f(): "a"\n', ["ONLY_DOCSTRING"]),
        ('class A:\n  def f(self):\n    "a"\n  "b"\n', ["ONLY_DOCSTRING", "DOCSTRING"]),
        ('if x == "a":\n    "b"; y = 1\n', ["ONLY_DOCSTRING"]),
        ('"a" \\\n"b"\n', ["DOCSTRING", "DOCSTRING"]),
        ('print "a"\n', []),
    ],
)
def test_a_docstring_is_a_string_that_is_a_statement(text: str, roles: list[str]) -> None:
    assert _roles(text) == roles


def test_languages_are_those_of_linguist_and_of_fences() -> None:
    names = "C C++ C# Java JavaScript TypeScript TSX PHP Ruby Go Rust Swift Kotlin Scala Haskell Lua Perl R Julia Shell"
    names += " PowerShell Batchfile SQL HTML CSS SCSS Less Markdown reStructuredText TeX YAML JSON TOML XML Makefile"
    for name in [*names.split(), "Common Lisp", "Protocol Buffer", "Visual Basic .NET", "Vim Script", "Emacs Lisp"]:
        text = 'a = "b" // c\n'
        assert "".join(value for _, value in parts(name, text)) == text
    for name in ("English", "Text", "no such language"):
        with pytest.raises(Unfit, match=f"no lexer for {name}"):
            parts(name, "text")


def test_fenced_blocks_are_pieces_in_their_language() -> None:
    text = "Words.\n\n```py\nx = 1\n```\n~~~ bash\nls\n~~~\n```\nplain\n```\n```nosuch\ny\n```\n"
    document = Document(text=text, source="s", path="p", group="g", kind="markup", language="Markdown", licence="MIT")
    found = pieces(document)
    assert "".join(piece.text for piece in found) == text
    assert [(piece.language, piece.text) for piece in found if piece.language] == [("py", "x = 1\n"), ("bash", "ls\n")]
