"""In-context induction: names and things stand in pairs, a name comes back, its thing is asked for.

What followed last time is the skill (Olsson et al. 2022, arXiv:2209.11895); pairs stand in no order, so position does
not help. Level 1: one pair; 2: four pairs; 3: the same name with four different words before it, so that the word
before the last decides; 4: with three more words between it and the thing.
"""

from assay.evaluate.probes.chance import Chance
from assay.evaluate.probes.question import TOLD, Question, question
from assay.evaluate.probes.words import NAMES, THINGS, TRAITS

LEVELS = 4


def draw(chance: Chance, level: int) -> Question:
    """A random question."""
    things = chance.sample(THINGS, 4)
    if level <= 2:
        cues = chance.sample(NAMES, 4)
    else:
        behind = " of that city" if level == 4 else ""
        name = chance.pick(NAMES)
        cues = [f"{trait} {name}{behind}" for trait in chance.sample(TRAITS, 4)]
    asked = 0 if level == 1 else chance.below(4)
    told = [f"{cue} {thing}" for cue, thing in zip(cues, things, strict=True)]
    if level == 1:
        told = told[:1] * TOLD
    prompt = ", ".join([*told, cues[asked]])
    return question(chance, prompt, things[asked], [thing for thing in things if thing != things[asked]])
