"""The worker's steps of the evaluation plane: tokenised requests, and a checkpoint's scores on a task."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import StepError
from assay.evaluate.heldout import heldout_items
from assay.evaluate.item import Item
from assay.evaluate.load import load_items
from assay.evaluate.packages import wheels_of
from assay.evaluate.records import score_rows
from assay.evaluate.requests import encode_items, first_of, read_requests, write_requests
from assay.evaluate.scorer import score_requests
from assay.evaluate.task_file import load_task
from assay.model.shape import Shape
from assay.run.step import Call
from assay.tokens import tokenizer as bpe


def make_requests(call: Call) -> None:
    """Tokenise a task's items, or an ingredient's held-out documents.

    Recipe: ``task`` (as in its file) or ``heldout`` {documents, bytes, language}, and ``limit``, ``longest``; place:
    ``task``, its name or file; inputs: ``tokenizer``, and ``package:NAME`` or ``ingredient``.
    """
    recipe = call.recipe
    tokenizer = bpe.load(call.inputs["tokenizer"])
    is_heldout = "heldout" in recipe
    items = heldout_items(call.inputs["ingredient"], **recipe["heldout"]) if is_heldout else _items(call)
    if not items:
        raise StepError("no item to evaluate on was found")
    write_requests(encode_items(items, tokenizer, recipe["longest"], first_of(call.inputs["tokenizer"])), call.out)


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
    return load_items(load_task(call.place["task"]), wheels_of(call), call.recipe["limit"])


def score(call: Call) -> None:
    """Score a checkpoint on a task.

    Recipe: ``shape``, ``precision``, and ``average`` where the mean of the weights after several steps is scored;
    inputs: ``state``, or a model in its place, and ``requests``.
    """
    from assay.evaluate.checkpoint import open_decoder
    from assay.train.compiled import set_up_torch

    set_up_torch(call.device)
    requests = read_requests(call.inputs["requests"])
    decoder = open_decoder(
        call.inputs["state"],
        Shape(**call.recipe["shape"]),
        call.recipe["precision"],
        tuple(call.recipe.get("average", ())),
        call.device,
    )
    table = score_rows(requests, score_requests(decoder, requests))
    pq.write_table(table, call.out / "scores.parquet", compression="zstd")
