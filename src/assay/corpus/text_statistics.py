"""What the published rules for web text count, for many documents at once, in compiled loops over code points.

datatrove takes its words from spaCy, which costs it nearly all of its time (1 to 2 MB/s). Here a word is found by
a few rules over classes of characters: white space parts, punctuation at either end is a word of its own, so are
hyphens between letters, ``'s`` and ``n't``; a full stop stays with initials and common abbreviations, an address is
one word. N-grams are compared by 64-bit hashes of their words. Integers only, so that every machine counts the same.
"""

import functools
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

BATCH = 1 << 20
"""Characters that are counted at once (a longer document alone), which bounds the memory: about 30 bytes each."""

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

_SPACE, _ALPHA, _LOWER, _UPPER, _DIGIT, _PUNCTUATION, _SYMBOL, _FRONT, _BACK, _ICON, _STOP, _BREAK, _LEAD, _RARE = (
    1 << bit for bit in range(14)
)
"""Classes of characters. _FRONT, _BACK, _ICON: split off before, behind, inside a word; _LEAD: a phrase of C4 may
begin here; _RARE: a curly bracket, or the first letter of javascript, which it looks for inside of words too."""
_MARK, _ENDS, _LOREM, _SCRIPT, _POLICY, _BRACE, _CITED = (1 << bit for bit in range(7))
"""What a word is to C4: punctuation alone, an end of sentences, the beginning of something it drops or skips."""
_KNOWN = 0x20000
"""Code points in the table of classes: two planes; all above are taken for letters, which ideographs are."""
_OFF_ENDS = ",:;!?<>_#*&'\"`´…·¡¿—–"
_OFF_FRONT = _OFF_ENDS + "§%="
_STOPS = ".!?؟۔।॥။።‼⁇⁈⁉‽。！．？｡﹒﹖﹗"
_ABBREVIATIONS = """
Mr Mrs Ms Messrs Dr Prof Rev Gen Adm Gov Sen Rep St Mt Jr Ph.D Bros Co co Corp Inc Ltd vs v.s a.m p.m e.g i.e E.g I.e
Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Ala Ariz Ark Calif Colo Conn Del Fla Ga Ia Id Ill Ind Kan Kans Ky
La Mass Md Mich Minn Miss Mo Mont Neb Nebr Nev Okla Ore Pa Tenn Va Wash Wis
"""
_PHRASES = (
    *("lorem ipsum", "javascript", "terms of use", "privacy policy", "cookie policy", "uses cookies"),
    *("use of cookies", "use cookies", "edit]", "citation needed]"),
)
"""What C4 looks for in lines (c4_utils.py), in any case, and the inside of Wikipedia's citation marks."""
_LONGEST_ABBREVIATION = 6
_MOST_CUT = 64
"""Marks at the end of a word that become words of their own; the rest of a longer row stays with the word."""

_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)

Array = NDArray[Any]
_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])
_kernel: Callable[[_Kernel], _Kernel] = njit(cache=True, nogil=True)


def measure(texts: Sequence[str], short: int, covered: float) -> Array:
    """Count every text: an array of `COUNTS`, shape (documents,).

    Args:
        texts: The documents.
        short: Characters of the longest line that is short.
        covered: Where repeated 5-grams cover no more than this share of a document's characters, ``duplicate``
            stays 0 (no longer n-gram can cover more, and counting them is half of the work).
    """
    counts = np.zeros(len(texts), COUNTS)
    tables = _tables()
    for first, last in _batches(texts):
        codes, offsets = encode(texts[first:last])
        _measure(codes, _kinds().take(codes, mode="clip"), offsets, *tables, short, covered, counts[first:last])
    return counts


def encode(texts: Sequence[str]) -> tuple[Array, Array]:
    """Code points of all texts in a row (uint32), and where each begins and the last one ends (int64)."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    return codes, np.cumsum([0, *map(len, texts)], dtype=np.int64)


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    first = size = 0
    for at, text in enumerate(texts):
        if size and size + len(text) > BATCH:
            yield first, at
            first, size = at, 0
        size += len(text)
    yield first, len(texts)


@functools.cache
def _kinds() -> Array:
    """The classes of every code point as bits (uint16): Unicode 3.2's, the same in every Python, and later pictures."""
    of_category = {
        **dict.fromkeys(("Zs", "Zl", "Zp"), _SPACE),
        **dict.fromkeys(("Lo", "Lm", "Lt"), _ALPHA | _LOWER | _UPPER),
        "Ll": _ALPHA | _LOWER,
        "Lu": _ALPHA | _UPPER,
        **dict.fromkeys(("Ps", "Pe", "Pi", "Pf"), _PUNCTUATION | _SYMBOL | _FRONT | _BACK),
        **dict.fromkeys(("Pc", "Pd", "Po"), _PUNCTUATION | _SYMBOL),
        **dict.fromkeys(("Sm", "Sk", "Cc", "Cf"), _SYMBOL),
        "Sc": _SYMBOL | _FRONT,
        "So": _SYMBOL | _FRONT | _BACK | _ICON,
    }
    known = unicodedata.ucd_3_2_0
    kinds = np.array([of_category.get(known.category(chr(code)), 0) for code in range(_KNOWN)], np.uint16)
    kinds[0x1F000:0x1FB00] = of_category["So"]
    for bit, characters in (
        (_SPACE, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85"),
        (_LEAD, "cClLpPtTuU["),
        (_RARE, "{jJ"),
        (_DIGIT, "0123456789"),
        (_FRONT, _OFF_FRONT),
        (_BACK, _OFF_ENDS),
        (_STOP, _STOPS),
        (_BREAK, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"),
    ):
        kinds[[ord(char) for char in characters]] |= bit
    kinds[-1] = _ALPHA | _LOWER | _UPPER
    return kinds


@functools.cache
def _tables() -> tuple[Array, ...]:
    """Hashes of the abbreviations and of the stop words, and the phrases that C4 looks for as padded rows."""
    abbreviations, stop_words = (_hashes(*encode(words)) for words in (_ABBREVIATIONS.split(), STOP_WORDS))
    rows = np.zeros((len(_PHRASES), max(map(len, _PHRASES))), np.uint32)
    for row, phrase in zip(rows, _PHRASES, strict=True):
        row[: len(phrase)] = [ord(char) for char in phrase]
    return np.sort(abbreviations), stop_words, rows


@_kernel
def _hash(codes: Array, start: int, end: int) -> Any:
    value = _BASIS
    for at in range(start, end - 1, 2):
        value = (value ^ np.uint64(codes[at]) ^ (np.uint64(codes[at + 1]) << _HALF)) * _MIX
        value ^= value >> _HALF
    if (end - start) & 1:
        value = (value ^ np.uint64(codes[end - 1])) * _MIX
        value ^= value >> _HALF
    return value * _PRIME


@_kernel
def _hashes(codes: Array, offsets: Array) -> Array:
    """The hash of every text of a batch (uint64)."""
    values = np.empty(len(offsets) - 1, np.uint64)
    for at in range(len(values)):
        values[at] = _hash(codes, offsets[at], offsets[at + 1])
    return values


@_kernel
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


@_kernel
def _keeps_stop(codes: Array, kinds: Array, start: int, stop: int, abbreviations: Array) -> bool:
    """Whether the full stop at ``stop`` belongs to the word from ``start``: an initial, an abbreviation."""
    last = kinds[stop - 1]
    if stop - start == 1 and last & _ALPHA:
        return True
    if last & (_LOWER | _DIGIT | _BACK) or codes[stop - 1] in (37, 43, 45):
        if stop - start > _LONGEST_ABBREVIATION or last & _DIGIT:
            return False
        value = _hash(codes, start, stop)
        at = np.searchsorted(abbreviations, value)
        return bool(at < len(abbreviations) and abbreviations[at] == value)
    return not (last & _UPPER and kinds[stop - 2] & _UPPER)


@_kernel
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
    if kinds[end - 1] & _BACK:
        return end - 1
    if last == 37 and left > 1 and kinds[end - 2] & _DIGIT:
        return end - 1
    for length in (2, 3):
        if left > length and codes[end - length] in (39, 0x2019):
            first, last = codes[end - length + 1] | 32, codes[end - 1] | 32
            if length == 2 and last in (115, 109, 100):
                return end - 2
            if length == 2 and last == 116 and left > 3 and codes[end - 3] | 32 == 110:
                return end - 3
            if length == 3 and ((first == last == 108) or (first in (114, 118) and last == 101)):
                return end - 3
    return end


@_kernel
def _inner(codes: Array, kinds: Array, start: int, end: int, at: int) -> int:
    """Length of the mark at ``at`` that parts the word around it; 0 if none does, -1 if from here on it is whole."""
    code, before, after = codes[at], kinds[at - 1], kinds[at + 1]
    if before & kinds[at] & after & _ALPHA:
        return 0
    if kinds[at] & _ICON or code == 0x2026:
        return 1
    if code == 46:
        run = at
        while run < end and codes[run] == 46:
            run += 1
        if run - at > 1:
            return run - at
        return 1 if before & (_LOWER | _BACK) and after & (_UPPER | _BACK) else 0
    if code == 58 and at + 2 < end and codes[at + 1] == 47 and codes[at + 2] == 47:
        return -1
    if code == 44:
        return 1 if before & after & _ALPHA else 0
    wordlike = before & (_ALPHA | _DIGIT)
    if code == 47 and wordlike:
        for earlier in range(start, at):
            if codes[earlier] == 46:
                return -1
    if code in (47, 58, 60, 61, 62):
        return 1 if wordlike and after & _ALPHA else 0
    if code in (45, 0x2013, 0x2014, 126):
        run = at
        while run < end and codes[run] == code:
            run += 1
        if wordlike and run < end and kinds[run] & _ALPHA:
            return run - at
    if code in (42, 43, 45, 94):
        return 1 if before & _DIGIT and (after & _DIGIT or codes[at + 1] == 45) else 0
    return 0


@_kernel
def _split(codes: Array, kinds: Array, low: int, high: int, abbreviations: Array, starts: Array, ends: Array) -> int:
    """Write the beginnings and ends of the words between ``low`` and ``high``; returns how many."""
    cuts = np.empty(_MOST_CUT + 1, np.int64)
    count, at = 0, low
    while at < high:
        if kinds[at] & _SPACE:
            at += 1
            continue
        start, every, before = at, _ALPHA, _ALPHA
        while at < high and not kinds[at] & _SPACE:
            before = every
            every &= kinds[at]
            at += 1
        end = at
        if every or end == start + 1:
            starts[count], ends[count] = start, end
            count += 1
        elif before and codes[end - 1] in (44, 46) and not (
            codes[end - 1] == 46 and _keeps_stop(codes, kinds, start, end - 1, abbreviations)
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
                    if start + 1 < end and kinds[start + 1] & _DIGIT:
                        break
                elif not kinds[start] & _FRONT:
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


@_kernel
def _count_words(
    codes: Array,
    kinds: Array,
    starts: Array,
    ends: Array,
    stop_words: Array,
    phrases: Array,
    values: Array,
    marks: Array,
    row: Array,
) -> None:
    """Count what Gopher counts in words; writes the hash of every word, and what it is to C4."""
    met, high = 0, ends[-1] if len(ends) else 0
    for word in range(len(starts)):
        start, end = starts[word], ends[word]
        values[word] = _hash(codes, start, end)
        some, every = 0, _SYMBOL | _PUNCTUATION
        for at in range(start, end):
            some |= kinds[at]
            every &= kinds[at]
        row["alphabetic_words"] += some & _ALPHA != 0
        marks[word] = 0
        if some & _SYMBOL:
            _count_symbols(codes, start, end, row)
            if every & _PUNCTUATION:
                marks[word] = _MARK
            if end == start + 1 and some & _STOP:
                marks[word] |= _ENDS
        if not every & _SYMBOL:
            row["proper_words"] += 1
            row["proper_characters"] += end - start
        if end - start <= 4:
            for at in range(len(stop_words)):
                if stop_words[at] == values[word]:
                    met |= 1 << at
        if kinds[start] & _LEAD:
            marks[word] |= _phrase(codes, start, high, phrases)
        if some & _RARE:
            for at in range(start, end):
                if codes[at] == 123:
                    marks[word] |= _BRACE
                elif _is(codes, at, end, phrases, 1):
                    marks[word] |= _SCRIPT
    row["words"] = len(starts)
    while met:
        row["stop_words"] += met & 1
        met >>= 1


@_kernel
def _count_symbols(codes: Array, start: int, end: int, row: Array) -> None:
    run = 0
    for at in range(start, end):
        if codes[at] == 46:
            run += 1
            row["ellipses"] += run % 3 == 0
        else:
            run = 0
            row["hashes"] += codes[at] == 35
            row["ellipses"] += codes[at] == 0x2026


@_kernel
def _phrase(codes: Array, start: int, high: int, phrases: Array) -> int:
    """The phrase of C4 that begins at ``start``, if one does."""
    first = codes[start] | 32
    if first == 123 and _citation(codes, start, high, phrases):
        return _CITED
    if first == 108 and _is(codes, start, high, phrases, 0):
        return _LOREM
    for phrase in range(2, 8):
        if phrases[phrase, 0] == first and _is(codes, start, high, phrases, phrase):
            return _POLICY
    return 0


@_kernel
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


@_kernel
def _cleared(table: Array, entries: int) -> int:
    """Empty as much of the table as ``entries`` need; returns its size, a power of two."""
    size = 16
    while size < 2 * entries:
        size *= 2
    table[:size] = -1
    return size


@_kernel
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


@_kernel
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


@_kernel
def _count_lines(
    codes: Array, kinds: Array, low: int, high: int, short: int, row: Array, table: Array, keys: Array
) -> None:
    """Count what FineWeb and Gopher's table A1 count in lines and paragraphs, which only newlines end."""
    first, last = low, high
    while first < last and kinds[first] & _SPACE:
        first += 1
    while first < last and kinds[last - 1] & _SPACE:
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
            blank = blank and kinds[end] & _SPACE != 0
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
                row["stopped_lines"] += kinds[end - 1] & _STOP != 0
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


@_kernel
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
        while end < high and not kinds[end] & _BREAK:
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


@_kernel
def _ellipsis(codes: Array, start: int, end: int) -> bool:
    return end - start >= 3 and codes[end - 1] == 46 and codes[end - 2] == 46 and codes[end - 3] == 46


@_kernel
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


@_kernel
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


@_kernel
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


@_kernel
def _measure(
    codes: Array,
    kinds: Array,
    offsets: Array,
    abbreviations: Array,
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
        words = _split(codes, kinds, low, high, abbreviations, starts, ends)
        begin, end = starts[:words], ends[:words]
        _count_words(codes, kinds, begin, end, stop_words, phrases, values, marks, row)
        for word in range(words):
            lengths[word + 1] = lengths[word] + end[word] - begin[word]
        _count_grams(values[:words], lengths, covered, row, table, keys)
        _count_lines(codes, kinds, low, high, short, row, table, keys)
        _count_page(codes, kinds, low, high, begin, end, marks, phrases, row)
