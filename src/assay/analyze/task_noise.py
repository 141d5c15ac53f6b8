"""Which tasks tell arms apart: the spread between arms over what a seed does to single arms, task by task.

Arms are paired by seed, so what a seed does to all of them alike is no noise. Over the S seeds that the A arms share,
a task's values are taken apart as a two-way analysis of variance without replication does (Snedecor and Cochran,
Statistical Methods, the chapter on two-way classifications):

    noise²  = Σ (y_as − ȳ_a − ȳ_s + ȳ)² / ((A − 1)(S − 1))
    signal² = max(0, Σ (ȳ_a − ȳ)² / (A − 1) − noise² / S).

Where three or more checkpoints of every training were measured (``evaluate.at``), there is also what a score moves from
one to the next: how far the last three are from their straight line, one degree of freedom a training, less what is
common to an arm's seeds, which is the curve's own bend. A task of little signal is not a bad task: these arms may not
differ in what it asks. Ranked, nothing is tested.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.analyze.effects import NEGLIGIBLE
from assay.analyze.estimator import Estimator
from assay.analyze.records import Floats
from assay.study.design import Design, Measure

MEASURES: tuple[Measure, ...] = ("bits_per_byte", "accuracy", "answers")
LATE = 3
"""Checkpoints of a training, its last."""


def task_noise(design: Design, estimator: Estimator) -> list[dict[str, Any]]:
    """Rows per size, task and measure, the most telling first within a size.

    Returns:
        Dictionaries with ``size``, ``task``, ``measure``, ``between_arms`` (signal) and ``between_seeds`` (noise, both
        in units of the measure), ``ratio`` (None where a seed does the same to all arms), ``between_checkpoints`` (None
        where too few were measured), ``n_arms``, ``n_seeds`` (that the arms share) and ``n_items``. Arms with one seed
        are left out, and so is a task where fewer than two arms remain or they share fewer than two seeds: unpaired,
        what a seed does to all arms cannot be told from what it does to one.
    """
    rows = []
    for size in design.sizes:
        here: list[dict[str, Any]] = []
        for place, task in enumerate(design.tasks):
            for measure in MEASURES:
                found = {arm: estimator.by_seed(size, arm, (task.id,), measure) for arm in design.arms}
                known = {arm: values for arm, values in found.items() if len(values) > 1}
                seeds = [seed for seed in design.seeds if all(seed in values for values in known.values())]
                if len(known) < 2 or len(seeds) < 2:
                    continue
                signal, noise = _two_way(np.array([[values[seed] for seed in seeds] for values in known.values()]))
                scores = estimator.records.scores
                paths = [[scores(size, arm, seed, place, measure) for seed in seeds] for arm in known]
                items = [estimator.parts(size, (arm,), (1.0,), (task.id,), measure)[0].n_items for arm in known]
                here.append(
                    {
                        "size": size,
                        "task": task.id,
                        "measure": measure,
                        "between_arms": signal,
                        "between_seeds": noise,
                        "ratio": signal / noise if noise > 0 else None,
                        "between_checkpoints": _late(paths),
                        "n_arms": len(known),
                        "n_seeds": len(seeds),
                        "n_items": min(items),
                    }
                )
        rows += sorted(here, key=lambda row: -math.inf if row["ratio"] is None else -row["ratio"])
    return rows


def _two_way(values: Floats) -> tuple[float, float]:
    """Signal and noise of float64 [arms, seeds]."""
    arms, seeds = values.shape
    means = values.mean(axis=1)
    rest = values - means[:, None] - values.mean(axis=0) + values.mean()
    noise = math.sqrt(float(np.square(rest).sum()) / ((arms - 1) * (seeds - 1)))
    if noise <= NEGLIGIBLE * float(np.abs(values).max()):
        noise = 0.0
    return math.sqrt(max(0.0, float(means.var(ddof=1)) - noise**2 / seeds)), noise


def _late(paths: Sequence[Sequence[dict[int, float]]]) -> float | None:
    """Standard deviation of one checkpoint's score, by arm and seed from tokens seen and scores, the earliest first."""
    if any(len(path) < LATE for arm in paths for path in arm):
        return None
    rests = []
    for arm in paths:
        late = [np.array(list(path.items())[-LATE:]).T for path in arm]
        rests.append([float(_across(tokens) @ scores) for tokens, scores in late])
    return float(np.sqrt(np.var(rests, axis=1, ddof=1).mean()))


def _across(tokens: Floats) -> Floats:
    """The unit vector that no straight line over three numbers of tokens has a part in."""
    first, second, third = tokens
    weights = np.array([third - second, first - third, second - first])
    unit: Floats = weights / np.linalg.norm(weights)
    return unit
