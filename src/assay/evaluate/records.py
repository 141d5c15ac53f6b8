"""Item records: one line per (checkpoint, task, item), everything the statistics need.

`SCORES` is what a checkpoint's evaluation stores, with nothing of the study in it; `RECORDS` adds which arm, size and
seed the checkpoint stands for. Ties go to the lowest index, as in the harness.
"""

import math
from typing import Any

import pyarrow as pa

from assay.evaluate.requests import Request

SCORES = pa.schema(
    [
        ("item", pa.string()),
        ("cluster", pa.string()),
        ("n_choices", pa.int16()),
        ("gold", pa.int16()),
        ("logprob", pa.list_(pa.float64())),
        ("tokens", pa.list_(pa.int32())),
        ("bytes", pa.list_(pa.int32())),
        ("correct", pa.bool_()),
        ("correct_norm", pa.bool_()),
        ("gold_bits", pa.float64()),
        ("gold_bytes", pa.int32()),
        ("margin", pa.float64()),
    ]
)
"""``correct``, ``correct_norm`` and ``margin`` are
null where there is one choice. ``logprob``: nats a choice. ``margin``: bits per byte by which the right choice is
likelier than the best wrong one."""

RECORDS = pa.schema(
    [
        ("checkpoint", pa.string()),
        ("arm", pa.string()),
        ("size", pa.string()),
        ("seed", pa.int32()),
        ("fork_seed", pa.int32()),
        ("stage", pa.string()),
        ("tokens_seen", pa.int64()),
        ("task", pa.string()),
        ("task_version", pa.int32()),
        ("format", pa.string()),
        *SCORES,
        ("contaminated", pa.bool_()),
        ("numerics", pa.string()),
    ]
)
"""``contaminated``: whether the item stands, wholly or in part, in the study's training documents; null where nothing
was compared, or the item is in no known benchmark or too short."""


def score_rows(requests: list[Request], scores: list[list[float]]) -> pa.Table:
    """One checkpoint's scores on one task."""
    return pa.Table.from_pylist([_row(request, found) for request, found in zip(requests, scores, strict=True)], SCORES)


def _row(request: Request, logprob: list[float]) -> dict[str, Any]:
    gold = request.gold
    bits = [-value / math.log(2) / size for value, size in zip(logprob, request.bytes, strict=True)]
    several = len(logprob) > 1
    wrong = [value for index, value in enumerate(bits) if index != gold]
    return {
        "item": request.item,
        "cluster": request.cluster,
        "n_choices": len(logprob),
        "gold": gold,
        "logprob": logprob,
        "tokens": [len(choice) for choice in request.choices],
        "bytes": list(request.bytes),
        "correct": logprob.index(max(logprob)) == gold if several else None,
        "correct_norm": bits.index(min(bits)) == gold if several else None,
        "gold_bits": -logprob[gold] / math.log(2),
        "gold_bytes": request.bytes[gold],
        "margin": min(wrong) - bits[gold] if several else None,
    }
