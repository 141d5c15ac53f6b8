"""The drawings of curves over a share, and of the trade-off between two capabilities.

A curve stands in the band that holds it as a whole, with every seed's values as dots and, at the foot, all shares that
cannot be ruled out as the best. A frontier shows each arm with its intervals: filled where no arm is better in both,
hollow where one may be, small and pale where one surely is. A stair joins the filled ones: what the best arms reach.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from assay.report.figures import WIDTH
from assay.report.svg import BAND, BETTER, GRID, INK, PAPER, SERIES_COLOURS, SOFT, inline, page_style

NAMED = 16
"""Arms that are named in a frontier; of more only those on it are."""
SIZE = (5.6, 4.4)
PANE = (4.76, 3.78)
"""Inches of a frontier's drawing, and of what its axes enclose."""
LETTER, LINE = 0.082, 0.16
"""Inches that a letter of a name and its line take, in whatever font the page has."""
MARK, NEAR = 0.06, 0.16
"""Inches from a mark that a name keeps free; names further than this from their own mark have a line to it."""
AWAY = (0.1, 0.2, 0.32, 0.46, 0.62, 0.8, 1.0)
WAYS = ((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1))
LINE_COST = 0.1
"""Inches that a name goes to be crossed by one line fewer."""
Polyline = tuple[Sequence[float], Sequence[float]]
"""Both coordinates of a line that runs along the axes."""
Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right and top, in inches."""


def dose(row: Mapping[str, Any], title: str, unit: str) -> str:
    """One capability over a share.

    Args:
        row: Of ``dose_response`` in ``results.json``.
        title: The metric in words.
        unit: Name of the vertical axis.
    """
    grid = [100 * share for share in row["grid"]]
    with page_style():
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
        if best["possible"]:
            foot: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False}
            half = (grid[-1] - grid[0]) / 400  # half a step of the curve's own grid: a single share is seen too
            for low, high in best["possible"]:
                ends = [100 * low - half, 100 * high + half]
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
    ahead = [point for point in points if point["standing"] == "on the frontier"]
    named = points if len(points) <= NAMED else ahead
    with page_style():
        figure = Figure(figsize=SIZE)
        axes = figure.add_axes((0.12, 0.12, PANE[0] / SIZE[0], PANE[1] / SIZE[1]))
        axes.grid(color=GRID, linewidth=0.5)
        axes.set_axisbelow(True)
        for point in points:
            beaten = point["standing"] == "beaten"
            colour = SOFT if beaten else SERIES_COLOURS[0]
            for line in intervals(point):
                axes.plot(*line, color=colour, linewidth=1, alpha=0.35)
            axes.plot(
                [point["x"]], [point["y"]], "o", markersize=4.5 if beaten else 7, markeredgewidth=1.6, zorder=4,
                markeredgecolor=colour, markerfacecolor=colour if point["standing"] == "on the frontier" else PAPER,
            )  # fmt: skip
        ahead.sort(key=lambda point: point["x"], reverse=x["better_is"] == "higher")
        stair = _stair(ahead)
        axes.plot(*stair, color=SOFT, linewidth=0.8)
        _around(axes, points)
        _names(axes, named, points, [stair, *(line for point in points for line in intervals(point))])
        for metric, set_label in ((x, axes.set_xlabel), (y, axes.set_ylabel)):
            set_label(f"{metric['title']}; {metric['better_is']} is better", fontsize=9.5)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.tick_params(length=3, width=0.7)
        told = "; ".join(f"{point['arm']}: {point['standing']}" for point in points)
        return inline(figure, f"Trade-off between {x['title']} and {y['title']}. {told}.")


def intervals(point: Mapping[str, Any]) -> list[Polyline]:
    """A point's interval along each axis, where there is one."""
    along = [(point["x_interval"], [point["y"]] * 2), ([point["x"]] * 2, point["y_interval"])]
    return [(x, y) for x, y in along if x and y]


def _stair(ahead: Sequence[Mapping[str, Any]]) -> Polyline:
    """From each point to the next along the first axis, then along the second."""
    xs, ys = [one["x"] for one in ahead], [one["y"] for one in ahead]
    return [x for x in xs for _ in (0, 1)][1:], [y for y in ys for _ in (0, 1)][:-1]


def _around(axes: Any, points: Sequence[Mapping[str, Any]]) -> None:
    """Room for every mean; intervals may run out of the picture."""
    for name, set_limits in (("x", axes.set_xlim), ("y", axes.set_ylim)):
        values = [point[name] for point in points]
        apart = max(values) - min(values) or 1.0
        set_limits(min(values) - 0.12 * apart, max(values) + 0.12 * apart)


def _names(
    axes: Any, named: Sequence[Mapping[str, Any]], points: Sequence[Mapping[str, Any]], lines: Sequence[Polyline]
) -> None:
    """Each name near its mark, where it covers no other name and as few marks and lines as can be; a line leads to a
    far one."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    wide, tall = PANE

    def inches(x: float, y: float) -> tuple[float, float]:
        return (x - left) / (right - left) * wide, (y - low) / (high - low) * tall

    marks = {one["arm"]: inches(one["x"], one["y"]) for one in points}
    drawn = [
        (min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y))
        for line in lines
        for (x, y), (to_x, to_y) in itertools.pairwise(inches(*at) for at in zip(*line, strict=True))
    ]
    written: list[Box] = []
    led: list[Point] = []
    for point in sorted(named, key=lambda one: (one["standing"] != "on the frontier", -one["y"], one["x"])):
        x, y = marks[point["arm"]]
        places = [_box(x, y, LETTER * len(point["arm"]), away, way) for away in AWAY for way in WAYS]
        inside = [box for box in places if box[0] >= 0 and box[1] >= 0 and box[2] <= wide and box[3] <= tall] or places[
            :1
        ]
        others = led + [mark for arm, mark in marks.items() if arm != point["arm"]]
        box = min(inside, key=lambda one: _cost(one, (x, y), written, others, drawn))
        written.append(box)
        middle = (box[1] + box[3]) / 2
        if leader := _leader(box, (x, y)):
            led += leader
            across, up = ([at[side] / size for at in leader] for side, size in enumerate(PANE))
            axes.plot(across, up, transform=axes.transAxes, color=SOFT, linewidth=0.6, zorder=1.5)
        axes.text(
            box[0] / wide, middle / tall, point["arm"], transform=axes.transAxes, fontsize=10, va="center", color=INK,
            bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.5},
        )  # fmt: skip


def _box(x: float, y: float, width: float, away: float, way: tuple[int, int]) -> Box:
    """Where a name stands whose mark is at x, y, so far away in this direction."""
    across, up = way
    left = x + across * away - (0 if across > 0 else width if across < 0 else width / 2)
    middle = y + up * (away + (LINE / 2 if across == 0 else 0))
    return left, middle - LINE / 2, left + width, middle + LINE / 2


def _cost(
    box: Box,
    own: Point,
    written: Sequence[Box],
    marks: Sequence[Point],
    lines: Sequence[Box],
) -> float:
    """How bad a place is: names that it covers weigh most, then marks and its leader through a name, then lines through
    it and how far it is."""
    covered = sum(_gap(box, mark) < MARK for mark in marks)
    hidden = sum(_gap(one, at) == 0 for at in _leader(box, own) for one in written)
    return 100 * _met(box, written) + 3 * (covered + hidden) + LINE_COST * _met(box, lines) + _gap(box, own)


def _leader(box: Box, mark: Point) -> list[Point]:
    """Points of the line from a mark to its name, none where the name is near."""
    if _gap(box, mark) <= NEAR:
        return []
    end = (min(max(mark[0], box[0]), box[2]), min(max(mark[1], box[1]), box[3]))
    steps = [step / 6 for step in range(7)]
    return [(mark[0] + at * (end[0] - mark[0]), mark[1] + at * (end[1] - mark[1])) for at in steps]


def _met(box: Box, others: Sequence[Box]) -> int:
    return sum(box[0] < one[2] and one[0] < box[2] and box[1] < one[3] and one[1] < box[3] for one in others)


def _gap(box: Box, mark: Point) -> float:
    """Distance of a mark from a box, 0 within it."""
    across = max(box[0] - mark[0], 0.0, mark[0] - box[2])
    up = max(box[1] - mark[1], 0.0, mark[1] - box[3])
    return float((across**2 + up**2) ** 0.5)
