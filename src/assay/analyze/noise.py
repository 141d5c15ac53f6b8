"""What a study will be able to see, before it is run: from noise measured on arms like its own.

A planned contrast takes the spreads of the measured pair of arms most like its two, for its own number of seeds and
items. On another corpus, tokenizer or size, and for arms that are four times as long or share less than half of their
tokens' ingredients, the noise is unknown. Learning rate, batch and the length of held-out documents are not compared.

For a metric over T tasks, measured with S₀ seeds, n_t items and the terms var(d), I_t and E_t of
`assay.analyze.effects`, a study of S seeds and m_t items has in expectation

    interaction  E'_t = E_t · S₀ n_t / (S m_t)
    items        I'_t = max(0, I_t − E_t) · n_t / m_t + E'_t
    seeds        A'   = max(0, var(d) − S₀ Σ E_t / T²) / S + Σ E'_t / T²

and the effect's true variance is A' + Σ (I'_t − E'_t) / T². For a trend all of it counts Σ weight² / 2 times, as if
each of its arms were as unlike every other as the pair is.

The test takes the wider of two intervals, so it finds an effect less often than either would, and the formula for a
single t test promises too much. Here the power is that of the test: its width comes from `assay.analyze.effects`
itself, over the distribution of the seeds' spread, with the items' terms at their expectation.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.analyze.measured import MeasuredPair, Noise, measure, read_shipped, trained_arms
from assay.study.design import Metric, Task
from assay.study.plan import Plan, plan_record

if TYPE_CHECKING:
    from assay.analyze.effects import Part

NODES = 24
"""Points of the quadrature over the seeds' spread: the smallest effect is right to about 1 %."""


def smallest_effects(plan: Plan, pilot: Path | None = None) -> dict[tuple[str, str, str], float | None]:
    """The smallest effect that each contrast finds with 80 % power at 5 %, before correction for many questions.

    Args:
        plan: The study.
        pilot: A finished run folder whose noise is taken instead of the shipped; it counts as being of the plan's
            corpus and tokenizer.

    Returns:
        By (contrast, size, declared metric), in units of the metric; None where the noise is unknown, and where there
        is one seed, which can tell nothing.

    Raises:
        InputError: The pilot is no finished run folder.
    """
    known = _known(plan, pilot)
    planned = trained_arms(plan_record(plan, ""))
    tasks = {task.id: task for task in plan.design.tasks}
    seeds = len(plan.design.seeds)
    made: dict[tuple[object, ...], float | None] = {}
    found: dict[tuple[str, str, str], float | None] = {}
    declared = [metric for metric in plan.design.metrics if metric.declared]
    asked = [(contrast, size) for contrast in plan.design.contrasts for size in contrast.sizes or plan.design.sizes]
    for contrast, size in asked:
        noise = known.get(size)
        pair = noise.like(contrast.a, contrast.b, planned) if noise else None
        times = sum(weight**2 for weight in contrast.weights) / 2
        for metric in declared:
            if noise is None or pair is None or seeds < 2:
                found[contrast.id, size, metric.id] = None
                continue
            key = (size, pair.a, pair.b, times, metric.id)
            if key not in made:
                made[key] = _smallest(noise, pair, times, metric, tasks, seeds)
            found[contrast.id, size, metric.id] = made[key]
    return found


def noise_source(plan: Plan, pilot: Path | None = None) -> str:
    """Where the noise came from and how well it is known, in a sentence or three.

    Raises:
        InputError: The pilot is no finished run folder.
    """
    if len(plan.design.seeds) < 2:
        return "One seed has no spread, hence no interval: no effect of any size could be told."
    known = _known(plan, pilot)
    missing = ", ".join(size for size in plan.design.sizes if size not in known)
    if not known:
        place = str(pilot) if pilot else f"{plan.study.spec.corpus} with {plan.study.spec.tokenizer}"
        return f"No noise was measured on {place} at {missing} with arms like these."
    from scipy import stats

    noise = next(iter(known.values()))
    names = dict.fromkeys(name for pair in noise.pairs for name in (pair.a, pair.b))
    free = noise.seeds - 1
    low, high = ((free / stats.chi2.ppf(tail, free)) ** 0.5 for tail in (0.975, 0.025))
    text = (
        f"Noise measured at {', '.join(known)} with {noise.seeds} seeds of "
        f"{', '.join(names) if len(names) < 5 else f'{len(names)} arms'}"
        f"{f' in {pilot}' if pilot else ''}; each contrast takes that of the pair most like its own arms. From so many "
        f"seeds a spread is known to within a factor of {low:.2f} to {high:.2f} (95 %)."
    )
    return f"{text} At {missing} it is unknown." if missing else text


def detectable(parts: Sequence["Part"], seeds_variance: float, seeds: int) -> float | None:
    """The effect that `assay.analyze.effects.combine` finds with 80 % power where its terms have these expectations.

    Args:
        parts: The item terms, one a task; ``by_seed`` is not looked at.
        seeds_variance: Variance over seeds of the mean over tasks.
        seeds: How many there are, at least two.

    Returns:
        In units of the metric; None where nothing varies.
    """
    import numpy as np
    from scipy import optimize, special, stats

    from assay.analyze.effects import combine
    from assay.analyze.power import ALPHA, POWER

    within = sum(part.items - part.interaction for part in parts) / len(parts) ** 2
    error = math.sqrt(seeds_variance / seeds + within)
    if error == 0:
        return None
    pattern = np.arange(seeds) - (seeds - 1) / 2
    pattern /= pattern.std(ddof=1)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    drawn = seeds_variance * stats.chi2.ppf((nodes + 1) / 2, seeds - 1) / (seeds - 1)
    halves = []
    for variance in drawn:
        estimate = combine([replace(part, by_seed=pattern * variance**0.5) for part in parts])
        low, high = estimate.interval(1 - ALPHA) or (0.0, 0.0)
        halves.append((high - low) / 2 / error)
    bars = np.array(halves)

    def short(ratio: float) -> float:
        return POWER - float(weights @ (special.ndtr(ratio - bars) + special.ndtr(-ratio - bars))) / 2

    return error * float(optimize.brentq(short, 0, bars.max() + 4, xtol=1e-6))


def _known(plan: Plan, pilot: Path | None) -> dict[str, Noise]:
    """The noise at each size of the plan where there is any for arms like those of one of its contrasts."""
    spec = plan.study.spec
    wanted = [(contrast.a, contrast.b) for contrast in plan.design.contrasts]
    planned = trained_arms(plan_record(plan, ""))
    if pilot is None:
        measured = [
            noise for noise in read_shipped() if (noise.corpus, noise.tokenizer) == (spec.corpus, spec.tokenizer)
        ]
    else:
        measured = measure(pilot, spec.corpus, spec.tokenizer, wanted, planned)
    by_size = {noise.size: noise for noise in measured if any(noise.like(a, b, planned) for a, b in wanted)}
    return {size: by_size[size] for size in plan.design.sizes if size in by_size}


def _smallest(
    noise: Noise, pair: MeasuredPair, times: float, metric: Metric, tasks: Mapping[str, Task], seeds: int
) -> float | None:
    """The module's formulas for one metric; ``times`` is Σ weight² / 2."""
    import numpy as np

    from assay.analyze.effects import Part

    spreads = pair.spreads.get(metric.measure, {})
    if any(name not in spreads or noise.tasks[name].version != tasks[name].version for name in metric.tasks):
        return None
    share = 1 / len(metric.tasks) ** 2
    by_seed = np.mean([spreads[name].by_seed for name in metric.tasks], axis=0)
    seeds_variance = float(by_seed.var(ddof=1))
    parts = []
    for name in metric.tasks:
        spread = spreads[name]
        items = tasks[name].n_items
        if spread.n_items < noise.tasks[name].limit:
            items = min(items, spread.n_items)
        fewer = spread.n_items / items
        of_seeds = len(spread.by_seed)
        interaction = times * spread.interaction * fewer * of_seeds / seeds
        parts.append(
            Part(
                by_seed=np.zeros(seeds),
                items=times * max(0.0, spread.items - spread.interaction) * fewer + interaction,
                interaction=interaction,
                n_items=items,
                n_clusters=max(1, round(spread.n_clusters / fewer)),
            )
        )
        seeds_variance -= share * of_seeds * spread.interaction
    between = times * max(0.0, seeds_variance) + seeds * share * sum(part.interaction for part in parts)
    return detectable(parts, between, seeds)
