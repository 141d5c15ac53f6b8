"""From the documents of its sources to an ingredient: contaminated and double documents dropped, groups held out.

What is known of each document was worked out before (`marks`), so that here only arrays are looked at and rows are
copied, one row group at a time: an ingredient of any size is put together in bounded memory. A document is dropped for
the first of these reasons: it holds an item of a benchmark; its text, white space aside, stands earlier in this
ingredient or in one that it is compared with; it is nearly such a text. The later one loses, is listed with the reason
and with what it doubles, and kept beside. The split comes last, so no held-out document has a near double in training.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.corpus.archive import WheelArchive
from assay.corpus.contamination.found import Found, is_contaminated
from assay.corpus.contamination.index import Index, open_index
from assay.corpus.document import DOCUMENTS, DROPPED, write_documents
from assay.corpus.generators import generate_instruct, generate_math
from assay.corpus.identity import records_file
from assay.corpus.ingredient import Ingredient, MathGenerator, SyntheticGenerator
from assay.corpus.made_of import make_of
from assay.corpus.marks import FOUND, Marks, load_marks, mark
from assay.corpus.near import BANDS, REASONS, ROWS, Seen, find, seen
from assay.corpus.recipe import Recipe
from assay.corpus.split import Count, heldout_groups
from assay.corpus.synthesis.layouts import documents
from assay.corpus.synthesis.record import read_records
from assay.errors import StepError

CONTAMINATED = "contaminated"
_FOUND = pa.schema(
    [
        ("source", pa.string()),
        ("path", pa.string()),
        ("dropped", pa.bool_()),
        *(field for field in FOUND if field.name != "document"),
    ]
)


@dataclass(frozen=True)
class Part:
    """Documents of one source, or of one part of it."""

    source: str
    documents: Path
    """The Parquet file."""
    marks: Marks
    dropped: Path | None = None
    """What was dropped when they were read."""
    masked: Path | None = None
    """What was masked then, counted."""


def build_ingredient(
    recipe: Recipe,
    name: str,
    parts: Sequence[tuple[str, Path, Path]],
    earlier: Iterable[Path],
    parents: Mapping[str, Path],
    packages: Mapping[str, Path],
    index: Path | None,
    out: Path,
    problems: Sequence[Path] = (),
) -> dict[str, Any]:
    """Build one ingredient into the folder ``out``.

    Writes ``train.parquet``, ``heldout.parquet``, ``dropped.parquet`` (what the sources dropped, then what was dropped
    here), ``content.npy`` and ``bands.npy`` (sketches of every document kept, see `near.Seen`), ``grams.npy`` (uint64,
    sorted: n-grams of the benchmark index that the training documents still hold), ``found.parquet`` (matches with
    benchmarks) and ``summary.json``. The same inputs give the same bytes.

    Args:
        recipe: Where the ingredient is declared.
        name: Of the ingredient.
        parts: (source, folder of documents, folder of marks), in order.
        earlier: Folders of the ingredients of ``recipe.compared_with(name)``.
        parents: Folder of the ingredient it is ``from``, by name.
        packages: Files of the packages that a generator reads, by name.
        index: Folder of the benchmark index; None: nothing is compared with it.
        out: An existing folder.
        problems: Folders of verified problems, for the generator that writes them.

    Returns:
        What ``summary.json`` holds: ``train`` and ``heldout`` with ``documents``, ``bytes`` of UTF-8 and ``by``
        source, kind, language and licence; ``heldout.groups`` by source; ``dropped`` by reason; ``masked``, secrets and
        personal data by placeholder, in all documents read, those dropped later too; ``benchmarks``
        with the documents found and dropped by benchmark; ``near``, how near duplicates were looked for.

    Raises:
        StepError: A generator cannot run or a file cannot be written.
    """
    ingredient = recipe.ingredients[name]
    opened = open_index(index) if index is not None else None
    try:
        if ingredient.is_selection:
            summary = _make_selection(recipe, ingredient, parents, opened, out)
        else:
            if ingredient.generator is None:
                read = [
                    Part(
                        source,
                        documents / "documents.parquet",
                        load_marks(marks),
                        documents / "dropped.parquet",
                        documents / "masked.json",
                    )
                    for source, documents, marks in parts
                ]
            else:
                read = [_generate(recipe, ingredient, parents, packages, problems, opened, out)]
            summary = _put_together(recipe, ingredient, read, earlier, out)
            if ingredient.generator is not None:
                read[0].documents.unlink()
        summary["near"] = {"bands": BANDS, "rows": ROWS}
        text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
        (out / "summary.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise StepError(f"cannot write to {out}: {error.strerror or error}") from error
    return summary


def _generate(
    recipe: Recipe,
    ingredient: Ingredient,
    parents: Mapping[str, Path],
    packages: Mapping[str, Path],
    problems: Sequence[Path],
    index: Index | None,
    out: Path,
) -> Part:
    """Documents that a generator makes, in a file that is not part of the ingredient."""
    generator = ingredient.generator
    assert generator is not None, "only generators generate"
    made = out / "made.parquet"
    if isinstance(generator, MathGenerator):
        package = packages[generator.package]
        archive = WheelArchive(package)
        licence = archive.licence()
        archive.close()
        write_documents(made, generate_math(generator, package, generator.name, licence))
    elif isinstance(generator, SyntheticGenerator):
        files = [folder / "records.parquet" for folder in problems]
        files += [records_file(recipe, one) for one in generator.records]
        records = (record for file in files for record in read_records(file))
        written = documents(records, generator.layouts, generator.name, generator.seed, every=generator.every_layout)
        write_documents(made, written)
    else:
        assert ingredient.from_ is not None, "the recipe checks it"
        readers = {source: recipe.sources[source].reader for source in generator.sources}
        write_documents(made, generate_instruct(generator, readers, parents[ingredient.from_], generator.name))
    return Part(generator.name, made, mark(made, index))


def _put_together(
    recipe: Recipe, ingredient: Ingredient, parts: Sequence[Part], earlier: Iterable[Path], out: Path
) -> dict[str, Any]:
    begins = np.cumsum([0, *(len(part.marks.content) for part in parts)])
    content = np.concatenate([np.empty(0, np.uint64), *(part.marks.content for part in parts)])
    bands = np.concatenate([np.empty((0, BANDS), np.uint64), *(part.marks.bands for part in parts)])
    contaminated: dict[int, Found] = {}
    for part, begin in zip(parts, begins, strict=False):
        for one in part.marks.found:
            if is_contaminated(one):
                contaminated.setdefault(int(begin) + one.document, one)
    eligible = np.ones(len(content), np.bool_)
    eligible[list(contaminated)] = False
    reason, double_of = find(content, bands, eligible, [Seen.load(folder) for folder in earlier])
    kept = eligible & (reason == 0)
    held = _heldout(recipe, ingredient, parts)
    paths = _Paths(parts, begins)
    train, heldout, lost = Count(), Count(), _Lost()
    trained = np.zeros(len(content), np.bool_)
    groups: dict[str, set[str]] = {}
    with (
        pq.ParquetWriter(out / "train.parquet", DOCUMENTS, compression="zstd", write_statistics=False) as train_file,
        pq.ParquetWriter(
            out / "heldout.parquet", DOCUMENTS, compression="zstd", write_statistics=False
        ) as heldout_file,
        pq.ParquetWriter(out / "dropped.parquet", DROPPED, compression="zstd", write_statistics=False) as dropped_file,
    ):
        for part in parts:
            for table in _tables(part.dropped) if part.dropped else ():
                lost.add(table)
                dropped_file.write_table(table)
        for part, begin in zip(parts, begins, strict=False):
            place = int(begin)
            for table in _tables(part.documents):
                here = slice(place, place + table.num_rows)
                is_held = np.asarray(pc.is_in(table["group"], pa.array(sorted(held[part.source]), pa.string())))
                for mask, file, count in (
                    (kept[here] & ~is_held, train_file, train),
                    (kept[here] & is_held, heldout_file, heldout),
                ):
                    rows = table.filter(pa.array(mask))
                    if rows.num_rows:
                        count.add(rows)
                        if file is heldout_file:
                            groups.setdefault(part.source, set()).update(rows["group"].unique().to_pylist())
                        file.write_table(rows, row_group_size=rows.num_rows)
                trained[here] = kept[here] & ~is_held
                gone = np.flatnonzero(~kept[here])
                if len(gone):
                    why = [_why(int(place + row), contaminated, reason, double_of, paths) for row in gone]
                    rows = _dropped_rows(table.take(pa.array(gone)), why)
                    lost.add(rows)
                    dropped_file.write_table(rows, row_group_size=rows.num_rows)
                place += table.num_rows
    kept_sketches = seen(content, bands, kept)
    kept_sketches.save(out)
    np.save(out / "grams.npy", _grams_left(parts, begins, trained))
    benchmarks = _write_found(parts, begins, paths, contaminated, out)
    return {
        "train": train.as_dict(),
        "heldout": {**heldout.as_dict(), "groups": {source: sorted(groups[source]) for source in sorted(groups)}},
        "dropped": lost.as_dict(),
        "masked": _masked(parts),
        "benchmarks": benchmarks,
    }


def _masked(parts: Sequence[Part]) -> dict[str, int]:
    """What was masked in the documents that were read, by placeholder."""
    whole: Counter[str] = Counter()
    for part in parts:
        if part.masked is not None:
            whole.update(json.loads(part.masked.read_text(encoding="utf-8")))
    return dict(sorted(whole.items()))


def _make_selection(
    recipe: Recipe, ingredient: Ingredient, parents: Mapping[str, Path], index: Index | None, out: Path
) -> dict[str, Any]:
    """What is made of another ingredient's documents, each split of its own."""
    assert ingredient.from_ is not None, "a selection has a parent"
    parent = parents[ingredient.from_]
    sources = recipe.sources_of(ingredient.name)
    make_of(ingredient, sources, parent, out)
    train, heldout, lost = Count(), Count(), _Lost()
    for count, file in ((train, "train.parquet"), (heldout, "heldout.parquet")):
        for table in _tables(out / file):
            count.add(table)
    for table in _tables(out / "dropped.parquet"):
        lost.add(table)
    marks = mark(out / "train.parquet", index)
    held_marks = mark(out / "heldout.parquet", None)
    content = np.concatenate([marks.content, held_marks.content])
    kept: Seen = seen(content, np.concatenate([marks.bands, held_marks.bands]), np.ones(len(content), np.bool_))
    kept.save(out)
    np.save(out / "grams.npy", np.unique(marks.grams))
    part = Part(ingredient.name, out / "train.parquet", marks)
    begins = np.array([0, len(marks.content)])
    benchmarks = _write_found([part], begins, _Paths([part], begins), {}, out)
    groups = json.loads((parent / "summary.json").read_text(encoding="utf-8"))["heldout"]["groups"]
    return {
        "train": train.as_dict(),
        "heldout": {**heldout.as_dict(), "groups": {name: groups[name] for name in sources if name in groups}},
        "dropped": lost.as_dict(),
        "masked": {},
        "benchmarks": benchmarks,
    }


def _heldout(recipe: Recipe, ingredient: Ingredient, parts: Sequence[Part]) -> dict[str, set[str]]:
    """The groups of each source that are held out."""

    def groups(source: str) -> Iterator[str]:
        for part in parts:
            if part.source == source:
                for batch in pq.ParquetFile(part.documents).iter_batches(columns=["group"]):
                    yield from batch.column(0).unique().to_pylist()

    return {
        source: heldout_groups(
            groups(source),
            recipe.sources[source].origin if source in recipe.sources else source,
            ingredient.heldout or 0.0,
            source in ingredient.heldout_sources,
        )
        for source in dict.fromkeys(part.source for part in parts)
    }


def _tables(path: Path) -> Iterator[pa.Table]:
    """The row groups of a file, one at a time."""
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number)


class _Paths:
    """Source and path of every document, by its place in the ingredient before anything was dropped."""

    def __init__(self, parts: Sequence[Part], begins: npt.NDArray[np.int64]) -> None:
        self._parts, self._begins = parts, begins
        self._columns: dict[int, pa.ChunkedArray] = {}

    def of(self, document: int) -> tuple[str, str]:
        """(source, path)."""
        number = int(np.searchsorted(self._begins, document, side="right")) - 1
        if number not in self._columns:
            self._columns[number] = pq.read_table(self._parts[number].documents, columns=["source", "path"])
        table = self._columns[number]
        row = document - int(self._begins[number])
        return table["source"][row].as_py(), table["path"][row].as_py()


def _why(
    document: int,
    contaminated: Mapping[int, Found],
    reason: npt.NDArray[np.int8],
    double_of: npt.NDArray[np.int64],
    paths: _Paths,
) -> tuple[str, str]:
    """(reason, detail) of a document that is dropped here."""
    if document in contaminated:
        one = contaminated[document]
        return CONTAMINATED, f"{one.share:.0%} of the {one.part} of {one.benchmark} {one.item}"
    double = int(double_of[document])
    return REASONS[int(reason[document])], "of {}:{}".format(*paths.of(double)) if double >= 0 else ""


def _dropped_rows(documents: pa.Table, why: Sequence[tuple[str, str]]) -> pa.Table:
    columns = {name: documents[name] for name in ("source", "path", "kind", "language", "text")}
    columns["bytes"] = pc.cast(pc.binary_length(documents["text"]), pa.int64())
    columns["reason"] = pa.array([reason for reason, _ in why], pa.string())
    columns["detail"] = pa.array([detail for _, detail in why], pa.string())
    return pa.table({name: columns[name] for name in DROPPED.names}, schema=DROPPED)


class _Lost:
    """Documents and bytes dropped, by reason."""

    def __init__(self) -> None:
        self.reasons: dict[str, list[int]] = {}

    def add(self, table: pa.Table) -> None:
        sums = table.group_by("reason").aggregate([("bytes", "sum"), ([], "count_all")])
        for row in sums.to_pylist():
            entry = self.reasons.setdefault(row["reason"], [0, 0])
            entry[0] += row["count_all"]
            entry[1] += row["bytes_sum"]

    def as_dict(self) -> dict[str, dict[str, int]]:
        return {
            name: dict(zip(("documents", "bytes"), self.reasons[name], strict=True)) for name in sorted(self.reasons)
        }


def _grams_left(
    parts: Sequence[Part], begins: npt.NDArray[np.int64], trained: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint64]:
    """N-grams of the index, sorted, that training documents hold."""
    left = [
        part.marks.grams[trained[begin + part.marks.grams_document]] for part, begin in zip(parts, begins, strict=False)
    ]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *left]))


def _write_found(
    parts: Sequence[Part],
    begins: npt.NDArray[np.int64],
    paths: _Paths,
    contaminated: Mapping[int, Found],
    out: Path,
) -> dict[str, dict[str, int]]:
    """Write the matches; returns, by benchmark, the items found and the documents dropped."""
    rows: list[dict[str, Any]] = []
    items: dict[str, set[str]] = {}
    dropped: dict[str, set[int]] = {}
    for part, begin in zip(parts, begins, strict=False):
        for one in part.marks.found:
            document = int(begin) + one.document
            source, path = paths.of(document)
            is_dropped = document in contaminated
            rows.append({**asdict(one), "source": source, "path": path, "dropped": is_dropped})
            items.setdefault(one.benchmark, set()).add(one.item)
            if is_dropped:
                dropped.setdefault(one.benchmark, set()).add(document)
    pq.write_table(pa.Table.from_pylist(rows, _FOUND), out / "found.parquet", compression="zstd")
    return {
        name: {"items": len(items[name]), "documents_dropped": len(dropped.get(name, ()))} for name in sorted(items)
    }
