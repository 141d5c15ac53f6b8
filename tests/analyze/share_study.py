"""A run folder of six shares of code at three sizes, drawn from a known curve: small, and with a known best share."""

import json
from pathlib import Path

import numpy as np
import planted
import pyarrow as pa
import pyarrow.parquet as pq

from assay.study.design import Contrast, Design, Metric, Task

SHARES = (0, 25, 50, 75, 90, 100)
BEST = 0.4
SIZES = {"1M": 1_800_000, "5M": 6_000_000, "15M": 17_000_000}
ITEMS = 30


def share_design(sizes: tuple[str, ...] = ("1M", "5M", "15M"), seeds: int = 3) -> Design:
    """Trend and pairs over the shares; held-out text and code declared."""
    arms = tuple(f"share-{share}" for share in SHARES)
    names = ("heldout_text", "heldout_code")
    values = np.array(SHARES, dtype=float)
    weights = (values - values.mean()) / np.square(values - values.mean()).sum()
    trend = Contrast(
        id="trend of share-{code} over code", family="share", kind="trend", factor="share of code", arms=arms,
        weights=tuple(weights.tolist()), a=arms[-1], b=arms[0], confounds=(),
    )  # fmt: skip
    return planted.quickstart_design(seeds).model_copy(
        update={
            "arms": arms,
            "sizes": sizes,
            "parameters": {size: {"body": SIZES[size] - 500_000, "embedding": 500_000} for size in sizes},
            "tasks": tuple(_task(name) for name in names),
            "metrics": tuple(_metric(name) for name in names),
            "families": {"share": "How much code is best from scratch?"},
            "contrasts": (trend, *(planted.pair("share", "share of code", arm, arms[0]) for arm in arms[1:])),
            "primary": None,
        }
    )


def write_shares(folder: Path, design: Design | None = None, seed: int = 0) -> Design:
    """Plan and item records; held-out text is best at `BEST`, held-out code gets better with every share."""
    design = design or share_design()
    rng = np.random.default_rng(seed)
    (folder / "items").mkdir(parents=True)
    for place, size in enumerate(design.sizes):
        for arm in design.arms:
            share = float(arm.removeprefix("share-")) / 100
            for number in design.seeds:
                tables = []
                for task in design.tasks:
                    shift = (share - BEST) ** 2 if task.id == "heldout_text" else 1.2 * (1 - share) ** 2
                    level = 3 - 0.3 * place + shift + rng.normal(0, 0.004)
                    tables.append(_records(design, task.id, arm, size, number, level, rng))
                pq.write_table(pa.concat_tables(tables), folder / "items" / f"{arm}.{size}.s{number}.parquet")
    stages = {
        arm: [{"stage": "main", "mix": _mix(arm), "tokens": 100_000, "schedule": "linear", "moments": "keep"}]
        for arm in design.arms
    }
    plan = {
        "design": design.model_dump(mode="json"),
        "arms": [{"arm": arm, "sizes": list(design.sizes), "stages": stages[arm]} for arm in design.arms],
    }
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    return design


def _mix(arm: str) -> dict[str, float]:
    share = float(arm.removeprefix("share-")) / 100
    return {name: part for name, part in (("text", 1 - share), ("code", share)) if part}


def _task(name: str) -> Task:
    return Task(id=name, title=name, category="held-out", version=1, n_items=ITEMS, chance=None)


def _metric(name: str) -> Metric:
    return planted.metric(name, f"Held-out {name[8:]}", "held-out", [name], "bits_per_byte", declared=True)


def _records(
    design: Design, task: str, arm: str, size: str, seed: int, level: float, rng: np.random.Generator
) -> pa.Table:
    difficulty = np.random.default_rng(len(task)).normal(0, 0.3, ITEMS)
    bits = (level + difficulty + rng.normal(0, 0.01, ITEMS)) * 100
    table = planted._table(
        design.model_copy(update={"sizes": (size,)}),
        _task(task),
        arm,
        seed,
        bits=bits,
        answer_bytes=np.full(ITEMS, 100),
        gold=np.zeros(ITEMS, dtype=np.int64),
        right=np.zeros(ITEMS, dtype=np.bool_),
        rng=rng,
        choices=None,
    )
    place = table.column_names.index("checkpoint")
    return table.set_column(place, "checkpoint", pa.array([f"{arm}:{size}:{seed}"] * ITEMS))
