"""A finished study that is asked to answer in words, and to be measured on the way: what is new is made, no more."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tiny_study import STUDY, TASK, TinyStudy, write_sums

COLOURS = TASK.replace("plain: {", "plain:\n    {").replace(
    'gold: "{{ answer }}"}',
    'gold: "{{ answer }}",\n      generate: {stop: ["\\n"], tokens: 5, check: f1, accept: options}}',
)
DATA = {"package", "documents", "ingredient", "tokenizer", "tokens"}


def written(study: TinyStudy, evaluate: str) -> Path:
    """The study with more to measure, and its two tasks."""
    (study.folder / "colours.yaml").write_text(COLOURS)
    write_sums(study.folder)
    text = STUDY.replace("tasks: [colours.yaml]", "tasks: [colours.yaml, sums.yaml]")
    path = study.folder / "asked.yaml"
    path.write_text(text.replace("  limit: 12\n", f"  limit: 12\n  {evaluate}\n"))
    return path


def items_of(out: Path) -> pa.Table:
    return pa.concat_tables(map(pq.read_table, sorted((out / "items").glob("*.parquet"))))


def test_answers_are_added_to_what_was_scored_and_nothing_is_trained_again(copied: TinyStudy) -> None:
    study = written(copied, "generate: {samples: 3, temperature: 1.0, limit: 6}")
    done = copied.assay("run", study, "--out", "asked")
    assert done.returncode == 0, done.stderr
    out = copied.folder / "asked"
    for kind in (*DATA, "state"):
        assert not copied.made(out, kind)
    assert len(copied.made(out, "gold")) == 1
    assert len(copied.made(out, "prompts")) == 2
    assert len(copied.made(out, "answers")) == len(copied.made(out, "verdicts")) == 2 * 3 * 2
    assert {title.split()[1] for title in copied.made(out, "scores")} == {"sums,"}, "colours were scored before"
    items = items_of(out)
    asked = items.filter(pc.is_valid(items["samples"]))
    assert set(asked["samples"].to_pylist()) == {3}
    assert set(asked["task"].to_pylist()) == {"colours", "sums"}
    per_arm = asked.group_by(["arm", "seed", "task"]).aggregate([("item", "count_distinct")])
    assert set(per_arm["item_count_distinct"].to_pylist()) == {6}
    right = asked["right"].to_pylist()
    assert all(0 <= value <= 3 for value in right)
    results = json.loads((out / "results.json").read_text())
    metrics = {row["metric"] for row in results["arms_table"]}
    assert {"sums/answers", "colours/answers", "code/answers"} <= metrics
    again = copied.assay("run", study, "--out", "asked")
    assert "nothing was" in again.stdout


def test_an_arm_is_measured_at_the_end_of_every_stage_and_between(copied: TinyStudy) -> None:
    done = copied.assay("run", written(copied, "at: 4"), "--out", "asked")
    assert done.returncode == 0, done.stderr
    items = items_of(copied.folder / "asked")
    arm = items.filter(pc.and_(pc.equal(items["arm"], "text.decay"), pc.equal(items["seed"], 0)))
    seen = arm.group_by(["tokens_seen", "stage", "checkpoint"]).aggregate([("item", "count")])
    points = sorted((row["tokens_seen"] // 128, row["stage"]) for row in seen.to_pylist())
    assert points == [(4, "text"), (5, "text"), (8, "text (2)"), (10, "text (2)"), (12, "decay")]
    assert len(set(seen["item_count"].to_pylist())) == 1
    first = pq.ParquetFile(copied.folder / "asked" / "items" / "text.decay.1M.s0.parquet").read_row_group(0)
    assert first["tokens_seen"][0].as_py() == 12 * 128, "the end stands first"


@pytest.mark.parametrize(
    ("evaluate", "said"),
    [
        ("generate: {samples: 2}", "2 samples at temperature 0 are one answer 2 times"),
        ("generate: {tasks: [colour.yaml]}", "is not among the study's tasks"),
        ("at: never", "at"),
        ("generate: {top_p: 0}", "top_p"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(copied: TinyStudy, evaluate: str, said: str) -> None:
    done = copied.assay("plan", written(copied, evaluate))
    assert done.returncode == 2
    assert said in done.stderr
    assert "asked.yaml:" in done.stderr
    assert "Traceback" not in done.stderr
