"""From a source of the recipe to its documents: open the archive, read, clean, and say what was dropped.

The table `READERS` is the whole choice of readers; each has a version that is part of every identity, to be
raised when its output changes. Documents come in a fixed order (members sorted, records as in their file),
and a source is read without looking at any other, so sources can be read side by side.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from assay.corpus import code, prose
from assay.corpus.archive import STDLIB, Archive, StandardLibrary, WheelArchive
from assay.corpus.candidate import Candidate, group_of
from assay.corpus.cleaning import Unfit, check_code, check_length, decode
from assay.corpus.document import Document, Dropped, write_documents, write_dropped
from assay.corpus.recipe import Source
from assay.errors import StepError


class ReaderEntry(NamedTuple):
    """A reader and the version of what it yields."""

    read: Callable[[Source, Archive], Iterator[Candidate]]
    version: int


READERS: dict[str, ReaderEntry] = {
    "files": ReaderEntry(code.read_files, 1),
    "articles": ReaderEntry(prose.read_articles, 1),
    "factbook": ReaderEntry(prose.read_factbook, 1),
    "plays": ReaderEntry(prose.read_plays, 1),
    "recipes": ReaderEntry(prose.read_recipes, 1),
    "papers": ReaderEntry(prose.read_papers, 1),
    "abstracts": ReaderEntry(prose.read_abstracts, 1),
    "notebooks": ReaderEntry(code.read_notebooks, 1),
    "doctests": ReaderEntry(code.read_doctests, 1),
}


def read_source(source: Source, wheels: Mapping[str, Path]) -> Iterator[Document | Dropped]:
    """The documents of a source and what was dropped, in a fixed order.

    Args:
        source: What to read and how.
        wheels: Name of a wheel to its file; the standard library needs none.

    Raises:
        StepError: A file cannot be opened or is larger than allowed, or nothing in it matches ``files``, or
            its records are not of the shape the reader knows.
    """
    if source.wheel == STDLIB:
        yield from _read(source, StandardLibrary())
        return
    archive = WheelArchive(wheels[source.wheel])
    try:
        yield from _read(source, archive)
    finally:
        archive.close()


def _read(source: Source, archive: Archive) -> Iterator[Document | Dropped]:
    licence = source.licence or archive.licence()
    found = False
    try:
        for candidate in READERS[source.reader].read(source, archive):
            found = True
            yield _judge(source, candidate, licence)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StepError(
            f"source {source.name}: reader {source.reader} cannot make sense of {source.wheel} "
            f"({type(error).__name__}: {error})"
        ) from error
    if not found:
        raise StepError(f"source {source.name}: nothing in {source.wheel} for {', '.join(source.files)}")


def _judge(source: Source, candidate: Candidate, licence: str) -> Document | Dropped:
    data = candidate.data
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    is_code = source.kind in ("code", "markup")
    language = "unknown" if is_code else candidate.language
    try:
        if candidate.fault:
            raise Unfit(candidate.fault, language)
        text = decode(data)
        check_length(text, language)
        if is_code:
            language = check_code(source.kind, candidate.path, text)
    except Unfit as fault:
        return Dropped(
            source=source.name,
            path=candidate.path,
            kind=source.kind,
            language=fault.language if fault.language != "unknown" else language,
            bytes=len(data),
            reason=str(fault),
        )
    return Document(
        text=text,
        source=source.name,
        path=candidate.path,
        group=group_of(source, candidate.path, candidate.group),
        kind=source.kind,
        language=language,
        licence=licence,
    )


def build_source(source: Source, wheels: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Read a source into ``out/documents.parquet`` and ``out/dropped.parquet``; returns the counts.

    Returns:
        ``{"documents": n, "bytes": n, "dropped": n}``, bytes of UTF-8.

    Raises:
        StepError: As :func:`read_source`, or the files cannot be written.
    """
    dropped: list[Dropped] = []
    size = 0

    def kept() -> Iterator[Document]:
        nonlocal size
        for item in read_source(source, wheels):
            if isinstance(item, Dropped):
                dropped.append(item)
            else:
                size += len(item.text.encode())
                yield item

    documents = write_documents(out / "documents.parquet", kept())
    write_dropped(out / "dropped.parquet", dropped)
    return {"documents": documents, "bytes": size, "dropped": len(dropped)}
