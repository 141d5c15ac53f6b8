"""The drawings of shares and trade-offs: names that cover nothing, a stair, and trends on the pairs' axis."""

import itertools
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from assay.report import figures, shares
from assay.report.trend import end_to_end

AXIS = {"title": "Held-out text", "unit": "bits per byte", "better_is": "lower"}
NAMES = ("text.decay", "text.cool0", "balanced.decay", "balanced-text.none", "balanced-text.cool20", "code-text.decay")


def point(arm: str, x: float, y: float, standing: str = "may be on it") -> dict[str, Any]:
    return {"arm": arm, "x": x, "y": y, "x_interval": None, "y_interval": None, "standing": standing, "beaten_by": []}


def placed(
    points: list[dict[str, Any]], lines: Sequence[shares.Polyline] = ()
) -> dict[str, tuple[float, float, float, float]]:
    """Where each name was written, as its box in inches."""
    axes = Figure(figsize=shares.SIZE).add_axes((0.12, 0.12, 0.85, 0.86))
    shares._around(axes, points)
    shares._names(axes, points, points, lines)
    boxes = {}
    for text in axes.texts:
        left, middle = text.get_position()[0] * shares.PANE[0], text.get_position()[1] * shares.PANE[1]
        right = left + shares.LETTER * len(text.get_text())
        boxes[text.get_text()] = (left, middle - shares.LINE / 2, right, middle + shares.LINE / 2)
    return boxes


def covering(boxes: dict[str, tuple[float, float, float, float]]) -> list[tuple[str, str]]:
    return [
        (one, other)
        for one, (left, bottom, right, top) in boxes.items()
        for other, box in boxes.items()
        if one < other and left < box[2] and box[0] < right and bottom < box[3] and box[1] < top
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_names_of_two_clusters_far_apart_cover_none_of_each_other_and_stay_inside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = [
        point(
            name, float(rng.normal(2.7, 0.04)), (4.2 if name.startswith("text.") else 2.7) + float(rng.normal(0, 0.05))
        )
        for name in NAMES
    ]
    boxes = placed(points)
    assert sorted(boxes) == sorted(NAMES) and not covering(boxes)
    for left, bottom, right, top in boxes.values():
        assert left >= 0 and bottom >= 0 and right <= shares.PANE[0] + 1e-9 and top <= shares.PANE[1] + 1e-9


def test_a_name_makes_way_for_a_line() -> None:
    points = [point("one", 1.0, 1.0), point("other", 3.0, 3.0), point("third", 2.0, 2.0)]
    _, bottom, _, top = placed(points)["third"]
    height = (bottom + top) / 2
    line = ([0.0, 4.0], [0.76 + 2.48 * height / shares.PANE[1]] * 2)
    _, bottom, _, top = placed(points, [line])["third"]
    assert not bottom < height < top


def test_a_name_stands_on_the_papers_colour() -> None:
    drawn = shares.trade_off([point("fine", 1.0, 2.0), point("good", 2.0, 1.0)], AXIS, AXIS)
    beneath = re.findall(r'<path d="[^"]+" style="fill: var\(--paper[^"]+opacity[^"]+"', drawn)
    assert len(beneath) == 2 and ">fine</text>" in drawn


def test_of_many_arms_those_on_the_frontier_are_named_and_every_arm_is_told() -> None:
    ahead = [point("fine", 1.0, 2.0, "on the frontier"), point("good", 2.0, 1.0, "on the frontier")]
    drawn = shares.trade_off(ahead + [point(f"arm-{place}", 3.0 + place, 3.0) for place in range(20)], AXIS, AXIS)
    written = re.findall(r">([\w.-]+)</text>", drawn)
    assert {"fine", "good"} <= set(written) and not [name for name in written if name.startswith("arm-")]
    label = re.search(r'aria-label="([^"]+)"', drawn)
    assert label and "arm-19: may be on it" in label[1] and "fine: on the frontier" in label[1]


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_a_stair_joins_the_frontier_from_its_best_end(better: str) -> None:
    sign = 1 if better == "lower" else -1
    ahead = [point(f"arm-{place}", sign * place, sign * (3 - place), "on the frontier") for place in (1, 0, 2)]
    drawn = shares.trade_off(ahead, {**AXIS, "better_is": better}, {**AXIS, "better_is": better})
    paths = [re.findall(r"[\d.]+ [\d.]+", path) for path in re.findall(r'<path d="(M[^"z]+)"', drawn)]
    (stair,) = [[tuple(map(float, at.split())) for at in path] for path in paths if len(path) == 5]
    for (x, y), (next_x, next_y) in itertools.pairwise(stair):
        assert x == next_x or y == next_y
    assert stair[0][1] == stair[1][1], "it leaves the arm that is best on the first axis along that axis"


def test_a_trend_stands_on_the_pairs_axis_as_the_difference_over_the_whole_grid() -> None:
    sys.path.append(str(Path(__file__).parents[1] / "analyze"))
    import share_study

    design = share_study.share_design()
    trend, *_, pair = design.contrasts
    row: dict[str, Any] = {
        **{"id": pair.id, "kind": "pair", "a": pair.a, "b": pair.b, "favours": "b", "verdict": "higher"},
        **{"effect": 0.5, "low": 0.4, "high": 0.6, "mde": 0.1, "margin": 0.02, "by_seed": [0.45]},
    }
    slope = {key: row[key] / 100 for key in ("effect", "low", "high", "mde", "margin")}
    told, same = end_to_end(design, [{**row, **slope, "by_seed": [0.0045], "id": trend.id, "kind": "trend"}, row])
    assert told["name"] == "trend over share of code, share-0 → share-100" and same == {**row, "name": same["name"]}
    assert [told[key] for key in slope] == pytest.approx([row[key] for key in slope])
    assert told["by_seed"][0] == pytest.approx(0.45)
    drawn = figures.forest([told, same], "text", "bits per byte", "lower")
    assert drawn.count("+0.500</text>") == 2 and "share-0 → share-100</text>" in drawn
    assert "+0.500</text>" in figures.forest([told], "text", "bits per byte", "lower"), "with no pair beside it too"
