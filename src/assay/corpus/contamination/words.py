"""Runs of words as 64-bit hashes: which words a text has, and the hash of each run of 8 to 13 of them.

A word is a run of letters and digits, lower-cased and without accents; everything else separates words and is dropped,
so quotation marks, line ends, Markdown and snake_case make no difference. What a character is comes from a table kept
in the index, not from the Unicode of the day. The hash of a run is a polynomial in the hashes of its words modulo 2^64,
so every length costs the same; with 5 million known runs and 10^9 words of text, the chance that any two different
runs share a hash is about 10^-3. Scripts without spaces (Chinese, Thai) make very long words and are not served.
"""

from collections.abc import Sequence
from unicodedata import ucd_3_2_0 as UNICODE

import numba
import numpy as np
from numpy.typing import NDArray

LONGEST = 13
"""Words of a run: what GPT-3's authors took (arXiv 2005.14165, appendix C), and most since."""
SHORTEST = 8
"""Words of the shortest text that is looked for, as a whole; shorter ones are phrases that anyone writes."""
DISTINCT = 7
"""Different words with a letter that a run needs: sums, tables and refrains have fewer."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_ONE = np.uint64(1)
_LETTER = _ONE
_LOW = np.uint64(63)


def character_table() -> NDArray[np.uint16]:
    """What a code point below 65,536 stands for: 0 separates, 1 is passed over, else a lower-case letter or digit.

    By Unicode 3.2, which every Python has beside its own, so that the index is the same in all of them.
    """
    table = np.zeros(1 << 16, np.uint16)
    for code in range(1 << 16):
        base = UNICODE.normalize("NFKD", chr(code))[0]
        kind = UNICODE.category(base)[0]
        if kind in "LN":
            table[code] = min(ord(base.lower()), 0xFFFF)
        elif kind == "M" or code == 0xAD:  # accents that stand alone; the soft hyphen
            table[code] = 1
    return table


def concatenated(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The UTF-8 of all texts, end to end, and the n + 1 places between them."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


@numba.njit(cache=True, nogil=True)
def _mixed(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * _MIX
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def _scan(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    characters: NDArray[np.uint16],
    words: NDArray[np.uint64],
    begins: NDArray[np.int64],
) -> int:
    """Hashes and first bytes of the words of ``data[start:end]``; the lowest bit says whether a letter is in it."""
    count = 0
    inside = False
    letter = np.uint64(0)
    value = _FNV_OFFSET
    at = start
    while at < end:
        here = at
        code = np.int64(data[at])
        at += 1
        if code >= 0x80:
            following = 1 if code < 0xE0 else (2 if code < 0xF0 else 3)
            code &= 0x3F >> following
            for _ in range(following):
                if at < end and (data[at] & 0xC0) == 0x80:
                    code = (code << 6) | (np.int64(data[at]) & 0x3F)
                    at += 1
        kind = np.int64(characters[code]) if code < 0x10000 else 0
        if kind > 1:
            if not inside:
                inside = True
                letter = np.uint64(0)
                value = _FNV_OFFSET
                begins[count] = here
            value = (value ^ np.uint64(kind)) * _FNV_PRIME
            if kind > 57:
                letter = _LETTER
        elif kind == 0 and inside:
            inside = False
            words[count] = (_mixed(value) & ~_LETTER) | letter
            count += 1
    if inside:
        words[count] = (_mixed(value) & ~_LETTER) | letter
        count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _sums(words: NDArray[np.uint64], count: int, sums: NDArray[np.uint64], powers: NDArray[np.uint64]) -> None:
    """``sums[i]``: the polynomial of the first i words; ``powers[n]``: the base to the n."""
    sums[0] = 0
    for i in range(count):
        sums[i + 1] = sums[i] * _BASE + words[i]
    powers[0] = 1
    for n in range(LONGEST):
        powers[n + 1] = powers[n] * _BASE


@numba.njit(cache=True, nogil=True)
def _run(sums: NDArray[np.uint64], powers: NDArray[np.uint64], i: int, n: int) -> np.uint64:
    return _mixed(sums[i + n] - sums[i] * powers[n] + np.uint64(n))


@numba.njit(cache=True, nogil=True)
def _various(words: NDArray[np.uint64], i: int, n: int) -> bool:
    """Whether a run has ``DISTINCT`` different words with a letter."""
    different = 0
    for j in range(i, i + n):
        if words[j] & _LETTER:
            new = True
            for k in range(i, j):
                if words[k] == words[j]:
                    new = False
                    break
            different += new
    return different >= DISTINCT


@numba.njit(cache=True, nogil=True)
def _runs(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    characters: NDArray[np.uint16],
    texts: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    beginnings: NDArray[np.uint64],
) -> int:
    longest = 0
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    words = np.empty(longest // 2 + 2, np.uint64)
    begins = np.empty(longest // 2 + 2, np.int64)
    sums = np.empty(longest // 2 + 3, np.uint64)
    powers = np.empty(LONGEST + 1, np.uint64)
    found = 0
    for text in range(len(offsets) - 1):
        count = _scan(data, offsets[text], offsets[text + 1], characters, words, begins)
        if count < SHORTEST:
            continue
        _sums(words, count, sums, powers)
        length = min(count, LONGEST)
        for i in range(count - length + 1):
            if _various(words, i, length):
                texts[found] = text
                hashes[found] = _run(sums, powers, i, length)
                beginnings[found] = _run(sums, powers, i, SHORTEST)
                found += 1
    return found


def runs_of(
    texts: Sequence[str], characters: NDArray[np.uint16]
) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.uint64]]:
    """The runs by which texts are found again.

    A text of 13 words and more has one run a window of 13, a text of 8 to 12 words one run, itself. Runs with fewer
    than ``DISTINCT`` different words with a letter are left out.

    Returns:
        For every run: the number of its text, its hash, and the hash of its first 8 words.
    """
    data, offsets = concatenated(texts)
    most = len(data) // 2 + 1
    numbers, hashes, beginnings = np.empty(most, np.int32), np.empty(most, np.uint64), np.empty(most, np.uint64)
    found = _runs(data, offsets, characters, numbers, hashes, beginnings)
    return numbers[:found].copy(), hashes[:found].copy(), beginnings[:found].copy()


@numba.njit(cache=True, nogil=True)
def _passes(sieve: NDArray[np.uint64], shift: np.uint64, run: np.uint64) -> bool:
    marks = (_ONE << (run & _LOW)) | (_ONE << ((run >> np.uint64(6)) & _LOW))
    return bool(sieve[run >> shift] & marks == marks)


@numba.njit(cache=True, nogil=True)
def _candidates(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    characters: NDArray[np.uint16],
    sieve: NDArray[np.uint64],
    shift: np.uint64,
    texts: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    places: NDArray[np.int64],
) -> int:
    longest = 0
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    words = np.empty(longest // 2 + 2, np.uint64)
    begins = np.empty(longest // 2 + 2, np.int64)
    sums = np.empty(longest // 2 + 3, np.uint64)
    powers = np.empty(LONGEST + 1, np.uint64)
    found = 0
    for text in range(len(offsets) - 1):
        count = _scan(data, offsets[text], offsets[text + 1], characters, words, begins)
        _sums(words, count, sums, powers)
        for i in range(count - SHORTEST + 1):
            for n in range(SHORTEST, min(LONGEST, count - i) + 1):
                run = _run(sums, powers, i, n)
                if not _passes(sieve, shift, run):
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
    texts: Sequence[str], characters: NDArray[np.uint16], sieve: NDArray[np.uint64]
) -> tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int64]]:
    """Runs of 8 to 13 words whose first 8 pass the sieve: all known ones and about one word in a hundred besides.

    Returns:
        For every run: the number of its text, its hash, and the byte of the text (UTF-8) at which it begins.
    """
    data, offsets = concatenated(texts)
    shift = np.uint64(64 - (len(sieve).bit_length() - 1))
    room = 1024 + len(data) // 16
    while True:
        numbers, hashes, places = np.empty(room, np.int32), np.empty(room, np.uint64), np.empty(room, np.int64)
        found = _candidates(data, offsets, characters, sieve, shift, numbers, hashes, places)
        if found <= room:
            return numbers[:found], hashes[:found], places[:found]
        room = found
