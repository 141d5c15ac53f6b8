"""Intervals for numbers made of a table of seeds × prompts, some cells of which may be missing.

Every number of a tournament (a win rate, one at equal length, a strength) is, near its value, a sum over cells of
what each adds: its influence. So one estimator serves them all, and it is that of the study's other contrasts
(`assay.analyze.effects`): seeds and prompts crossed, both drawn anew, t with Satterthwaite's degrees of freedom. With
one seed there is no spread over seeds; the interval is then over prompts alone, C − 1 degrees of freedom, and says
nothing of another training run.

Seeds that are but samplings of one checkpoint each have nothing of their own to vary: an answer drawn for one prompt
knows nothing of another. They are summed within their prompt, and the interval is over prompts alone. Asking for
``trained`` where seeds were ``sampled`` is safe and wasteful: two seeds then hold 99 % instead of 95.

A mean between two bounds has its interval, and its test, by log-odds: near a bound a plain t interval reaches too
little away from it (simulated, 60 prompts and a true win rate of 94 %: it held 93 %, log-odds 96).

Where all cells say the same there is no spread to work with. Then a binomial bound holds: with 97.5 % confidence no
more than u = 1 − 0.025^(1/n) of n prompts go otherwise (Clopper and Pearson 1934, no exception seen).
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import special

from assay.analyze.effects import NEGLIGIBLE, Estimate, Sample, combine, task_part
from assay.analyze.records import Floats

LEVEL = 0.95
Over = Literal["prompts and seeds", "prompts", "prompts, none differing", "nothing"]
Seeds = Literal["trained", "sampled"]
"""What a seed is: a training of each arm, or a sampling of one checkpoint's answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A number and how sure it is."""

    value: float
    low: float | None
    """95 % interval; None with fewer than two prompts."""
    high: float | None
    se: float | None
    """None where nothing differs."""
    df: float | None
    p: float | None
    """Two-sided, of zero."""
    over: Over
    """What the interval is drawn over; ``prompts``: it speaks for these checkpoints alone."""


def as_rate(win_minus_loss: float | None) -> float | None:
    """A win rate, ties half, from win minus loss."""
    return None if win_minus_loss is None else (1 + win_minus_loss) / 2


def measured(value: float, influence: Floats, *, seeds_are: Seeds = "trained") -> Measured:
    """A number without bounds, with its interval.

    Args:
        value: The number.
        influence: float64 [seeds, prompts]: what each cell adds to its error; they sum to zero, a missing cell is 0.
        seeds_are: Whether the seeds are trainings or samplings.

    Returns:
        Without an interval where there are fewer than two prompts, or all say the same.
    """
    if seeds_are == "sampled":
        influence = influence.sum(axis=0, keepdims=True)
    seeds, prompts = influence.shape
    estimate = _estimate(value, influence)
    interval = estimate.interval(LEVEL)
    if prompts < 2 or interval is None:
        return Measured(value=value, low=None, high=None, se=None, df=None, p=None, over="nothing")
    return Measured(
        value=value,
        low=interval[0],
        high=interval[1],
        se=estimate.se,
        df=estimate.df,
        p=estimate.p,
        over="prompts and seeds" if seeds > 1 else "prompts",
    )


def measured_between(
    least: float, most: float, value: float, influence: Floats, *, seeds_are: Seeds = "trained"
) -> Measured:
    """A mean that lies between two bounds, with its interval by log-odds, or the binomial bound.

    Args:
        least: The lower bound.
        most: The upper one.
        value: The mean.
        influence: As for `measured`, in units of ``value``.
        seeds_are: Whether the seeds are trainings or samplings.

    Returns:
        ``p`` is of the middle between the bounds, and `se` in units of ``value``.
    """
    prompts = influence.shape[1]
    if prompts < 2:
        return Measured(value=value, low=None, high=None, se=None, df=None, p=None, over="nothing")
    share = (value - least) / (most - least)
    if not 0 < share < 1:
        return _without_spread(value, prompts, least, most)
    slope = 1 / (share * (1 - share) * (most - least))
    odds = measured(math.log(share / (1 - share)), influence * slope, seeds_are=seeds_are)
    if odds.low is None or odds.high is None or odds.se is None:
        return _without_spread(value, prompts, least, most)
    low, high = (least + (most - least) * float(special.expit(end)) for end in (odds.low, odds.high))
    return replace(odds, value=value, low=low, high=high, se=odds.se / slope)


def _estimate(value: float, influence: Floats) -> Estimate:
    seeds, prompts = influence.shape
    part = task_part(Sample(value + influence.size * influence, np.arange(prompts)))
    estimate = replace(combine([part]).on_new_items(), value=value)
    if seeds > 1:
        return estimate
    se = part.items**0.5
    if se <= NEGLIGIBLE * max(1.0, abs(value)):
        return estimate
    return replace(estimate, se=se, df=float(prompts - 1))


def _without_spread(value: float, prompts: int, least: float, most: float) -> Measured:
    """Prompts that all say the same: the module's bound, and a sign test's p, as each may go either way by chance."""
    otherwise = 1 - ((1 - LEVEL) / 2) ** (1 / prompts)
    return Measured(
        value=value,
        low=value - otherwise * (value - least),
        high=value + otherwise * (most - value),
        se=None,
        df=None,
        p=1.0 if value == (least + most) / 2 else min(1.0, 2 * 0.5**prompts),
        over="prompts, none differing",
    )
