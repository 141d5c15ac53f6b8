"""Candidates written by hand: a good one, and what may be wrong with one."""

from dataclasses import replace
from typing import Any

from assay.corpus.synthesis.record import Candidate, Property

SOLUTION = '''def large_total(readings: list[int], limit: int) -> int:
    """Add up what is above a limit."""
    total = 0
    for reading in readings:
        if reading > limit:
            total += reading
    return total
'''
ALTERNATIVE = """def large_total(readings: list[int], limit: int) -> int:
    return sum(reading for reading in readings if not reading <= limit)
"""
INPUTS = """def make_inputs(random):
    return [random.randint(-9, 20) for _ in range(random.randint(0, 8))], random.randint(-5, 12)
"""
GOOD = Candidate(
    id="composed-1-0",
    maker="composed",
    statement="Add up the readings that are above the limit.",
    entry="large_total",
    signature="def large_total(readings: list[int], limit: int) -> int",
    solution=SOLUTION,
    alternative=ALTERNATIVE,
    inputs=INPUTS,
    edges="[([], 3), ([4], 4)]",
    properties=(
        Property(sort="agreement", about="Two ways give the same.", check="result == other"),
        Property(
            sort="metamorphic",
            about="The order of the readings does not matter.",
            check="large_total(readings[::-1], limit) == result",
        ),
        Property(
            sort="invariant",
            about="It is what the parts give.",
            check="large_total(readings[:2], limit) + large_total(readings[2:], limit) == result",
        ),
    ),
    group="one",
    seed=1,
    licence="Apache-2.0",
)


def made(number: int = 0, **changed: Any) -> Candidate:
    """The good candidate under another number, with something changed."""
    return replace(GOOD, id=f"composed-1-{number}", **changed)


def of_words(body: str, returns: str = "list[str]", number: int = 0, **changed: Any) -> Candidate:
    """A candidate whose function takes words; ``body`` is indented."""
    solution = f"def choose(words: list[str]) -> {returns}:\n{body}"
    return made(
        number,
        **{
            "entry": "choose",
            "signature": f"def choose(words: list[str]) -> {returns}",
            "solution": solution,
            "alternative": "",
            "properties": (),
            "edges": "[([],)]",
            "inputs": (
                "def make_inputs(random):\n"
                "    return ([''.join(random.choices('abcdefg', k=random.randint(1, 6)))"
                " for _ in range(random.randint(0, 6))],)\n"
            ),
        }
        | changed,
    )
