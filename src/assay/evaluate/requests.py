"""Items as token requests, made once per (task, tokenizer) and shared by every checkpoint of every arm.

A request is one item: its context (or one a choice), its choices, and the bytes of each. The split between context
and continuation follows the harness: both are encoded together, the context alone decides where the continuation
begins, and spaces at the context's end belong to the continuation. Every context begins with the end token, as every
document in training follows one.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from assay.evaluate.item import Item
from assay.tokens.tokenizer import end_id

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("cluster", pa.string()),
        ("gold", pa.int16()),
        ("contexts", pa.list_(pa.list_(pa.int32()))),
        ("choices", pa.list_(pa.list_(pa.int32()))),
        ("bytes", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True, slots=True)
class Request:
    """An item in tokens."""

    item: str
    """Content hash of the item."""
    cluster: str
    gold: int
    contexts: tuple[tuple[int, ...], ...]
    """One shared by all choices, or one a choice; never empty."""
    choices: tuple[tuple[int, ...], ...]
    """Tokens to be scored; never empty."""
    bytes: tuple[int, ...]
    """Bytes that each choice's tokens stand for: a byte-level tokenizer writes a byte as a character."""


def encode_items(items: list[Item], tokenizer: Tokenizer, longest: int) -> list[Request]:
    """Tokenise items.

    Args:
        items: In file order.
        tokenizer: The arms' own.
        longest: Tokens that context and continuation may take together; contexts lose their beginning, as in the
            harness, and what of a choice is longer still is not scored and not counted.
    """
    end = end_id(tokenizer)
    requests = []
    for item in items:
        pairs = [
            (item.contexts[min(index, len(item.contexts) - 1)], choice) for index, choice in enumerate(item.choices)
        ]
        pairs = [_spaces_to_choice(context, choice) for context, choice in pairs]
        split = [_split(context, choice, tokenizer, end) for context, choice in pairs]
        shared = len({context for context, _ in split}) == 1
        choices = [choice[: longest - 1] for _, choice in split]
        widest = max(map(len, choices))
        contexts = [context[-max(1, longest - widest) :] for context, _ in (split[:1] if shared else split)]
        requests.append(
            Request(
                item.id,
                item.cluster,
                item.gold,
                tuple(contexts),
                tuple(choices),
                tuple(sum(len(tokenizer.id_to_token(token) or "") for token in choice) for choice in choices),
            )
        )
    return requests


def _spaces_to_choice(context: str, choice: str) -> tuple[str, str]:
    kept = context.rstrip()
    return kept, context[len(kept) :] + choice


def _split(context: str, choice: str, tokenizer: Tokenizer, end: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    alone = tokenizer.encode(context, add_special_tokens=False).ids
    together = tokenizer.encode(context + choice, add_special_tokens=False).ids
    return (end, *together[: len(alone)]), tuple(together[len(alone) :])


def write_requests(requests: list[Request], folder: Path) -> None:
    """Write requests as ``requests.parquet``."""
    rows = [
        {
            "item": request.item,
            "cluster": request.cluster,
            "gold": request.gold,
            "contexts": request.contexts,
            "choices": request.choices,
            "bytes": request.bytes,
        }
        for request in requests
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "requests.parquet", compression="zstd")


def read_requests(folder: Path) -> list[Request]:
    """Read requests in item order."""
    return [
        Request(
            row["item"],
            row["cluster"],
            row["gold"],
            tuple(map(tuple, row["contexts"])),
            tuple(map(tuple, row["choices"])),
            tuple(row["bytes"]),
        )
        for row in pq.read_table(folder / "requests.parquet").to_pylist()
    ]
