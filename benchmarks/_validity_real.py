"""A against A on real trainings: sixteen seeds of six arms, three against three.

Of one arm, six seeds are drawn and tested three against three, as pairs and unpaired: there is no effect to find. Of
two arms that grow from one trunk, the differences are drawn instead. All draws are from the same sixteen seeds, so the
rates are known to about one percent.
"""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from assay.analyze.effects import Estimate, Sample, combine, task_part
from assay.analyze.measured import read_shipped
from assay.analyze.records import Floats
from assay.analyze.steady import HOLDS, null_rate
from assay.analyze.unpaired import UnpairedSample, combine_unpaired

ARMS = Path(__file__).parent / "noise_arms.json"
FORKS = [
    ("balanced-text.cool20", "balanced-text.decay"),
    ("balanced-text.cool20", "balanced-text.none"),
    ("balanced-text.decay", "balanced-text.none"),
    ("text.cool20", "text.decay"),
]
SPLITS = 100
"""Of each arm and task."""


def extract(folder: Path) -> dict[str, dict[str, list[float]]]:
    """Bits per byte by arm, task and seed, from a finished run."""
    keys = ["arm", "task", "seed"]
    items = pq.read_table(folder / "items", columns=[*keys, "gold_bits", "gold_bytes"])
    found: dict[str, dict[str, list[float]]] = {}
    for row in (
        items.group_by(keys)
        .aggregate([("gold_bits", "sum"), ("gold_bytes", "sum")])
        .sort_by([(key, "ascending") for key in keys])
        .to_pylist()
    ):
        value = float(f"{row['gold_bits_sum'] / row['gold_bytes_sum']:.6g}")
        found.setdefault(row["arm"], {}).setdefault(row["task"], []).append(value)
    return found


def figures() -> dict[str, float | int | str | None]:
    """False positives at 5 %."""
    arms: Mapping[str, Mapping[str, list[float]]] = json.loads(ARMS.read_text(encoding="utf-8"))
    alone = [np.array(values) for tasks in arms.values() for values in tasks.values()]
    forked = [np.subtract(arms[a][task], arms[b][task]) for a, b in FORKS for task in arms[a]]
    rng = np.random.default_rng(4)
    (noise,) = read_shipped()
    steadied = {
        f"{measure} {task}": null_rate(noise, [task], measure)
        for measure in ("bits_per_byte", "accuracy")
        for task in noise.pairs[0].spreads[measure]
    }
    kept = [rate for rate in steadied.values() if rate is not None and rate <= HOLDS]
    return {
        "aa_real": _rate(alone, rng, paired=True),
        "aa_real_unpaired": _rate(alone, rng, paired=False),
        "aa_real_forked": _rate(forked, rng, paired=True),
        "aa_real_splits": SPLITS * len(alone),
        "aa_real_steadied": float(np.mean(kept)),
        "steadied_metrics": len(kept),
        "refused_metrics": len(steadied) - len(kept),
    }


def _rate(runs: list[Floats], rng: np.random.Generator, *, paired: bool) -> float:
    hits = []
    for run, _ in itertools.product(runs, range(SPLITS)):
        drawn = run[rng.permutation(len(run))[:6]]
        found = _paired(drawn) if paired else _unpaired(drawn)
        hits.append(found.p is not None and found.p < 0.05)
    return float(np.mean(hits))


def _paired(drawn: Floats) -> Estimate:
    return combine([task_part(Sample((drawn[:3] - drawn[3:])[:, None], _ONE))])


def _unpaired(drawn: Floats) -> Estimate:
    return combine_unpaired([UnpairedSample([drawn[:3, None], -drawn[3:, None]], _ONE)])


_ONE: Any = np.zeros(1, dtype=np.int64)
