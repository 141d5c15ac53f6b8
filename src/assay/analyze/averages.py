"""Averages over tasks, made in the ways that studies differ in: plain, without tiny sets, and centred on chance.

The study's own metric is the plain mean of its tasks. A set of fifty items weighs as much in it as one of ten thousand,
and a task of two choices has half the range of one that can be missed entirely. So beside it stand the mean without
tiny sets (CB, COPA), that of (accuracy − chance) / (1 − chance), 0 for guessing and 1 for all right, and both together.
They are shown and not tested: verdicts are about the declared metrics.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from assay.analyze.effects import Estimate, Part, combine
from assay.study.design import Design, Measure, Metric

TINY = 100
"""A set of no more items, and no more than half of those of its metric's largest, is tiny."""

Parts = Callable[[str, Sequence[str], Sequence[float], Sequence[str], Measure], list[Part]]


def macro_averages(design: Design, parts: Parts) -> list[dict[str, Any]]:
    """Rows ``of`` an arm or a contrast, per size, metric over several tasks, and way of averaging.

    Args:
        design: The study.
        parts: `assay.analyze.estimator.Estimator.parts`.

    Returns:
        Dictionaries with ``of``, ``size``, ``metric``, ``way`` (``plain``, ``without tiny sets``, ``centred on
        chance``, ``centred, without tiny sets``), ``tasks``, ``value`` and the 95 % interval ``low`` and ``high``, for
        new seeds on these items. A way is left out where it is the plain mean, or a task has no chance.
    """
    rows = []
    for metric in design.metrics:
        if len(metric.tasks) < 2:
            continue
        for size in design.sizes:
            for name, arms, weights in _asked(design, size):
                found = parts(size, arms, weights, metric.tasks, metric.measure)
                if not found:
                    continue
                for way, tasks, estimate in _ways(design, metric, found, sum(weights)):
                    low, high = estimate.interval() or (None, None)
                    rows.append(
                        {
                            "of": name,
                            "size": size,
                            "metric": metric.id,
                            "way": way,
                            "tasks": tasks,
                            "value": estimate.value,
                            "low": low,
                            "high": high,
                        }
                    )
    return rows


def tiny_sets(design: Design, metric: Metric) -> list[str]:
    """The tasks of a metric that have few items, in absolute terms and beside its largest."""
    items = {task.id: task.n_items for task in design.tasks if task.id in metric.tasks}
    return [name for name in metric.tasks if items[name] <= min(TINY, max(items.values()) // 2)]


def _asked(design: Design, size: str) -> Iterable[tuple[str, Sequence[str], Sequence[float]]]:
    for arm in design.arms:
        yield arm, (arm,), (1.0,)
    for contrast in design.contrasts:
        if size in (contrast.sizes or design.sizes):
            yield contrast.id, contrast.arms, contrast.weights


def _ways(
    design: Design, metric: Metric, parts: Sequence[Part], total: float
) -> Iterable[tuple[str, list[str], Estimate]]:
    """Each way's name, tasks and estimate; ``total`` is the sum of the weights, 1 for an arm and 0 for a contrast."""
    tiny = set(tiny_sets(design, metric))
    chances = {task.id: task.chance for task in design.tasks}
    named = list(zip(metric.tasks, parts, strict=True))
    larger = [(name, part) for name, part in named if name not in tiny]
    yield "plain", [name for name, _ in named], combine(parts)
    if tiny and larger:
        yield "without tiny sets", [name for name, _ in larger], combine([part for _, part in larger])
    if not metric.measure.startswith("accuracy") or any(chances[name] is None for name in metric.tasks):
        return
    for way, kept in (("centred on chance", named), ("centred, without tiny sets", larger if tiny else [])):
        if kept:
            centred = [_centred(part, chances[name], total) for name, part in kept]
            yield way, [name for name, _ in kept], combine(centred)


def _centred(part: Part, chance: float | None, total: float) -> Part:
    guess = chance or 0.0
    scale = 1 / (1 - guess)
    return replace(
        part,
        by_seed=(part.by_seed - total * guess) * scale,
        items=part.items * scale**2,
        interaction=part.interaction * scale**2,
    )
