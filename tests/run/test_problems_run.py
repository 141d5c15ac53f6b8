"""Folders of verified problems: the same bytes whoever makes them, more of them for the price of the difference."""

import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ray_cluster import RayCluster
from typer.testing import CliRunner

from assay.cli import app
from assay.corpus.document import read_documents
from assay.corpus.recipe_file import load_recipe
from assay.corpus.synthesis import steps
from assay.corpus.synthesis.collection import Collection, open_collection
from assay.endpoint import client
from assay.errors import InputError, StepError
from assay.run import problem_steps, problems_run
from assay.run.choose import open_engine
from assay.run.corpus_run import build_corpus, corpus_steps
from assay.run.memory import LEAST_BYTES
from assay.run.problems_run import make_composed

RECIPE = """\
name: exercises
about: Verified problems alone.
decontaminate: false
ingredients:
  problems:
    generator:
      name: synthetic
      composed: {tried: 60, seed: 4, depths: {1: 1, 2: 1}}
      records: [more.parquet]
      layouts: {question: 1, tests: 1}
    heldout: 0.2
"""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problem_steps, "PIECE", 30)
    monkeypatch.setattr(problems_run, "PIECE", 30)


def made(folder: Path, wanted: int, workers: int = 1) -> Collection:
    with open_engine("local", str(folder / "store"), workers, None, LEAST_BYTES) as engine:
        return make_composed(wanted, 4, {1: 1.0, 2: 1.0}, folder / "out", engine)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    """Forty problems; nobody may change them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem_steps, "PIECE", 30)
        patch.setattr(problems_run, "PIECE", 30)
        yield made(tmp_path_factory.mktemp("first"), 40)


def test_the_folder_holds_what_was_asked_for_and_says_what_became_of_the_rest(first: Collection) -> None:
    about = open_collection(first.folder).about
    assert about["records"] == 40 == sum(1 for _ in first.records())
    refused = sum(sum(reasons.values()) for reasons in about["refused"].values())
    assert about["made"] >= 40 + refused and about["made"] % 30 == 0
    assert refused == sum(1 for _ in first.refused()) - about["repeated"]
    assert all(record.inputs_tried >= 50 and record.problem.tests for record in first.records())


def test_two_workers_write_the_same_bytes_as_one(first: Collection, tmp_path: Path) -> None:
    other = made(tmp_path, 40, workers=2)
    for name in ("records.parquet", "refused.parquet", "synth.json"):
        assert (other.folder / name).read_bytes() == (first.folder / name).read_bytes(), name


@pytest.mark.slow
def test_a_ray_cluster_writes_the_same_bytes(first: Collection, tmp_path: Path) -> None:
    with (
        RayCluster(2, 1) as cluster,
        open_engine("ray", str(tmp_path / "store"), None, cluster.address, LEAST_BYTES) as engine,
    ):
        other = make_composed(40, 4, {1: 1.0, 2: 1.0}, tmp_path / "out", engine)
    for name in ("records.parquet", "refused.parquet", "synth.json"):
        assert (other.folder / name).read_bytes() == (first.folder / name).read_bytes(), name


def test_more_problems_begin_with_those_that_were_there_and_make_the_difference_alone(
    first: Collection, tmp_path: Path
) -> None:
    shutil.copytree(first.folder.parent / "store", tmp_path / "store")
    before = {path.name for path in (tmp_path / "store" / "objects" / "problems").iterdir()}
    more = made(tmp_path, 70)
    assert [one.problem.id for one in more.records()][:40] == [one.problem.id for one in first.records()]
    begun = [
        json.loads(line)["key"]
        for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()
        if json.loads(line)["event"] == "begin"
    ]
    assert begun and not before & set(begun)


def test_an_ingredient_is_made_of_them_and_of_a_file_of_records(first: Collection, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    recipe = tmp_path / "recipe.yaml"
    with pytest.raises(InputError, match=r"no file of problems at .*more\.parquet"):
        corpus_steps(load_recipe(str(recipe)), ["problems"], None)
    shutil.copy(first.folder / "records.parquet", tmp_path / "more.parquet")
    steps, _ = corpus_steps(load_recipe(str(recipe)), ["problems"], None)
    shutil.copytree(first.folder.parent / "store", tmp_path / "store")
    with open_engine("local", str(tmp_path / "store"), 1, None, LEAST_BYTES) as engine:
        build_corpus([steps["problems"]], tmp_path / "out", engine)
        folder = engine.store.open("ingredient", steps["problems"].key)
    train, held = (list(read_documents(folder / f"{split}.parquet")) for split in ("train", "heldout"))
    assert {(one.kind, one.language, one.source) for one in train + held} == {("synthetic", "Python", "synthetic")}
    assert not {one.group for one in train} & {one.group for one in held}
    summary = json.loads((folder / "summary.json").read_text())
    assert sum(one["documents"] for one in summary["dropped"].values()) >= 30, "those of the file stand there already"


def test_at_the_keyboard_they_are_shown_and_written_out(first: Collection, tmp_path: Path) -> None:
    folder = str(first.folder)

    def says(*words: str) -> str:
        done = CliRunner().invoke(app, ["synth", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    assert "40 verified problems" in says("show", folder, "--examples", "1")
    assert "it gives nearly always the same" in says("show", folder, "--refused", "run")
    says("export", folder, str(tmp_path / "all.jsonl"))
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [one.problem.id for one in first.records()]
    says("export", folder, str(tmp_path / "tests.parquet"), "--layout", "tests")
    assert pq.read_metadata(tmp_path / "tests.parquet").num_rows == 40
    assert "not compared with the benchmarks" in says("export", folder, str(tmp_path / "all.parquet"))


def test_a_card_tells_how_many_were_proved_where_fewer_were_asked_for(first: Collection, tmp_path: Path) -> None:
    shutil.copytree(first.folder, tmp_path / "out")
    done = CliRunner().invoke(app, ["synth", "card", str(tmp_path / "out"), "--no-compare"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert first.surplus > 0
    proved = first.about["made"] - sum(1 for one in first.refused() if one.stage != "duplicate")
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"| kept | {proved - first.about['repeated']} (" in text
    assert "| of these in the data set, as many as were asked for | 40 |" in text
    assert "HumanEval" not in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("composed", "--seed", "5", "--depths", "1:1,2:1"), "holds problems of seed 4, not of seed 5"),
        (("composed", "--seed", "4"), "holds problems of depths {'1': 1.0, '2': 1.0}, not without depths"),
        (("given",), "holds problems of maker composed, not of maker given"),
        (("model", "--url", "http://127.0.0.1:1/v1", "--name", "x"), "of maker composed, not of maker model"),
    ],
)
def test_problems_of_another_making_are_not_written_over(
    first: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("ASSAY_STORE", str(tmp_path / "store"))
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    with pytest.raises(InputError) as raised:
        CliRunner().invoke(app, ["synth", *words, "--out", str(first.folder)], catch_exceptions=False)
    assert told in str(raised.value)
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_STORE", str(tmp_path / "store"))
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="a folder is wanted, and a file is in its place"):
        CliRunner().invoke(app, ["synth", "composed", "--out", str(tmp_path / "out")], catch_exceptions=False)


def test_a_folder_that_was_left_half_replaced_is_told_and_made_again(first: Collection, tmp_path: Path) -> None:
    shutil.copytree(first.folder.parent, tmp_path / "all")
    out = tmp_path / "all" / "out"
    about = json.loads((out / "synth.json").read_text(encoding="utf-8"))
    (out / "synth.json").write_text(json.dumps({**about, "records": 41}), encoding="utf-8")
    with pytest.raises(InputError, match=r"has 40 problems where synth\.json says 41; the command that made"):
        open_collection(out)
    (out / "synth.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        open_collection(out)
    again = made(tmp_path / "all", 40)
    assert (again.folder / "synth.json").read_bytes() == (first.folder / "synth.json").read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "nowhere"), "nowhere holds no verified problems"),
        (("export", "{}", "out.csv"), r"out.csv: problems are written to a .parquet or a .jsonl file"),
        (("export", "{}", "out.jsonl", "--layout", "test"), "there is no layout 'test'; did you mean 'tests'?"),
        (("show", "{}", "--refused", "syntx"), "there is no stage 'syntx'; did you mean 'syntax'?"),
        (("composed", "--depths", "9:1"), "depths are from 1 to 8"),
        (("composed", "--depths", "2:0"), "every weight is 0"),
        (("composed", "--depths", "two"), "'two' is no depth and weight"),
        (("model", "--url", "127.0.0.1", "--name", "x"), "the url of an endpoint is like http://127.0.0.1:8000/v1"),
        (("model", "--url", "http://127.0.0.1:1/v1", "--name", "x", "--price", "1"), "'1' is not two prices"),
    ],
)
def test_what_cannot_be_done_is_told(first: Collection, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputError) as raised:
        CliRunner().invoke(app, ["synth", *(word.format(first.folder) for word in words)], catch_exceptions=False)
    assert told in str(raised.value)


def test_an_endpoint_that_never_answers_ends_in_an_error_and_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.01)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        words = ["model", "--url", url, "--name", "nobody", "--questions", "2", "--seconds", "1"]
        with pytest.raises(StepError, match="2 questions had no reply"):
            CliRunner().invoke(app, ["synth", *words, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert open_collection(tmp_path / "out").about["made"] == 0


def test_a_prover_waits_a_while_for_the_next_piece_and_not_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "IDLE_SECONDS", 0.3)
    with steps._prover("auto") as first:
        pass
    with pytest.raises(StepError, match="lost"), steps._prover("auto") as second:
        assert second is first
        raise StepError("the sandbox was lost")
    with steps._prover("auto") as third:
        assert third is not first
    until = time.monotonic() + 20
    while "auto" in steps._idle and time.monotonic() < until:
        time.sleep(0.05)
    with steps._prover("auto") as fourth:
        assert fourth is not third
    steps._idle["auto"][0].join()
