"""What stands on the page beside forests and tables: family figures, curves over shares, frontiers, transfer, and what
lies beneath each declared effect.

Everything is read from ``results.json`` and put into the shape that the template prints; nothing is computed. Where
the results hold nothing of a kind there is no section.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from assay.report import shares, sizes
from assay.report.gains import MOST, gain_rows, gains
from assay.report.trend import end_to_end
from assay.study.design import Design

UNITS = {
    "bits_per_byte": "bits per byte",
    "accuracy": "accuracy",
    "accuracy_norm": "accuracy",
    "margin": "bits per byte",
    "answers": "share right",
}
HISTOGRAM = (126, 30)
"""Width and height of a histogram of items' changes, in its own units."""


def family_gains(results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], title: str) -> dict[str, Any] | None:
    """A family's relative changes as a drawing; None where there are none, or more than can be drawn.

    Args:
        results: Of the study.
        rows: The family's contrast rows at one size.
        title: Of the family.
    """
    printed = {(one["id"], one["category"]): one for one in results.get("printed", [])}
    told = gain_rows(rows, printed)
    if not told or len(told) > MOST:
        return None
    sources = [
        source
        for one in told
        for capability, mark in one["marks"].items()
        if mark["printed"] is not None
        for source in printed[one["id"], capability]["source"].split("; ")
    ]
    metrics = dict.fromkeys(mark["metric"] for one in told for mark in one["marks"].values())
    return {"svg": Markup(gains(told, title)), "sources": sorted(set(sources)), "metrics": list(metrics)}


def dose_sections(design: Design, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per trend and size: a panel a metric."""
    metrics = {metric.id: metric for metric in design.metrics}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in results["dose_response"]:
        metric = metrics[row["metric"]]
        svg = Markup(shares.dose(row, metric.title, UNITS[metric.measure]))
        panel = {"title": metric.title, "svg": svg, "row": row}
        groups.setdefault((row["id"], row["size"]), []).append(panel)
    return [
        {"over": panels[0]["row"]["over"], "arms": panels[0]["row"]["arms"], "size": size, "panels": panels}
        for (_, size), panels in groups.items()
    ]


def frontiers(design: Design, results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Per size: the drawing of a trade-off and its points."""
    metrics = {
        metric.id: {"title": metric.title, "unit": UNITS[metric.measure], "better_is": metric.better_is}
        for metric in design.metrics
    }
    return [
        {**row, "svg": Markup(shares.trade_off(row["points"], metrics[row["x"]], metrics[row["y"]]))}
        for row in results["frontier"]
    ]


def over_sizes(design: Design, results: Mapping[str, Any]) -> dict[str, Any] | None:
    """Differences from size to size: the smaller ``sizes``, the largest, ``target``, and a panel a declared metric."""
    target = next((row["target"] for row in results["transfer"]), None)
    if target is None:
        return None
    smaller = [size for size in design.sizes if size != target]
    panels = []
    for metric in design.metrics:
        points = sizes.points_of([row for row in results["contrasts"] if row["metric"] == metric.id], target)
        if metric.declared and points:
            svg = sizes.from_size_to_size(points, smaller, target, metric.title, UNITS[metric.measure])
            panels.append({"title": metric.title, "svg": Markup(svg)})
    return {"sizes": smaller, "target": target, "panels": panels}


def averages(design: Design, results: Mapping[str, Any]) -> dict[str, Any]:
    """Declared metrics over several tasks, averaged in several ways: the ways, and a row per arm or contrast."""
    declared = {metric.id for metric in design.metrics if metric.declared}
    found = [row for row in end_to_end(design, results["averages"], "of") if row["metric"] in declared]
    ways = list(dict.fromkeys(row["way"] for row in found))
    cells: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in found:
        cells.setdefault((row["name"], row["size"], row["metric"]), {})[row["way"]] = row
    rows = [
        {"of": of, "size": size, "metric": metric, "cells": [by_way.get(way) for way in ways]}
        for (of, size, metric), by_way in cells.items()
        if len(by_way) > 1
    ]
    return {"ways": ways, "rows": rows}


def beneath(design: Design, results: Mapping[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """What lies beneath a declared effect, by contrast, size and metric, with the place of its anchor."""
    rows = {}
    for place, row in enumerate(end_to_end(design, results["beneath"])):
        path = _histogram(row["counts"]) if "counts" in row else None
        rows[row["id"], row["size"], row["metric"]] = {**row, "anchor": f"beneath-{place}", "path": path}
    return rows


def _histogram(counts: Sequence[int]) -> str:
    """The bars as one path; their heights go with the square root, so that single items are seen."""
    width, height = HISTOGRAM
    step, most = width // len(counts), max(counts) or 1
    bars = [
        f"M{place * step} {height}v{-max(0.8, height * (count / most) ** 0.5):.1f}h{step - 1}V{height}"
        for place, count in enumerate(counts)
        if count
    ]
    return "".join(bars)
