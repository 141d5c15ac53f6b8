"""A large source in parts that are read side by side: which of its members belong to each.

The cut follows from the members' names and sizes alone, never from the number of workers, so that it is the same
everywhere and a file added at the end leaves the parts before it as they were.
"""

from pathlib import Path

from assay.corpus.chosen import chosen
from assay.corpus.folder import Folder
from assay.corpus.source import Source
from assay.errors import InputError, StepError

PART_BYTES = 16_000_000
"""Stored bytes at which a part is full; a member is never divided."""
_PARTED = ("files", "records", "notebooks", "doctests")


def parts_of(source: Source, base: Path) -> list[tuple[str, ...] | None]:
    """The members of each part, in order; a single None where the source is read as a whole.

    Args:
        source: What is read.
        base: Folder that a relative path starts from.

    Raises:
        InputError: A local path that is not there, or holds nothing that the patterns choose.
    """
    if source.path is None or source.reader not in _PARTED or source.megabytes is not None:
        return [None]
    try:
        folder = Folder(source.path, base)
    except StepError as problem:
        raise InputError(f"source {source.name}: {problem}") from None
    try:
        names = chosen(folder.names(), source.files, source.exclude)
        if not names:
            raise InputError(f"source {source.name}: nothing in {source.path} for {', '.join(source.files)}")
        parts: list[list[str]] = [[]]
        size = 0
        for name in names:
            if size >= PART_BYTES:
                parts.append([])
                size = 0
            parts[-1].append(name)
            size += folder.size(name)
        return [tuple(part) for part in parts]
    finally:
        folder.close()
