"""The tables of an evaluation: per checkpoint and task, each measure with its standard error, and what chance gives.

Standard errors are clustered by what items share, such as a passage (Miller 2024, arXiv:2411.00640), through the same
code as a study's. They say how far other items would move a number, not other seeds. Whether an accuracy is above
chance is read from the lower end of its 95 % interval (`assay.analyze.chance`), so that *nothing above chance* is said
where that is so. All of it is computed from the item records.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from assay.analyze.chance import bar_of, p_above
from assay.analyze.effects import Sample, task_part
from assay.analyze.records import Floats
from assay.analyze.verdict import SIGNIFICANCE
from assay.errors import InputError
from assay.evaluate.pass_at_k import pass_at_k
from assay.report.numbers import NONE, count, plain

ABOUT = "eval.json"
KS = (1, 5, 10, 100)
"""Of pass@k, as far as there are so many samples."""
MEASURES = ("accuracy", "acc_norm", "bits_per_byte", "margin", "generated")


@dataclass(frozen=True, slots=True)
class Value:
    """A mean over items."""

    value: float
    se: float | None
    """Clustered standard error; None with one cluster."""
    items: int
    clusters: int


@dataclass(frozen=True, slots=True)
class Line:
    """One task of one checkpoint."""

    task: str
    title: str
    category: str
    items: int
    chance: float | None
    above_chance: bool | None
    """Whether the lower end of the accuracy's 95 % interval lies above the bar of `bar_of`; None without choices."""
    measures: Mapping[str, Value]
    """By the names of `MEASURES`, as far as the task has them."""
    pass_at: Mapping[int, Value]
    """By k, where programs were sampled more than once: whether one of k is right, see `assay.evaluate.pass_at_k`."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One checkpoint."""

    about: Mapping[str, Any]
    """Its entry in ``eval.json``."""
    lines: tuple[Line, ...]
    means: Mapping[str, Mapping[str, Value]]
    """By category and measure: the unweighted mean over its tasks."""


def load_evaluation(folder: Path) -> dict[str, Any]:
    """``eval.json`` of a folder.

    Raises:
        InputError: It is no finished evaluation.
    """
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        about["checkpoints"], about["tasks"]
    except OSError:
        raise InputError(f"{folder} has no {ABOUT}: it is no finished evaluation") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{folder / ABOUT} is not what Assay writes") from None
    return about


def sheets(folder: Path) -> list[Sheet]:
    """The tables of an evaluation, a checkpoint each.

    Raises:
        InputError: It is no finished evaluation.
    """
    about = load_evaluation(folder)
    found = []
    for checkpoint in about["checkpoints"]:
        records = pq.read_table(folder / checkpoint["records"])
        lines = tuple(_lines(records, about["tasks"]))
        labels = {task["task"] for task in about["tasks"] if task["labels"]}
        found.append(Sheet(checkpoint, lines, _means(lines, labels)))
    return found


def as_record(sheet: Sheet) -> dict[str, Any]:
    """A sheet for a program: JSON-able."""
    return {
        "checkpoint": dict(sheet.about),
        "tasks": [asdict(line) for line in sheet.lines],
        "means": {
            name: {measure: asdict(value) for measure, value in means.items()} for name, means in sheet.means.items()
        },
        "above_chance": [line.task for line in sheet.lines if line.above_chance],
    }


def print_sheet(sheet: Sheet, console: Console) -> None:
    """One checkpoint's table, the means of its categories, and what is above chance."""
    about = sheet.about
    if not sheet.lines:
        return
    seen = f", {count(about['tokens_seen'])} tokens seen" if about["tokens_seen"] else ""
    console.print(
        f"{about['label']}: {count(about['parameters'])} parameters{seen}, {about['precision']}", soft_wrap=True
    )
    table = Table()
    shown = [name for name in MEASURES if any(name in line.measures for line in sheet.lines)]
    table.add_column("task")
    for name in ("items", *(name.replace("_", " ") for name in shown), "chance"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in sheet.lines:
        cells = [_cell(line.measures.get(name)) for name in shown]
        chance = NONE if line.chance is None else plain(line.chance)
        table.add_row(line.task, f"{line.items:,}", *cells, chance, style="bold" if line.above_chance else None)
    table.add_section()
    for category, means in sheet.means.items():
        table.add_row(f"mean of {category}", "", *(_cell(means.get(name)) for name in shown), "")
    console.print(table)
    for line in sheet.lines:
        if line.pass_at:
            told = ", ".join(f"pass@{k} {_cell(value)}" for k, value in line.pass_at.items())
            console.print(f"{line.task}: {told}.", soft_wrap=True)
    choosing = [line for line in sheet.lines if line.above_chance is not None]
    above = [line.task for line in choosing if line.above_chance]
    if above:
        console.print(f"Above chance (lower 95 % bound): {', '.join(above)}.", soft_wrap=True)
    elif choosing:
        console.print("Nothing above chance: no task's lower 95 % bound exceeds it.", soft_wrap=True)


def print_harness(measured: Sequence[Mapping[str, Any]], console: Console) -> None:
    """What lm-eval itself says of its tasks, as its averages are."""
    if not measured:
        return
    table = Table(title="lm-eval's own tasks and averages, with Assay's scorer", title_justify="left")
    for name in ("task", "version"):
        table.add_column(name)
    for name in ("shots", "items"):
        table.add_column(name, justify="right")
    table.add_column("metrics")
    for one in measured:
        metrics = ", ".join(f"{name} {plain(value)}" for name, value in one["metrics"].items())
        shots = NONE if one["shots"] is None else str(one["shots"])
        table.add_row(one["name"], one["version"], shots, f"{one['items']:,}", metrics)
    console.print(table)


def _cell(value: Value | None) -> str:
    if value is None:
        return NONE
    return plain(value.value) if value.se is None else f"{plain(value.value)} ± {plain(value.se)}"


def _lines(records: pa.Table, tasks: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    for task in tasks:
        rows = records.filter(pa.compute.equal(records["task"], task["task"]))
        measures = {name: value for name in MEASURES if (value := _measure(rows, name)) is not None}
        accuracy, chance = measures.get("accuracy"), task["chance"]
        above = None
        if accuracy is not None and chance is not None:
            bar = bar_of(chance, np.array(rows["gold"].drop_null()) if task["labels"] else None)
            p = p_above(accuracy.value, accuracy.se, accuracy.items, accuracy.clusters, bar)
            above = p < SIGNIFICANCE / 2
        is_program = (task["generation"] or {}).get("check") == "program"
        pass_at = _pass_at(rows) if is_program else {}
        yield Line(task["task"], task["title"], task["category"], rows.num_rows, chance, above, measures, pass_at)


def _measure(rows: pa.Table, name: str) -> Value | None:
    """Mean over the items that have the measure; None where none has."""
    column = {"accuracy": "correct", "acc_norm": "correct_norm", "bits_per_byte": "gold_bits", "generated": "right"}
    values = _floats(rows, column.get(name, name))
    weights = None
    if name == "bits_per_byte":
        weights = _floats(rows, "gold_bytes")
    elif name == "generated":
        values = values / _floats(rows, "samples")
    return _mean(rows, values, weights)


def _pass_at(rows: pa.Table) -> dict[int, Value]:
    """pass@k over the items that were answered; nothing where one answer was asked for."""
    pairs = list(zip(rows["samples"].to_pylist(), rows["right"].to_pylist(), strict=True))
    fewest = min((samples for samples, _ in pairs if samples is not None), default=0)
    found = {}
    for k in KS if fewest > 1 else ():
        if k <= fewest:
            values = [math.nan if n is None else pass_at_k(n, round(right), k) for n, right in pairs]
            mean = _mean(rows, np.array(values), None)
            assert mean is not None, "an item with samples was answered"
            found[k] = mean
    return found


def _mean(rows: pa.Table, values: Floats, weights: Floats | None) -> Value | None:
    """Mean over the items whose value is a number, or of the sums where there are weights; None where none is."""
    there = np.isfinite(values)
    if not there.any():
        return None
    names = np.asarray(rows["cluster"].to_pylist(), dtype=np.str_)[there]
    _, clusters = np.unique(names, return_inverse=True)
    part = task_part(Sample(values[None, there], clusters, None if weights is None else weights[there]))
    se = math.sqrt(part.items) if part.n_clusters > 1 else None
    return Value(float(part.by_seed[0]), se, part.n_items, part.n_clusters)


def _floats(rows: pa.Table, column: str) -> Floats:
    """float64 [items], NaN for null."""
    return np.array(rows[column].cast(pa.float64()).to_numpy(), dtype=np.float64)


def _means(lines: Sequence[Line], labels: set[str]) -> dict[str, dict[str, Value]]:
    """Unweighted means over tasks; the bits per byte of label words are in none."""
    found: dict[str, dict[str, Value]] = {}
    for category in dict.fromkeys(line.category for line in lines):
        for measure in MEASURES:
            values = [
                line.measures[measure]
                for line in lines
                if line.category == category
                and measure in line.measures
                and not (measure == "bits_per_byte" and line.task in labels)
            ]
            if not values:
                continue
            errors = [value.se for value in values]
            se = None if None in errors else math.sqrt(sum(one**2 for one in errors if one is not None)) / len(values)
            mean = sum(value.value for value in values) / len(values)
            counts = sum(value.items for value in values), sum(value.clusters for value in values)
            found.setdefault(category, {})[measure] = Value(mean, se, *counts)
    return found
