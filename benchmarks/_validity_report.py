"""What a report on a large study takes: seconds, memory, and how big the page is.

The study is drawn from a stated model and laid out as a run leaves it: by default 200 arms of 3 seeds with 100,000 item
records each (all seeds together), 12 tasks, every arm against the first. An item's bits are its length times 3 +
N(0, 0.5) for its difficulty + N(0, 0.04) for arm and item + N(0, 0.02) for the arm + N(0, 0.02) for the seed +
N(0, 0.1); answers are right as often as by guessing. The report is made by a program of its own, whose peak of memory
is its own.
"""

import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.study.design import Contrast, Design, Measure, Metric, Task

ARMS, SEEDS, RECORDS = 200, 3, 100_000
TASKS = {
    "heldout_text": ("held-out", None), "heldout_code": ("held-out", None), "triviaqa": ("knowledge", None),
    "nq_open": ("knowledge", None), "hellaswag": ("reasoning", 0.25), "piqa": ("reasoning", 0.5),
    "arc_easy": ("reasoning", 0.25), "winogrande": ("reasoning", 0.5), "copa": ("reasoning", 0.5),
    "sciq": ("reasoning", 0.25), "humaneval": ("code", None), "mbpp": ("code", None),
}  # fmt: skip
FILE = """
import resource, sys, time
from pathlib import Path
begin = time.process_time(), time.perf_counter()
from assay.report.page import write_report
write_report(Path(sys.argv[1]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(time.process_time() - begin[0], time.perf_counter() - begin[1], peak)
"""


def figures(
    folder: Path | None = None, arms: int = ARMS, records: int = RECORDS
) -> dict[str, float | int | str | None]:
    """The report's seconds (of processor and of clock), gigabytes and the page's megabytes.

    Args:
        folder: Where the study is laid out and kept; files that are there are not made again. None: a passing one.
        arms: How many.
        records: Of an arm.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = folder or Path(place)
        make_run(folder, arms, records)
        done = subprocess.run([sys.executable, "-c", FILE, str(folder)], capture_output=True, text=True, check=True)
        processor, clock, peak = (float(word) for word in done.stdout.split())
        return {
            "report_records": arms * records,
            f"report_seconds_{arms}_arms": processor,
            "report_clock_seconds": clock,
            "report_peak_gb": peak / 1e6,
            f"page_mb_{arms}_arms": (folder / "report.html").stat().st_size / 1e6,
            "results_mb": (folder / "results.json").stat().st_size / 1e6,
        }


def make_run(folder: Path, arms: int, records: int) -> Design:
    """A finished run folder of so many arms with so many item records each."""
    each = records // SEEDS // len(TASKS)
    design = _design(arms, each)
    rng = np.random.default_rng(0)
    (folder / "items").mkdir(parents=True, exist_ok=True)
    difficulty = {name: rng.normal(3, 0.5, each) for name in TASKS}
    sizes = {name: np.maximum(2, rng.gamma(3, 20, each)).astype(np.int32) for name in TASKS}
    gold = {name: rng.integers(0, round(1 / (chance or 1)), each) for name, (_, chance) in TASKS.items()}
    for place, arm in enumerate(design.arms):
        rng = np.random.default_rng([0, place])
        taste = {name: rng.normal(0, 0.04, each) + rng.normal(0, 0.02) for name in TASKS}
        for seed in design.seeds:
            file = folder / "items" / f"{arm}.1M.s{seed}.parquet"
            if not file.exists():
                rng = np.random.default_rng([1, place, seed])
                tables = [
                    _items(arm, seed, name, difficulty[name] + taste[name], sizes[name], gold[name], rng)
                    for name in TASKS
                ]
                aside = file.with_suffix(".part")
                pq.write_table(pa.concat_tables(tables), aside, compression="zstd")
                aside.replace(file)
    stage = {"tokens": 327_680, "schedule": "constant", "moments": "keep"}
    stages = {arm: _mix(place, arms) for place, arm in enumerate(design.arms)}
    plan = {
        "design": design.model_dump(mode="json"),
        "arms": [
            {"arm": arm, "sizes": ["1M"], "stages": [{"stage": "main", "mix": mix, **stage}]}
            for arm, mix in stages.items()
        ],
    }
    ledger = [
        {
            "arm": arm, "size": "1M", "seed": seed, "stage": "main", "ingredient": name, "kind": name,
            "language": "", "declared_share": share, "seen_share": share, "epochs": 0.4,
            "tokens": int(327_680 * share), "cut_tokens": 0,
        }
        for arm, mix in stages.items() for seed in design.seeds for name, share in mix.items()
    ]  # fmt: skip
    curves = [_segment(arm, seed, rng) for arm in design.arms for seed in design.seeds]
    for name, value in (("plan", plan), ("ledger", ledger), ("curves", {"segments": curves})):
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return design


def _mix(place: int, arms: int) -> dict[str, float]:
    code = place / (2 * arms)
    return {"text": 1 - code, "code": code} if code else {"text": 1.0}


def _design(arms: int, each: int) -> Design:
    names = tuple(f"recipe-{place:03d}" for place in range(arms))
    tasks = tuple(
        Task(id=name, title=name, category=category, version=1, n_items=each, chance=chance)
        for name, (category, chance) in TASKS.items()
    )
    of = {one: tuple(name for name in TASKS if TASKS[name][0] == one) for one in ("knowledge", "reasoning", "code")}
    metrics = [_metric(name, (name,), "bits_per_byte") for name in ("heldout_text", "heldout_code")]
    metrics += [_metric(name, some, "bits_per_byte") for name, some in of.items()]
    metrics += [_metric("reasoning", of["reasoning"], "accuracy")]
    metrics += [_metric(name, (name,), "bits_per_byte", False) for name in TASKS if not name.startswith("heldout")]
    chosen: tuple[Measure, ...] = ("accuracy", "margin")
    metrics += [_metric(name, (name,), measure, False) for name in of["reasoning"] for measure in chosen]
    contrasts = tuple(
        Contrast(
            id=f"{name} vs {names[0]}", family="recipes", kind="pair", factor="recipe", arms=(name, names[0]),
            weights=(1.0, -1.0), a=name, b=names[0], confounds=(),
        )
        for name in names[1:]
    )  # fmt: skip
    return Design(
        study="large", question="What does a report on a large study take?", arms=names, sizes=("1M",),
        seeds=tuple(range(SEEDS)), tasks=tasks, metrics=tuple(metrics), families={"recipes": "Which is best?"},
        contrasts=contrasts, primary=None, open_choices=(), tokens={}, notes=(),
        parameters={"1M": {"body": 1_279_616, "embedding": 524_288}},
    )  # fmt: skip


def _metric(name: str, tasks: tuple[str, ...], measure: Measure, declared: bool = True) -> Metric:
    return Metric(
        id=f"{name}/{measure}", title=f"{name}, {measure.replace('_', ' ')}", category=name, tasks=tasks,
        measure=measure, better_is="lower" if measure == "bits_per_byte" else "higher", margin=0.02, declared=declared,
    )  # fmt: skip


def _items(
    arm: str, seed: int, task: str, level: np.ndarray[Any, Any], sizes: np.ndarray[Any, Any],
    gold: np.ndarray[Any, Any], rng: np.random.Generator,
) -> pa.Table:  # fmt: skip
    n, chance = len(sizes), TASKS[task][1]
    bits = np.maximum(0.05, level + rng.normal(0, 0.02) + rng.normal(0, 0.1, n)) * sizes
    choices = round(1 / (chance or 1))
    right = pa.array(rng.random(n) < chance) if chance else pa.nulls(n, pa.bool_())
    same = {
        "checkpoint": f"{arm}:{seed}", "arm": arm, "size": "1M", "stage": "main", "task": task, "format": "default",
        "numerics": "cpu avx512 float32 1 thread native",
    }  # fmt: skip
    names = _names(task, n)
    return pa.table(
        {
            **{column: pa.repeat(value, n) for column, value in same.items()},
            "seed": pa.array([seed] * n, pa.int32()),
            "fork_seed": pa.array([0] * n, pa.int32()),
            "tokens_seen": pa.array([327_680] * n, pa.int64()),
            "task_version": pa.array([1] * n, pa.int32()),
            "item": names,
            "cluster": names,
            "n_choices": pa.array([choices] * n, pa.int16()),
            "gold": pa.array(gold, pa.int16()),
            "logprob": pa.ListArray.from_arrays(
                np.arange(0, (n + 1) * choices, choices, dtype=np.int32), np.repeat(-bits, choices)
            ),
            "correct": right,
            "correct_norm": right,
            "gold_bits": pa.array(bits),
            "gold_bytes": pa.array(sizes),
            "margin": pa.array(rng.normal(0, 0.4, n)) if chance else pa.nulls(n, pa.float64()),
            "samples": pa.nulls(n, pa.int16()),
            "right": pa.nulls(n, pa.float32()),
            "contaminated": pa.array([False] * n),
        }
    )


@cache
def _names(task: str, n: int) -> pa.Array:
    return pa.array([f"{task[:4]}{place:012x}" for place in range(n)])


def _segment(arm: str, seed: int, rng: np.random.Generator) -> dict[str, Any]:
    tokens = [8192 * (step + 1) for step in range(40)]
    held = [
        {"step": step, "tokens": 32_768 * step, "text": 4 - 0.1 * step, "code": 3 - 0.1 * step} for step in range(1, 11)
    ]
    loss = (8 - np.log(np.arange(1, 41)) + rng.normal(0, 0.05, 40)).tolist()
    return {"arms": [arm], "size": "1M", "seed": seed, "path": arm, "tokens": tokens, "loss": loss, "heldout": held}
