"""From a design and item records to ``results.json``: every contrast on every metric at every size.

Aggregates are always made anew from the records and never stored in their place, so whoever has a run folder
can check every number without an accelerator. The same records give the same bytes: numbers carry ten
significant digits, keys are sorted, and nothing depends on the order of rows or on which other contrasts were
asked.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from assay.analyze.effects import Estimate, Part, Sample, combine, task_part
from assay.analyze.numerics import numerics_confound
from assay.analyze.power import smallest_effect
from assay.analyze.records import COLUMNS, VALUE_OF, Floats, Records, read_records
from assay.analyze.summary import Finding, above_chance, summarise
from assay.analyze.verdict import decide, favours, holm, margin_of
from assay.errors import InputError
from assay.files import write_whole
from assay.study.design import Contrast, Design, Measure, Metric

ANALYSIS_VERSION = 3
"""Raise when the same records give other results."""
DIGITS = 10


class Estimator:
    """Estimates over one set of records; holds the per-task parts already made."""

    def __init__(self, design: Design, records: Records) -> None:
        self.design = design
        self.records = records
        self._arms = {arm: index for index, arm in enumerate(design.arms)}
        self._parts: dict[tuple[object, ...], Part] = {}

    def estimate(
        self, size: str, arms: Sequence[str], weights: Sequence[float], tasks: Sequence[str], measure: Measure
    ) -> Estimate | None:
        """Σ_arm weight · value over the seeds that all these arms and tasks have; None where there is none."""
        parts = self.parts(size, arms, weights, tasks, measure)
        return combine(parts) if parts else None

    def parts(
        self, size: str, arms: Sequence[str], weights: Sequence[float], tasks: Sequence[str], measure: Measure
    ) -> list[Part]:
        """What each task gives to that estimate; empty where no seed has all these arms and tasks.

        Within a task only the items that every arm answered in every such seed count.
        """
        arrays = [self._values(size, arms, task, VALUE_OF[measure]) for task in tasks]
        seeds = self._seeds(arrays)
        if not len(seeds):
            return []
        parts = []
        for task, values in zip(tasks, arrays, strict=True):
            key = (size, tuple(arms), tuple(weights), task, measure, tuple(seeds))
            if key not in self._parts:
                assert values is not None
                sample = self._sample(size, task, values[:, seeds], weights, measure)
                if sample is None:
                    return []
                self._parts[key] = task_part(sample)
            parts.append(self._parts[key])
        return parts

    def one_checkpoint(self, size: str, arms: Sequence[str], tasks: Sequence[str]) -> bool:
        """Whether the arms are one checkpoint: by name, or by the very same bits of every gold answer."""
        arrays = [self._values(size, arms, task, VALUE_OF["bits_per_byte"]) for task in tasks]
        seeds = self._seeds(arrays)
        if not len(seeds):
            return False
        if self.records.one_checkpoint(size, arms, [self.design.seeds[index] for index in seeds]):
            return True
        chosen = [values[:, seeds] for values in arrays if values is not None]
        return all(bool((values == values[0])[:, np.isfinite(values[0])].all()) for values in chosen)

    def _values(self, size: str, arms: Sequence[str], task: str, column: str) -> Floats | None:
        block = self.records.blocks.get((size, task))
        return None if block is None else block.values[column][[self._arms[arm] for arm in arms]]

    @staticmethod
    def _seeds(arrays: Sequence[Floats | None]) -> list[int]:
        """Positions of the seeds in which every arm answered something of every task."""
        there = []
        for values in arrays:
            if values is None:
                return []
            there.append(np.isfinite(values).any(axis=2).all(axis=0))
        return [int(index) for index in np.flatnonzero(np.all(there, axis=0))]

    def _sample(
        self, size: str, task: str, values: Floats, weights: Sequence[float], measure: Measure
    ) -> Sample | None:
        block = self.records.blocks[size, task]
        items = np.isfinite(values).all(axis=(0, 1))
        if not items.any():
            return None
        combined = np.tensordot(np.asarray(weights, dtype=np.float64), values[:, :, items], axes=1)
        answer_bytes = block.bytes[items] if measure == "bits_per_byte" else None
        return Sample(values=combined, clusters=block.clusters[items], bytes=answer_bytes)


def build_results(design: Design, items: pa.Table) -> dict[str, Any]:
    """Everything ``results.json`` holds.

    Args:
        design: The study after planning.
        items: Item records with at least the columns `assay.analyze.records.COLUMNS`, in any order.

    Returns:
        JSON-able; ``contrasts`` has one entry per contrast, size and metric in that order. Where a contrast
        has no records its numbers are None and its verdict is *cannot tell*.

    Raises:
        InputError: The records do not fit the design; see `read_records`.
    """
    records = read_records(design, items)
    estimator = Estimator(design, records)
    arms_table, alone = _arms_table(design, estimator)
    findings = [
        _finding(estimator, alone, contrast, size, metric)
        for contrast in design.contrasts
        for size in contrast.sizes or design.sizes
        for metric in design.metrics
    ]
    _judge(findings)
    chance = above_chance(design, estimator.estimate, records)
    results = {
        "study": design.study,
        "question": design.question,
        "arms": list(design.arms),
        "sizes": list(design.sizes),
        "seeds": list(design.seeds),
        "tasks": [task.id for task in design.tasks],
        "open_choices": [dict(choice) for choice in design.open_choices],
        "tokens": dict(design.tokens),
        "primary": design.primary,
        "contrasts": [finding.row for finding in findings],
        "arms_table": arms_table,
        "summary": summarise(design, findings, chance),
        "contaminated": _contaminated(items),
        "numerics": sorted({name for names in records.numerics.values() for name in names}),
    }
    rounded: dict[str, Any] = _round(results)
    return rounded


def _contaminated(items: pa.Table) -> dict[str, list[int]]:
    """By task: items that stand in the training documents, and items of which it is known; tasks of the latter only."""
    known = items.filter(pc.is_valid(items["contaminated"])).select(["task", "item", "contaminated"])
    counted = known.group_by(["task", "item", "contaminated"]).aggregate([])
    told: dict[str, list[int]] = {}
    for row in counted.sort_by("task").to_pylist():
        pair = told.setdefault(row["task"], [0, 0])
        pair[0] += row["contaminated"]
        pair[1] += 1
    return told


def clean_items(items: pa.Table) -> pa.Table:
    """The records of items that are not known to stand in the training documents."""
    return items.filter(pc.invert(pc.fill_null(items["contaminated"], False)))


def load_design(folder: Path) -> Design:
    """The design in a run folder's ``plan.json``.

    Raises:
        InputError: The folder holds no plan, or one that this version cannot read.
    """
    path = folder / "plan.json"
    try:
        return Design.model_validate(json.loads(path.read_text(encoding="utf-8"))["design"])
    except FileNotFoundError:
        raise InputError(f"{folder} is no run folder: it has no plan.json (give the --out of an `assay run`)") from None
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as problem:
        raise InputError(f"no plan can be read from it: {problem!r}", str(path)) from None
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"the design in it does not fit this version of Assay: {place}: {first['msg']}", str(path)
        ) from None


def load_items(folder: Path) -> pa.Table:
    """All item records of a run folder, without the choices' log-likelihoods.

    Raises:
        InputError: There are none, or a file is not a file of item records.
    """
    paths = sorted((folder / "items").glob("*.parquet"))
    if not paths:
        raise InputError(f"{folder} has no item records yet (items/*.parquet): nothing was evaluated")
    tables = []
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                if missing := [name for name in COLUMNS if name not in file.schema_arrow.names]:
                    raise InputError(f"its item records lack the column(s) {', '.join(missing)}", str(path))
                tables.append(file.read(columns=list(COLUMNS)))
        except (pa.ArrowException, OSError) as problem:
            raise InputError(f"no item records can be read from it: {problem}", str(path)) from None
    return pa.concat_tables(tables, promote_options="permissive")


def write_results(folder: Path, clean: bool = False) -> dict[str, Any]:
    """Build ``results.json`` of a run folder from its plan and item records; whole or not at all.

    Args:
        folder: The run folder.
        clean: Leave items out that stand in the training documents, and write ``results.clean.json`` instead.
    """
    design, items = load_design(folder), load_items(folder)
    results = build_results(design, clean_items(items) if clean else items)
    text = json.dumps(results, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_whole(folder / ("results.clean.json" if clean else "results.json"), text)
    return results


def _arms_table(
    design: Design, estimator: Estimator
) -> tuple[list[dict[str, Any]], dict[tuple[str, str, str], Estimate | None]]:
    """Each arm's own value per size and metric, as rows and by (arm, size, metric)."""
    rows: list[dict[str, Any]] = []
    alone: dict[tuple[str, str, str], Estimate | None] = {}
    for arm in design.arms:
        for size in design.sizes:
            for metric in design.metrics:
                estimate = estimator.estimate(size, (arm,), (1.0,), metric.tasks, metric.measure)
                alone[arm, size, metric.id] = estimate
                rows.append(
                    {
                        "arm": arm,
                        "size": size,
                        "metric": metric.id,
                        "category": metric.category,
                        "declared": metric.declared,
                        "chance": _chance(design, metric),
                        **_numbers(estimate, "value"),
                    }
                )
    return rows, alone


def _finding(
    estimator: Estimator,
    alone: Mapping[tuple[str, str, str], Estimate | None],
    contrast: Contrast,
    size: str,
    metric: Metric,
) -> Finding:
    estimate = estimator.estimate(size, contrast.arms, contrast.weights, metric.tasks, metric.measure)
    same = estimate is not None and estimator.one_checkpoint(size, contrast.arms, metric.tasks)
    numbers = _numbers(estimate, "effect")
    base = alone[contrast.b, size, metric.id]
    if same:
        numbers |= {"effect": 0.0, "low": 0.0, "high": 0.0, "se": 0.0, "df": None, "p": None}
    row = {
        "id": contrast.id,
        "family": contrast.family,
        "factor": contrast.factor,
        "kind": contrast.kind,
        "size": size,
        "metric": metric.id,
        "category": metric.category,
        "declared": metric.declared,
        "better_is": metric.better_is,
        "a": contrast.a,
        "b": contrast.b,
        "arms": list(contrast.arms),
        **numbers,
        "relative": _relative(estimator.design, metric, numbers["effect"], base),
        "p_adjusted": None,
        "margin": margin_of(metric.margin, contrast.weights),
        "mde": None if same or estimate is None else smallest_effect(estimate.se, estimate.df),
        "verdict": "no difference" if same else "cannot tell",
        "favours": None,
        "confounds": [*contrast.confounds, *_numerics(estimator.records, size, contrast)],
    }
    return Finding(row=row, estimate=estimate, one_checkpoint=same)


def _numbers(estimate: Estimate | None, name: str) -> dict[str, Any]:
    if estimate is None:
        empty = dict.fromkeys([name, "se", "df", "low", "high", "p"])
        return {**empty, "n_seeds": 0, "n_items": 0}
    low, high = estimate.interval() or (None, None)
    return {
        name: estimate.value,
        "se": estimate.se,
        "df": estimate.df,
        "low": low,
        "high": high,
        "p": estimate.p,
        "n_seeds": estimate.n_seeds,
        "n_items": estimate.n_items,
    }


def _judge(findings: Sequence[Finding]) -> None:
    """Verdicts. Holm's correction is paid within each family of contrasts, which answers one question: over its
    contrasts and sizes on the declared metrics, and apart from those over the exploratory ones."""
    for group in {(finding.row["declared"], finding.row["family"]) for finding in findings}:
        asked = [finding for finding in findings if (finding.row["declared"], finding.row["family"]) == group]
        for finding, adjusted in zip(asked, holm([finding.row["p"] for finding in asked]), strict=True):
            row = finding.row
            row["p_adjusted"] = adjusted
            if finding.estimate is not None and not finding.one_checkpoint:
                row["verdict"] = decide(finding.estimate, row["margin"], adjusted)
                row["favours"] = favours(row["verdict"], row["better_is"])


def _chance(design: Design, metric: Metric) -> float | None:
    """Accuracy of guessing over the metric's tasks; None where the measure is no accuracy."""
    guesses = [task.chance for name in metric.tasks for task in design.tasks if task.id == name]
    known = [guess for guess in guesses if guess is not None]
    if not metric.measure.startswith("accuracy") or len(known) < len(metric.tasks):
        return None
    return sum(known) / len(known)


def _relative(design: Design, metric: Metric, effect: float | None, base: Estimate | None) -> float | None:
    """The effect as a fraction of arm b's value; None where that value is within noise of 0 or of chance."""
    interval = base.interval() if base is not None else None
    if effect is None or base is None or interval is None:
        return None
    low, high = interval
    bars = [0.0, _chance(design, metric)]
    if any(bar is not None and low <= bar <= high for bar in bars):
        return None
    return effect / abs(base.value)


def _numerics(records: Records, size: str, contrast: Contrast) -> list[str]:
    labels = [
        {seed: names for (where, name, seed), names in records.numerics.items() if (where, name) == (size, arm)}
        for arm in contrast.arms
    ]
    found = numerics_confound(labels)
    return [found] if found else []


def _round(value: Any) -> Any:
    """The same structure with every float at ten significant digits."""
    if isinstance(value, dict):
        return {key: _round(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_round(inner) for inner in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") + 0.0
    return value
