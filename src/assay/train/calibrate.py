"""The worker's calibration step: how fast this machine trains and scores a size, measured with the real code.

A few seconds of training steps on random tokens, after the compiler is done, and of scoring requests of the suite's
usual shape. All workers do it at the same time, as they share the memory bus. What is measured is a rate, never a
result, and enters nothing that a study's numbers depend on.
"""

import json
import statistics
import time
from collections.abc import Callable

import torch

from assay.evaluate.requests import Request
from assay.evaluate.scorer import score_requests
from assay.model.decoder import initialise, plain_decoder
from assay.model.shape import Shape
from assay.run.step import Call
from assay.train.compiled import compiled_block, compiled_softmax_pass, set_up_torch
from assay.train.ranks import Ranks
from assay.train.replica import Replica

WARM_STEPS = 3
SECONDS = 3.0
"""How long each of the two is measured."""
ITEM = (60, 4, 16)
"""Tokens of context, choices, tokens of a choice: the suite's usual item (its mean is 125 tokens)."""
ITEMS = 64


def calibrate(call: Call) -> None:
    """Measure; writes ``rates.json`` with ``trained`` and ``scored`` tokens per second of this worker.

    Recipe: ``shape``, ``precision``, ``sequence``, ``rows_per_step``.
    """
    set_up_torch(call.device)
    recipe = call.recipe
    shape, dtype = Shape(**recipe["shape"]), getattr(torch, recipe["precision"])
    vocabulary = shape.vocabulary
    settings = {"betas": (0.9, 0.95), "weight_decay": 0.1, "clip": 1.0}
    master = initialise(shape, 0)
    block, one_pass = compiled_block(shape.block, call.device), compiled_softmax_pass(call.device)
    model = Replica(shape, master, settings, dtype, block, one_pass, Ranks(device=call.device))
    ids = torch.randint(1, vocabulary, (recipe["rows_per_step"], recipe["sequence"] + 1), device=call.device)

    def train() -> int:
        model.backward(ids[:, :-1], ids[:, 1:])
        float(model.step(1e-4))
        return int(recipe["sequence"] * recipe["rows_per_step"])

    plain = plain_decoder(shape, master.to(call.device, dtype))
    context, choices, length = ITEM
    drawn = torch.randint(1, vocabulary, (ITEMS, context + choices * length)).tolist()
    requests = [
        Request(
            str(index),
            "",
            0,
            (tuple(row[:context]),),
            tuple(tuple(row[context + at * length : context + (at + 1) * length]) for at in range(choices)),
            (1,) * choices,
            (1,) * choices,
        )
        for index, row in enumerate(drawn)
    ]

    def score() -> int:
        score_requests(plain, requests)
        return ITEMS * (context + choices * length)

    rates = {"trained": _rate(train, WARM_STEPS), "scored": _rate(score, 1)}
    (call.out / "rates.json").write_text(json.dumps(rates) + "\n", encoding="utf-8")


def _rate(work: Callable[[], int], warm: int) -> float:
    """Tokens per second: the median of repeats after the first few, for some seconds and at least three times."""
    for _ in range(warm):
        work()
    rates: list[float] = []
    begin = time.monotonic()
    while len(rates) < 3 or time.monotonic() - begin < SECONDS:
        start = time.monotonic()
        tokens = work()
        rates.append(tokens / (time.monotonic() - start))
    return statistics.median(rates)
