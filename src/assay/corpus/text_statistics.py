"""What the published rules for web text count in a document: words, lines, sentences, repetition, in compiled loops.

One pass finds the words (`text_words`) and hashes them; everything else is counted over the words' hashes and over
lines. N-grams are compared by 64-bit hashes. Counts of 5- to 10-grams are the dear part, and are only made where the
5-grams met before cover enough of the document that a threshold could be reached, which in most prose they do not.
Integers only, so that every machine counts the same.
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.corpus.text_words import (
    ALPHA,
    BREAK,
    PUNCTUATION,
    SPACE,
    STOP,
    SYMBOL,
    Array,
    abbreviations,
    batches,
    encode,
    hashed,
    hashes,
    kernel,
    split,
)

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

PAGE_LOREM, PAGE_CURLY = 1, 2
C4_WORDS, C4_LONGEST = 3, 1000
"""A line that C4 keeps has at least so many words, none of them longer than so many characters (c4_utils.py)."""

_MARK, _ENDS, _LOREM, _SCRIPT, _POLICY, _BRACE, _CITED = (1 << bit for bit in range(7))
"""What a word is to C4: punctuation alone, an end of sentences, the beginning of something it drops or skips."""
_PHRASES = (
    *("lorem ipsum", "javascript", "terms of use", "privacy policy", "cookie policy", "uses cookies"),
    *("use of cookies", "use cookies", "edit]", "citation needed]"),
)
"""What C4 looks for in lines (c4_utils.py), and the inside of Wikipedia's citation marks. Any case is found but for
the first word, which is in small letters, capitals or capitalised."""
_PHRASE = 1 << len(STOP_WORDS)
_NOTED = np.uint64(4095)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def measure(texts: Sequence[str], short: int, covered: float) -> Array:
    """Count every text: an array of `COUNTS`, shape (documents,).

    Args:
        texts: The documents.
        short: Characters of the longest line that is short.
        covered: Where repeated 5-grams cover no more than this share of a document's characters, ``duplicate``
            stays 0: no longer n-gram can cover more.
    """
    counts = np.zeros(len(texts), COUNTS)
    for some, codes, kinds, offsets in batches(texts):
        _measure(codes, kinds, offsets, abbreviations(), *_tables(), short, covered, counts[some])
    return counts


@functools.cache
def _tables() -> tuple[Array, ...]:
    """What to look at by the last bits of a word's hash, a bit for each stop word and `_PHRASE`; the hashes of the
    stop words; the phrases as rows padded with 0."""
    stop_words = hashes(*encode(STOP_WORDS))
    first = sorted({phrase.split()[0] for phrase in _PHRASES[:8]})
    cased = [form for word in first for form in (word, word.capitalize(), word.upper())]
    noted = np.zeros(int(_NOTED) + 1, np.int64)
    noted[hashes(*encode(cased)) & _NOTED] = _PHRASE
    noted[stop_words & _NOTED] |= 1 << np.arange(len(stop_words))
    rows = np.zeros((len(_PHRASES), max(map(len, _PHRASES))), np.uint32)
    for row, phrase in zip(rows, _PHRASES, strict=True):
        row[: len(phrase)] = [ord(char) for char in phrase]
    return noted, stop_words, rows


@kernel
def _is(codes: Array, at: int, end: int, phrases: Array, number: int) -> int:
    """Where a phrase, in lower case, ends if it stands at ``at`` in any case; 0 if it does not."""
    for place in range(phrases.shape[1]):
        char = phrases[number, place]
        if char == 0:
            break
        if at >= end or (codes[at] | 32 if 65 <= codes[at] <= 90 else codes[at]) != char:
            return 0
        at += 1
    return at


@kernel
def _count_words(
    codes: Array,
    kinds: Array,
    starts: Array,
    ends: Array,
    noted: Array,
    stop_words: Array,
    phrases: Array,
    values: Array,
    lengths: Array,
    marks: Array,
    row: Array,
) -> None:
    """Count what Gopher counts in words; writes each word's hash, the characters up to it, and what it is to C4."""
    high = ends[-1] if len(ends) else 0
    proper = proper_characters = alphabetic = met = 0
    for word in range(len(starts)):
        start, end = starts[word], ends[word]
        lengths[word + 1] = lengths[word] + end - start
        some, every, mark = 0, SYMBOL | PUNCTUATION, 0
        for at in range(start, end):
            some |= kinds[at]
            every &= kinds[at]
        value = hashed(codes, start, end)
        values[word] = value
        alphabetic += some & ALPHA != 0
        if every & SYMBOL:
            mark = _MARK if every & PUNCTUATION else 0
            if end == start + 1 and some & STOP:
                mark |= _ENDS
        else:
            proper += 1
            proper_characters += end - start
        note = noted[value & _NOTED]
        if note & ~met:
            for at in range(len(stop_words)):
                met |= (stop_words[at] == value) << at
            if note & _PHRASE:
                mark |= _phrase(codes, start, high, phrases)
        if some & _RARE or (some & STOP and end - start > 2):
            mark |= _count_symbols(codes, start, end, phrases, row)
            if codes[start] == 91 and _citation(codes, start, high, phrases):
                mark |= _CITED
        marks[word] = mark
    row["words"], row["alphabetic_words"] = len(starts), alphabetic
    row["proper_words"], row["proper_characters"] = proper, proper_characters
    while met:
        row["stop_words"] += met & 1
        met >>= 1


@kernel
def _count_symbols(codes: Array, start: int, end: int, phrases: Array, row: Array) -> int:
    """Count hashes and ellipses in a word, and look into it for what C4 does not only look for at its beginning."""
    mark = run = 0
    for at in range(start, end):
        if codes[at] == 46:
            run += 1
            row["ellipses"] += run % 3 == 0
        else:
            run = 0
            row["hashes"] += codes[at] == 35
            row["ellipses"] += codes[at] == 0x2026
            if codes[at] == 123:
                mark |= _BRACE
            elif _is(codes, at, end, phrases, 1):
                mark |= _SCRIPT
    return mark


@kernel
def _phrase(codes: Array, start: int, high: int, phrases: Array) -> int:
    """The phrase of C4 that begins at ``start``, if one does."""
    first = codes[start] | 32
    if first == 108 and _is(codes, start, high, phrases, 0):
        return _LOREM
    for phrase in range(2, 8):
        if phrases[phrase, 0] == first and _is(codes, start, high, phrases, phrase):
            return _POLICY
    return 0


@kernel
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


@kernel
def _cleared(table: Array, entries: int) -> int:
    """Empty as much of the table as ``entries`` need; returns its size, a power of two."""
    size = 16
    while size < 2 * entries:
        size *= 2
    table[:size] = -1
    return size


@kernel
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


@kernel
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


@kernel
def _count_lines(
    codes: Array, kinds: Array, low: int, high: int, short: int, row: Array, table: Array, keys: Array
) -> None:
    """Count what FineWeb and Gopher's table A1 count in lines and paragraphs, which only newlines end."""
    first, last = low, high
    while first < last and kinds[first] & SPACE:
        first += 1
    while first < last and kinds[last - 1] & SPACE:
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
            blank = blank and kinds[end] & SPACE != 0
            end += 1
        if end > start or start == low or end == high:
            row["blocks"] += 1
        if end > start:
            value = hashed(codes, start, end)
            repeated = _find(value, table, keys, size, known) != known
            known += not repeated
            if repeated:
                row["repeated_blocks"] += 1
                row["repeated_block_characters"] += end - start
            if not blank:
                row["full_lines"] += 1
                row["short_lines"] += end - start <= short
                row["stopped_lines"] += kinds[end - 1] & STOP != 0
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
        if end == start or ended > began and end >= last:
            paragraph, began, ended = _BASIS, end + 1, end + 1
        start = end + 1


@kernel
def _count_page(
    codes: Array,
    kinds: Array,
    low: int,
    high: int,
    starts: Array,
    ends: Array,
    marks: Array,
    phrases: Array,
    row: Array,
) -> None:
    """Count what Gopher and C4 count in lines, which any line break ends, and the sentences of the lines C4 keeps."""
    word, start = 0, low
    while start < high:
        end = start
        while end < high and not kinds[end] & BREAK:
            end += 1
        first = word
        while word < len(starts) and starts[word] < end:
            word += 1
        row["lines"] += 1
        if word > first:
            code, last = codes[starts[first]], ends[word - 1]
            row["bullet_lines"] += code == 45 or code == 0x2022
            row["ellipsis_lines"] += codes[last - 1] == 0x2026 or _ellipsis(codes, starts[first], last)
            if _c4_ends(codes, starts[first], last, phrases):
                _count_sentences(codes, starts, ends, marks, first, word, phrases, row)
        start = end + 1


@kernel
def _ellipsis(codes: Array, start: int, end: int) -> bool:
    return end - start >= 3 and codes[end - 1] == 46 and codes[end - 2] == 46 and codes[end - 3] == 46


@kernel
def _citation(codes: Array, at: int, end: int, phrases: Array) -> int:
    """Where a citation mark of Wikipedia that begins at ``at`` ends; 0 if there is none."""
    if codes[at] != 91:
        return 0
    after = at + 1
    while after < end and 48 <= codes[after] <= 57:
        after += 1
    if after < end and codes[after] == 93:
        return after + 1
    return max(_is(codes, at + 1, end, phrases, 8), _is(codes, at + 1, end, phrases, 9))


@kernel
def _c4_ends(codes: Array, start: int, end: int, phrases: Array) -> bool:
    """Whether a line, citation marks at its end apart, ends as a sentence does."""
    while end > start and codes[end - 1] == 93:
        opening = end - 1
        while opening > start and codes[opening] != 91:
            opening -= 1
        if _citation(codes, opening, end, phrases) != end:
            return False
        end = opening
    return end > start and codes[end - 1] in (46, 63, 33, 34, 39) and not _ellipsis(codes, start, end)


@kernel
def _count_sentences(
    codes: Array, starts: Array, ends: Array, marks: Array, first: int, last: int, phrases: Array, row: Array
) -> None:
    """Judge a line that ends as a sentence does as C4 would, and count its sentences if it is kept.

    A sentence ends at a word that is a mark such as a full stop, before the next word that is no mark.
    """
    spaced, began, some = 1, starts[first], 0
    count, stopped, cited = 1, False, 0
    for word in range(first, last):
        start, mark = starts[word], marks[word]
        if word > first and start > ends[word - 1]:
            spaced += 1
            began = start
        if ends[word] - began > C4_LONGEST:
            return
        some |= mark
        if mark & _CITED:
            cited = _citation(codes, start, ends[last - 1], phrases)
        if start < cited:
            continue
        if mark & _ENDS:
            stopped = True
        elif stopped and not mark & _MARK:
            count += 1
            stopped = False
    if spaced < C4_WORDS:
        return
    if some & _LOREM:
        row["page"] = row["page"] or PAGE_LOREM
    elif some & _BRACE and not some & _SCRIPT:
        row["page"] = row["page"] or PAGE_CURLY
    elif not some & (_SCRIPT | _POLICY):
        row["sentences"] += count


@kernel
def _measure(
    codes: Array,
    kinds: Array,
    offsets: Array,
    abbreviations: Array,
    noted: Array,
    stop_words: Array,
    phrases: Array,
    short: int,
    covered: float,
    counts: Array,
) -> None:
    longest = 0
    for text in range(len(counts)):
        longest = max(longest, offsets[text + 1] - offsets[text])
    starts = np.empty(longest, np.int64)
    ends = np.empty(longest, np.int64)
    lengths = np.zeros(longest + 1, np.int64)
    values = np.empty(longest, np.uint64)
    marks = np.empty(longest, np.uint8)
    size = 16
    while size < 4 * (longest + 1):
        size *= 2
    table = np.empty(size, np.int32)
    keys = np.empty(2 * longest + 2, np.uint64)
    for text in range(len(counts)):
        row, low, high = counts[text], offsets[text], offsets[text + 1]
        row["characters"] = high - low
        words = split(codes, kinds, low, high, abbreviations, starts, ends)
        begin, end = starts[:words], ends[:words]
        _count_words(codes, kinds, begin, end, noted, stop_words, phrases, values, lengths, marks, row)
        _count_grams(values[:words], lengths, covered, row, table, keys)
        _count_lines(codes, kinds, low, high, short, row, table, keys)
        _count_page(codes, kinds, low, high, begin, end, marks, phrases, row)
