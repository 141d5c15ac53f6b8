"""Text with the form of code and nothing of its meaning: every word becomes an English word of the same length.

Line lengths, indentation, brackets, operators, digits and escape sequences stay where they were, and so does
repetition: inside a document the map is one to one, so nesting and references over long distances can be learnt as
in code. Each document has a map of its own, because with one map for all the placebo would be code again in another
spelling: ``def`` would be one word everywhere, and what it does could be learnt. All words are replaced, keywords and
comments too, so any language will do. The words are 4,000 of the State of the Union addresses (public domain).
"""

import hashlib
import math
import re
from functools import lru_cache
from pathlib import Path

from assay.corpus.document import Document
from assay.corpus.interventions.names import WORD

_WORD = re.compile(rf"\\[A-Za-z]|{WORD.pattern}")
_ALPHABET = tuple("abcdefghijklmnopqrstuvwxyz")
_GOLDEN = (math.sqrt(5) - 1) / 2


def placebo(document: Document, seed: int = 0) -> str:
    """The text with all words of ASCII letters replaced, by a key of ``seed``, source and path.

    A word inside a name (``get_user``, ``getUser``) is a word; a letter after a backslash is none.
    """
    key = hashlib.blake2b(f"{seed}\0{document.source}\0{document.path}".encode(), digest_size=8).digest()
    start = int.from_bytes(key, "big")
    known: dict[str, str] = {}
    met: dict[int, int] = {}

    def replaced(match: re.Match[str]) -> str:
        word = match.group()
        if word[0] == "\\":
            return word
        plain = word.lower()
        other = known.get(plain)
        if other is None:
            number = met[len(plain)] = met.get(len(plain), -1) + 1
            other = known[plain] = _english(len(plain), number, start)
        if word == plain:
            return other
        return other.upper() if word.isupper() else other.capitalize()

    return _WORD.sub(replaced, document.text)


def _english(length: int, number: int, start: int) -> str:
    """The ``number``-th word of a length, in an order that ``start`` decides; compounds where words have run out."""
    words = words_of(length)
    if number < len(words):
        stride = round(len(words) * _GOLDEN) or 1
        while math.gcd(stride, len(words)) > 1:
            stride += 1
        return words[(start + number * stride) % len(words)]
    number -= len(words)
    head = length // 2
    tails = _count(length - head)
    return _english(head, number // tails % _count(head), start) + _english(length - head, number % tails, start)


def _count(length: int) -> int:
    return len(words_of(length)) or _count(length // 2) * _count(length - length // 2)


@lru_cache(maxsize=1024)
def words_of(length: int) -> tuple[str, ...]:
    """The listed words of a length, the commonest first; of length 1 the alphabet."""
    listed = Path(__file__).with_name("words.txt").read_text(encoding="ascii").split()
    return _ALPHABET if length == 1 else tuple(word for word in listed if len(word) == length)
