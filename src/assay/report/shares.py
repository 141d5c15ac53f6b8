"""The drawings of curves over a share, and of the trade-off between two capabilities.

A curve stands in the band that holds it as a whole, with every seed's values as dots and, at the foot, all shares that
cannot be ruled out as the best. A frontier shows each arm with its intervals: filled where no arm is better in both,
hollow where one may be, small and pale where one surely is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from assay.report.figures import WIDTH
from assay.report.svg import BAND, BETTER, GRID, INK, PAPER, SERIES_COLOURS, SOFT, STYLE, inline

NAMED = 16
"""Arms that are named in a frontier; of more only those on it are."""


def dose(row: Mapping[str, Any], title: str, unit: str) -> str:
    """One capability over a share.

    Args:
        row: Of ``dose_response`` in ``results.json``.
        title: The metric in words.
        unit: Name of the vertical axis.
    """
    grid = [100 * share for share in row["grid"]]
    with mpl.rc_context(STYLE):  # type: ignore[arg-type, unused-ignore]
        figure = Figure(figsize=(WIDTH, 3.1))
        axes = figure.add_axes((0.13, 0.16, 0.84, 0.8))
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        if row["low_everywhere"] is not None:
            axes.fill_between(grid, row["low_everywhere"], row["high_everywhere"], color=BAND, linewidth=0)
            _room(axes.set_ylim, row)
        axes.plot(grid, row["mean"], color=SERIES_COLOURS[0], linewidth=2)
        for values in row["by_seed"]:
            shares = [100 * share for share in row["shares"]]
            axes.plot(shares, values, "o", markersize=3.2, markerfacecolor="none", markeredgecolor=INK, alpha=0.7)
        best = row["best"]
        if best["low"] is not None:
            foot: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
            ends = [100 * best["low"], 100 * best["high"]]
            axes.plot(ends, [0.02] * 2, color=BETTER, linewidth=5, solid_capstyle="butt", **foot)
            axes.plot([100 * best["share"]], [0.02], "D", color=BETTER, markersize=6, **foot)
        axes.set_xlabel(f"{row['over']}, %", fontsize=9.5)
        axes.set_ylabel(unit, fontsize=9.5)
        axes.tick_params(length=3, width=0.7)
        return inline(figure, f"{title} over the {row['over']}: {best['words']}; the curve is a {row['form']}.")


def _room(set_limits: Any, row: Mapping[str, Any]) -> None:
    """The values and the curve with as much again above and below; a wide band runs out of the picture."""
    values = [value for seed in row["by_seed"] for value in seed] + list(row["mean"])
    apart = max(values) - min(values) or 1.0
    low = max(min(row["low_everywhere"]), min(values) - apart)
    high = min(max(row["high_everywhere"]), max(values) + apart)
    set_limits(min(low, *values) - 0.08 * apart, max(high, *values) + 0.05 * apart)


def trade_off(points: Sequence[Mapping[str, Any]], x: Mapping[str, str], y: Mapping[str, str]) -> str:
    """Every arm in the plane of two capabilities.

    Args:
        points: Of a row of ``frontier`` in ``results.json``.
        x: ``title``, ``unit`` and ``better_is`` of the horizontal metric.
        y: Likewise of the vertical one.
    """
    named = points if len(points) <= NAMED else [point for point in points if point["standing"] == "on the frontier"]
    with mpl.rc_context(STYLE):  # type: ignore[arg-type, unused-ignore]
        figure = Figure(figsize=(5.6, 4.4))
        axes = figure.add_axes((0.12, 0.12, 0.85, 0.86))
        axes.grid(color=GRID, linewidth=0.5)
        axes.set_axisbelow(True)
        for point in points:
            beaten = point["standing"] == "beaten"
            colour = SOFT if beaten else SERIES_COLOURS[0]
            for ends, steady in ((point["x_interval"], "y"), (point["y_interval"], "x")):
                if ends:
                    other = [point[steady]] * 2
                    line = (ends, other) if steady == "y" else (other, ends)
                    axes.plot(*line, color=colour, linewidth=1, alpha=0.35)
            axes.plot(
                [point["x"]], [point["y"]], "o", markersize=4.5 if beaten else 7, markeredgewidth=1.6,
                markeredgecolor=colour, markerfacecolor=colour if point["standing"] == "on the frontier" else PAPER,
            )  # fmt: skip
        _around(axes, points)
        _names(axes, named)
        for metric, set_label in ((x, axes.set_xlabel), (y, axes.set_ylabel)):
            set_label(f"{metric['title']}; {metric['better_is']} is better", fontsize=9.5)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.tick_params(length=3, width=0.7)
        told = "; ".join(f"{point['arm']}: {point['standing']}" for point in points)
        return inline(figure, f"Trade-off between {x['title']} and {y['title']}. {told}.")


def _around(axes: Any, points: Sequence[Mapping[str, Any]]) -> None:
    """Room for every mean; intervals may run out of the picture."""
    for name, set_limits in (("x", axes.set_xlim), ("y", axes.set_ylim)):
        values = [point[name] for point in points]
        apart = max(values) - min(values) or 1.0
        set_limits(min(values) - 0.12 * apart, max(values) + (0.25 if name == "x" else 0.12) * apart)


def _names(axes: Any, points: Sequence[Mapping[str, Any]]) -> None:
    """Each name right of its mark, moved down where it would stand on one already written."""
    low, high = axes.get_ylim()
    left, right = axes.get_xlim()
    line, wide = 0.036 * (high - low), 0.3 * (right - left)
    written: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda one: (-one["y"], one["x"])):
        height = point["y"]
        while any(abs(height - other) < line and abs(point["x"] - place) < wide for place, other in written):
            height -= line / 2
        written.append((point["x"], height))
        axes.annotate(
            point["arm"], (point["x"], point["y"]), xytext=(point["x"] + 0.017 * (right - left), height),
            textcoords="data", fontsize=10, va="center", color=INK,
        )  # fmt: skip
