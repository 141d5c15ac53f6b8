"""A finished study that asks for win rates: answered, judged and on its page; a repeat does nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assay.judge.tournament import read_judgements
from faulty_server import Act, FaultyServer
from served_model import write_folder
from tiny_study import STUDY, TinyStudy

PROMPTS = [
    ("fox", "Tell of a fox.", "A red fox crossed the field at dusk and was not seen again until the spring."),
    ("sea", "What is the sea?", "A great body of salt water that covers most of the earth, deep and never still."),
    ("mill", "Describe <b>a mill</b>.", "It stands by the river, its wheel turning slowly, white dust on every beam."),
    ("king", "Name a good king.", "One who listens before he speaks, and who leaves more bread than he has found."),
]
"""One has markup in it, which is data like all else."""
LOCAL = "judges: [likelihood]\n  judge_model: hf:judge\n  tokens: 16"


def written(study: TinyStudy, judge: str, limit: int = 4) -> str:
    """The tiny study with ``judge:``, and its prompts beside it."""
    rows = [{"id": id, "text": text, "category": "", "reference": good} for id, text, good in PROMPTS]
    (study.folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = study.folder / "judged.yaml"
    path.write_text(f"{STUDY}judge:\n  prompts: prompts.jsonl\n  limit: {limit}\n  {judge}\n")
    return path.name


def endpoint(server: FaultyServer) -> str:
    return f"tokens: 16\n  judges: [{{url: '{server.url}', model: toy, price: [1, 1]}}]"


def answers_to(server: FaultyServer, question: str) -> int:
    return sum(number for words, number in server.given.items() if question in words)


@pytest.fixture(scope="module")
def judged(ran: TinyStudy, tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """A study whose arms a model on this machine judged, in ``out``; what had been scored before was in its store."""
    study = tiny()
    shutil.copytree(ran.store, study.store)
    write_folder(study.folder / "judge")
    done = study.assay("run", written(study, LOCAL), "--out", "out")
    assert done.returncode == 0, done.stderr
    return study


@pytest.fixture
def again(judged: TinyStudy, tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """The same elsewhere, to be changed."""
    study = tiny()
    for name in ("store", "out", "judge"):
        shutil.copytree(judged.folder / name, study.folder / name)
    written(study, LOCAL)
    return study


def summary_of(study: TinyStudy) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((study.folder / "out" / "judge" / "judge.json").read_text())
    return found


def test_only_answers_and_judgements_are_made_for_a_study_that_was_finished(judged: TinyStudy) -> None:
    out = judged.folder / "out"
    for kind in ("state", "scores", "tokens", "documents"):
        assert not judged.made(out, kind)
    assert len(judged.made(out, "replies")) == 3 * 2, "arms and seeds"
    assert len(judged.made(out, "judgements")) == 2 * 2, "pairs and seeds"
    assert len(judged.made(out, "exam")) == 1


def test_the_pairs_of_the_contrasts_are_judged_seed_by_seed_in_both_orders(judged: TinyStudy) -> None:
    folder = judged.folder / "out" / "judge"
    rows = read_judgements(folder / "judgements.parquet")
    wanted = {
        (a, b, seed, prompt, first)
        for a, b in (("half.decay", "text.decay"), ("half.decay", "half.none"))
        for seed in (0, 1)
        for prompt, _, _ in PROMPTS
        for first in (True, False)
    }
    assert {(row.a, row.b, row.seed, row.prompt, row.a_first) for row in rows} == wanted
    assert len(rows) == len(wanted)
    summary = summary_of(judged)
    assert summary["seeds_are"] == "trained"
    assert summary["seeds"] == [0, 1]
    for arm in ("half.decay", "text.decay", "half.none"):
        said = pq.read_table(folder / "answers" / f"{arm}.parquet").to_pylist()
        assert {(row["prompt"], row["seed"]) for row in said} == {(id, seed) for id, _, _ in PROMPTS for seed in (0, 1)}


def test_the_page_has_a_section_that_the_navigation_leads_to(judged: TinyStudy) -> None:
    page = (judged.folder / "out" / "report.html").read_text()
    assert '<a href="#judge">Win rates</a>' in page
    assert page.count('<h2 id="judge">Win rates</h2>') == 1
    assert "Describe &lt;b&gt;a mill&lt;/b&gt;." in page
    assert "<b>a mill</b>" not in page
    timings = json.loads((judged.folder / "out" / "timings.json").read_text())
    assert timings["seconds"]["judging"] > 0


def test_a_study_without_a_judge_has_no_section(ran: TinyStudy) -> None:
    assert "Win rates" not in (ran.folder / "out" / "report.html").read_text()


def test_a_repeat_does_nothing_and_neither_does_one_behind_a_rebuilt_page(again: TinyStudy) -> None:
    out = again.folder / "out"
    page = out / "report.html"
    before = page.read_bytes()
    assert "nothing was" in again.assay("run", "judged.yaml", "--out", "out").stdout
    page.write_text("lost")
    assert again.assay("report", "out").returncode == 0
    assert page.read_bytes() == before
    assert "nothing was" in again.assay("run", "judged.yaml", "--out", "out").stdout
    assert "Finished" in again.assay("status", "out").stdout


def test_what_was_changed_in_the_win_rates_is_written_anew_from_the_store(again: TinyStudy) -> None:
    path = again.folder / "out" / "judge" / "judge.json"
    before = path.read_bytes()
    path.write_text("{}")
    log = (again.folder / "out" / "log.jsonl").read_text().count('"end"')
    done = again.assay("run", "judged.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == before
    assert (again.folder / "out" / "log.jsonl").read_text().count('"end"') == log, "nothing was made again"


def test_a_hostile_answer_is_text_on_the_page(again: TinyStudy) -> None:
    path = again.folder / "out" / "judge" / "judge.json"
    summary = summary_of(again)
    hostile = "</details><script>alert('answer')</script><img src=x onerror=alert(1)>"
    assert summary["examples"]
    summary["examples"][0]["answer_a"] = hostile
    summary["pairs"][0]["a"] = "<i>arm</i>"
    path.write_text(json.dumps(summary))
    assert again.assay("report", "out").returncode == 0
    page = (again.folder / "out" / "report.html").read_text()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<i>arm</i>" not in page
    assert "&lt;script&gt;alert" in page


def test_the_store_keeps_what_win_rates_were_made_of_and_can_say_why(again: TinyStudy) -> None:
    told = again.assay("gc", "judged.yaml", "--delete")
    assert "Everything in the store is needed" in told.stdout, told.stdout + told.stderr
    held = {path.parent.parent.name for path in (again.store / "objects").glob("*/*/manifest.json")}
    assert {"replies", "exam", "judgements"} <= held
    kept = again.assay("gc", "--keep-runs", "out", "--delete")
    assert "Everything in the store is needed" in kept.stdout, kept.stdout + kept.stderr
    freed = again.assay("gc", "study.yaml", "--delete")
    assert freed.returncode == 0, freed.stderr
    left = {path.parent.parent.name for path in (again.store / "objects").glob("*/*/manifest.json")}
    assert not {"replies", "exam", "judgements"} & left
    assert "scores" in left


@pytest.mark.slow
def test_more_prompts_are_answered_without_training_or_scoring(again: TinyStudy) -> None:
    done = again.assay("run", written(again, LOCAL, limit=3), "--out", "fewer")
    assert done.returncode == 0, done.stderr
    out = again.folder / "fewer"
    made = {event["kind"] for event in map(json.loads, (out / "log.jsonl").read_text().splitlines()) if "kind" in event}
    assert not any(again.made(out, kind) for kind in made - {"replies", "exam", "judgements"})
    rows = {row["prompt"]: row["text"] for row in _answers(out, "half.decay")}
    before = {row["prompt"]: row["text"] for row in _answers(again.folder / "out", "half.decay")}
    assert rows
    assert {id: before[id] for id in rows} == rows, "an answer depends on its prompt and seed alone"


def test_another_study_in_the_folder_leaves_no_win_rates_behind(again: TinyStudy) -> None:
    done = again.assay("run", "study.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert not (again.folder / "out" / "judge" / "judge.json").exists()
    assert not list((again.folder / "out" / "judge").rglob("*.parquet"))
    assert "Win rates" not in (again.folder / "out" / "report.html").read_text()


@pytest.mark.slow
def test_an_endpoint_that_fails_in_the_middle_is_asked_for_the_rest_alone(copied: TinyStudy) -> None:
    with FaultyServer() as server:
        study = written(copied, endpoint(server))
        server.behave = lambda body, before: Act(status=400) if "sea?" in str(body) else Act(text="A")
        done = copied.assay("run", study, "--out", "out")
        assert done.returncode == 1
        assert "win rates are not whole: toy letters by text did not answer" in done.stderr
        assert "Traceback" not in done.stderr
        out = copied.folder / "out"
        assert "Win rates" in (out / "report.html").read_text(), "what came is there"
        assert not (out / "done.json").exists()
        before = answers_to(server, "a fox")
        assert before
        server.behave = lambda body, before: Act(text="A")
        done = copied.assay("run", study, "--out", "out")
        assert done.returncode == 0, done.stderr
        assert answers_to(server, "a fox") == before, "asked twice"
        assert answers_to(server, "sea?")
        more = written(copied, endpoint(server), limit=3)
        done = copied.assay("run", more, "--out", "out")
        assert done.returncode == 0, done.stderr
        known = {words for words in server.given if server.given[words] > 1}
        assert not known, "fewer prompts ask nothing that was asked before"


def test_without_the_openai_package_a_study_that_asks_an_endpoint_makes_nothing(tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    (study.folder / "without").mkdir()
    (study.folder / "without" / "sitecustomize.py").write_text("import sys\nsys.modules['openai'] = None\n")
    name = written(study, "tokens: 16\n  judges: [{url: 'http://127.0.0.1:9/v1', model: toy}]")
    done = study.assay("run", name, "--out", "out", PYTHONPATH=str(study.folder / "without"))
    assert done.returncode == 2
    assert "pip install 'assay[judge]'" in done.stderr and "Traceback" not in done.stderr
    assert not (study.folder / "out").exists() and not list(study.store.glob("objects/*"))


def _answers(out: Path, arm: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(out / "judge" / "answers" / f"{arm}.parquet").to_pylist()
    return [row for row in rows if row["seed"] == 0]
