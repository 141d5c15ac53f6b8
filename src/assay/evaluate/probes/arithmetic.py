"""Multi-digit addition, asked for in words and told in digits.

Choices are four numbers in equal steps and the right one is any of them, so neither size nor what the choices have in
common tells it; none of them stands in the text. Level 1: the same sum was told just before, the other choices are
nowhere; 2: four sums were told, the choices are theirs; 3, 4, 5: sums of one, two, three digits behind three others.
"""

from assay.evaluate.probes.chance import Chance
from assay.evaluate.probes.question import TOLD, Question, question, sentence

LEVELS = 5
Sum = tuple[int, int]
_SIZES = {1: (2, 19), 2: (2, 19), 3: (2, 9), 4: (12, 49), 5: (120, 499)}
"""Smallest and largest addend."""
_STEPS = {1: (1, 2, 3), 3: (1,), 4: (1, 9, 10, 11), 5: (1, 10, 90, 100, 110)}


def draw(chance: Chance, level: int) -> Question:
    """A random question."""
    while True:
        sums: list[Sum] = [(_addend(chance, level), _addend(chance, level)) for _ in range(1 if level == 1 else 4)]
        asked = chance.pick(sums)
        answer = sum(asked)
        results = [sum(one) for one in sums]
        told = [one for one in sums if level <= 2 or one != asked]
        if level == 2:
            choices = results
        else:
            step = chance.pick(_STEPS[level])
            first = answer - step * chance.below(4)
            choices = [first + step * place for place in range(4)]
        numbers = {number for one in told for number in (*one, sum(one))} | set(asked)
        unsaid = level == 2 or not numbers - {answer if level == 1 else -1} & set(choices)
        if (
            len(set(results)) == len(sums)
            and min(choices) > 1
            and len({len(str(one)) for one in choices}) == 1
            and unsaid
        ):
            break
    prompt = " ".join(
        [*(sentence(f"{_said(one)} {sum(one)}") for one in told * (TOLD if level == 1 else 1)), _said(asked)]
    )
    return question(chance, prompt, str(answer), [str(choice) for choice in choices if choice != answer])


def _addend(chance: Chance, level: int) -> int:
    least, most = _SIZES[level]
    return least + chance.below(most - least + 1)


def _said(one: Sum) -> str:
    return f"{one[0]} plus {one[1]} is"
