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
from assay.report.svg import BAND, GRID, PAPER, SERIES_COLOURS, SOFT, inline, page_style

ROOM = 0.12
"""Of the largest difference, kept free about the marks."""


def pairs_of(rows: Sequence[Mapping[str, Any]], target: str) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """A comparison at a smaller size, and the same at the largest.

    Args:
        rows: Contrast rows of ``results.json``, of one metric and all sizes.
        target: The largest size.
    """
    known = [row for row in rows if row["kind"] == "pair" and row["effect"] is not None]
    there = {row["id"]: row for row in known if row["size"] == target}
    return [(row, there[row["id"]]) for row in known if row["size"] != target and row["id"] in there]


def from_size_to_size(
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], sizes: Sequence[str], title: str, unit: str
) -> str:
    """One metric's comparisons, the smaller sizes across and the largest up.

    Args:
        pairs: From `pairs_of`, at least one.
        sizes: The smaller ones, in the order of their colours.
        title: The metric in words.
        unit: Of both axes.
    """
    ends = [row["effect"] for pair in pairs for row in pair]
    reach = max(ends) - min(ends) or abs(ends[0]) or 1.0
    low, high = min(0.0, *ends) - ROOM * reach, max(0.0, *ends) + ROOM * reach
    target = pairs[0][1]["size"]
    with page_style():
        figure = Figure(figsize=(WIDTH, WIDTH * 0.86))
        axes = figure.add_axes((0.16, 0.15, 0.81, 0.83))
        for corner in ((low, 0.0, -low, high), (0.0, low, high, -low)):
            axes.add_patch(Rectangle(corner[:2], *corner[2:], color=BAND, linewidth=0))
        axes.axline((0, 0), slope=1, color=SOFT, linewidth=0.8)
        for line in (axes.axhline, axes.axvline):
            line(0, color=GRID, linewidth=0.8)
        for small, large in pairs:
            colour = SERIES_COLOURS[sizes.index(small["size"]) % len(SERIES_COLOURS)]
            x, y = small["effect"], large["effect"]
            if small["low"] is not None:
                axes.plot([small["low"], small["high"]], [y, y], color=colour, linewidth=1, alpha=0.3)
            if large["low"] is not None:
                axes.plot([x, x], [large["low"], large["high"]], color=colour, linewidth=1, alpha=0.3)
            axes.plot(
                [x], [y], "o", markersize=5.5, markeredgewidth=1.4, zorder=4, markeredgecolor=colour,
                markerfacecolor=colour if large["favours"] else PAPER,
            )  # fmt: skip
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_xlabel(f"difference at the smaller size, {unit}", fontsize=9.5)
        axes.set_ylabel(f"at {target}", fontsize=9.5)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        axes.tick_params(length=3, width=0.7)
        return inline(figure, f"{title}: {_told(pairs, sizes)} of {target}.")


def _told(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], sizes: Sequence[str]) -> str:
    """How many comparisons have the sign of the largest size, size by size."""
    words = []
    for size in sizes:
        here = [small["effect"] * large["effect"] > 0 for small, large in pairs if small["size"] == size]
        if here:
            words.append(f"{sum(here)} of {len(here)} comparisons at {size} have the sign")
    return ", ".join(words)
