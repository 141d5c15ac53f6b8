"""What could have been seen: the smallest detectable effect, and the seeds or items that a wished one would take.

All are for one two-sided t test over seeds and 80 % power, without Holm's correction (which depends on all the other
tests) unless a level is given. A standard error from three seeds is itself a guess: the textbook's formula, which takes
it for the truth, promises 80 % and keeps 63. So the effect named here is the one that a repeat of the study with new
seeds would find in 80 % of cases, over what the true spread may be: with W and W' independent, √(χ²/df) of the spread
as it was measured and as the repeat will find it, the ratio k to the standard error solves

    E P(|Z + k W| > t W') = 0.80.

Over many studies, each with its own spread, effects of the size each one names are found in 80 % exactly. At two
degrees of freedom that is 1.55 times the textbook's number, at one 2.4, at fifteen 1.06.
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

ALPHA = 0.05
POWER = 0.80

_legendre = np.polynomial.legendre.leggauss(400)
NODES, WEIGHTS = (_legendre[0] + 1) / 2, _legendre[1] / 2
_few = np.polynomial.legendre.leggauss(64)
KNOWN_NODES, KNOWN_WEIGHTS = (_few[0] + 1) / 2, _few[1] / 2
"""Of the spread as it was measured; four digits of an effect are right with them."""


def power_at(ratio: float, df: float, alpha: float = ALPHA, known: float = math.inf) -> float:
    """Chance of a two-sided rejection when the effect is ``ratio`` standard errors.

    The noncentral t as the mean of a normal over the chi distribution of the standard error, by Gauss-Legendre
    quadrature (error below 1e-6). Scipy's own is NaN or does not converge for few degrees of freedom.

    Args:
        ratio: Effect over the standard error, as measured.
        df: Degrees of freedom of the test.
        alpha: Its level.
        known: Degrees of freedom that the standard error was measured with; infinite: it is the true one.
    """
    errors = float(special.stdtrit(df, 1 - alpha / 2)) * _standard_errors(df)
    if math.isinf(known):
        return float(WEIGHTS @ (special.ndtr(ratio - errors) + special.ndtr(-ratio - errors)))
    shifts = ratio * np.sqrt(2 * special.gammaincinv(known / 2, KNOWN_NODES) / known)[:, None]
    return float(KNOWN_WEIGHTS @ (special.ndtr(shifts - errors) + special.ndtr(-shifts - errors)) @ WEIGHTS)


@lru_cache(maxsize=4096)
def _standard_errors(df: float) -> npt.NDArray[np.float64]:
    """Quantiles, at the quadrature's nodes, of the estimated standard error over the true one."""
    quantiles: npt.NDArray[np.float64] = np.sqrt(2 * special.gammaincinv(df / 2, NODES) / df)
    return quantiles


@lru_cache(maxsize=4096)
def detectable_ratio(df: float, power: float = POWER, alpha: float = ALPHA, known: float = math.inf) -> float:
    """Smallest effect, in standard errors, that a t test with ``df`` degrees of freedom finds so often.

    Args:
        df: Degrees of freedom of the test.
        power: How often.
        alpha: Level of the test.
        known: Degrees of freedom that the standard error was measured with, see `power_at`.
    """
    spread = (2 * special.gammaincinv(df / 2, (1 + power) / 2) / df) ** 0.5
    highest = float(special.stdtrit(df, 1 - alpha / 2) * spread) + 4
    if not math.isinf(known):
        highest /= float(2 * special.gammaincinv(known / 2, (1 - power) / 2) / known) ** 0.5
    return float(optimize.brentq(lambda ratio: power_at(ratio, df, alpha, known) - power, 1e-6, highest, xtol=1e-8))


def smallest_effect(se: float | None, df: float | None) -> float | None:
    """Smallest detectable effect after a study, in the units of the standard error ``se``; None without one.

    A repeat with new seeds finds it with 80 % power: see the module's formula, with both spreads on ``df``.
    """
    if se is None or df is None:
        return None
    df = round(df, 2)
    return se * detectable_ratio(df, known=df)


def seeds_needed(
    wished: float, seeds_variance: float, *, known: float = math.inf, alpha: float = ALPHA, most: int = 1000
) -> int | None:
    """Seeds that would let an effect of this size be found at 80 % power on this suite.

    Args:
        wished: Effect to be found, in units of the metric; its sign does not matter.
        seeds_variance: Variance of the paired difference over seeds.
        known: Degrees of freedom that it was measured with.
        alpha: Level of the test; 0.05 over the number of tests where that many are corrected for.
        most: Search no further.

    Returns:
        The number, at least 2; None where no number up to ``most`` does.
    """

    def enough(seeds: int) -> bool:
        ratio = detectable_ratio(float(seeds - 1), POWER, alpha, known)
        return bool(abs(wished) >= (seeds_variance / seeds) ** 0.5 * ratio)

    if seeds_variance == 0:
        return 2
    if not enough(most):
        return None
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def items_needed(
    wished: float,
    n_items: int,
    seeds: int,
    seeds_variance: float,
    interaction_variance: float,
    *,
    known: float = math.inf,
    alpha: float = ALPHA,
) -> int | None:
    """Items that would let an effect of this size be found with the seeds there are, each task growing alike.

    More items average out what a seed does on single items, and nothing else.

    Args:
        wished: As for `seeds_needed`.
        n_items: How many there are.
        seeds: Likewise.
        seeds_variance: As for `seeds_needed`.
        interaction_variance: The share of it that goes with the items, `assay.analyze.effects.Estimate`.
        known: As for `seeds_needed`.
        alpha: Likewise.

    Returns:
        None where no number of items does.
    """
    allowed = seeds * (wished / detectable_ratio(float(seeds - 1), POWER, alpha, known)) ** 2
    left = allowed - max(0.0, seeds_variance - interaction_variance)
    if allowed >= seeds_variance:
        return n_items
    if left <= 0:
        return None
    return math.ceil(n_items * min(interaction_variance, seeds_variance) / left)
