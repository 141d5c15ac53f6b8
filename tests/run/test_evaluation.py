"""`assay eval`: a study's own scores are found, requests are shared, a kill loses nothing, folders are whole."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from assay.errors import InputError
from assay.evaluate.records import RECORDS
from assay.evaluate.task_file import load_task
from assay.run.answer_steps import gold_step, prompts_step, verdicts_step
from assay.run.corpus_graph import package_step
from assay.run.evaluation import check_folder
from assay.run.evaluation_steps import TaskRows, requests_step, score_step
from assay.run.graph import build_graph
from assay.run.identity import numerics
from assay.run.past_run import final_states
from assay.run.step import Step
from assay.study.plan import plan_study
from tiny_study import TinyStudy, write_sums

GUESS = """\
id: guess
title: Guess the colour
category: reasoning
chance: 0.5
source: {path: colours.jsonl}
cluster: "{{ answer }}"
formats:
  plain:
    context: "{{ question }}"
    each: options
    choices: [" {{ it }}"]
    gold: "{{ answer }}"
    generate: {tokens: 4, check: match, accept: "[options[answer]]"}
"""


@pytest.fixture(scope="module")
def here(ran: TinyStudy, tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """The finished tiny study with a store of its own, to be evaluated."""
    study = tiny()
    shutil.copytree(ran.store, study.store, copy_function=os.link)
    shutil.copytree(ran.folder / "out", study.folder / "out")
    (study.folder / "guess.yaml").write_text(GUESS)
    return study


@pytest.fixture(scope="module")
def all_arms(here: TinyStudy) -> TinyStudy:
    """All arms and seeds measured on a new task, answers in words and all, into ``all``."""
    done = here.assay("eval", "out", "--all", "--tasks", "guess.yaml", "--limit", "6", "--generate", "--out", "all")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return here


def about(here: TinyStudy, out: str) -> Any:
    return json.loads((here.folder / out / "eval.json").read_text())


def test_a_study_and_an_evaluation_make_the_same_steps(ran: TinyStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ran.folder)
    plan = plan_study("study.yaml")
    mine = numerics()
    graph = build_graph(plan, mine)
    task, limit, longest = load_task("colours.yaml"), plan.study.spec.evaluate.limit, plan.study.spec.train.sequence
    wanted = graph.requests["colours"]
    rows = TaskRows(task, "colours.yaml", limit, package_step)
    requests = requests_step(rows, wanted.inputs["tokenizer"], longest)
    assert requests.key == wanted.key
    point = graph.leaves[0].points[-1]
    shape = plan.study.known_sizes["1M"].shape(plan.vocabulary)
    assert score_step(requests, point.state, shape, mine["precision"], mine, "").key == point.scores["colours"].key


def test_what_the_study_scored_is_found_and_its_records_are_the_same(here: TinyStudy) -> None:
    done = here.assay("eval", "out", "--arm", "half.decay", "--seed-of", "1", "--suite", "study.yaml", "--out", "again")
    assert done.returncode == 0, done.stderr
    assert "Everything was there already" in done.stdout
    mine = pq.read_table(here.folder / "again" / "items" / "half.decay.1M.s1.parquet")
    theirs = pq.read_table(here.folder / "out" / "items" / "half.decay.1M.s1.parquet")
    assert mine.schema == RECORDS
    kept = [row for row in theirs.to_pylist() if row["task"] == "colours"]
    assert mine.to_pylist() == kept


def test_held_out_sets_are_the_studys_own_and_those_of_one_language_too(here: TinyStudy) -> None:
    arm = ["eval", "out", "--arm", "half.decay", "--seed-of", "1", "--heldout"]
    done = here.assay(*arm, "code,text", "--out", "held")
    assert done.returncode == 0, done.stderr
    assert "Everything was there already" in done.stdout
    assert "heldout_code" in done.stdout
    mine, theirs = (
        pq.read_table(here.folder / out / "items" / "half.decay.1M.s1.parquet").to_pylist() for out in ("held", "out")
    )
    wanted = ["heldout_code", "heldout_text"]
    assert list(dict.fromkeys(row["task"] for row in mine)) == wanted
    assert mine == [row for task in wanted for row in theirs if row["task"] == task]
    done = here.assay(*arm, "code:Python", "--tasks", "colours.yaml", "--limit", "12", "--out", "python")
    assert done.returncode == 0, done.stderr
    assert here.made(here.folder / "python", "requests") == ["held-out code:Python"]
    alone = pq.read_table(here.folder / "python" / "items" / "half.decay.1M.s1.parquet").to_pylist()
    python = [row for row in alone if row["task"] == "heldout_code:Python"]
    assert [row["gold_bits"] for row in python] == [row["gold_bits"] for row in mine if row["task"] == wanted[0]]
    assert {row["task"] for row in alone} == {"heldout_code:Python", "colours"}
    told = about(here, "python")
    assert next((one["task"], one["category"]) for one in told["tasks"]) == ("heldout_code:Python", "held-out")
    assert told["heldout"]["code:Python"]["bytes"] == 300


def test_a_tier_changes_no_verdicts_key_but_none_does(ran: TinyStudy) -> None:
    write_sums(ran.folder)
    rows = TaskRows(load_task(str(ran.folder / "sums.yaml")), "sums.yaml", 6, package_step)
    words = Step("tokenizer", {})
    asked = prompts_step(rows, words, 64)
    keys = {}
    for tier in ("auto", "namespaces", "landlock", "docker", "unsafe"):
        gold = gold_step(rows, tier)
        keys[tier] = gold.key, verdicts_step(rows, asked, words, gold, sandbox=tier).key
    assert len({keys[tier] for tier in keys if tier != "unsafe"}) == 1
    assert not set(keys["unsafe"]) & set(keys["auto"])
    texts = TaskRows(load_task("triviaqa"), "triviaqa", 6, package_step)
    assert len({verdicts_step(texts, asked, words, None, sandbox=tier).key for tier in keys}) == 1


def test_what_was_run_without_a_sandbox_is_run_again_in_one(here: TinyStudy) -> None:
    write_sums(here.folder)
    wanted = [
        "eval",
        "out",
        "--arm",
        "half.none",
        "--tasks",
        "sums.yaml",
        "--limit",
        "3",
        "--generate",
        "--out",
        "open",
    ]
    tiers = []
    for more in (["--unsafe"], [], ["--unsafe"]):
        done = here.assay(*wanted, *more)
        assert done.returncode == 0, done.stderr
        tiers += about(here, "open")["programs"]["sums"]["tiers"].values()
    assert tiers[0] == tiers[2] == "unsafe"
    assert tiers[1] != "unsafe"
    made = {kind: len(here.made(here.folder / "open", kind)) for kind in ("answers", "gold", "verdicts")}
    assert made == {"answers": 1, "gold": 2, "verdicts": 2}


def test_requests_and_questions_are_tokenised_once_and_every_state_is_measured_once(all_arms: TinyStudy) -> None:
    out = all_arms.folder / "all"
    states = set(final_states(all_arms.folder / "out").values())
    assert len(all_arms.made(out, "requests")) == len(all_arms.made(out, "prompts")) == 1
    assert len(all_arms.made(out, "scores")) == len(all_arms.made(out, "answers")) == len(states)
    assert {one["key"] for one in about(all_arms, "all")["checkpoints"]} == states


def test_the_folder_says_what_was_asked_of_which_checkpoint(all_arms: TinyStudy) -> None:
    told = about(all_arms, "all")
    first = told["checkpoints"][0]
    assert (first["name"], first["size"], first["seed"], first["stage"]) == ("text.decay", "1M", 0, "decay")
    assert first["tokens_seen"] == 2 * 640 + 256
    assert first["precision"] in first["numerics"]
    assert [(one["task"], one["version"], one["format"]) for one in told["tasks"]] == [("guess", 1, "plain")]
    assert (told["limit"], told["decoding"]["temperature"]) == (6, 0)
    rows = pq.read_table(all_arms.folder / "all" / first["records"]).to_pylist()
    assert len(rows) == 6
    assert {row["samples"] for row in rows} == {1}
    answers = pq.read_table(all_arms.folder / "all" / "answers" / "text.decay.1M.s0.parquet").to_pylist()
    assert {row["item"] for row in answers} == {row["item"] for row in rows}
    assert all(row["right"] == (row["outcome"] == "right") for row in answers)


def test_repeating_an_evaluation_makes_nothing_and_changes_no_record(all_arms: TinyStudy) -> None:
    before = {path.name: path.read_bytes() for path in (all_arms.folder / "all").glob("*/*.parquet")}
    wanted = ["eval", "out", "--all", "--tasks", "guess.yaml", "--limit", "6", "--generate", "--out", "all"]
    done = all_arms.assay(*wanted, "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["checkpoints"]) == 6
    assert len(all_arms.made(all_arms.folder / "all", "scores")) == len(
        {*final_states(all_arms.folder / "out").values()}
    )
    assert {path.name: path.read_bytes() for path in (all_arms.folder / "all").glob("*/*.parquet")} == before
    status = all_arms.assay("status", "all").stdout
    assert "An evaluation, in all" in status
    assert "Measured: tables and item records are written." in status


def test_an_exported_folder_scores_as_its_state_in_float32(all_arms: TinyStudy) -> None:
    done = all_arms.assay("export", "out", "exported", "--arm", "half.decay")
    assert done.returncode == 0, done.stderr
    key = final_states(all_arms.folder / "out")["half.decay", "1M", 0]
    wanted = ["eval", f"state/{key[:12]}", "exported", "--tasks", "guess.yaml", "--precision", "float32"]
    done = all_arms.assay(*wanted, "--out", "both")
    assert done.returncode == 0, done.stderr
    tables = [pq.read_table(path) for path in sorted((all_arms.folder / "both" / "items").glob("*.parquet"))]
    logprobs = [np.concatenate(table["logprob"].to_pylist()) for table in tables]
    assert np.abs(logprobs[0] - logprobs[1]).max() < 1e-3
    state, folder = about(all_arms, "both")["checkpoints"]
    assert (state["name"], state["size"], state["seed"]) == (key[:12], "1M", 0)
    assert (folder["name"], folder["size"], folder["seed"], folder["tokens_seen"]) == ("exported", "", -1, None)
    assert {one["precision"] for one in (state, folder)} == {"float32"}
    assert all(" float32 " in table["numerics"][0].as_py() for table in tables)


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_where_it_was(here: TinyStudy) -> None:
    wanted = ["eval", "out", "--all", "--tasks", "guess.yaml", "--limit", "5", "--workers", "1", "--out", "killed"]
    process = here.start(*wanted)
    log = here.folder / "killed" / "log.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (
        log.is_file() and '"end"' in log.read_text() and here.made(log.parent, "scores")
    ):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (log.parent / "eval.json").exists()
    done = here.assay(*wanted)
    assert done.returncode == 0, done.stderr
    made = here.made(log.parent, "scores")
    assert len(made) == len(set(made)) == len({*final_states(here.folder / "out").values()})
    assert len(about(here, "killed")["checkpoints"]) == 6


@pytest.mark.slow
def test_a_damaged_checkpoint_is_told_and_no_result_is_given(here: TinyStudy, tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    shutil.copytree(here.store, study.store)
    shutil.copytree(here.folder / "out", study.folder / "out")
    key = final_states(study.folder / "out")["half.none", "1M", 0]
    state = study.store / "objects" / "state" / key / "state.safetensors"
    state.write_bytes(b"\0" * state.stat().st_size)
    done = study.assay("eval", f"state/{key[:12]}", "--tasks", "colours.yaml", "--limit", "3", "--out", "evaluated")
    assert done.returncode == 1
    assert "run the study that made it again" in done.stderr
    assert not (study.folder / "evaluated" / "eval.json").exists()


def test_an_evaluation_is_not_written_over_something_else(tmp_path: Path) -> None:
    check_folder(tmp_path / "new")
    (tmp_path / "log.jsonl").touch()
    check_folder(tmp_path)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="holds something else than an evaluation"):
        check_folder(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        check_folder(tmp_path / "thesis.tex")
    (tmp_path / "eval.json").touch()
    check_folder(tmp_path)


CAPITALS = """\
task: capitals
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "The capital of {{{{country}}}} is"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{answer}}}}"
metric_list: [{{metric: acc}}]
metadata: {{version: 2}}
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("lm_eval") is None, reason="the harness is not installed")
def test_a_task_of_the_harness_is_run_beside_and_its_records_name_the_checkpoint(here: TinyStudy) -> None:
    more = here.folder / "more"
    more.mkdir()
    rows = [{"country": "Norway", "choices": ["Oslo", "Rome"], "answer": 0}] * 3
    (more / "rows.jsonl").write_text("".join(json.dumps({**row, "n": n}) + "\n" for n, row in enumerate(rows)))
    (more / "capitals.yaml").write_text(CAPITALS.format(rows=more / "rows.jsonl"))
    wanted = ["eval", "out", "--arm", "half.none", "--harness", "capitals", "--include", "more", "--out", "harnessed"]
    done = here.assay(*wanted)
    assert done.returncode == 0, done.stderr
    table = pq.read_table(here.folder / "harnessed" / "items" / "half.none.1M.s0.parquet")
    assert set(table["task"].to_pylist()) == {"lm-eval/capitals"}
    assert set(table["arm"].to_pylist()) == {"half.none"}
    (told,) = about(here, "harnessed")["harness"]["half.none 1M seed 0"]
    assert (told["version"], told["items"]) == ("2", 3)
    assert told["metrics"]["acc"] == np.mean(table["correct"].to_pylist())
    assert "Everything was there already" in here.assay(*wanted).stdout
