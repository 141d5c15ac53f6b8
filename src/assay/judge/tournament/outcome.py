"""What two orders say together: one outcome for every pair of arms, prompt, seed and judge.

The rule, for one pair of answers:

    both orders prefer the same answer          a win of its arm
    the orders differ, or either says tie       a tie
    one order could not be read                 a tie: a preference seen in one order only may be its position's
    neither order could be read                 no outcome; counted as unparsed
    one order was never judged                  no outcome; counted as incomplete

The second line is what a judge with a position lean needs (Zheng et al. 2023, arXiv 2306.05685): where it always takes
the first answer, everything is a tie. An outcome names its arms in the order of their names, so that it is the same
whichever of the two a record calls ``a``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from assay.analyze.records import Floats
from assay.errors import InputError, nearest
from assay.judge.judgement import Judgement

Codes = npt.NDArray[np.int8]
UNREAD = 2
"""A verdict that could not be read, where verdicts are numbers: 1 for the arm a, −1 for b, 0 for a tie."""
CODE = {"a": 1, "b": -1, "tie": 0, "none": UNREAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One pair of answers, judged."""

    judge: str
    prompt: str
    """Its id."""
    a: str
    """The arm whose name sorts first …"""
    b: str
    """… and the other."""
    seed: int
    score: int | None
    """1: ``a`` wins, −1: ``b`` wins, 0: tie; None: no outcome."""
    orders: int
    """How many of the two orders were judged."""
    unread: int
    """How many of them could not be read."""
    a_bytes: int
    b_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The outcomes of one pair of arms, laid out."""

    judge: str
    prompts: tuple[str, ...]
    """Those with an outcome in at least one seed, sorted."""
    scores: Floats
    """float64 [seeds, prompts] in {−1, 0, 1} for the first arm; NaN without an outcome."""
    longer: Floats
    """float64 [seeds, prompts]: bytes by which the first arm's answer is the longer; NaN without an outcome."""
    incomplete: int
    """Answers judged in one order only."""
    unparsed: int
    """Answers of which neither order could be read."""
    half_read: int
    """Ties that are ties because one order could not be read."""


def agreed(one: Codes, other: Codes) -> Floats:
    """Scores of answers judged in both orders.

    Args:
        one: int8, the verdicts of one order: 1, −1, 0 or `UNREAD`.
        other: int8 of the same shape, those of the other.

    Returns:
        float64 of that shape: 1, −1, 0, or NaN where neither could be read.
    """
    scores = np.where(one == other, one, 0).astype(np.float64)
    scores[(one == UNREAD) & (other == UNREAD)] = np.nan
    return scores


def outcomes(rows: Iterable[Judgement]) -> list[Outcome]:
    """One outcome for each judge, pair of arms, seed and prompt; the order of the rows does not matter.

    Raises:
        InputError: An arm is compared with itself, a judgement is there twice, or its two orders were shown answers of
            different lengths, hence different answers.
    """
    found: dict[tuple[str, str, str, int, str], dict[bool, Judgement]] = {}
    for row in rows:
        a, b = sorted((row.a, row.b))
        if a == b:
            raise InputError(f"the arm {a} is compared with itself on prompt {row.prompt}")
        orders = found.setdefault((row.judge, a, b, row.seed, row.prompt), {})
        a_shown_first = row.a_first == (row.a == a)
        if a_shown_first in orders:
            raise InputError(
                f"{a} against {b} on prompt {row.prompt}, seed {row.seed}, with {a if a_shown_first else b} shown "
                f"first, is there twice from {row.judge}"
            )
        orders[a_shown_first] = row
    return [_outcome(*key, [orders[first] for first in sorted(orders)]) for key, orders in sorted(found.items())]


def _outcome(judge: str, a: str, b: str, seed: int, prompt: str, rows: Sequence[Judgement]) -> Outcome:
    lengths = {(row.a_bytes, row.b_bytes) if row.a == a else (row.b_bytes, row.a_bytes) for row in rows}
    if len(lengths) > 1:
        raise InputError(
            f"{a} against {b} on prompt {prompt}, seed {seed}: {judge} was shown answers of other lengths in one order "
            "than in the other; judge both orders of the same answers"
        )
    ((a_bytes, b_bytes),) = lengths
    codes = [CODE[row.preferred] * (1 if row.a == a or row.preferred == "none" else -1) for row in rows]
    score: int | None = None
    if len(codes) == 2:
        both = agreed(*(np.array(code, np.int8) for code in codes))
        score = None if np.isnan(both) else int(both)
    return Outcome(
        judge=judge,
        prompt=prompt,
        a=a,
        b=b,
        seed=seed,
        score=score,
        orders=len(codes),
        unread=codes.count(UNREAD),
        a_bytes=a_bytes,
        b_bytes=b_bytes,
    )


def panel(found: Sequence[Outcome], name: str = "panel") -> list[Outcome]:
    """Several judges as one: for each pair of answers the side that more of them call the winner, else a tie.

    Judges without an outcome for it have no vote; where no judge has one, there is none.
    """
    votes: dict[tuple[str, str, int, str], list[Outcome]] = {}
    for one in found:
        votes.setdefault((one.a, one.b, one.seed, one.prompt), []).append(one)
    together = []
    for _, each in sorted(votes.items()):
        scores = [one.score for one in each if one.score is not None]
        together.append(
            replace(
                each[0],
                judge=name,
                score=int(np.sign(sum(scores))) if scores else None,
                orders=max(one.orders for one in each),
                unread=min(one.unread for one in each),
            )
        )
    return together


def judge_of(found: Sequence[Outcome]) -> str:
    """The one judge of these outcomes.

    Raises:
        InputError: There are none, or of several judges.
    """
    names = sorted({one.judge for one in found})
    if not names:
        raise InputError("there are no judgements")
    if len(names) > 1:
        raise InputError(f"these are judgements of {', '.join(names)}: take one judge's, or all of them as a panel")
    return names[0]


def cells(found: Sequence[Outcome], a: str, b: str) -> Cells:
    """The outcomes of ``a`` against ``b`` as arrays, seeds and prompts in sorted order; those without any are left out.

    Raises:
        InputError: They are of several judges, or the two arms were not compared.
    """
    judge = judge_of(found)
    first, second = sorted((a, b))
    sign = 1 if a == first else -1
    chosen = [one for one in found if (one.a, one.b) == (first, second)]
    if not chosen:
        known = sorted({arm for one in found for arm in (one.a, one.b)})
        unknown = next((arm for arm in (a, b) if arm not in known), None)
        raise InputError(f"{a} and {b} were not compared{nearest(unknown, known) if unknown else ''}")
    known_outcomes = [one for one in chosen if one.score is not None]
    seeds = {seed: place for place, seed in enumerate(sorted({one.seed for one in known_outcomes}))}
    prompts = {prompt: place for place, prompt in enumerate(sorted({one.prompt for one in known_outcomes}))}
    scores = np.full((len(seeds), len(prompts)), np.nan)
    longer = np.full_like(scores, np.nan)
    for one in known_outcomes:
        place = seeds[one.seed], prompts[one.prompt]
        scores[place] = sign * (one.score or 0)
        longer[place] = sign * (one.a_bytes - one.b_bytes)
    return Cells(
        judge=judge,
        prompts=tuple(prompts),
        scores=scores,
        longer=longer,
        incomplete=sum(one.orders < 2 for one in chosen),
        unparsed=sum(one.orders == 2 and one.unread == 2 for one in chosen),
        half_read=sum(one.orders == 2 and one.unread == 1 for one in chosen),
    )
