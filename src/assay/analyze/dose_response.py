"""How a capability moves with the share of an ingredient, where it is best, and what it costs another capability.

A curve is fitted to each seed by itself, and every statement is a t test over the seeds' curves: seeds are the unit,
shares of one seed may depend on each other in any way, and no variance is pooled. The best share is told as all shares
whose slope cannot be told from 0 (Fieller's set, exact for a curve of the right form), so that two seeds give a wide
interval and not a wrong one; nothing is resampled. Curves are of three smooth forms, all linear in what is fitted to a
seed. A form that the values contradict is a bias that no interval covers, so it is refused (a test for lack of fit);
of those left the simplest is taken that no other beats clearly at predicting left-out shares. Where none is left the
curve is a line from share to share, and of what lies between them no more is said than that there is one best.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from assay.analyze.records import Floats
from assay.errors import InputError

Better = Literal["higher", "lower"]
Form = Literal["quadratic", "mixing law", "spline", "piecewise linear"]
Basis = Callable[[Floats], Floats]
"""Shares [n] to the values of the basis functions [n, p]."""

FEWEST = 4
"""Shares; a quadratic through three leaves nothing to judge it by."""
GRID = 201
CLEARLY = 0.5
"""A form is better where its error at left-out shares is below this fraction of a simpler one's."""
LEVEL = 0.95
MISFIT = 0.05
"""A form is refused where the values would be as far from it less often than this."""
STEEPEST = 20.0
GENTLEST = 0.05
"""Of the mixing law's exponent, per unit of share; gentler ones are straight lines."""
RELATIVE = 1e-9
"""Slopes below this fraction of the values' range are 0."""


@dataclass(frozen=True, slots=True)
class Best:
    """Where a capability is best."""

    share: float
    """Of the fitted curve, within what was tried."""
    possible: tuple[tuple[float, float], ...]
    """Stretches of shares that cannot be ruled out, from the least on; none with one seed."""
    at_edge: bool
    """The curve is best at the least or the greatest share that was tried."""
    tried: tuple[float, float]
    margin: float | None = None
    """A difference that does not matter."""
    near: tuple[float, float] | None = None
    """The shares about the best that are surely less than the margin worse; None without a margin, or with one seed."""

    @property
    def low(self) -> float | None:
        """The least share that cannot be ruled out."""
        return self.possible[0][0] if self.possible else None

    @property
    def high(self) -> float | None:
        """The greatest; shares between may well be ruled out."""
        return self.possible[-1][1] if self.possible else None

    def words(self) -> str:
        """Such as *best between 10 % and 45 %*, or *best at 0 %, or between 80 % and 100 %*."""
        if self.possible == (self.tried,):
            told = (
                f"best anywhere from {_percent(self.tried[0])} to {_percent(self.tried[1])}: no share can be ruled out"
            )
        else:
            told = f"best {', or '.join(_stretch(*ends) for ends in self.possible)}"
            if not self.possible:
                told = f"best at {_percent(self.share)} on the curve; one seed gives no interval"
            if self.at_edge or self.low == self.tried[0] or self.high == self.tried[1]:
                told += ", at the edge of what was tried"
        if self.near is not None and self.near[0] < self.near[1]:
            first, last = math.ceil(100 * self.near[0] - RELATIVE), math.floor(100 * self.near[1] + RELATIVE)
            told += f"; {first} % to {last} % is less than {self.margin:g} worse"
        return told


@dataclass(frozen=True, slots=True)
class Curve:
    """A fitted form, on a grid over the shares that were tried."""

    form: Form
    shares: Floats
    mean: Floats
    low: Floats | None
    """Band that holds the curve at any one share in 95 of 100 studies; None with one seed."""
    high: Floats | None
    low_everywhere: Floats | None
    """Band that holds the whole curve."""
    high_everywhere: Floats | None
    left_out_error: float
    """Root mean square error at shares that were left out of the fit."""
    best: Best
    misfit: float | None
    """How often the seeds' mean would be as far from the form if it held: a p-value; None with one seed, or where the
    curve goes through every mean."""


@dataclass(frozen=True, slots=True)
class DoseResponse:
    """What was found of one capability."""

    chosen: Curve
    others: tuple[Curve, ...]
    """The other forms, the simpler first, those that are refused too; none where a form was asked for."""
    n_seeds: int

    @property
    def refused(self) -> tuple[Form, ...]:
        """Smooth forms that the values contradict."""
        curves = (self.chosen, *self.others)
        return tuple(curve.form for curve in curves if curve.misfit is not None and curve.misfit < MISFIT)


def dose_response(
    shares: Sequence[float] | Floats,
    values: Floats,
    better_is: Better,
    form: Form | None = None,
    margin: float | None = None,
) -> DoseResponse:
    """The curve of a capability over the share of an ingredient.

    Args:
        shares: float [K], each from 0 to 1, all different, in any order.
        values: float [S, K]: each seed's value at each share, in units of the metric.
        better_is: Of that metric.
        form: Take this one; None: of the smooth ones that the values do not contradict (`MISFIT`) the simplest that no
            other beats at left-out shares by `CLEARLY`; if there is none, piecewise linear.
        margin: A difference of the metric that does not matter: which shares are as good as the best?

    Raises:
        InputError: Fewer than four shares, a share twice or outside 0 to 1, values missing, or a form that so few
            shares cannot carry.
    """
    x, y = np.asarray(shares, dtype=np.float64), np.atleast_2d(np.asarray(values, dtype=np.float64))
    _check(x, y)
    order = np.argsort(x)
    x, y = x[order], y[:, order]
    smooth: tuple[Form, ...] = ("quadratic", "mixing law", "spline")
    if len(x) == FEWEST:
        smooth = smooth[:-1]
    if form == "spline" and form not in smooth:
        raise InputError(f"a {form} needs {FEWEST + 1} shares, and there are {len(x)}")
    if form is not None:
        return DoseResponse(_fit(form, x, y, better_is, margin), (), len(y))
    curves = [_fit(name, x, y, better_is, margin) for name in (*smooth, "piecewise linear")]
    held = [curve for curve in curves[:-1] if curve.misfit is None or curve.misfit >= MISFIT]
    least = min((curve.left_out_error for curve in held), default=0.0)
    chosen = next((curve for curve in held if CLEARLY * curve.left_out_error <= least), curves[-1])
    return DoseResponse(chosen, tuple(curve for curve in curves if curve is not chosen), len(y))


def _check(x: Floats, y: Floats) -> None:
    if x.ndim != 1 or len(x) < FEWEST:
        raise InputError(f"a dose-response needs at least {FEWEST} shares, and there are {x.size}")
    if not ((x >= 0) & (x <= 1)).all():
        raise InputError("a share is a number from 0 to 1")
    if len(np.unique(x)) < len(x):
        raise InputError("a share is there twice")
    if y.shape[1] != len(x) or not len(y) or not np.isfinite(y).all():
        raise InputError(f"a dose-response needs each seed's value at each of the {len(x)} shares")


def _fit(form: Form, x: Floats, y: Floats, better_is: Better, margin: float | None) -> Curve:
    basis = _basis(form, x, y.mean(axis=0))
    grid = np.linspace(x[0], x[-1], GRID)
    by_seed = _solve(basis, x, y)  # [S, p]
    curves = by_seed @ basis(grid).T
    mean = curves.mean(axis=0)
    low = high = low_all = high_all = None
    if len(y) > 1:
        half = _t(len(y)) * _se(curves)
        low, high = mean - half, mean + half
        nodes = x if form == "piecewise linear" else np.linspace(x[0], x[-1], by_seed.shape[1])
        everywhere = _everywhere(basis, by_seed, grid, nodes)
        low_all, high_all = mean - everywhere, mean + everywhere
    if form == "piecewise linear":
        best = _best_tried(x, y if better_is == "higher" else -y, margin)
    else:
        best = _best(curves, grid, better_is, margin)
    misfit = _misfit(basis, by_seed, x, y)
    return Curve(form, grid, mean, low, high, low_all, high_all, _left_out(form, x, y.mean(axis=0)), best, misfit)


def _basis(form: Form, x: Floats, mean: Floats) -> Basis:
    """The functions whose sum is fitted; those of the mixing law are its tangent at the fit to the seeds' mean."""
    if form == "quadratic":
        return lambda at: np.stack([np.ones_like(at), at, at**2], axis=1)
    if form == "spline":
        return _natural(np.quantile(x, [0, 1 / 3, 2 / 3, 1]))
    if form == "piecewise linear":
        return lambda at: np.stack([np.interp(at, x, one) for one in np.eye(len(x))], axis=1)
    rate = _rate(x, mean)

    def law(at: Floats) -> Floats:
        grown = np.exp(rate * (at - x[-1] if rate > 0 else at - x[0]))
        return np.stack([np.ones_like(at), grown, at * grown], axis=1)

    return law


def _rate(x: Floats, mean: Floats) -> float:
    """Exponent t of the mixing law c + k·exp(t·share) (Ye et al. 2024) that fits best; c and k follow from it."""

    centred = mean - mean.mean()

    def best_of(rates: Floats) -> int:
        from_end = np.where(rates[:, None] > 0, x - x[-1], x - x[0])
        grown = np.exp(rates[:, None] * from_end)
        grown -= grown.mean(axis=1, keepdims=True)
        # a straight line in exp(t·share) takes away (Σ g·y)² / Σ g² of the squares
        return int(np.argmax((grown @ centred) ** 2 / np.square(grown).sum(axis=1)))

    tried = np.concatenate([-np.geomspace(STEEPEST, GENTLEST, 60), np.geomspace(GENTLEST, STEEPEST, 60)])
    at = best_of(tried)
    low, high = tried[max(at - 1, 0)], tried[min(at + 1, len(tried) - 1)]
    if low < 0 < high:
        return float(tried[at])
    finer = np.linspace(low, high, 400)
    return float(finer[best_of(finer)])


def _natural(knots: Floats) -> Basis:
    """Natural cubic splines on four knots, one function a knot: 1 there and 0 at the others."""
    from scipy import interpolate

    spline = interpolate.CubicSpline(knots, np.eye(len(knots)), bc_type="natural")
    return lambda at: np.asarray(spline(at), dtype=np.float64)


def _solve(basis: Basis, x: Floats, y: Floats) -> Floats:
    """Least squares for each seed: [S, p]."""
    return np.asarray(np.linalg.lstsq(basis(x), y.T, rcond=None)[0].T, dtype=np.float64)


def _left_out(form: Form, x: Floats, mean: Floats) -> float:
    """Root mean square error at each inner share when it is left out; the outer two would be extrapolated."""
    errors = []
    for index in range(1, len(x) - 1):
        kept = np.arange(len(x)) != index
        basis = _basis(form, x[kept], mean[kept])
        predicted = _solve(basis, x[kept], mean[None, kept]) @ basis(x[index : index + 1]).T
        errors.append(float(predicted[0, 0] - mean[index]))
    return float(np.sqrt(np.mean(np.square(errors))))


def _best(curves: Floats, grid: Floats, better_is: Better, margin: float | None) -> Best:
    """All shares that cannot be ruled out as the best.

    Inside, a share is ruled out where the seeds' slopes differ from 0; at an edge, where they point inwards. One that
    the seeds agree to be worse than the fitted best is ruled out too, which takes minima away. As good as the best are
    the shares on either side of it, as far as each is worse by less than the margin in a one-sided test at 5 %.
    """
    up = curves if better_is == "higher" else -curves
    mean = up.mean(axis=0)
    found = int(np.argmax(mean))
    ends = (float(grid[0]), float(grid[-1]))
    at_edge = found in {0, len(grid) - 1}
    if len(curves) < 2:
        return Best(float(grid[found]), (), at_edge, ends, margin)
    slopes = np.gradient(up, grid, axis=1, edge_order=2)
    slope, slope_half = slopes.mean(axis=0), _t(len(up)) * _se(slopes)
    flat = RELATIVE * max(float(np.ptp(up)), 1e-300)
    possible = np.abs(slope) <= slope_half + flat
    possible[0] = slope[0] <= slope_half[0] + flat
    possible[-1] = slope[-1] >= -slope_half[-1] - flat
    worse = up[:, found : found + 1] - up
    possible &= worse.mean(axis=0) <= _t(len(up)) * _se(worse) + flat
    possible[found] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], possible, [False]])))
    stretches = tuple((float(grid[first]), float(grid[end - 1])) for first, end in edges.reshape(-1, 2))
    near = None
    if margin is not None:
        upper = worse.mean(axis=0) + float(special.stdtrit(len(up) - 1, LEVEL)) * _se(worse)
        far = np.flatnonzero(upper >= margin)
        below, above = far[far < found], far[far > found]
        first = int(below[-1]) + 1 if len(below) else 0
        last = int(above[0]) - 1 if len(above) else len(grid) - 1
        near = (float(grid[first]), float(grid[last]))
    return Best(float(grid[found]), stretches, at_edge, ends, margin, near)


def _best_tried(x: Floats, up: Floats, margin: float | None) -> Best:
    """Between which shares the best is, if there is one best and nothing else is known of the curve.

    A share that was tried is ruled out where it is worse than the best of them by paired t tests over seeds, Bonferroni
    over its rivals; each one that is left may stand for a best anywhere up to its neighbours.
    """
    found = int(np.argmax(up.mean(axis=0)))
    ends, last = (float(x[0]), float(x[-1])), len(x) - 1
    if len(up) < 2:
        return Best(float(x[found]), (), found in {0, last}, ends, margin)
    worse = up[:, found : found + 1] - up
    flat = RELATIVE * max(float(np.ptp(up)), 1e-300)
    t = float(special.stdtrit(len(up) - 1, 1 - (1 - LEVEL) / last))
    possible = worse.mean(axis=0) <= t * _se(worse) + flat
    stretches: list[tuple[float, float]] = []
    for place in map(int, np.flatnonzero(possible)):
        low, high = float(x[max(place - 1, 0)]), float(x[min(place + 1, last)])
        if stretches and low < stretches[-1][1]:
            low = stretches.pop()[0]
        stretches.append((low, high))
    return Best(float(x[found]), tuple(stretches), found in {0, last}, ends, margin)


def _misfit(basis: Basis, by_seed: Floats, x: Floats, y: Floats) -> float | None:
    """p-value of the F test for lack of fit: what the seeds' mean misses, against how seeds differ in what they miss.

    It takes the noise left after each seed's fit for alike at all shares, which is a guard and no promise.
    """
    seeds, free = len(y), len(x) - by_seed.shape[1]
    if seeds < 2 or free < 1:
        return None
    left = y - by_seed @ basis(x).T  # [S, K]
    missed = seeds * float(np.square(left.mean(axis=0)).sum())
    noise = float(np.square(left - left.mean(axis=0)).sum())
    nothing = (RELATIVE * float(np.ptp(y))) ** 2
    if missed <= nothing:
        return 1.0
    if noise <= nothing:
        return 0.0
    return float(special.fdtrc(free, (seeds - 1) * free, missed / (noise / (seeds - 1))))


def _everywhere(basis: Basis, by_seed: Floats, grid: Floats, nodes: Floats) -> Floats:
    """Half width of a band for the whole curve: Bonferroni over p shares that fix it, carried to all others."""
    p = len(nodes)
    at_nodes = by_seed @ basis(nodes).T
    carried = basis(grid) @ np.linalg.pinv(basis(nodes))
    half = float(special.stdtrit(len(by_seed) - 1, 1 - (1 - LEVEL) / (2 * p))) * _se(at_nodes)
    band: Floats = np.abs(carried) @ half
    return band


def _t(seeds: int) -> float:
    return float(special.stdtrit(seeds - 1, 0.5 + LEVEL / 2))


def _se(by_seed: Floats) -> Floats:
    """Standard error of the mean over seeds, the first axis."""
    errors: Floats = by_seed.std(axis=0, ddof=1) / np.sqrt(len(by_seed))
    return errors


def _stretch(low: float, high: float) -> str:
    first, last = _percent(low), _percent(high)
    return f"at {first}" if first == last else f"between {first} and {last}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
