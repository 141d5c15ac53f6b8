"""How much one learning rate for all mixes favours one of them: ``learning_rate.yaml`` at ½, 1 and 2 times the rate.

Three seeds of text, balanced and code at 1M, with the quickstart's lengths and settings: 27 trainings, ten minutes on
two cores; what is in the store is not made again. Writes the table behind `assay.study.learning_rate`. The figures:
`own_MIX_xFACTOR` is the mean over seeds of the held-out bits per byte on the mix's own ingredients, weighted by its
shares, `sd_…` their standard deviation, and `best_MIX` the factor with the lowest mean. `moves_A-B_on_SET_xFACTOR` is
how far the difference of two mixes moves when both are trained at that factor of the rate instead of at the rate, and
`moves_A-B_on_SET_tuned` when each is trained at its own best; `sd_…` is again over seeds, which pair all of these.
"""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev

from _record import record
from assay.analyze.records import read_records
from assay.analyze.results import load_design, load_items
from assay.model.sizes import SIZES
from assay.study.learning_rate import SHIPPED, RateSensitivity
from assay.study.plan import HELDOUT, Plan, plan_study
from assay.study.resolve import MILLION

STUDY = Path(__file__).parent / "learning_rate.yaml"
OUT = Path("runs/learning_rate")
FACTORS = (0.5, 1.0, 2.0)


def main() -> None:
    """Run, write the table and record."""
    plan = plan_study(str(STUDY))
    (size,) = plan.study.spec.sizes
    folders = {}
    for factor in FACTORS:
        folders[factor] = OUT / f"x{factor:g}"
        rate = f"train.learning_rate={factor * SIZES[size].learning_rate:g}"
        command = [sys.executable, "-m", "assay", "run", str(STUDY), "--set", rate, "--out", str(folders[factor])]
        subprocess.run(command, check=True)
    found = measured(plan, folders)
    text = json.dumps([found.model_dump(mode="json")], indent=1)
    numbers = re.compile(r"\[\s+(-?[\d.][^\[\]{}]*?)\s+\]")
    SHIPPED.write_text(numbers.sub(lambda each: f"[{' '.join(each[1].split())}]", text) + "\n", encoding="utf-8")
    record("learning_rate", figures(found))


def measured(plan: Plan, folders: Mapping[float, Path]) -> RateSensitivity:
    """The table, out of finished run folders by factor of the learning rate."""
    study, spec = plan.study, plan.study.spec
    (size,) = spec.sizes
    heldout: dict[str, dict[float, dict[str, list[float]]]] = {arm.name: {} for arm in study.arms}
    for factor, folder in folders.items():
        design = load_design(folder)
        blocks = read_records(design, load_items(folder)).blocks
        for place, arm in enumerate(design.arms):
            heldout[arm][factor] = {}
            for name in spec.evaluate.heldout:
                block = blocks[size, HELDOUT + name]
                values = block.values["gold_bits"][place].sum(axis=1) / block.bytes.sum()
                heldout[arm][factor][name] = [round(float(value), 5) for value in values]
    (tokens,) = {arm.steps * study.tokens_per_step for arm in study.arms}
    return RateSensitivity(
        corpus=spec.corpus,
        tokenizer=spec.tokenizer,
        size=size,
        optimizer=spec.train.optimizer,
        tokens_per_step=study.tokens_per_step,
        tokens=tokens,
        learning_rate=SIZES[size].learning_rate,
        mixes={arm.name: {name: share / MILLION for name, share in arm.stages[0].mix} for arm in study.arms},
        heldout=heldout,
    )


def figures(found: RateSensitivity) -> dict[str, float | int | str | None]:
    """What the table says."""
    told: dict[str, float | int | str | None] = {
        "seeds": len(found.own(next(iter(found.mixes)), 1.0)),
        "learning_rate": found.learning_rate,
    }
    for mix in found.mixes:
        told[f"best_{mix}"] = found.best(mix)
        for factor in FACTORS:
            told[f"own_{mix}_x{factor:g}"] = fmean(found.own(mix, factor))
            told[f"sd_own_{mix}_x{factor:g}"] = stdev(found.own(mix, factor))
    for a, b in itertools.combinations(found.mixes, 2):
        for name in found.heldout[a][1.0]:
            ways = {f"x{factor:g}": (factor, factor) for factor in FACTORS if factor != 1}
            ways["tuned"] = (found.best(a), found.best(b))
            for way, factors in ways.items():
                moved = found.moved(a, b, factors, name)
                told[f"moves_{a}-{b}_on_{name}_{way}"] = fmean(moved)
                told[f"sd_moves_{a}-{b}_on_{name}_{way}"] = stdev(moved)
    return told


if __name__ == "__main__":
    main()
