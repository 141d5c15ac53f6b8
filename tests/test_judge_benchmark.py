"""The judge's benchmark measures what it says, on a tiny model and with judges whose verdicts are known."""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

import _judge_material as material
import judge as benchmark
from assay.endpoint.chat import plain_template
from assay.endpoint.served import Served
from assay.judge.answers import Answers
from assay.judge.exam import EXTRA, KINDS, build_exam, sit
from assay.judge.judgement import Pairing, Said, Say
from assay.judge.pairings import shown_prompts
from assay.judge.prompt_set import PromptSet, load_prompt_set
from served_model import decoder, tokenizer
from tiny_study import TinyStudy


class Later:
    """Prefers the answer of the higher seed, and remembers which seeds it saw together."""

    name = "later"

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        seeds = [(int(one.first.split()[1]), int(one.second.split()[1])) for one in pairings]
        self.seen += seeds
        return [Said(preferred="first" if first > second else "second") for first, second in seeds]


class Alternating:
    """Prefers each arm on every other prompt, whatever the order."""

    name = "alternating"

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        return [Said(preferred="first" if (at // 2 + at) % 2 else "second") for at in range(len(pairings))]


def tiny(chats: bool) -> material.Arm:
    return material.Arm(Served("tiny", decoder(), tokenizer(), 2048, (0,), frozenset([0]), plain_template((0,))), chats)


def said(prompts: PromptSet, seeds: int) -> Answers:
    return Answers(
        name="one", of={(one.id, seed): f"seed {seed} to {one.id}" for one in prompts.prompts for seed in range(seeds)}
    )


def test_tournaments_of_an_arm_with_itself_share_no_answer_and_a_judge_with_a_preference_is_found_out() -> None:
    prompts, judge = load_prompt_set("open", 8), Later()
    rates = material.real_a_a(judge, "base", prompts, said(prompts, 6), 3)
    assert set(judge.seen) == {(0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 4)}
    assert [(rate.wins, rate.losses, rate.ties) for rate in rates] == [(0, 8, 0)] * 3
    figures = material.a_a_figures(rates)
    assert (figures["aa_real_tournaments"], figures["aa_real_significant"]) == (3, 3)
    assert figures["aa_real_smallest_p"] == pytest.approx(2 * 0.5**8) and figures["aa_real_prompts"] == 8


def test_a_judge_without_a_preference_finds_none() -> None:
    prompts = load_prompt_set("open", 8)
    rates = material.real_a_a(Alternating(), "base", prompts, said(prompts, 4), 2)
    assert [(rate.wins, rate.losses, rate.ties, rate.rate) for rate in rates] == [(4, 4, 0, 0.5)] * 2
    assert material.a_a_figures(rates)["aa_real_significant"] == 0


def test_dolly_s_rows_are_those_that_nothing_was_fitted_on(tmp_path: Path) -> None:
    file = tmp_path / material.DOLLY
    file.parent.mkdir(parents=True)
    head = "Below is an instruction.\n\n### Instruction:\n{}\n\n### Response:\n"
    rows = [{"prompt": head.format(f"What is {number}?"), "response": "word " * 20} for number in range(60)]
    rows[3]["response"], rows[4]["prompt"] = "too short", "no heading"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    unseen = [number for number in range(60) if int(hashlib.sha256(f"dolly-{number}".encode()).hexdigest()[1], 16) % 2]
    expected = [f"dolly-{number}" for number in unseen if number not in (3, 4)]
    found = material.unseen_dolly(tmp_path, 100)
    assert [one.id for one in found.prompts] == expected
    assert found.prompts[0].text == f"What is {expected[0].removeprefix('dolly-')}?"
    assert material.unseen_dolly(tmp_path, 5).prompts == found.prompts[:5]


def test_the_larger_model_s_answers_are_the_better_ones_of_their_kind() -> None:
    prompts = load_prompt_set("open", 4)
    larger, smaller = (material.sampled(said(prompts, 2), seed, f"{seed}") for seed in (1, 0))
    cases = material.larger_against_smaller(prompts, "base", larger, smaller)
    assert [(case.prompt.id, case.kind) for case in cases] == [(one.id, EXTRA) for one in prompts.prompts]
    assert {(case.better.split()[1], case.worse.split()[1]) for case in cases} == {("1", "0")}


class FirstPlace:
    """Always takes the first answer."""

    name = "first"

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        return [Said(preferred="first")] * len(pairings)


def test_an_exam_s_figures_say_what_the_exam_said() -> None:
    prompts = load_prompt_set("open", 12)
    figures = material.exam_figures("verdict", "_here", sit(FirstPlace(), build_exam(shown_prompts(prompts, "chat"))))
    assert figures["exam_accuracy_verdict_here"] == 0.5 and figures["exam_passed_verdict_here"] == 0
    assert figures["position_lean_verdict_here"] == figures["flip_rate_verdict_here"] == 1
    kinds = {f"exam_{kind.replace(chr(39), '')}_verdict_here" for kind in KINDS}
    assert kinds <= set(figures) and all(figures[kind] == 0.5 for kind in kinds)


def test_the_parts_run_whole_on_a_tiny_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_TEST_DATA", raising=False)
    options = benchmark.Options(tmp_path, trial=True, run=None)
    vars(options).update(embedded=tiny(True), small=tiny(False))
    exam, speed, a_a = benchmark.exam(options), benchmark.speed(options), benchmark.real_aa(options)
    for name in ("exam_accuracy_verdict", "exam_accuracy_likelihood", "exam_given_verdict", "exam_given_likelihood"):
        assert 0 <= float(exam[name] or 0) <= 1
    assert exam["flip_rate_likelihood"] == exam["position_lean_likelihood"] == 0
    assert (exam["position_lean"], exam["flip_rate"]) == (exam["position_lean_verdict"], exam["flip_rate_verdict"])
    assert speed["judgements_verdict"] == speed["judgements_likelihood"] == 2 * 3
    roles = [float(speed[f"seconds_120_judgements_{role}"] or 0) for role in ("verdict", "likelihood")]
    assert speed["seconds_120_judgements"] == max(roles) > min(roles) > 0
    assert a_a["aa_real_tournaments"] == 2 and math.isfinite(float(a_a["aa_real_mean_rate"] or 0))


@pytest.mark.slow
def test_the_small_model_is_an_arm_of_a_finished_run(ran: TinyStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "ARM", "text.decay")
    monkeypatch.setenv("ASSAY_STORE", str(ran.store))
    arm = material.small(ran.folder, ran.folder / "out")
    prompts = load_prompt_set("open", 2)
    answers = material.answers_of(arm, "small", prompts, range(2), 4)
    assert not arm.chats and answers.seeds == (0, 1) and not answers.missing(prompts)
    assert answers.about["chat"] is None
