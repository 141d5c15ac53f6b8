"""Exact and near duplicates, inside an ingredient and against earlier ones: MinHash, bands, connected components.

Words, bands and rows are FineWeb's (arXiv 2406.17557) and datatrove's, five-word shingles and 14 bands of 8 hashes, so
that verdicts can be compared: of two texts of Jaccard similarity 0.68 half are found, of 0.8 92 % (``s_curve``).
Signatures come from rensa, whose full-set R-MinHash is fast similarity sketching (arXiv 1704.04370), no worse an
estimate than plain MinHash. On 85 MB of prose and code, a core, text to bands: 140 MB/s so, 97 with plain MinHash in
numba, 33 with rensa on shingles as strings, datatrove 1. Similarity is not checked after a collision, and a chain of
near duplicates is one cluster, as in datatrove. A paraphrase is no duplicate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from assay.errors import StepError

BANDS = 14
ROWS = 8
SEED = 1

DUPLICATE, KNOWN, NEAR, NEAR_KNOWN = 1, 2, 3, 4
REASONS = {
    DUPLICATE: "duplicate",
    KNOWN: "duplicate of an earlier ingredient",
    NEAR: "near duplicate",
    NEAR_KNOWN: "near duplicate of an earlier ingredient",
}
"""What ``find`` says of a document; 0 is kept."""

_RENSA = 2
"""Version of rensa's algorithm: signatures of another cannot be compared with ours."""
_BATCH = 64
"""Documents signed at once: from 128 on rensa starts threads, and how many cores are used is the caller's to say."""
_PRIME = np.uint64(0x100000001B3)


@dataclass(frozen=True)
class Sketches:
    """What duplicates are found by, a row for each document; batches may be joined in any way."""

    content: NDArray[np.uint64]
    """[documents] Hash of the text with white space made equal."""
    bands: NDArray[np.uint64]
    """[documents, BANDS] Hash of each band of the signature; 0 in all where the text has no word."""


@dataclass(frozen=True)
class Seen:
    """What an earlier ingredient kept, sorted for looking up."""

    content: NDArray[np.uint64]
    """[documents] Ascending."""
    bands: NDArray[np.uint64]
    """[BANDS, documents with a word] Each row ascending."""

    def save(self, folder: Path) -> None:
        """Write ``content.npy`` and ``bands.npy`` into a folder that exists.

        Raises:
            StepError: The folder cannot be written.
        """
        try:
            np.save(folder / "content.npy", self.content)
            np.save(folder / "bands.npy", self.bands)
        except OSError as error:
            raise StepError(f"cannot write {folder}: {error.strerror or error}") from error

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What ``save`` wrote, mapped into memory.

        Raises:
            StepError: The files are missing, or are not what ``save`` writes.
        """
        try:
            content, bands = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("content", "bands"))
        except (OSError, ValueError, EOFError) as error:
            raise StepError(f"cannot read the sketches in {folder}: {error}") from error
        if content.dtype != np.uint64 or bands.dtype != np.uint64 or content.ndim != 1 or bands.shape[:-1] != (BANDS,):
            raise StepError(f"the sketches in {folder} have another layout than {BANDS} bands of 64-bit hashes")
        return cls(content, bands)


def s_curve(similarities: Iterable[float]) -> list[tuple[float, float]]:
    """(s, probability that two texts of Jaccard similarity s share a band): 1 - (1 - s^ROWS)^BANDS."""
    return [(similarity, 1 - (1 - similarity**ROWS) ** BANDS) for similarity in similarities]


def sketch(texts: Sequence[str]) -> Sketches:
    """Sketch each text; a row depends on its own text only.

    The shingles of 64 texts are held at a time, two to three bytes for each byte of text.

    Raises:
        StepError: The installed rensa makes other signatures than the version this module was written for.
    """
    from assay.corpus.shingles import shingles

    content = np.zeros(len(texts), np.uint64)
    bands = np.zeros((len(texts), BANDS), np.uint64)
    for start in range(0, len(texts), _BATCH):
        batch = [shingles(text) for text in texts[start : start + _BATCH]]
        content[start : start + len(batch)] = [digest for digest, _ in batch]
        bands[start : start + len(batch)] = _bands(signatures([hashes for _, hashes in batch]))
        bands[start : start + len(batch)][[hashes.size == 0 for _, hashes in batch]] = 0
    return Sketches(content, bands)


def signatures(sets: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint32]:
    """MinHash signatures, uint32 [sets, BANDS * ROWS], of sets of hashes, given in any order and with repeats.

    The share of equal entries estimates the Jaccard similarity of two sets with a standard deviation of at most
    sqrt(J (1 - J) / 112).

    Raises:
        StepError: As ``sketch``.
    """
    from rensa import RMinHash

    if RMinHash.ALGORITHM_VERSION != _RENSA:
        raise StepError(
            f"the installed rensa makes signatures of version {RMinHash.ALGORITHM_VERSION}, and near duplicates "
            f"are found by those of version {_RENSA}: install rensa 0.5"
        )
    ends = np.cumsum([0, *(hashes.size for hashes in sets)], dtype=np.uint64)
    rows = RMinHash.digest_matrix_from_flat_token_hashes(np.concatenate(sets), ends, BANDS * ROWS, SEED).to_rows()
    return np.array(rows, np.uint32)


def _bands(signed: NDArray[np.uint32]) -> NDArray[np.uint64]:
    rows = signed.reshape(-1, BANDS, ROWS).astype(np.uint64)
    hashes = np.zeros(rows.shape[:2], np.uint64)
    for number in range(ROWS):
        hashes = (hashes ^ rows[:, :, number]) * _PRIME
        hashes ^= hashes >> np.uint64(32)
    return np.maximum(hashes, np.uint64(1))


def seen(content: NDArray[np.uint64], bands: NDArray[np.uint64], kept: NDArray[np.bool_]) -> Seen:
    """What later ingredients are compared with: the sketches of the documents that were kept.

    Args:
        content: uint64 [documents], of ``Sketches``.
        bands: uint64 [documents, BANDS], of ``Sketches``.
        kept: bool [documents].
    """
    with_words = np.flatnonzero(kept & (bands[:, 0] != 0))
    return Seen(
        content=np.sort(content[kept]),
        bands=np.stack([np.sort(bands[with_words, band]) for band in range(BANDS)]),
    )


def find(
    content: NDArray[np.uint64], bands: NDArray[np.uint64], eligible: NDArray[np.bool_], earlier: Sequence[Seen]
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Which documents are duplicates, and of which.

    Documents that share a band are near duplicates; so are those that are linked by others, and of such a cluster
    the first is kept. A cluster that shares a band with a document that an earlier ingredient kept loses all: the
    verdicts are those that these documents would have if the earlier one's kept documents stood before them.

    Args:
        content: uint64 [documents], of ``Sketches``, in the order in which documents are preferred.
        bands: uint64 [documents, BANDS], of ``Sketches``; one column is held at a time.
        eligible: bool [documents]; the others are as if they were not there.
        earlier: Of the ingredients that come before this one.

    Returns:
        The key of ``REASONS`` for each document, int8 [documents], 0 where it is kept or not eligible; and the first
        document with the same content, or the first of its cluster, int64 [documents], -1 where it is kept and where
        the other is in another ingredient.
    """
    rows = np.flatnonzero(eligible)
    reasons = np.zeros(len(content), np.int8)
    originals = np.full(len(content), -1, np.int64)

    first = np.arange(len(rows))
    lost = np.zeros(len(rows), np.bool_)
    with_words = np.flatnonzero(bands[rows, 0])
    for band in range(BANDS):
        alike = _Sorted(bands[rows[with_words], band])
        lost[with_words[alike.held([past.bands[band] for past in earlier])]] = True
        first = _joined(first, *(with_words[side] for side in alike.pairs()))
    lost = _any_of(first, lost)
    near = lost | (first != np.arange(len(rows)))
    reasons[rows[near]] = np.where(lost[near], NEAR_KNOWN, NEAR)
    originals[rows[near]] = np.where(lost[near], -1, rows[first[near]])

    alike = _Sorted(content[rows])
    first = _joined(np.arange(len(rows)), *alike.pairs())
    copy = first != np.arange(len(rows))
    reasons[rows[copy]] = DUPLICATE
    originals[rows[copy]] = rows[first[copy]]
    known = rows[alike.held([past.content for past in earlier])]
    reasons[known] = KNOWN
    originals[known] = -1
    return reasons, originals


class _Sorted:
    """Keys and where they stood."""

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self.order = np.argsort(keys, kind="stable")
        self.keys = keys[self.order]

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Neighbours of equal key, by where they stood."""
        equal = self.keys[1:] == self.keys[:-1]
        return self.order[:-1][equal], self.order[1:][equal]

    def held(self, others: Iterable[NDArray[np.uint64]]) -> NDArray[np.int64]:
        """Where those stood whose key is in one of the sorted others."""
        found = np.zeros(len(self.keys), np.bool_)
        for other in others:
            if len(other):
                found |= other[np.minimum(np.searchsorted(other, self.keys), len(other) - 1)] == self.keys
        return self.order[found]


def _joined(first: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first of each one's cluster after these pairs have joined clusters, int64 [documents]."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(left):
        return first
    links = coo_array((np.ones(len(left), np.bool_), (first[left], first[right])), shape=(len(first), len(first)))
    clusters, cluster = connected_components(links, directed=False)
    smallest = np.full(clusters, len(first))
    np.minimum.at(smallest, cluster, np.arange(len(first)))
    joined: NDArray[np.int64] = smallest[cluster[first]]
    return joined


def _any_of(first: NDArray[np.int64], marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether any of a document's cluster is marked, bool [documents]."""
    clusters = np.zeros(len(first), np.bool_)
    clusters[first[marked]] = True
    return clusters[first]
