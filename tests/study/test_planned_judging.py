"""A study that asks for win rates: who is judged by whom, what is refused and where, what a plan says of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InputError
from assay.judge.wanted import EndpointWanted, LocalWanted
from assay.report.plan_report import judging_report
from assay.study.disk import disk_needed
from assay.study.judging import JudgePlan, judged_arms, judged_name, judged_pairs
from assay.study.plan import Plan, plan_record, plan_study

STUDY = "study: judged\nquestion: which?\nbase: quickstart\nseeds: 2\njudge:\n"
ENDPOINT = "{url: 'http://127.0.0.1:9/v1', model: judge-1, price: [2, 4], dollars: 1}"


def planned(folder: Path, judge: str, *overrides: str, more: str = "") -> Plan:
    path = folder / "judged.yaml"
    path.write_text(STUDY + "".join(f"  {line}\n" for line in judge.splitlines()) + more)
    return plan_study(str(path), overrides)


def judging_of(plan: Plan) -> JudgePlan:
    assert plan.judging is not None
    return plan.judging


def told(plan: Plan) -> dict[str, Any]:
    return judging_report(plan.study, judging_of(plan))


def test_a_study_asks_for_no_win_rates_unless_it_says_so() -> None:
    plan = plan_study("quickstart")
    assert plan.judging is None
    assert "judge" not in plan_record(plan, "here")


def test_the_pairs_of_the_contrasts_are_judged_once_each(tmp_path: Path) -> None:
    plan = planned(tmp_path, "limit: 12", "contrasts.recipes.pairs=[[text.decay, balanced.decay]]", "primary=null")
    pairs = judging_of(plan).pairs
    assert pairs.count(("balanced.decay", "text.decay")) == 1
    assert ("text.decay", "balanced.decay") not in pairs, "that is the same pair"
    assert {frozenset(pair) for pair in pairs} == {
        frozenset((one.a, one.b)) for one in plan.design.contrasts if one.kind == "pair"
    }


def test_a_pair_is_judged_at_every_size_that_both_arms_have_under_names_that_say_so(tmp_path: Path) -> None:
    plan = planned(tmp_path, "pairs: [[text.cool20, text.cool0]]", more="sizes: [1M, 5M]\n")
    judging = judging_of(plan)
    assert judged_pairs(plan.study, judging) == [
        ("1M", "text.cool20", "text.cool0"),
        ("5M", "text.cool20", "text.cool0"),
    ]
    assert len(judged_arms(plan.study, judging)) == 4
    assert judged_name(plan.study, "text.cool0", "5M") == "text.cool0 5M"
    assert judged_name(plan_study("quickstart").study, "text.cool0", "1M") == "text.cool0"


def test_judges_of_both_kinds_are_looked_up(tmp_path: Path) -> None:
    judging = judging_of(planned(tmp_path, f"judges: [likelihood, letters, {ENDPOINT}]\nlimit: 12"))
    likelihood, letters, endpoint = judging.judges
    assert isinstance(likelihood, LocalWanted)
    assert isinstance(letters, LocalWanted)
    assert (likelihood.role, letters.role, letters.format) == ("likelihood", "verdict", "letters")
    assert isinstance(endpoint, EndpointWanted)
    assert endpoint.endpoint.dollars_per_million_out == 4
    assert endpoint.budget is not None
    assert endpoint.budget.dollars == 1


def test_files_that_a_study_names_are_found_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": name, "text": f"Tell of {name}.", "reference": f"Once there was {name}."} for name in ("a", "b")]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir("/")
    judging = judging_of(planned(tmp_path, f"prompts: mine.jsonl\njudges: [{ENDPOINT}]"))
    assert [prompt.id for prompt in judging.prompts.prompts] == ["a", "b"]
    assert judging.model is None, "nobody judges on this machine"


@pytest.mark.parametrize(
    ("judge", "said", "line"),
    [
        ("limit: 12\nprompts: opne", "there is no prompt set 'opne'; did you mean 'open'?", 7),
        ("judges: [likelihoood]", "there is no judge 'likelihoood'", 6),
        ("judges: []", "judge.judges", 6),
        ("judges: [likelihood, likelihood]", "a judge is asked for twice", 6),
        ("judges:\n  - {url: 'http://127.0.0.1:9/v1'}", "'model' is missing", 7),
        ("judges:\n  - likelihood\n  - {url: here, model: one}", "the url of an endpoint is like", 8),
        ("judges:\n  - {url: 'http://127.0.0.1:9/v1', model: one, prices: [1, 2]}", "unknown key", 7),
        ("judges: [{url: 'http://127.0.0.1:9/v1', model: m, format: lettres}]", "no judge format 'lettres'", 6),
        ("judge_model: wheel:llm-smolm2", "no pinned wheel with a model is called 'llm-smolm2'", 6),
        ("judge_model: SmolLM2", "write hf:FOLDER-OR-NAME", 6),
        ("pairs: [[text.cool20, text.cool30]]", "'text.cool30' is no arm; did you mean", 6),
        ("pairs:\n  - [text.cool20, text.cool0]\n  - [text.cool0, text.cool20]", "are asked for twice", 8),
        ("pairs: [[text.cool20, text.cool20]]", "is judged against itself", 6),
        ("limit: 12\ntokens: 1024", "answers of up to 1,024 tokens leave nothing of a sequence of 1,024", 7),
        ("temperature: -1", "judge.temperature", 6),
        ("categories: [stroy]", "there is no category 'stroy'; did you mean 'story'?", None),
        ("prompt: open", "unknown key 'judge.prompt'; did you mean 'prompts'?", 6),
    ],
)
def test_what_cannot_be_judged_is_refused_with_its_place(
    tmp_path: Path, judge: str, said: str, line: int | None
) -> None:
    with pytest.raises(InputError) as caught:
        planned(tmp_path, judge)
    assert said in str(caught.value)
    place = f"{tmp_path / 'judged.yaml'}:{line}:" if line else f"{tmp_path / 'judged.yaml'}:"
    assert str(caught.value).startswith(place)


def test_without_a_contrast_the_pairs_must_be_named(tmp_path: Path) -> None:
    nothing = ["contrasts={}", "primary=null"]
    with pytest.raises(InputError, match="give 'pairs' here"):
        planned(tmp_path, "limit: 12", *nothing)
    assert len(judging_of(planned(tmp_path, "pairs: [[text.cool20, text.cool0]]", *nothing)).pairs) == 1


def test_prompts_without_references_make_no_exam(tmp_path: Path) -> None:
    (tmp_path / "bare.txt").write_text("Tell me a story.\nAnd another.\n")
    with pytest.raises(InputError, match=r"judged\.yaml:6: .*an exam needs two prompts with a reference"):
        planned(tmp_path, "prompts: bare.txt")


def test_where_an_endpoint_is_and_what_it_may_cost_is_no_part_of_what_was_asked(tmp_path: Path) -> None:
    def record(judge: str) -> Any:
        return plan_record(planned(tmp_path, judge), "here")["judge"]

    one = record(f"limit: 12\njudges: [{ENDPOINT}]")
    assert record("limit: 12\njudges: [{url: 'http://127.0.0.1:10/v1', model: judge-1, calls: 3}]") == one
    assert record("limit: 12\njudges: [{url: 'http://127.0.0.1:9/v1', model: judge-2}]") != one
    assert record(f"limit: 13\njudges: [{ENDPOINT}]") != one
    assert record(f"limit: 12\ntemperature: 0\njudges: [{ENDPOINT}]") != one


def test_what_judging_takes_is_counted_in_both_orders_seeds_and_pairs(tmp_path: Path) -> None:
    pairs = "pairs: [[text.cool20, text.cool0], [text.cool20, text.decay]]"
    plan = planned(tmp_path, f"limit: 12\n{pairs}\njudges: [likelihood, {ENDPOINT}]")
    found = told(plan)
    assert found["prompts"]["count"] == 12
    assert found["answers"] == 3 * 2 * 12, "arms, seeds, prompts"
    assert found["judgements"] == 2 * 2 * 2 * 12, "orders, pairs, seeds, prompts"
    local, endpoint = found["judges"]
    assert local["endpoint"] is None
    assert endpoint["endpoint"]["calls"] == found["judgements"] + found["exam"]
    assert endpoint["endpoint"]["dollars"] > 0
    least = found["smallest_difference"]
    twice = told(planned(tmp_path, f"limit: 12\n{pairs}", "seeds=8"))["smallest_difference"]
    assert twice["seeds_independent"] < least["seeds_independent"]
    assert twice["seeds_alike"] == least["seeds_alike"], "seeds that answer alike teach nothing"
    more = told(planned(tmp_path, f"limit: 84\n{pairs}"))["smallest_difference"]
    assert more["seeds_alike"] < 0.5


def test_the_judges_wheel_is_among_the_downloads(tmp_path: Path) -> None:
    with_judge, without = planned(tmp_path, "limit: 12"), plan_study("quickstart")
    package = judging_of(with_judge).model
    assert package is not None
    assert package.package is not None
    more = disk_needed(with_judge, {})["packages"] - disk_needed(without, {})["packages"]
    assert more == package.package.package.bytes


def test_the_plan_on_the_terminal_says_what_judging_takes_without_torch(tmp_path: Path) -> None:
    path = tmp_path / "judged.yaml"
    path.write_text(STUDY + f"  limit: 12\n  pairs: [[text.cool20, text.cool0]]\n  judges: [likelihood, {ENDPOINT}]\n")
    script = "import sys\nfrom assay.cli import main\ntry:\n    main()\nfinally:\n    assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", script, "plan", str(path), "--no-calibrate"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Win rates: 48 answers to the 12 prompts of open; 1 pair of arms, 48 judgements in both" in done.stdout
    assert "judge-1 letters by text at http://127.0.0.1:9/v1" in done.stdout
    assert "the cap is $1" in done.stdout
    assert "points of win minus loss" in done.stdout


def test_the_built_in_study_asks_for_four_arms_and_sixty_prompts_or_more() -> None:
    plan = plan_study("winrate")
    judging = judging_of(plan)
    assert len(plan.design.arms) == 4
    assert len(judging.prompts.prompts) >= 60
    assert ("balanced-text.cool20", "text.cool20") in judging.pairs
    assert {arm for _, arm in judged_arms(plan.study, judging)} == set(plan.design.arms)
    assert not any(confound.startswith("total tokens") for one in plan.design.contrasts for confound in one.confounds)
