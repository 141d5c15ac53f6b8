"""Whether an accuracy is above chance: a statement about the models that were trained, so items are its sample.

The bar is guessing; where the choices are labels, the share of the most frequent right one if that is more: a model
that always says yes gets 62 % of BoolQ. Where each item has choices of its own no model sees in which place they stand,
and the right one's place is no bar: SciQ has it last in every item.

One model is tested with the score test of a proportion, z = (p − bar) / √(bar (1 − bar) / n), which rejects at 2.5 %
where the lower end of Wilson's 95 % interval (1927) is above the bar; n is the number of items that the clustered error
amounts to, p (1 − p) / se². An arm is above chance if every one of its seeds is (an intersection-union test, Berger
1982: its p is the largest of theirs), after Holm's correction over all arms and tasks.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from assay.analyze.effects import Sample, task_part
from assay.analyze.records import Block, Ints, Records
from assay.analyze.verdict import SIGNIFICANCE, holm
from assay.study.design import Design


def bar_of(chance: float, gold: Ints | None) -> float:
    """What guessing gets, or always giving the most frequent answer.

    Args:
        chance: What guessing gets.
        gold: int [items], the right label of each; None where choices are no labels.
    """
    return chance if gold is None or not len(gold) else max(chance, float(np.bincount(gold).max() / len(gold)))


def p_above(accuracy: float, se: float | None, items: int, clusters: int, bar: float) -> float:
    """One-sided p of one model's accuracy that is not above the bar.

    Args:
        accuracy: Share of the items that are right.
        se: Its clustered standard error; None with one cluster.
        items: How many.
        clusters: Of items that share a passage; they are the sample where all items say the same.
        bar: Of 1 nothing is above.
    """
    if bar >= 1:
        return 1.0
    n = min(accuracy * (1 - accuracy) / se**2 if se else float(clusters), float(items))
    return float(special.ndtr(-(accuracy - bar) / math.sqrt(bar * (1 - bar) / n)))


def above_chance(design: Design, records: Records) -> list[dict[str, Any]]:
    """Per size and task with choices: guessing, the best arm's accuracy, and the arms above the bar.

    Returns:
        JSON-able: ``size``, ``task``, ``chance``, ``most_frequent`` (None where choices are no labels), ``best``,
        ``best_accuracy`` (mean of its seeds), ``tested`` (how many arms have an accuracy) and ``arms`` (above chance).
    """
    tests: list[tuple[dict[str, Any], str, float]] = []
    found = []
    for size in design.sizes:
        for task in design.tasks:
            block = records.blocks.get((size, task.id))
            if task.chance is None or block is None:
                continue
            gold = block.gold if task.labels else None
            entry: dict[str, Any] = {
                "size": size, "task": task.id, "chance": task.chance,
                "most_frequent": None if gold is None else bar_of(0.0, gold),
                "best": None, "best_accuracy": None, "tested": 0, "arms": [],
            }  # fmt: skip
            found.append(entry)
            for place, arm in enumerate(design.arms):
                seeds = _seeds(block, place, bar_of(task.chance, gold))
                if not seeds:
                    continue
                accuracy = sum(value for value, _ in seeds) / len(seeds)
                entry["tested"] += 1
                if entry["best_accuracy"] is None or accuracy > entry["best_accuracy"]:
                    entry["best"], entry["best_accuracy"] = arm, accuracy
                tests.append((entry, arm, max(p for _, p in seeds)))
    for (entry, arm, _), adjusted in zip(tests, holm([p for _, _, p in tests]), strict=True):
        if adjusted is not None and adjusted < SIGNIFICANCE / 2:
            entry["arms"].append(arm)
    return found


def _seeds(block: Block, arm: int, bar: float) -> list[tuple[float, float]]:
    """An arm's accuracy and its p, of each seed that has records."""
    found = []
    for values in block.values["correct"][arm]:
        there = np.isfinite(values)
        if there.any():
            part = task_part(Sample(values[None, there], block.clusters[there]))
            se = math.sqrt(part.items) if part.n_clusters > 1 else None
            value = float(part.by_seed[0])
            found.append((value, p_above(value, se, part.n_items, part.n_clusters, bar)))
    return found
