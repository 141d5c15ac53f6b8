"""Every arm's own value in every seed: the numbers that effects, intervals and spreads are made of.

An arm's value in a seed is the metric over the items that the arm answered in each of its seeds, so that the mean over
its seeds is the arm's value in ``results.json``. A contrast takes the items that both its arms answered; where one arm
lacks some, differences of these values are not quite its effect.
"""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from assay.analyze.estimator import Estimator
from assay.analyze.records import read_records
from assay.analyze.results import DIGITS
from assay.study.design import Design


def seed_rows(design: Design, items: pa.Table | Iterable[pa.Table]) -> list[dict[str, Any]]:
    """One row per arm, size, seed and metric, in the design's order; none where an arm lacks a task in that seed.

    Args:
        design: The study after planning.
        items: Item records with at least the columns `assay.analyze.records.COLUMNS`, in one table or several.

    Returns:
        Dictionaries with ``arm``, ``size``, ``seed``, ``metric``, ``declared`` and ``value``, which is in units of the
        metric and has ten significant digits.

    Raises:
        InputError: The records do not fit the design; see `assay.analyze.records.read_records`.
    """
    estimator = Estimator(design, read_records(design, items))
    rows = []
    for arm in design.arms:
        for size in design.sizes:
            found = {metric.id: estimator.by_seed(size, arm, metric.tasks, metric.measure) for metric in design.metrics}
            rows += [
                {
                    "arm": arm,
                    "size": size,
                    "seed": seed,
                    "metric": metric.id,
                    "declared": metric.declared,
                    "value": float(f"{found[metric.id][seed]:.{DIGITS}g}"),
                }
                for seed in design.seeds
                for metric in design.metrics
                if seed in found[metric.id]
            ]
    return rows
