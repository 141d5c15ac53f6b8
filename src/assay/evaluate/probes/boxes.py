"""Entity tracking: what is in a box after the contents of boxes have changed places.

After Kim & Schuster 2023 (arXiv:2305.02363), who found that models trained on code track entities where others do not.
Contents are exchanged rather than moved, so that every box holds one thing at every moment and the answer is any of the
four, the first one too. Level 1: one box is told of; 2: four boxes; 3, 4, 5: one, two, three exchanges.
"""

from assay.evaluate.probes.chance import Chance
from assay.evaluate.probes.question import TOLD, Question, question, sentence
from assay.evaluate.probes.words import COLOURS, THINGS

LEVELS = 5


def draw(chance: Chance, level: int) -> Question:
    """A random question."""
    boxes = chance.sample(COLOURS, 4)
    things = chance.sample(THINGS, 4)
    holds = dict(zip(boxes, things, strict=True))
    told = [sentence(f"the {box} box holds {holds[box]}") for box in (boxes[:1] * TOLD if level == 1 else boxes)]
    for _ in range(level - 2):
        one, other = chance.sample(boxes, 2)
        holds[one], holds[other] = holds[other], holds[one]
        told.append(sentence(f"then the {one} box and the {other} box trade what they hold"))
    asked = boxes[0] if level == 1 else chance.pick(boxes)
    answer = holds[asked]
    prompt = " ".join([*told, f"Now the {asked} box holds"])
    return question(chance, prompt, answer, [thing for thing in things if thing != answer])
