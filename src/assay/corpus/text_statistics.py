"""What the published rules for web text count in a document: words, lines, sentences, repetition.

Texts are laid end to end as code points, classified by tables, and counted by compiled loops (`text_kernels` for words
and lines, `text_repetition` for what is said twice): 40 MB/s a core for everything. Integers only, and classes of
characters from a fixed version of Unicode, so that every machine counts the same. Which counts break a rule is not
known here.
"""

import functools
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

from assay.corpus import text_kernels, text_repetition
from assay.corpus.text_kernels import (
    ALPHA,
    BACK,
    BREAK,
    DIGIT,
    FRONT,
    ICON,
    LOWER,
    NOTED,
    PHRASE,
    PLAIN,
    PUNCTUATION,
    RARE,
    SPACE,
    STOP,
    SYMBOL,
    UPPER,
    Array,
)

BATCH = 1 << 18
"""Characters that are counted at once (a longer document alone): bounds the memory, about 60 bytes each."""

COUNTS = np.dtype(
    [
        ("characters", np.int64),
        ("words", np.int64),
        ("proper_words", np.int64),  # not punctuation alone
        ("proper_characters", np.int64),  # of the proper words
        ("alphabetic_words", np.int64),  # with a letter
        ("stop_words", np.int64),  # different ones of STOP_WORDS
        ("hashes", np.int64),
        ("ellipses", np.int64),
        ("lines", np.int64),
        ("bullet_lines", np.int64),
        ("ellipsis_lines", np.int64),
        ("newlines", np.int64),
        ("blocks", np.int64),  # pieces between newlines, several newlines in a row being one
        ("repeated_blocks", np.int64),
        ("repeated_block_characters", np.int64),
        ("paragraphs", np.int64),  # pieces between two or more newlines
        ("repeated_paragraphs", np.int64),
        ("repeated_paragraph_characters", np.int64),
        ("full_lines", np.int64),  # lines that are not blank
        ("stopped_lines", np.int64),  # of these, lines that end with a mark that ends sentences
        ("short_lines", np.int64),
        ("repeated_line_characters", np.int64),
        ("page", np.int64),  # PAGE_LOREM or PAGE_CURLY in a line that C4 would keep, whichever is first; else 0
        ("sentences", np.int64),  # of the lines that C4 keeps
        ("top", np.int64, (3,)),  # characters of all occurrences of the most frequent 2-, 3- and 4-gram
        ("duplicate", np.int64, (6,)),  # characters of 5- to 10-grams met before, none counted twice
    ]
)
"""The counts of one document."""

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""Rae et al. 2021, appendix A.1.1."""

_KNOWN = 0x20000
"""Code points in the table of classes, two planes; all above, mostly ideographs, are taken for letters."""
_OFF_ENDS = ",:;!?<>_#*&'\"`´…·¡¿—–"
_OFF_FRONT = _OFF_ENDS + "§%="
_STOPS = ".!?؟۔।॥။።‼⁇⁈⁉‽。！．？｡﹒﹖﹗"
_ABBREVIATIONS = """
Mr Mrs Ms Messrs Dr Prof Rev Gen Adm Gov Sen Rep St Mt Jr Ph.D Bros Co co Corp Inc Ltd vs v.s a.m p.m e.g i.e E.g I.e
Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Ala Ariz Ark Calif Colo Conn Del Fla Ga Ia Id Ill Ind Kan Kans Ky
La Mass Md Mich Minn Miss Mo Mont Neb Nebr Nev Okla Ore Pa Tenn Va Wash Wis
"""
_SLOTS = 1024
_PHRASES = (
    *("lorem ipsum", "javascript", "terms of use", "privacy policy", "cookie policy", "uses cookies"),
    *("use of cookies", "use cookies", "edit]", "citation needed]"),
)
"""What C4 looks for in lines (c4_utils.py), and the inside of Wikipedia's citation marks. Any case is found but for
the first word, which is in small letters, capitals or capitalised."""


def measure(texts: Sequence[str], short: int, covered: float) -> Array:
    """Count every text: an array of `COUNTS`, shape (documents,).

    Args:
        texts: The documents.
        short: Characters of the longest line that is short.
        covered: Where repeated 5-grams cover no more than this share of a document's characters, ``duplicate``
            stays 0: no longer n-gram can cover more.
    """
    counts = np.zeros(len(texts), COUNTS)
    for some, codes, offsets in batches(texts):
        classes = kinds().take(codes, mode="clip")
        starts, ends, firsts = _split(codes, classes, offsets)
        values, marks = np.empty(len(starts), np.uint64), np.empty(len(starts), np.uint8)
        text_kernels.count(codes, classes, offsets, firsts, starts, ends, *_tables(), values, marks, counts[some])
        text_repetition.count_grams(firsts, values, ends - starts, covered, counts[some])
        text_repetition.count_lines(codes, classes, SPACE, STOP, offsets, short, counts[some])
    return counts


def words(text: str) -> list[str]:
    """The words of one text, in order."""
    codes, offsets = encode([text])
    starts, ends, _ = _split(codes, kinds().take(codes, mode="clip"), offsets)
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _split(codes: Array, classes: Array, offsets: Array) -> tuple[Array, Array, Array]:
    """Beginnings and ends of all words, and the number of the first of each text."""
    starts, ends = np.empty((2, len(codes) + 1), np.int64)
    firsts = np.empty(len(offsets), np.int64)
    text_kernels.split(codes, classes, offsets, _abbreviations(), starts, ends, firsts)
    return starts[: firsts[-1]], ends[: firsts[-1]], firsts


def batches(texts: Sequence[str]) -> Iterator[tuple[slice, Array, Array]]:
    """Some texts at a time: which, and what `encode` makes of them."""
    first = size = 0
    for at, text in enumerate(texts):
        if size and size + len(text) > BATCH:
            yield slice(first, at), *encode(texts[first:at])
            first, size = at, 0
        size += len(text)
    yield slice(first, len(texts)), *encode(texts[first:])


def encode(texts: Sequence[str]) -> tuple[Array, Array]:
    """Code points of all texts in a row (uint32), and where each begins and the last one ends (int64)."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    return codes, np.cumsum([0, *map(len, texts)], dtype=np.int64)


@functools.cache
def kinds() -> Array:
    """The classes of every code point as bits (uint16): Unicode 3.2's, the same in every Python, and later pictures."""
    of_category = {
        **dict.fromkeys(("Zs", "Zl", "Zp"), SPACE),
        **dict.fromkeys(("Lo", "Lm", "Lt", "Cn"), ALPHA | LOWER | UPPER),  # Cn: mostly letters since
        "Ll": ALPHA | LOWER,
        "Lu": ALPHA | UPPER,
        **dict.fromkeys(("Ps", "Pe", "Pi", "Pf"), PUNCTUATION | SYMBOL | FRONT | BACK),
        **dict.fromkeys(("Pc", "Pd", "Po"), PUNCTUATION | SYMBOL),
        **dict.fromkeys(("Sm", "Sk", "Cc", "Cf"), SYMBOL),
        "Sc": SYMBOL | FRONT,
        "So": SYMBOL | FRONT | BACK | ICON,
    }
    known = unicodedata.ucd_3_2_0
    table = np.array([of_category.get(known.category(chr(code)), 0) for code in range(_KNOWN)], np.uint16)
    table[[0x180E, 0x200B]] = SYMBOL  # white space in Unicode 3.2 alone
    table[0x1F000:0x1FB00] = of_category["So"]
    for bit, characters in (
        (SPACE, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85"),
        (DIGIT, "0123456789"),
        (RARE, "#…[{jJ"),
        (FRONT, _OFF_FRONT),
        (BACK, _OFF_ENDS),
        (STOP, _STOPS),
        (BREAK, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"),
    ):
        table[[ord(char) for char in characters]] |= bit
    table[table & (ALPHA | DIGIT) != 0] |= PLAIN
    return table


@functools.cache
def _abbreviations() -> Array:
    """An open hash table of words before which a full stop ends no sentence (uint64)."""
    table = np.zeros(_SLOTS, np.uint64)
    for value in text_kernels.hashes(*encode(_ABBREVIATIONS.split())):
        at = int(value) % _SLOTS
        while table[at]:
            at = (at + 1) % _SLOTS
        table[at] = value
    return table


@functools.cache
def _tables() -> tuple[Array, Array, Array]:
    """What to look at by the last bits of a word's hash, a bit for each stop word and `PHRASE`; the hashes of the
    stop words; the phrases as rows padded with 0."""
    stop_words = text_kernels.hashes(*encode(STOP_WORDS))
    first = sorted({phrase.split()[0] for phrase in _PHRASES[:8]})
    cased = [form for word in first for form in (word, word.capitalize(), word.upper())]
    noted = np.zeros(int(NOTED) + 1, np.int64)
    noted[text_kernels.hashes(*encode(cased)) & NOTED] = PHRASE
    noted[stop_words & NOTED] |= 1 << np.arange(len(stop_words))
    rows = np.zeros((len(_PHRASES), max(map(len, _PHRASES))), np.uint32)
    for row, phrase in zip(rows, _PHRASES, strict=True):
        row[: len(phrase)] = [ord(char) for char in phrase]
    return noted, stop_words, rows
