"""The noise that comes with the program: sixteen seeds of three of the quickstart's arms, as ``noise.json``.

Runs ``noise.yaml``, or takes the finished run folder that ``--from`` names, and writes from its item records the table
behind `assay.analyze.noise`. The figures are, for every declared metric, the standard deviation over seeds of one
paired difference (`sd_…`) and the smallest effect that the quickstart's three seeds will be able to see in it
(`smallest_…`). `found` is the share in which studies of three of the sixteen seeds, their real records shifted so that
the true effect is the smallest one, find it by the test of the report: 0.80 is what was promised.
"""

import argparse
import datetime
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from _record import record
from assay.analyze.effects import Sample, combine, task_part
from assay.analyze.measured import SHIPPED, Noise, measure
from assay.analyze.noise import smallest_effects
from assay.analyze.records import VALUE_OF, read_records
from assay.analyze.results import load_design, load_items
from assay.study.design import Metric
from assay.study.plan import plan_study

STUDY = Path(__file__).parent / "noise.yaml"
OUT = Path("runs/noise")
TRIPLES = 200


def main() -> None:
    """Run, write the table and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="folder", type=Path, help="a finished run folder of noise.yaml")
    folder = parser.parse_args().folder
    if folder is None:
        folder = OUT
        subprocess.run([sys.executable, "-m", "assay", "run", str(STUDY), "--out", str(folder)], check=True)
    plan = plan_study(str(STUDY))
    if (load_design(folder).arms, load_design(folder).seeds) != (plan.design.arms, plan.design.seeds):
        sys.exit(f"{folder} is no run of {STUDY}")
    spec = plan.study.spec
    (noise,) = measure(folder, spec.corpus, spec.tokenizer)
    noise = noise.model_copy(update={"date": datetime.date.today().isoformat()})
    text = json.dumps([noise.model_dump()], indent=1, ensure_ascii=False)
    numbers = re.compile(r"\[\s+(-?[\d.][^\[\]{}]*?)\s+\]")
    SHIPPED.write_text(numbers.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n", encoding="utf-8")

    quickstart = plan_study("quickstart")
    smallest = smallest_effects(quickstart)
    declared = [metric for metric in quickstart.design.metrics if metric.declared]
    pair = noise.pairs[0]
    wanted = f"{pair.b} vs {pair.a}"
    figures: dict[str, float | int | str | None] = {"seeds": noise.seeds, "pair": wanted}
    for metric in declared:
        spreads = pair.spreads[metric.measure]
        by_seed = np.mean([spreads[task].by_seed for task in metric.tasks], axis=0)
        figures[f"sd_{metric.id}"] = float(by_seed.std(ddof=1))
        figures[f"smallest_{metric.id}"] = smallest[wanted, noise.size, metric.id]
    figures["found"] = found(folder, noise, declared, smallest)
    record("noise", figures)


def found(
    folder: Path, noise: Noise, metrics: Sequence[Metric], smallest: Mapping[tuple[str, str, str], float | None]
) -> float:
    """Share of random triples of the seeds that find the effect promised to three seeds."""
    rng = np.random.default_rng(0)
    design = load_design(folder)
    blocks = read_records(design, load_items(folder)).blocks
    triples = [rng.choice(len(design.seeds), 3, replace=False) for _ in range(TRIPLES)]
    hits = []
    for pair, metric in itertools.product(noise.pairs, metrics):
        promised = smallest.get((f"{pair.b} vs {pair.a}", noise.size, metric.id))
        if promised is None:
            continue
        samples = []
        for task in metric.tasks:
            block = blocks[noise.size, task]
            b, a = (block.values[VALUE_OF[metric.measure]][design.arms.index(name)] for name in (pair.b, pair.a))
            ratio = block.bytes if metric.measure == "bits_per_byte" else None
            samples.append(Sample(b - a, block.clusters, ratio))
        truth = combine([task_part(sample) for sample in samples]).value
        for triple in triples:
            study = combine([task_part(replace(sample, values=sample.values[triple])) for sample in samples])
            low, high = study.interval() or (0.0, 0.0)
            hits.append(not low <= truth - promised <= high)
    return float(np.mean(hits))


if __name__ == "__main__":
    main()
