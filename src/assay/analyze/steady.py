"""A contrast's variance over seeds, steadied by what a noise table knows of such differences.

Three seeds know their spread to within a factor of six. A table of differences measured over many seeds tells where
such spreads lie and how much they differ from contrast to contrast: a scaled inverse χ² with variance s₀² and d₀
degrees of freedom, fitted to the table's pairs by the moments of the logarithms (Smyth 2004, Statistical Applications
in Genetics and Molecular Biology 3(1), 3). A contrast's spread is then (d₀ s₀² + (S − 1) s²) / (d₀ + S − 1).

It is an option, since it takes a contrast to be one like the table's. And it is used only where A against A holds with
it: for every pair of the table, the prior is fitted to the pairs that share no arm with it (to all others, where those
are too few), and each choice of three of its seeds is tested against the mean of all of them. Where more than 5.6 % are
rejected at 5 %, the metric's variances stay their own. Nothing here says that the table's learning rate, lengths or
mixes are the study's: whoever asks for it vouches for that.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize, special, stats

from assay.analyze.effects import Prior
from assay.analyze.measured import MeasuredPair, Noise
from assay.analyze.records import Floats
from assay.study.design import Measure, Task

HOLDS = 0.056
"""Most of true nulls that may be rejected at 5 %."""
SUBSET = 3
FEWEST_PAIRS = 4


@dataclass(frozen=True)
class SteadyByTable:
    """The priors that one or more noise tables give."""

    noise: Mapping[str, Noise]
    """By size."""
    tasks: Mapping[str, Task]
    """The study's, by id."""
    _made: dict[tuple[str, tuple[str, ...], Measure], Prior | None] = field(default_factory=dict, repr=False)

    def prior(self, size: str, weights: Sequence[float], tasks: Sequence[str], measure: Measure) -> Prior | None:
        """What the table of this size says of a contrast on these tasks; None where it says nothing, or A/A fails."""
        key = (size, tuple(tasks), measure)
        if key not in self._made:
            self._made[key] = self._fitted(size, tasks, measure)
        found = self._made[key]
        times = sum(weight**2 for weight in weights) / 2
        return None if found is None else Prior(found.variance * times, found.df)

    def _fitted(self, size: str, tasks: Sequence[str], measure: Measure) -> Prior | None:
        noise = self.noise.get(size)
        if noise is None or not set(tasks) <= self.tasks.keys():
            return None
        found = [variance_of(noise, pair, measure, [self.tasks[name] for name in tasks]) for pair in noise.pairs]
        variances = [one for one in found if one is not None and one > 0]
        rate = null_rate(noise, tasks, measure)
        if len(variances) < FEWEST_PAIRS or rate is None or rate > HOLDS:
            return None
        return fit(variances, noise.seeds - 1)


def variance_of(noise: Noise, pair: MeasuredPair, measure: Measure, tasks: Sequence[Task]) -> float | None:
    """The variance over seeds of a measured pair's difference, one seed's worth, at a study's numbers of items.

    With S₀ seeds, n_t measured and m_t planned items, and the terms var(d) and E_t of `assay.analyze.effects`:

        max(0, var(d) − S₀ Σ E_t / T²) + S₀ Σ E_t n_t / m_t / T².

    Items beyond those that the table found to exist are not counted.

    Args:
        noise: The table.
        pair: One of its pairs.
        measure: What is measured.
        tasks: The metric's, as the study asks them.

    Returns:
        None where a task was not measured, or in another version.
    """
    spreads = pair.spreads.get(measure, {})
    if any(task.id not in spreads or noise.tasks[task.id].version != task.version for task in tasks):
        return None
    by_seed = np.mean([spreads[task.id].by_seed for task in tasks], axis=0)
    seeds, share = len(by_seed), 1 / len(tasks) ** 2
    shared = float(by_seed.var(ddof=1))
    of_items = 0.0
    for task in tasks:
        spread = spreads[task.id]
        interaction = share * seeds * spread.interaction
        items = task.n_items
        if spread.n_items < noise.tasks[task.id].limit:
            items = min(items, spread.n_items)
        shared -= interaction
        of_items += interaction * spread.n_items / items
    return max(0.0, shared) + of_items


def fit(variances: Sequence[float], df: int) -> Prior:
    """The scaled inverse χ² that variances, each measured with ``df`` degrees of freedom, come from.

    Args:
        variances: Two or more, above 0.
        df: Of each; the prior is worth no more than one of them, however alike they are.
    """
    logs = np.log(variances) - special.digamma(df / 2) + np.log(df / 2)
    beyond = float(logs.var(ddof=1) - special.polygamma(1, df / 2))
    worth = float(df)
    if beyond > special.polygamma(1, df / 2):
        worth = 2 * float(optimize.brentq(lambda half: special.polygamma(1, half) - beyond, 1e-3, df / 2))
    variance = float(np.exp(logs.mean() + special.digamma(worth / 2) - np.log(worth / 2)))
    return Prior(variance, worth)


def null_rate(noise: Noise, tasks: Sequence[str], measure: Measure, level: float = 0.05) -> float | None:
    """How often true nulls of the table are rejected when variances are steadied by its other pairs.

    Every choice of three of a pair's S₀ seeds is tested against the mean of all: a null that is known to be true. The
    standard error is that of a choice without replacement, √((1/3 − 1/S₀) s²), so the test is exact for one variance.

    Returns:
        None where fewer than `FEWEST_PAIRS` + 1 pairs were measured on these tasks.
    """
    runs: list[tuple[MeasuredPair, Floats]] = []
    for pair in noise.pairs:
        spreads = pair.spreads.get(measure, {})
        if all(name in spreads for name in tasks):
            run = np.mean([spreads[name].by_seed for name in tasks], axis=0)
            if run.var() > 0 and len(run) > SUBSET:
                runs.append((pair, run))
    if len(runs) <= FEWEST_PAIRS:
        return None
    rates = []
    for pair, run in runs:
        others = [(other, found) for other, found in runs if other is not pair]
        apart = [(other, found) for other, found in others if not {other.a, other.b} & {pair.a, pair.b}]
        fitted = apart if len(apart) >= FEWEST_PAIRS else others
        prior = fit([float(found.var(ddof=1)) for _, found in fitted], len(run) - 1)
        chosen = run[np.array(list(itertools.combinations(range(len(run)), SUBSET)))]
        own = chosen.var(axis=1, ddof=1)
        df = prior.df + SUBSET - 1
        variance = (prior.df * prior.variance + (SUBSET - 1) * own) / df
        errors = np.sqrt(variance * (1 / SUBSET - 1 / len(run)))
        rates.append(float(np.mean(np.abs(chosen.mean(axis=1) - run.mean()) > stats.t.ppf(1 - level / 2, df) * errors)))
    return float(np.mean(rates))
