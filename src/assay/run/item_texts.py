"""The texts behind item records: what was asked and which answers there were, out of the store's requests.

An item is named by its content, so whichever request of that name is found holds its text, whatever task, study or
tokenizer it was made for. Only what a model read is there: a context that was too long has lost its beginning.
"""

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow.parquet as pq

from assay.errors import StepError
from assay.evaluate.requests import read_requests
from assay.run.store import Store
from assay.tokens import tokenizer as bpe


@dataclass(frozen=True, slots=True)
class ItemText:
    """An item as it was read."""

    contexts: tuple[str, ...]
    """One, shared by all choices, or one a choice."""
    choices: tuple[str, ...]


def item_texts(store: Store, items: Collection[str]) -> dict[str, ItemText]:
    """Texts of items by name, as far as the store holds requests for them."""
    found: dict[str, ItemText] = {}
    for kind, key in sorted(store.artifacts()):
        if kind != "requests" or len(found) == len(items):
            continue
        try:
            file = store.file(kind, key, "requests.parquet")
            here = set(pq.read_table(file, columns=["item"])["item"].to_pylist())
            wanted = {name for name in items if name in here and name not in found}
            if not wanted:
                continue
            need = store.manifest(kind, key)["inputs"]["tokenizer"]
            tokenizer = bpe.load(store.file(need["kind"], need["key"], "tokenizer.json").parent)
        except StepError:
            continue  # damaged, or its tokenizer is gone: another may hold the same items
        for request in read_requests(file.parent):
            if request.item in wanted:
                contexts, choices = (
                    tuple(tokenizer.decode(list(ids), skip_special_tokens=True) for ids in texts)
                    for texts in (request.contexts, request.choices)
                )
                found[request.item] = ItemText(contexts, choices)
    return found
