import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_corpus import small_recipe

from assay.corpus.build import build_ingredient
from assay.corpus.contamination.found import Found
from assay.corpus.document import (
    Document,
    Dropped,
    read_documents,
    read_dropped,
    write_documents,
    write_dropped,
)
from assay.corpus.marks import Marks, mark
from assay.corpus.near import Seen, sketch
from assay.corpus.recipe import Recipe
from assay.corpus.split import group_hash, heldout_groups


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
            self.paths[source] = folder / "sources" / source
            self.paths[source].mkdir(parents=True)
            write_documents(self.paths[source] / "documents.parquet", items)
            write_dropped(self.paths[source] / "dropped.parquet", [])
            (self.paths[source] / "masked.json").write_text('{"<EMAIL>": 2}')
            mark(self.paths[source] / "documents.parquet", None).save(self.paths[source])

    def build(self, name: str) -> dict[str, Any]:
        ingredient = self.recipe.ingredients[name]
        out = self.folder / name
        out.mkdir()
        return build_ingredient(
            self.recipe,
            name,
            [(source, self.paths[source], self.paths[source]) for source in ingredient.sources if source in self.paths],
            [self.folder / other for other in self.recipe.compared_with(name)],
            {ingredient.from_: self.folder / ingredient.from_} if ingredient.from_ else {},
            {},
            None,
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
    lost = {item.path: (item.reason, item.detail) for item in read_dropped(tmp_path / "second" / "dropped.parquet")}
    assert lost == {"c/902": ("duplicate of an earlier ingredient", ""), "c/904": ("duplicate", "of c:c/903")}
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
    write_dropped(corpus.paths["c"] / "dropped.parquet", [lost])
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
    assert summary["masked"] == {"<EMAIL>": 4}
    assert json.loads((tmp_path / "first" / "summary.json").read_text(encoding="utf-8")) == summary


def test_two_builds_have_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        corpus = _Corpus(tmp_path / name, small_recipe(), _three([_document("a", 5)]))
        for ingredient in ("first", "second"):
            corpus.build(ingredient)
        files = sorted((tmp_path / name).glob("*/*"))
        digests.append([(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files if file.is_file()])
    assert len(digests[0]) == 2 * 8
    assert digests[0] == digests[1]


def test_the_sketches_of_every_kept_document_are_there_for_later_ingredients(tmp_path: Path) -> None:
    corpus = _Corpus(tmp_path, small_recipe(), _three([_document("a", 5)]))
    corpus.build("first")
    known = Seen.load(tmp_path / "first")
    assert (known.content[1:] > known.content[:-1]).all()
    kept = corpus.read("first", "train") + corpus.read("first", "heldout")
    assert set(known.content.tolist()) == set(sketch([item.text for item in kept]).content.tolist())
    assert len(known.content) == len(kept)


ESSAY = " ".join(f"word{number} and then another" for number in range(400))


def test_a_nearly_double_document_is_dropped_with_what_it_doubles_and_never_lies_across_the_split(
    tmp_path: Path,
) -> None:
    near = [_document("b", number, ESSAY.replace(f"word{number} ", "changed "), f"g{number}") for number in range(30)]
    corpus = _Corpus(
        tmp_path, small_recipe(), _three([_document("a", 900, ESSAY), *near, _document("c", 9, ESSAY + " end")])
    )
    first, second = corpus.build("first"), corpus.build("second")
    kept = [item for split in ("train", "heldout") for item in corpus.read("first", split) if len(item.text) > 1000]
    assert [item.path for item in kept] == ["a/900"]
    assert first["dropped"]["near duplicate"]["documents"] == 30
    lost = [item for item in read_dropped(tmp_path / "first" / "dropped.parquet") if item.reason == "near duplicate"]
    assert {item.detail for item in lost} == {"of a:a/900"}
    assert lost[0].text == near[0].text, "what is dropped is kept beside"
    assert second["dropped"] == {"near duplicate of an earlier ingredient": {"documents": 1, "bytes": len(ESSAY) + 4}}


def test_an_ingredient_does_not_depend_on_the_parts_that_its_sources_were_read_in(tmp_path: Path) -> None:
    items = _three([_document("a", 901, ESSAY)])["a"]
    outs = []
    for name, cuts in (("whole", [0, 101]), ("parts", [0, 30, 31, 101])):
        parts = []
        for number, (begin, end) in enumerate(itertools.pairwise(cuts)):
            folder = tmp_path / name / str(number)
            folder.mkdir(parents=True)
            write_documents(folder / "documents.parquet", items[begin:end])
            write_dropped(folder / "dropped.parquet", [])
            (folder / "masked.json").write_text("{}")
            mark(folder / "documents.parquet", None).save(folder)
            parts.append(("a", folder, folder))
        outs.append(tmp_path / f"{name}-made")
        outs[-1].mkdir()
        build_ingredient(small_recipe(), "first", parts, [], {}, {}, None, outs[-1])
    for split in ("train", "heldout"):
        one, other = (list(read_documents(out / f"{split}.parquet")) for out in outs)
        assert one == other
    assert (outs[0] / "content.npy").read_bytes() == (outs[1] / "content.npy").read_bytes()


def _with_found(corpus: _Corpus, source: str, share: float, grams: list[int]) -> None:
    """As if the index had found a benchmark's item in the first document of a source."""
    marks = mark(corpus.paths[source] / "documents.parquet", None)
    one = Found(
        document=0,
        benchmark="piqa",
        item="validation 7",
        how="words",
        part="question",
        runs=4,
        share=share,
        answers=0,
        excerpt="how do I open a jar",
    )
    found = np.array(grams, np.uint64)
    Marks(marks.content, marks.bands, np.zeros(len(found), np.int64), found, [one]).save(corpus.paths[source])


def test_a_document_that_holds_an_item_is_dropped_and_one_that_touches_it_is_kept_and_reported(tmp_path: Path) -> None:
    corpus = _Corpus(tmp_path, small_recipe(), _three())
    _with_found(corpus, "a", 1.0, [11, 12])
    _with_found(corpus, "b", 0.1, [13])
    summary = corpus.build("first")
    assert summary["benchmarks"] == {"piqa": {"items": 1, "documents_dropped": 1}}
    (lost,) = read_dropped(tmp_path / "first" / "dropped.parquet")
    assert (lost.path, lost.reason) == ("a/0", "contaminated")
    assert lost.detail == "100% of the question of piqa validation 7"
    assert corpus.paths_of("first") == {f"{source}/{number}" for source in "ab" for number in range(100)} - {"a/0"}
    held = {item.path for item in corpus.read("first", "heldout")}
    left = [] if "b/0" in held else [13]
    assert np.load(tmp_path / "first" / "grams.npy").tolist() == left, "what training documents still hold"


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


def test_an_intervention_changes_the_text_and_keeps_the_split(tmp_path: Path) -> None:
    code = [_document("a", number, f"x = {number}  # number {number}\ny = x + 1  # one more\n") for number in range(60)]
    code.append(_document("a", 900, "# nothing but a comment\n"))
    code = [replace(item, kind="code", language="Python") for item in code]
    recipe = small_recipe(ingredients={"bare": {"from": "first", "intervention": "comments_removed"}})
    corpus = _Corpus(tmp_path, recipe, {"a": code, "b": []})
    corpus.build("first")
    summary = corpus.build("bare")
    for split in ("train", "heldout"):
        before = {item.path: item.text for item in corpus.read("first", split)}
        after = {item.path: item.text for item in corpus.read("bare", split)}
        assert set(after) == set(before) - {"a/900"}
        assert after and not any("#" in text for text in after.values())
        assert all(compile(text, "x", "exec") for text in after.values())
    assert summary["dropped"]["nothing left by comments_removed"]["documents"] == 1


def test_the_better_and_the_weaker_part_are_the_whole_and_the_better_is_like_what_was_named(tmp_path: Path) -> None:
    prose = ["The river runs slowly through the valley and the old bridge", "Scholars have argued about the treaty"]
    noise = ["click here buy now cheap best offer free", "lol omg wtf check out my page"]
    documents = {
        "a": [_document("a", n, f"{prose[n % 2]} number {n} " * 6) for n in range(80)],
        "b": [_document("b", n, f"{noise[n % 2]} number {n} " * 6) for n in range(80)],
    }
    quality = {"like": ["a"], "share": 0.5}
    ingredients = {
        "good": {"from": "first", "quality": {**quality, "keep": "best"}},
        "weak": {"from": "first", "quality": {**quality, "keep": "rest"}},
    }
    corpus = _Corpus(tmp_path, small_recipe(ingredients=ingredients), documents)
    for name in ("first", "good", "weak"):
        corpus.build(name)
    assert corpus.paths_of("good") | corpus.paths_of("weak") == corpus.paths_of("first")
    assert corpus.paths_of("good").isdisjoint(corpus.paths_of("weak"))
    good = [path[0] for path in corpus.paths_of("good")]
    assert good.count("a") > 5 * good.count("b")


def test_sources_of_one_package_hold_out_the_same_groups_whatever_else_there_is() -> None:
    groups = [f"group {number}" for number in range(400)]
    held = heldout_groups(groups, "pack", 0.1, whole=False)
    assert held == heldout_groups([*reversed(groups), "another"], "pack", 0.1, whole=False) - {"another"}
    assert held != heldout_groups(groups, "other", 0.1, whole=False)
    assert 10 <= len(held) <= 80


def test_a_source_of_few_groups_still_gives_one_and_a_source_of_one_group_none() -> None:
    assert heldout_groups(["x", "y", "x"], "pack", 1e-9, whole=False) in ({"x"}, {"y"})
    assert heldout_groups(["only", "only"], "pack", 1e-9, whole=False) == set()
    assert heldout_groups(["only", "x"], "pack", 0, whole=False) == set()
    assert heldout_groups(["only", "x"], "pack", 0, whole=True) == {"only", "x"}


@pytest.mark.parametrize("share", [0.025, 0.5])
def test_group_hashes_are_uniform(share: float) -> None:
    count = 20_000
    below = sum(group_hash("pack", f"group {number}") < share for number in range(count))
    assert abs(below - share * count) < 4 * math.sqrt(count * share * (1 - share))
