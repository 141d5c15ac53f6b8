"""The drawing of differences from size to size: what smaller sizes found against what the largest did.

A mark is a comparison of two arms at one smaller size; the colour is the size. On the diagonal both found the same; in
the shaded corners they found opposite signs. Filled marks have a verdict at the largest size that favours one arm.
Lines are 95 % intervals, cut where they leave the picture.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from assay.report.figures import WIDTH
from assay.report.shares import intervals
from assay.report.svg import BAND, GRID, PAPER, SERIES_COLOURS, SOFT, inline, page_style

ROOM = 0.12
"""Of the largest difference, kept free about the marks."""


def points_of(rows: Sequence[Mapping[str, Any]], target: str) -> list[dict[str, Any]]:
    """Comparisons at smaller sizes beside the same at the largest.

    Args:
        rows: Contrast rows of ``results.json``, of one metric and all sizes.
        target: The largest size.

    Returns:
        ``size``, ``x`` and ``x_interval`` (the smaller's), ``y`` and ``y_interval`` (the largest's), None or two ends
        each, and ``favours`` at the largest.
    """
    known = [row for row in rows if row["kind"] == "pair" and row["effect"] is not None]
    there = {row["id"]: row for row in known if row["size"] == target}
    return [
        {
            "size": row["size"],
            **{"x": row["effect"], "x_interval": _ends(row)},
            **{"y": large["effect"], "y_interval": _ends(large)},
            "favours": large["favours"],
        }
        for row in known
        if row["size"] != target and (large := there.get(row["id"]))
    ]


def _ends(row: Mapping[str, Any]) -> tuple[float, float] | None:
    return None if row["low"] is None else (row["low"], row["high"])


def from_size_to_size(
    points: Sequence[Mapping[str, Any]], sizes: Sequence[str], target: str, title: str, unit: str
) -> str:
    """One metric's comparisons, the smaller sizes across and the largest up.

    Args:
        points: From `points_of`, at least one.
        sizes: The smaller ones, in the order of their colours.
        target: The largest.
        title: The metric in words.
        unit: Of both axes.
    """
    effects = [point[axis] for point in points for axis in "xy"]
    reach = max(effects) - min(effects) or abs(effects[0]) or 1.0
    low, high = min(0.0, *effects) - ROOM * reach, max(0.0, *effects) + ROOM * reach
    with page_style():
        figure = Figure(figsize=(WIDTH, WIDTH * 0.86))
        axes = figure.add_axes((0.16, 0.15, 0.81, 0.83))
        for corner in ((low, 0.0, -low, high), (0.0, low, high, -low)):
            axes.add_patch(Rectangle(corner[:2], *corner[2:], color=BAND, linewidth=0))
        axes.axline((0, 0), slope=1, color=SOFT, linewidth=0.8)
        for line in (axes.axhline, axes.axvline):
            line(0, color=GRID, linewidth=0.8)
        for point in points:
            colour = SERIES_COLOURS[sizes.index(point["size"]) % len(SERIES_COLOURS)]
            for along in intervals(point):
                axes.plot(*along, color=colour, linewidth=1, alpha=0.3)
            axes.plot(
                [point["x"]], [point["y"]], "o", markersize=5.5, markeredgewidth=1.4, zorder=4, markeredgecolor=colour,
                markerfacecolor=colour if point["favours"] else PAPER,
            )  # fmt: skip
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_xlabel(f"difference at the smaller size, {unit}", fontsize=9.5)
        axes.set_ylabel(f"at {target}", fontsize=9.5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        axes.tick_params(length=3, width=0.7)
        return inline(figure, f"{title}: {_told(points, sizes)} of {target}.")


def _told(points: Sequence[Mapping[str, Any]], sizes: Sequence[str]) -> str:
    """How many comparisons have the sign of the largest size, size by size."""
    words = []
    for size in sizes:
        here = [point["x"] * point["y"] > 0 for point in points if point["size"] == size]
        if here:
            words.append(f"{sum(here)} of {len(here)} comparisons at {size} have the sign")
    return ", ".join(words)
