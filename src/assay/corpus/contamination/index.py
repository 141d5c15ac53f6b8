"""The index of all known benchmarks, opened: what documents share with it, which items of a task are left in a corpus.

One pass over the text, nothing kept between documents. Every text is looked at for runs of words; Python, and the
fenced Python of notebooks and Markdown, for runs of tokens too. Hashes are compared with all those of the index, so a
match is a match (`words` says how likely another text has the same hash); nothing is sampled.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, groupby
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from assay.corpus import versions
from assay.corpus.contamination import python_tokens, words
from assay.corpus.contamination.benchmarks import Part
from assay.corpus.contamination.found import LEAST_SHARE, Found, Matches, counts, is_contaminated
from assay.corpus.contamination.table import Table
from assay.errors import StepError

EXCERPT = 200
"""Characters of an excerpt."""
BATCH = 16_000_000
"""Characters that are looked at in one go."""

_PARTS: tuple[Part, ...] = get_args(Part)
_WITH_PYTHON = frozenset({"Jupyter Notebook", "Markdown"})
_FENCED = re.compile(r"^```+[ \t]*(?:i?python3?|py)\b[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL | re.IGNORECASE)


class Index:
    """The index in a folder, memory-mapped; it may be shared by threads and is read only."""

    def __init__(self, folder: Path) -> None:
        """Open what `build.build_index` wrote; raises StepError where it is not there, damaged or of other rules."""
        try:
            about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            self._words, self._code = Table.open(folder, "words"), Table.open(folder, "code")
            self._characters = np.load(folder / "characters.npy")
            self._items, self._parts, self._sizes = (
                np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("items", "parts", "sizes")
            )
        except (OSError, ValueError) as problem:
            raise StepError(f"the index of benchmarks in {folder} cannot be opened: {problem}") from None
        if about["version"] != versions.BENCHMARKS:
            raise StepError(
                f"the index of benchmarks in {folder} is version {about['version']}, and this is {versions.BENCHMARKS}"
            )
        self.benchmarks: list[dict[str, str | int]] = [
            {name: value for name, value in benchmark.items() if name != "files"} for benchmark in about["benchmarks"]
        ]
        """For every benchmark its name (``benchmark``) and the numbers ``items``, ``indexed`` (items of which a run is
        in the index), ``too_short`` (the others), ``solutions`` and ``solutions_indexed``."""
        files = [(b["benchmark"], label, count) for b in about["benchmarks"] for label, count in b["files"].items()]
        self._files = [(benchmark, label) for benchmark, label, _ in files]
        self._firsts = [0, *accumulate(count for _, _, count in files)]

    def match(self, texts: Sequence[str], languages: Sequence[str]) -> Matches:
        """What documents share with the benchmarks.

        Args:
            texts: The documents.
            languages: The language of each, as ``Document.language`` has it.
        """
        documents, grams = [np.empty(0, np.int32)], [np.empty(0, np.uint64)]
        found: list[tuple[Found, int]] = []
        for first, batch in _batches(texts):
            numbers, hashes, places = words.candidates(batch, self._characters, self._words.sieve)
            known = _known(self._words, numbers, hashes, places)
            documents.append(known[0] + np.int32(first))
            grams.append(self._words.hashes[known[1]])
            found += self._found(self._words, known, batch, first)
            code = [_python(text, languages[first + number]) for number, text in enumerate(batch)]
            numbers, hashes, places = python_tokens.candidates(code, self._code.sieve)
            found += self._found(self._code, _known(self._code, numbers, hashes, places), code, first)
        found.sort(key=_item)
        best = [_best([one for one, _ in same]) for _, same in groupby(found, key=_item)]
        return Matches(np.concatenate(documents), np.concatenate(grams), best)

    def _found(
        self,
        table: Table,
        known: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]],
        texts: Sequence[str],
        first: int,
    ) -> Iterator[tuple[Found, int]]:
        """A find for every document and piece, with the number of the item."""
        documents, entries, places = known
        ends = np.searchsorted(table.hashes, table.hashes[entries], side="right")
        each = ends - entries
        within = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
        owners = table.owners[np.repeat(entries, each) + within]
        documents, places = np.repeat(documents, each), np.repeat(places, each)
        order = np.lexsort((places, owners, documents))
        documents, owners, places = documents[order], owners[order], places[order]
        new = np.ones(len(order), bool)
        new[1:] = (documents[1:] != documents[:-1]) | (owners[1:] != owners[:-1])
        starts = np.flatnonzero(new)
        runs = np.diff(np.append(starts, len(order)))
        encoded: tuple[int, bytes] = (-1, b"")
        for start, count in zip(starts.tolist(), runs.tolist(), strict=True):
            document, piece = int(documents[start]), int(owners[start])
            item = int(self._items[piece])
            file = bisect_right(self._firsts, item) - 1
            benchmark, label = self._files[file]
            if encoded[0] != document:
                encoded = (document, texts[document].encode("utf-8", "replace"))
            yield (
                Found(
                    document=first + document,
                    benchmark=benchmark,
                    item=f"{label} {item - self._firsts[file]}",
                    how="words" if table is self._words else "code",
                    part=_PARTS[self._parts[piece]],
                    runs=count,
                    share=count / int(self._sizes[piece]),
                    answers=0,
                    excerpt=_excerpt(encoded[1], int(places[start])),
                ),
                item,
            )

    def grams_of(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
        """The known runs of words of some texts: position of the text, ascending, and hash; each pair once."""
        known = _known(self._words, *words.candidates(texts, self._characters, self._words.sieve))
        return known[0], self._words.hashes[known[1]]


def open_index(folder: Path) -> Index:
    """The index in ``folder``; raises StepError where there is none, or one of other rules."""
    return Index(folder)


def contaminated(texts: Sequence[str], index: Index, left: NDArray[np.uint64]) -> list[bool | None]:
    """Whether items of a task are still in a corpus.

    Args:
        texts: For every item its context and choices, in any format of prompt.
        index: The index.
        left: Sorted hashes of the runs of the index that the training documents hold, those dropped left out.

    Returns:
        For every item True where one of its runs is left, False where the index knows runs of it and none is left,
        None where it knows none: the item is too short, or of a benchmark that is not in the index.
    """
    numbers, hashes = index.grams_of(texts)
    verdicts: list[bool | None] = [None] * len(texts)
    for number in numbers.tolist():
        verdicts[number] = False
    for number in numbers[np.isin(hashes, left)].tolist():
        verdicts[number] = True
    return verdicts


def report(found: Iterable[Found], index: Index) -> list[dict[str, str | int]]:
    """A row for every benchmark of the index, also where nothing was found; the columns are those of
    ``Index.benchmarks`` and of `found.counts`. ``document`` must be unique among all that were matched."""
    return counts(found, index.benchmarks)


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Stretches of the texts of about ``BATCH`` characters, each with the number of its first text."""
    first = size = 0
    for number, text in enumerate(texts):
        if size and size + len(text) > BATCH:
            yield first, texts[first:number]
            first, size = number, 0
        size += len(text)
    if first < len(texts):
        yield first, texts[first:]


def _known(
    table: Table, numbers: NDArray[np.int32], hashes: NDArray[np.uint64], places: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Of the candidates those in the table: text, place in the table and first byte, each run once a text."""
    entries = table.first(hashes)
    known = np.flatnonzero(entries >= 0)
    known = known[np.lexsort((places[known], entries[known], numbers[known]))]
    numbers, entries, places = numbers[known], entries[known], places[known]
    new = np.ones(len(known), bool)
    new[1:] = (numbers[1:] != numbers[:-1]) | (entries[1:] != entries[:-1])
    return numbers[new], entries[new], places[new]


def _python(text: str, language: str) -> str:
    """The Python of a document: all of it, the fenced blocks, or none."""
    if language == "Python":
        return text
    return "\n".join(_FENCED.findall(text)) if language in _WITH_PYTHON else ""


def _item(one: tuple[Found, int]) -> tuple[int, int]:
    return one[0].document, one[1]


def _best(same: list[Found]) -> Found:
    """Of the finds of one item in one document the one that says most."""
    answers = sum(one.part == "answer" and one.share >= LEAST_SHARE for one in same)
    same = [replace(one, answers=answers) for one in same]
    return max(same, key=lambda one: (is_contaminated(one), one.share, one.runs, one.part, one.excerpt))


def _excerpt(data: bytes, at: int) -> str:
    """What stands in the document from the match on."""
    return " ".join(data[at : at + 4 * EXCERPT].decode("utf-8", "ignore").split())[:EXCERPT]
