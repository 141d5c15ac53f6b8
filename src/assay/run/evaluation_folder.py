"""An evaluation's folder, written from the store's artifacts: item records, answers in words, ``eval.json``.

``eval.json`` says what was measured of which checkpoint and how; it is written last, so that a folder without it is no
finished evaluation. No mean stands in it: tables are computed from the records.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import InputError, StepError
from assay.evaluate.records import RECORDS
from assay.evaluate.task import Task
from assay.files import as_json, write_whole
from assay.run.identity import numerics_label
from assay.run.measured_tables import checkpoint_answers, checkpoint_records, gold_and_tier, write_table
from assay.run.store import Store
from assay.study.plan import HELDOUT

if TYPE_CHECKING:
    from assay.run.evaluation import Evaluation, Measured

ABOUT = "eval.json"


def write_evaluation(evaluation: "Evaluation", out: Path, store: Store) -> None:
    """Write item records and answers first, what they are about last, each file whole.

    Args:
        evaluation: All of its steps are in the store.
        out: The folder; what an earlier evaluation left there is replaced.
        store: Where the artifacts are.

    Raises:
        Damaged: An artifact is not what was written.
    """
    wanted: set[Path] = set()
    (out / ABOUT).unlink(missing_ok=True)
    tasks = {task.id: task for task, _ in evaluation.wish.tasks}
    for one in evaluation.measured:
        path = out / "items" / f"{one.checkpoint.file}.parquet"
        wanted.add(path)
        write_table(pa.concat_tables(_records(one, tasks, evaluation.numerics, store)), path)
        if one.verdicts:
            path = out / "answers" / path.name
            wanted.add(path)
            write_table(checkpoint_answers(store, one.verdicts), path)
    for stale in [*out.glob("items/*"), *out.glob("answers/*")]:
        if stale not in wanted:
            stale.unlink()
    write_whole(out / ABOUT, as_json(_about(evaluation, store)))


def evaluated_keys(folder: Path) -> set[str]:
    """Keys of the checkpoints that an evaluation's folder is about.

    Raises:
        InputError: It is no finished evaluation.
    """
    path = folder / ABOUT
    try:
        return {one["key"] for one in json.loads(path.read_text(encoding="utf-8"))["checkpoints"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path} is not what an evaluation writes; measure again") from None


def _records(
    one: "Measured", tasks: Mapping[str, Task], numerics: Mapping[str, str], store: Store
) -> Iterator[pa.Table]:
    checkpoint = one.checkpoint
    about = {
        "checkpoint": checkpoint.step.key,
        "arm": checkpoint.name,
        "size": checkpoint.size,
        "seed": checkpoint.seed,
        "fork_seed": 0,
        "stage": checkpoint.stage,
        "tokens_seen": checkpoint.tokens_seen,
        "numerics": numerics_label({**numerics, "precision": one.precision}),
    }
    yield from checkpoint_records(store, about, one.scores, one.verdicts, tasks, {})
    for step in one.harness.values():
        for told in _json(store, "harness", step.key, "harness.json")["measured"]:
            if "records" in told:
                table = pq.read_table(store.file("harness", step.key, told["records"]))
                for column, value in about.items():
                    field = RECORDS.field(column)
                    filled = pa.array([value] * table.num_rows, field.type)
                    table = table.set_column(table.schema.get_field_index(column), field, filled)
                yield table.cast(RECORDS)


def _about(evaluation: "Evaluation", store: Store) -> dict[str, Any]:
    wish = evaluation.wish
    programs: dict[str, Any] = {}
    for one in evaluation.measured:
        for name, step in one.verdicts.items():
            if found := gold_and_tier(store, step):
                gold, tier = found
                told = programs.setdefault(name, {**gold, "tiers": {}})
                told["tiers"][one.checkpoint.label] = tier
    return {
        "checkpoints": [
            {
                "name": one.checkpoint.name,
                "label": one.checkpoint.label,
                "given": one.checkpoint.given,
                "kind": one.checkpoint.step.kind,
                "key": one.checkpoint.step.key,
                "size": one.checkpoint.size,
                "seed": one.checkpoint.seed,
                "stage": one.checkpoint.stage,
                "tokens_seen": one.checkpoint.tokens_seen,
                "parameters": one.checkpoint.shape.parameters,
                "longest": one.checkpoint.longest,
                "average": list(one.checkpoint.average),
                "precision": one.precision,
                "numerics": numerics_label({**evaluation.numerics, "precision": one.precision}),
                "records": f"items/{one.checkpoint.file}.parquet",
                "answered": sorted(one.verdicts),
            }
            for one in evaluation.measured
        ],
        "tasks": [
            *(_heldout(one.name) for one in wish.heldout),
            *(
                {
                    "task": task.id,
                    "written": written,
                    "title": task.title,
                    "category": task.category,
                    "version": task.version,
                    "format": task.default_format,
                    "chance": task.chance,
                    "labels": task.is_labels(),
                    "greedy": task.greedy,
                    "generation": None if (asked := task.format().generate) is None else asked.model_dump(mode="json"),
                }
                for task, written in wish.tasks
            ),
        ],
        "heldout": {one.name: {"ingredient": one.ingredient.key, **one.read} for one in wish.heldout},
        "limit": wish.limit,
        "decoding": None
        if wish.generate is None
        else wish.generate.model_dump(mode="json", include={"samples", "temperature", "top_p", "seed"}),
        "sandbox": wish.sandbox if evaluation.runs_programs else None,
        "programs": programs,
        "harness": {
            one.checkpoint.label: [
                {name: value for name, value in told.items() if name != "records"}
                for step in one.harness.values()
                for told in _json(store, "harness", step.key, "harness.json")["measured"]
            ]
            for one in evaluation.measured
            if one.harness
        },
        "left_out": list(evaluation.left_out),
    }


def _heldout(name: str) -> dict[str, Any]:
    """A held-out set as ``eval.json`` describes a task."""
    return {
        "task": HELDOUT + name,
        "written": name,
        "title": f"Held-out {name}",
        "category": "held-out",
        "version": 1,
        "format": "text",
        "chance": None,
        "labels": False,
        "greedy": False,
        "generation": None,
    }


def _json(store: Store, kind: str, key: str, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(store.file(kind, key, name).read_text(encoding="utf-8"))
    except ValueError as problem:
        raise StepError(f"{kind}/{key[:12]}: {name} is not JSON: {problem}") from None
    return found
