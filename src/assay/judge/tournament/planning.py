"""How many prompts a difference takes, and what given prompts can show; said before money is spent.

One outcome is 1, 0 or −1 with ties' share t and mean δ (win minus loss), so its variance is 1 − t − δ². R repeats
(seeds) of a prompt whose outcomes correlate by ρ make the prompt's mean vary by (1 + (R − 1) ρ) / R of that. The test
is that of `assay.judge.tournament.win_rate` with one seed: log-odds, 2 artanh δ, over their standard error, n − 1
degrees of freedom; its power is by the noncentral t.

What it leaves out: how much two trainings of one recipe differ. Repeats here are more answers of the same arms; where
the seeds are trainings and the claim is of the recipe, `assay plan` counts the seeds.
"""

import math

from scipy import optimize

from assay.analyze.power import ALPHA, POWER, detectable_ratio
from assay.errors import InputError

STRONGEST = 0.8
"""Differences above this are planned for as this one: the log-odds' standard error then grows as fast as they do."""
MOST = 10_000_000
"""More prompts than anyone judges."""


def prompts_needed(
    difference: float,
    *,
    ties: float,
    repeats: int = 1,
    correlation: float = 1.0,
    power: float = POWER,
    alpha: float = ALPHA,
    pairs: int = 1,
) -> int:
    """Prompts that let this win minus loss be found.

    Args:
        difference: Win minus loss, in units of 1 (0.066 is 6.6 points); its sign does not matter.
        ties: Share of ties to expect, disagreeing orders among them.
        repeats: Outcomes per prompt, one for each seed.
        correlation: Between two outcomes of one prompt; 1: repeats teach nothing (`WinRate.correlation` is what was
            seen).
        power: Chance of finding it.
        alpha: Level of the two-sided test.
        pairs: Comparisons that Holm's correction is taken over; the level is that of its first step, alpha / pairs.

    Raises:
        InputError: A number is out of its range, or the difference larger than these ties allow.
    """
    _check(ties, repeats, correlation, power, alpha, pairs)
    wished = abs(difference)
    if not 0 < wished <= 1 - ties:
        raise InputError(
            f"with a share of {ties:g} ties, win minus loss lies between 0 and {1 - ties:g}; {difference:g} does not"
        )

    def enough(prompts: int) -> bool:
        ratio = detectable_ratio(float(prompts - 1), power, alpha / pairs)
        bar = ratio * math.sqrt(_of_one(repeats, correlation) / prompts)
        return _in_errors(min(wished, STRONGEST), ties) >= bar

    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if high > MOST:
            raise InputError(f"a win minus loss of {difference:g} would take more than {MOST:,} prompts")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def smallest_difference(
    prompts: int,
    *,
    ties: float,
    repeats: int = 1,
    correlation: float = 1.0,
    power: float = POWER,
    alpha: float = ALPHA,
    pairs: int = 1,
) -> float | None:
    """Smallest win minus loss, in units of 1, that this many prompts find; arguments as in `prompts_needed`.

    Returns:
        None where these prompts find no difference that these ties leave room for.

    Raises:
        InputError: A number is out of its range.
    """
    _check(ties, repeats, correlation, power, alpha, pairs)
    if prompts < 2:
        raise InputError(f"{prompts} prompts show nothing; at least 2 are needed")
    bar = detectable_ratio(float(prompts - 1), power, alpha / pairs) * math.sqrt(
        _of_one(repeats, correlation) / prompts
    )
    highest = min(1 - ties, STRONGEST)
    if _in_errors(highest, ties) < bar:
        return None
    return float(optimize.brentq(lambda difference: _in_errors(difference, ties) - bar, 0.0, highest, xtol=1e-12))


def standard_error(
    prompts: int, *, ties: float, difference: float = 0.0, repeats: int = 1, correlation: float = 1.0
) -> float:
    """Standard error of win minus loss, in units of 1."""
    variance = (1 - ties - difference**2) * _of_one(repeats, correlation) / prompts
    return float(max(0.0, variance) ** 0.5)


def _in_errors(difference: float, ties: float) -> float:
    """The log-odds of a difference in units of their standard error with one outcome."""
    return float(math.atanh(difference) * (1 - difference**2) / (1 - ties - difference**2) ** 0.5)


def _of_one(repeats: int, correlation: float) -> float:
    """Variance of a prompt's mean over that of one outcome."""
    return max(0.0, (1 + (repeats - 1) * correlation) / repeats)


def _check(ties: float, repeats: int, correlation: float, power: float, alpha: float, pairs: int) -> None:
    if not 0 <= ties < 1:
        raise InputError(f"the share of ties is at least 0 and below 1, not {ties:g}")
    if repeats < 1 or pairs < 1:
        raise InputError(f"there is at least 1 repeat and 1 pair, not {repeats} and {pairs}")
    if not -1 <= correlation <= 1:
        raise InputError(f"a correlation lies between −1 and 1, not at {correlation:g}")
    if not (0 < alpha < 1 and alpha < power < 1):
        raise InputError(f"the level lies between 0 and 1 and the power between it and 1, not at {alpha:g}, {power:g}")
