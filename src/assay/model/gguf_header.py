"""What a GGUF file says before its weights: keys, names of weights, and the shape they describe.

A plan needs no more. Read with the standard library alone, it takes a tenth of a second where the ``gguf`` library,
which maps every token of the vocabulary, takes five; and it needs neither that library nor torch.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from assay.errors import InputError
from assay.model.shape import Shape

_NEEDED = (
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.eos_token_id",
    "llama.context_length",
    "llama.embedding_length",
    "llama.block_count",
    "llama.attention.head_count",
    "llama.feed_forward_length",
    "llama.attention.layer_norm_rms_epsilon",
)
_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Formats of numbers, by the kinds that GGUF numbers."""
_STRING, _ARRAY = 8, 9


def read_header(path: Path) -> tuple[dict[str, Any], set[str]]:
    """A file's keys, and the names of its weights.

    Raises:
        InputError: There is no such file, or it is no GGUF file of version 2 or 3.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != _MAGIC or _number(file, "I") not in _VERSIONS:
                raise InputError(f"{path} is no GGUF file of version 2 or 3")
            tensors, count = int(_number(file, "Q")), int(_number(file, "Q"))
            keys = {_text(file): _value(file, int(_number(file, "I"))) for _ in range(count)}
            names = set()
            for _ in range(tensors):
                names.add(_text(file))
                file.seek(8 * int(_number(file, "I")) + 12, 1)
            return keys, names
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror or problem}") from None
    except (struct.error, KeyError, UnicodeDecodeError, MemoryError, OverflowError) as problem:
        raise InputError(f"{path} cannot be read as a GGUF file: {problem}") from None


def shape_from(keys: Mapping[str, Any], is_tied: bool) -> Shape:
    """The shape that a file's keys describe.

    Args:
        keys: Of the file.
        is_tied: Whether the embedding is the output layer too: the file has no ``output.weight``.

    Raises:
        InputError: It is another architecture, lacks a key, or asks for what the decoder does not do.
    """
    if (kind := keys.get("general.architecture")) != "llama":
        raise InputError(f"general.architecture is {kind}; only llama can be read")
    scaling = keys.get("llama.rope.scaling.type", "none")
    if scaling != "none":
        raise InputError(f"llama.rope.scaling.type is {scaling}; only plain rotary positions (none) are supported")
    if keys.get("llama.expert_count"):
        raise InputError(f"llama.expert_count is {keys['llama.expert_count']}; experts are not supported")
    missing = [key for key in _NEEDED if key not in keys]
    if missing:
        raise InputError(f"{missing[0]} is missing")
    width, heads = int(keys["llama.embedding_length"]), int(keys["llama.attention.head_count"])
    key_heads = int(keys.get("llama.attention.head_count_kv", heads))
    head_size = int(keys.get("llama.attention.key_length", width // heads))
    for key in ("llama.rope.dimension_count", "llama.attention.value_length"):
        if keys.get(key, head_size) != head_size:
            raise InputError(f"{key} is {keys[key]}; only the head size, {head_size}, is supported")
    return Shape(
        vocabulary=len(keys["tokenizer.ggml.tokens"]),
        width=width,
        layers=int(keys["llama.block_count"]),
        heads=heads,
        head_size=head_size,
        feed_forward=int(keys["llama.feed_forward_length"]),
        block="llama",
        key_heads=0 if key_heads == heads else key_heads,
        tied=is_tied,
        norm_epsilon=_as_written(keys["llama.attention.layer_norm_rms_epsilon"]),
        rotary_base=_as_written(keys.get("llama.rope.freq_base", 10_000.0)),
    )


def _as_written(value: float) -> float:
    """The decimal number that a float32 stands for: 1e-05, not 9.999999747378752e-06."""
    return float(f"{value:.7g}")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _text(file)
    if kind != _ARRAY:
        return _number(file, _NUMBERS[kind])
    inner, length = int(_number(file, "I")), int(_number(file, "Q"))
    if inner in _NUMBERS:
        size = struct.calcsize(f"<{_NUMBERS[inner]}")
        return list(struct.unpack(f"<{length}{_NUMBERS[inner]}", file.read(length * size)))
    return [_value(file, inner) for _ in range(length)]


def _text(file: BinaryIO) -> str:
    length = int(_number(file, "Q"))
    data = file.read(length)
    if len(data) < length:
        raise struct.error("it ends in the middle of a text")
    return data.decode("utf-8", "replace")


def _number(file: BinaryIO, kind: str) -> Any:
    return struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))[0]
