"""What the page draws beside the contrasts, as rows of ``results.json``: curves over a share, a frontier, transfer.

Here the study's own arms are put to `assay.analyze.dose_response`, `assay.analyze.frontier` and
`assay.analyze.transfer`; where a study has too few shares, arms, seeds or sizes for one of these there is no row, and
nothing is said. Only declared metrics count. None of it is a test of a contrast and none changes a verdict.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from assay.analyze.dose_response import FEWEST, Curve, dose_response
from assay.analyze.estimator import Estimator
from assay.analyze.frontier import frontier
from assay.analyze.records import Floats
from assay.analyze.transfer import FEWEST_SIZES, AtSize, held_out, transfer
from assay.study.design import Contrast, Design, Metric

AXES = (
    ("heldout_text/bits_per_byte", "heldout_code/bits_per_byte"),
    ("heldout_text/bits_per_byte", "code/bits_per_byte"),
    ("knowledge/bits_per_byte", "code/bits_per_byte"),
    ("reasoning/bits_per_byte", "code/bits_per_byte"),
)
"""Pairs of metrics to trade off, the first that a study has."""
EVERY = 5
"""Of the points of a fitted curve's grid one in so many is kept."""
MOST_ARMS = 40
"""Arms whose pairs are compared over sizes, and arms of a frontier that are tested against each other."""


def dose_rows(design: Design, estimator: Estimator) -> list[dict[str, Any]]:
    """One row per trend over a share, size and declared metric.

    A trend is over a share where its factor says so and its values lie between 0 and 1, or 0 and 100.

    Returns:
        Dictionaries with ``id``, ``family``, ``size``, ``metric``, ``over``, ``arms``, ``shares``, ``by_seed`` (a list
        a seed), ``form``, ``grid``, ``mean``, ``low``, ``high``, ``low_everywhere``, ``high_everywhere``, ``best`` (its
        ``share``, ``low``, ``high``, ``words``, ``possible``: the stretches of shares that cannot be ruled out, and
        ``near``: the shares less than the margin worse), ``left_out_error``, ``n_seeds``, and ``refused``: the forms
        that the values contradict.
    """
    rows = []
    for contrast in design.contrasts:
        shares = _shares(contrast)
        if shares is None:
            continue
        for size in contrast.sizes or design.sizes:
            for metric in (metric for metric in design.metrics if metric.declared):
                seeds, values = _together(estimator, size, contrast.arms, metric)
                if not seeds:
                    continue
                by_seed = np.array([values[arm] for arm in contrast.arms]).T
                found = dose_response(shares, by_seed, metric.better_is, margin=metric.margin)
                best = found.chosen.best
                rows.append(
                    {
                        "id": contrast.id,
                        "family": contrast.family,
                        "size": size,
                        "metric": metric.id,
                        "over": contrast.factor,
                        "arms": list(contrast.arms),
                        "shares": shares,
                        "by_seed": by_seed.tolist(),
                        **_drawn(found.chosen),
                        "best": {
                            **{"share": best.share, "low": best.low, "high": best.high, "words": best.words()},
                            "possible": [list(ends) for ends in best.possible],
                            "near": list(best.near) if best.near else None,
                        },
                        "n_seeds": found.n_seeds,
                        "refused": list(found.refused),
                    }
                )
    return rows


def frontier_rows(design: Design, estimator: Estimator) -> list[dict[str, Any]]:
    """One row per size: the first of `AXES` that the study has, and where every arm stands on it.

    Returns:
        Dictionaries with ``size``, ``x`` and ``y`` (metrics) and ``points``: ``arm``, ``x``, ``y``, ``x_interval``,
        ``y_interval``, ``standing`` and ``beaten_by``.
    """
    metrics = {metric.id: metric for metric in design.metrics}
    axes = next((pair for pair in AXES if set(pair) <= set(metrics)), None)
    if axes is None:
        return []
    first, second = (metrics[name] for name in axes)
    rows = []
    for size in design.sizes:
        here = [arm for arm in design.arms if estimator.by_seed(size, arm, first.tasks, first.measure)][:MOST_ARMS]
        seeds, x = _together(estimator, size, here, first)
        others, y = _together(estimator, size, here, second)
        if len(here) < 2 or not seeds or seeds != others:
            continue
        points = frontier(x, y, first.better_is, second.better_is)
        told = [
            {
                "arm": point.arm,
                "x": point.x,
                "y": point.y,
                "x_interval": list(point.x_interval) if point.x_interval else None,
                "y_interval": list(point.y_interval) if point.y_interval else None,
                "standing": point.standing,
                "beaten_by": list(point.beaten_by),
            }
            for point in points
        ]
        rows.append({"size": size, "x": first.id, "y": second.id, "points": told, "n_arms": len(design.arms)})
    return rows


def transfer_rows(design: Design, estimator: Estimator) -> list[dict[str, Any]]:
    """One row per declared metric and smaller size, in a study of three sizes or more.

    Returns:
        Dictionaries with ``metric``, ``size``, ``target``, ``arms``, ``decided``, ``right``, ``accuracy``, ``low``,
        ``high``, ``spearman``, ``reversals`` (``a``, ``b``, ``small``, ``target``, ``decided``), ``same_sign`` (pairs
        whose sign is that at the target, decided or not, of how many), ``carried`` (pairs whose difference there
        came out as the smaller sizes said, of how many) and ``carried_half`` (median half-width of such a prediction).
    """
    rows = []
    for metric, sizes in _at_sizes(design, estimator):
        target = max(sizes, key=lambda one: one.parameters)
        checked = held_out(sizes)
        for found in transfer(sizes):
            rows.append(
                {
                    "metric": metric.id,
                    "size": found.size,
                    "target": target.size,
                    "arms": len(target.values),
                    "decided": found.decided,
                    "right": found.right,
                    "accuracy": found.accuracy,
                    "low": found.low,
                    "high": found.high,
                    "spearman": found.spearman,
                    "reversals": [
                        {"a": one.a, "b": one.b, "small": one.small, "target": one.target, "decided": one.decided}
                        for one in found.reversals
                    ],
                    "same_sign": [found.same, found.pairs],
                    "carried": [sum(bool(one.held) for one in checked), len(checked)],
                    "carried_half": float(np.median([(one.high - one.low) / 2 for one in checked])),
                }
            )
    return rows


def foretold_rows(design: Design, estimator: Estimator) -> list[dict[str, Any]]:
    """One row per declared metric and pair that the study compares at its largest size, of three sizes or more.

    Returns:
        Dictionaries with ``metric``, ``a``, ``b``, ``target`` (the largest size), ``predicted`` (a − b there, on a line
        through the smaller sizes), ``low``, ``high``, ``observed`` and ``held`` (whether both differ by no more than
        their noise together).
    """
    rows = []
    for metric, sizes in _at_sizes(design, estimator):
        target = max(sizes, key=lambda one: one.parameters)
        pairs = dict.fromkeys(
            (one.a, one.b)
            for one in design.contrasts
            if one.kind == "pair" and target.size in (one.sizes or design.sizes) and {*one.arms} <= {*target.values}
        )
        for found in held_out(sizes, list(pairs)):
            told = {name: getattr(found, name) for name in ("a", "b", "predicted", "low", "high", "observed", "held")}
            rows.append({"metric": metric.id, "target": target.size, **told})
    return rows


def _at_sizes(design: Design, estimator: Estimator) -> Iterator[tuple[Metric, list[AtSize]]]:
    """Declared metrics with their sizes, where two arms have values at three of these or more."""
    for metric in (metric for metric in design.metrics if metric.declared and len(design.sizes) >= FEWEST_SIZES):
        arms = [
            arm
            for arm in design.arms
            if all(estimator.by_seed(size, arm, metric.tasks, metric.measure) for size in design.sizes)
        ][:MOST_ARMS]
        sizes = []
        for size in design.sizes:
            seeds, values = _together(estimator, size, arms, metric)
            if len(seeds) > 1:
                sizes.append(AtSize(size, sum(design.parameters.get(size, {}).values()), values))
        if len(arms) > 1 and len({one.parameters for one in sizes}) >= FEWEST_SIZES:
            yield metric, sizes


def _shares(contrast: Contrast) -> list[float] | None:
    """The shares that a trend's arms have, by the pattern in its id; None where it is over something else."""
    match = re.fullmatch(r"trend of (.+) over (\S+)", contrast.id)
    if contrast.kind != "trend" or match is None or "share" not in contrast.factor or len(contrast.arms) < FEWEST:
        return None
    pieces = re.split(r"\{(\w+)\}", match[1])
    pattern = "".join(
        re.escape(piece) if place % 2 == 0 else "(.+)" if piece == match[2] else ".+"
        for place, piece in enumerate(pieces)
    )
    found = [re.fullmatch(pattern, arm) for arm in contrast.arms]
    try:
        values = [float(one[1]) for one in found if one is not None]
    except (ValueError, IndexError):
        return None
    if len(values) < len(found) or min(values) < 0 or max(values) > 100:
        return None
    return [value / 100 for value in values] if max(values) > 1 else values


def _together(
    estimator: Estimator, size: str, arms: Sequence[str], metric: Metric
) -> tuple[list[int], Mapping[str, Floats]]:
    """Seeds that all the arms have, and by arm its value in each."""
    found = {arm: estimator.by_seed(size, arm, metric.tasks, metric.measure) for arm in arms}
    seeds = [seed for seed in estimator.design.seeds if all(seed in values for values in found.values())]
    return seeds, {arm: np.array([values[seed] for seed in seeds]) for arm, values in found.items()}


def _drawn(curve: Curve) -> dict[str, Any]:
    """A curve's form and its points, thinned."""
    drawn = {
        "grid": curve.shares,
        "mean": curve.mean,
        "low": curve.low,
        "high": curve.high,
        "low_everywhere": curve.low_everywhere,
        "high_everywhere": curve.high_everywhere,
    }
    thinned = {name: None if one is None else [float(value) for value in one[::EVERY]] for name, one in drawn.items()}
    return {"form": curve.form, "left_out_error": curve.left_out_error, **thinned}
