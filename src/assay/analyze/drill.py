"""What lies beneath a declared effect: its seeds one by one, its items as a histogram, and those that changed most.

An item's change is the mean over seeds of the first arm's value less the second's; of bits per byte that is
bits over the item's own bytes, while the effect weighs items by length. Exploration, not evidence: items are picked for
being extreme, and half of what they show would be gone with other seeds. A large study lists fewer items a comparison,
so that results and page stay small.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from assay.analyze.estimator import Estimator
from assay.analyze.records import VALUE_OF, Floats
from assay.study.design import Contrast, Design, Metric

ITEMS = 50
"""Items listed under a comparison."""
ITEMS_IN_ALL = 20_000
"""Of all comparisons together; what is over is taken from all alike."""
BINS = 21


def items_each(comparisons: int) -> int:
    """How many items each of so many comparisons lists."""
    return min(ITEMS, ITEMS_IN_ALL // max(1, comparisons))


def asked_of(design: Design) -> list[tuple[Contrast, str, Metric]]:
    """What rows are asked for: every contrast at each of its sizes on each declared metric, with or without records."""
    return [
        (contrast, size, metric)
        for contrast in design.contrasts
        for size in contrast.sizes or design.sizes
        for metric in design.metrics
        if metric.declared
    ]


def listed_items(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By task, the names of the items that any of `drill_rows` lists; both sorted."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for item, task, *_ in row.get("items", ()):
            found.setdefault(task, set()).add(item)
    return {task: sorted(found[task]) for task in sorted(found)}


def drill_rows(design: Design, estimator: Estimator) -> list[dict[str, Any]]:
    """One row per contrast, size and declared metric that has records.

    Returns:
        Dictionaries with ``id``, ``size``, ``metric``, ``seeds``, ``by_seed`` (the effect in each), and for pairs
        ``edges`` and ``counts`` of the histogram of changes, ``same`` (items that did not change), ``n_items``, and
        ``items``: lists of item, task, a's value, b's value and change, the largest change first.
    """
    asked = asked_of(design)
    rows = []
    for contrast, size, metric in asked:
        parts = estimator.parts(size, contrast.arms, contrast.weights, metric.tasks, metric.measure)
        if not parts:
            continue
        row: dict[str, Any] = {
            "id": contrast.id,
            "size": size,
            "metric": metric.id,
            "seeds": estimator.seeds(size, contrast.arms, metric.tasks, metric.measure),
            "by_seed": [float(value) for value in np.mean([part.by_seed for part in parts], axis=0)],
        }
        if contrast.kind == "pair":
            row |= _items(estimator, contrast, size, metric, items_each(len(asked)))
        rows.append(row)
    return rows


def _items(estimator: Estimator, contrast: Contrast, size: str, metric: Metric, most: int) -> dict[str, Any]:
    """The histogram and the items that changed most; of equal changes the first by task and name."""
    tasks, names, values = [], [], []
    for place, task in enumerate(metric.tasks):
        by_arm = _means(estimator, contrast, size, task, metric)
        known = np.flatnonzero(np.isfinite(by_arm).all(axis=0))
        tasks.append(np.full(len(known), place))
        names.append(known)
        values.append(by_arm[:, known])
    both = np.concatenate(values, axis=1)
    task_of, name_of = np.concatenate(tasks), np.concatenate(names)
    change = both[0] - both[1]
    reach = float(np.quantile(np.abs(change), 0.99)) or float(np.abs(change).max()) or 1.0
    edges = np.linspace(-reach, reach, BINS + 1)
    counts = np.histogram(np.clip(change, -reach, reach), edges)[0]
    order = np.argsort(-np.abs(change), kind="stable")[:most]
    listed = [
        [
            estimator.records.blocks[size, metric.tasks[task_of[at]]].items[name_of[at]],
            metric.tasks[task_of[at]],
            *(float(f"{value:.4g}") for value in (both[0, at], both[1, at], change[at])),
        ]
        for at in order
        if change[at] != 0
    ]
    return {
        "edges": [-reach, reach],
        "counts": counts.tolist(),
        "same": int((change == 0).sum()),
        "n_items": len(change),
        "items": listed,
    }


def _means(estimator: Estimator, contrast: Contrast, size: str, task: str, metric: Metric) -> Floats:
    """float64 [2, items]: both arms' means over the seeds they share, NaN where one lacks the item in one of them."""
    block = estimator.records.blocks[size, task]
    seeds = [
        estimator.design.seeds.index(seed)
        for seed in estimator.seeds(size, contrast.arms, metric.tasks, metric.measure)
    ]
    arms = [estimator.design.arms.index(arm) for arm in contrast.arms]
    values = np.stack([block.values[VALUE_OF[metric.measure]][arm, seeds] for arm in arms])
    means: Floats = values.mean(axis=1)
    return means / block.bytes if metric.measure == "bits_per_byte" else means
