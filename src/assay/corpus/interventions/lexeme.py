"""What a piece of code is made of, whatever its language: parts with a role, which joined give the text again.

Interventions work on parts, never on syntax trees: a tree forgets comments and layout, and a file that does not
parse (Python 2, a snippet, half a notebook) has parts all the same. Python is taken apart by `python`, which
knows statements; every other language by Pygments, which knows tokens only.
"""

import re
from enum import IntEnum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from assay.corpus.cleaning import Unfit
from assay.corpus.document import Document

if TYPE_CHECKING:
    from pygments.lexer import Lexer


class Role(IntEnum):
    """What a part is."""

    SPACE = auto()
    """Blanks, tabs, form feeds and joined line ends; never a line end of its own."""
    NEWLINE = auto()
    COMMENT = auto()
    FORMATTED = auto()
    """A Python string with replacement fields, whole; `python.fields` takes it apart."""
    STRING = auto()
    """A literal that is not a number."""
    NAME = auto()
    """An identifier; in Python a keyword too."""
    NUMBER = auto()
    OPERATOR = auto()
    DOCSTRING = auto()
    """A string that is a statement of its own, or a comment that the language calls documentation."""
    ONLY_DOCSTRING = auto()
    """A docstring without which its block would be empty."""
    PREPROCESSOR = auto()
    """A directive of C's preprocessor and its like, without its comments."""
    OTHER = auto()
    """Everything else: keywords, builtins, the text of markup, a shebang, what no rule knows."""


Part = tuple[Role, str]


class Piece(NamedTuple):
    """A stretch of a document in one language."""

    language: str | None
    """None for prose around code, and for code in a language that has no lexer."""
    text: str


PYTHON = frozenset({"python", "py", "python3", "ipython", "ipython3", "starlark"})
_FENCED = frozenset({"markdown", "jupyter notebook", "rmarkdown"})
_FENCE = re.compile(r"^(```+|~~~+)[ \t]*([\w+#.-]+)[^\n]*\n(.*?)(?=^\1[ \t]*$)", re.MULTILINE | re.DOTALL)
_ALIASES = {
    "batchfile": "batch",
    "c++": "cpp",
    "common lisp": "common-lisp",
    "dockerfile": "docker",
    "emacs lisp": "emacs-lisp",
    "html+django": "html+jinja",
    "html+erb": "erb",
    "java server pages": "jsp",
    "json with comments": "json",
    "jupyter notebook": "markdown",
    "objective-c++": "objective-c++",
    "protocol buffer": "protobuf",
    "restructuredtext": "rst",
    "shell": "bash",
    "shellsession": "console",
    "tsx": "typescript",
    "vim script": "vim",
    "visual basic .net": "vb.net",
}


def pieces(document: Document) -> list[Piece]:
    """A document cut into languages: one piece, or prose and the fenced blocks of Markdown and of notebooks.

    Raises:
        Unfit: The document's language has no lexer.
    """
    language = document.language.lower()
    if language not in _FENCED:
        if not has_lexer(language):
            raise Unfit(f"no lexer for {document.language}", document.language)
        return [Piece(language, document.text)]
    found: list[Piece] = []
    end = 0
    for fence in _FENCE.finditer(document.text):
        found.append(Piece(None, document.text[end : fence.start(3)]))
        inside = fence.group(2).lower()
        found.append(Piece(inside if has_lexer(inside) else None, fence.group(3)))
        end = fence.end()
    found.append(Piece(None, document.text[end:]))
    return found


def has_lexer(language: str) -> bool:
    """Whether :func:`parts` knows the language (linguist's name, or a fence's)."""
    return language.lower() in PYTHON or _lexer(language.lower()) is not None


def parts(language: str, text: str) -> list[Part]:
    """The parts of ``text``, whose strings joined are ``text``.

    Raises:
        Unfit: There is no lexer for the language, or it loses characters.
    """
    if language.lower() in PYTHON:
        from assay.corpus.interventions import python

        return python.parts(text)
    lexer = _lexer(language.lower())
    if lexer is None:
        raise Unfit(f"no lexer for {language}", language)
    roles = _roles(lexer.name)
    found = [(roles(kind), value) for _, kind, value in lexer.get_tokens_unprocessed(text)]
    if "".join(value for _, value in found) != text:
        raise Unfit("lexer loses text", language)
    return found


@lru_cache(maxsize=256)
def _lexer(language: str) -> "Lexer | None":
    from pygments.lexers import find_lexer_class, get_lexer_by_name
    from pygments.util import ClassNotFound

    for name in (_ALIASES.get(language, language), language.replace(" ", "-")):
        try:
            lexer = get_lexer_by_name(name)
        except ClassNotFound:
            found = find_lexer_class(name)
            if found is None:
                continue
            lexer = found()
        return None if lexer.name == "Text only" else lexer
    return None


@lru_cache(maxsize=256)
def _roles(lexer: str) -> "_Roles":
    return _Roles(lexer)


class _Roles:
    """Role of a token type for one lexer; types are looked up once."""

    def __init__(self, lexer: str) -> None:
        self.known: dict[object, Role] = {}
        self.is_web = re.search("HTML|CSS|Sass|Vue|Svelte", lexer, re.IGNORECASE) is not None
        self.is_yaml = lexer == "YAML"

    def __call__(self, kind: object) -> Role:
        role = self.known.get(kind)
        if role is None:
            role = self.known[kind] = self._judge(kind)
        return role

    def _judge(self, kind: object) -> Role:
        from pygments.token import Comment, Literal, Name, Number, String

        language = [Name.Builtin, Name.Function.Magic, Name.Variable.Magic, Name.Entity]
        if self.is_web:
            language += [Name.Tag, Name.Attribute, Name.Decorator]
        if self.is_yaml:
            language += [Name.Constant]
        rules = (
            (Comment.Hashbang, Role.OTHER),
            (Comment.Preproc, Role.PREPROCESSOR),
            (Comment.PreprocFile, Role.NAME),
            (Comment, Role.COMMENT),
            (String.Doc, Role.DOCSTRING),
            (String.Symbol, Role.NAME),
            (Number, Role.NUMBER),
            (Literal, Role.STRING),
            *((own, Role.OTHER) for own in language),
            (Name, Role.NAME),
        )
        return next((role for among, role in rules if kind in among), Role.OTHER)
