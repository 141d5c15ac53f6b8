"""What could have been seen: the smallest detectable effect, and the seeds that a wished one would take.

Both are for one two-sided t test and 80 % power, by the noncentral t distribution. The smallest detectable effect is
made from the standard error that was found, at 5 % and without Holm's correction (which depends on all the other
tests): it says what this study could see, and is no second test of the effect that it did see.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

ALPHA = 0.05
POWER = 0.80

_legendre = np.polynomial.legendre.leggauss(400)
NODES, WEIGHTS = (_legendre[0] + 1) / 2, _legendre[1] / 2


def power_at(ratio: float, df: float, alpha: float = ALPHA) -> float:
    """Chance of a two-sided rejection when the effect is ``ratio`` standard errors.

    The noncentral t as the mean of a normal over the chi distribution of the standard error, by Gauss-Legendre
    quadrature (error below 1e-6). Scipy's own is NaN or does not converge for few degrees of freedom.
    """
    errors = float(stats.t.ppf(1 - alpha / 2, df)) * _standard_errors(df)
    return float(WEIGHTS @ (special.ndtr(ratio - errors) + special.ndtr(-ratio - errors)))


@lru_cache(maxsize=4096)
def _standard_errors(df: float) -> npt.NDArray[np.float64]:
    """Quantiles, at the quadrature's nodes, of the estimated standard error over the true one."""
    quantiles: npt.NDArray[np.float64] = np.sqrt(stats.chi2.ppf(NODES, df) / df)
    return quantiles


@lru_cache(maxsize=4096)
def detectable_ratio(df: float, power: float = POWER, alpha: float = ALPHA) -> float:
    """Smallest effect, in standard errors, that a t test with ``df`` degrees of freedom finds so often."""
    spread = (stats.chi2.ppf((1 + power) / 2, df) / df) ** 0.5
    highest = float(stats.t.ppf(1 - alpha / 2, df) * spread) + 4
    return float(optimize.brentq(lambda ratio: power_at(ratio, df, alpha) - power, 1e-6, highest, xtol=1e-10))


def smallest_effect(se: float | None, df: float | None) -> float | None:
    """Smallest detectable effect, in the units of the standard error ``se``; None without one."""
    if se is None or df is None:
        return None
    return se * detectable_ratio(round(df, 6))


def seeds_needed(
    wished: float,
    seeds_variance: float,
    items_variance: float,
    items_df: float,
    *,
    alpha: float = ALPHA,
    most: int = 1000,
) -> int | None:
    """Seeds that would let an effect of this size be found at 80 % power, with the items there are.

    Args:
        wished: Effect to be found, in units of the metric; its sign does not matter.
        seeds_variance: Variance of the paired difference over seeds.
        items_variance: Variance that more seeds cannot lower.
        items_df: Degrees of freedom of the item part.
        alpha: Level of the test; 0.05 over the number of tests where that many are corrected for.
        most: Search no further.

    Returns:
        The number, at least 2; None where no number up to ``most`` does, and more items are needed.
    """

    def enough(seeds: int) -> bool:
        between = seeds_variance / seeds
        variance = between + items_variance
        if variance == 0:
            return True
        df = variance**2 / (between**2 / (seeds - 1) + items_variance**2 / items_df)
        return bool(abs(wished) >= variance**0.5 * detectable_ratio(round(max(df, seeds - 1), 3), POWER, alpha))

    if not enough(most):
        return None
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
