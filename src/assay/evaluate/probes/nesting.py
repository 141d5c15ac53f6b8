"""Nested structure: a phrase within a phrase within a phrase, to be worked out from the inside.

*The price of the gift for the price of salt*: two relations, so that their order matters, over five things, each
relation a permutation without a fixed point. Level 1: one fact is told and asked for; 2: ten facts, one asked for; 3
and 4: two and three phrases within one another.
"""

from assay.evaluate.probes.chance import Chance
from assay.evaluate.probes.question import TOLD, Question, question, sentence
from assay.evaluate.probes.words import THINGS

LEVELS = 4
RELATIONS = ("the price of", "the gift for")


def draw(chance: Chance, level: int) -> Question:
    """A random question."""
    while True:
        things = chance.sample(THINGS, 5)
        relations = {name: _derangement(chance, things) for name in RELATIONS}
        asked = chance.pick(things)
        phrase, answer = asked, asked
        for _ in range(max(1, level - 1)):
            name = chance.pick(RELATIONS)
            phrase, answer = f"{name} {phrase}", relations[name][answer]
        if answer != asked:
            break
    facts = [sentence(f"{name} {one} is {other}") for name, pairs in relations.items() for one, other in pairs.items()]
    told = [sentence(f"{phrase} is {answer}")] * TOLD if level == 1 else chance.shuffled(facts)
    prompt = " ".join([*told, sentence(f"{phrase} is")[:-1]])
    return question(chance, prompt, answer, [thing for thing in things if thing not in {answer, asked}])


def _derangement(chance: Chance, things: list[str]) -> dict[str, str]:
    while True:
        found = dict(zip(things, chance.shuffled(things), strict=True))
        if all(one != other for one, other in found.items()):
            return found
