"""The drawing of a family in the manner of the paper's: relative changes of reasoning, knowledge and code.

One row a comparison and one mark a capability, turned so that right of zero is better whatever the measure. What the
paper prints for the same comparison stands beside as a hollow diamond, never joined to one's own marks: those are other
models, other data and accuracies. A mark that lies outside is an arrow at the edge with its value.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from assay.report.numbers import signed_percent
from assay.report.svg import GRID, INK, PAPER, SERIES_COLOURS, SOFT, inline, page_style

CAPABILITIES = ("reasoning", "knowledge", "code")
MEASURES = ("bits_per_byte", "answers", "accuracy", "accuracy_norm")
MOST = 24
"""Comparisons drawn; a family of more is a table only."""
LEAST_REACH = 0.05
MARGIN = 1.6
FURTHEST = 2.5
"""Times the largest change: intervals are cut there."""


def gain_rows(
    rows: Sequence[Mapping[str, Any]], printed: Mapping[tuple[str, str], Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What is drawn of a family: by comparison and capability the gain, its interval and the printed one.

    Args:
        rows: Contrast rows of ``results.json``, of one family and size.
        printed: Rows of its ``printed``, by contrast and capability.

    Returns:
        ``id``, ``a``, ``b``, and ``marks`` by capability with ``gain``, ``low``, ``high``, ``verdict``, ``metric``,
        ``printed``; a comparison without any relative change is left out.
    """
    told = []
    for name in dict.fromkeys(row["id"] for row in rows if row["kind"] == "pair"):
        marks = {}
        for capability in CAPABILITIES:
            chosen = [row for row in rows if row["id"] == name and row["relative"] is not None]
            by_metric = {row["metric"]: row for row in chosen}
            found = next((by_metric[key] for m in MEASURES if (key := f"{capability}/{m}") in by_metric), None)
            if found is None:
                continue
            sign = 1 if found["better_is"] == "higher" else -1
            ends = [found["relative_low"], found["relative_high"]]
            known = None not in ends
            ghost = printed.get((name, capability))
            marks[capability] = {
                "gain": sign * found["relative"],
                "low": min(sign * end for end in ends) if known else None,
                "high": max(sign * end for end in ends) if known else None,
                "verdict": found["verdict"],
                "metric": found["metric"],
                "printed": ghost["gain"] if ghost else None,
            }
        if marks:
            row = next(row for row in rows if row["id"] == name)
            told.append({"id": name, "a": row["a"], "b": row["b"], "marks": marks})
    return told


def gains(rows: Sequence[Mapping[str, Any]], title: str) -> str:
    """The drawing.

    Args:
        rows: From `gain_rows`, at most `MOST`.
        title: Of the family; part of the label for screen readers.
    """
    controls = {row["b"] for row in rows}
    control = rows[0]["b"] if len(controls) == 1 else None
    reach = _reach(rows)
    with page_style():
        figure = Figure(figsize=(5.2, 0.65 + 0.78 * len(rows)))
        axes = figure.add_axes((0.02, 0.45 / figure.get_figheight(), 0.96, 1 - 0.5 / figure.get_figheight()))
        axes.set_xlim(*_limits(rows, reach))
        axes.set_ylim(len(rows) - 0.42, -0.55)
        axes.axvline(0, color=SOFT, linewidth=0.9)
        axes.grid(axis="x", color=GRID, linewidth=0.5)
        axes.set_axisbelow(True)
        for place, row in enumerate(rows):
            name = row["a"] if control else f"{row['a']} − {row['b']}"
            axes.text(0, place - 0.3, name, transform=axes.get_yaxis_transform(), fontsize=10.5, va="center", color=INK)
            for step, capability in enumerate(CAPABILITIES):
                if capability in row["marks"]:
                    _mark(axes, place - 0.08 + 0.19 * step, row["marks"][capability], step, reach)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(7, min_n_ticks=3))
        axes.tick_params(length=3, width=0.7)
        against = f" against {control}" if control else ""
        axes.set_xlabel(f"relative change{against}, %; right of 0 is better", fontsize=10)
        return inline(figure, _label(rows, title))


def _reach(rows: Sequence[Mapping[str, Any]]) -> float:
    marks = [mark for row in rows for mark in row["marks"].values()]
    largest = float(max(abs(mark["gain"]) for mark in marks))
    ends = [abs(end) for mark in marks for end in (mark["low"], mark["high"]) if end is not None]
    return 1.08 * max(LEAST_REACH, largest, min(max(ends, default=0.0), FURTHEST * largest))


def _limits(rows: Sequence[Mapping[str, Any]], reach: float) -> tuple[float, float]:
    """In percent; with a margin for the values of marks that lie outside."""
    printed = [mark["printed"] for row in rows for mark in row["marks"].values() if mark["printed"] is not None]
    left = MARGIN if min(printed, default=0) < -reach else 1.0
    right = MARGIN if max(printed, default=0) > reach else 1.0
    return -100 * reach * left, 100 * reach * right


def _mark(axes: Axes, height: float, mark: Mapping[str, Any], series: int, reach: float) -> None:
    colour = SERIES_COLOURS[series]
    if mark["low"] is not None:
        ends = [100 * max(-reach, min(reach, mark[end])) for end in ("low", "high")]
        axes.plot(ends, [height] * 2, color=colour, linewidth=2, solid_capstyle="butt", zorder=2)
    decided = mark["verdict"] != "cannot tell"
    axes.plot(
        [100 * mark["gain"]], [height], "o", markersize=5.5, markeredgewidth=1.6, zorder=3,
        markeredgecolor=colour, markerfacecolor=colour if decided else PAPER,
    )  # fmt: skip
    if mark["printed"] is None:
        return
    if abs(mark["printed"]) <= reach:
        axes.plot(
            [100 * mark["printed"]], [height], "D", markersize=6.5, markeredgewidth=1.1, zorder=2.5,
            markeredgecolor=colour, markerfacecolor="none", alpha=0.75,
        )  # fmt: skip
        return
    right = mark["printed"] > 0
    told = f"{signed_percent(mark['printed'], 0)} →" if right else f"← {signed_percent(mark['printed'], 0)}"
    axes.text(
        1 if right else 0, height, f"◇ {told}" if right else f"{told} ◇", ha="right" if right else "left",
        transform=axes.get_yaxis_transform(), fontsize=9.5, va="center", color=SOFT,
    )  # fmt: skip


def _label(rows: Sequence[Mapping[str, Any]], title: str) -> str:
    told = []
    for row in rows:
        marks = []
        for capability, mark in row["marks"].items():
            beside = f" (the paper {signed_percent(mark['printed'])})" if mark["printed"] is not None else ""
            marks.append(f"{capability} {signed_percent(mark['gain'])}{beside}")
        told.append(f"{row['a']} against {row['b']}: {', '.join(marks)}")
    return f"Relative changes in {title}, above 0 is better. {'; '.join(told)}."
