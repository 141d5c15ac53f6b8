"""Items as token requests, made once per (task, tokenizer) and shared by every checkpoint of every arm.

A request is one item: its context (or one a choice), its choices, and the bytes of each. The split between context
and continuation follows the harness: both are encoded together, the context alone decides where the continuation
begins, and spaces at the context's end belong to the continuation; a pair that is too long loses its beginning. Every
context begins with the end token, as every document in training follows one; a model of others begins as its own
tokenizer does, which is what the harness gives it too.
"""

import json
from collections.abc import Sequence
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
        ("characters", pa.list_(pa.int32())),
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
    characters: tuple[int, ...]
    """Of each choice, without the space it begins with: what the harness's ``acc_norm`` divides by. By bytes instead,
    one in a hundred items would be answered otherwise."""


def encode_items(
    items: list[Item], tokenizer: Tokenizer, longest: int, first: Sequence[int] | None = None
) -> list[Request]:
    """Tokenise items.

    Args:
        items: In file order.
        tokenizer: The arms' own.
        longest: Tokens that a model reads at once. The last token of a choice is not read, so context and choice have
            one more together; contexts lose their beginning, as in the harness, and what of a choice is longer still is
            not scored and not counted.
        first: Tokens before every context, see `first_tokens`; None: the end token. Where there are none, an empty
            context is the end token alone.
    """
    end = end_id(tokenizer)
    before = (end,) if first is None else tuple(first)
    requests = []
    for item in items:
        pairs = [
            (item.contexts[min(index, len(item.contexts) - 1)], choice) for index, choice in enumerate(item.choices)
        ]
        split = [_split(*_spaces_to_choice(context, choice), tokenizer) for context, choice in pairs]
        choices = [choice[:longest] for _, choice in split]
        contexts = [
            ((*before, *context) or (end,))[-(longest + 1 - len(choice)) :]
            for (context, _), choice in zip(split, choices, strict=True)
        ]
        requests.append(
            Request(
                item.id,
                item.cluster,
                item.gold,
                tuple(contexts[:1] if len(set(contexts)) == 1 else contexts),
                tuple(choices),
                tuple(sum(len(tokenizer.id_to_token(token) or "") for token in choice) for choice in choices),
                tuple(max(1, len(choice.removeprefix(" "))) for choice in item.choices),
            )
        )
    return requests


def first_tokens(tokenizer: Tokenizer) -> tuple[int, ...]:
    """What a model's own tokenizer puts before every text: one token, or nothing.

    The harness has a text encoded so, special tokens and all, and few models ask for one: Llama's tokenizers do, and so
    does every export of Assay's; those of GPT-2, SmolLM2 and Qwen do not.
    """
    probe = "a"
    bare = tokenizer.encode(probe, add_special_tokens=False).ids
    dressed = tokenizer.encode(probe).ids
    return tuple(next(dressed[:at] for at in range(len(dressed)) if dressed[at : at + len(bare)] == bare))


def first_of(tokenizer: Path) -> tuple[int, ...] | None:
    """What stands before every context: of a model of others what its own tokenizer puts there, else None.

    Args:
        tokenizer: Folder of a ``tokenizer`` artifact, or of a ``model`` in its place.
    """
    about = tokenizer / "shape.json"
    return tuple(json.loads(about.read_text(encoding="utf-8"))["first"]) if about.is_file() else None


def _spaces_to_choice(context: str, choice: str) -> tuple[str, str]:
    kept = context.rstrip()
    return kept, context[len(kept) :] + choice


def _split(context: str, choice: str, tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The context as it is encoded alone, and what behind as many tokens is left of both together.

    That is the harness's rule, and where a token spans the border it is not exact. A choice that such a token swallows
    whole, which stops the harness, is encoded alone.
    """
    alone = tokenizer.encode(context, add_special_tokens=False).ids
    together = tokenizer.encode(context + choice, add_special_tokens=False).ids
    return tuple(alone), tuple(together[len(alone) :] or tokenizer.encode(choice, add_special_tokens=False).ids)


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
            "characters": request.characters,
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
            tuple(row["characters"]),
        )
        for row in pq.read_table(folder / "requests.parquet").to_pylist()
    ]
