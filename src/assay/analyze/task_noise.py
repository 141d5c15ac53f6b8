"""Which tasks tell arms apart: the spread between arms over the spread between seeds, task by task.

Signal is the standard deviation of the arms' means, less what the seeds alone would give them; noise is the standard
deviation over seeds within an arm, pooled, and so is that of one seed. A task of little signal is not a bad task: these
arms may not differ in what it asks. Ranked, nothing is tested.
"""

import math
from typing import Any

import numpy as np

from assay.analyze.estimator import Estimator
from assay.study.design import Design, Measure

MEASURES: tuple[Measure, ...] = ("bits_per_byte", "accuracy", "answers")


def task_noise(design: Design, estimator: Estimator) -> list[dict[str, Any]]:
    """Rows per size, task and measure, the most telling first within a size.

    Returns:
        Dictionaries with ``size``, ``task``, ``measure``, ``between_arms``, ``between_seeds`` (both in units of the
        measure), ``ratio`` (None where the seeds do not differ), ``n_arms``, ``n_seeds`` (the fewest of an arm) and
        ``n_items``. Left out where fewer than two arms have two seeds.
    """
    rows = []
    for size in design.sizes:
        here: list[dict[str, Any]] = []
        for task in design.tasks:
            for measure in MEASURES:
                parts = [estimator.parts(size, (arm,), (1.0,), (task.id,), measure) for arm in design.arms]
                known = [one[0] for one in parts if one and len(one[0].by_seed) > 1]
                if len(known) < 2:
                    continue
                values = [part.by_seed for part in known]
                free = sum(len(one) - 1 for one in values)
                within = sum(float(np.square(one - one.mean()).sum()) for one in values) / free
                means = np.var([one.mean() for one in values], ddof=1)
                by_seeds = within * float(np.mean([1 / len(one) for one in values]))
                between = math.sqrt(max(0.0, float(means) - by_seeds))
                noise = math.sqrt(within)
                here.append(
                    {
                        "size": size,
                        "task": task.id,
                        "measure": measure,
                        "between_arms": between,
                        "between_seeds": noise,
                        "ratio": between / noise if noise > 0 else None,
                        "n_arms": len(known),
                        "n_seeds": min(len(one) for one in values),
                        "n_items": min(part.n_items for part in known),
                    }
                )
        rows += sorted(here, key=lambda row: -math.inf if row["ratio"] is None else -row["ratio"])
    return rows
