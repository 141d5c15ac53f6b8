"""From two arms' answers to pairings in both orders, and from what a judge said of them to the records.

Pairs are formed seed by seed: an answer is compared with the other arm's under the same seed, and what only one arm
answered is left out and told. A judge is shown a prompt as a model was asked it: one that chooses in words as a chat
model, one that measures likelihood as a base model. The exam shows it the same way. No arm's name is ever shown.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from assay.judge.answers import Answers
from assay.judge.judgement import Judgement, JudgePrompt, Pairing, Preferred, Said
from assay.judge.prompt_set import PromptSet

Shown = Literal["chat", "base"]
"""As whom a judge is told that the arms were asked; see `assay.judge.prompt_set.PromptFormat`."""


def shown_prompts(prompts: PromptSet, shown: Shown) -> list[JudgePrompt]:
    """The prompts as a judge is shown them, in the set's order; all but their texts is as it was."""
    put = prompts.format.chat if shown == "chat" else prompts.format.base
    return [replace(prompt, text=put(prompt)) for prompt in prompts.prompts]


def pairings_of(prompts: PromptSet, a: Answers, b: Answers, seed: int, shown: Shown) -> list[Pairing]:
    """What is to be judged: two for each prompt that both answer under a seed, the answer of ``a`` first, then second.

    Args:
        prompts: In their order the pairings come.
        a: An arm's answers.
        b: The other's.
        seed: Of both.
        shown: How the judge sees the prompt.
    """
    answered = [
        (prompt, a.of[prompt.id, seed], b.of[prompt.id, seed])
        for prompt in shown_prompts(prompts, shown)
        if (prompt.id, seed) in a.of and (prompt.id, seed) in b.of
    ]
    return [
        Pairing(prompt=prompt, first=first, second=second)
        for prompt, one, other in answered
        for first, second in ((one, other), (other, one))
    ]


def unanswered(prompts: PromptSet, answers: Answers, seed: int) -> list[str]:
    """Ids of the prompts without an answer under a seed, in the set's order."""
    return [prompt.id for prompt in prompts.prompts if (prompt.id, seed) not in answers.of]


def judgements_from(
    judge: str, a: str, b: str, seed: int, pairings: Sequence[Pairing], said: Sequence[Said]
) -> list[Judgement]:
    """The records of what was said.

    Args:
        judge: Its name.
        a: Name of the arm whose answers stand first in the first pairing of each two.
        b: Name of the other.
        seed: Of both.
        pairings: From `pairings_of`, all or whole pairs of them.
        said: By the judge, one for each.

    Raises:
        ValueError: There is not one for each.
    """
    return [
        _judgement(judge, a, b, seed, pairing, one, a_first=place % 2 == 0)
        for place, (pairing, one) in enumerate(zip(pairings, said, strict=True))
    ]


def _judgement(judge: str, a: str, b: str, seed: int, pairing: Pairing, said: Said, a_first: bool) -> Judgement:
    of_a, of_b = (pairing.first, pairing.second) if a_first else (pairing.second, pairing.first)
    preferred: dict[Preferred, Literal["a", "b", "tie", "none"]] = {
        "first": "a" if a_first else "b",
        "second": "b" if a_first else "a",
        "tie": "tie",
        "none": "none",
    }
    margin = said.margin if a_first or said.margin is None else -said.margin
    return Judgement(
        judge=judge,
        prompt=pairing.prompt.id,
        a=a,
        b=b,
        seed=seed,
        a_first=a_first,
        preferred=preferred[said.preferred],
        margin=margin,
        words=said.words,
        a_bytes=len(of_a.encode(errors="replace")),
        b_bytes=len(of_b.encode(errors="replace")),
    )
