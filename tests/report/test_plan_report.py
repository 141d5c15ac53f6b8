"""`assay plan` as a person and a program meet it."""

import io
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from assay.report.plan_report import plan_report
from assay.report.plan_tree import print_plan
from assay.study.cost import Calibration
from assay.study.plan import plan_record, plan_study


def program(*arguments: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "assay", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def printed(study: str, calibration: Calibration | None = None, **held: int) -> str:
    plan = plan_study(study)
    known = plan.declared_tokens() or held
    report = plan_report(plan.with_epochs(known), "here", known, calibration=calibration)
    file = io.StringIO()
    print_plan(plan.with_epochs(known), report, Console(file=file))
    return " ".join(file.getvalue().split())


def test_the_plan_of_the_quickstart_tells_what_it_shares_costs_and_compares() -> None:
    told = printed("quickstart")
    assert "11 arms, 1 size (1M), 3 seeds (0, 1, 2)" in told
    assert "22,118,400 declared, 8,294,400 to train (0.375 of it), 13,824,000 saved (62.5 %)" in told
    assert "61,440 of 100 % text, linear → text.decay" in told
    assert "H100 SXM" in told
    assert "51 training states" in told
    assert "this machine │ add --calibrate" in told
    assert "balanced-text.cool20 vs text.cool0" in told
    assert "is known once the corpus was made" in told


def test_a_measured_machine_and_known_ingredients_are_told() -> None:
    told = printed("quickstart", Calibration({"5M": 9_000.0}, {}, "two cores", 4096, 1024), text=8_000_000)
    assert "this machine (1M extrapolated)" in told
    assert "text 675,840 (0.08 epochs)" in told


def test_the_papers_plan_tells_each_sizes_tree_and_saving() -> None:
    told = printed("to-code-paper")
    assert "470M, one seed: 3,580B tokens to train" in told
    assert "2.8B, one seed: 1,560B tokens to train" in told
    assert "with a cosine in each stage, 600B more" in told
    assert "synthetic 22B (6.87 epochs)" in told
    assert "Smallest effects: unknown, run a pilot" in told


def test_everything_printed_is_in_the_json_and_the_plans_own_keys_stay() -> None:
    plan = plan_study("quickstart")
    report: dict[str, Any] = json.loads(json.dumps(plan_report(plan, "here", {}), allow_nan=False))
    record = plan_record(plan, "here")
    assert {name: report[name] for name in record} == json.loads(json.dumps(record))
    assert {"cost", "alternatives", "epochs", "disk", "smallest_effects", "noise"} <= set(report)
    assert len(report["smallest_effects"]) == 13 * 4
    assert set(report["smallest_effects"][0]) == {"contrast", "size", "metric", "effect"}


def test_costs_are_no_part_of_what_a_run_is_identified_by() -> None:
    text = json.dumps(plan_record(plan_study("quickstart"), "here"))
    assert not any(word in text for word in ("chip_hours", "dollars", "tokens_per_second", "smallest_effects"))


def test_a_plan_has_no_smallest_effect_at_a_size_where_an_arm_is_not_trained() -> None:
    plan = plan_study("to-code-paper")
    rows = plan_report(plan, "here", plan.declared_tokens())["smallest_effects"]
    at = {row["size"] for row in rows if row["contrast"] == "share-100 vs share-0"}
    assert at == {"470M"}


def test_the_program_plans_the_paper_within_three_seconds(tmp_path: Path) -> None:
    """Of a processor, as this machine may have other work."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = program("plan", "to-code-paper", folder=tmp_path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert after.ru_utime - before.ru_utime < 3
    tables = [line for line in done.stdout.splitlines() if line[0:1] in {"│", "┃", "├", "└"}]
    assert len(tables) > 40
    assert max(map(len, tables)) <= 160
    assert not list(tmp_path.iterdir()), "a plan writes nothing"


def test_the_program_takes_prices_and_gives_json(tmp_path: Path) -> None:
    done = program("plan", "to-code-paper", "--price", "H100=2.10", "--json", folder=tmp_path)
    rows = {row["name"]: row for row in json.loads(done.stdout)["cost"]["accelerators"]}
    assert rows["H100"]["dollars_per_chip_hour"] == 2.10
    wrong = program("plan", "quickstart", "--price", "H10=2", folder=tmp_path)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "did you mean 'H100'?" in wrong.stderr


@pytest.mark.parametrize("arguments", [("run", "to-code-paper"), ("run", "to-code-paper", "--out", "here")])
def test_a_study_on_declared_ingredients_is_not_run(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = program(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert "can be planned, not run" in done.stderr
    assert "ingredient 'synthetic'" in done.stderr
    assert "Traceback" not in done.stderr
