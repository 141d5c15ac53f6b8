"""Studies drawn from known variances, judged by the statistics' own code: false positives, coverage, power.

Each study is a table of seeds × items of one contrast's differences. A seed's trunk is common to both arms up to a
correlation, the arms' own spreads differ by a ratio, and each seed has noise of its own on each item. The grid's many
studies are judged by the same formulas over arrays, which must agree with the code on each cell's first studies.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from assay.analyze.effects import Estimate, Prior, Sample, combine, task_part
from assay.analyze.power import smallest_effect
from assay.analyze.records import Floats
from assay.analyze.unpaired import UnpairedSample, combine_unpaired

SEEDS = (2, 3, 5)
CORRELATIONS = (0.0, 0.5, 0.9)
RATIOS = (1.0, 5.0, 25.0)
ITEMS = 4
CHECKED = 100
"""Studies of every cell that the code itself judges too."""
TASTE = 2.0
"""Standard deviation of what an item does to the difference in every seed: part of the effect on this suite."""


@dataclass(frozen=True)
class Cell:
    """One point of the grid."""

    seeds: int
    correlation: float
    ratio: float

    def arms(self, rng: np.random.Generator, studies: int) -> tuple[Floats, Floats]:
        """Both arms' values float64 [studies, seeds, items]; the truth is that they are equal."""
        trunk = rng.normal(size=(studies, self.seeds, 1))
        kept, own = self.correlation**0.5, (1 - self.correlation) ** 0.5
        arms = []
        for spread in (1.0, self.ratio):
            shift = kept * trunk + own * rng.normal(size=trunk.shape)
            arms.append(spread * (shift + rng.normal(size=(studies, self.seeds, ITEMS))))
        return arms[0], arms[1]


def grid(seeds: tuple[int, ...] = SEEDS) -> list[Cell]:
    """All cells."""
    return [Cell(*point) for point in itertools.product(seeds, CORRELATIONS, RATIOS)]


def estimates(values: Floats, prior: Prior | None = None) -> Iterator[Estimate]:
    """The estimate of each study of float64 [studies, seeds, items]."""
    clusters = np.arange(values.shape[2])
    for study in values:
        yield combine([task_part(Sample(study, clusters))], prior)


def false_positives(cell: Cell, studies: int, rng: np.random.Generator) -> float:
    """Share of paired A/A studies with p below 5 %."""
    a, b = cell.arms(rng, studies)
    return _rejected(a - b)


def coverage(cell: Cell, studies: int, rng: np.random.Generator) -> float:
    """Share of 95 % intervals that hold the effect on the suite, which differs from item to item."""
    a, b = cell.arms(rng, studies)
    effects = 0.7 + TASTE * rng.normal(size=(studies, 1, ITEMS))
    values = a - b + effects
    by_seed = values.mean(axis=2)
    halves = special.stdtrit(cell.seeds - 1, 0.975) * by_seed.std(axis=1, ddof=1) / cell.seeds**0.5
    for low, found in zip(by_seed.mean(axis=1) - halves, estimates(values[:CHECKED]), strict=False):
        _same(low, (found.interval() or (math.nan,))[0])
    return float(np.mean(np.abs(by_seed.mean(axis=1) - effects.mean(axis=(1, 2))) <= halves))


def false_positives_unpaired(cell: Cell, studies: int, rng: np.random.Generator) -> float:
    """Share of A/A studies with p below 5 % where the arms share no seed."""
    arms = Cell(cell.seeds, 0.0, cell.ratio).arms(rng, studies)
    means = [arm.mean(axis=2) for arm in arms]
    terms = np.array([mean.var(axis=1, ddof=1) / cell.seeds for mean in means])
    df = np.floor(terms.sum(axis=0) ** 2 / (terms**2 / (cell.seeds - 1)).sum(axis=0))
    t = (means[0].mean(axis=1) - means[1].mean(axis=1)) / terms.sum(axis=0) ** 0.5
    p = 2 * special.stdtr(df, -np.abs(t))
    for ours, a, b in zip(p[:CHECKED], *arms, strict=False):
        _same(ours, combine_unpaired([UnpairedSample([a, -b], np.arange(ITEMS))]).p)
    return float(np.mean(p < 0.05))


def false_positives_forked(seeds: int, draws: int, studies: int, rng: np.random.Generator) -> float:
    """Share with p below 5 % where each arm is the mean of several draws of a cooldown from one trunk a seed."""
    trunk = 10 * rng.normal(size=(studies, seeds, 1))
    a, b = (trunk + rng.normal(size=(studies, seeds, draws, ITEMS)).mean(axis=2) for _ in range(2))
    return _rejected(a - b)


def _rejected(values: Floats) -> float:
    by_seed = values.mean(axis=2)
    seeds = values.shape[1]
    t = by_seed.mean(axis=1) / (by_seed.std(axis=1, ddof=1) / seeds**0.5)
    p = 2 * special.stdtr(seeds - 1, -np.abs(t))
    for ours, found in zip(p[:CHECKED], estimates(values[:CHECKED]), strict=True):
        _same(ours, found.p)
    return float(np.mean(p < 0.05))


def _same(ours: float, theirs: float | None) -> None:
    if theirs is None or not math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-9):
        raise AssertionError(f"the formula gives {ours}, the code {theirs}")


def coverage_new_items(
    seeds: int, spreads: tuple[float, float, float], items: int, studies: int, rng: np.random.Generator
) -> float:
    """Share of the second intervals that hold the effect over all items there could be.

    Args:
        seeds: Of a study.
        spreads: Standard deviations of the study's mean that come of seeds, items, and both together.
        items: Of a study.
        studies: How many are drawn.
        rng: Where from.
    """
    seed, item, both = spreads
    shape = (studies, seeds, items)
    values = (
        rng.normal(0, seed, (studies, seeds, 1)) * seeds**0.5
        + rng.normal(0, item, (studies, 1, items)) * items**0.5
        + rng.normal(0, both, shape) * (seeds * items) ** 0.5
    )
    return _share(_holds(found.on_new_items(), 0.0) for found in estimates(values))


def power_after(cell: Cell, studies: int, rng: np.random.Generator) -> float:
    """Share of studies that find an effect of the size that another study of the same kind named."""
    a, b = cell.arms(rng, studies)
    c, d = cell.arms(rng, studies)
    hits = []
    for first, second in zip(estimates(a - b), estimates(c - d), strict=True):
        named = smallest_effect(first.se, first.df)
        low, high = second.interval() or (0.0, 0.0)
        hits.append(named is not None and not low <= -named <= high)
    return _share(iter(hits))


def _holds(found: Estimate, truth: float) -> bool:
    interval = found.interval()
    return interval is not None and interval[0] <= truth <= interval[1]


def _share(hits: Iterator[bool]) -> float:
    return float(np.mean(np.fromiter(hits, dtype=bool)))
