"""The drawings of the page: forest plots of effects, and learning curves.

A forest panel shows one metric of one family. Beside each effect with its 95 % interval it shows what the
study could not have seen (the smallest detectable effect, a pale bar about zero) and what would not matter
(the margin, a band down the panel), so that an interval across zero is not read as no effect. Panels are
single drawings that the page lays side by side or beneath each other.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from assay.report.numbers import signed
from assay.report.svg import (
    BAND,
    BETTER,
    EQUAL,
    GRID,
    INK,
    OPEN,
    SERIES,
    SERIES_COLOURS,
    SOFT,
    WORSE,
    inline,
    page_style,
)

WIDTH = 4.9
"""Inches of a panel; at 390 px its text is still above 9 px."""

LINE_STYLES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
"""One an ending: solid for what several arms share if any do, then by order of appearance."""

LONGEST_NAME = 48
"""Characters of a contrast beside its number."""
LINE = 0.45
"""Height of a further line, of a contrast's."""
MOST_CURVES = 3 * SERIES
"""Arms in a figure of learning curves."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the curves' legend."""

    name: str
    series: int
    dashes: str
    """SVG ``stroke-dasharray``; empty for a solid line."""


def forest(rows: Sequence[Mapping[str, Any]], title: str, unit: str, better_is: str) -> str:
    """One metric of one family: a line per contrast.

    Args:
        rows: Contrast rows from `assay.report.trend.end_to_end`, all of the same metric.
        title: The metric in words; part of the label for screen readers.
        unit: Name of the horizontal axis.
        better_is: ``higher`` or ``lower``; which side of zero favours arm a.
    """
    controls = {row["b"] for row in rows}
    control = rows[0]["b"] if len(controls) == 1 and rows[0]["kind"] == "pair" else None
    names = [row["a"] if control else _in_lines(row["name"]) for row in rows]
    positions = list(itertools.accumulate((1 + LINE * name.count("\n") for name in names), initial=-1))[1:]
    with page_style():
        figure = Figure(figsize=(WIDTH, 0.6 + 0.52 * (positions[-1] + 1)))
        axes = figure.add_axes((0.03, 0.42 / figure.get_figheight(), 0.94, 1 - 0.47 / figure.get_figheight()))
        limits = _limits(rows)
        axes.set_xlim(*limits)
        axes.set_ylim(positions[-1] + 0.6, -0.58)
        for position, name, row in zip(positions, names, rows, strict=True):
            _forest_row(axes, position, name, row, limits)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(5, min_n_ticks=3))
        axes.tick_params(length=3, width=0.7)
        side = "left of 0 is better" if better_is == "lower" else "right of 0 is better"
        axes.set_xlabel(f"{unit}, {'minus ' + control if control else 'first minus second'}; {side}", fontsize=10)
        return inline(figure, _forest_label(rows, title))


def _in_lines(name: str) -> str:
    """A name too long for the figure in two lines, broken between the pairs of an interaction or the arms of a pair."""
    joint = ") − (" if name.startswith("(") else " − "
    return name if len(name) <= LONGEST_NAME else name.replace(joint, joint.replace(" − ", "\n− "), 1)


def _limits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Room for every interval, zero and the margin; the pale bars may run out of it."""
    ends = [-rows[0]["margin"] * 1.6, rows[0]["margin"] * 1.6]
    for row in rows:
        ends += [value for value in (row["low"], row["high"], row["effect"]) if value is not None]
    room = (max(ends) - min(ends)) * 0.04
    return min(ends) - room, max(ends) + room


def _forest_row(axes: Axes, position: float, name: str, row: Mapping[str, Any], limits: tuple[float, float]) -> None:
    colour = verdict_colour(row)
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": 10.5, "va": "bottom"}
    axes.text(0, position - 0.12, name, ha="left", **beside)
    bar = position + 0.16
    axes.fill_between([-row["margin"], row["margin"]], bar - 0.22, bar + 0.22, color=BAND, linewidth=0, zorder=0)
    axes.plot([0, 0], [bar - 0.22, bar + 0.22], color=SOFT, linewidth=0.9, zorder=1.6)
    effect, low, high = row["effect"], row["low"], row["high"]
    if effect is None:
        axes.text(1, position - 0.12, "no records", ha="right", color=SOFT, **beside)
        return
    axes.text(1, position - 0.12, signed(effect), ha="right", color=colour, fontweight="bold", **beside)
    if row["mde"] is not None:
        left, right = max(-row["mde"], limits[0]), min(row["mde"], limits[1])
        axes.plot([left, right], [bar] * 2, color=GRID, linewidth=7, solid_capstyle="butt", zorder=1.5)
    if low is not None and high is not None:
        axes.plot([low, high], [bar] * 2, color=colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
    filled = row["verdict"] != "cannot tell"
    axes.plot(
        [effect], [bar], "o", markersize=6, markeredgewidth=1.8, zorder=3,
        markeredgecolor=colour, markerfacecolor=colour if filled else "none",
    )  # fmt: skip


def verdict_colour(row: Mapping[str, Any]) -> str:
    """Stand-in colour of a verdict: for a, for b, equal, or open."""
    if row["favours"] is not None:
        return BETTER if row["favours"] == "a" else WORSE
    return EQUAL if row["verdict"] == "no difference" else OPEN


def _forest_label(rows: Sequence[Mapping[str, Any]], title: str) -> str:
    told = []
    for row in rows:
        name = row["name"] if row["kind"] != "pair" else f"{row['a']} minus {row['b']}"
        if row["effect"] is None:
            told.append(f"{name}: no records")
        elif row["low"] is None:
            told.append(f"{name}: {signed(row['effect'])}, no interval, {row['verdict']}")
        else:
            interval = f"{signed(row['low'])} to {signed(row['high'])}"
            told.append(f"{name}: {signed(row['effect'])}, interval {interval}, {row['verdict']}")
    return f"Effects on {title}. {'; '.join(told)}."


def told_apart(segments: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one colour a trunk and one dash an ending tell all arms apart."""
    return _apart(_by_trunk(_groups(segments)))


def curve_lines(segments: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], Line]:
    """Colour and dash of each distinct set of arms: one colour a trunk and one dash an ending where these tell all
    apart, otherwise every colour with the first dash, with the second, and so on."""
    groups = _groups(segments)
    lines = _by_trunk(groups)
    if _apart(lines):
        return lines
    names = Counter(line.name for line in lines.values())
    return {
        group: Line(
            line.name if names[line.name] == 1 else f"{' and '.join(group)} (shared)",
            place % SERIES,
            _dashes(LINE_STYLES[place // SERIES % len(LINE_STYLES)]),
        )
        for place, (group, line) in enumerate(lines.items())
    }


def _groups(segments: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(segment["arms"]) for segment in segments))


def _by_trunk(groups: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Line]:
    trunks = list(dict.fromkeys(arm.partition(".")[0] for group in groups for arm in group))
    endings = list(dict.fromkeys(group[0].partition(".")[2] for group in groups if len(group) == 1))
    first = int(any(len(group) > 1 for group in groups))
    lines = {}
    for group in groups:
        trunk, _, ending = group[0].partition(".")
        shared = len(group) > 1
        style = 0 if shared else first + endings.index(ending) % (len(LINE_STYLES) - first)
        passing = list(dict.fromkeys(arm.partition(".")[0] for arm in group))
        name = f"{' and '.join(passing)} (shared)" if shared else group[0]
        lines[group] = Line(name, trunks.index(trunk) % SERIES, _dashes(LINE_STYLES[style]))
    return lines


def _apart(lines: Mapping[tuple[str, ...], Line]) -> bool:
    """No two look alike, but for stretches of one arm's training."""
    looks: dict[tuple[int, str], list[set[str]]] = {}
    for group, line in lines.items():
        looks.setdefault((line.series, line.dashes), []).append(set(group))
    return all(one & other for alike in looks.values() for one, other in itertools.combinations(alike, 2))


def _dashes(style: Any) -> str:
    return "" if style == "-" else " ".join(f"{length * 1.6:g}" for length in style[1])


def curves(segments: Sequence[Mapping[str, Any]], quantity: str, label: str) -> str:
    """Mean over seeds with each seed as a thin line, against tokens seen.

    Args:
        segments: Of ``curves.json``, all of one size.
        quantity: ``loss``, or a held-out set's name.
        label: Name of the vertical axis.
    """
    lines = curve_lines(segments)
    styles = {line.dashes: style for line, style in _styles(lines).items()}
    with page_style():
        figure = Figure(figsize=(WIDTH, 3.1))
        axes = figure.add_axes((0.11, 0.15, 0.86, 0.81))
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        lowest: list[float] = []
        for group, line in lines.items():
            paths = dict.fromkeys(segment["path"] for segment in segments if tuple(segment["arms"]) == group)
            for path in paths:
                runs = [s for s in segments if tuple(s["arms"]) == group and s["path"] == path]
                joined = [_joined(run, segments, quantity) for run in runs]
                lowest += _curve(axes, joined, line, styles[line.dashes])
        if quantity == "loss" and lowest:
            axes.set_ylim(min(lowest) * 0.97, float(np.quantile(lowest, 0.97)) * 1.03)
        axes.set_xlabel("thousand tokens seen", fontsize=9.5)
        axes.set_ylabel(label, fontsize=9.5)
        axes.tick_params(length=3, width=0.7)
        last = "; ".join(f"{line.name}" for line in lines.values())
        return inline(figure, f"Learning curves: {label} against tokens seen, for {last}.")


def _styles(lines: Mapping[tuple[str, ...], Line]) -> dict[Line, Any]:
    by_dashes = {_dashes(style): style for style in LINE_STYLES}
    return {line: by_dashes[line.dashes] for line in lines.values()}


def _series(run: Mapping[str, Any], quantity: str) -> tuple[list[float], list[float]]:
    if quantity == "loss":
        return _smoothed(run["tokens"], run["loss"])
    points = [(point["tokens"], point[quantity]) for point in run["heldout"] if point.get(quantity) is not None]
    return [tokens for tokens, _ in points], [value for _, value in points]


def _joined(
    run: Mapping[str, Any], segments: Sequence[Mapping[str, Any]], quantity: str
) -> tuple[list[float], list[float]]:
    """A segment's series, begun at the last point of the segment that it forked from."""
    tokens, values = _series(run, quantity)
    before = [
        _series(other, quantity)
        for other in segments
        if other["seed"] == run["seed"]
        and set(run["arms"]) <= set(other["arms"])
        and other["tokens"]
        and run["tokens"]
        and other["tokens"][-1] < run["tokens"][0]
    ]
    ends = [(series[0][-1], series[1][-1]) for series in before if series[0]]
    if not ends or not tokens:
        return tokens, values
    at, value = max(ends)
    return [at, *tokens], [value, *values]


def _smoothed(tokens: Sequence[float], loss: Sequence[float], most: int = 80) -> tuple[list[float], list[float]]:
    """Means over equal stretches, at most ``most`` points: a page holds dozens of curves."""
    width = max(1, -(-len(tokens) // most))
    starts = range(0, len(tokens), width)
    return (
        [float(np.mean(tokens[start : start + width])) for start in starts],
        [float(np.mean(loss[start : start + width])) for start in starts],
    )


def _curve(axes: Axes, runs: Sequence[tuple[list[float], list[float]]], line: Line, style: Any) -> list[float]:
    runs = [run for run in runs if run[0]]
    colour = SERIES_COLOURS[line.series]
    for tokens, values in runs:
        axes.plot(np.array(tokens) / 1000, values, color=colour, linewidth=0.6, alpha=0.35, linestyle=style)
    if not runs:
        return []
    alike = [values for tokens, values in runs if tokens == runs[0][0]]
    mean = np.mean(alike, axis=0)
    marker = "o" if len(mean) == 1 else None
    axes.plot(
        np.array(runs[0][0]) / 1000,
        mean,
        color=colour,
        linewidth=1.8,
        linestyle=style,
        marker=marker,
        markersize=3.5,
    )
    return [float(value) for value in mean]


__all__ = ["INK", "Line", "curve_lines", "curves", "forest", "told_apart", "verdict_colour"]
