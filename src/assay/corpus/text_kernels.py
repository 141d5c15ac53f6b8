"""The compiled loops that find the words of a text and count what the published rules for web text ask of them.

datatrove takes its words from spaCy, which costs it nearly all of its time (0.3 MB/s for all rules on one core). Here
a few rules over classes of characters do: white space parts, punctuation at either end is a word of its own, so are
hyphens between letters, ``'s`` and ``n't``; a full stop stays with initials and abbreviations; an address is one word.
Nine in ten words that differ from spaCy's are emoticons, ``and/or`` and ``cannot``. All of it is in one file because
numba's cache of compiled code does not see a change of another: nothing compiled here is imported from elsewhere.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

SPACE, ALPHA, LOWER, UPPER, DIGIT, PLAIN, PUNCTUATION, SYMBOL, STOP, BREAK, RARE, FRONT, BACK, ICON = (
    1 << bit for bit in range(14)
)
"""Classes of characters. PLAIN: a letter or digit; STOP: may end a sentence; BREAK: ends a line for Python; RARE: a
word with it is looked into again; FRONT, BACK, ICON: split off before, behind, inside a word."""

MARK, ENDS, LOREM, SCRIPT, POLICY, BRACE, CITED = (1 << bit for bit in range(7))
"""What a word is to C4: punctuation alone, an end of sentences, the beginning of something it drops or skips."""
PHRASE = 1 << 8
"""Bit of a word with which a phrase of C4 may begin, above those of Gopher's eight stop words."""
NOTED = np.uint64(4095)
"""Last bits of a word's hash, by which such words are found."""
_LOREM_IPSUM, _JAVASCRIPT, _EDIT, _NEEDED = 0, 1, 8, 9
"""Rows of the table of phrases (`text_statistics`); those between are the policies that C4 knows."""
PAGE_LOREM, PAGE_CURLY = 1, 2
C4_WORDS, C4_LONGEST = 3, 1000
"""A line that C4 keeps has at least so many words, none of them longer than so many characters (c4_utils.py)."""

_LONGEST_ABBREVIATION = 6
_LONGEST_HOST = 255
_LONGEST_DASH = 4
_MOST_CUT = 64
"""Marks at the end of a word that become words of their own; the rest of a longer row stays with the word."""
_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)

Array = NDArray[Any]


@njit(cache=True, nogil=True)
def hashed(codes: Array, start: int, end: int) -> Any:
    value = _BASIS
    for at in range(start, end - 1, 2):
        value = (value ^ np.uint64(codes[at]) ^ (np.uint64(codes[at + 1]) << _HALF)) * _MIX
        value ^= value >> _HALF
    if (end - start) & 1:
        value = (value ^ np.uint64(codes[end - 1])) * _MIX
        value ^= value >> _HALF
    return value * _PRIME


@njit(cache=True, nogil=True)
def hashes(codes: Array, offsets: Array) -> Array:
    """The hash of every text of a batch (uint64)."""
    values = np.empty(len(offsets) - 1, np.uint64)
    for at in range(len(values)):
        values[at] = hashed(codes, offsets[at], offsets[at + 1])
    return values


@njit(cache=True, nogil=True)
def _keeps_stop(codes: Array, kinds: Array, start: int, stop: int, abbreviations: Array) -> bool:
    """Whether the full stop at ``stop`` belongs to the word from ``start``: an initial, an abbreviation."""
    last = kinds[stop - 1]
    if stop - start == 1 and last & ALPHA:
        return True
    if last & (LOWER | DIGIT | BACK) or codes[stop - 1] in (37, 43, 45):
        if stop - start > _LONGEST_ABBREVIATION or last & DIGIT:
            return False
        value = hashed(codes, start, stop)
        at = int(value) & (len(abbreviations) - 1)
        while abbreviations[at]:
            if abbreviations[at] == value:
                return True
            at = (at + 1) & (len(abbreviations) - 1)
        return False
    return not (last & UPPER and kinds[stop - 2] & UPPER)


@njit(cache=True, nogil=True)
def _tail(codes: Array, kinds: Array, start: int, end: int, abbreviations: Array) -> int:
    """Where the last piece of a word begins that is a word of its own; ``end`` if there is none."""
    last, left = codes[end - 1], end - start
    if last == 46:
        at = end - 1
        while at > start and codes[at - 1] == 46:
            at -= 1
        if at < end - 1:
            return at
        return end if left == 1 or _keeps_stop(codes, kinds, start, end - 1, abbreviations) else end - 1
    if kinds[end - 1] & BACK:
        return end - 2 if last == 39 and left > 2 and codes[end - 2] == 39 else end - 1
    if last == 37 and left > 1 and kinds[end - 2] & DIGIT:
        return end - 1
    if kinds[end - 1] & ALPHA and left > 2:
        last, first = last | 32, codes[end - 2] | 32
        if codes[end - 2] in (39, 0x2019):
            if last in (100, 109, 115):
                return end - 2
            if last == 116 and left > 3 and codes[end - 3] | 32 == 110:
                return end - 3
        elif left > 3 and codes[end - 3] in (39, 0x2019) and (first, last) in ((108, 108), (114, 101), (118, 101)):
            return end - 3
    return end


@njit(cache=True, nogil=True)
def _is_host(codes: Array, kinds: Array, start: int, end: int) -> int:
    """2 for what may be the host of an address, 1 for what may be its scheme, 0 for neither."""
    dots = 0
    if end - start > _LONGEST_HOST:
        return 0
    for at in range(start, end):
        if not kinds[at] & PLAIN:
            if codes[at] != 46 and codes[at] != 45:
                return 0
            dots += codes[at] == 46
    return 2 if dots else 1


@njit(cache=True, nogil=True)
def _inner(codes: Array, kinds: Array, start: int, end: int, at: int) -> int:
    """Length of the mark at ``at`` that parts the word around it; 0 if none does, -1 if from here on it is whole."""
    code, before, after = codes[at], kinds[at - 1], kinds[at + 1]
    if kinds[at] & ICON or code == 0x2026:
        return 1
    if code == 46:
        run = at
        while run < end and codes[run] == 46:
            run += 1
        if run - at > 1:
            return run - at
        return 1 if before & LOWER and after & UPPER else 0
    if code == 58 and at + 2 < end and codes[at + 1] == 47 and codes[at + 2] == 47:
        return -1 if _is_host(codes, kinds, start, at) else 0
    if code == 44:
        return 1 if before & after & ALPHA else 0
    wordlike = before & PLAIN
    if code == 47 and wordlike and _is_host(codes, kinds, start, at) == 2:
        return -1
    if code in (47, 58, 60, 61, 62):
        return 1 if wordlike and after & ALPHA else 0
    if code in (45, 0x2013, 0x2014, 126):
        run = at
        while run < end and codes[run] == code and run - at < _LONGEST_DASH:
            run += 1
        if wordlike and run < end and kinds[run] & ALPHA:
            return run - at
    if code in (42, 43, 45, 94):
        return 1 if before & DIGIT and (after & DIGIT or codes[at + 1] == 45) else 0
    return 0


@njit(cache=True, nogil=True)
def _split(codes: Array, kinds: Array, low: int, high: int, abbreviations: Array, starts: Array, ends: Array) -> int:
    """Write the beginnings and ends of the words between ``low`` and ``high``; returns how many."""
    cuts = np.empty(_MOST_CUT + 1, np.int64)
    count, at = 0, low
    while at < high:
        if kinds[at] & SPACE:
            at += 1
            continue
        start, every, before = at, PLAIN, PLAIN
        while at < high and not kinds[at] & SPACE:
            before = every
            every &= kinds[at]
            at += 1
        end = at
        if every or end == start + 1:
            starts[count], ends[count] = start, end
            count += 1
        elif (
            before
            and codes[end - 1] in (44, 46)
            and not (codes[end - 1] == 46 and _keeps_stop(codes, kinds, start, end - 1, abbreviations))
        ):
            starts[count], ends[count] = start, end - 1
            starts[count + 1], ends[count + 1] = end - 1, end
            count += 2
        else:
            while start < end:
                length = 1
                if codes[start] == 46:
                    while start + length < end and codes[start + length] == 46:
                        length += 1
                    if length == 1:
                        break
                elif codes[start] == 43:
                    if start + 1 < end and kinds[start + 1] & DIGIT:
                        break
                elif not kinds[start] & FRONT:
                    break
                starts[count], ends[count] = start, start + length
                count += 1
                start += length
            cut = 0
            cuts[0] = end
            while start < end and cut < _MOST_CUT:
                end = _tail(codes, kinds, start, cuts[cut], abbreviations)
                if end == cuts[cut]:
                    break
                cut += 1
                cuts[cut] = end
            end = cuts[cut]
            inner = start + 1
            while inner < end - 1:
                if kinds[inner] & PLAIN:
                    inner += 1
                    continue
                length = _inner(codes, kinds, start, end, inner)
                if length < 0:
                    break
                if length:
                    starts[count], ends[count] = start, inner
                    starts[count + 1], ends[count + 1] = inner, inner + length
                    count += 2
                    start = inner = inner + length
                inner += 1
            if start < end:
                starts[count], ends[count] = start, end
                count += 1
            for piece in range(cut, 0, -1):
                starts[count], ends[count] = cuts[piece], cuts[piece - 1]
                count += 1
    return count


@njit(cache=True, nogil=True)
def split(
    codes: Array, kinds: Array, offsets: Array, abbreviations: Array, starts: Array, ends: Array, firsts: Array
) -> None:
    """Find the words of every text: their beginnings and ends, and the number of each text's first (and the end)."""
    firsts[0] = 0
    for text in range(len(offsets) - 1):
        known = firsts[text]
        low, high = offsets[text], offsets[text + 1]
        firsts[text + 1] = known + _split(codes, kinds, low, high, abbreviations, starts[known:], ends[known:])


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _count_words(
    codes: Array,
    kinds: Array,
    starts: Array,
    ends: Array,
    noted: Array,
    stop_words: Array,
    phrases: Array,
    values: Array,
    marks: Array,
    row: Array,
) -> None:
    """Count what Gopher counts in words; writes each word's hash, and what it is to C4."""
    high = ends[-1] if len(ends) else 0
    proper = proper_characters = alphabetic = met = 0
    for word in range(len(starts)):
        start, end = starts[word], ends[word]
        some, every, mark = 0, SYMBOL | PUNCTUATION, 0
        for at in range(start, end):
            some |= kinds[at]
            every &= kinds[at]
        value = hashed(codes, start, end)
        values[word] = value
        alphabetic += some & ALPHA != 0
        if every & SYMBOL:
            mark = MARK if every & PUNCTUATION else 0
            if end == start + 1 and some & STOP:
                mark |= ENDS
        else:
            proper += 1
            proper_characters += end - start
        note = noted[value & NOTED]
        if note & ~met:
            for at in range(len(stop_words)):
                met |= (stop_words[at] == value) << at
            if note & PHRASE:
                mark |= _phrase(codes, start, high, phrases)
        if some & RARE or (some & STOP and end - start > 2):
            mark |= _count_symbols(codes, kinds, start, end, high, phrases, row)
        marks[word] = mark
    row["words"], row["alphabetic_words"] = len(starts), alphabetic
    row["proper_words"], row["proper_characters"] = proper, proper_characters
    while met:
        row["stop_words"] += met & 1
        met >>= 1


@njit(cache=True, nogil=True)
def _count_symbols(codes: Array, kinds: Array, start: int, end: int, high: int, phrases: Array, row: Array) -> int:
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
                mark |= BRACE
            elif codes[at] == 91 and _citation(codes, at, high, phrases):
                mark |= CITED | (ENDS if at > start and kinds[at - 1] & STOP else 0)
            elif _is(codes, at, end, phrases, _JAVASCRIPT):
                mark |= SCRIPT
    return mark


@njit(cache=True, nogil=True)
def _phrase(codes: Array, start: int, high: int, phrases: Array) -> int:
    """The phrase of C4 that begins at ``start``, if one does."""
    first = codes[start] | 32
    if first == 108 and _is(codes, start, high, phrases, _LOREM_IPSUM):
        return LOREM
    for phrase in range(_JAVASCRIPT + 1, _EDIT):
        if phrases[phrase, 0] == first and _is(codes, start, high, phrases, phrase):
            return POLICY
    return 0


@njit(cache=True, nogil=True)
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
            row["bullet_lines"] += code in (45, 0x2022)
            row["ellipsis_lines"] += codes[last - 1] == 0x2026 or _ellipsis(codes, starts[first], last)
            if _c4_ends(codes, starts[first], last, phrases):
                _count_sentences(codes, starts, ends, marks, first, word, phrases, row)
        start = end + 1


@njit(cache=True, nogil=True)
def _ellipsis(codes: Array, start: int, end: int) -> bool:
    return end - start >= 3 and codes[end - 1] == 46 and codes[end - 2] == 46 and codes[end - 3] == 46


@njit(cache=True, nogil=True)
def _citation(codes: Array, at: int, end: int, phrases: Array) -> int:
    """Where a citation mark of Wikipedia that begins at ``at`` ends; 0 if there is none."""
    if codes[at] != 91:
        return 0
    after = at + 1
    while after < end and 48 <= codes[after] <= 57:
        after += 1
    if after < end and codes[after] == 93:
        return after + 1
    return max(_is(codes, at + 1, end, phrases, _EDIT), _is(codes, at + 1, end, phrases, _NEEDED))


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
        if mark & CITED:
            opening = start
            while codes[opening] != 91:
                opening += 1
            cited = _citation(codes, opening, ends[last - 1], phrases)
            if opening == start:
                continue
        elif start < cited:
            continue
        if stopped and not mark & MARK:
            count += 1
            stopped = False
        stopped = stopped or mark & ENDS != 0
    if spaced < C4_WORDS:
        return
    if some & LOREM:
        row["page"] = row["page"] or PAGE_LOREM
    elif some & BRACE and not some & SCRIPT:
        row["page"] = row["page"] or PAGE_CURLY
    elif not some & (SCRIPT | POLICY):
        row["sentences"] += count


@njit(cache=True, nogil=True)
def count(
    codes: Array,
    kinds: Array,
    offsets: Array,
    firsts: Array,
    starts: Array,
    ends: Array,
    noted: Array,
    stop_words: Array,
    phrases: Array,
    values: Array,
    marks: Array,
    counts: Array,
) -> None:
    """Count every text, given its words; writes each word's hash (uint64) and what it is to C4 (uint8)."""
    for text in range(len(counts)):
        row, words = counts[text], slice(firsts[text], firsts[text + 1])
        begin, end, mark = starts[words], ends[words], marks[words]
        row["characters"] = offsets[text + 1] - offsets[text]
        _count_words(codes, kinds, begin, end, noted, stop_words, phrases, values[words], mark, row)
        _count_page(codes, kinds, offsets[text], offsets[text + 1], begin, end, mark, phrases, row)
