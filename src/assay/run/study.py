"""Carrying a plan out: data, then training and evaluation, then the run folder.

Everything that costs anything is an artifact of the store; the run folder is written from those at the end, each
file whole. A run that is repeated finds its artifacts, and a finished folder is recognised by its hashes alone.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import StepError
from assay.evaluate.records import RECORDS
from assay.evaluate.task import load_task
from assay.model.sizes import SIZES
from assay.run.engine import Engine
from assay.run.graph import Graph, Leaf, build_graph
from assay.run.identity import compiler, file_hash, key_of, numerics, numerics_label
from assay.run.ledger import build_ledger, largest_share_error
from assay.run.progress import RunProgress
from assay.run.store import Store, disk_full, flush, write_whole
from assay.study.paths import path_of
from assay.study.plan import Plan, plan_record
from assay.tokens.shard import shard_tokens
from assay.train.schedule import learning_rates

FOLDER_VERSION = 1
"""Raise when the run folder's files are made differently from the same artifacts."""
UNCOMPILED = "No C++ compiler with Python's headers was found: training runs uncompiled, a third to a half slower."


def run_study(plan: Plan, out: Path, store: Store, workers: int | None = None) -> bool:
    """Run a study into a folder; False if everything was there already.

    Raises:
        InputError: The study asks for what the corpus cannot give.
        StepError: Network, disk, a lost worker, a diverged run. What was finished is kept.
    """
    graph = build_graph(plan)
    identity = _identity(plan, graph)
    if is_finished(out, identity):
        return False
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StepError(f"the folder {out} cannot be made: {problem.strerror}") from None
    begin = time.monotonic()
    try:
        _clear_other_study(out, identity)
        _write_plan(plan, out, identity)
        with store.in_use(), RunProgress(out / "log.jsonl") as progress:
            if compiler() is None:
                progress.console.print(UNCOMPILED)
            with Engine(store, progress.hear, workers) as engine:
                progress.expect(engine.missing(graph.data_goals()))
                engine.make(graph.data_goals())
                held = {name: shard_tokens(store.open("tokens", step.key)) for name, step in graph.tokens.items()}
                plan.check_epochs(held)
                plan = plan.with_epochs(held)
                _write_plan(plan, out, identity)
                progress.expect(engine.missing(graph.run_goals()))
                engine.make(graph.run_goals())
            progress.say("Writing records, results and the report …")
            _write_folder(plan, graph, out, store)
            _write_timings(out, plan, progress, engine.count, time.monotonic() - begin)
    except OSError as problem:
        if problem.errno in {28, 122}:
            raise disk_full(out) from None
        raise
    from assay.report.page import write_report

    write_report(out)
    _mark_finished(out, identity)
    return True


def stored_tokens(plan: Plan, root: Path) -> dict[str, int]:
    """Training tokens of the plan's ingredients that the store at ``root`` holds already; makes nothing."""
    if not root.is_dir():
        return {}
    store = Store(root)
    steps = build_graph(plan).tokens
    return {
        name: shard_tokens(store.place("tokens", step.key))
        for name, step in steps.items()
        if store.has("tokens", step.key)
    }


def is_finished(out: Path, identity: str) -> bool:
    """Whether the folder holds this very study, every file as it was written."""
    try:
        done = json.loads((out / "done.json").read_text(encoding="utf-8"))
        return bool(done["identity"] == identity) and all(
            file_hash(out / name) == digest for name, digest in done["files"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def _clear_other_study(out: Path, identity: str) -> None:
    """Take results of another plan out of the folder: they would be read as this one's. Their artifacts stay stored."""
    try:
        known = json.loads((out / "plan.json").read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, KeyError):
        known = None
    (out / "done.json").unlink(missing_ok=True)
    if known != identity:
        stale = [out / name for name in ("results.json", "report.html", "ledger.json", "curves.json", "timings.json")]
        for path in [*stale, *(out / "items").glob("*.parquet")]:
            path.unlink(missing_ok=True)


def _write_plan(plan: Plan, out: Path, identity: str) -> None:
    write_whole(out / "plan.json", _json({**plan_record(plan, numerics_label()), "identity": identity}))


def _mark_finished(out: Path, identity: str) -> None:
    names = ["plan.json", "results.json", "ledger.json", "curves.json", "report.html"]
    names += sorted(str(path.relative_to(out)) for path in (out / "items").glob("*.parquet"))
    files = {name: file_hash(out / name) for name in names}
    write_whole(out / "done.json", _json({"identity": identity, "files": files}))


def _identity(plan: Plan, graph: Graph) -> str:
    from assay.analyze.results import ANALYSIS_VERSION
    from assay.report.page import PAGE_VERSION

    return key_of(
        {
            "versions": [FOLDER_VERSION, ANALYSIS_VERSION, PAGE_VERSION],
            "plan": plan_record(plan, numerics_label()),
            "leaves": [
                [leaf.states[-1].key, {task: step.key for task, step in leaf.scores.items()}] for leaf in graph.leaves
            ],
        }
    )


def _write_folder(plan: Plan, graph: Graph, out: Path, store: Store) -> None:
    label = numerics_label()
    formats = {task.id: task.default_format for task in map(load_task, plan.study.spec.evaluate.tasks)}
    items = out / "items"
    items.mkdir(exist_ok=True)
    wanted = set()
    for leaf in graph.leaves:
        name = f"{leaf.arm.name}.{leaf.size}.s{leaf.seed}.parquet".replace("/", "_")
        wanted.add(name)
        _write_table(_records(plan, leaf, store, formats, label), items / name)
    for stale in items.glob("*.parquet"):
        if stale.name not in wanted:
            stale.unlink()
    ledger = build_ledger(plan, graph, store)
    error, slack = largest_share_error(ledger, plan)
    if error > slack:
        raise StepError(
            f"an arm saw a share that is off by {error:.4f}; this is a defect of Assay, and no result is given"
        )
    write_whole(out / "ledger.json", _json(ledger))
    write_whole(out / "curves.json", _json(_curves(plan, graph, store)))


def _records(plan: Plan, leaf: Leaf, store: Store, formats: dict[str, str], label: str) -> pa.Table:
    versions = {task.id: task.version for task in plan.design.tasks}
    tables = []
    for task, step in leaf.scores.items():
        scores = pq.read_table(store.open("scores", step.key) / "scores.parquet")
        about: dict[str, Any] = {
            "checkpoint": leaf.states[-1].key,
            "arm": leaf.arm.name,
            "size": leaf.size,
            "seed": leaf.seed,
            "fork_seed": 0,
            "stage": leaf.arm.stages[-1].name,
            "tokens_seen": leaf.arm.steps * plan.study.tokens_per_step,
            "task": task,
            "task_version": versions[task],
            "format": formats.get(task, "text"),
            "numerics": label,
        }
        columns = {field.name: [about[field.name]] * scores.num_rows for field in RECORDS if field.name in about}
        columns |= {name: scores.column(name) for name in scores.column_names}
        tables.append(
            pa.table(
                [
                    pa.array(columns[f.name], f.type) if isinstance(columns[f.name], list) else columns[f.name]
                    for f in RECORDS
                ],
                schema=RECORDS,
            )
        )
    return pa.concat_tables(tables)


def _write_table(table: pa.Table, path: Path) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, aside, compression="zstd")
        flush(aside)
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)


def _curves(plan: Plan, graph: Graph, store: Store) -> dict[str, Any]:
    """Loss, learning rate and held-out bits per byte along every segment."""
    from safetensors.numpy import load_file

    train, per_step = plan.study.spec.train, plan.study.tokens_per_step
    segments = []
    ends: dict[str, tuple[Leaf, list[str]]] = {}
    for leaf in graph.leaves:
        ends.setdefault(leaf.states[-1].key, (leaf, []))[1].append(leaf.arm.name)
    for key, (leaf, arms) in ends.items():
        folder = store.open("state", key)
        losses = load_file(folder / "state.safetensors")["losses"]
        history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
        peak = train.learning_rate or SIZES[leaf.size].learning_rate
        rates = learning_rates(
            path_of(leaf.arm, train.rows_per_step), peak, train.warmup_steps, train.final_learning_rate
        )
        segments.append(
            {
                "size": leaf.size,
                "seed": leaf.seed,
                "path": "+".join(stage.name for stage in leaf.arm.stages),
                "arms": arms,
                "step": list(range(1, len(losses) + 1)),
                "tokens": [(step + 1) * per_step for step in range(len(losses))],
                "loss": [round(float(loss), 6) for loss in losses],
                "lr": [float(f"{rate:.6g}") for rate in rates],
                "heldout": [{**look, "tokens": look["step"] * per_step} for look in history["heldout"]],
            }
        )
    return {"segments": segments}


def _write_timings(out: Path, plan: Plan, progress: RunProgress, workers: int, total: float) -> None:
    """What it took, apart from the results: timings differ from run to run."""
    path = out / "timings.json"
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    if before.get("trained", 0) > progress.trained:
        return  # a repeat that trained less says nothing of what the study costs
    seconds = {plane: spent / workers for plane, spent in progress.seconds.items()}
    rate = progress.trained / seconds["training"] if seconds["training"] else 0.0
    saved = plan.design.tokens["declared"] - plan.design.tokens["trained"]
    timings = {
        "machine": f"{workers} workers, {numerics_label(numerics())}",
        "seconds": {
            "corpus": round(seconds["corpus"] + seconds["download"], 1),
            "training": round(seconds["training"], 1),
            "evaluation": round(seconds["evaluation"], 1),
            "total": round(total, 1),
        },
        "trained": progress.trained,
        "tokens_per_second": round(rate, 1),
        "trained_seconds_saved": round(saved / rate, 1) if rate else 0.0,
    }
    write_whole(path, _json(timings))


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
