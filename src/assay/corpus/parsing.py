"""Whether a file is valid in its language, and how much of it is comment.

Python, JSON, TOML and YAML are judged by their own parsers, which are exact; thirteen other languages by tree-sitter
grammars (extra ``code``), which recover from errors, so that a macro does not condemn a header: a file fails once more
than 5 % of its bytes lie in errors. Comments are what the grammar calls so, and without a grammar (Python among them)
what the interventions take for prose. Nothing is run, built or expanded: YAML is only followed event by event. A text
that is larger, or has a longer line, than anybody writes counts as invalid, as some parsers take quadratic time. Which
release of Python a file must be valid in is the running interpreter's.
"""

import ast
import functools
import json
import time
import tomllib
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import yaml

from assay.corpus.cleaning import Unfit
from assay.corpus.interventions import lexeme
from assay.corpus.interventions.lexeme import Role
from assay.errors import StepError

if TYPE_CHECKING:
    import tree_sitter

LARGEST = 1_000_000
"""Characters of the largest text that a parser is given, JSON aside, which is read in linear time."""
LONGEST_LINE = 100_000
"""Characters of the longest line that a parser of a programming language is given."""
LONGEST_LEXED = 1000
"""Characters of the longest line that Pygments is given: 20 kB in one line of a Makefile take it 6 s."""
SECONDS = 20.0
"""Processor time after which tree-sitter is stopped: a megabyte of any real code takes it less than one second, but
5,000 comments that are never closed take minutes."""
MOST_ERRORS = 0.05
"""Share of a file's bytes that tree-sitter may mark as errors."""


class Grammar(NamedTuple):
    """Where a tree-sitter grammar is found, and what it calls comments."""

    module: str
    function: str = "language"
    comments: tuple[str, ...] = ("comment",)


_TWO_COMMENTS = ("line_comment", "block_comment")
GRAMMARS = {
    "JavaScript": Grammar("tree_sitter_javascript"),
    "TypeScript": Grammar("tree_sitter_typescript", "language_typescript"),
    "TSX": Grammar("tree_sitter_typescript", "language_tsx"),
    "C": Grammar("tree_sitter_c"),
    "C++": Grammar("tree_sitter_cpp"),
    "Java": Grammar("tree_sitter_java", comments=_TWO_COMMENTS),
    "Go": Grammar("tree_sitter_go"),
    "Rust": Grammar("tree_sitter_rust", comments=_TWO_COMMENTS),
    "PHP": Grammar("tree_sitter_php", "language_php"),
    "Ruby": Grammar("tree_sitter_ruby"),
    "Shell": Grammar("tree_sitter_bash"),
    "CSS": Grammar("tree_sitter_css"),
    "HTML": Grammar("tree_sitter_html"),
}
"""Linguist's name of a language to its grammar."""

_CHUNK = 1 << 16
_PROSE = frozenset((Role.COMMENT, Role.DOCSTRING, Role.ONLY_DOCSTRING))


def parses(text: str, language: str) -> bool | None:
    """Whether ``text`` is valid in ``language`` (linguist's name); None where there is no parser for it.

    Raises:
        StepError: The language needs tree-sitter, which is not installed.
    """
    if language == "JSON":
        return _is_json(text)
    if language == "Python":
        return not _is_hostile(text) and _is_python(text)
    if language == "TOML":
        return len(text) <= LARGEST and _is_toml(text)
    if language == "YAML":
        return len(text) <= LARGEST and _is_yaml(text)
    if language in GRAMMARS:
        return not _is_hostile(text) and _is_tree(text, language)
    return None


def comment_share(text: str, language: str) -> float | None:
    """Share of the characters that lie in comments, with their marks; None for languages it cannot be said of.

    In Python a string that is a statement by itself, a docstring above all, counts as a comment.

    Raises:
        StepError: The language needs tree-sitter, which is not installed.
    """
    if not text or _is_hostile(text):
        return None
    if language in GRAMMARS:
        inside = _tree_comments(text, language)
        return None if inside is None else inside / len(text)
    if not lexeme.has_lexer(language) or (language != "Python" and _longest_line(text) > LONGEST_LEXED):
        return None
    try:
        return sum(len(part) for role, part in lexeme.parts(language, text) if role in _PROSE) / len(text)
    except Unfit:
        return None


def _is_hostile(text: str) -> bool:
    return len(text) > LARGEST or _longest_line(text) > LONGEST_LINE


def _longest_line(text: str) -> int:
    return max(map(len, text.split("\n")))


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_json(text: str) -> bool:
    """One value, or one a line; numbers are not converted, as a long one is valid JSON and no valid int."""
    if _is_json_value(text):
        return True
    lines = [line for line in text.split("\n") if line.strip()]
    return len(lines) > 1 and all(map(_is_json_value, lines))


def _is_json_value(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_yaml(text: str) -> bool:
    try:
        for _ in yaml.parse(text, Loader=yaml.CSafeLoader):
            pass
    except (yaml.YAMLError, ValueError):
        return False
    return True


@functools.cache
def _tree_sitter_language(language: str) -> "tree_sitter.Language":
    grammar = GRAMMARS[language]
    try:
        import tree_sitter

        pointer = getattr(import_module(grammar.module), grammar.function)()
    except ImportError as error:
        raise StepError(
            f"judging files of {language} needs tree-sitter and {grammar.module}: pip install 'assay[code]'"
        ) from error
    return tree_sitter.Language(pointer)


def _root(data: bytes, language: str) -> "tree_sitter.Node | None":
    """The root of the syntax tree; None where ``SECONDS`` were not enough."""
    known = _tree_sitter_language(language)
    import tree_sitter

    end = time.thread_time() + SECONDS

    def read(offset: int, _: object) -> bytes:
        return data[offset : offset + _CHUNK]

    def too_long(_offset: int, _has_error: bool) -> bool:
        return time.thread_time() > end

    try:
        return tree_sitter.Parser(known).parse(read, progress_callback=too_long).root_node
    except ValueError:
        return None


def _is_tree(text: str, language: str) -> bool:
    """Whether at most ``MOST_ERRORS`` of the bytes are in ERROR nodes; a missing token counts as one byte."""
    root = _root(text.encode("utf-8", "surrogatepass"), language)
    if root is None:
        return False
    wrong = 0
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if node.is_error or node.is_missing:
            wrong += max(1, node.end_byte - node.start_byte)
        elif node.has_error:
            nodes += node.children
    return wrong <= MOST_ERRORS * (root.end_byte - root.start_byte)


def _tree_comments(text: str, language: str) -> int | None:
    """Characters of the comments, found by walking the tree, as a query takes quadratic time in a deep one."""
    data = text.encode("utf-8", "surrogatepass")
    root = _root(data, language)
    if root is None:
        return None
    wanted = GRAMMARS[language].comments
    inside = 0
    cursor = root.walk()
    while True:
        node = cursor.node
        if node is not None and node.type in wanted:
            inside += len(data[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass"))
        elif cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return inside
