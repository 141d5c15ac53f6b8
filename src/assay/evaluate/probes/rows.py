"""Rows of the probes as a task reads them: balanced, the same for ever, none twice.

All levels of a probe are one task, so that a checkpoint has one score for it; ``level`` stands in each row and tells
the levels apart. A level has as many rows as any other, and a limit, which goes by hashes, keeps them even on average.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from assay.errors import InputError, nearest
from assay.evaluate.probes import arithmetic, boxes, copying, deduction, induction, nesting, variables
from assay.evaluate.probes.balance import HEARING, LOOKING_UP, balanced
from assay.evaluate.probes.chance import Chance
from assay.evaluate.probes.question import Question

SEED = 6
ROWS = 200
"""Of each level."""
POOL = 6
"""Questions drawn for each that is picked; what is drawn twice counts once."""
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Probe:
    """A generator and what is known of its levels."""

    draw: Callable[[Chance, int], Question]
    levels: int
    steps_from: int
    """First level whose answer is told nowhere; the first level only tells the answer, those between tell it too."""

    def skill(self, level: int) -> frozenset[str]:
        """Shallow readers that are what a level asks for."""
        if level == 1:
            return HEARING | {"seldom"}
        return LOOKING_UP if level < self.steps_from else NOTHING


PROBES = {
    "boxes": Probe(boxes.draw, boxes.LEVELS, 3),
    "variables": Probe(variables.draw, variables.LEVELS, 3),
    "nesting": Probe(nesting.draw, nesting.LEVELS, 3),
    "copying": Probe(copying.draw, copying.LEVELS, copying.LEVELS + 1),
    "induction": Probe(induction.draw, induction.LEVELS, induction.LEVELS + 1),
    "arithmetic": Probe(arithmetic.draw, arithmetic.LEVELS, 3),
    "deduction": Probe(deduction.draw, deduction.LEVELS, 3),
}

DIGESTS = {
    "boxes": "d485d1d05be247968c89a110255cab9a",
    "variables": "56bd4ea349e682d11f10252e114ed4d6",
    "nesting": "f36f219642a34357bdcad250647bdbe7",
    "copying": "29256f4403b488dd7bdefb87f509380a",
    "induction": "9979d7979b15ad00ff7ff1281af3f474",
    "arithmetic": "548efde942a28f4eede8a4fa5d84fbb3",
    "deduction": "0b908e0c4b173836669a90108084c426",
}
"""BLAKE2b of the rows' JSON: what is stored of a checkpoint is known by it to be of these rows. A task's ``version`` is
raised with it."""


@lru_cache(maxsize=64)
def questions(name: str, level: int, count: int = ROWS, seed: int = SEED) -> tuple[Question, ...]:
    """Balanced questions of one level, none twice.

    Args:
        name: Of a probe.
        level: From 1.
        count: How many; a multiple of four.
        seed: Another one gives other questions.
    """
    probe = PROBES[name]
    chance = Chance((seed << 16) + (list(PROBES).index(name) << 8) + level)
    pool: dict[tuple[str, ...], Question] = {}
    for _ in range(POOL * count):
        one = probe.draw(chance, level)
        pool.setdefault((one.prompt, *sorted(one.choices)), one)
    return tuple(balanced(list(pool.values()), count, probe.skill(level)))


def probe_digest(name: str) -> str:
    """What identifies the rows of a probe, known without making them.

    Raises:
        InputError: There is no such probe.
    """
    return DIGESTS[_known(name)]


def probe_rows(name: str) -> Iterator[dict[str, Any]]:
    """Rows of a probe: ``prompt``, ``choices``, ``gold``, ``level``, ``pattern``.

    Raises:
        InputError: There is no such probe.
    """
    for level in range(1, PROBES[_known(name)].levels + 1):
        for one in questions(name, level):
            yield {
                "prompt": one.prompt,
                "choices": list(one.choices),
                "gold": one.gold,
                "level": level,
                "pattern": one.prompt,
            }


def _known(name: str) -> str:
    if name not in PROBES:
        raise InputError(f"there is no generator '{name}'{nearest(name, PROBES)}")
    return name
