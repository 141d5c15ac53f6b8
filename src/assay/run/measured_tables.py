"""Tables that a study's run folder and an evaluation's both hold, read from the store: a checkpoint's item records,
its answers in words, and how a task's programs were checked.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.evaluate.records import answer_records, item_records
from assay.evaluate.task import Task
from assay.files import ASIDE, flush
from assay.run.step import Step
from assay.run.store import Store


def checkpoint_records(
    store: Store,
    about: Mapping[str, Any],
    scores: Mapping[str, Step],
    verdicts: Mapping[str, Step],
    tasks: Mapping[str, Task],
    flags: Mapping[str, Mapping[str, bool | None]],
) -> list[pa.Table]:
    """Item records of one checkpoint, a table a task.

    Args:
        store: Where the artifacts are.
        about: Values of the columns that are the same in all rows.
        scores: By task id.
        verdicts: By task id, of the tasks that were answered in words.
        tasks: By id; a held-out set is none.
        flags: By task and item: whether the item stands in the training documents.

    Raises:
        Damaged: An artifact is not what was written.
    """
    tables = []
    for name, step in scores.items():
        task, checked = tasks.get(name), verdicts.get(name)
        mine = {
            "task": name,
            "task_version": task.version if task else 1,
            "format": task.default_format if task else "text",
        }
        judged = _read(store, checked, "verdicts.parquet") if checked else None
        is_greedy = task is not None and task.greedy
        table = item_records(
            _read(store, step, "scores.parquet"), {**about, **mine}, judged, flags.get(name, {}), is_greedy
        )
        tables.append(table)
    return tables


def checkpoint_answers(store: Store, verdicts: Mapping[str, Step]) -> pa.Table:
    """What a checkpoint answered in words, with the verdicts, a row a sample; ``verdicts``: by task id."""
    return pa.concat_tables(
        answer_records(
            task, _read(store, step.inputs["answers"], "answers.parquet"), _read(store, step, "verdicts.parquet")
        )
        for task, step in verdicts.items()
    )


def gold_and_tier(store: Store, verdicts: Step) -> tuple[dict[str, Any], str] | None:
    """How a task's references fared and the tier that its answers ran in; None where no program was run."""
    gold = verdicts.inputs.get("gold")
    if gold is None:
        return None
    about = json.loads(store.file("gold", gold.key, "gold.json").read_text(encoding="utf-8"))
    checked = json.loads(store.file("verdicts", verdicts.key, "checked.json").read_text(encoding="utf-8"))
    return about, str(checked["tier"])


def write_table(table: pa.Table, path: Path) -> None:
    """Write a Parquet file whole or not at all; its folder is made where it is missing."""
    path.parent.mkdir(exist_ok=True)
    aside = path.with_name(f"{ASIDE}{os.getpid()}-{path.name}")
    try:
        pq.write_table(table, aside, compression="zstd")
        flush(aside)
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)


def _read(store: Store, step: Step, name: str) -> pa.Table:
    return pq.read_table(store.file(step.kind, step.key, name))
