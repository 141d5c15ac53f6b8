"""From the documents of its sources to an ingredient: exact duplicates dropped, groups held out, counts kept.

A duplicate is a document whose text, runs of white space made one space, has the same hash as an earlier one:
earlier in this ingredient, or anywhere in an ingredient that this one is compared with. The later one loses,
and is listed with the reason. A group is held out as a whole, chosen by a hash of its package and its name,
so a package held out of the code is held out of the questions about it too. Near duplicates are not looked
for, nor pieces of one document inside another.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from assay.corpus.archive import WheelArchive
from assay.corpus.document import (
    Document,
    Dropped,
    read_documents,
    read_dropped,
    write_documents,
    write_dropped,
)
from assay.corpus.generators import generate_instruct, generate_math
from assay.corpus.recipe import Ingredient, MathGenerator, Recipe
from assay.errors import StepError

VERSION = 1
"""Of the rules of deduplication and of the split."""


def content_hash(text: str) -> int:
    """First 8 bytes of the sha256 of the text with white space normalised, as an unsigned integer."""
    return int.from_bytes(hashlib.sha256(" ".join(text.split()).encode()).digest()[:8], "big")


def group_hash(package: str, group: str) -> float:
    """A number in [0, 1) that decides, against the held-out share, which split a group belongs to."""
    digest = hashlib.sha256(f"{package}\x1f{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def build_ingredient(
    recipe: Recipe,
    name: str,
    documents: Mapping[str, Path],
    earlier: Iterable[Path],
    parents: Mapping[str, Path],
    wheels: Mapping[str, Path],
    out: Path,
) -> dict[str, Any]:
    """Build one ingredient into the folder ``out``.

    Writes ``train.parquet``, ``heldout.parquet``, ``dropped.parquet`` (what the sources dropped, where a
    ``dropped.parquet`` lies beside their documents, then the duplicates), ``hashes.npy`` (uint64, sorted, of
    every document kept) and ``summary.json``. The same inputs give the same bytes.

    Args:
        recipe: Where the ingredient is declared.
        name: Of the ingredient.
        documents: Source to its documents, for every source of the ingredient; empty for the others.
        earlier: ``hashes.npy`` of the ingredients of ``recipe.compared_with(name)``.
        parents: Folder of the ingredient it is ``from``, by name.
        wheels: Files of the wheels that a generator reads, by name.
        out: An existing folder.

    Returns:
        What ``summary.json`` holds: ``train`` and ``heldout`` with ``documents``, ``bytes`` of UTF-8 and
        ``by`` source, kind, language and licence; ``heldout.groups`` by source; ``dropped`` by reason.

    Raises:
        StepError: A generator cannot run or a file cannot be written.
    """
    ingredient = recipe.ingredients[name]
    dropped: list[Dropped] = []
    seen: set[int] = set()
    held_out: list[Document] = []
    train_count = _Count()
    if ingredient.is_selection:
        stream, held = _selection(ingredient, parents)
    else:
        dropped += _dropped_by_sources(ingredient, documents)
        stream, pairs = _stream(recipe, ingredient, documents, parents, wheels)
        held = heldout_groups(recipe, ingredient, pairs)

    def train() -> Iterator[Document]:
        for item in _distinct(stream, _hashes(earlier), seen, dropped):
            if (item.source, item.group) in held:
                held_out.append(item)
            else:
                train_count.add(item)
                yield item

    write_documents(out / "train.parquet", train())
    write_documents(out / "heldout.parquet", held_out)
    write_dropped(out / "dropped.parquet", dropped)
    try:
        np.save(out / "hashes.npy", np.array(sorted(seen), dtype=np.uint64))
        summary = _summary(name, train_count, held_out, dropped)
        text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
        (out / "summary.json").write_text(text, encoding="utf-8")
    except OSError as error:
        raise StepError(f"cannot write to {out}: {error.strerror or error}") from error
    return summary


def heldout_groups(recipe: Recipe, ingredient: Ingredient, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The (source, group) pairs that are held out, among those given.

    A group is held out where its hash lies below the share; a source none of whose groups does so gives the
    one with the smallest hash; a source in ``heldout_sources`` gives all. With a share of 0 only the last.
    """
    share = ingredient.heldout or 0.0
    by_source: dict[str, dict[str, float]] = {}
    for source, group in pairs:
        package = recipe.sources[source].wheel if source in recipe.sources else source
        by_source.setdefault(source, {})[group] = group_hash(package, group)
    held: set[tuple[str, str]] = set()
    for source, hashes in by_source.items():
        if source in ingredient.heldout_sources:
            chosen = set(hashes)
        else:
            chosen = {group for group, value in hashes.items() if value < share}
            if not chosen and share > 0 and len(hashes) > 1:
                chosen = {min(hashes, key=lambda group: (hashes[group], group))}
        held |= {(source, group) for group in chosen}
    return held


def _stream(
    recipe: Recipe,
    ingredient: Ingredient,
    documents: Mapping[str, Path],
    parents: Mapping[str, Path],
    wheels: Mapping[str, Path],
) -> tuple[Iterator[Document], set[tuple[str, str]]]:
    """The documents before deduplication, and all their (source, group) pairs."""
    generator = ingredient.generator
    if generator is None:
        pairs = {
            (source, group)
            for source in ingredient.sources
            for group in pq.read_table(documents[source], columns=["group"])["group"].unique().to_pylist()
        }
        return chain.from_iterable(read_documents(documents[source]) for source in ingredient.sources), pairs
    if isinstance(generator, MathGenerator):
        wheel = wheels[generator.wheel]
        archive = WheelArchive(wheel)
        licence = archive.licence()
        archive.close()
        made = list(generate_math(generator, wheel, generator.name, licence))
    else:
        assert ingredient.from_ is not None
        readers = {source: recipe.sources[source].reader for source in generator.sources}
        made = list(generate_instruct(generator, readers, parents[ingredient.from_], generator.name))
    return iter(made), {(item.source, item.group) for item in made}


def _selection(ingredient: Ingredient, parents: Mapping[str, Path]) -> tuple[Iterator[Document], set[tuple[str, str]]]:
    """The selected documents of another ingredient, and the (source, group) pairs it held out."""
    assert ingredient.from_ is not None
    folder = parents[ingredient.from_]
    held_out = [item for item in read_documents(folder / "heldout.parquet") if item.source in ingredient.sources]
    train = (item for item in read_documents(folder / "train.parquet") if item.source in ingredient.sources)
    return chain(held_out, train), {(item.source, item.group) for item in held_out}


def _dropped_by_sources(ingredient: Ingredient, documents: Mapping[str, Path]) -> Iterator[Dropped]:
    for source in ingredient.sources:
        beside = documents[source].with_name("dropped.parquet")
        if beside.exists():
            yield from read_dropped(beside)


def _hashes(paths: Iterable[Path]) -> set[int]:
    hashes: set[int] = set()
    for path in paths:
        hashes.update(np.load(path, allow_pickle=False).tolist())
    return hashes


def _distinct(
    documents: Iterable[Document], earlier: set[int], seen: set[int], dropped: list[Dropped]
) -> Iterator[Document]:
    """The documents met for the first time; adds their hashes to ``seen`` and the others to ``dropped``."""
    for item in documents:
        value = content_hash(item.text)
        if value not in seen and value not in earlier:
            seen.add(value)
            yield item
            continue
        dropped.append(
            Dropped(
                source=item.source,
                path=item.path,
                kind=item.kind,
                language=item.language,
                bytes=len(item.text.encode()),
                reason="duplicate" if value in seen else "duplicate of an earlier ingredient",
            )
        )


class _Count:
    """Documents and bytes of UTF-8, in all and by property."""

    def __init__(self, documents: Iterable[Document] = ()) -> None:
        self.total = [0, 0]
        self.by: dict[str, dict[str, list[int]]] = {key: {} for key in ("source", "kind", "language", "licence")}
        for item in documents:
            self.add(item)

    def add(self, item: Document) -> None:
        size = len(item.text.encode())
        places = [self.total]
        places += [values.setdefault(getattr(item, key), [0, 0]) for key, values in self.by.items()]
        for place in places:
            place[0] += 1
            place[1] += size

    def as_dict(self) -> dict[str, Any]:
        def named(pair: list[int]) -> dict[str, int]:
            return {"documents": pair[0], "bytes": pair[1]}

        by = {key: {name: named(values[name]) for name in sorted(values)} for key, values in self.by.items()}
        return {**named(self.total), "by": by}


def _summary(name: str, train: _Count, held_out: list[Document], dropped: list[Dropped]) -> dict[str, Any]:
    groups: dict[str, set[str]] = {}
    for item in held_out:
        groups.setdefault(item.source, set()).add(item.group)
    reasons: dict[str, dict[str, int]] = {}
    for lost in sorted(dropped, key=lambda lost: lost.reason):
        entry = reasons.setdefault(lost.reason, {"documents": 0, "bytes": 0})
        entry["documents"] += 1
        entry["bytes"] += lost.bytes
    sorted_groups = {source: sorted(groups[source]) for source in sorted(groups)}
    return {
        "ingredient": name,
        "train": train.as_dict(),
        "heldout": {**_Count(held_out).as_dict(), "groups": sorted_groups},
        "dropped": reasons,
    }
