"""A contrast's variance over seeds, steadied by what a noise table knows of such differences.

Three seeds know their spread to within a factor of six. A table of differences measured over many seeds tells where
such spreads lie and how much they differ from contrast to contrast: a scaled inverse χ² with variance s₀² and d₀
degrees of freedom, fitted to the table's pairs by the moments of the logarithms (Smyth 2004, Statistical Applications
in Genetics and Molecular Biology 3(1), 3). A contrast's spread is then (d₀ s₀² + (S − 1) s²) / (d₀ + S − 1).

It is an option, since it takes a contrast to be one like the table's. And it is used only where A against A holds with
it: for every pair of the table, the prior is fitted to the pairs that share no arm with it (to all others, where those
are too few), and each choice of three of its seeds is tested against the mean of all of them. Where more than 5.6 % are
rejected at 5 %, the metric's variances stay their own. Nothing here says that the table's learning rate, lengths or
mixes are the study's: whoever asks for it vouches for that, and the results say so.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import optimize, special

from assay.analyze.effects import Prior
from assay.analyze.measured import MeasuredPair, MeasuredTask, Noise, read_shipped, trained_arms
from assay.analyze.records import Floats
from assay.errors import InputError
from assay.study.design import Measure, Metric, Task

HOLDS = 0.056
"""Most of true nulls that may be rejected at 5 %."""
SUBSET = 3
FEWEST_PAIRS = 4
_NONE = MeasuredTask(version=-1, limit=0)


@dataclass(frozen=True, slots=True)
class Lent:
    """What a table says of one metric."""

    prior: Prior | None
    """Of a pair's difference; None where the table lends nothing."""
    null_rate: float | None
    """True nulls of the table that are rejected at 5 % with it; None where it cannot be tried."""
    why: str | None
    """Why it lends nothing."""


@dataclass(frozen=True)
class SteadyByTable:
    """The priors that one or more noise tables give."""

    noise: Mapping[str, Noise]
    """By size."""
    tasks: Mapping[str, Task]
    """The study's, by id."""
    lengths: tuple[int, int] | None = None
    """Tokens of the study's shortest and longest arm."""
    _made: dict[tuple[str, tuple[str, ...], Measure], Lent] = field(default_factory=dict, repr=False)

    def prior(self, size: str, weights: Sequence[float], tasks: Sequence[str], measure: Measure) -> Prior | None:
        """What the table of this size says of a contrast on these tasks; None where it says nothing, or A/A fails."""
        found = self.lent(size, tasks, measure).prior
        times = sum(weight**2 for weight in weights) / 2
        return None if found is None else Prior(found.variance * times, found.df)

    def lent(self, size: str, tasks: Sequence[str], measure: Measure) -> Lent:
        """What the table of this size says of a pair's difference on these tasks."""
        key = (size, tuple(tasks), measure)
        if key not in self._made:
            self._made[key] = self._fitted(size, tasks, measure)
        return self._made[key]

    def told(self, sizes: Sequence[str], metrics: Sequence[Metric]) -> dict[str, Any]:
        """What ``results.json`` says of it: which metrics, by what table, and who vouches for that.

        Returns:
            ``tables`` (a row a size: ``size``, ``corpus``, ``tokenizer``, ``numerics``, ``date``, ``seeds``, ``arms``,
            ``tokens`` of its shortest and longest arm), ``lengths`` (those of the study's), and ``metrics``: ``size``,
            ``metric``, ``declared``, ``df`` (what the table lends to a paired contrast; null where it lends nothing),
            ``null_rate`` and ``why``.
        """
        tables = [
            {
                **{name: getattr(table, name) for name in ("size", "corpus", "tokenizer", "numerics", "date", "seeds")},
                "arms": len(table.arms),
                "tokens": [end(arm.tokens for arm in table.arms.values()) for end in (min, max)],
            }
            for table in (self.noise[size] for size in sizes if size in self.noise)
        ]
        rows = []
        for size in sizes:
            for metric in metrics:
                found = self.lent(size, metric.tasks, metric.measure)
                told = {"size": size, "metric": metric.id, "declared": metric.declared}
                df = None if found.prior is None else found.prior.df
                rows.append({**told, "df": df, "null_rate": found.null_rate, "why": found.why})
        return {"tables": tables, "lengths": list(self.lengths) if self.lengths else None, "metrics": rows}

    def _fitted(self, size: str, tasks: Sequence[str], measure: Measure) -> Lent:
        noise = self.noise.get(size)
        if noise is None:
            return Lent(None, None, f"no table is of {size}")
        unlike = [
            name
            for name in tasks
            if name not in self.tasks or noise.tasks.get(name, _NONE).version != self.tasks[name].version
        ]
        if unlike:
            return Lent(None, None, f"the table has not measured {', '.join(unlike)} in this version")
        found = [variance_of(noise, pair, measure, [self.tasks[name] for name in tasks]) for pair in noise.pairs]
        variances = [one for one in found if one is not None and one > 0]
        rate = null_rate(noise, tasks, measure)
        if len(variances) < FEWEST_PAIRS or rate is None:
            return Lent(None, rate, "too few of the table's pairs of arms differ in it from seed to seed")
        if rate > HOLDS:
            return Lent(None, rate, f"A/A fails: {100 * rate:.1f} % of the table's true nulls are rejected at 5 %")
        return Lent(fit(variances, noise.seeds - 1), rate, None)


def shipped_for(folder: Path) -> SteadyByTable:
    """The tables that come with the program, for the study of a run folder.

    Args:
        folder: Holds ``plan.json``.

    Raises:
        InputError: The folder is no run folder, no table is of any of its sizes; or no metric of it can be steadied.
    """
    from assay.analyze.results import load_design

    design = load_design(folder)
    shipped = read_shipped()
    noise = {table.size: table for table in shipped if table.size in design.sizes}
    if not noise:
        there = ", ".join(f"{table.size} (corpus {table.corpus}, tokenizer {table.tokenizer})" for table in shipped)
        raise InputError(
            f"no table of noise is of this study's size, {', '.join(design.sizes)}; there is one of {there}. "
            "Without --steady each contrast keeps its own variance"
        )
    arms = trained_arms({"arms": json.loads((folder / "plan.json").read_text(encoding="utf-8")).get("arms", [])})
    tokens = [arm.tokens for arm in arms.values()]
    found = SteadyByTable(
        noise, {task.id: task for task in design.tasks}, (min(tokens), max(tokens)) if tokens else None
    )
    lent = [found.lent(size, metric.tasks, metric.measure) for size in noise for metric in design.metrics]
    if not any(one.prior for one in lent):
        reasons = "; ".join(dict.fromkeys(one.why for one in lent if one.why))
        raise InputError(
            f"the table of noise at {', '.join(noise)} can steady none of this study's metrics: {reasons}. "
            "Without --steady each contrast keeps its own variance"
        )
    return found


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
        t = special.stdtrit(df, 1 - level / 2)
        rates.append(float(np.mean(np.abs(chosen.mean(axis=1) - run.mean()) > t * errors)))
    return float(np.mean(rates))
