"""From a design and item records to ``results.json``: every contrast on every metric at every size.

Aggregates are always made anew from the records and never stored in their place, so whoever has a run folder
can check every number without an accelerator. The same records give the same bytes: numbers carry ten
significant digits, keys are sorted, and nothing depends on the order of rows or on which other contrasts were
asked.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from assay.analyze.averages import macro_averages
from assay.analyze.chance import above_chance
from assay.analyze.claims.printed import printed_gains
from assay.analyze.drill import drill_rows
from assay.analyze.effects import Estimate
from assay.analyze.estimator import Estimator, Steady
from assay.analyze.numerics import numerics_confound
from assay.analyze.pictures import dose_rows, foretold_rows, frontier_rows, transfer_rows
from assay.analyze.power import smallest_effect
from assay.analyze.records import COLUMNS, Records, read_records
from assay.analyze.summary import Finding, from_size_to_size, summarise
from assay.analyze.task_noise import task_noise
from assay.analyze.verdict import decide, favours, holds, holm, margin_of
from assay.errors import InputError
from assay.files import write_whole
from assay.study.design import Contrast, Design, Metric

ANALYSIS_VERSION = 11
"""Raise when the same records give other results."""
DIGITS = 10
ENCODED = ("checkpoint", "arm", "size", "task", "format", "numerics")
"""Columns of the item records that hold few different strings."""


def build_results(design: Design, items: pa.Table | Iterable[pa.Table], steady: Steady | None = None) -> dict[str, Any]:
    """Everything ``results.json`` holds.

    Args:
        design: The study after planning.
        items: Item records with at least the columns `assay.analyze.records.COLUMNS`, in any order,
            in one table or several.
        steady: Steadies the contrasts' variances; None: each has its own alone.

    Returns:
        JSON-able; ``contrasts`` has one entry per contrast, size and metric in that order. Where a contrast
        has no records its numbers are None and its verdict is *cannot tell*.

    Raises:
        InputError: The records do not fit the design; see `read_records`.
    """
    records = read_records(design, items)
    estimator = Estimator(design, records, steady)
    findings = _findings(estimator, design.contrasts, design.metrics)
    _judge(findings)
    chance = above_chance(design, records)
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
        "arms_table": _arms_table(design, estimator),
        "averages": macro_averages(design, estimator.parts),
        "dose_response": dose_rows(design, estimator),
        "frontier": frontier_rows(design, estimator),
        "transfer": (transferred := transfer_rows(design, estimator)),
        "foretold": (foretold := foretold_rows(design, estimator)),
        "task_noise": task_noise(design, estimator),
        "beneath": drill_rows(design, estimator),
        "steadied": steady.told(design.sizes, design.metrics) if steady else False,
        "summary": {**summarise(design, findings, chance), "sizes": from_size_to_size(design, transferred, foretold)},
        "contaminated": records.contaminated,
        "numerics": sorted({name for names in records.numerics.values() for name in names}),
    }
    rounded: dict[str, Any] = _round(results)
    return rounded


def build_contrasts(
    design: Design,
    asked: Iterable[tuple[Sequence[Contrast], Sequence[Metric]]],
    items: pa.Table | Iterable[pa.Table],
    steady: Steady | None = None,
) -> list[dict[str, Any]]:
    """Rows as ``contrasts`` of `build_results` has them, of other contrasts on other metrics.

    Args:
        design: The study after planning; its own contrasts and metrics do not matter.
        asked: Contrasts, and the metrics that they are asked on; each is corrected for apart from the others.
        items: As for `build_results`.
        steady: As for `build_results`.
    """
    estimator = Estimator(design, read_records(design, items), steady)
    rows = []
    for contrasts, metrics in asked:
        findings = _findings(estimator, contrasts, metrics)
        _judge(findings)
        rows += [finding.row for finding in findings]
    rounded: list[dict[str, Any]] = _round(rows)
    return rounded


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
    return pa.concat_tables([_read(path) for path in _files(folder)], promote_options="permissive")


def stream_items(folder: Path, clean: bool = False) -> Iterator[pa.Table]:
    """The same, file by file, columns of few different strings as dictionaries.

    Args:
        folder: The run folder.
        clean: Without the items that are known to stand in the training documents.

    Raises:
        InputError: As `load_items`.
    """
    for path in _files(folder):
        table = _read(path, ENCODED)
        yield table.filter(pc.invert(pc.fill_null(table["contaminated"], False))) if clean else table


def _files(folder: Path) -> list[Path]:
    paths = sorted((folder / "items").glob("*.parquet"))
    if not paths:
        raise InputError(f"{folder} has no item records yet (items/*.parquet): nothing was evaluated")
    return paths


def _read(path: Path, encoded: Sequence[str] = ()) -> pa.Table:
    try:
        there = pq.read_schema(path).names
        if missing := [name for name in COLUMNS if name not in there]:
            raise InputError(f"its item records lack the column(s) {', '.join(missing)}", str(path))
        with pq.ParquetFile(path, read_dictionary=list(encoded)) as file:
            return file.read(columns=list(COLUMNS))
    except (pa.ArrowException, OSError) as problem:
        raise InputError(f"no item records can be read from it: {problem}", str(path)) from None


def write_results(folder: Path, clean: bool = False, steady: Steady | None = None) -> dict[str, Any]:
    """Build ``results.json`` of a run folder from its plan and item records; whole or not at all.

    Args:
        folder: The run folder.
        clean: Leave items out that stand in the training documents, and write ``results.clean.json`` instead.
        steady: As for `build_results`.
    """
    results = build_results(load_design(folder), stream_items(folder, clean), steady)
    results["printed"] = _round(printed_gains(folder, results["contrasts"]))
    text = json.dumps(results, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    write_whole(folder / ("results.clean.json" if clean else "results.json"), text)
    return results


def _arms_table(design: Design, estimator: Estimator) -> list[dict[str, Any]]:
    """Each arm's own value per size and metric."""
    return [
        {
            "arm": arm,
            "size": size,
            "metric": metric.id,
            "category": metric.category,
            "declared": metric.declared,
            "chance": _chance(design, metric),
            **_numbers(_alone(estimator, arm, size, metric), "value"),
        }
        for arm in design.arms
        for size in design.sizes
        for metric in design.metrics
    ]


def _alone(estimator: Estimator, arm: str, size: str, metric: Metric) -> Estimate | None:
    return estimator.estimate(size, (arm,), (1.0,), metric.tasks, metric.measure)


def _findings(estimator: Estimator, contrasts: Iterable[Contrast], metrics: Sequence[Metric]) -> list[Finding]:
    return [
        _finding(estimator, contrast, size, metric)
        for contrast in contrasts
        for size in contrast.sizes or estimator.design.sizes
        for metric in metrics
    ]


def _finding(estimator: Estimator, contrast: Contrast, size: str, metric: Metric) -> Finding:
    estimate = estimator.estimate(size, contrast.arms, contrast.weights, metric.tasks, metric.measure)
    same = estimate is not None and estimator.one_checkpoint(size, contrast.arms, metric.tasks)
    numbers = _numbers(estimate, "effect")
    base = None if contrast.kind == "interaction" else _alone(estimator, contrast.b, size, metric)
    elsewhere = estimate.on_new_items().interval() if estimate is not None else None
    if same:
        numbers |= {"effect": 0.0, "low": 0.0, "high": 0.0, "se": 0.0, "df": None, "p": None}
        elsewhere = (0.0, 0.0)
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
        "paired": estimate is None or estimate.paired,
        "low_new_items": elsewhere[0] if elsewhere else None,
        "high_new_items": elsewhere[1] if elsewhere else None,
        "holds_on_new_items": None,
        **_relative(estimator.design, metric, numbers, base),
        "p_adjusted": None,
        "margin": margin_of(metric.margin, contrast),
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
                row["holds_on_new_items"] = holds(finding.estimate.on_new_items(), row["margin"], row["verdict"])


def _chance(design: Design, metric: Metric) -> float | None:
    """Accuracy of guessing over the metric's tasks; None where the measure is no accuracy."""
    guesses = [task.chance for name in metric.tasks for task in design.tasks if task.id == name]
    known = [guess for guess in guesses if guess is not None]
    if not metric.measure.startswith("accuracy") or len(known) < len(metric.tasks):
        return None
    return sum(known) / len(known)


def _relative(
    design: Design, metric: Metric, numbers: Mapping[str, Any], base: Estimate | None
) -> dict[str, float | None]:
    """Effect and interval as fractions of arm b's value; None where that value is within noise of 0 or of chance."""
    interval = base.on_new_items().interval() if base is not None else None
    told: dict[str, float | None] = dict.fromkeys(("relative", "relative_low", "relative_high"))
    if numbers["effect"] is None or base is None or interval is None:
        return told
    low, high = interval
    bars = [0.0, _chance(design, metric)]
    if any(bar is not None and low <= bar <= high for bar in bars):
        return told
    for name, key in zip(told, ("effect", "low", "high"), strict=True):
        told[name] = None if numbers[key] is None else numbers[key] / abs(base.value)
    return told


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
