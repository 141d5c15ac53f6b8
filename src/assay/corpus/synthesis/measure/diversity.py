"""How varied the wording of documents is, measured over equal amounts of text so that corpora can be compared.

Documents are taken in the order of a hash of their text, not in their own, since files of one package stand together.
From each corpus come the same number of words, from as many documents as that takes, since vocabulary and repetition
depend on the length of what is looked at. None of these numbers says whether the text is any good.
"""

import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ORDERS = (1, 2, 3, 4)
"""Lengths of the n-grams that are counted."""
OPENING_WORDS = 4
"""Words by which the opening of a document is known."""
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diversity:
    """Of one corpus."""

    documents: int
    """From which the words were taken."""
    words: int
    """Words and single signs, the last document cut to make it exact."""
    vocabulary: int
    """Different ones among them."""
    distinct: tuple[float, ...]
    """Different n-grams by all n-grams, for each of `ORDERS`; none reaches over the end of a document."""
    compression: float
    """Bytes of UTF-8 for each byte that zlib makes of them at level 9."""
    opening_bits: float
    """Entropy of the first `OPENING_WORDS` words of documents, at most the logarithm of ``openings``."""
    openings: int
    """Documents whose openings were looked at, from their beginning in the same order."""


def count_words(texts: Sequence[str]) -> int:
    """Words and signs of all texts."""
    return sum(len(_WORD.findall(text)) for text in texts)


def diversity(texts: Sequence[str], words: int, openings: int) -> Diversity:
    """Measure a corpus over its first ``words`` words and the openings of its first ``openings`` documents.

    Args:
        texts: Documents, in any order: another order gives the same.
        words: As many are looked at, or all where there are fewer.
        openings: Likewise.
    """
    ordered = sorted(texts, key=_digest)
    taken: list[list[str]] = []
    kept: list[str] = []
    left = words
    for text in ordered:
        if left <= 0:
            break
        found = list(_WORD.finditer(text))[:left]
        if found:
            taken.append([one.group() for one in found])
            kept.append(text[: found[-1].end()])
            left -= len(found)
    data = "\n".join(kept).encode("utf-8", "surrogatepass")
    begun = [" ".join(_WORD.findall(text)[:OPENING_WORDS]).lower() for text in ordered[:openings]]
    vocabulary, distinct = _distinct(taken)
    return Diversity(
        documents=len(kept),
        words=sum(map(len, taken)),
        vocabulary=vocabulary,
        distinct=distinct,
        compression=len(data) / len(zlib.compress(data, 9)) if data else 0.0,
        opening_bits=entropy(begun),
        openings=len(begun),
    )


def entropy(values: Sequence[str]) -> float:
    """Entropy in bits of how often each value is there."""
    counts = np.array(sorted(Counter(values).values()), np.float64)
    shares = counts / max(counts.sum(), 1)
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def _distinct(documents: Sequence[Sequence[str]]) -> tuple[int, tuple[float, ...]]:
    numbers: dict[str, int] = {}
    words = np.array([numbers.setdefault(word, len(numbers)) for one in documents for word in one], np.int64)
    ends = np.repeat(np.cumsum([len(one) for one in documents]), [len(one) for one in documents])
    grams: NDArray[np.int64] = words
    shares = []
    for order in ORDERS:
        if order > 1:
            grams = grams[:-1] * max(len(numbers), 1) + words[order - 1 :]
        inside = np.arange(len(grams)) + order <= ends[: len(grams)]
        _, grams = np.unique(grams, return_inverse=True)
        whole = int(inside.sum())
        shares.append(len(np.unique(grams[inside])) / whole if whole else 0.0)
    return len(numbers), tuple(shares)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
