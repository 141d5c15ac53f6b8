import argparse
import ast
import asyncio.base_events
import dataclasses
import email.message
import io
import json.decoder
import os
import re
import subprocess
import sys
import tokenize
import typing
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import matplotlib
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus import versions
from assay.corpus.cleaning import Unfit
from assay.corpus.document import Document
from assay.corpus.ingredient import InterventionName
from assay.corpus.interventions import INTERVENTIONS, apply
from assay.corpus.interventions.names import OTHER_WORDS, PYTHON_WORDS, nonsense
from assay.corpus.interventions.placebo import words_of
from assay.errors import InputError

MODULES = [argparse, asyncio.base_events, dataclasses, email.message, json.decoder, typing, tokenize]
WEB = Path(matplotlib.__file__).parent / "backends" / "web_backend"
HEADERS = Path(torch.__file__).parent / "include" / "c10" / "util"
OTHERS = [
    ("JavaScript", "javascript", WEB / "js" / "mpl.js"),
    ("CSS", "css", WEB / "css" / "mpl.css"),
    ("CSS", "css", WEB / "css" / "page.css"),
    ("C++", "cpp", HEADERS / "Registry.h"),
    ("C++", "cpp", HEADERS / "LeftRight.h"),
]


def _document(text: str, language: str = "Python", path: str = "a.py") -> Document:
    return Document(text=text, source="s", path=path, group="g", kind="code", language=language, licence="MIT")


def _source(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


@pytest.fixture(params=MODULES, ids=lambda module: module.__name__)
def python(request: pytest.FixtureRequest) -> str:
    return _source(request.param)


def _comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string.rstrip() for token in tokens if token.type == tokenize.COMMENT]


class _WithoutStrings(ast.NodeTransformer):
    """Cuts statements that are a string, and puts ``pass`` where nothing else stood: the tree's view of docstrings."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list) and body:
                kept = [one for one in body if not _is_string(one)]
                setattr(node, field, kept or ([] if isinstance(node, ast.Module) else [ast.Pass()]))
        return node


def _is_string(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str | bytes)
    )


def _shape(text: str) -> str:
    """The syntax tree with every name replaced by blanks of its length. ``f"{x=}"`` prints a name, and is undone."""
    tree = ast.parse(re.sub(r"=\}", "}", text))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant):
            for field, value in ast.iter_fields(node):
                if isinstance(value, str):
                    setattr(node, field, "_" * len(value))
                elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
                    setattr(node, field, ["_" * len(one) for one in value])
    return ast.dump(tree)


def test_without_comments_python_is_the_same_program_less_its_docstrings(python: str) -> None:
    text = apply("comments_removed", _document(python))
    assert ast.dump(ast.parse(text)) == ast.dump(_WithoutStrings().visit(ast.parse(python)))
    assert _comments(text) == [one for one in _comments(python) if one.startswith("#!") or "coding:" in one]
    assert apply("comments_removed", _document(text)) == text


def test_comments_take_their_lines_and_blank_lines_along_and_leave_the_layout() -> None:
    text = '''#!/usr/bin/env python
# Licence.

"""Module."""

import os  # the system

# One.

# Two.
def first(a,   b):
    """Doc."""

    return f"# {a}"  # no comment


class Empty:
    """Only this."""

class Field:
    x: int
    """Its meaning."""
    y = """# not prose"""
def short(): "Doc."
'''
    assert (
        apply("comments_removed", _document(text))
        == '''#!/usr/bin/env python

import os

def first(a,   b):
    return f"# {a}"


class Empty:
    pass

class Field:
    x: int
    y = """# not prose"""
def short(): pass
'''
    )


def test_prose_is_what_removing_comments_took() -> None:
    text = '''#!/usr/bin/env python
"""Reads *things*.

    Indented.
"""
# ------------
#: One
# sentence.
x = "text"  # trailing

def f():
    r"""Doc \\d."""
'''
    assert apply("prose_only", _document(text)) == (
        "Reads *things*.\n\nIndented.\n\nOne\nsentence.\n\ntrailing\n\nDoc \\d.\n"
    )


def test_the_words_of_a_module_are_divided_between_code_and_prose(python: str) -> None:
    def words(text: str) -> Counter[str]:
        return Counter(re.findall(r"[A-Za-z]{2,}", text))

    code, prose = (apply(name, _document(python)) for name in ("comments_removed", "prose_only"))
    whole, both = words(python), words(code) + words(prose)
    added = both - whole
    assert set(added) <= {"pass"}
    assert sum((whole - both).values()) < 0.001 * sum(whole.values()), "prefixes of docstrings"


def test_scrambled_python_keeps_its_shape_and_compiles(python: str) -> None:
    text = apply("identifiers_scrambled", _document(python))
    assert _shape(text) == _shape(python)
    compile(text, "scrambled", "exec")
    assert _comments(text) == _comments(python)
    assert [len(line) for line in text.split("\n")] == [len(line) for line in python.split("\n")]


def _names(text: str) -> Iterator[str]:
    return (
        token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.NAME and not (token.string.startswith("__") and token.string.endswith("__"))
    )


def test_names_are_mapped_one_to_one_over_all_documents_and_words_of_the_language_stay() -> None:
    known: dict[str, str] = {}
    for module in MODULES:
        text = _source(module)
        scrambled = apply("identifiers_scrambled", _document(text, path=module.__name__))
        for before, after in zip(_names(text), _names(scrambled), strict=True):
            assert known.setdefault(before, after) == after
    assert len(known) > 1500
    assert len(set(known.values())) == len(known)
    assert {name for name, other in known.items() if name == other} - {"_", "__"} <= PYTHON_WORDS
    assert not {other for name, other in known.items() if name != other} & PYTHON_WORDS
    assert known["_get_action_name"].count("_") == 3
    assert known["ArgumentParser"][0].isupper()


def test_names_that_share_words_share_their_nonsense_and_another_seed_gives_another() -> None:
    text = "get_user = set_user(userName, f'{user!r:>{width}} {{user}}')\nfrom __future__ import annotations\n"
    scrambled = apply("identifiers_scrambled", _document(text))
    user, width = nonsense("user", 0), nonsense("width", 0)
    get, put, name = (nonsense(word, 0) for word in ("get", "set", "Name"))
    assert scrambled == (
        f"{get}_{user} = {put}_{user}({user}{name}, f'{{{user}!r:>{{{width}}}}} {{{{user}}}}')\n"
        "from __future__ import annotations\n"
    )
    assert apply("identifiers_scrambled", _document(text), seed=1) != scrambled


@given(st.sets(st.from_regex(r"[A-Za-z]{1,12}", fullmatch=True), max_size=40), st.integers(0, 3))
def test_nonsense_keeps_length_and_case_moves_every_letter_and_is_one_to_one(words: set[str], seed: int) -> None:
    other = {word: nonsense(word, seed) for word in words}
    assert len(set(other.values())) == len(words)
    for word, result in other.items():
        assert [letter.isupper() for letter in word] == [letter.isupper() for letter in result]
        assert [letter in "aeiouAEIOU" for letter in word] == [letter in "aeiouAEIOU" for letter in result]
        assert all(a != b for a, b in zip(word, result, strict=True))


def test_formatted_python_is_the_same_program_with_the_same_comments(python: str) -> None:
    messy = re.sub(r"^( +)", lambda blanks: blanks.group().replace("    ", "\t"), python, flags=re.MULTILINE)
    for original in (python, messy):
        text = apply("formatting_normalised", _document(original))
        assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(original))
        assert _comments(text) == _comments(original)
        assert apply("formatting_normalised", _document(text)) == text
        outside_strings = re.sub(r'""".*?"""', "x", text, flags=re.DOTALL)
        assert not re.search(r"[ \t]$|\n\n\n", outside_strings, re.MULTILINE)


def test_differently_formatted_programs_become_the_same_text() -> None:
    neat = (
        'def f(a, *b, c=1, **d):\n    # why\n    return [a[1:-2], {"x": -c ** 2}, not b]  # so\n\nx = f(\n    1,\n)\n'
    )
    messy = "\n\ndef f( a,*b , c = 1,** d ) :\n  # why\n  return [ a [1 : -2],{'x':- c**2},not  b ] # so\n"
    messy += "\n\n\nx=f (\n1 ,\n )"
    assert ast.dump(ast.parse(messy)) == ast.dump(ast.parse(neat))
    assert apply("formatting_normalised", _document(neat)) == neat
    assert apply("formatting_normalised", _document(messy)) == neat


def test_other_languages_lose_white_space_only_and_none_inside_strings() -> None:
    script = "function f() {\n\treturn `a  \n\n\n\n\tb`;   \n}\n\n\n\nf();\n"
    assert apply("formatting_normalised", _document(script, "JavaScript")) == (
        "function f() {\n    return `a  \n\n\n\n\tb`;\n}\n\nf();\n"
    )
    assert apply("formatting_normalised", _document("all:  \n\tcc\n", "Makefile")) == "all:\n\tcc\n"
    assert apply("formatting_normalised", _document("Words. \n\n\n\n", "English")) == "Words.\n"


@given(st.text(alphabet="ab \n\t", min_size=1, max_size=200).filter(str.strip), st.integers(0, 5))
def test_shuffled_lines_are_the_same_lines(text: str, seed: int) -> None:
    shuffled = apply("lines_shuffled", _document(text), seed)
    assert Counter(shuffled.split("\n")) == Counter(text.split("\n"))
    assert shuffled.endswith("\n") or not text.endswith("\n")


def test_shuffling_depends_on_the_place_and_the_seed_only(python: str) -> None:
    shuffled = apply("lines_shuffled", _document(python))
    assert shuffled != python
    assert shuffled == apply("lines_shuffled", _document(python))
    assert shuffled != apply("lines_shuffled", _document(python), seed=1)
    assert shuffled != apply("lines_shuffled", _document(python, path="b.py"))
    assert sorted(shuffled.split("\n")) == sorted(python.split("\n"))


_LETTERS = re.compile(r"\\[A-Za-z]|[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def test_the_placebo_keeps_form_and_repetition_and_no_word_of_code(python: str) -> None:
    text = apply("placebo", _document(python))
    assert re.sub(r"\\[A-Za-z]|[A-Za-z]", "x", text) == re.sub(r"\\[A-Za-z]|[A-Za-z]", "x", python)
    words = [(python[at.start() : at.end()], text[at.start() : at.end()]) for at in _LETTERS.finditer(python)]
    pairs = {(before.lower(), after.lower()) for before, after in words if before[0] != "\\"}
    befores, afters = ({pair[side] for pair in pairs} for side in (0, 1))
    assert len(befores) == len(pairs), "one word for a word"
    assert len(afters) > 0.99 * len(pairs), "another word for another"
    listed = [after for after in afters if after in words_of(len(after))]
    assert len(listed) > 0.9 * len(afters)
    assert not {after for after in afters if len(after) > 2} & {word.lower() for word in PYTHON_WORDS | OTHER_WORDS}


def test_placebos_of_two_documents_do_not_agree_on_keywords() -> None:
    texts = {apply("placebo", _document("return None\n", path=f"{number}.py")) for number in range(20)}
    assert len(texts) > 15


def test_the_list_of_words_is_large_and_ordinary() -> None:
    words = [word for length in range(2, 15) for word in words_of(length)]
    assert len(words) == len(set(words)) >= 4000
    assert {"people", "important", "our"} <= set(words)


@pytest.mark.parametrize(("language", "grammar", "path"), OTHERS, ids=lambda value: Path(value).name)
def test_other_languages_keep_their_syntax_tree(language: str, grammar: str, path: Path) -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    module = pytest.importorskip(f"tree_sitter_{grammar}")
    parser = tree_sitter.Parser(tree_sitter.Language(module.language()))

    def parsed(text: str) -> tuple[list[str], list[str]]:
        """Types of the nodes in order without comments, and the comments."""
        types, comments, left = [], [], [parser.parse(text.encode()).root_node]
        while left:
            node = left.pop()
            if node.type == "comment":
                comments.append(" ".join(node.text.decode().split()))
            else:
                types.append(node.type)
                left += reversed(node.children)
        return types, comments

    text = path.read_text(encoding="utf-8")
    types, comments = parsed(text)
    assert "ERROR" not in types
    assert comments
    bare = apply("comments_removed", _document(text, language))
    assert parsed(bare) == (types, [])
    assert apply("comments_removed", _document(bare, language)) == bare
    for name in ("identifiers_scrambled", "formatting_normalised"):
        assert parsed(apply(name, _document(text, language))) == (types, comments)
    prose = apply("prose_only", _document(text, language))
    words = Counter(re.findall(r"[^\W_]+", " ".join(comments)))
    assert Counter(re.findall(r"[^\W_]+", prose)) == words


def test_a_notebook_is_changed_inside_its_cells_only() -> None:
    notebook = "# Title\n\nText `x`.\n\n```python\n# comment\nvalue = f(1)\n```\n\n```\nplain x\n```\n"
    document = _document(notebook, "Jupyter Notebook")
    value, function = nonsense("value", 0), nonsense("f", 0)
    assert apply("comments_removed", document) == notebook.replace("# comment\n", "")
    assert apply("prose_only", document) == "# Title\n\nText `x`.\n\ncomment\n\nplain x\n"
    assert apply("identifiers_scrambled", document) == notebook.replace("value = f", f"{value} = {function}")


@pytest.mark.parametrize("name", ["comments_removed", "prose_only", "identifiers_scrambled"])
def test_a_language_without_a_lexer_is_unfit(name: str) -> None:
    with pytest.raises(Unfit, match="no lexer for English") as caught:
        apply(name, _document("Some words.", "English"))
    assert caught.value.language == "English"


def test_nothing_left_is_an_empty_text_and_an_unknown_name_is_said() -> None:
    assert apply("comments_removed", _document("# only\n\n# this\n")) == ""
    assert apply("prose_only", _document("x = 1\n")) == ""
    with pytest.raises(InputError, match="did you mean 'placebo'"):
        apply("placebos", _document("x = 1\n"))
    assert all(name == one.name for name, one in INTERVENTIONS.items())
    assert set(INTERVENTIONS) == set(versions.INTERVENTIONS) == set(get_args(InterventionName))


@pytest.mark.parametrize("name", sorted(INTERVENTIONS))
def test_interventions_are_the_same_in_a_process_with_another_hash_seed(name: str, tmp_path: Path) -> None:
    code = (
        "import sys; from assay.corpus.document import Document; from assay.corpus.interventions import apply\n"
        "text = open(sys.argv[2], encoding='utf-8').read()\n"
        "one = Document(text=text, source='s', path='a.py', group='g', kind='code', language='Python', licence='MIT')\n"
        "sys.stdout.buffer.write(apply(sys.argv[1], one).encode())"
    )
    path = str(json.decoder.__file__)
    done = subprocess.run(
        [sys.executable, "-c", code, name, path],
        env={**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == apply(name, _document(_source(json.decoder)))
