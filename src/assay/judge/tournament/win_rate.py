"""Win rates: how often one arm's answer is preferred to another's, with ties half, and how sure that is.

The test and the intervals are of win minus loss, the mean of outcomes 1, 0 and −1 over all of them; the win rate is
(1 + it) / 2. Ties stay in the denominator: left out, they make any judge look decided. Intervals are clustered by
prompt, crossed with seeds, and made by log-odds, so that none leaves [0, 1]: see `assay.judge.tournament.crossed`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from assay.analyze.power import smallest_effect
from assay.analyze.records import Floats
from assay.analyze.verdict import holm
from assay.judge.tournament.crossed import Measured, Over, Seeds, as_rate, measured_between
from assay.judge.tournament.outcome import Cells, Outcome, cells


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """One arm against another, by one judge."""

    judge: str
    a: str
    b: str
    wins: int
    """Of ``a``."""
    losses: int
    ties: int
    unparsed: int
    """Answers without an outcome, as neither order could be read."""
    incomplete: int
    """Answers without an outcome, as one order was never judged."""
    half_read: int
    """Those of the ties that are ties because one order could not be read."""
    prompts: int
    """With an outcome in at least one seed."""
    seeds: int
    rate: float | None
    """(wins + ties / 2) / all three; None without any outcome."""
    low: float | None
    """95 % interval; None with fewer than two prompts."""
    high: float | None
    win_minus_loss: float | None
    """In units of 1."""
    win_minus_loss_low: float | None
    win_minus_loss_high: float | None
    se: float | None
    """Of win minus loss; None where all outcomes are alike."""
    df: float | None
    p: float | None
    """Two-sided, of no difference; alone."""
    p_adjusted: float | None
    """After Holm's correction over the pairs that were asked about together."""
    detectable: float | None
    """Smallest win minus loss that such outcomes would have shown with 80 % power at 5 %."""
    correlation: float | None
    """Between two seeds' outcomes on one prompt (intraclass); None with one seed or nothing that differs."""
    over: Over
    """What the interval is drawn over."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def win_rate(found: Sequence[Outcome], a: str, b: str, *, seeds_are: Seeds = "trained") -> WinRate:
    """The win rate of ``a`` against ``b``.

    Args:
        found: Outcomes of one judge.
        a: An arm.
        b: The other.
        seeds_are: Whether the seeds are trainings of the arms, or samplings of one checkpoint each.

    Raises:
        InputError: The outcomes are of several judges, or the two arms were not compared.
    """
    table = cells(found, a, b)
    scores = table.scores
    result = of_scores(scores, seeds_are)
    value = None if result is None else result.value
    low, high = (None, None) if result is None else (result.low, result.high)
    se, df, p = (None, None, None) if result is None else (result.se, result.df, result.p)
    return WinRate(
        judge=table.judge,
        a=a,
        b=b,
        **_counts(table),
        seeds=scores.shape[0],
        prompts=scores.shape[1],
        rate=as_rate(value),
        low=as_rate(low),
        high=as_rate(high),
        win_minus_loss=value,
        win_minus_loss_low=low,
        win_minus_loss_high=high,
        se=se,
        df=df,
        p=p,
        p_adjusted=p,
        detectable=smallest_effect(se, df),
        correlation=repeat_correlation(scores),
        over="nothing" if result is None else result.over,
    )


def win_rates(
    found: Sequence[Outcome], pairs: Sequence[tuple[str, str]] | None = None, *, seeds_are: Seeds = "trained"
) -> list[WinRate]:
    """Several pairs, with Holm's correction over them.

    Args:
        found: Outcomes of one judge.
        pairs: Which, in this order; None: all that were compared, in the order of their names.
        seeds_are: Whether the seeds are trainings of the arms, or samplings of one checkpoint each.

    Raises:
        InputError: The outcomes are of several judges, or two of the arms were not compared.
    """
    if pairs is None:
        pairs = sorted({(one.a, one.b) for one in found})
    rates = [win_rate(found, a, b, seeds_are=seeds_are) for a, b in pairs]
    adjusted = holm([rate.p for rate in rates])
    return [replace(rate, p_adjusted=p) for rate, p in zip(rates, adjusted, strict=True)]


def of_scores(scores: Floats, seeds_are: Seeds = "trained") -> Measured | None:
    """Win minus loss from outcomes.

    Args:
        scores: float64 [seeds, prompts] in {−1, 0, 1}, NaN without an outcome.
        seeds_are: Whether the seeds are trainings or samplings.

    Returns:
        None without any outcome.
    """
    known = ~np.isnan(scores)
    if not known.any():
        return None
    value = float(scores[known].sum() / known.sum())
    influence = np.where(known, scores - value, 0.0) / known.sum()
    return measured_between(-1.0, 1.0, value, influence, seeds_are=seeds_are)


def repeat_correlation(scores: Floats) -> float | None:
    """Intraclass correlation of two seeds' outcomes on one prompt, from the prompts with an outcome in every seed.

    The one-way form: (M − W) / (M + (S − 1) W) with the mean squares between (M) and within (W) prompts, S seeds.
    Feeds `assay.judge.tournament.planning`. None with one seed, fewer than two such prompts or nothing that differs.
    """
    whole = scores[:, ~np.isnan(scores).any(axis=0)]
    seeds, prompts = whole.shape
    if seeds < 2 or prompts < 2:
        return None
    means = whole.mean(axis=0)
    between = seeds * float(means.var(ddof=1))
    within = float(np.square(whole - means).sum()) / (prompts * (seeds - 1))
    spread = between + (seeds - 1) * within
    return (between - within) / spread if spread > 0 else None


def _counts(table: Cells) -> dict[str, int]:
    return {
        "wins": int((table.scores == 1).sum()),
        "losses": int((table.scores == -1).sum()),
        "ties": int((table.scores == 0).sum()),
        "unparsed": table.unparsed,
        "incomplete": table.incomplete,
        "half_read": table.half_read,
    }
