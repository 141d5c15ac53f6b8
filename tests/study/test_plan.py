import json
import subprocess
import sys
from pathlib import Path

import pytest

from assay.errors import InputError
from assay.study.plan import plan_record, plan_study

ARMS = [
    "text.decay", "text.cool20", "text.cool0", "balanced.decay", "balanced.cool20", "balanced-text.none",
    "balanced-text.decay", "balanced-text.cool0", "balanced-text.cool20", "code-text.decay", "code-text.cool20",
]  # fmt: skip


def test_the_quickstart_trains_nine_of_twenty_four_units() -> None:
    plan = plan_study("quickstart")
    unit = plan.study.spec.units["P"] * len(plan.study.seeds)
    assert sorted(plan.design.arms) == sorted(ARMS)
    assert plan.design.tokens == {"declared": 24 * unit, "trained": 9 * unit}
    assert plan.study.spec.units["P"] >= 300_000


def test_the_overnight_study_has_the_same_arms_at_twenty_tokens_a_parameter() -> None:
    plan = plan_study("overnight")
    assert plan.design.arms == plan_study("quickstart").design.arms
    parameters = sum(plan.design.parameters["1M"].values())
    longest = max(arm.steps for arm in plan.study.arms) * plan.study.tokens_per_step
    assert 18 < longest / parameters < 24


def test_every_contrast_of_the_quickstart_compares_like_endings_but_for_the_cooldowns_own() -> None:
    for contrast in plan_study("quickstart").design.contrasts:
        endings = {name.partition(".")[2] for name in contrast.arms}
        like = len(endings) == 1 or contrast.family == "cooldown"
        assert like or (set(contrast.arms) == {"balanced-text.cool20", "text.cool0"})
        assert like or any(confound.startswith("cooldown: ") for confound in contrast.confounds)


def test_what_differs_besides_the_factor_stands_beside_the_contrast() -> None:
    contrasts = {contrast.id: contrast for contrast in plan_study("quickstart").design.contrasts}
    assert "text tokens seen: 337,920 against 675,840" in contrasts["balanced.decay vs text.decay"].confounds
    none = contrasts["balanced-text.decay vs balanced-text.none"].confounds
    assert "total tokens: 675,840 against 614,400" in none
    assert not any(confound.startswith("cooldown") for confound in none), "that is what the contrast is about"


def test_repetition_is_a_confound_once_it_is_known_how_much_there_is() -> None:
    held = {"text": 500_000, "code": 10_000_000}
    contrasts = {contrast.id: contrast for contrast in plan_study("quickstart").with_epochs(held).design.contrasts}
    assert "epochs of text: 0.7 against 1.4" in contrasts["balanced.decay vs text.decay"].confounds
    assert not any("epochs of code" in confound for one in contrasts.values() for confound in one.confounds)


def test_a_study_that_declares_no_metrics_has_those_of_every_category() -> None:
    metrics = plan_study("quickstart", ["metrics=null"]).design.metrics
    declared = {metric.id for metric in metrics if metric.declared}
    wanted = {"knowledge", "reasoning", "code", "heldout_text", "heldout_code", "heldout_markup"}
    assert declared == {f"{name}/bits_per_byte" for name in wanted}
    assert not any(metric.declared for metric in plan_study("quickstart", ["metrics=[]"]).design.metrics)


def test_choices_that_the_paper_leaves_open_are_listed_with_this_studys() -> None:
    choices = {
        row["choice"]: row for row in plan_study("quickstart", ["train.learning_rate=0.005"]).design.open_choices
    }
    assert choices["peak learning rate"]["here"] == "1M 0.005"
    assert len(choices) >= 12


def test_a_grid_becomes_arms_and_a_trend_their_slope(tmp_path: Path) -> None:
    study = tmp_path / "share.yaml"
    study.write_text(
        "study: share\nquestion: how much code?\nbase: quickstart\n"
        "arms:\n  code-{share}:\n    grid: {share: [0, 0.25, 0.5]}\n"
        "    stages: [{mix: {code: '{share}', text: rest}, tokens: P}, decay]\n"
        "contrasts:\n  share: {asks: how much, factor: share of code, trend: {arms: 'code-{share}', over: share}}\n"
        "primary: null\n"
    )
    plan = plan_study(str(study))
    assert plan.design.arms == ("code-0", "code-0.25", "code-0.5")
    assert dict(plan.study.arm("code-0.25").stages[0].mix) == {"code": 250_000, "text": 750_000}
    assert dict(plan.study.arm("code-0").stages[0].mix) == {"text": 1_000_000}
    (trend,) = plan.design.contrasts
    assert trend.kind == "trend"
    assert trend.weights == pytest.approx((-2.0, 0.0, 2.0))
    assert (trend.a, trend.b) == ("code-0.5", "code-0")


INTERACTING = (
    "study: both\nquestion: is the cooldown's code worth more after code?\nbase: quickstart\nprimary: null\n"
    "contrasts:\n  both:\n    asks: more?\n    factor: cooldown\n    interactions: [[[{0}, {1}], [{2}, {3}]]]\n"
)


def test_an_interaction_is_a_difference_of_two_differences(tmp_path: Path) -> None:
    study = tmp_path / "both.yaml"
    study.write_text(INTERACTING.format("balanced.cool20", "balanced.decay", "text.cool20", "text.decay"))
    (one,) = plan_study(str(study)).design.contrasts
    assert one.id == "(balanced.cool20 vs balanced.decay) vs (text.cool20 vs text.decay)"
    assert (one.kind, one.weights) == ("interaction", (1.0, -1.0, -1.0, 1.0))
    assert one.pairs == (("balanced.cool20", "balanced.decay"), ("text.cool20", "text.decay"))
    assert (one.a, one.b) == ("balanced.cool20 − balanced.decay", "text.cool20 − text.decay")
    assert one.confounds == ("in text.cool20 − text.decay, text tokens seen: 645,120 against 675,840",), (
        "after half code the cooldown has as much text as the decay: what differs alike in both pairs cancels"
    )


def test_what_only_one_of_two_differences_repeats_is_a_confound(tmp_path: Path) -> None:
    study = tmp_path / "both.yaml"
    study.write_text(INTERACTING.format("balanced.cool20", "balanced.decay", "text.cool20", "text.decay"))
    plan = plan_study(str(study))
    held = dict.fromkeys(plan.ingredients(), 10_000_000) | {"text": 500_000}
    (one,) = plan.with_epochs(held).design.contrasts
    assert "in text.cool20 − text.decay, epochs of text: 1.2 against 1.4" in one.confounds


@pytest.mark.parametrize(("arms", "why"), [
    (("text.decay", "text.cool0", "text.cool20", "text.cool0"), "an interaction is of four arms.*are 3"),
    (("text.decay", "text.cool0", "text.cool20", "text.cool30"), "'text.cool30' is no arm of this study"),
])  # fmt: skip
def test_an_interaction_of_other_than_four_arms_is_refused(tmp_path: Path, arms: tuple[str, ...], why: str) -> None:
    study = tmp_path / "both.yaml"
    study.write_text(INTERACTING.format(*arms))
    with pytest.raises(InputError, match=why):
        plan_study(str(study))


def test_more_epochs_than_allowed_are_refused_with_the_arm_and_the_ingredient() -> None:
    plan = plan_study("quickstart")
    plan.check_epochs(dict.fromkeys(plan.ingredients(), 10000000))
    with pytest.raises(
        InputError, match=r"arm 'text.decay' takes 675,840 tokens of 'text', which holds 100,000: 6.8 epochs"
    ):
        plan.check_epochs({"text": 100_000})


def test_the_plan_is_json_and_trains_nothing() -> None:
    plan = plan_study("quickstart")
    record = json.loads(json.dumps(plan_record(plan, "here")))
    assert sum(segment["tokens"] for segment in record["segments"]) * 3 == plan.design.tokens["trained"]
    code = (
        "import sys; from assay.study.plan import plan_study; plan_study('quickstart'); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
