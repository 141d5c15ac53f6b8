"""In-context copying: words without a meaning are read out, and read again from somewhere in the middle.

Three words of the second reading are given; the next is asked for. Only copying can know it, so what followed those
words before is the skill and no shortcut. Level 1: four words, and the other choices are none of them; 2, 3, 4: eight,
sixteen, thirty-two words, and all choices among them and none of the three given.
"""

from assay.evaluate.probes.chance import Chance
from assay.evaluate.probes.question import TOLD, Question, question
from assay.evaluate.probes.words import WORDS

LEVELS = 4
GIVEN = 3


def draw(chance: Chance, level: int) -> Question:
    """A random question."""
    count = 2 ** (level + 1)
    words = chance.sample(WORDS, count + 3)
    read, absent = words[:count], words[count:]
    place = GIVEN + chance.below(count - GIVEN)
    given = read[place - GIVEN : place]
    elsewhere = absent if level == 1 else [word for word in read if word not in {*given, read[place]}]
    return question(
        chance,
        " ".join([*[" ".join(read) + "."] * (TOLD if level == 1 else 1), *given]),
        read[place],
        chance.sample(elsewhere, 3),
    )
