import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_corpus import small_recipe

from assay.corpus.build import build_ingredient, content_hash, group_hash, heldout_groups
from assay.corpus.document import (
    Document,
    Dropped,
    read_documents,
    read_dropped,
    write_documents,
    write_dropped,
)
from assay.corpus.recipe import Recipe


def _document(source: str, number: int, text: str | None = None, group: str | None = None) -> Document:
    return Document(
        text=text or f"Document {number} of {source}.\n",
        source=source,
        path=f"{source}/{number}",
        group=group or f"g{number % 20}",
        kind="text",
        language="English",
        licence="MIT",
    )


class _Corpus:
    """Writes documents of sources and builds ingredients in the order they are asked for."""

    def __init__(self, folder: Path, recipe: Recipe, documents: Mapping[str, list[Document]]) -> None:
        self.folder = folder
        self.recipe = recipe
        self.paths: dict[str, Path] = {}
        for source, items in documents.items():
            self.paths[source] = folder / "sources" / source / "documents.parquet"
            self.paths[source].parent.mkdir(parents=True)
            write_documents(self.paths[source], items)

    def build(self, name: str) -> dict[str, Any]:
        ingredient = self.recipe.ingredients[name]
        out = self.folder / name
        out.mkdir()
        return build_ingredient(
            self.recipe,
            name,
            {source: self.paths[source] for source in ingredient.sources},
            [self.folder / other / "hashes.npy" for other in self.recipe.compared_with(name)],
            {ingredient.from_: self.folder / ingredient.from_} if ingredient.from_ else {},
            {},
            out,
        )

    def read(self, name: str, split: str) -> list[Document]:
        return list(read_documents(self.folder / name / f"{split}.parquet"))

    def paths_of(self, name: str) -> set[str]:
        return {item.path for split in ("train", "heldout") for item in self.read(name, split)}


def _three(extra: Iterable[Document] = ()) -> dict[str, list[Document]]:
    documents = {source: [_document(source, number) for number in range(100)] for source in "abc"}
    for item in extra:
        documents[item.source].append(item)
    return documents


def test_the_later_duplicate_loses_inside_and_across_ingredients(tmp_path: Path) -> None:
    same = "The   same\ttext\n\nin both.\n"
    documents = _three(
        [
            _document("b", 900, same),
            _document("a", 901, same),
            _document("c", 902, "The same text in both."),
            _document("c", 903, "Only in c."),
            _document("c", 904, "Only  in c.\n"),
        ]
    )
    corpus = _Corpus(tmp_path, small_recipe(), documents)
    first, second = corpus.build("first"), corpus.build("second")
    assert "a/901" in corpus.paths_of("first")
    assert "b/900" not in corpus.paths_of("first")
    assert "c/902" not in corpus.paths_of("second")
    assert {"c/903"} == corpus.paths_of("second") & {"c/903", "c/904"}
    lost = {item.path: item.reason for item in read_dropped(tmp_path / "second" / "dropped.parquet")}
    assert lost == {"c/902": "duplicate of an earlier ingredient", "c/904": "duplicate"}
    assert first["dropped"] == {"duplicate": {"documents": 1, "bytes": len(same)}}
    assert second["dropped"]["duplicate"]["documents"] == 1


def test_an_ingredient_compared_with_nothing_keeps_what_others_have(tmp_path: Path) -> None:
    recipe = small_recipe(ingredients={"second": {"sources": ["a"], "heldout": 0.1, "deduplicate_against": []}})
    corpus = _Corpus(tmp_path, recipe, _three())
    corpus.build("first")
    assert corpus.build("second")["dropped"] == {}


def test_what_the_sources_dropped_stays_listed_with_the_ingredient(tmp_path: Path) -> None:
    corpus = _Corpus(tmp_path, small_recipe(), _three())
    lost = Dropped(source="c", path="c/x", kind="text", language="English", bytes=7, reason="not UTF-8")
    write_dropped(corpus.paths["c"].with_name("dropped.parquet"), [lost])
    corpus.build("first")
    assert corpus.build("second")["dropped"] == {"not UTF-8": {"documents": 1, "bytes": 7}}
    assert list(read_dropped(tmp_path / "second" / "dropped.parquet")) == [lost]


def test_a_group_is_never_split_and_the_counts_add_up(tmp_path: Path) -> None:
    corpus = _Corpus(tmp_path, small_recipe(), _three())
    summary = corpus.build("first")
    train, held = corpus.read("first", "train"), corpus.read("first", "heldout")
    groups = [{(item.source, item.group) for item in split} for split in (train, held)]
    assert groups[0].isdisjoint(groups[1])
    assert {source for source, _ in groups[1]} == {"a", "b"}
    assert len(train) + len(held) == 200
    assert summary["train"]["documents"] == len(train)
    assert summary["train"]["bytes"] == sum(len(item.text.encode()) for item in train)
    assert summary["heldout"]["by"]["source"]["a"]["documents"] == sum(item.source == "a" for item in held)
    assert {(s, g) for s, names in summary["heldout"]["groups"].items() for g in names} == groups[1]
    assert json.loads((tmp_path / "first" / "summary.json").read_text(encoding="utf-8")) == summary


def test_two_builds_have_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        corpus = _Corpus(tmp_path / name, small_recipe(), _three([_document("a", 5)]))
        for ingredient in ("first", "second"):
            corpus.build(ingredient)
        files = sorted((tmp_path / name).glob("*/*"))
        digests.append([(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files if file.is_file()])
    assert len(digests[0]) == 10
    assert digests[0] == digests[1]


def test_the_hashes_are_sorted_and_of_every_kept_document(tmp_path: Path) -> None:
    corpus = _Corpus(tmp_path, small_recipe(), _three([_document("a", 5)]))
    corpus.build("first")
    hashes = np.load(tmp_path / "first" / "hashes.npy")
    assert hashes.dtype == np.uint64
    assert (hashes[1:] > hashes[:-1]).all()
    kept = corpus.read("first", "train") + corpus.read("first", "heldout")
    assert set(hashes.tolist()) == {content_hash(item.text) for item in kept}
    assert len(hashes) == len(kept)


def test_a_source_can_be_held_out_whole(tmp_path: Path) -> None:
    recipe = small_recipe(ingredients={"first": {"sources": ["a", "b"], "heldout": 0.1, "heldout_sources": ["b"]}})
    corpus = _Corpus(tmp_path, recipe, _three())
    corpus.build("first")
    assert {item.source for item in corpus.read("first", "train")} == {"a"}
    assert sum(item.source == "b" for item in corpus.read("first", "heldout")) == 100


def test_a_selection_keeps_documents_and_split_though_they_are_in_the_earlier_ingredient(
    tmp_path: Path,
) -> None:
    recipe = small_recipe(ingredients={"best": {"from": "first", "sources": ["b"]}})
    corpus = _Corpus(tmp_path, recipe, _three())
    for name in ("first", "second"):
        corpus.build(name)
    summary = corpus.build("best")
    for split in ("train", "heldout"):
        expected = [item for item in corpus.read("first", split) if item.source == "b"]
        assert corpus.read("best", split) == expected
    assert summary["dropped"] == {}
    assert recipe.compared_with("second") == ("first",)


def test_sources_of_one_package_hold_out_the_same_groups() -> None:
    recipe = small_recipe()
    pairs = [(source, f"group {number}") for source in "abc" for number in range(400)]
    held = heldout_groups(recipe, recipe.ingredients["first"], pairs)
    by_source = {source: {group for name, group in held if name == source} for source in "abc"}
    assert by_source["a"] == by_source["b"] == by_source["c"]
    assert 10 <= len(by_source["a"]) <= 80


def test_a_source_of_few_groups_still_gives_one() -> None:
    recipe = small_recipe(ingredients={"first": {"sources": ["a", "b"], "heldout": 1e-9}})
    held = heldout_groups(recipe, recipe.ingredients["first"], [("a", "x"), ("a", "y"), ("b", "only")])
    assert held in ({("a", "x")}, {("a", "y")})


@pytest.mark.parametrize("share", [0.025, 0.5])
def test_group_hashes_are_uniform(share: float) -> None:
    count = 20_000
    below = sum(group_hash("pack", f"group {number}") < share for number in range(count))
    assert abs(below - share * count) < 4 * math.sqrt(count * share * (1 - share))


@given(st.lists(st.text(alphabet="ab \t\n", max_size=8), max_size=6))
def test_white_space_never_decides_what_a_duplicate_is(words: list[str]) -> None:
    assert content_hash(" ".join(words)) == content_hash("\n\n".join(words) + "\n")
