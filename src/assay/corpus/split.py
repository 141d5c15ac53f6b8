"""Which groups of a source are held out, and the counts that an ingredient is summed up in.

A group (an author, a package, a repository) is held out as a whole, chosen by a hash of its package and its name, so a
package held out of the code is held out of the questions about it too, and no other group matters to the choice.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

PROPERTIES = ("source", "kind", "language", "licence")


def group_hash(package: str, group: str) -> float:
    """A number in [0, 1) that decides, against the held-out share, which split a group belongs to."""
    digest = hashlib.sha256(f"{package}\x1f{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def heldout_groups(groups: Iterable[str], package: str, share: float, whole: bool) -> set[str]:
    """The groups of one source that are held out.

    Those whose hash lies below the share; where none does, and there are two at least, the one with the smallest hash.

    Args:
        groups: Of its documents; a group may be named more than once.
        package: What the source is taken from, for the hash.
        share: Of the groups.
        whole: Whether all are held out.
    """
    held: set[str] = set()
    first: str | None = None
    several = False
    least = (2.0, "")
    for group in groups:
        several = several or (first is not None and group != first)
        first = group if first is None else first
        value = group_hash(package, group)
        least = min(least, (value, group))
        if whole or value < share:
            held.add(group)
    if not held and share > 0 and several:
        held.add(least[1])
    return held


class Count:
    """Documents and bytes of UTF-8, in all and by property."""

    def __init__(self) -> None:
        self.total = [0, 0]
        self.by: dict[str, dict[str, list[int]]] = {key: {} for key in PROPERTIES}

    def add(self, table: pa.Table) -> None:
        """Count the documents of a table with the columns of a document."""
        sizes = pc.cast(pc.binary_length(table["text"]), pa.int64())
        self.total[0] += table.num_rows
        self.total[1] += pc.sum(sizes).as_py() or 0
        for key, values in self.by.items():
            sums = (
                pa.table({key: table[key], "bytes": sizes})
                .group_by(key)
                .aggregate([("bytes", "sum"), ([], "count_all")])
            )
            for row in sums.to_pylist():
                entry = values.setdefault(row[key], [0, 0])
                entry[0] += row["count_all"]
                entry[1] += row["bytes_sum"]

    def as_dict(self) -> dict[str, Any]:
        """``documents``, ``bytes`` and both ``by`` property and value."""

        def named(pair: list[int]) -> dict[str, int]:
            return {"documents": pair[0], "bytes": pair[1]}

        by = {key: {name: named(values[name]) for name in sorted(values)} for key, values in self.by.items()}
        return {**named(self.total), "by": by}
