"""Deduction chains: what somebody is, by rules that lead from what was told of him.

Four persons have a chain of rules each, the rules of all are mixed, and every choice ends a chain: who takes the wrong
turn arrives as well. In the manner of ProntoQA (Saparov & He 2023, arXiv:2210.01240), with words instead of invented
ones. Level 1: one person is told of; 2: four; 3, 4, 5: one, two, three rules lead to the answer.
"""

from itertools import pairwise

from assay.evaluate.probes.chance import Chance
from assay.evaluate.probes.question import TOLD, Question, question, sentence
from assay.evaluate.probes.words import NAMES, QUALITIES, TRAITS

LEVELS = 5


def draw(chance: Chance, level: int) -> Question:
    """A random question."""
    names = chance.sample(NAMES, 4)
    ends = chance.sample(QUALITIES, 4)
    steps = max(0, level - 2)
    traits = chance.sample(TRAITS, 4 * steps)
    chains = [[*traits[index * steps : (index + 1) * steps], end] for index, end in enumerate(ends)]
    told = [sentence(f"{name} is {chain[0]}") for name, chain in zip(names, chains, strict=True)]
    rules = [sentence(f"whoever is {one} is {other}") for chain in chains for one, other in pairwise(chain)]
    asked = 0 if level == 1 else chance.below(4)
    facts = told[:1] * TOLD if level == 1 else told
    prompt = " ".join([*facts, *chance.shuffled(rules), f"So {names[asked]} is"])
    return question(chance, prompt, ends[asked], [end for end in ends if end != ends[asked]])
