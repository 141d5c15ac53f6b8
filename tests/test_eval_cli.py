"""`assay eval` at the keyboard: what is refused, with which words, and what its tables say."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from assay.cli import app
from assay.errors import AssayError
from assay.evaluate.records import RECORDS
from assay.report.eval_table import as_record, print_sheet, sheets
from refusal import refused
from tiny_study import TinyStudy, write_sums


@pytest.fixture
def folder(ran: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the finished study's store, and things that are no checkpoints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_STORE", str(ran.store))
    (tmp_path / "out").symlink_to(ran.folder / "out")
    (tmp_path / "colours.yaml").symlink_to(ran.folder / "colours.yaml")
    (tmp_path / "colours.jsonl").symlink_to(ran.folder / "colours.jsonl")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512, "hidden_size": 64,
        "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 128, "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "max_position_embeddings": 64, "tie_word_embeddings": True, "rope_theta": 10000.0,
    }  # fmt: skip
    for name in ("weightless", "pickled"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("nowhere", "there is no checkpoint nowhere"),
        ("hf:nowhere", "there is no folder nowhere"),
        ("empty", "neither a plan.json, as a run folder, nor a config.json"),
        ("notes.txt", "is a file and no model"),
        ("weightless", "holds no model.safetensors"),
        ("pickled", "pytorch_model.bin is a pickle, which is not read"),
        ("wheel:gpt", "no pinned wheel with a model is called 'gpt'"),
        ("0000000000", "no artifact '0000000000' is in the store"),
        ("tokens/0000", "no artifact 'tokens/0000'"),
        ("out", "--arm says which arm of out is meant, or --all"),
        ("out --arm half.deca", "out has no arm 'half.deca'; did you mean 'half.decay'?"),
        ("out --arm half.decay --seed-of 9", "out has no seed 9"),
        ("out --arm half.decay --all", "--all takes every arm"),
        ("out --all --size 5M", "no arm of out has the size and seed"),
        ("weightless --arm x", "choose among the arms of a run folder"),
        ("out --all --tasks colour", "there is no task 'colour'"),
        ("out --all --tasks colours.yaml,colours.yaml", "the task 'colours' is named twice"),
        ("out --all --tasks ,", "--tasks names nothing"),
        ("out --all --heldout cod", "trained on (code, text); did you mean 'code'?"),
        ("out --all --heldout text,text", "the held-out set 'text' is named twice"),
        ("weightless --heldout text", "and no run folder was named"),
        ("out --all --suite stud", "there is no suite 'stud'; did you mean 'study'?"),
        ("out --all --suite nowhere.yaml", "there is no suite file nowhere.yaml"),
        ("out --all --suite study --tasks piqa", "give one of them"),
        ("out --all --limit 0", "--limit is a number of items from 1 on, or all, and not '0'"),
        ("out --all --tasks colours.yaml --generate", "task 'colours' is scored only"),
        ("out --all --tasks humaneval --generate", "nothing is left for the prompt"),
        ("out --all --temperature 1", "--temperature is about answers in words, which --generate asks for"),
        ("out --all --generate --samples 4", "4 samples at temperature 0 are one answer 4 times"),
        ("out --all --unsafe --sandbox docker", "--unsafe runs programs without a sandbox"),
        ("out --all --include empty", "--include adds tasks for --harness"),
        ("out --all --out notes.txt", "notes.txt is a file"),
        ("out --all --out weightless", "weightless holds something else than an evaluation"),
    ],
)
def test_a_wrong_order_is_refused_before_anything_is_written(folder: Path, arguments: str, told: str) -> None:
    before = sorted(folder.rglob("*"))
    assert told in refused("eval", *arguments.split())
    assert sorted(folder.rglob("*")) == before


def test_where_no_sandbox_can_be_had_nothing_is_run_or_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sums(folder)
    monkeypatch.setenv("PATH", str(folder / "empty"))
    before = sorted(folder.rglob("*"))
    with pytest.raises(AssayError, match="docker") as problem:
        app(
            ["eval", "out", "--arm", "half.decay", "--tasks", "sums.yaml", "--generate", "--sandbox", "docker"],
            standalone_mode=False,
        )
    assert problem.value.exit_code == 1
    assert sorted(folder.rglob("*")) == before


def write_evaluation(folder: Path, rows: list[dict[str, Any]], tasks: list[dict[str, Any]]) -> None:
    """An evaluation's folder with these records of one checkpoint."""
    (folder / "items").mkdir()
    empty = dict.fromkeys(RECORDS.names)
    pq.write_table(pa.Table.from_pylist([{**empty, **row} for row in rows], RECORDS), folder / "items" / "a.parquet")
    checkpoint = {
        "label": "a", "name": "a", "parameters": 1000, "tokens_seen": None, "precision": "float32",
        "records": "items/a.parquet",
    }  # fmt: skip
    about = {"checkpoints": [checkpoint], "tasks": tasks, "left_out": [], "programs": {}}
    (folder / "eval.json").write_text(json.dumps(about))


def task(name: str, chance: float | None, labels: bool = False, check: str | None = None) -> dict[str, Any]:
    asked = None if check is None else {"check": check}
    known = {"task": name, "title": name, "category": "reasoning", "chance": chance, "labels": labels}
    return {**known, "generation": asked}


def row(name: str, number: int, cluster: int, **measures: Any) -> dict[str, Any]:
    gold = {"gold_bits": 10.0 + number % 3, "gold_bytes": 4 + number % 5}
    return {"task": name, "item": str(number), "cluster": str(cluster), **gold, **measures}


def test_measures_and_their_clustered_errors_are_those_of_the_plain_formula(tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    clusters = np.repeat(np.arange(40), 3)
    correct = draw.random(120) < 0.3 + 0.5 * (clusters % 2)
    rows = [
        row("quiz", n, int(clusters[n]), correct=bool(correct[n]), samples=4, right=float(n % 5)) for n in range(120)
    ]
    write_evaluation(tmp_path, rows, [task("quiz", 0.5)])
    line = sheets(tmp_path)[0].lines[0]

    def clustered(residuals: Any) -> float:
        sums = np.array([residuals[clusters == c].sum() for c in range(40)])
        return math.sqrt(40 / 39 * (sums**2).sum()) / 120

    accuracy = line.measures["accuracy"]
    assert accuracy.value == pytest.approx(correct.mean())
    assert accuracy.se == pytest.approx(clustered(correct - correct.mean()))
    assert (accuracy.items, accuracy.clusters) == (120, 40)
    bits, size = (np.array([one[name] for one in rows]) for name in ("gold_bits", "gold_bytes"))
    ratio = bits.sum() / size.sum()
    assert line.measures["bits_per_byte"].value == pytest.approx(ratio)
    assert line.measures["bits_per_byte"].se == pytest.approx(clustered((bits - ratio * size) / size.mean()))
    share = np.arange(120) % 5 / 4
    assert line.measures["generated"].value == pytest.approx(share.mean())
    assert "margin" not in line.measures


@pytest.mark.parametrize(
    ("right", "told"), [(15, "Nothing above chance"), (22, "Above chance (lower 95 % bound): quiz")]
)
def test_a_checkpoint_that_is_above_chance_nowhere_is_told_so(
    tmp_path: Path, right: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row("quiz", number, number, correct=number < right) for number in range(30)]
    rows += [row("prose", number, number) for number in range(4)]
    write_evaluation(tmp_path, rows, [task("quiz", 0.5), task("prose", None)])
    (sheet,) = sheets(tmp_path)
    print_sheet(sheet, Console(width=120))
    assert told in capsys.readouterr().out
    assert as_record(sheet)["above_chance"] == (["quiz"] if right == 22 else [])


@pytest.mark.parametrize("labels", [True, False])
def test_always_yes_is_not_above_chance(tmp_path: Path, labels: bool) -> None:
    rows = [row("yesno", number, number, correct=number < 80, gold=int(number < 80)) for number in range(100)]
    write_evaluation(tmp_path, rows, [task("yesno", 0.5, labels=labels)])
    (sheet,) = sheets(tmp_path)
    assert sheet.lines[0].above_chance is not labels


def test_the_bits_of_label_words_are_in_no_mean(tmp_path: Path) -> None:
    rows = [row(name, number, number, correct=number < 2) for name in ("quiz", "yesno") for number in range(4)]
    rows = [{**one, "gold_bits": 99.0} if one["task"] == "yesno" else one for one in rows]
    write_evaluation(tmp_path, rows, [task("quiz", 0.5), task("yesno", 0.5, labels=True)])
    (sheet,) = sheets(tmp_path)
    alone = sheet.lines[0].measures["bits_per_byte"]
    assert sheet.means["reasoning"]["bits_per_byte"].value == pytest.approx(alone.value)
    assert sheet.means["reasoning"]["accuracy"].items == 8


def test_programs_that_were_sampled_have_pass_at_k_over_the_items_that_were_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rights = [0, 1, 3, 10]
    rows = [row("sums", n, n, samples=10, right=float(right)) for n, right in enumerate(rights)]
    write_evaluation(tmp_path, [*rows, row("sums", 9, 9)], [task("sums", None, check="program")])
    (sheet,) = sheets(tmp_path)
    found = sheet.lines[0].pass_at
    wanted = {k: np.mean([1 - math.comb(10 - c, k) / math.comb(10, k) for c in rights]) for k in (1, 5, 10)}
    assert {k: value.value for k, value in found.items()} == pytest.approx(wanted)
    assert found[1].items == 4
    assert sheet.lines[0].items == 5
    print_sheet(sheet, Console(width=120))
    assert "sums: pass@1 0.350" in capsys.readouterr().out
