"""Near duplicates among documents, exactly: which have an earlier one at a Jaccard similarity of 0.8 or more.

Shingles are those of the corpus plane (`shingles`, five words). Its MinHash bands (`near`) would miss 8 % of the
pairs at 0.8, and a published rate should miss none, so candidates come from prefix filtering (Bayardo et al., "Scaling
up all pairs similarity search", 2007): sorted by rarity, two sets this alike must share one of their rarest shingles.
Every candidate is then compared shingle by shingle. Nothing is dropped here.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.corpus.shingles import shingles

LEAST = 0.8
"""Jaccard similarity of the shingles from which on two documents are near duplicates."""


def near_duplicates(texts: Sequence[str], least: float = LEAST) -> NDArray[np.int64]:
    """The first earlier document that each document nearly repeats.

    Args:
        texts: Documents in order; one without a word is like no other.
        least: Similarity, above 0 and at most 1.

    Returns:
        int64 [documents], -1 where there is none.
    """
    first = np.full(len(texts), -1, np.int64)
    sets = [np.unique(shingles(text)[1]) for text in texts]
    if not sets:
        return first
    hashes, counts = np.unique(np.concatenate(sets), return_counts=True)
    rarity = np.empty(len(hashes), np.int64)
    rarity[np.argsort(counts, kind="stable")] = np.arange(len(hashes))
    alone = int((counts == 1).sum())
    held: dict[int, list[int]] = {}
    ranked: list[NDArray[np.int64]] = []
    for number, own in enumerate(sets):
        ranks = np.sort(rarity[np.searchsorted(hashes, own)])
        ranked.append(ranks)
        prefix = ranks[: len(ranks) - _least_shared(len(ranks), least) + 1]
        shared = prefix[prefix >= alone].tolist()
        for other in sorted({earlier for rank in shared for earlier in held.get(rank, ())}):
            if _similarity(ranked[other], ranks, least) >= least:
                first[number] = other
                break
        for rank in shared:
            held.setdefault(rank, []).append(number)
    return first


def near_duplicate_rate(texts: Sequence[str], least: float = LEAST) -> float:
    """Share of the documents that have an earlier near duplicate; 0 of none."""
    return float((near_duplicates(texts, least) >= 0).mean()) if texts else 0.0


def _least_shared(size: int, least: float) -> int:
    """How many of its shingles a set must share with any that is so like it."""
    return math.ceil(least * size - 1e-9)


def _similarity(one: NDArray[np.int64], other: NDArray[np.int64], least: float) -> float:
    """Jaccard similarity; 0 where the sizes alone tell that it is below ``least``."""
    smaller, larger = sorted((len(one), len(other)))
    if smaller < _least_shared(larger, least):
        return 0.0
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (smaller + larger - shared)
