"""A tournament whose truth is planted: answers that say how good they are, and judges that read it through noise.

The prompts, references, exam, both orders and records are the package's own; only what a judge says is drawn.
"""

from collections.abc import Mapping, Sequence
from random import Random

from assay.judge.answers import Answers
from assay.judge.exam import build_exam, sit
from assay.judge.judgement import Judge, Pairing, Preferred, Said, Say
from assay.judge.pairings import judgements_from, pairings_of
from assay.judge.prompt_set import PromptSet, load_prompt_set
from assay.judge.summary import Judged
from assay.judge.tournament import Seeds

MARK = "quality "
DECODING = {"tokens": 48, "stop": ["\n\n"], "temperature": 0.7, "top_p": 0.95}


class Reading:
    """Prefers the answer that is better as planted, plus noise of its own for each; a reference is better than any."""

    def __init__(self, name: str, prompts: PromptSet, noise: float = 0.5) -> None:
        self.name, self.noise = name, noise
        self.references = {(prompt.id, prompt.reference) for prompt in prompts.prompts}

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        return [self._said(pairing) for pairing in pairings]

    def _said(self, pairing: Pairing) -> Said:
        one, other = (self._quality(pairing.prompt.id, answer) for answer in (pairing.first, pairing.second))
        preferred: Preferred = "first" if one > other else "second" if one < other else "tie"
        return Said(preferred=preferred, margin=one - other, words=f"{one:.2f} against {other:.2f}")

    def _quality(self, prompt: str, answer: str) -> float:
        if (prompt, answer) in self.references:
            return 10.0
        planted = float(answer.partition(MARK)[2].split()[0]) if MARK in answer else 0.0
        return planted + Random(f"{self.name}\0{prompt}\0{answer}").gauss(0, self.noise)


class Leaning:
    """Always prefers what it was shown first."""

    name = "leaning verdict"

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        return [Said(preferred="first", words="A") for _ in pairings]


def simulated(
    qualities: Mapping[str, float],
    judges: Sequence[str] = ("reading",),
    *,
    pairs: tuple[tuple[str, str], ...] | None = None,
    prompts: PromptSet | None = None,
    seeds: Sequence[int] = range(5),
    seeds_are: Seeds = "trained",
    examined: bool = True,
    seed: int = 0,
) -> Judged:
    """A tournament.

    Args:
        qualities: Of each arm's answers on average; theirs spread by 1 about it.
        judges: Names; ``leaning`` is one that fails its exam, every other one reads.
        pairs: None: the first arm against each other one.
        prompts: None: 30 of the built-in ones.
        seeds: Of the arms.
        seeds_are: What they are.
        examined: Whether the judges sit their exam.
        seed: Of the simulation.
    """
    prompts = prompts or load_prompt_set("open", 30)
    random = Random(seed)
    arms = list(qualities)
    pairs = pairs or tuple((arms[0], other) for other in arms[1:])
    answers = {
        arm: Answers(
            name=arm,
            of={
                (prompt.id, one): f"{MARK}{random.gauss(mean, 1):.3f} {'and so on ' * random.randrange(1, 20)}".strip()
                for prompt in prompts.prompts
                for one in seeds
            },
            about={"decoding": DECODING},
        )
        for arm, mean in qualities.items()
    }
    sitting: list[Judge] = [Leaning() if name == "leaning" else Reading(name, prompts) for name in judges]
    exam = build_exam(prompts.prompts)
    rows = []
    for judge in sitting:
        for a, b in pairs:
            for one in seeds:
                shown = pairings_of(prompts, answers[a], answers[b], one, "base")
                rows += judgements_from(judge.name, a, b, one, shown, judge.judge(shown))
    return Judged(
        prompts=prompts,
        pairs=pairs,
        seeds_are=seeds_are,
        judgements=rows,
        exams={judge.name: sit(judge, exam).as_dict() for judge in sitting} if examined else {},
        answers=answers,
    )
