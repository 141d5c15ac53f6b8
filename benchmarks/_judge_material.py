"""What the judge is measured with: models, answers, prompts with good ones, and tournaments of an arm with itself.

The embedded judge is SmolLM2-135M-Instruct out of its wheel. Beside it stands a small model of the project's own, an
arm of the quickstart with one seed (``judge.yaml``), or of a finished run that is named. Dolly's rows are those that
the likelihood judge's constants were not fitted on.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay import Study
from assay.endpoint.served import Served, open_served
from assay.evaluate.decoding import Decoding
from assay.judge.answers import Answers, make_answers
from assay.judge.exam import EXTRA, Case, ExamResult
from assay.judge.judgement import Judge, JudgePrompt
from assay.judge.pairings import Shown, judgements_from, pairings_of, shown_prompts
from assay.judge.prompt_set import PromptSet
from assay.judge.tournament.outcome import outcomes
from assay.judge.tournament.win_rate import WinRate, win_rate
from assay.judge.wanted import EMBEDDED
from assay.run.chosen import Which

ARM = "text.cool20"
"""The small model's."""
SEED = 0
DOLLY = "instruct/dolly_hhrlhf/train_small.jsonl"
"""In the folder that ``ASSAY_TEST_DATA`` names."""
_ASKED = re.compile(r"### Instruction:\n(.*?)\n\n### Response:\n", re.DOTALL)
_WORDS = 15, 150
"""Of Dolly's answers: shorter ones have nothing to cut, longer ones take long."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A model that answers."""

    served: Served
    chats: bool
    """Whether it was taught to."""


def embedded() -> Arm:
    """The embedded judge, on the processor."""
    return Arm(open_served(EMBEDDED, Which(), "cpu"), chats=True)


def small(place: Path, run: Path | None) -> Arm:
    """A model of 1M parameters: of a finished run, or trained now."""
    if run is None:
        run = place / "small"
        Study.load(Path(__file__).with_name("judge.yaml")).run(run, device="cpu")
    return Arm(open_served(str(run), Which(arm=ARM, seed=SEED), "cpu"), chats=False)


def answers_of(arm: Arm, name: str, prompts: PromptSet, seeds: Sequence[int], tokens: int) -> Answers:
    """An arm's answers, as ``assay judge`` has them made unless it is told otherwise."""
    served = arm.served
    return make_answers(
        served.decoder,
        served.tokenizer,
        served.ends,
        prompts,
        Decoding(tokens, temperature=0.7),
        seeds,
        served.longest,
        served.chat if arm.chats else None,
        name=name,
        first=served.first,
    )


def sampled(answers: Answers, seed: int, name: str) -> Answers:
    """What was said under one sampling seed, as an arm of its own that is compared under `SEED`."""
    return Answers(name=name, of={(id, SEED): text for (id, of), text in answers.of.items() if of == seed})


def unseen_dolly(folder: Path, most: int) -> PromptSet:
    """Rows of Dolly whose name's SHA-256 begins with an odd byte, the first of them; see `assay.judge.likelihood`."""
    found: list[JudgePrompt] = []
    for number, line in enumerate((folder / DOLLY).read_text(encoding="utf-8").splitlines()):
        row = json.loads(line)
        asked, name, answer = _ASKED.search(row["prompt"]), f"dolly-{number}", row["response"].strip()
        usual = _WORDS[0] <= len(answer.split()) <= _WORDS[1]
        if asked and usual and hashlib.sha256(name.encode()).digest()[0] % 2:
            found.append(JudgePrompt(id=name, text=asked[1], reference=answer))
    return PromptSet(name="dolly", prompts=tuple(found[:most]))


def known_sets(whole: PromptSet, most: int) -> dict[str, PromptSet]:
    """The shipped set, and Dolly's unseen rows where they are there."""
    data = os.environ.get("ASSAY_TEST_DATA")
    return {"": whole, **({"_dolly": unseen_dolly(Path(data), most)} if data else {})}


def larger_against_smaller(prompts: PromptSet, shown: Shown, larger: Answers, smaller: Answers) -> list[Case]:
    """Cases of an exam: the larger model's answer is taken for the better one."""
    return [
        Case(prompt=prompt, kind=EXTRA, better=larger.of[prompt.id, SEED], worse=smaller.of[prompt.id, SEED])
        for prompt in shown_prompts(prompts, shown)
    ]


def exam_figures(role: str, where: str, result: ExamResult) -> dict[str, float | int]:
    """What an exam says, under names that end in the role and the set."""
    told: dict[str, float | int] = {
        f"exam_accuracy_{role}{where}": result.overall.value,
        f"exam_accuracy_{role}{where}_low": result.overall.low,
        f"exam_accuracy_{role}{where}_high": result.overall.high,
        f"exam_passed_{role}{where}": int(result.passed),
        f"exam_judgements_{role}{where}": result.judgements,
        f"position_lean_{role}{where}": result.position_lean,
        f"flip_rate_{role}{where}": result.flip_rate,
        f"unparsed_{role}{where}": result.unparsed,
    }
    for kind, share in result.kinds.items():
        told[f"exam_{kind.replace(chr(39), '')}_{role}{where}"] = share.value
    return told


def real_a_a(judge: Judge, shown: Shown, prompts: PromptSet, answers: Answers, tournaments: int) -> list[WinRate]:
    """An arm against itself: each tournament is of two sampling seeds that no other has.

    Args:
        judge: Judges all of them.
        shown: How it sees prompts.
        prompts: Of every tournament.
        answers: Of one arm, under seeds 0 to twice ``tournaments``.
        tournaments: How many.
    """
    asked = [
        pairings_of(prompts, sampled(answers, 2 * number, "a"), sampled(answers, 2 * number + 1, "b"), SEED, shown)
        for number in range(tournaments)
    ]
    said = judge.judge([pairing for one in asked for pairing in one])
    found = []
    for number, one in enumerate(asked):
        its = said[number * len(one) : (number + 1) * len(one)]
        rows = judgements_from(judge.name, "a", "b", SEED, one, its)
        found.append(win_rate(outcomes(rows), "a", "b", seeds_are="sampled"))
    return found


def a_a_figures(rates: Sequence[WinRate], level: float = 0.05) -> Mapping[str, float | int]:
    """How many of an arm's tournaments with itself find a difference."""
    known = [rate.p for rate in rates if rate.p is not None]
    return {
        "aa_real_tournaments": len(known),
        "aa_real_significant": sum(p < level for p in known),
        "aa_real_smallest_p": min(known),
        "aa_real_prompts": rates[0].prompts,
        "aa_real_mean_rate": sum(rate.rate or 0.0 for rate in rates) / len(rates),
    }
