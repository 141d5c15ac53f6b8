"""The words of a text as the published rules for web text count them, found in compiled loops over code points.

datatrove takes its words from spaCy, which costs it nearly all of its time (1 to 2 MB/s). Here a few rules over classes
of characters do: white space parts, punctuation at either end is a word of its own, so are hyphens between letters,
``'s`` and ``n't``; a full stop stays with initials and common English abbreviations; an address is one word. On prose
99.7 % of the words are spaCy's; emoticons, units behind numbers and contractions without an apostrophe are not known.
"""

import functools
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

BATCH = 1 << 20
"""Characters that are looked at at once (a longer document alone): bounds the memory, about 40 bytes each."""

SPACE, ALPHA, LOWER, UPPER, DIGIT, PLAIN, PUNCTUATION, SYMBOL, STOP, BREAK, _FRONT, _BACK, _ICON = (
    1 << bit for bit in range(13)
)
"""Classes of characters. PLAIN: a letter or digit; STOP: may end a sentence; BREAK: ends a line for Python; _FRONT,
_BACK, _ICON: split off before, behind, inside a word."""

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
_LONGEST_ABBREVIATION = 6
_SLOTS = 1024
_LONGEST_HOST = 255
_LONGEST_DASH = 4
_MOST_CUT = 64
"""Marks at the end of a word that become words of their own; the rest of a longer row stays with the word."""

_BASIS = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)

Array = NDArray[Any]
_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])
kernel: Callable[[_Kernel], _Kernel] = njit(cache=True, nogil=True)
"""Compiles a function once for this machine."""


def words(text: str) -> list[str]:
    """The words of one text, in order; to look at, the counts are taken in `text_statistics`."""
    codes, _ = encode([text])
    starts, ends = np.empty((2, len(text) + 1), np.int64)
    count = split(codes, kinds().take(codes, mode="clip"), 0, len(text), abbreviations(), starts, ends)
    return [text[start:end] for start, end in zip(starts[:count], ends[:count], strict=True)]


def batches(texts: Sequence[str]) -> Iterator[tuple[slice, Array, Array, Array]]:
    """Some texts at a time: which, their code points (uint32), the classes of these (uint16), and `encode`'s offsets."""
    first = size = 0
    for at in range(len(texts) + 1):
        if at == len(texts) or (size and size + len(texts[at]) > BATCH):
            codes, offsets = encode(texts[first:at])
            yield slice(first, at), codes, kinds().take(codes, mode="clip"), offsets
            first, size = at, 0
        if at < len(texts):
            size += len(texts[at])


def encode(texts: Sequence[str]) -> tuple[Array, Array]:
    """Code points of all texts in a row (uint32), and where each begins and the last one ends (int64)."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    return codes, np.cumsum([0, *map(len, texts)], dtype=np.int64)


@functools.cache
def kinds() -> Array:
    """The classes of every code point as bits (uint16): Unicode 3.2's, the same in every Python, and later pictures."""
    of_category = {
        **dict.fromkeys(("Zs", "Zl", "Zp"), SPACE),
        **dict.fromkeys(("Lo", "Lm", "Lt"), ALPHA | LOWER | UPPER),
        "Ll": ALPHA | LOWER,
        "Lu": ALPHA | UPPER,
        **dict.fromkeys(("Ps", "Pe", "Pi", "Pf"), PUNCTUATION | SYMBOL | _FRONT | _BACK),
        **dict.fromkeys(("Pc", "Pd", "Po"), PUNCTUATION | SYMBOL),
        **dict.fromkeys(("Sm", "Sk", "Cc", "Cf"), SYMBOL),
        "Sc": SYMBOL | _FRONT,
        "So": SYMBOL | _FRONT | _BACK | _ICON,
    }
    known = unicodedata.ucd_3_2_0
    table = np.array([of_category.get(known.category(chr(code)), 0) for code in range(_KNOWN)], np.uint16)
    table[0x1F000:0x1FB00] = of_category["So"]
    for bit, characters in (
        (SPACE, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85"),
        (DIGIT, "0123456789"),
        (_FRONT, _OFF_FRONT),
        (_BACK, _OFF_ENDS),
        (STOP, _STOPS),
        (BREAK, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"),
    ):
        table[[ord(char) for char in characters]] |= bit
    table[-1] = ALPHA | LOWER | UPPER
    table[table & (ALPHA | DIGIT) != 0] |= PLAIN
    return table


@functools.cache
def abbreviations() -> Array:
    """An open hash table of words before which a full stop ends no sentence (uint64)."""
    table = np.zeros(_SLOTS, np.uint64)
    for value in hashes(*encode(_ABBREVIATIONS.split())):
        at = int(value) % _SLOTS
        while table[at]:
            at = (at + 1) % _SLOTS
        table[at] = value
    return table


@kernel
def hashed(codes: Array, start: int, end: int) -> Any:
    value = _BASIS
    for at in range(start, end - 1, 2):
        value = (value ^ np.uint64(codes[at]) ^ (np.uint64(codes[at + 1]) << _HALF)) * _MIX
        value ^= value >> _HALF
    if (end - start) & 1:
        value = (value ^ np.uint64(codes[end - 1])) * _MIX
        value ^= value >> _HALF
    return value * _PRIME


@kernel
def hashes(codes: Array, offsets: Array) -> Array:
    """The hash of every text of a batch (uint64)."""
    values = np.empty(len(offsets) - 1, np.uint64)
    for at in range(len(values)):
        values[at] = hashed(codes, offsets[at], offsets[at + 1])
    return values


@kernel
def _keeps_stop(codes: Array, kinds: Array, start: int, stop: int, abbreviations: Array) -> bool:
    """Whether the full stop at ``stop`` belongs to the word from ``start``: an initial, an abbreviation."""
    last = kinds[stop - 1]
    if stop - start == 1 and last & ALPHA:
        return True
    if last & (LOWER | DIGIT | _BACK) or codes[stop - 1] in (37, 43, 45):
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


@kernel
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
        return end - 2 if last == 39 and left > 2 and codes[end - 2] == 39 else end - 1
    if last == 37 and left > 1 and kinds[end - 2] & DIGIT:
        return end - 1
    if kinds[end - 1] & ALPHA and left > 2:
        last, first = last | 32, codes[end - 2] | 32
        if codes[end - 2] == 39 or codes[end - 2] == 0x2019:
            if last in (100, 109, 115):
                return end - 2
            if last == 116 and left > 3 and codes[end - 3] | 32 == 110:
                return end - 3
        elif left > 3 and (codes[end - 3] == 39 or codes[end - 3] == 0x2019):
            if first == last == 108 or (first in (114, 118) and last == 101):
                return end - 3
    return end


@kernel
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


@kernel
def _inner(codes: Array, kinds: Array, start: int, end: int, at: int) -> int:
    """Length of the mark at ``at`` that parts the word around it; 0 if none does, -1 if from here on it is whole."""
    code, before, after = codes[at], kinds[at - 1], kinds[at + 1]
    if kinds[at] & _ICON or code == 0x2026:
        return 1
    if code == 46:
        run = at
        while run < end and codes[run] == 46:
            run += 1
        if run - at > 1:
            return run - at
        return 1 if before & (LOWER | _BACK) and after & (UPPER | _BACK) else 0
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


@kernel
def split(codes: Array, kinds: Array, low: int, high: int, abbreviations: Array, starts: Array, ends: Array) -> int:
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
                    if start + 1 < end and kinds[start + 1] & DIGIT:
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
