"""From a source of the recipe to its documents: open, read, judge, and say what was dropped.

The whole choice of readers is the table `versions.READERS`. Documents come in a fixed order (members sorted, records as
in their file), and a source is read without looking at any other, so sources, and the parts of a large one, can be read
side by side. Rules are asked in batches because some of them (`text_quality`, `natural_language`) are fast only so.
"""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from assay.corpus import versions
from assay.corpus.archive import PartOf, open_archive
from assay.corpus.candidate import Candidate, group_of
from assay.corpus.chosen import chosen
from assay.corpus.cleaning import Unfit, check_code, check_length, decode
from assay.corpus.document import Document, Dropped, RowWriter
from assay.corpus.licences import in_file, is_permissive, spdx
from assay.corpus.local_files import NOT_ENTERED
from assay.corpus.source import Source
from assay.errors import StepError

BATCH_CHARACTERS = 4_000_000
BATCH_DOCUMENTS = 1024
_FILES_OF_CODE = ("code", "markup")


def read_source(
    source: Source,
    packages: Mapping[str, Path],
    base: Path,
    names: Sequence[str] | None = None,
    first: bool = True,
    masked: Counter[str] | None = None,
) -> Iterator[Document | Dropped]:
    """The documents of a source and what was dropped, in a fixed order.

    Args:
        source: What to read and how.
        packages: Name of a package to its file; the standard library needs none.
        base: Folder that a relative ``path`` starts from.
        names: The members of one part of it; None: all.
        first: Whether it is the first part, which also tells of what could not be listed: links, unsafe names.
        masked: Counts, by placeholder, what was masked.

    Raises:
        StepError: It cannot be opened, nothing in it matches ``files``, or its records are not of the shape the reader
            knows.
    """
    left = (source.megabytes or float("inf")) * 1e6
    found = False
    try:
        for batch in _batches(_candidates(source, packages, base, names, first)):
            found = True
            for item in _judged(source, batch, masked):
                yield item
                if isinstance(item, Document):
                    left -= len(item.text.encode())
                    if left <= 0:
                        return
    except Unfit as fault:
        raise StepError(f"source {source.name}: a file of {source.where} cannot be read: {fault}") from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StepError(
            f"source {source.name}: reader {source.reader} cannot make sense of {source.where} "
            f"({type(error).__name__}: {error})"
        ) from error
    if not found and names is None:
        raise StepError(f"source {source.name}: nothing in {source.where} for {', '.join(source.files)}")


def _candidates(
    source: Source, packages: Mapping[str, Path], base: Path, names: Sequence[str] | None, first: bool
) -> Iterator[tuple[Candidate, str]]:
    """What the reader yields, and the licence of its place."""
    licence = source.licence or "unknown"
    if source.hub is not None:
        from assay.corpus.hub import read_hub

        yield from ((candidate, licence) for candidate in read_hub(source))
        return
    read = _function(versions.READERS[source.reader].function)
    if source.reader == "commits":
        yield from ((candidate, licence) for candidate in read(source, base / (source.path or "")))
        return
    archive = open_archive(source, packages, base)
    try:
        licence = source.licence or archive.licence()
        left_out = dict(archive.left_out() if first else ())
        wanted = set(chosen(sorted(left_out), source.files, source.exclude))
        for name in sorted(name for name, reason in left_out.items() if name in wanted or reason in NOT_ENTERED):
            yield Candidate(path=name, group=name, data="", fault=left_out[name]), licence
        if source.reader == "releases":
            before = open_archive(source.model_copy(update={"package": source.before}), packages, base)
            try:
                yield from ((candidate, licence) for candidate in read(source, before, archive))
            finally:
                before.close()
        else:
            part = archive if names is None else PartOf(archive, names)
            yield from ((candidate, licence) for candidate in read(source, part))
    finally:
        archive.close()


def _function(name: str) -> Callable[..., Iterator[Candidate]]:
    module, _, function = name.partition(":")
    found: Callable[..., Iterator[Candidate]] = getattr(import_module(module), function)
    return found


def _batches(candidates: Iterator[tuple[Candidate, str]]) -> Iterator[list[tuple[Candidate, str]]]:
    while batch := list(_batch(candidates)):
        yield batch


def _batch(candidates: Iterator[tuple[Candidate, str]]) -> Iterator[tuple[Candidate, str]]:
    size = 0
    for pair in itertools.islice(candidates, BATCH_DOCUMENTS):
        yield pair
        size += len(pair[0].data)
        if size >= BATCH_CHARACTERS:
            return


def _judged(
    source: Source, batch: Sequence[tuple[Candidate, str]], masked: Counter[str] | None
) -> list[Document | Dropped]:
    """The batch's documents and what was dropped of it, in order."""
    judged: list[Document | Dropped] = [_judge(source, candidate, licence) for candidate, licence in batch]
    _drop(judged, lambda texts: _broken_rules(source, texts))
    if source.clean.natural_language is not None:
        from assay.corpus import natural_language

        language, least = source.clean.natural_language, source.clean.natural_language_least
        _drop(judged, lambda texts: natural_language.faults(texts, language, least))
    if source.clean.mask:
        from assay.corpus.secrets import mask

        for place, item in enumerate(judged):
            if isinstance(item, Document):
                text, found = mask(item.text)
                if found:
                    judged[place] = replace(item, text=text)
                    if masked is not None:
                        masked.update(found)
    return judged


def _broken_rules(source: Source, texts: Sequence[str]) -> list[str | None]:
    rules = [rule for rule in source.clean.rules if rule not in ("starcoder", "parses")]
    if not rules:
        return [None] * len(texts)
    from assay.corpus import text_quality

    return text_quality.faults(texts, rules)


def _drop(judged: list[Document | Dropped], faults: Callable[[Sequence[str]], list[str | None]]) -> None:
    """Replace, in place, the documents that ``faults`` gives a reason for."""
    kept = [(place, item) for place, item in enumerate(judged) if isinstance(item, Document)]
    for (place, item), fault in zip(kept, faults([item.text for _, item in kept]), strict=True):
        if fault is not None:
            judged[place] = item.dropped(fault)


def _judge(source: Source, candidate: Candidate, licence: str) -> Document | Dropped:
    """One candidate by itself: readable, long enough, of the kind that was asked, of good code, under a licence."""
    data = candidate.data
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    is_code = source.kind in _FILES_OF_CODE
    language = "unknown" if is_code else candidate.language
    licence = _spdx(candidate.licence or licence)
    text = ""
    try:
        if candidate.fault:
            raise Unfit(candidate.fault, language)
        text = decode(data)
        check_length(text, language)
        if is_code:
            language = check_code(source.kind, candidate.path, text)
            licence = in_file(text) or licence
            _check_quality(source, candidate.path, text, language)
        if source.clean.licences == "permissive" and not is_permissive(licence):
            raise Unfit("licence is not permissive", language)
    except Unfit as fault:
        return Dropped(
            source=source.name,
            path=candidate.path,
            kind=source.kind,
            language=fault.language if fault.language != "unknown" else language,
            bytes=len(data),
            reason=str(fault),
            text=text,
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


_spdx = lru_cache(maxsize=1024)(spdx)
"""Most documents of a source have one of a few licences."""


def _check_quality(source: Source, path: str, text: str, language: str) -> None:
    clean = source.clean
    if not {"starcoder", "parses"} & set(clean.rules) and clean.comment_share is None and clean.complexity is None:
        return
    from assay.corpus.code_quality import fault

    if reason := fault(text, path, language, clean):
        raise Unfit(reason, language)


def build_source(
    source: Source,
    packages: Mapping[str, Path],
    base: Path,
    out: Path,
    names: Sequence[str] | None = None,
    first: bool = True,
) -> dict[str, Any]:
    """Read a source into ``out``: ``documents.parquet``, ``dropped.parquet`` and ``masked.json``; returns the counts.

    Returns:
        ``{"documents": n, "bytes": n, "dropped": n}``, bytes of UTF-8.

    Raises:
        StepError: As :func:`read_source`, or the files cannot be written.
    """
    size = 0
    masked: Counter[str] = Counter()
    with (
        RowWriter(out / "documents.parquet", Document) as documents,
        RowWriter(out / "dropped.parquet", Dropped) as dropped,
    ):
        for item in read_source(source, packages, base, names, first, masked):
            if isinstance(item, Dropped):
                dropped.write(item)
            else:
                size += len(item.text.encode())
                documents.write(item)
    (out / "masked.json").write_text(json.dumps(masked, sort_keys=True), encoding="utf-8")
    return {"documents": documents.written, "bytes": size, "dropped": dropped.written}
