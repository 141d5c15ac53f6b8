"""Arms that share no seeds: Welch's t, refused below three seeds an arm.

Without pairs the noise of both arms enters whole, so the interval is wide; two seeds an arm say next to nothing of two
spreads at once. Degrees of freedom are Welch's (1947), rounded down: as they are, three seeds against three reject up
to 5.9 % of true nulls where one arm spreads five times as much as the other; rounded down about 5 % at most.
Which items count, and what an item does to both arms, is as in `assay.analyze.effects`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor

import numpy as np

from assay.analyze.effects import NEGLIGIBLE, Estimate, Part, Sample, new_items, task_part
from assay.analyze.records import Floats, Ints

FEWEST = 3
"""Seeds an arm that Welch's test is made with."""


@dataclass(frozen=True, slots=True)
class UnpairedSample:
    """One task's values, arm by arm."""

    values: Sequence[Floats]
    """Per arm float64 [its seeds, items], already times the arm's weight; all over the same items."""
    clusters: Ints
    """int64 [items]."""
    bytes: Floats | None = None
    """As in `assay.analyze.effects.Sample`."""


def combine_unpaired(samples: Sequence[UnpairedSample]) -> Estimate:
    """The unweighted mean over tasks of the sum of the arms' means over their own seeds.

    Args:
        samples: One a task, of the same arms and seeds.

    Returns:
        Without an interval where an arm has fewer than `FEWEST` seeds.
    """
    by_arm = [
        [task_part(Sample(sample.values[arm], sample.clusters, sample.bytes)) for sample in samples]
        for arm in range(len(samples[0].values))
    ]
    parts = [_part(sample, [arm[place] for arm in by_arm]) for place, sample in enumerate(samples)]
    runs = [np.mean([part.by_seed for part in arm], axis=0) for arm in by_arm]
    counts = [len(run) for run in runs]
    found = Estimate(
        value=float(sum(run.mean() for run in runs)),
        n_seeds=min(counts),
        n_items=sum(part.n_items for part in parts),
        se=None,
        df=None,
        se_new_items=None,
        df_new_items=None,
        seeds_variance=0.0,
        interaction_variance=0.0,
        paired=False,
    )
    if min(counts) < FEWEST:
        return found
    terms = [float(run.var(ddof=1)) / len(run) for run in runs]
    variance = sum(terms)
    scale = float(max(np.abs(run).max() for run in runs))
    if variance**0.5 <= NEGLIGIBLE * scale:
        return found
    spread = sum(term**2 / (count - 1) for term, count in zip(terms, counts, strict=True))
    df = float(floor(variance**2 / spread + NEGLIGIBLE))
    se_new, df_new = new_items((variance, df), parts, min(counts), scale)
    return replace(
        found,
        se=variance**0.5,
        df=df,
        se_new_items=se_new,
        df_new_items=df_new,
        seeds_variance=variance * min(counts),
        interaction_variance=sum(part.interaction for part in parts) / len(parts) ** 2 * min(counts),
    )


def _part(sample: UnpairedSample, arms: Sequence[Part]) -> Part:
    """The task's item terms: items by their mean over all arms, interaction as the sum of the arms'."""
    together = sum((values.mean(axis=0) for values in sample.values), np.zeros(len(sample.clusters)))
    items = task_part(Sample(together[None], sample.clusters, sample.bytes))
    return replace(items, interaction=sum(arm.interaction for arm in arms))
