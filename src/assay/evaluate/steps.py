"""The worker's steps of the evaluation plane: tokenised requests, and a checkpoint's scores on a task."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.corpus.document import read_documents
from assay.errors import StepError
from assay.evaluate.item import Item
from assay.evaluate.load import load_items
from assay.evaluate.records import score_rows
from assay.evaluate.requests import encode_items, read_requests, write_requests
from assay.evaluate.scorer import score_requests
from assay.evaluate.task_file import load_task
from assay.model.shape import Shape
from assay.run.identity import key_of
from assay.run.step import Call
from assay.tokens import tokenizer as bpe

if TYPE_CHECKING:
    from assay.model.decoder import Decoder

SHORTEST = 200
"""Bytes below which a held-out document is not used."""


def make_requests(call: Call) -> None:
    """Tokenise a task's items, or an ingredient's held-out documents.

    Recipe: ``task`` (a task file's content) or ``heldout`` {documents, bytes}, and ``limit``, ``longest``; place:
    ``task``, its name or file; inputs: ``tokenizer``, and ``package:NAME`` or ``ingredient``.
    """
    recipe = call.recipe
    tokenizer = bpe.load(call.inputs["tokenizer"])
    is_heldout = "heldout" in recipe
    items = heldout_items(call.inputs["ingredient"], **recipe["heldout"]) if is_heldout else _items(call)
    if not items:
        raise StepError("no item to evaluate on was found")
    write_requests(encode_items(items, tokenizer, recipe["longest"]), call.out)


def flag_items(call: Call) -> None:
    """Say which items of a task stand in the training documents, as ``flags.parquet`` (item, contaminated).

    Recipe: ``task``, ``limit``; place: ``task``; inputs: ``benchmarks``, the ``ingredient:NAME`` of the study, and
    ``package:NAME``. True: an n-gram of the item is left in one of them; null: the index knows none of its n-grams.
    """
    from assay.corpus.contamination.index import contaminated, open_index

    items = _items(call)
    left = [np.load(folder / "grams.npy", allow_pickle=False) for folder in call.inputs_of("ingredient").values()]
    texts = ["\n".join((*item.contexts, *item.choices)) for item in items]
    flags = contaminated(texts, open_index(call.inputs["benchmarks"]), np.unique(np.concatenate(left)))
    table = {"item": pa.array([item.id for item in items]), "contaminated": pa.array(flags, pa.bool_())}
    pq.write_table(pa.table(table), call.out / "flags.parquet", compression="zstd")


def _items(call: Call) -> list[Item]:
    task = load_task(call.place["task"])
    wheels = {name: next(folder.glob("*.whl")) for name, folder in call.inputs_of("package").items()}
    return load_items(task, wheels, call.recipe["limit"])


def heldout_items(ingredient: Path, documents: int, bytes: int) -> list[Item]:
    """Beginnings of held-out documents, the same number from each source as far as they go.

    Args:
        ingredient: Folder of the ingredient.
        documents: How many at most.
        bytes: Of each, cut at a character's end.
    """
    by_source: dict[str, list[tuple[str, Item]]] = {}
    for document in read_documents(ingredient / "heldout.parquet"):
        data = document.text.encode()[:bytes]
        if len(data) < SHORTEST:
            continue
        text = data.decode("utf-8", errors="ignore")
        item = Item.of(("",), (text,), 0, shared=f"{document.source}/{document.group}")
        by_source.setdefault(document.source, []).append((key_of(item.id), item))
    queues = [sorted(by_source[source], key=lambda pair: pair[0]) for source in sorted(by_source)]
    chosen: list[Item] = []
    depth = 0
    while len(chosen) < documents and any(depth < len(queue) for queue in queues):
        chosen += [queue[depth][1] for queue in queues if depth < len(queue)]
        depth += 1
    return chosen[:documents]


def score(call: Call) -> None:
    """Score a checkpoint on a task.

    Recipe: ``shape``, ``precision``, and ``average`` where the mean of the weights after several steps is scored;
    inputs: ``state``, or a model in its place, and ``requests``.
    """
    from assay.train.compiled import set_up_torch

    set_up_torch(call.device)
    requests = read_requests(call.inputs["requests"])
    decoder = _decoder(
        call.inputs["state"],
        Shape(**call.recipe["shape"]),
        call.recipe["precision"],
        tuple(call.recipe.get("average", ())),
        call.device,
    )
    table = score_rows(requests, score_requests(decoder, requests))
    pq.write_table(table, call.out / "scores.parquet", compression="zstd")


@lru_cache(maxsize=2)
def _decoder(state: Path, shape: Shape, precision: str, average: tuple[int, ...], device: str) -> "Decoder":
    import torch

    from assay.model.decoder import plain_decoder
    from assay.train.state import MODEL, STATE, average_weights, load_weights

    file = MODEL if (state / MODEL).is_file() else STATE
    weights = average_weights(state, average) if average else load_weights(state, file)
    return plain_decoder(shape, weights.to(device, getattr(torch, precision)))
