"""What a study will be able to see, before it is run: from noise measured on arms like its own.

A planned contrast takes the spreads of the measured pair of arms most like its two, for its own number of seeds and
items. On another corpus, tokenizer or size, and for arms that are four times as long or share less than half of their
tokens' ingredients, the noise is unknown. Learning rate, batch and the length of held-out documents are not compared.

The variance over seeds that the pair gives at the study's numbers of items is that of
`assay.analyze.steady.variance_of`; for a trend it counts Σ weight² / 2 times, as if each of its arms were as unlike
every other as the pair is. The power is that of the paired t test over the study's seeds. The table's spread is itself
a guess from its seeds, so the effect named is found with 80 % power over what the true spread may be, as in
`assay.analyze.power`.
"""

from collections.abc import Mapping
from pathlib import Path

from assay.analyze.measured import MeasuredPair, Noise, measure, read_shipped, trained_arms
from assay.study.design import Metric, Task
from assay.study.plan import Plan, plan_record


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
        pair = noise.like(*contrast.pairs[0], planned) if noise else None
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


def _known(plan: Plan, pilot: Path | None) -> dict[str, Noise]:
    """The noise at each size of the plan where there is any for arms like those of one of its contrasts."""
    spec = plan.study.spec
    wanted = [pair for contrast in plan.design.contrasts for pair in contrast.pairs]
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
    """The module's formula for one metric; ``times`` is Σ weight² / 2."""
    from assay.analyze.power import detectable_ratio
    from assay.analyze.steady import variance_of

    variance = variance_of(noise, pair, metric.measure, [tasks[name] for name in metric.tasks])
    if not variance:
        return None
    measured = len(next(iter(pair.spreads[metric.measure].values())).by_seed)
    return float((times * variance / seeds) ** 0.5 * detectable_ratio(float(seeds - 1), known=float(measured - 1)))
