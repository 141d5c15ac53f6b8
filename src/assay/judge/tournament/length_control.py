"""The win rate at equal length: what is left of a preference when answers that are longer are not preferred for it.

After length-controlled AlpacaEval (Dubois et al. 2024, arXiv 2404.04475), which models a preference by the model, the
difficulty of the instruction and tanh of the standardised length difference, and reads it off at no difference. Here
each pair of arms has its own regression over its outcomes, a win being 1, a tie 1/2 and a loss 0,

    log-odds of the mean outcome = α + β · z,    z = tanh((bytes of a − bytes of b) / their standard deviation),

and the win rate at equal length is that of α. z is odd, so exchanging the arms turns every sign; without β it is the
plain win rate and its interval. Difficulty is left out: prompts are drawn, and the interval is over them.

A judge may prefer long answers because they say more; then this takes away too much. So it stands beside the plain
win rate, never in its place. Where one arm's answers are nearly always the longer, equal length was hardly seen, α is
extrapolated, and its interval grows.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import special

from assay.analyze.records import Floats
from assay.judge.tournament.crossed import Measured, Over, Seeds, measured
from assay.judge.tournament.outcome import Outcome, cells

SAME = 1e-9
"""Standardised lengths that differ by less do so by rounding."""
MOST_ROUNDS = 100
CONVERGED = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthControlled:
    """One arm against another at equal length, by one judge."""

    judge: str
    a: str
    b: str
    rate: float | None
    """Win rate at equal length; None where it cannot be told (see `why_not`)."""
    low: float | None
    """95 % interval; None with fewer than two prompts."""
    high: float | None
    log_odds: float | None
    """α: natural logarithm of the odds of the rate."""
    se: float | None
    """Of `log_odds`."""
    df: float | None
    p: float | None
    """Two-sided, of no difference at equal length."""
    slope: float | None
    """β: log-odds that a much longer answer gains."""
    a_longer: float | None
    """Share of comparisons in which the answer of ``a`` was the longer, equal ones half; near 0 or 1, `rate` is
    extrapolated."""
    why_not: str | None
    """Why there is no rate."""
    over: Over

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def length_controlled(found: Sequence[Outcome], a: str, b: str, *, seeds_are: Seeds = "trained") -> LengthControlled:
    """The win rate of ``a`` against ``b`` at equal length.

    Args:
        found: Outcomes of one judge.
        a: An arm.
        b: The other.
        seeds_are: Whether the seeds are trainings of the arms, or samplings of one checkpoint each.

    Raises:
        InputError: The outcomes are of several judges, or the two arms were not compared.
    """
    table = cells(found, a, b)
    known = ~np.isnan(table.scores)
    result, slope, why_not = regressed(table.scores, table.longer, seeds_are)
    return LengthControlled(
        judge=table.judge,
        a=a,
        b=b,
        rate=None if result is None else _rate(result.value),
        low=None if result is None else _rate(result.low),
        high=None if result is None else _rate(result.high),
        log_odds=None if result is None else result.value,
        se=None if result is None else result.se,
        df=None if result is None else result.df,
        p=None if result is None else result.p,
        slope=slope,
        a_longer=float((1 + np.sign(table.longer[known])).mean() / 2) if known.any() else None,
        why_not=why_not,
        over="nothing" if result is None else result.over,
    )


def regressed(
    scores: Floats, longer: Floats, seeds_are: Seeds = "trained"
) -> tuple[Measured | None, float | None, str | None]:
    """The log-odds of a win at equal length, the slope, and why there is none.

    A cell's influence on α is what the likelihood gives it, divided by 1 − its leverage: with few prompts plain
    residuals are too small, the more so far from equal length (MacKinnon and White 1985, HC3).

    Args:
        scores: float64 [seeds, prompts] in {−1, 0, 1}, NaN without an outcome.
        longer: float64 [seeds, prompts]: bytes by which the first arm's answer is the longer.
        seeds_are: Whether the seeds are trainings or samplings.
    """
    known = ~np.isnan(scores)
    if known.sum() < 3:
        return None, None, "fewer than three outcomes"
    won, length = (1 + scores[known]) / 2, longer[known]
    if (won == won[0]).all():
        return None, None, "every outcome is the same"
    spread = float(length.std())
    z = np.tanh(length / spread) if spread else np.sign(length)
    same_length = not length.any()
    if z.std() < SAME and not same_length:
        return None, None, "one arm's answers are all longer by much the same"
    design = np.ones((len(won), 1)) if same_length else np.column_stack([np.ones_like(z), z])
    fitted = _fitted(design, won)
    if fitted is None:
        return None, None, "the outcomes follow the lengths so closely that equal length cannot be told"
    coefficients, inverse = fitted
    chance = special.expit(design @ coefficients)
    leverage = chance * (1 - chance) * np.einsum("ni,ij,nj->n", design, inverse, design)
    influence = np.zeros_like(scores)
    raw = design @ inverse[0] * (won - chance) / (1.0 if same_length else np.maximum(1 - leverage, SAME))
    influence[known] = raw - raw.mean()
    result = measured(float(coefficients[0]), influence, seeds_are=seeds_are)
    return result, 0.0 if same_length else float(coefficients[1]), None


def _fitted(design: Floats, won: Floats) -> tuple[Floats, Floats] | None:
    """Logistic regression by Newton's method: coefficients and the inverse information; None where they run away."""
    coefficients = np.zeros(design.shape[1])
    for _ in range(MOST_ROUNDS):
        chance = special.expit(design @ coefficients)
        information = design.T @ (design * (chance * (1 - chance))[:, None])
        if np.linalg.cond(information) > 1 / SAME:
            return None
        inverse: Floats = np.linalg.inv(information)
        step = inverse @ design.T @ (won - chance)
        # Far from the answer a full step may overshoot; none changes a coefficient by more than 1.
        coefficients = coefficients + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < CONVERGED:
            return coefficients, inverse
    return None


def _rate(log_odds: float | None) -> float | None:
    return None if log_odds is None else float(special.expit(log_odds))
