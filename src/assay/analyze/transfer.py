"""Whether what small models say holds for larger ones: signs and ranks across sizes, and curves inside what was tried.

The largest size is the target and the check. Its pairs of arms that are decided there (paired t test over the seeds,
Holm's correction over all pairs) are what smaller sizes have to get right. Arms share pairs, so the interval on that
share of right decisions resamples arms, never pairs. Differences are carried over the logarithm of the parameters, and
only between sizes that were trained: beyond them nothing is said.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from assay.analyze.records import Floats
from assay.analyze.verdict import SIGNIFICANCE, holm
from assay.errors import InputError

FEWEST_SIZES = 3
FEWEST_ARMS = 5
"""Below this an interval by resampling arms knows nothing."""
FEWEST_RANKS = 3
DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class AtSize:
    """One size's values of one metric."""

    size: str
    parameters: int
    values: Mapping[str, Floats]
    """By arm: float [S], a seed each, in the same order for all arms."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """Two arms whose order at a smaller size is not that of the target."""

    a: str
    b: str
    small: float
    """a − b at the smaller size."""
    target: float
    """a − b at the target."""
    decided: bool
    """The smaller size was sure of the wrong order, and not only unlucky."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well one smaller size predicts the target."""

    size: str
    decided: int
    """Pairs that the target decides."""
    right: int
    """Of these, the pairs with the same sign at this size."""
    accuracy: float | None
    """right / decided; None where the target decides nothing."""
    low: float | None
    """95 % interval, by resampling arms; None below five arms."""
    high: float | None
    spearman: float | None
    """Rank correlation of the arms' means; None below three arms."""
    reversals: tuple[Reversal, ...]
    same: int
    """Pairs of the same sign at both sizes, decided or not; those without any difference go either way."""
    pairs: int


@dataclass(frozen=True, slots=True)
class Carried:
    """A difference of two arms at some number of parameters, on a line over their logarithm."""

    a: str
    b: str
    parameters: int
    predicted: float
    low: float
    high: float
    observed: float | None = None
    """What was found at that size, where it was held out."""
    held: bool | None = None
    """Whether observed and predicted differ by no more than their noise together: the check was passed."""


def transfer(sizes: Sequence[AtSize], seed: int = 0) -> list[Agreement]:
    """How well each smaller size predicts the largest, the smallest first.

    Args:
        sizes: Three or more, each with the same arms and at least two seeds.
        seed: Of the draws of arms.

    Raises:
        InputError: Too few sizes, arms or seeds, or sizes with other arms.
    """
    *smaller, target = _checked(sizes)
    arms = list(target.values)
    truth = _signs(target)
    return [_agreement(small, target, truth, arms, seed) for small in smaller]


def held_out(sizes: Sequence[AtSize], pairs: Sequence[tuple[str, str]] | None = None) -> list[Carried]:
    """Pairs' differences at the largest size as the smaller ones predict them, and whether they came out so.

    Args:
        sizes: As `transfer`.
        pairs: Of arms; None: all.

    Raises:
        InputError: As `transfer`.
    """
    *smaller, target = _checked(sizes)
    found = []
    for a, b in itertools.combinations(target.values, 2) if pairs is None else pairs:
        observed = target.values[a] - target.values[b]
        found.append(_carry(smaller, a, b, target.parameters, observed))
    return found


def carried_to(sizes: Sequence[AtSize], a: str, b: str, parameters: int) -> Carried:
    """The difference a − b at a number of parameters between the smallest and the largest size.

    Raises:
        InputError: As `transfer`; no such arm; or parameters outside what was trained.
    """
    checked = _checked(sizes)
    for arm in (a, b):
        if arm not in checked[0].values:
            raise InputError(f"there is no arm '{arm}'; there is {', '.join(checked[0].values)}")
    least, most = checked[0].parameters, checked[-1].parameters
    if not least <= parameters <= most:
        raise InputError(
            f"{parameters:,} parameters lie outside what was trained ({least:,} to {most:,}); nothing is said of them"
        )
    return _carry(checked, a, b, parameters, None)


def _checked(sizes: Sequence[AtSize]) -> list[AtSize]:
    ordered = sorted(sizes, key=lambda one: one.parameters)
    if len({one.parameters for one in ordered}) < FEWEST_SIZES:
        raise InputError(f"transfer needs at least {FEWEST_SIZES} sizes, and there are {len(ordered)}")
    arms = list(ordered[0].values)
    if len(arms) < 2:
        raise InputError("transfer needs at least two arms")
    for one in ordered:
        if set(one.values) != set(arms):
            raise InputError(f"size {one.size} has other arms than size {ordered[0].size}")
        lengths = {len(values) for values in one.values.values()}
        if len(lengths) > 1 or min(lengths) < 2:
            raise InputError(f"size {one.size} needs at least two seeds, the same for all arms")
    return ordered


def _signs(at: AtSize) -> dict[tuple[str, str], int]:
    """Each pair's sign where its paired t test is significant after Holm's correction, and 0 elsewhere."""
    pairs = list(itertools.combinations(at.values, 2))
    p_values = [_p(at.values[a] - at.values[b]) for a, b in pairs]
    signs = {}
    for (a, b), adjusted in zip(pairs, holm(p_values), strict=True):
        apart = float(np.mean(at.values[a] - at.values[b]))
        signs[a, b] = int(np.sign(apart)) if adjusted is not None and adjusted < SIGNIFICANCE else 0
    return signs


def _p(differences: Floats) -> float | None:
    se = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    if se == 0:
        return None
    return float(2 * special.stdtr(len(differences) - 1, -abs(float(differences.mean())) / se))


def _agreement(
    small: AtSize, target: AtSize, truth: Mapping[tuple[str, str], int], arms: Sequence[str], seed: int
) -> Agreement:
    at_small = {pair: float(np.mean(small.values[pair[0]] - small.values[pair[1]])) for pair in truth}
    sure = _signs_of(small, truth)
    decided = [pair for pair, sign in truth.items() if sign]
    right = {pair for pair in decided if np.sign(at_small[pair]) == truth[pair]}
    reversals = tuple(
        Reversal(
            a,
            b,
            at_small[a, b],
            float(np.mean(target.values[a] - target.values[b])),
            sure[a, b] == -truth[a, b],
        )
        for a, b in decided
        if (a, b) not in right
    )
    accuracy = len(right) / len(decided) if decided else None
    low, high = _interval(decided, right, arms, seed) if decided else (None, None)
    ranks = [[float(np.mean(size.values[arm])) for arm in arms] for size in (small, target)]
    spearman = None
    if len(arms) >= FEWEST_RANKS:
        from scipy import stats

        spearman = float(stats.spearmanr(*ranks).statistic)
    if spearman is not None and math.isnan(spearman):
        spearman = None
    same = sum(at_small[a, b] * float(np.mean(target.values[a] - target.values[b])) > 0 for a, b in truth)
    return Agreement(small.size, len(decided), len(right), accuracy, low, high, spearman, reversals, same, len(truth))


def _signs_of(at: AtSize, pairs: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """`_signs`, with the pairs named as elsewhere."""
    found = _signs(at)
    return {(a, b): found[a, b] if (a, b) in found else -found[b, a] for a, b in pairs}


def _interval(
    decided: Sequence[tuple[str, str]], right: set[tuple[str, str]], arms: Sequence[str], seed: int
) -> tuple[float | None, float | None]:
    """Percentiles over draws of arms with replacement. A draw's pairs count as often as both their arms were drawn.

    Where all or none are right every draw says the same; then the end is that of as many independent decisions as
    disjoint pairs are found, taken as they come (Clopper and Pearson).
    """
    if len(arms) < FEWEST_ARMS:
        return None, None
    place = {arm: index for index, arm in enumerate(arms)}
    ends = np.array([[place[a], place[b]] for a, b in decided])
    good = np.array([pair in right for pair in decided])
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(arms), [1 / len(arms)] * len(arms), size=DRAWS)
    weights = drawn[:, ends[:, 0]] * drawn[:, ends[:, 1]]
    totals = weights.sum(axis=1)
    shares = (weights[:, good].sum(axis=1) / np.maximum(totals, 1))[totals > 0]
    low, high = (float(end) for end in np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    matched: set[str] = set()
    for pair in decided:
        if matched.isdisjoint(pair):
            matched.update(pair)
    bound = ((1 - LEVEL) / 2) ** (2 / len(matched))
    if good.all():
        low = bound
    if not good.any():
        high = 1 - bound
    return low, high


def _carry(sizes: Sequence[AtSize], a: str, b: str, parameters: int, observed: Floats | None) -> Carried:
    """A least-squares line over the logarithm of the parameters, taken at one number of them.

    The prediction is a weighted sum of the sizes' means, Σ w·d; its variance Σ w²·se² has Satterthwaite's degrees of
    freedom. What was observed at a held-out size brings its own variance.
    """
    x = np.log([size.parameters for size in sizes])
    differences = [size.values[a] - size.values[b] for size in sizes]
    design = np.stack([np.ones_like(x), x], axis=1)
    weights = np.array([1.0, math.log(parameters)]) @ np.linalg.pinv(design)
    predicted = float(sum(w * float(d.mean()) for w, d in zip(weights, differences, strict=True)))
    terms = [(float(w**2 * d.var(ddof=1) / len(d)), len(d) - 1) for w, d in zip(weights, differences, strict=True)]
    half = _half(terms)
    if observed is None:
        return Carried(a, b, parameters, predicted, predicted - half, predicted + half)
    found = float(observed.mean())
    both = _half([*terms, (float(observed.var(ddof=1) / len(observed)), len(observed) - 1)])
    return Carried(
        a, b, parameters, predicted, predicted - half, predicted + half, found, abs(found - predicted) <= both
    )


def _half(terms: Sequence[tuple[float, int]]) -> float:
    """Half width of the interval of a sum with these (variance, degrees of freedom)."""
    variance = sum(term for term, _ in terms)
    if variance == 0:
        return 0.0
    df = variance**2 / sum(term**2 / freedom for term, freedom in terms)
    return float(special.stdtrit(df, 0.5 + LEVEL / 2)) * math.sqrt(variance)
