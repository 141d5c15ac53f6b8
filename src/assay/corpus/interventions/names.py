"""Names without meaning: every word of every name replaced by a nonsense word, the same throughout a corpus.

The question is whether meaningful names matter, so everything else about names stays: which are equal, in one file
and across files, which share a word (``get_user``, ``set_user``) or a beginning (``handle``, ``handler``), their
length, their case and their underscores. The cipher replaces each letter by one of its own class, vowel or consonant,
depending on a keyed hash of the letters before it; so it is one to one, and different names never meet. Attributes
and imported modules are names like any others. The words of the language stay wherever they are spelt that way
(keywords, builtins, ``self``, ``__dunder__``), and so do strings, comments, and what Pygments does not call a name
(commands and functions of a shell). The code cannot be run any more.
"""

import hashlib
import re
from functools import lru_cache

from assay.corpus.document import Document
from assay.corpus.interventions.lexeme import PYTHON, Part, Role, parts, pieces

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""One word of a name in snake_case, camelCase or PascalCase, ASCII letters only; others are left alone."""
_DUNDER = re.compile(r"__\w+__\Z")
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwxyz"

_PYTHON = """
False None True and as assert async await break class continue def del elif else except finally for from global
if import in is lambda nonlocal not or pass raise return try while with yield match case self cls
abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex
copyright credits delattr dict dir divmod enumerate eval exec exit filter float format frozenset getattr globals
hasattr hash help hex id input int isinstance issubclass iter len license list locals map max memoryview min next
object oct open ord pow print property quit range repr reversed round set setattr slice sorted staticmethod str
sum super tuple type vars zip Ellipsis NotImplemented ArithmeticError AssertionError AttributeError BaseException
BaseExceptionGroup BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError
ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError
EncodingWarning EnvironmentError Exception ExceptionGroup FileExistsError FileNotFoundError FloatingPointError
FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError IndexError InterruptedError
IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError
NotADirectoryError NotImplementedError OSError OverflowError PendingDeprecationWarning PermissionError
ProcessLookupError PythonFinalizationError RecursionError ReferenceError ResourceWarning RuntimeError
RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError
TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError
UnicodeWarning UserWarning ValueError Warning ZeroDivisionError
"""
PYTHON_WORDS = frozenset(_PYTHON.split())
"""Keywords and builtins of Python 3, whichever Python runs, and the two names that convention makes part of it."""

_OTHER = """
abstract alias align and as asm assert async auto await begin bool boolean break byte case catch chan char class
const constexpr continue crate debugger declare def default defer define defined delete dim do done double dyn
each elif else elseif elsif end endfor endif endwhile ensure enum error esac except explicit export extends extern
false fi final finally float fn for foreach friend from func function go goto if ifdef ifndef impl implements
import in include infer inline instanceof int interface is keyof lambda let line local long loop match mod module
mut mutable namespace native new nil none not null object of once operator or override package pass pragma print
private protected pub public raise range ref register rescue return self short signed sizeof static struct sub
super switch synchronized template then this throw throws trait transient true try type typedef typename typeof
undef undefined union unless unsigned unsafe until use using var virtual void volatile warning when where while
with yield
"""
OTHER_WORDS = frozenset(_OTHER.split())
"""Words of the other languages' grammars that stay where a lexer takes them for names."""


def identifiers_scrambled(document: Document, seed: int = 0) -> str:
    """The text with all names that a person chose replaced; equal names and equal words of names stay equal.

    The map depends on ``seed`` only. Lengths of names, so of lines, are kept.

    Raises:
        Unfit: The language has no lexer.
    """
    found: list[str] = []
    for language, text in pieces(document):
        if language is None:
            found.append(text)
        elif language in PYTHON:
            found.append(_python(parts(language, text), seed))
        else:
            found += _other(language, text, seed)
    return "".join(found)


def _python(found: list[Part], seed: int) -> str:
    from assay.corpus.interventions.python import fields

    changed: list[str] = []
    from_future = False
    for role, value in found:
        if role is Role.NAME:
            from_future = from_future or value == "__future__"
            changed.append(value if from_future else _scrambled(value, seed, PYTHON_WORDS))
        elif role is Role.FORMATTED:
            changed.append(_python(fields(value), seed))
        else:
            from_future = from_future and role is not Role.NEWLINE
            changed.append(value)
    return "".join(changed)


def _other(language: str, text: str, seed: int) -> list[str]:
    """A name that follows a number at once is its unit or what the lexer left of it (``#ffffff1a``), and stays."""
    changed: list[str] = []
    last = Role.OTHER
    for role, value in parts(language, text):
        if role is Role.NAME and last is not Role.NUMBER:
            changed.append(re.sub(r"\w+", lambda name: _scrambled(name.group(), seed, OTHER_WORDS), value))
        elif role is Role.PREPROCESSOR and value != text and re.search(r"\w\s", value):
            changed += _other(language, value, seed)
        else:
            changed.append(value)
        last = role
    return changed


@lru_cache(maxsize=1 << 17)
def _scrambled(name: str, seed: int, kept: frozenset[str]) -> str:
    """The name's cipher. One to one on the names outside ``kept``: a result inside it is enciphered again."""
    if name in kept or _DUNDER.match(name):
        return name
    result = name
    while result == name or result in kept:
        result = WORD.sub(lambda word: nonsense(word.group(), seed), result)
        if result == name:
            break
    return result


@lru_cache(maxsize=1 << 17)
def nonsense(word: str, seed: int) -> str:
    """A word of the same length, case and vowels' places; one to one for each ``seed``.

    The i-th letter moves inside its class by 1 + h mod (n - 1), n the letters of the class and h a hash of the
    seed and of the lower-case letters before it: words that begin alike still do, and no letter stays.
    """
    plain = word.lower()
    key = str(seed).encode()
    letters = []
    for place, letter in enumerate(plain):
        kind = _VOWELS if letter in _VOWELS else _CONSONANTS
        digest = hashlib.blake2b(plain[:place].encode(), digest_size=4, key=key).digest()
        moved = kind[(kind.index(letter) + 1 + int.from_bytes(digest, "big") % (len(kind) - 1)) % len(kind)]
        letters.append(moved.upper() if word[place].isupper() else moved)
    return "".join(letters)
