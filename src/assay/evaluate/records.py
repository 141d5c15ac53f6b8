"""Item records: one line per (checkpoint, task, item), everything the statistics need.

`SCORES` is what a checkpoint's evaluation stores, with nothing of the study in it; `RECORDS` adds which arm, size and
seed the checkpoint stands for. Ties go to the lowest index, as in the harness.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assay.evaluate.requests import Request

if TYPE_CHECKING:
    from assay.evaluate.scorer import Score

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
        ("probability", pa.float64()),
        ("greedy", pa.bool_()),
    ]
)
"""``correct``, ``correct_norm``, ``margin`` and ``probability`` are null where there is one choice. ``logprob``: nats a
choice. ``correct_norm``: by log-likelihood per character, as the harness has it. ``margin``: bits per byte by which the
right choice is likelier than the best wrong one. ``probability``: of the right choice among the choices, from their
summed log-likelihoods. ``greedy``: whether every token of the gold answer was the likeliest."""

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
        ("samples", pa.int16()),
        ("right", pa.float32()),
        ("contaminated", pa.bool_()),
        ("numerics", pa.string()),
    ]
)
"""``samples`` and ``right``: answers in words, and how many of them were right (a fraction where an answer's words are
right in part); null where none was asked for. ``correct`` is ``greedy`` for a task that counts so. ``contaminated``:
whether the item stands, wholly or in part, in the study's training documents; null where nothing
was compared, or the item is in no known benchmark or too short."""


def score_rows(requests: Sequence[Request], scores: Sequence[Sequence["Score"]]) -> pa.Table:
    """One checkpoint's scores on one task."""
    return pa.Table.from_pylist([_row(request, found) for request, found in zip(requests, scores, strict=True)], SCORES)


def item_records(
    scores: pa.Table,
    about: Mapping[str, Any],
    verdicts: pa.Table | None,
    contaminated: Mapping[str, bool | None],
    by_greedy: bool,
) -> pa.Table:
    """Scores of one checkpoint on one task as item records.

    Args:
        scores: As `score_rows` made them.
        about: Values of the columns that are the same in all rows.
        verdicts: Of the answers in words (``item``, ``right`` of each sample); None: nothing was asked in words.
        contaminated: By item.
        by_greedy: Whether an item is right where its gold answer was the likeliest, token by token.
    """
    items = scores.column("item").to_pylist()
    columns = {name: scores.column(name) for name in scores.column_names}
    if by_greedy:
        columns["correct"] = columns["greedy"]
    answers: dict[str, list[float]] = {}
    for row in verdicts.select(["item", "right"]).to_pylist() if verdicts is not None else ():
        answers.setdefault(row["item"], []).append(row["right"])
    found = {item: (len(rights), sum(rights)) for item, rights in answers.items()}
    made = {
        **{name: [value] * len(items) for name, value in about.items()},
        "samples": [found[item][0] if item in found else None for item in items],
        "right": [found[item][1] if item in found else None for item in items],
        "contaminated": [contaminated.get(item) for item in items],
    }
    arrays = [
        columns[field.name] if field.name in columns else pa.array(made[field.name], field.type) for field in RECORDS
    ]
    return pa.table(arrays, schema=RECORDS)


def answer_records(task: str, answers: pa.Table, verdicts: pa.Table) -> pa.Table:
    """Answers in words with their verdicts, a row a sample; what was not checked, its reference failing, has none."""
    found = {(row["item"], row["sample"]): row for row in verdicts.to_pylist()}
    places = zip(answers["item"].to_pylist(), answers["sample"].to_pylist(), strict=True)
    rows = [found.get(place, {}) for place in places]
    table = answers.add_column(0, "task", pa.array([task] * len(rows), pa.string()))
    for field in verdicts.schema:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.array([row.get(field.name) for row in rows], field.type))
    return table


def _row(request: Request, scores: Sequence["Score"]) -> dict[str, Any]:
    gold = request.gold
    logprob = [score.logprob for score in scores]
    bits = [-value / math.log(2) / size for value, size in zip(logprob, request.bytes, strict=True)]
    by_character = [value / length for value, length in zip(logprob, request.characters, strict=True)]
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
        "correct_norm": by_character.index(max(by_character)) == gold if several else None,
        "gold_bits": -logprob[gold] / math.log(2),
        "gold_bytes": request.bytes[gold],
        "margin": min(wrong) - bits[gold] if several else None,
        "probability": _share(logprob, gold) if several else None,
        "greedy": scores[gold].greedy,
    }


def _share(logprob: Sequence[float], gold: int) -> float:
    """exp(l_gold) / Σ exp(l)."""
    most = max(logprob)
    return math.exp(logprob[gold] - most) / math.fsum(math.exp(value - most) for value in logprob)
