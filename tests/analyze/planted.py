"""A run folder as the quickstart leaves it, with item records drawn from known variances.

Effects and spreads are those of a two-core trial: seeds differ by .01 to .08 bits per byte, code by two where it was
seen, every accuracy is at chance. So the statistics and the page can be tested without training anything.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from assay.study.design import Contrast, Design, Measure, Metric, Task

ARMS = (
    "text.decay", "text.cool20", "text.cool0", "balanced.decay", "balanced.cool20", "balanced-text.none",
    "balanced-text.decay", "balanced-text.cool0", "balanced-text.cool20", "code-text.decay", "code-text.cool20",
)  # fmt: skip

TASKS: dict[str, tuple[str, float | None, int, float, float]] = {
    # category, chance, items, mean bits per byte, mean bytes of the gold answer
    "heldout_text": ("held-out", None, 60, 2.3, 2000),
    "heldout_code": ("held-out", None, 60, 2.2, 2000),
    "heldout_markup": ("held-out", None, 40, 2.4, 2000),
    "triviaqa": ("knowledge", None, 250, 4.0, 12),
    "nq_open": ("knowledge", None, 250, 3.9, 14),
    "hellaswag": ("reasoning", 0.25, 250, 2.5, 120),
    "piqa": ("reasoning", 0.5, 250, 2.7, 90),
    "arc_easy": ("reasoning", 0.25, 250, 3.0, 25),
    "boolq": ("reasoning", 0.5, 250, 4.5, 4),
    "cb": ("reasoning", 1 / 3, 56, 4.2, 5),
    "copa": ("reasoning", 0.5, 100, 2.9, 30),
    "winogrande": ("reasoning", 0.5, 250, 2.8, 40),
    "social_iqa": ("reasoning", 1 / 3, 250, 3.1, 25),
    "sciq": ("reasoning", 0.25, 250, 3.3, 15),
    "humaneval": ("code", None, 164, 2.9, 180),
    "mbpp": ("code", None, 250, 4.1, 150),
}

MEASURE_NAMES: dict[Measure, str] = {
    "bits_per_byte": "bits per byte",
    "accuracy": "accuracy",
    "accuracy_norm": "accuracy, length-normalised",
    "margin": "margin of the right choice",
    "answers": "right answers in words",
}


def pair(family: str, factor: str, a: str, b: str, *confounds: str) -> Contrast:
    """A contrast a − b."""
    return Contrast(
        id=f"{a} vs {b}",
        family=family,
        kind="pair",
        factor=factor,
        arms=(a, b),
        weights=(1.0, -1.0),
        a=a,
        b=b,
        confounds=confounds,
    )


def metric(name: str, title: str, category: str, tasks: Sequence[str], measure: Measure, *, declared: bool) -> Metric:
    """A metric with the quickstart's margins."""
    return Metric(
        id=f"{name}/{measure}",
        title=f"{title}, {MEASURE_NAMES[measure]}",
        category=category,
        tasks=tuple(tasks),
        measure=measure,
        better_is="lower" if measure == "bits_per_byte" else "higher",
        margin=0.01 if measure.startswith("accuracy") else 0.02,
        declared=declared,
    )


def quickstart_design(seeds: int = 3) -> Design:
    """The quickstart's design, without the study plane."""
    tasks = tuple(
        Task(id=name, title=name.replace("_", " ").capitalize(), category=category, version=1, n_items=n, chance=chance)
        for name, (category, chance, n, _, _) in TASKS.items()
    )
    of = {group: [name for name in TASKS if TASKS[name][0] == group] for group in ("knowledge", "reasoning", "code")}
    declared = [
        metric(name, f"Held-out {name[8:]}", "held-out", [name], "bits_per_byte", declared=True)
        for name in TASKS
        if name.startswith("heldout_")
    ]
    declared += [
        metric("knowledge", "World knowledge", "knowledge", of["knowledge"], "bits_per_byte", declared=True),
        metric("reasoning", "Reasoning", "reasoning", of["reasoning"], "bits_per_byte", declared=True),
        metric("reasoning", "Reasoning", "reasoning", of["reasoning"], "accuracy", declared=True),
        metric("code", "Code", "code", of["code"], "bits_per_byte", declared=True),
    ]
    exploratory = []
    for task in tasks:
        if task.category != "held-out":
            exploratory.append(metric(task.id, task.title, task.category, [task.id], "bits_per_byte", declared=False))
        if task.chance is not None:
            exploratory.append(metric(task.id, task.title, task.category, [task.id], "accuracy", declared=False))
            exploratory.append(metric(task.id, task.title, task.category, [task.id], "margin", declared=False))
    text_seen = "text tokens seen: 360,448 against 720,896"
    contrasts = [
        pair("initialisation", "initialisation", f"{name}.decay", "text.decay", text_seen)
        for name in ("balanced", "balanced-text", "code-text")
    ]
    endings = [f"balanced-text.{ending}" for ending in ("none", "decay", "cool0", "cool20")]
    contrasts += [
        pair("cooldown", "cooldown", late, early, "total tokens: 720,896 against 655,360")
        for early, late in itertools.combinations(endings, 2)
    ]
    contrasts += [
        pair("recipes", "recipe", f"{name}.cool20", "text.cool20", text_seen)
        for name in ("balanced", "balanced-text", "code-text")
    ]
    contrasts.append(pair("recipes", "recipe", "text.cool0", "balanced-text.cool20", text_seen))
    return Design(
        study="quickstart",
        question="Does code in pre-training help or hurt a small language model?",
        arms=ARMS,
        sizes=("1M",),
        seeds=tuple(range(seeds)),
        tasks=tasks,
        metrics=(*declared, *exploratory),
        families={
            "initialisation": "Does code at the start or throughout change the model?",
            "cooldown": "What does the ending do, and does code in it matter?",
            "recipes": "Which whole recipe is best?",
        },
        contrasts=tuple(contrasts),
        primary="balanced-text.cool20 vs text.cool20",
        open_choices=(
            {"choice": "peak learning rate", "paper": "not stated", "here": "0.004"},
            {"choice": "optimizer state where stages join", "paper": "not stated", "here": "kept"},
        ),
        tokens={"declared": 24 * 327_680, "trained": 9 * 327_680},
        parameters={"1M": {"body": 1_279_616, "embedding": 524_288}},
        notes=("Reasoning is 9 of the study's 11 tasks; without quac, storycloze.",),
    )


def simulate_items(design: Design, rng: np.random.Generator, noise: float = 1.0) -> pa.Table:
    """Item records of every (arm, seed, task) of a design whose tasks are in `TASKS`."""
    tables = []
    for task in design.tasks:
        _, chance, n, level, mean_bytes = TASKS[task.id]
        answer_bytes = np.maximum(2, rng.gamma(3, mean_bytes / 3, n)).astype(np.int64)
        difficulty = rng.normal(0, 0.5, n)
        choices = 1 if chance is None else round(1 / chance)
        gold = rng.integers(0, choices, n)
        seed_shift = rng.normal(0, 0.01 * noise, len(design.seeds))
        for arm in design.arms:
            taste = rng.normal(0, 0.04, n)
            for position, seed in enumerate(design.seeds):
                shift = _shift(arm, task.id) + seed_shift[position]
                shift += rng.normal(0, _seed_spread(arm, task.id) * noise)
                bits = np.maximum(0.05, level + shift + difficulty + taste + rng.normal(0, 0.1, n)) * answer_bytes
                right = rng.random(n) < (chance or 0)
                tables.append(
                    _table(
                        design,
                        task,
                        arm,
                        seed,
                        bits=bits,
                        answer_bytes=answer_bytes,
                        gold=gold,
                        right=right,
                        rng=rng,
                        choices=None if chance is None else choices,
                    )
                )
    return pa.concat_tables(tables)


def small_design(seeds: int = 3, **changes: Any) -> Design:
    """Three arms, four tasks: quick to simulate."""
    full = quickstart_design(seeds)
    arms = ("text.decay", "balanced.decay", "code-text.decay")
    tasks = {"heldout_text", "hellaswag", "boolq", "triviaqa"}
    kept: dict[str, Any] = {
        "arms": arms,
        "tasks": tuple(task for task in full.tasks if task.id in tasks),
        "metrics": tuple(metric for metric in full.metrics if set(metric.tasks) <= tasks),
        "contrasts": tuple(contrast for contrast in full.contrasts if set(contrast.arms) <= set(arms)),
        "primary": None,
    }
    return full.model_copy(update=kept | changes)


def records(design: Design, seed: int = 0) -> pa.Table:
    """Item records of a design, drawn by one seed."""
    return simulate_items(design, np.random.default_rng(seed))


def replaced(items: pa.Table, column: str, values: Any) -> pa.Table:
    """Item records with other values in a column."""
    place = items.column_names.index(column)
    return items.set_column(place, column, pa.array(values, items.schema.field(column).type))


def row_of(results: dict[str, Any], contrast: str, metric: str) -> dict[str, Any]:
    """The results' row of a contrast and metric."""
    found: dict[str, Any] = next(
        row for row in results["contrasts"] if (row["id"], row["metric"]) == (contrast, metric)
    )
    return found


def _shift(arm: str, task: str) -> float:
    trunk, ending = arm.partition(".")[0], arm.rpartition(".")[2]
    likes_code = task in {"heldout_code", "heldout_markup", "humaneval", "mbpp"}
    if likes_code:
        shift = {"text": 1.6, "balanced": 0.0, "balanced-text": 0.18, "code-text": 0.15}.get(trunk, 0.0)
        return shift - (0.25 if ending == "cool20" else 0.0) * (3 if trunk == "text" else 1)
    shift = {"text": 0.0, "balanced": 0.13, "balanced-text": 0.05, "code-text": 0.12}.get(trunk, 0.0)
    shift *= 1.0 if task == "heldout_text" else 0.3
    return shift - {"none": 0.0, "decay": 0.08, "cool0": 0.1, "cool20": 0.1}.get(ending, 0.0)


def _seed_spread(arm: str, task: str) -> float:
    if task == "heldout_code":
        return 0.076 if arm.startswith("text") else 0.009
    return {"heldout_text": 0.008, "hellaswag": 0.011, "piqa": 0.012}.get(task, 0.035)


def _table(
    design: Design,
    task: Task,
    arm: str,
    seed: int,
    *,
    bits: npt.NDArray[np.float64],
    answer_bytes: npt.NDArray[np.int64],
    gold: npt.NDArray[np.int64],
    right: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    choices: int | None,
) -> pa.Table:
    n = len(bits)
    clusters = [f"{task.id}-{index // 2 if task.id == 'boolq' else index}" for index in range(n)]
    nothing = pa.nulls(n)
    return pa.table(
        {
            "checkpoint": pa.array([f"{arm}:{seed}"] * n),
            "arm": pa.array([arm] * n),
            "size": pa.array([design.sizes[0]] * n),
            "seed": pa.array([seed] * n, pa.int32()),
            "fork_seed": pa.array([0] * n, pa.int32()),
            "stage": pa.array([arm.rpartition(".")[2]] * n),
            "tokens_seen": pa.array([720_896] * n, pa.int64()),
            "task": pa.array([task.id] * n),
            "task_version": pa.array([1] * n, pa.int32()),
            "format": pa.array(["default"] * n),
            "item": pa.array([f"{task.id}-{index:04d}" for index in range(n)]),
            "cluster": pa.array(clusters),
            "contaminated": nothing.cast(pa.bool_()),
            "n_choices": pa.array([choices or 1] * n, pa.int16()),
            "gold": pa.array(gold, pa.int16()),
            "logprob": pa.array([[-float(value) * float(np.log(2))] for value in bits], pa.list_(pa.float64())),
            "tokens": pa.array([[max(1, int(size) // 3)] for size in answer_bytes], pa.list_(pa.int32())),
            "bytes": pa.array([[int(size)] for size in answer_bytes], pa.list_(pa.int32())),
            "correct": pa.array(right) if choices else nothing.cast(pa.bool_()),
            "correct_norm": pa.array(right) if choices else nothing.cast(pa.bool_()),
            "gold_bits": pa.array(bits),
            "gold_bytes": pa.array(answer_bytes, pa.int32()),
            "margin": pa.array(rng.normal(0, 0.4, n)) if choices else nothing.cast(pa.float64()),
            "samples": nothing.cast(pa.int16()),
            "right": nothing.cast(pa.float32()),
            "numerics": pa.array(["cpu-bf16-compiled"] * n),
        }
    )


def write_run(folder: Path, design: Design | None = None, seed: int = 0) -> Design:
    """A whole run folder: plan, item records, ledger, curves, timings, log."""
    design = design or quickstart_design()
    rng = np.random.default_rng(seed)
    (folder / "items").mkdir(parents=True)
    items = simulate_items(design, rng)
    for arm in design.arms:
        pq.write_table(items.filter(pa.compute.equal(items["arm"], arm)), folder / "items" / f"{_file(arm)}.parquet")
    stages = {arm: _stages(arm) for arm in design.arms}
    plan = {
        "design": design.model_dump(mode="json"),
        "numerics": "cpu-bf16-compiled",
        "segments": [],
        "arms": [{"arm": arm, "sizes": list(design.sizes), "stages": stages[arm]} for arm in design.arms],
    }
    _write(folder / "plan.json", plan)
    _write(folder / "ledger.json", [row for arm in design.arms for row in _ledger(design, arm, stages[arm])])
    _write(folder / "curves.json", {"segments": _curves(design, rng)})
    timings = {
        "seconds": {"corpus": 41.0, "training": 402.0, "evaluation": 96.0, "total": 561.0},
        "tokens_per_second": 21_300.0,
        "machine": "2 cores of a processor with AMX",
        "trained_seconds_saved": 670.0,
    }
    _write(folder / "timings.json", timings)
    (folder / "log.jsonl").write_text('{"event":"done"}\n', encoding="utf-8")
    return design


def _file(arm: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in arm)


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


MIXES = {
    "text": {"text": 1.0},
    "balanced": {"text": 0.5, "code": 0.4, "markup": 0.1},
    "code": {"code": 0.8, "markup": 0.2},
    "mostly-text": {"text": 0.9, "code": 0.08, "markup": 0.02},
    "cool20": {"best_text": 0.5, "math": 0.15, "instruct": 0.15, "code": 0.16, "markup": 0.04},
    "cool0": {"best_text": 0.7, "math": 0.15, "instruct": 0.15},
}
KINDS = {
    "best_text": "text",
    "text": "text",
    "code": "code",
    "markup": "markup",
    "math": "math",
    "instruct": "instruct",
}


def _stages(arm: str) -> list[dict[str, Any]]:
    trunk, ending = arm.partition(".")[0], arm.rpartition(".")[2]
    mixes = {
        "text": ["text", "text"],
        "balanced": ["balanced", "balanced"],
        "code-text": ["code", "mostly-text"],
    }.get(trunk, ["balanced", "mostly-text"])
    stages = [
        {"stage": name, "mix": MIXES[name], "tokens": 327_680, "schedule": "constant", "moments": "keep"}
        for name in mixes
    ]
    if ending != "none":
        mix = MIXES.get(ending, MIXES[mixes[-1]])
        stages.append({"stage": ending, "mix": mix, "tokens": 65_536, "schedule": "linear", "moments": "keep"})
    return stages


def _ledger(design: Design, arm: str, stages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for seed in design.seeds:
        for stage in stages:
            for ingredient, share in stage["mix"].items():
                languages = {"Python": 0.8, "JavaScript": 0.2} if ingredient == "code" else {"English": 1.0}
                for language, part in languages.items():
                    rows.append(
                        {
                            "arm": arm, "size": design.sizes[0], "seed": seed, "stage": stage["stage"],
                            "ingredient": ingredient, "kind": KINDS[ingredient], "language": language,
                            "declared_share": share, "seen_share": share * part, "epochs": 0.11,
                            "tokens": round(stage["tokens"] * share * part), "cut_tokens": 0,
                        }
                    )  # fmt: skip
    return rows


def _curves(design: Design, rng: np.random.Generator) -> list[dict[str, Any]]:
    trunks: dict[str, list[str]] = {}
    for arm in design.arms:
        trunks.setdefault(arm.split(".")[0], []).append(arm)
    segments = []
    for arms, seed in itertools.product(trunks.values(), design.seeds):
        names = [str(stage["stage"]) for stage in _stages(arms[0])[:2]]
        segments.append(_segment(design, rng, seed, "+".join(names), arms=arms, steps=range(1, 161)))
        for arm in arms:
            if not arm.endswith(".none"):
                path = "+".join([*names, arm.rpartition(".")[2]])
                segments.append(_segment(design, rng, seed, path, arms=[arm], steps=range(161, 177)))
    return segments


def _segment(
    design: Design, rng: np.random.Generator, seed: int, path: str, *, arms: Sequence[str], steps: range
) -> dict[str, Any]:
    trunk = arms[0].partition(".")[0]
    step = np.array(steps)
    offset = {"text": 0.0, "balanced": -0.4, "code-text": -0.5}.get(trunk, -0.3)
    loss = 3.4 + offset + 5 * np.exp(-step / 25) + rng.normal(0, 0.04, len(step))
    heldout = [
        {
            "step": int(at),
            "tokens": int(at) * 4096,
            "text": 2.3 + 2 * float(np.exp(-at / 40)) + rng.normal(0, 0.01),
            "code": (2.2 if trunk != "text" else 3.7) + 2 * float(np.exp(-at / 40)) + rng.normal(0, 0.02),
            "markup": 2.5 + 2 * float(np.exp(-at / 40)) + rng.normal(0, 0.02),
        }
        for at in step
        if at % 40 == 0 or at in {step[-1]}
    ]
    return {
        "size": design.sizes[0], "seed": seed, "path": path, "arms": list(arms), "step": step.tolist(),
        "tokens": (step * 4096).tolist(), "loss": loss.tolist(), "lr": [0.004] * len(step), "heldout": heldout,
    }  # fmt: skip
