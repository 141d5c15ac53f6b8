"""What a reader hands on: text or bytes with their place, before anything was checked.

Readers only take things out of archives; whether a candidate becomes a document is decided in `readers`,
by the rules of `cleaning`, the same for every reader.
"""

import re
from dataclasses import dataclass

from assay.corpus.archive import Archive, chosen
from assay.corpus.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A document before cleaning."""

    path: str
    """Place inside the source."""
    group: str
    """The reader's own unit of the held-out split."""
    data: str | bytes
    """Bytes are still to be decoded."""
    language: str = "English"
    """For files of code and markup found out later, from the path and the text."""
    licence: str | None = None
    """Its own; None: the source's or the archive's."""
    fault: str | None = None
    """Set where the reader itself could not make sense of the place."""


def members(source: Source, archive: Archive) -> list[str]:
    """The files of the source, sorted."""
    return chosen(archive.names(), source.files, source.exclude)


def group_of(source: Source, path: str, own: str) -> str:
    """The first group of the source's expression where it is found in ``path`` and not empty; else the
    reader's ``own``."""
    found = re.search(source.group, path) if source.group is not None else None
    return found.group(1) or own if found else own
