"""The worker's step that runs one of lm-eval's tasks, or a group of them, on a stored checkpoint.

A task a step, so that one more repeats none of the others. The key holds the harness's version and the user's own task
files; rows that a task fetches are not in it, as only the harness knows where they lie.
"""

from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq

from assay.evaluate.requests import first_of
from assay.files import as_json
from assay.model.shape import Shape
from assay.run.step import Call
from assay.tokens import tokenizer as bpe


def run_task(call: Call) -> None:
    """Run a task of lm-eval: ``harness.json`` and, of each task in it, ``NUMBER.parquet``.

    Recipe: ``task``, ``limit``, ``longest``, ``shape``, ``precision``, maybe ``average``; place: ``include``; inputs:
    ``state`` and ``tokenizer``, or a model in the place of both.
    """
    from assay.evaluate.checkpoint import open_decoder
    from assay.evaluate.harness import run_harness
    from assay.train.compiled import set_up_torch

    set_up_torch(call.device)
    recipe = call.recipe
    shape = Shape(**recipe["shape"])
    average = tuple(recipe.get("average", ()))
    decoder = open_decoder(call.inputs["state"], shape, recipe["precision"], average, call.device)
    tokenizer = bpe.load(call.inputs["tokenizer"])
    include = call.place["include"]
    measured = run_harness(
        decoder,
        tokenizer,
        bpe.end_id(tokenizer),
        recipe["longest"],
        [recipe["task"]],
        recipe["limit"],
        None if include is None else Path(include),
        first_of(call.inputs["tokenizer"]),
        say=lambda done, of: call.tell({"done": done, "of": of}),
    )
    told = []
    for number, one in enumerate(measured):
        about = asdict(one)
        about.pop("records")
        if one.records.num_rows:
            about["records"] = f"{number:04d}.parquet"
            pq.write_table(one.records, call.out / about["records"], compression="zstd")
        told.append(about)
    (call.out / "harness.json").write_text(as_json({"measured": told}), encoding="utf-8")
