"""What is known of every document before an ingredient is put together: its sketch, and what it holds of benchmarks.

Both are functions of the text alone, so they are worked out where the documents were read, a part of a source at a
time and side by side; putting an ingredient together is then a matter of arrays (`build`). Nothing is decided here.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from assay.corpus.contamination.found import Found
from assay.corpus.contamination.index import Index
from assay.corpus.document import Document, read_documents
from assay.corpus.near import BANDS, sketch

BATCH_CHARACTERS = 8_000_000
FOUND = pa.schema(
    [
        ("document", pa.int64()),
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("how", pa.string()),
        ("part", pa.string()),
        ("runs", pa.int64()),
        ("share", pa.float64()),
        ("answers", pa.int64()),
        ("excerpt", pa.string()),
    ]
)
"""Columns of a file of matches with benchmarks: the fields of `Found`."""


@dataclass(frozen=True)
class Marks:
    """Of the documents of one file, in their order."""

    content: npt.NDArray[np.uint64]
    """[documents] hash of the text; see `near.Sketches`."""
    bands: npt.NDArray[np.uint64]
    """[documents, BANDS]."""
    grams_document: npt.NDArray[np.int64]
    """[m] document that holds an n-gram of the benchmark index."""
    grams: npt.NDArray[np.uint64]
    """[m] that n-gram."""
    found: list[Found] = field(default_factory=list)
    """Items of benchmarks that documents hold, wholly or in part."""

    def save(self, folder: Path) -> None:
        """Write into a folder."""
        np.save(folder / "content.npy", self.content)
        np.save(folder / "bands.npy", self.bands)
        np.save(folder / "grams_document.npy", self.grams_document)
        np.save(folder / "grams.npy", self.grams)
        pq.write_table(
            pa.Table.from_pylist([asdict(one) for one in self.found], FOUND),
            folder / "found.parquet",
            compression="zstd",
        )


def load_marks(folder: Path) -> Marks:
    """Read what :meth:`Marks.save` wrote; the arrays are memory-mapped."""
    content, bands, where, grams = (
        np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in ("content", "bands", "grams_document", "grams")
    )
    found = [Found(**row) for row in pq.read_table(folder / "found.parquet").to_pylist()]
    return Marks(content, bands, where, grams, found)


def mark(documents: Path, index: Index | None) -> Marks:
    """Marks of a file of documents.

    Args:
        documents: As `document.write_documents` leaves them.
        index: Of the benchmarks; None: nothing is compared with any.
    """
    content, bands, where, grams = [], [], [], []
    found: list[Found] = []
    begin = 0
    for batch in _batches(read_documents(documents)):
        texts = [document.text for document in batch]
        sketches = sketch(texts)
        content.append(sketches.content)
        bands.append(sketches.bands)
        if index is not None:
            matches = index.match(texts, [document.language for document in batch])
            where.append(matches.grams_document.astype(np.int64) + begin)
            grams.append(matches.grams)
            found += [replace(one, document=one.document + begin) for one in matches.found]
        begin += len(batch)
    return Marks(
        np.concatenate([np.empty(0, np.uint64), *content]),
        np.concatenate([np.empty((0, BANDS), np.uint64), *bands]),
        np.concatenate([np.empty(0, np.int64), *where]),
        np.concatenate([np.empty(0, np.uint64), *grams]),
        found,
    )


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    iterator = iter(documents)
    while batch := list(_batch(iterator)):
        yield batch


def _batch(documents: Iterator[Document]) -> Iterator[Document]:
    size = 0
    for document in itertools.islice(documents, 8192):
        yield document
        size += len(document.text)
        if size >= BATCH_CHARACTERS:
            return
