"""How much of what a seed does to an arm goes with whether its model has learned to copy from its context.

``python benchmarks/copying.py [RECORDS]`` reads the item records of a finished study that has the copying probe,
``benchmarks/records/to-code`` by default. Each trained model's accuracy on the probe and its declared bits per byte are
taken as deviations from their arm's mean over seeds, so that no difference between arms enters: ``METRIC_r`` is their
correlation, ``METRIC_slope`` the bits per byte that go with copying 0 → 1, ``METRIC_share`` how much of the variance
over seeds a line explains, ``METRIC_sd`` that variance's root. ``SKILL_ARM`` is the accuracy in each seed; guessing
gets 0.25. Arms that share a trunk are not independent. Looked for after the fact: it describes these trainings and
tests nothing.
"""

import argparse
from pathlib import Path

import numpy as np

from _record import record
from assay.analyze.estimator import Estimator
from assay.analyze.records import Floats, read_records
from assay.analyze.results import load_design, load_items
from assay.study.design import Measure

RECORDS = Path("benchmarks/records/to-code")
SKILLS = {"copying": "probes_copying", "induction": "probes_induction", "sciq": "sciq"}


def main() -> None:
    """Compute and record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("records", nargs="?", type=Path, default=RECORDS)
    folder = parser.parse_args().records
    design = load_design(folder)
    estimator = Estimator(design, read_records(design, load_items(folder)))
    (size,) = design.sizes

    def by_seed(tasks: tuple[str, ...], measure: Measure) -> Floats:
        """float64 [arms, seeds], the mean over tasks."""
        return np.array(
            [
                np.mean([part.by_seed for part in estimator.parts(size, (arm,), (1.0,), tasks, measure)], axis=0)
                for arm in design.arms
            ]
        )

    copying = by_seed((SKILLS["copying"],), "accuracy")
    there = copying - copying.mean(axis=1, keepdims=True)
    figures: dict[str, float | str] = {"models": copying.size, "arms": len(design.arms), "seeds": len(design.seeds)}
    for metric in design.metrics:
        if not metric.declared:
            continue
        values = by_seed(metric.tasks, metric.measure)
        rest = values - values.mean(axis=1, keepdims=True)
        r = float(np.corrcoef(there.ravel(), rest.ravel())[0, 1])
        name = metric.category.replace("-", "_")
        figures |= {
            f"{name}_r": round(r, 2),
            f"{name}_share": round(r**2, 2),
            f"{name}_slope": round(float((there * rest).sum() / (there**2).sum()), 3),
            f"{name}_sd": round(float(np.sqrt(rest.var(axis=1, ddof=1).mean())), 3),
        }
    for skill, task in SKILLS.items():
        for arm, values in zip(design.arms, by_seed((task,), "accuracy"), strict=True):
            figures[f"{skill}_{arm}"] = " ".join(f"{value:.2f}" for value in values)
    record("copying", figures)


if __name__ == "__main__":
    main()
