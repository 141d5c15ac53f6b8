"""What a judge's own records say of it, before anyone asks which arm it prefers.

    flip rate       of the answers read in both orders, the share on which the orders do not say the same
    position lean   share of verdicts for the answer shown first minus share for the second; ties count as 0
    length lean     share for the longer answer minus share for the shorter, where lengths differ; ties count as 0
    unparsed        share of judgements that could not be read

All pairs of arms together; intervals are clustered by prompt. A lean to length is no fault by itself, as longer answers
may be better ones; a flip is one whatever the answers are. None of these says that a judge is right: a judge that
prefers worse answers in both orders has no flips. For that it sits an exam.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.judge.judgement import Judgement
from assay.judge.tournament.crossed import measured_between


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share, or a difference of two."""

    value: float
    low: float | None
    """95 % interval; None with fewer than two prompts."""
    high: float | None
    of: int
    """What it is a share of: judgements, or pairs of answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeQuality:
    """One judge."""

    judge: str
    judgements: int
    prompts: int
    flip_rate: Share | None
    """None where nothing was read in both orders."""
    position_lean: Share | None
    """Between −1 (always the second) and 1 (always the first); None where nothing was read."""
    length_lean: Share | None
    """Between −1 (always the shorter) and 1; None where no two answers differed in length."""
    unparsed: Share
    half_unparsed: int
    """Pairs of answers of which one order could not be read."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def quality(rows: Iterable[Judgement]) -> list[JudgeQuality]:
    """Every judge in the records, by name; the order of the rows does not matter."""
    by_judge: dict[str, list[Judgement]] = {}
    for row in rows:
        by_judge.setdefault(row.judge, []).append(row)
    return [_quality(judge, by_judge[judge]) for judge in sorted(by_judge)]


def _quality(judge: str, rows: Sequence[Judgement]) -> JudgeQuality:
    read = [row for row in rows if row.preferred != "none"]
    both: dict[tuple[str, ...], list[Judgement]] = {}
    for row in rows:
        both.setdefault((row.prompt, str(row.seed), *sorted((row.a, row.b))), []).append(row)
    judged_twice = [each for each in both.values() if len(each) == 2]
    read_twice = [each for each in judged_twice if all(row.preferred != "none" for row in each)]
    unparsed = _share([(row.prompt, float(row.preferred == "none")) for row in rows], (0.0, 1.0))
    if unparsed is None:
        raise AssertionError("a judge is known by its judgements")
    return JudgeQuality(
        judge=judge,
        judgements=len(rows),
        prompts=len({row.prompt for row in rows}),
        flip_rate=_share(
            [(one.prompt, float(_preferred_arm(one) != _preferred_arm(other))) for one, other in read_twice],
            (0.0, 1.0),
        ),
        position_lean=_share([(row.prompt, _for(row, row.a_first)) for row in read], (-1.0, 1.0)),
        length_lean=_share(
            [(row.prompt, _for(row, row.a_bytes > row.b_bytes)) for row in read if row.a_bytes != row.b_bytes],
            (-1.0, 1.0),
        ),
        unparsed=unparsed,
        half_unparsed=sum(sum(row.preferred == "none" for row in each) == 1 for each in judged_twice),
    )


def _preferred_arm(row: Judgement) -> str | None:
    return {"a": row.a, "b": row.b}.get(row.preferred)


def _for(row: Judgement, a_has_it: bool) -> float:
    """1 for a verdict for the answer that is first, or longer; −1 for the other one; 0 for a tie."""
    if row.preferred == "tie":
        return 0.0
    return 1.0 if (row.preferred == "a") == a_has_it else -1.0


def _share(values: Sequence[tuple[str, float]], bounds: tuple[float, float]) -> Share | None:
    """The mean of (prompt, value) pairs, clustered by prompt; None of none."""
    if not values:
        return None
    names, prompt = np.unique([name for name, _ in values], return_inverse=True)
    numbers = np.array([value for _, value in values])
    value = float(numbers.mean())
    sums = np.bincount(prompt, numbers, len(names)) - value * np.bincount(prompt, minlength=len(names))
    result = measured_between(*bounds, value, sums[None] / len(numbers))
    return Share(value=value, low=result.low, high=result.high, of=len(numbers))
