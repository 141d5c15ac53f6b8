"""How much of a text was said before in it: lines, paragraphs, and n-grams of words, by 64-bit hashes.

Counts of 5- to 10-grams are the dear part, and are only made where the 5-grams met before cover enough of the document
that a threshold could be reached, which in most prose they do not. The definitions are those of table A1 of Rae et al.
2021 as datatrove reads it: a duplicate n-gram is looked for from left to right, and the words of one that was found
are not part of another. Nothing compiled is imported, as numba's cache of compiled code would not see it change.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)

Array = NDArray[Any]


@njit(cache=True, nogil=True)
def count_grams(firsts: Array, values: Array, sizes: Array, covered: float, counts: Array) -> None:
    """Count repeated n-grams in every text.

    Args:
        firsts: Number of each text's first word, and of all words.
        values: Hash of every word (uint64).
        sizes: Characters of every word.
        covered: See `text_statistics.measure`.
        counts: Rows of `text_statistics.COUNTS`, ``characters`` filled in.
    """
    longest = 0
    for text in range(len(counts)):
        longest = max(longest, firsts[text + 1] - firsts[text])
    table = np.empty(_size(longest), np.int32)
    keys = np.empty(longest, np.uint64)
    lengths = np.zeros(longest + 1, np.int64)
    for text in range(len(counts)):
        first, last = firsts[text], firsts[text + 1]
        for word in range(first, last):
            lengths[word - first + 1] = lengths[word - first] + sizes[word]
        _count_grams(values[first:last], lengths, covered, counts[text], table, keys)


@njit(cache=True, nogil=True)
def count_lines(codes: Array, kinds: Array, space: int, stop: int, offsets: Array, short: int, counts: Array) -> None:
    """Count lines and paragraphs of every text, which only newlines end, and those met before.

    Args:
        codes: Code points of all texts.
        kinds: The class of each; ``space`` and ``stop`` are the bits of white space and of ends of sentences.
        space: See above.
        stop: See above.
        offsets: Where each text begins, and the last one ends.
        short: Characters of the longest line that is short.
        counts: Rows of `text_statistics.COUNTS`.
    """
    longest = 0
    for text in range(len(counts)):
        longest = max(longest, offsets[text + 1] - offsets[text])
    table = np.empty(_size(2 * (longest + 1)), np.int32)
    keys = np.empty(2 * (longest + 1), np.uint64)
    for text in range(len(counts)):
        _count_lines(codes, kinds, space, stop, offsets[text], offsets[text + 1], short, counts[text], table, keys)


@njit(cache=True, nogil=True)
def _hash(codes: Array, start: int, end: int) -> Any:
    value = _BASIS
    for at in range(start, end - 1, 2):
        value = (value ^ np.uint64(codes[at]) ^ (np.uint64(codes[at + 1]) << _HALF)) * _MIX
        value ^= value >> _HALF
    if (end - start) & 1:
        value = (value ^ np.uint64(codes[end - 1])) * _MIX
        value ^= value >> _HALF
    return value


@njit(cache=True, nogil=True)
def _size(entries: int) -> int:
    """Slots of a table for so many entries, a power of two."""
    size = 16
    while size < 2 * entries:
        size *= 2
    return size


@njit(cache=True, nogil=True)
def _find(value: Any, table: Array, keys: Array, size: int, known: int) -> int:
    """Number under which ``value`` is known; ``known`` if it is new, and then it is entered under that number."""
    mask = size - 1
    slot = int(value * _MIX >> _HALF) & mask
    while table[slot] >= 0:
        if keys[table[slot]] == value:
            return int(table[slot])
        slot = (slot + 1) & mask
    table[slot] = known
    keys[known] = value
    return known


@njit(cache=True, nogil=True)
def _cleared(table: Array, entries: int) -> int:
    """Empty as much of the table as ``entries`` need; returns its size."""
    size = _size(entries)
    table[:size] = -1
    return size


@njit(cache=True, nogil=True)
def _count_grams(values: Array, lengths: Array, covered: float, row: Array, table: Array, keys: Array) -> None:
    """Count repeated n-grams of words, given the words' hashes and the sums of their lengths before each."""
    words = len(values)
    sums = np.empty(words + 1, np.uint64)
    sums[0] = 0
    for word in range(words):
        sums[word + 1] = sums[word] * _PRIME + values[word]
    counts = np.empty(words + 1, np.int32)
    firsts = np.empty(words + 1, np.int32)
    power = _PRIME
    for width in range(2, 11):
        power = power * _PRIME
        grams = words - width + 1
        if grams <= 0:
            break
        if width == 5 and _covered(sums, lengths, power, table, keys) <= covered * row["characters"]:
            break
        size, known = _cleared(table, grams), 0
        if width < 5:
            best = 0
            for at in range(grams):
                number = _find(sums[at + width] - sums[at] * power, table, keys, size, known)
                if number == known:
                    known += 1
                    counts[number], firsts[number] = 0, at
                counts[number] += 1
                best = max(best, counts[number])
            number = 0
            while counts[number] < best:
                number += 1
            length = lengths[firsts[number] + width] - lengths[firsts[number]] + width - 1
            row["top"][width - 2] = best * length
        else:
            at = 0
            while at < grams:
                if _find(sums[at + width] - sums[at] * power, table, keys, size, known) == known:
                    known += 1
                    at += 1
                else:
                    row["duplicate"][width - 5] += lengths[at + width] - lengths[at]
                    at += width


@njit(cache=True, nogil=True)
def _covered(sums: Array, lengths: Array, power: Any, table: Array, keys: Array) -> int:
    """Characters of the words that lie in a 5-gram met before, an upper bound of all that follows."""
    grams = len(sums) - 5
    size, known, total, until = _cleared(table, grams), 0, 0, 0
    for at in range(grams):
        if _find(sums[at + 5] - sums[at] * power, table, keys, size, known) == known:
            known += 1
        else:
            total += lengths[at + 5] - lengths[max(at, until)]
            until = at + 5
    return total


@njit(cache=True, nogil=True)
def _count_lines(
    codes: Array,
    kinds: Array,
    space: int,
    stop: int,
    low: int,
    high: int,
    short: int,
    row: Array,
    table: Array,
    keys: Array,
) -> None:
    """Count what FineWeb and Gopher's table A1 count in lines and paragraphs, which only newlines end."""
    first, last = low, high
    while first < last and kinds[first] & space:
        first += 1
    while first < last and kinds[last - 1] & space:
        last -= 1
    newlines = 0
    for at in range(low, high):
        newlines += codes[at] == 10
    row["newlines"] = newlines
    size, known, start = _cleared(table, 2 * (newlines + 1)), 0, low
    paragraph, began, ended = _BASIS, first, first
    while start <= high:
        end, blank = start, True
        while end < high and codes[end] != 10:
            blank = blank and kinds[end] & space != 0
            end += 1
        if end > start or start == low or end == high:
            row["blocks"] += 1
        if end > start:
            value = _hash(codes, start, end)
            repeated = _find(value, table, keys, size, known) != known
            known += not repeated
            if repeated:
                row["repeated_blocks"] += 1
                row["repeated_block_characters"] += end - start
            if not blank:
                row["full_lines"] += 1
                row["short_lines"] += end - start <= short
                row["stopped_lines"] += kinds[end - 1] & stop != 0
                row["repeated_line_characters"] += (end - start) * repeated
            paragraph = (paragraph ^ value) * _MIX
            ended = min(end, last)
        if (end == start or end >= last) and ended > began:
            row["paragraphs"] += 1
            if _find(paragraph, table, keys, size, known) != known:
                row["repeated_paragraphs"] += 1
                row["repeated_paragraph_characters"] += ended - began
            else:
                known += 1
        if end == start or (ended > began and end >= last):
            paragraph, began, ended = _BASIS, end + 1, end + 1
        start = end + 1
