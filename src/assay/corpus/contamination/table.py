"""A table of known hashes and who owns them, on disk as three arrays that are mapped and not read.

Looking up is exact: a sieve of two bits a hash, small enough for a processor's cache, only spares the search for what
is certainly not known. It also has the hash of what each run begins with, so that one look tells whether a run can
begin here at all. Hashes are sorted, one entry an owner, so that equal hashes lie side by side.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

BITS_PER_HASH = 16
"""Of the sieve: it lets about one unknown hash in a hundred pass."""


@dataclass(frozen=True)
class Table:
    """Known hashes with their owners, and the sieve over what they begin with."""

    hashes: NDArray[np.uint64]
    """Sorted; a hash stands once for every owner."""
    owners: NDArray[np.int32]
    """Who has the hash in the same place; ascending among equals."""
    sieve: NDArray[np.uint64]
    """Bits of the hashes and of those of beginnings; a power of two long."""

    @classmethod
    def of(cls, hashes: NDArray[np.uint64], owners: NDArray[np.int32], beginnings: NDArray[np.uint64]) -> Self:
        """A table of pairs in any order, doubles allowed; ``beginnings`` in any order too."""
        hashes, owners = distinct_pairs(hashes, owners)
        return cls(hashes, owners, _sieve(distinct(np.concatenate([beginnings, hashes]))[0]))

    def save(self, folder: Path, name: str) -> None:
        """Write ``NAME_hashes.npy``, ``NAME_owners.npy`` and ``NAME_sieve.npy``."""
        for part in ("hashes", "owners", "sieve"):
            np.save(folder / f"{name}_{part}.npy", getattr(self, part), allow_pickle=False)

    @classmethod
    def open(cls, folder: Path, name: str) -> Self:
        """The table that was saved, memory-mapped; raises OSError or ValueError where it is not there or damaged."""
        parts = (np.load(folder / f"{name}_{part}.npy", mmap_mode="r") for part in ("hashes", "owners", "sieve"))
        return cls(*parts)

    def first(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Where each hash stands in the table first; -1 where it is not known."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, np.int64)
        places = np.searchsorted(self.hashes, hashes)
        known = self.hashes[np.minimum(places, len(self.hashes) - 1)] == hashes
        return np.where(known, places, -1)

    def owners_of(self, place: int) -> NDArray[np.int32]:
        """Owners of the hash that stands at ``place`` first."""
        end = np.searchsorted(self.hashes, self.hashes[place], side="right")
        return self.owners[place:end]


def distinct(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Each hash once, sorted, and how often it was there.

    By sorting: on millions of hashes numpy's own ``unique``, which fills a hash table, takes ten times as long.
    """
    ordered = np.sort(hashes)
    new = np.ones(len(ordered), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    begins = np.flatnonzero(new)
    return ordered[begins], np.diff(begins, append=len(ordered))


def distinct_pairs(
    hashes: NDArray[np.uint64], numbers: NDArray[np.int32]
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Each pair once, sorted by hash and then by number."""
    order = np.lexsort((numbers, hashes))
    hashes, numbers = hashes[order], numbers[order]
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (numbers[1:] != numbers[:-1])
    return hashes[new], numbers[new]


def _sieve(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    length = 1 << max(1, (len(hashes) * BITS_PER_HASH // 64).bit_length())
    sieve = np.zeros(length, np.uint64)
    places = hashes >> np.uint64(64 - (length.bit_length() - 1))
    one, low = np.uint64(1), np.uint64(63)
    marks = (one << (hashes & low)) | (one << ((hashes >> np.uint64(6)) & low))
    np.bitwise_or.at(sieve, places, marks)
    return sieve
