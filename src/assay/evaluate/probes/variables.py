"""Variable state: who has what after some have changed to what another has at that moment.

An assignment takes a copy, so a thing can be lost or be had by several, and what the other gets later does not matter:
the order of the sentences decides. Level 1: one person is told of; 2: four; 3, 4, 5: one, two, three assignments.
"""

from assay.evaluate.probes.chance import Chance
from assay.evaluate.probes.question import TOLD, Question, question, sentence
from assay.evaluate.probes.words import NAMES, THINGS

LEVELS = 5


def draw(chance: Chance, level: int) -> Question:
    """A random question."""
    names = chance.sample(NAMES, 4)
    things = chance.sample(THINGS, 4)
    has = dict(zip(names, things, strict=True))
    told = [sentence(f"{name} has {has[name]}") for name in (names[:1] * TOLD if level == 1 else names)]
    for _ in range(level - 2):
        one, other = chance.sample(names, 2)
        has[one] = has[other]
        told.append(sentence(f"then {one} gives it up and gets the same as {other}"))
    asked = names[0] if level == 1 else chance.pick(names)
    answer = has[asked]
    return question(
        chance, " ".join([*told, f"Now {asked} has"]), answer, [thing for thing in things if thing != answer]
    )
