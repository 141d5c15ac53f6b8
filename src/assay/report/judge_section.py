"""Win rates on the page: claims first, then the numbers, the judges' exams, and answers to read.

One section, the same in a study's page and in a page of its own. Numbers of a judge that did not pass are drawn grey
and say so. What models and judges wrote stands behind a fold, escaped, each text kept to itself so that marks of
writing direction in it turn nothing else round. Nothing is computed here.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from assay.errors import InputError
from assay.files import write_whole
from assay.judge.exam import EXTRA, KINDS, RIDERS
from assay.report.figures import WIDTH
from assay.report.frame import dress, environment
from assay.report.judge_table import printable, standing, verdict_words, watched_words
from assay.report.numbers import percent
from assay.report.svg import BETTER, GRID, OPEN, SOFT, WORSE, inline, page_style

SUMMARY = "judge.json"
LETTERS = 58
"""Of a line of a drawing: two arms, and their win rate at the right."""
AGAINST = " against "
COLOURS = {"a preferred": BETTER, "b preferred": WORSE}
TONES = {"a preferred": "better", "b preferred": "worse"}
KIND_WORDS = {
    "win": "clear win of the first",
    "loss": "clear win of the second",
    "flip": "a judge changed its mind with the order",
    "judges differ": "judges differ",
}
HEADS = {**{kind: f"Against {told}" for kind, told in KINDS.items()}, EXTRA: "Pairs that were given"}
"""Columns of the exam's table."""


def judge_section(summary: Mapping[str, Any]) -> Markup:
    """The section ``Win rates``, with a heading of the second level whose id is ``judge``.

    Args:
        summary: What ``judge.json`` holds.
    """
    return Markup(environment().get_template("judge.html.j2").render(**_context(summary)))


def write_judge_page(folder: Path) -> Path:
    """Write ``report.html`` of a folder that holds ``judge.json``: the section on a page of its own.

    Returns:
        Path of the page, which is written whole or not at all.

    Raises:
        InputError: There is no ``judge.json``, or it is not what Assay writes.
        StepError: The disk is full or cannot be written.
    """
    path = folder / SUMMARY
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        summary["claim"], summary["pairs"], summary["judges"]
    except FileNotFoundError:
        raise InputError(f"{folder} has no {SUMMARY}: its answers were not judged, or not to the end") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path} is not what Assay writes") from None
    target = folder / "report.html"
    page = environment().get_template("judge_page.html.j2")
    write_whole(target, page.render(section=judge_section(summary), summary=summary, **dress()))
    return target


def _context(summary: Mapping[str, Any]) -> dict[str, Any]:
    by_judge: dict[str, list[Mapping[str, Any]]] = {}
    for row in summary["pairs"]:
        by_judge.setdefault(row["judge"], []).append(row)
    ends = _ends(summary["pairs"])
    exams = [judge for judge in summary["judges"] if judge["exam"]]
    passed = {judge["name"]: judge["passed"] for judge in summary["judges"]}
    return {
        "judged": summary,
        "panels": [
            {"judge": judge, "passed": passed.get(judge, True), "svg": Markup(_forest(judge, rows, ends))}
            for judge, rows in by_judge.items()
        ],
        "exams": exams,
        "exam_kinds": {
            kind: told for kind, told in HEADS.items() if any(kind in judge["exam"]["kinds"] for judge in exams)
        },
        "riders": list(RIDERS),
        "kind_words": KIND_WORDS,
        "standing": standing,
        "verdict_words": verdict_words,
        "watched_words": watched_words,
        "tones": TONES,
        "arm_of": lambda one, preferred: {"a": one["a"], "b": one["b"], "none": "no verdict"}.get(preferred, preferred),
    }


def _ends(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Of the axis, the same for all judges: room for every interval, and 40 to 60 % at least."""
    numbers = [row["win_rate"][key] for row in rows for key in ("rate", "low", "high")]
    known = [0.4, 0.6, *(number for number in numbers if number is not None)]
    return max(0.0, min(known) - 0.03), min(1.0, max(known) + 0.03)


def _forest(judge: str, rows: Sequence[Mapping[str, Any]], ends: tuple[float, float]) -> str:
    """One judge: a line per pair."""
    with page_style():
        figure = Figure(figsize=(WIDTH, 0.6 + 0.52 * len(rows)))
        height = figure.get_figheight()
        axes = figure.add_axes((0.03, 0.42 / height, 0.94, 1 - 0.47 / height))
        axes.set_xlim(*ends)
        axes.set_ylim(len(rows) - 0.4, -0.58)
        for position, row in enumerate(rows):
            _forest_row(axes, position, row, ends)
        axes.yaxis.set_visible(False)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=3))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
        axes.tick_params(length=3, width=0.7)
        axes.set_xlabel("win rate of the first arm, ties half", fontsize=10)
        return inline(figure, printable(_label(judge, rows)))


def _forest_row(axes: Axes, position: int, row: Mapping[str, Any], ends: tuple[float, float]) -> None:
    rate, colour = row["win_rate"], COLOURS.get(row["verdict"], OPEN)
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": 10.5, "va": "bottom"}
    failed = row["verdict"].startswith("judge")
    told = "no outcome" if rate["rate"] is None else row["verdict"] if failed else percent(rate["rate"])
    axes.text(0, position - 0.12, _names(row["a"], row["b"], told), ha="left", **beside)
    bar = position + 0.16
    axes.plot([0.5, 0.5], [bar - 0.22, bar + 0.22], color=SOFT, linewidth=0.9, zorder=1.6)
    if rate["rate"] is None:
        axes.text(1, position - 0.12, told, ha="right", color=SOFT, **beside)
        return
    axes.text(1, position - 0.12, told, ha="right", color=colour, fontweight="normal" if failed else "bold", **beside)
    if rate["detectable"] is not None:
        left, right = max(0.5 - rate["detectable"] / 2, ends[0]), min(0.5 + rate["detectable"] / 2, ends[1])
        axes.plot([left, right], [bar] * 2, color=GRID, linewidth=7, solid_capstyle="butt", zorder=1.5)
    if rate["low"] is not None:
        axes.plot([rate["low"], rate["high"]], [bar] * 2, color=colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
    filled = row["prefers"] is not None
    axes.plot(
        [rate["rate"]], [bar], "o", markersize=6, markeredgewidth=1.8, zorder=3,
        markeredgecolor=colour, markerfacecolor=colour if filled else "none",
    )  # fmt: skip


def _names(a: str, b: str, told: str) -> str:
    """Both arms, cut in the middle where they leave no room for what is told beside them; the table has them whole."""
    names = [printable(a), printable(b)]
    room = LETTERS - len(AGAINST) - len(told)
    each = max(room // 2, room - min(map(len, names)))
    return AGAINST.join(_short(name, each) for name in names)


def _short(name: str, most: int) -> str:
    head = (most - 1) // 2
    return name if len(name) <= most else f"{name[:head]}…{name[head + 1 - most :]}"


def _label(judge: str, rows: Sequence[Mapping[str, Any]]) -> str:
    told = []
    for row in rows:
        rate = row["win_rate"]
        ends = "" if rate["low"] is None else f", interval {percent(rate['low'])} to {percent(rate['high'])}"
        told.append(f"{row['a']} against {row['b']}: {percent(rate['rate'])}{ends}, {verdict_words(row)}")
    return f"Win rates by {judge}. {'; '.join(told)}."
