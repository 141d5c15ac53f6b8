"""How far the judges of a panel agree beyond chance: Cohen's kappa for two, Fleiss' for all.

Compared are outcomes (win, tie, loss of the arm whose name sorts first), both orders settled, on the answers that all
the judges in question have one for. Kappa is (agreement − chance) / (1 − chance), with each judge's own shares for
chance (Cohen 1960) or the panel's (Fleiss 1971). Two judges may agree because they share a lean; that is seen in
`assay.judge.tournament.quality`, not here.
"""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.analyze.records import Floats
from assay.judge.tournament.outcome import Outcome

Counts = npt.NDArray[np.int64]
SCORES = (-1, 0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoJudges:
    """Two judges of a panel."""

    one: str
    other: str
    answers: int
    """Pairs of answers for which both have an outcome."""
    agreement: float | None
    """Share of them on which the two agree; None without any."""
    kappa: float | None
    """Cohen's; None where both always say the same one thing, so that chance explains all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A panel."""

    judges: tuple[str, ...]
    pairs: tuple[TwoJudges, ...]
    answers: int
    """Pairs of answers for which every judge has an outcome."""
    fleiss: float | None
    """Fleiss' kappa over them; None without any, with one judge, or where all say one and the same."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def agreement(found: Sequence[Outcome]) -> Agreement:
    """The agreement of all judges among the outcomes."""
    judges = sorted({one.judge for one in found})
    place = {judge: column for column, judge in enumerate(judges)}
    scores: dict[tuple[str, str, int, str], list[int | None]] = {}
    for outcome in found:
        said = scores.setdefault((outcome.a, outcome.b, outcome.seed, outcome.prompt), [None] * len(judges))
        said[place[outcome.judge]] = outcome.score
    pairs = []
    for one, other in itertools.combinations(judges, 2):
        both = [
            (first, second)
            for said in scores.values()
            if (first := said[place[one]]) is not None and (second := said[place[other]]) is not None
        ]
        table = np.zeros((len(SCORES), len(SCORES)), np.int64)
        for first, second in both:
            table[SCORES.index(first), SCORES.index(second)] += 1
        pairs.append(
            TwoJudges(
                one=one,
                other=other,
                answers=len(both),
                agreement=float(np.trace(table) / len(both)) if both else None,
                kappa=cohen(table),
            )
        )
    whole = np.array(
        [[said.count(score) for score in SCORES] for said in scores.values() if None not in said], np.int64
    ).reshape(-1, len(SCORES))
    return Agreement(judges=tuple(judges), pairs=tuple(pairs), answers=len(whole), fleiss=fleiss(whole))


def cohen(table: Counts) -> float | None:
    """Cohen's kappa.

    Args:
        table: int64 [categories, categories]: how often one judge said this while the other said that.

    Returns:
        None where it is not defined: nothing counted, or all in one category.
    """
    total = int(table.sum())
    if not total:
        return None
    chance = float(table.sum(axis=0) @ table.sum(axis=1)) / total**2
    return _beyond(float(np.trace(table)) / total, chance)


def fleiss(counts: Counts) -> float | None:
    """Fleiss' kappa.

    Args:
        counts: int64 [subjects, categories]: how many judges said so; each row sums to the number of judges.

    Returns:
        None where it is not defined: no subject, one judge, or all in one category.
    """
    if not len(counts) or (judges := int(counts[0].sum())) < 2:
        return None
    numbers: Floats = counts.astype(np.float64)
    agreed = (np.square(numbers).sum(axis=1) - judges) / (judges * (judges - 1))
    shares = numbers.sum(axis=0) / numbers.sum()
    return _beyond(float(agreed.mean()), float(shares @ shares))


def _beyond(agreed: float, chance: float) -> float | None:
    return None if chance >= 1 else (agreed - chance) / (1 - chance)
