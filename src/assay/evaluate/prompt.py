"""What is asked of a model in words, and what decides whether its answer is right: the generative side of an item.

Beside the item's request, which is scored and not answered. Both go by the item's name, so that the bits of the gold
answer and the generated one stand in one record.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from assay.tokens.tokenizer import end_id

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("cluster", pa.string()),
        ("text", pa.string()),
        ("accept", pa.list_(pa.string())),
        ("before", pa.string()),
        ("after", pa.string()),
        ("tokens", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """An item as a question in words."""

    item: str
    """Name of the item."""
    cluster: str
    text: str
    """What the model is given."""
    accept: tuple[str, ...] = ()
    """Right answers; none where a program decides."""
    before: str = ""
    """What stands before the answer in the program that checks it; empty where texts are compared."""
    after: str = ""
    """What stands behind it: the tests."""
    tokens: tuple[int, ...] = ()
    """The text in tokens behind the document's end, as `encode_prompts` made them."""


def encode_prompts(
    prompts: list[Prompt], tokenizer: Tokenizer, longest: int, answer: int, first: Sequence[int] | None = None
) -> list[Prompt]:
    """Tokenise prompts.

    Args:
        prompts: In file order.
        tokenizer: The arms' own.
        longest: Tokens that prompt and answer may take together; a longer prompt loses its beginning.
        answer: Most tokens of an answer.
        first: Tokens before every prompt; None: the document's end. Where there are none, an empty prompt is that.

    Raises:
        ValueError: An answer leaves no room for a prompt.
    """
    room = longest - answer
    if room < 1:
        raise ValueError(f"an answer of {answer} tokens leaves nothing of {longest} for its prompt")
    end = end_id(tokenizer)
    before = (end,) if first is None else tuple(first)
    encoded = tokenizer.encode_batch([prompt.text for prompt in prompts], add_special_tokens=False)
    return [
        Prompt(**{**asdict(prompt), "tokens": ((*before, *one.ids) or (end,))[-room:]})
        for prompt, one in zip(prompts, encoded, strict=True)
    ]


def write_prompts(prompts: list[Prompt], folder: Path) -> None:
    """Write prompts as ``prompts.parquet``."""
    table = pa.Table.from_pylist([asdict(prompt) for prompt in prompts], schema=SCHEMA)
    pq.write_table(table, folder / "prompts.parquet", compression="zstd")


def read_prompts(folder: Path) -> list[Prompt]:
    """Read prompts in item order."""
    return [
        Prompt(**{**row, "accept": tuple(row["accept"]), "tokens": tuple(row["tokens"])})
        for row in pq.read_table(folder / "prompts.parquet").to_pylist()
    ]
