"""What a tournament comes to: one claim a pair, from judges that passed, whatever the others say."""

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tournament_rows import exchanged

from assay.errors import InputError
from assay.judge.answers import Answers
from assay.judge.examples import EXAMPLES, LONGEST, choose_examples
from assay.judge.judgement import JudgePrompt
from assay.judge.prompt_set import PromptSet
from assay.judge.summary import summarise
from simulated_tournament import DECODING, Leaning, simulated

FEW = PromptSet(
    name="few",
    prompts=tuple(JudgePrompt(id=f"p{n}", text=f"Say {n}.", reference=f"It is {n}.") for n in range(2)),
)


@pytest.fixture(scope="module")
def clear() -> dict[str, Any]:
    return summarise(simulated({"code": 1.0, "text": 0.0, "same": 1.0}))


def test_a_planted_preference_is_claimed_with_its_direction_and_none_where_there_is_none(clear: dict[str, Any]) -> None:
    found, open_one = clear["claim"]
    assert (found["verdict"], found["prefers"], found["judge"]) == ("a preferred", "code", "reading")
    assert (open_one["verdict"], open_one["prefers"]) == ("cannot tell", None)
    assert "points or more would have been found (80 % power)" in open_one["why"]
    turned = summarise(simulated({"text": 0.0, "code": 1.0}))["claim"][0]
    assert (turned["verdict"], turned["prefers"]) == ("b preferred", "code")
    rate = turned["text"].partition("win rate ")[2].partition(" %")[0]
    assert float(rate) > 60, "a sentence gives the rate of the arm that it calls preferred"


def test_verdicts_are_by_the_p_after_holm_and_not_by_the_interval(clear: dict[str, Any]) -> None:
    arms = {f"arm{number}": 0.7 * (number % 2) for number in range(9)}
    rows = summarise(simulated(arms, seeds=[0], seed=7))["pairs"] + clear["pairs"]
    assert any(row["win_rate"]["p"] <= 0.05 < row["win_rate"]["p_adjusted"] for row in rows)
    for row in rows:
        assert (row["prefers"] is not None) == (row["win_rate"]["p_adjusted"] <= 0.05)


def test_the_summary_is_json_and_the_order_of_the_judgements_does_not_matter(clear: dict[str, Any]) -> None:
    assert json.loads(json.dumps(clear, allow_nan=False)) == clear
    judged = simulated({"code": 1.0, "text": 0.0, "same": 1.0})
    rows = list(judged.judgements)
    Random(3).shuffle(rows)
    rows = [exchanged(row) if place % 3 else row for place, row in enumerate(rows)]
    assert json.dumps(summarise(replace(judged, judgements=rows))) == json.dumps(clear)


def test_a_judge_that_failed_keeps_its_numbers_and_carries_no_claim() -> None:
    found = summarise(simulated({"code": 5.0, "text": 0.0}, ["leaning"]))
    (row,), (claim,), (judge,) = found["pairs"], found["claim"], found["judges"]
    assert judge["passed"] is False and row["verdict"] == "judge failed the exam" and row["prefers"] is None
    assert "position lean" in row["why"]
    assert (row["win_rate"]["rate"], row["flip_rate"]["value"]) == (0.5, 1.0)
    assert (claim["verdict"], claim["why"], claim["judge"], found["speaker"]) == (
        "cannot tell", "no judge passed", None, None,
    )  # fmt: skip
    assert claim["text"] == "code against text: cannot tell: no judge passed."


def test_no_verdict_of_a_failed_judge_is_a_claim_however_clear_its_numbers_are() -> None:
    judged = simulated({"code": 5.0, "text": 0.0})
    exam = {**judged.exams["reading"], "passed": False, "shortfalls": ["it was caught"]}
    found = summarise(replace(judged, exams={"reading": exam}))
    assert found["pairs"][0]["win_rate"]["p_adjusted"] < 0.001
    assert (found["pairs"][0]["verdict"], found["pairs"][0]["why"]) == ("judge failed the exam", "it was caught")
    assert found["claim"][0]["why"] == "no judge passed"


def test_without_an_exam_there_is_no_claim() -> None:
    found = summarise(simulated({"code": 5.0, "text": 0.0}, examined=False))
    assert found["judges"][0]["passed"] is None
    assert (found["pairs"][0]["verdict"], found["claim"][0]["why"]) == ("judge sat no exam", "no judge passed")


def test_the_one_judge_that_passed_speaks_and_several_speak_as_a_panel() -> None:
    one = summarise(simulated({"code": 1.0, "text": 0.0}, ["leaning", "reading"]))
    assert one["speaker"] == "reading" == one["claim"][0]["judge"]
    assert [row["judge"] for row in one["pairs"]] == ["leaning verdict", "reading"]
    assert [judge["passed"] for judge in one["judges"]] == [False, True]
    three = summarise(simulated({"code": 1.0, "text": 0.0}, ["reading", "other", "leaning"]))
    assert three["speaker"] == "panel" == three["claim"][0]["judge"]
    assert [row["judge"] for row in three["pairs"]] == ["panel", "reading", "other", "leaning verdict"]
    assert len(three["agreement"]["pairs"]) == 3
    reading = {(row["one"], row["other"]): row["kappa"] for row in three["agreement"]["pairs"]}
    assert 0.3 < reading["other", "reading"] < 0.9, "two that read the same truth through noise"
    assert reading["leaning verdict", "other"] == pytest.approx(0), "one that says nothing"


def test_a_judge_cannot_take_the_panels_name() -> None:
    with pytest.raises(InputError, match="cannot be called 'panel'"):
        summarise(simulated({"code": 1.0, "text": 0.0}, ["panel", "reading"]))


def test_three_arms_are_ranked_and_what_cannot_be_ranked_is_told() -> None:
    pairs = (("low", "high"), ("low", "middle"), ("middle", "high"))
    found = summarise(simulated({"low": 0.0, "middle": 0.6, "high": 1.2}, pairs=pairs))
    assert [one["arm"] for one in found["rankings"][0]["strengths"]] == ["high", "middle", "low"]
    (beaten,) = summarise(simulated({"low": 0.0, "middle": 0.0, "high": 50.0}))["rankings"]
    assert beaten["strengths"] == [] and "never lost" in beaten["why_not"]
    assert summarise(simulated({"code": 1.0, "text": 0.0}))["rankings"] == []


def test_one_training_of_each_arm_speaks_of_these_checkpoints_alone(clear: dict[str, Any]) -> None:
    told = "not of another training"
    assert told not in clear["claim"][0]["text"]
    assert told in summarise(simulated({"code": 1.0, "text": 0.0}, seeds=[0]))["claim"][0]["text"]
    assert told in summarise(simulated({"code": 1.0, "text": 0.0}, seeds_are="sampled"))["claim"][0]["text"]


def test_a_judge_that_was_asked_about_no_pair_has_its_exam_and_no_numbers() -> None:
    judged = simulated({"code": 5.0, "text": 0.0}, ["leaning", "reading"])
    rows = [row for row in judged.judgements if row.judge == "reading"]
    found = summarise(replace(judged, judgements=rows))
    assert [(one["passed"], one["asked"]) for one in found["judges"]] == [(False, False), (True, True)]
    assert {row["judge"] for row in found["pairs"]} == {"reading"} and found["speaker"] == "reading"
    alone = summarise(replace(judged, judgements=[], exams={"leaning verdict": judged.exams["leaning verdict"]}))
    assert alone["pairs"] == [] and alone["seeds"] == [0, 1, 2, 3, 4]
    assert alone["claim"][0]["text"] == "code against text: cannot tell: no judge passed."


def test_a_pair_that_a_judge_never_saw_has_no_row_and_its_claim_says_so() -> None:
    judged = simulated({"code": 1.0, "text": 0.0, "other": 0.0})
    rows = [row for row in judged.judgements if row.b != "other"]
    found = summarise(replace(judged, judgements=rows))
    assert [(row["a"], row["b"]) for row in found["pairs"]] == [("code", "text")]
    assert found["claim"][1]["why"] == "its answers were not judged"


def test_judgements_without_any_verdict_come_to_nothing_and_say_so() -> None:
    judged = simulated({"code": 1.0, "text": 0.0})
    mute = [replace(row, preferred="none", words="status 500 after 6 tries") for row in judged.judgements]
    found = summarise(replace(judged, judgements=mute, accounts={"reading": "180 of 180 questions without a reply"}))
    assert (found["claim"][0]["verdict"], found["claim"][0]["why"]) == ("cannot tell", "no answer has an outcome")
    assert found["examples"] == []
    assert found["judges"][0]["account"] == "180 of 180 questions without a reply"
    nothing = summarise(replace(judged, judgements=[]))
    assert nothing["pairs"] == [] and nothing["claim"][0]["verdict"] == "cannot tell"


def test_few_prompts_that_all_say_the_same_decide_nothing() -> None:
    judged = simulated({"code": 9.0, "text": -9.0}, prompts=FEW, seeds=[0])
    exams = {"reading": {**judged.exams["reading"], "passed": True}}
    (claim,) = summarise(replace(judged, exams=exams))["claim"]
    assert claim["why"] == "p = 0.500; all outcomes on 2 prompts are the same"
    one = [row for row in judged.judgements if row.prompt == "p0"]
    assert summarise(replace(judged, judgements=one, exams=exams))["claim"][0]["why"] == "one prompt shows nothing"


def test_watching_is_told_only_when_asked_and_its_errors_are_shared_among_the_pairs(clear: dict[str, Any]) -> None:
    assert all(row["watched"] is None for row in clear["pairs"])
    rows = summarise(simulated({"code": 1.5, "text": 0.0, "same": 1.5}), sequential=True)["pairs"]
    assert [row["watched"]["alpha"] for row in rows] == [0.025, 0.025]
    assert rows[0]["watched"]["prefers"] == "code" and 0 < rows[0]["watched"]["decided_after"] <= 30


def test_what_was_asked_and_answered_is_told(clear: dict[str, Any]) -> None:
    assert clear["prompts"]["count"] == 30 == sum(clear["prompts"]["categories"].values())
    assert clear["decoding"] == DECODING and clear["seeds"] == [0, 1, 2, 3, 4]
    assert [row["answers"] for row in clear["answers"]] == [150, 150, 150]
    judged = simulated({"code": 1.0, "text": 0.0})
    other = Answers(name="text", of=judged.answers["text"].of)
    assert summarise(replace(judged, answers={**judged.answers, "text": other}))["decoding"] is None


def test_examples_are_a_dozen_of_all_kinds_with_the_answers_that_were_judged() -> None:
    judged = simulated({"code": 0.3, "text": 0.0}, ["reading", "other", "leaning"])
    examples = summarise(judged)["examples"]
    assert len(examples) == EXAMPLES
    assert {one["kind"] for one in examples} == {"win", "loss", "judges differ"}
    assert sum(one["kind"] == "win" for one in examples) == 4
    for one in examples:
        assert one["answer_a"] == judged.answers["code"].of[one["prompt"], one["seed"]]
        assert one["answer_b"] == judged.answers["text"].of[one["prompt"], one["seed"]]
        said = {each["judge"]: (each["a_first"]["preferred"], each["b_first"]["preferred"]) for each in one["said"]}
        assert said[Leaning.name] == ("a", "b")
        wanted = {"win": {("a", "a")}, "loss": {("b", "b")}, "judges differ": {("a", "a"), ("b", "b")}}
        assert {said["reading"], said["other"]} == wanted[one["kind"]]


def test_where_every_judge_failed_the_examples_are_still_there() -> None:
    examples = summarise(simulated({"code": 1.0, "text": 0.0}, ["leaning"]))["examples"]
    assert len(examples) == EXAMPLES and {one["kind"] for one in examples} == {"flip"}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3 * LONGEST))
def test_examples_cut_long_texts_say_so_and_do_not_depend_on_the_order_of_the_records(draw: int, size: int) -> None:
    judged = simulated({"code": 1.0, "text": 0.0}, prompts=FEW, seeds=[0])
    long = Answers(name="code", of=dict.fromkeys(judged.answers["code"].of, "x" * size))
    answers = {**judged.answers, "code": long}
    rows = list(judged.judgements)
    found = choose_examples(rows, judged.pairs, ["reading"], ["reading"], FEW, answers)
    Random(draw).shuffle(rows)
    assert choose_examples(rows, judged.pairs, ["reading"], ["reading"], FEW, answers) == found
    for one in found:
        assert one["answer_a"].startswith("x" * min(size, LONGEST))
        assert ("characters more" in one["answer_a"]) == (size > LONGEST)
