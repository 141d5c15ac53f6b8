"""The run folder's files, written from the store's artifacts: item records, ledger, curves, texts, each file whole."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import StepError
from assay.evaluate.task import Task
from assay.evaluate.task_file import load_task
from assay.files import as_json, write_whole
from assay.model.sizes import SIZES
from assay.run.graph import Graph, Leaf, Point
from assay.run.item_texts import short_texts
from assay.run.ledger import build_ledger, largest_share_error
from assay.run.measured_tables import checkpoint_answers, checkpoint_records, gold_and_tier, write_table
from assay.run.store import Store
from assay.study.paths import path_of
from assay.study.plan import Plan
from assay.tokens.shard import SHARD
from assay.train.history import HISTORY, load_history
from assay.train.schedule import learning_rates


def write_folder(plan: Plan, graph: Graph, out: Path, store: Store, label: str) -> None:
    """Write item records, ledger and curves, each file whole.

    Args:
        plan: The study.
        graph: Its steps, all of them in the store.
        out: The run folder.
        store: Where the artifacts are.
        label: The numerics in one line.

    Raises:
        Damaged: An artifact is not what was written.
        StepError: An arm did not see the shares it declares.
    """
    tasks = {task.id: task for task in map(load_task, plan.study.spec.evaluate.tasks)}
    flags = {
        task: dict(
            zip(*pq.read_table(store.file("flags", step.key, "flags.parquet")).to_pydict().values(), strict=True)
        )
        for task, step in graph.flags.items()
    }
    items, answers = out / "items", out / "answers"
    wanted = set()
    for leaf in graph.leaves:
        name = f"{leaf.arm.name}.{leaf.size}.s{leaf.seed}.parquet".replace("/", "_")
        wanted.add(name)
        write_table(leaf_records(plan, leaf, store, tasks, flags, label), items / name)
        if leaf.points[-1].verdicts:
            write_table(checkpoint_answers(store, leaf.points[-1].verdicts), answers / name)
    for stale in (*items.glob("*"), *answers.glob("*")):
        if stale.name not in wanted:
            stale.unlink()
    ledger = build_ledger(plan, graph, store)
    error, slack = largest_share_error(ledger, plan)
    if error > slack:
        raise StepError(
            f"an arm saw a share that is off by {error:.4f}; this is a defect of Assay, and no result is given"
        )
    write_whole(out / "ledger.json", as_json(ledger))
    write_whole(out / "curves.json", as_json(_curves(plan, graph, store)))
    if programs := checked_programs(graph.points, store):
        write_whole(out / "programs.json", as_json(programs))
    write_whole(out / "corpus.json", as_json(_corpus(graph, store)))


def write_texts(graph: Graph, out: Path, store: Store, listed: Mapping[str, Collection[str]]) -> None:
    """Write ``texts.json``: by item that the results list, a short text that a reader recognises it by.

    Args:
        graph: The study's steps.
        out: The run folder.
        store: Where the requests are.
        listed: Names of items by task, see `assay.analyze.drill.listed_items`.
    """
    write_whole(out / "texts.json", as_json(short_texts(store, graph.requests, listed)))


def _corpus(graph: Graph, store: Store) -> dict[str, Any]:
    """What each ingredient is made of and what was left out of it, and how its bytes became tokens."""
    told: dict[str, Any] = {}
    for name, step in graph.tokens.items():
        summary = json.loads(store.file("ingredient", step.inputs["ingredient"].key, "summary.json").read_text("utf-8"))
        about = json.loads(store.file("tokens", step.key, SHARD).read_text(encoding="utf-8"))
        told[name] = {
            "documents": about["documents"],
            "bytes": about["bytes"],
            "tokens": about["tokens"],
            "bytes_per_token": round(about["bytes"] / max(1, about["tokens"]), 4),
            "heldout_documents": summary["heldout"]["documents"],
            "heldout_bytes": summary["heldout"]["bytes"],
            "dropped": {reason: entry["documents"] for reason, entry in summary["dropped"].items()},
            "benchmarks": summary["benchmarks"],
            "languages": {
                f"{kind}/{language}": entry["tokens"]
                for (kind, language), entry in zip(about["labels"], about["by_label"], strict=True)
            },
        }
    return told


def leaf_records(
    plan: Plan,
    leaf: Leaf,
    store: Store,
    tasks: Mapping[str, Task],
    flags: Mapping[str, Mapping[str, bool | None]],
    label: str,
) -> pa.Table:
    """Item records of one arm, size and seed, a row an item: those of its end first, then those on the way, then those
    of the further draws of its last stage.

    Args:
        plan: The study.
        leaf: Which.
        store: Where its scores are.
        tasks: By id; a held-out set is none.
        flags: By task and item: whether the item stands in the training documents.
        label: The numerics in one line.

    Raises:
        Damaged: Scores are not what was written.
    """
    tables = []
    draws = enumerate(leaf.further, 1)
    for draw, point in ((0, leaf.points[-1]), *((0, point) for point in leaf.points[:-1]), *draws):
        about = {
            "checkpoint": point.state.key,
            "arm": leaf.arm.name,
            "size": leaf.size,
            "seed": leaf.seed,
            "fork_seed": draw,
            "stage": point.stage,
            "tokens_seen": point.steps * plan.study.tokens_per_step,
            "numerics": label,
        }
        tables += checkpoint_records(store, about, point.scores, point.verdicts, tasks, flags)
    return pa.concat_tables(tables)


def checked_programs(points: Iterable[Point], store: Store) -> dict[str, Any]:
    """By task whose answers are programs: what its reference programs did, and the sandbox's tiers."""
    told: dict[str, Any] = {}
    for point in points:
        for task, step in point.verdicts.items():
            if found := gold_and_tier(store, step):
                gold, tier = found
                tiers = told.get(task, {}).get("tiers", [])
                told[task] = {**gold, "tiers": sorted({*tiers, tier})}
    return told


def _curves(plan: Plan, graph: Graph, store: Store) -> dict[str, Any]:
    """Loss, learning rate and held-out bits per byte along every segment."""
    train, per_step = plan.study.spec.train, plan.study.tokens_per_step
    segments = []
    ends: dict[str, tuple[Leaf, list[str]]] = {}
    for leaf in graph.leaves:
        if not leaf.arm.stages:
            continue
        ends.setdefault(leaf.states[-1].key, (leaf, []))[1].append(leaf.arm.name)
    for key, (leaf, arms) in ends.items():
        history = load_history(store.file("state", key, HISTORY))
        losses = history["losses"]
        peak = train.learning_rate or SIZES[leaf.size].learning_rate
        rates = learning_rates(
            path_of(leaf.arm, train.rows_per_step),
            peak,
            train.warmup_steps,
            train.final_learning_rate,
            train.cosine_floor,
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
