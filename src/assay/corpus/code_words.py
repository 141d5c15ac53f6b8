"""How much of a text looks like code: words between white space with the shape of names, calls, paths or operators.

Prose about programming quotes code all the time and other prose nearly never, which its subject alone would not tell
(papers on language processing speak of Python too). Counted are names with underscores or inner capitals, calls, dotted
names, paths, operators, back-ticks, prompts, fences, and addresses of places where code is kept. Brackets, equals signs
and semicolons alone are not: mathematics and old prose are full of them.
"""

import functools
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assay.corpus.text_statistics import batches

_SPACE, _LOWER, _UPPER, _ALPHA, _PLAIN = (1 << bit for bit in range(5))
"""Classes of characters, of ASCII: code is written in it. Others are letters of no case. _PLAIN: a letter or digit."""
_OPERATORS = ":: -> => == != += -= := && || </ /> ()"
_HOSTS = "github gitlab bitbucket sourceforge stackoverflow stackexchange pypi. npmjs crates.io readthedocs"

Array = NDArray[Any]


def count_code_words(texts: Sequence[str]) -> Array:
    """Words between white space, and those of them that look like code: int64 of shape (documents, 2)."""
    counts = np.zeros((len(texts), 2), np.int64)
    for some, codes, offsets in batches(texts):
        _count(codes, _classes().take(codes, mode="clip"), offsets, *_tables(), counts[some])
    return counts


@functools.cache
def _classes() -> Array:
    """The classes of the ASCII characters, and of all others, as bits (uint8)."""
    classes = np.zeros(129, np.uint8)
    for bits, characters in (
        (_SPACE, string.whitespace),
        (_LOWER | _ALPHA | _PLAIN, string.ascii_lowercase),
        (_UPPER | _ALPHA | _PLAIN, string.ascii_uppercase),
        (_PLAIN, string.digits),
    ):
        classes[[ord(char) for char in characters]] = bits
    classes[128] = _ALPHA | _PLAIN
    return classes


@functools.cache
def _tables() -> tuple[Array, Array]:
    """Which two ASCII characters make an operator, and the hosts as rows padded with 0."""
    operators = np.zeros((128, 128), np.bool_)
    for operator in _OPERATORS.split():
        operators[ord(operator[0]), ord(operator[1])] = True
    hosts = _HOSTS.split()
    rows = np.zeros((len(hosts), max(map(len, hosts))), np.uint32)
    for row, host in zip(rows, hosts, strict=True):
        row[: len(host)] = [ord(char) for char in host]
    return operators, rows


@njit(cache=True, nogil=True)
def _is_code_host(codes: Array, start: int, end: int, hosts: Array) -> bool:
    for at in range(start, end):
        for host in range(len(hosts)):
            place = 0
            while place < hosts.shape[1] and at + place < end and hosts[host, place] == codes[at + place]:
                place += 1
            if place == hosts.shape[1] or hosts[host, place] == 0:
                return True
    return False


@njit(cache=True, nogil=True)
def _is_code(codes: Array, kinds: Array, start: int, end: int, operators: Array, hosts: Array) -> bool:
    """Whether one word, without white space, looks like code.

    A name is told by an underscore or two inner capitals (one where it begins small), a call by its bracket, but
    ``word(s)`` and ``T(n)`` are none; a back-tick counts where it closes, for ``` ``this'' ``` is how TeX quotes.
    """
    first = codes[start]
    if end - start > 2 and first in (62, 96, 126) and codes[start + 1] == first and codes[start + 2] == first:
        return True
    dotted = slashes = address = 0
    humps = kinds[start] & _LOWER != 0
    for at in range(start, end - 1):
        code, before, after = codes[at], kinds[max(at - 1, start)], kinds[at + 1]
        if code < 128 and codes[at + 1] < 128 and operators[code, codes[at + 1]]:
            return True
        inside = at > start + 1
        if code == 95 and inside and before & kinds[at - 2] & after & _PLAIN:
            return True
        if code == 40 and at > start + 2 and before & _PLAIN and at + 2 < end and codes[at + 2] != 41:
            return True
        if code == 96 and at > start and codes[at - 1] != 96 and not after & _PLAIN:
            return True
        if code == 58 and at + 2 < end and codes[at + 1] == 47 and codes[at + 2] == 47:
            return bool(_is_code_host(codes, at, end, hosts))
        if kinds[at] & _UPPER:
            humps += inside and before & after & _LOWER != 0 and kinds[at - 2] & _LOWER != 0
        elif code == 46 and before & _ALPHA and at + 2 < end:
            dotted += after & kinds[at + 2] & _LOWER != 0
        elif code == 47:
            slashes += 1 if before & after & _ALPHA else 2 * (at == start and after & _ALPHA)
        elif code == 64:
            address += 1
    if codes[end - 1] == 96 and end - start > 1 and codes[end - 2] != 96:
        return True
    return humps > 1 or ((dotted > 0 or slashes > 1) and not address)


@njit(cache=True, nogil=True)
def _count(codes: Array, kinds: Array, offsets: Array, operators: Array, hosts: Array, counts: Array) -> None:
    for text in range(len(counts)):
        at, high = offsets[text], offsets[text + 1]
        while at < high:
            if kinds[at] & _SPACE:
                at += 1
                continue
            start = at
            while at < high and not kinds[at] & _SPACE:
                at += 1
            counts[text, 0] += 1
            counts[text, 1] += _is_code(codes, kinds, start, at, operators, hosts)
