"""What lies behind one score: the item's text, and what the model answered to it.

Texts come out of the store, as for ``assay items --text``; answers in words out of the run folder. What is not there is
told in words and is no error: the numbers can be read without it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import AssayError
from assay.run.item_texts import ItemText, item_texts
from assay.run.store import Store


def texts_of(store: Callable[[], Store], names: set[str]) -> tuple[dict[str, ItemText], str]:
    """Texts of items by name, and why some are missing; empty if none is.

    Args:
        store: Gives the run's store, or raises if there is none.
        names: Of the items.
    """
    try:
        here = store()
        found = item_texts(here, names)
    except AssayError as problem:
        return {}, f"The texts of the items are in the store: {problem}."
    if len(found) == len(names):
        return found, ""
    return found, f"The store {here.address} holds no request for {len(names) - len(found)} of these items."


def answers_of(records: Path, task: str, item: str) -> list[Mapping[str, Any]]:
    """Answers in words to one item, in the order of their samples; none where none were asked for.

    Args:
        records: The file of item records that the score is in; its answers' file has the same name.
        task: Of the item.
        item: Its name.
    """
    path = records.parent.parent / "answers" / records.name
    if not path.is_file():
        return []
    try:
        rows = pq.read_table(path, filters=[("task", "=", task), ("item", "=", item)]).to_pylist()
    except (OSError, pa.ArrowInvalid):
        return []
    return sorted(rows, key=lambda row: row["sample"])
