"""One question of a probe, before it is balanced against others."""

from dataclasses import dataclass

from assay.evaluate.probes.chance import Chance

TOLD = 3
"""Times that the first level tells the one thing it tells."""


@dataclass(frozen=True, slots=True)
class Question:
    """A text that ends where the answer begins."""

    prompt: str
    choices: tuple[str, ...]
    """Four different words or numbers."""
    gold: int
    """Index of the right one."""


def question(chance: Chance, prompt: str, answer: str, others: list[str]) -> Question:
    """A question with its choices in random order."""
    choices = chance.shuffled([answer, *others])
    return Question(prompt, tuple(choices), choices.index(answer))


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[0].upper() + text[1:] + "."
