"""Python as tokens that renaming, reformatting and comments do not change, and runs of them as 64-bit hashes.

A name is replaced by the distance to its previous occurrence inside the run (the parameterised match of Baker, "A
theory of parameterized pattern matching", 1993), so names that are exchanged consistently make no difference. Kept as
they are: keywords, attributes, names of keyword arguments, builtins that are called, operators, brackets, numbers. Left
out: comments, docstrings, imports, what stands between ``def`` and the colon, type hints, parentheses, commas, colons.
A string is a string whatever it says. Nothing is parsed, so text that is not Python gives tokens too, and no fault.
"""

import keyword
from collections.abc import Sequence
from functools import cache

import numba
import numpy as np
from numpy.typing import NDArray

from assay.corpus.contamination.words import concatenated

LONGEST = 20
"""Tokens of a run."""
SHORTEST = 18
"""Tokens of the shortest solution that is looked for, as a whole. In 18,900 files of other packages
(297 MB of Python) no solution of 18 tokens was met, one of 16 (counting equal elements), eight of 10 (such as Euclid's
algorithm)."""

_CALLED = """
abs all any bin bool bytes chr complex dict divmod enumerate filter float format frozenset hash hex int isinstance
iter len list map max min next oct ord pow print range repr reversed round set slice sorted str sum tuple type zip
"""
_KEYWORD, _BUILTIN, _DEF, _IMPORT, _ELIF, _STATEMENT, _PREFIX = 1, 2, 3, 4, 5, 6, 7
_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(1)
_LOW = np.uint64(63)
_STRING = np.uint64(0x5354)
_NAME = np.uint64(0x4E414D45)
_SLOTS = 1024

_NEWLINE, _NUMBER_SIGN, _PARENTHESIS, _COMMA, _POINT, _ZERO, _COLON, _SEMICOLON, _EQUALS, _BACKSLASH = b"\n#(,.0:;=\\"
_SPACES, _QUOTES, _OPENING, _CLOSING = tuple(b" \t\r\f"), tuple(b"\"'"), tuple(b"([{"), tuple(b")]}")
_SIGNS, _EXPONENT, _DOUBLED = tuple(b"+-"), tuple(b"eE"), tuple(b"*/<>")


@numba.njit(cache=True, nogil=True)
def _mixed(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * _MIX
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def _hash(data: NDArray[np.uint8], start: int, end: int) -> np.uint64:
    value = _FNV_OFFSET
    for at in range(start, end):
        value = (value ^ np.uint64(data[at])) * _FNV_PRIME
    return _mixed(value)


def _word_hash(word: str) -> int:
    """What `_hash` gives for the bytes of a word."""
    whole = (1 << 64) - 1
    value = int(_FNV_OFFSET)
    for byte in word.encode():
        value = (value ^ byte) * int(_FNV_PRIME) & whole
    value = (value ^ (value >> 30)) * int(_MIX) & whole
    return value ^ (value >> 31)


_ELSE, _IF = np.uint64(_word_hash("else")), np.uint64(_word_hash("if"))


@cache
def _vocabulary() -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Open-addressing table of the words that mean something: their hashes and what they are."""
    kinds = dict.fromkeys(keyword.kwlist, _KEYWORD) | dict.fromkeys(_CALLED.split(), _BUILTIN)
    kinds |= {"def": _DEF, "import": _IMPORT, "from": _IMPORT, "elif": _ELIF}
    kinds |= dict.fromkeys(("class", "return", "raise", "with", "while", "try", "del", "assert"), _STATEMENT)
    kinds |= dict.fromkeys(("r", "b", "u", "f", "br", "rb", "fr", "rf"), _PREFIX)
    hashes, meanings = np.zeros(_SLOTS, np.uint64), np.zeros(_SLOTS, np.int64)
    for word, kind in kinds.items():
        slot = _word_hash(word) % _SLOTS
        while meanings[slot]:
            slot = (slot + 1) % _SLOTS
        hashes[slot], meanings[slot] = _word_hash(word), kind
    return hashes, meanings


@numba.njit(cache=True, nogil=True)
def _meaning(value: np.uint64, known: NDArray[np.uint64], meanings: NDArray[np.int64]) -> int:
    slot = int(np.int64(value % np.uint64(_SLOTS)))
    while meanings[slot]:
        if known[slot] == value:
            return int(meanings[slot])
        slot = (slot + 1) % _SLOTS
    return 0


@numba.njit(cache=True, nogil=True)
def _is_digit(byte: int) -> bool:
    return 48 <= byte <= 57


@numba.njit(cache=True, nogil=True)
def _is_word(byte: int) -> bool:
    return (97 <= byte <= 122) or (65 <= byte <= 90) or byte == 95 or byte >= 128 or _is_digit(byte)


@numba.njit(cache=True, nogil=True)
def _without_zeros(data: NDArray[np.uint8], start: int, end: int) -> int:
    """The end of a number without the zeros that end its fraction: 2.60 is 2.6 and 1.0 is 1."""
    point = False
    for at in range(start, end):
        byte = data[at]
        point = point or byte == _POINT
        if byte != _POINT and not _is_digit(byte):
            return end
    while point and end > start + 1 and data[end - 1] == _ZERO:
        end -= 1
    return end - 1 if point and data[end - 1] == _POINT else end


@numba.njit(cache=True, nogil=True)
def _after_string(data: NDArray[np.uint8], at: int, end: int) -> int:
    """The byte after the string whose first quotation mark is at ``at``; one quote's string ends with the line."""
    quote = data[at]
    triple = at + 2 < end and data[at + 1] == quote and data[at + 2] == quote
    at += 3 if triple else 1
    while at < end:
        byte = data[at]
        if byte == _BACKSLASH:
            at += 2
        elif byte == quote and not triple:
            return at + 1
        elif byte == quote and at + 2 < end and data[at + 1] == quote and data[at + 2] == quote:
            return at + 3
        elif byte == _NEWLINE and not triple:
            return at
        else:
            at += 1
    return end


@numba.njit(cache=True, nogil=True)
def _after_clause(data: NDArray[np.uint8], at: int, end: int, stop: int) -> int:
    """The next ``stop`` outside brackets, or the end of the logical line; strings and comments are stepped over."""
    depth = 0
    while at < end:
        byte = data[at]
        if byte in _QUOTES:
            at = _after_string(data, at, end)
            continue
        if byte == _NUMBER_SIGN:
            while at < end and data[at] != _NEWLINE:
                at += 1
            continue
        if byte == _BACKSLASH:
            at += 2
            continue
        if byte in _OPENING:
            depth += 1
        elif byte in _CLOSING:
            depth -= 1
        elif depth <= 0 and byte in (stop, _NEWLINE):
            return at
        at += 1
    return end


@numba.njit(cache=True, nogil=True)
def _tokens(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    known: NDArray[np.uint64],
    meanings: NDArray[np.int64],
    tokens: NDArray[np.uint64],
    named: NDArray[np.uint8],
    begins: NDArray[np.int64],
) -> int:
    """Tokens of ``data[start:end]``: hash, whether it is a name that may be exchanged, and first byte."""
    count = 0
    depth = 0
    fresh = True  # at the beginning of a statement
    dot = False
    at = start
    while at < end:
        byte = data[at]
        here = at
        if byte == _NEWLINE:
            fresh = fresh or depth <= 0
            at += 1
            continue
        if byte in _SPACES:
            at += 1
            continue
        if byte == _NUMBER_SIGN:
            while at < end and data[at] != _NEWLINE:
                at += 1
            continue
        if byte == _BACKSLASH:
            at += 2
            continue
        if byte in _QUOTES:
            at = _after_string(data, at, end)
            if not fresh and (count == 0 or tokens[count - 1] != _STRING):
                tokens[count], named[count], begins[count] = _STRING, 0, here
                count += 1
            continue
        if _is_digit(byte) or (byte == _POINT and at + 1 < end and _is_digit(data[at + 1])):
            while at < end and (_is_word(data[at]) or data[at] == _POINT):
                at += 1
                if at < end and data[at] in _SIGNS and data[at - 1] in _EXPONENT:
                    at += 1
            tokens[count], named[count], begins[count] = _hash(data, here, _without_zeros(data, here, at)), 0, here
            count += 1
            fresh = dot = False
            continue
        if _is_word(byte):
            while at < end and _is_word(data[at]):
                at += 1
            value = _hash(data, here, at)
            meaning = _meaning(value, known, meanings)
            if meaning == _PREFIX and at < end and data[at] in _QUOTES:
                continue
            after = at
            while after < end and data[after] in _SPACES:
                after += 1
            following = np.int64(data[after]) if after < end else 0
            then = np.int64(data[after + 1]) if after + 1 < end else 0
            if dot:
                meaning = _KEYWORD
            elif meaning == _IMPORT and fresh:
                at = _after_clause(data, at, end, _SEMICOLON)
                continue
            elif meaning == _DEF:
                at = _after_clause(data, at, end, _COLON)
                depth = 0
            elif meaning == _STATEMENT:
                depth = 0
            elif meaning == _ELIF:
                tokens[count], named[count], begins[count] = _ELSE, 0, here
                count += 1
                value = _IF
            elif meaning == _BUILTIN and following != _PARENTHESIS:
                meaning = 0
            elif meaning == 0 and depth > 0 and following == _EQUALS and then != _EQUALS:
                meaning = _KEYWORD
            if meaning == _PREFIX:
                meaning = 0
            tokens[count], named[count], begins[count] = value, meaning == 0, here
            count += 1
            if fresh and meaning == 0 and following == _COLON and then != _EQUALS:
                at = _after_clause(data, after + 1, end, _EQUALS)
            fresh = dot = False
            continue
        at += 1
        dot = byte == _POINT
        fresh = fresh and byte == _SEMICOLON
        if byte == _PARENTHESIS:
            depth += 1
        elif byte == _CLOSING[0]:
            depth = max(depth - 1, 0)
        elif byte in (_COMMA, _POINT, _COLON):
            pass
        elif byte == _SEMICOLON:
            fresh = depth <= 0
        else:
            if byte in _OPENING:
                depth += 1
            elif byte in _CLOSING:
                depth = max(depth - 1, 0)
            elif at < end:
                if data[at] == byte and byte in _DOUBLED:
                    at += 1
                if at < end and data[at] == _EQUALS:
                    at += 1
            tokens[count], named[count], begins[count] = _hash(data, here, at), 0, here
            count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _distances(tokens: NDArray[np.uint64], named: NDArray[np.uint8], count: int, distances: NDArray[np.uint8]) -> None:
    """How many tokens before each name the same name stands; 0 where it does not within a run."""
    for j in range(count):
        distances[j] = 0
        if named[j]:
            for d in range(1, min(LONGEST, j + 1)):
                if named[j - d] and tokens[j - d] == tokens[j]:
                    distances[j] = d
                    break


@numba.njit(cache=True, nogil=True)
def _encoded(
    tokens: NDArray[np.uint64], named: NDArray[np.uint8], distances: NDArray[np.uint8], i: int, j: int
) -> np.uint64:
    """Token j as it is in a run that begins at token i."""
    if not named[j]:
        return np.uint64(tokens[j])
    distance = np.uint64(distances[j])
    return _mixed(_NAME + (distance if distance <= np.uint64(j - i) else np.uint64(0)))


@numba.njit(cache=True, nogil=True)
def _runs(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    known: NDArray[np.uint64],
    meanings: NDArray[np.int64],
    texts: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    beginnings: NDArray[np.uint64],
) -> int:
    most = 0
    for text in range(len(offsets) - 1):
        most = max(most, offsets[text + 1] - offsets[text])
    tokens, named = np.empty(most + 1, np.uint64), np.empty(most + 1, np.uint8)
    begins, distances = np.empty(most + 1, np.int64), np.empty(most + 1, np.uint8)
    found = 0
    for text in range(len(offsets) - 1):
        count = _tokens(data, offsets[text], offsets[text + 1], known, meanings, tokens, named, begins)
        if count < SHORTEST:
            continue
        _distances(tokens, named, count, distances)
        length = min(count, LONGEST)
        for i in range(count - length + 1):
            value = np.uint64(0)
            for n in range(length):
                value = value * _BASE + _encoded(tokens, named, distances, i, i + n)
                if n + 1 == SHORTEST:
                    beginnings[found] = _mixed(value + np.uint64(SHORTEST))
            texts[found] = text
            hashes[found] = _mixed(value + np.uint64(length))
            found += 1
    return found


def runs_of(texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.uint64]]:
    """The runs by which programmes are found again: windows of ``LONGEST`` tokens, or one run where there are fewer.

    Returns:
        For every run: the number of its text, its hash, and the hash of its first ``SHORTEST`` tokens.
    """
    data, offsets = concatenated(texts)
    most = len(data) + 1
    numbers, hashes, beginnings = np.empty(most, np.int32), np.empty(most, np.uint64), np.empty(most, np.uint64)
    found = _runs(data, offsets, *_vocabulary(), numbers, hashes, beginnings)
    return numbers[:found].copy(), hashes[:found].copy(), beginnings[:found].copy()


@numba.njit(cache=True, nogil=True)
def _candidates(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    known: NDArray[np.uint64],
    meanings: NDArray[np.int64],
    sieve: NDArray[np.uint64],
    shift: np.uint64,
    texts: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    places: NDArray[np.int64],
) -> int:
    most = 0
    for text in range(len(offsets) - 1):
        most = max(most, offsets[text + 1] - offsets[text])
    tokens, named = np.empty(most + 1, np.uint64), np.empty(most + 1, np.uint8)
    begins, distances = np.empty(most + 1, np.int64), np.empty(most + 1, np.uint8)
    found = 0
    for text in range(len(offsets) - 1):
        count = _tokens(data, offsets[text], offsets[text + 1], known, meanings, tokens, named, begins)
        _distances(tokens, named, count, distances)
        for i in range(count - SHORTEST + 1):
            value = np.uint64(0)
            for n in range(1, min(LONGEST, count - i) + 1):
                value = value * _BASE + _encoded(tokens, named, distances, i, i + n - 1)
                if n < SHORTEST:
                    continue
                run = _mixed(value + np.uint64(n))
                marks = (_ONE << (run & _LOW)) | (_ONE << ((run >> np.uint64(6)) & _LOW))
                if sieve[run >> shift] & marks != marks:
                    if n == SHORTEST:
                        break
                    continue
                if found < len(hashes):
                    texts[found] = text
                    hashes[found] = run
                    places[found] = begins[i] - offsets[text]
                found += 1
    return found


def candidates(
    texts: Sequence[str], sieve: NDArray[np.uint64]
) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int64]]:
    """Runs whose first ``SHORTEST`` tokens pass the sieve; see `words.candidates`."""
    data, offsets = concatenated(texts)
    shift = np.uint64(64 - (len(sieve).bit_length() - 1))
    room = 1024 + len(data) // 16
    while True:
        numbers, hashes, places = np.empty(room, np.int32), np.empty(room, np.uint64), np.empty(room, np.int64)
        found = _candidates(data, offsets, *_vocabulary(), sieve, shift, numbers, hashes, places)
        if found <= room:
            return numbers[:found], hashes[:found], places[:found]
        room = found
