"""The weights of stock checkpoints: where each lies among ours.

Fused products are cut apart and put together, rows of queries and keys reordered where the rotary halves are
interleaved instead of lying one behind the other. No number is changed, so that a round trip is bit-exact. What a
checkpoint's configuration says is in `configuration`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.errors import InputError
from assay.model.shape import Shape


@dataclass(frozen=True, slots=True)
class Part:
    """A stock weight's place in one of ours."""

    name: str
    """Its stock name."""
    size: int
    """Rows or columns of ours that it takes."""
    rotated_heads: int = 0
    """Heads whose rows are turned by the rotary positions; 0: none."""


def parts(shape: Shape) -> Iterator[tuple[str, int, tuple[Part, ...]]]:
    """(our name, the axis it is cut along, its parts in order) of every weight."""
    width, feed_forward, query, key = shape.width, shape.feed_forward, shape.query_width, shape.key_width
    yield "embedding", 0, (Part("model.embed_tokens.weight", shape.vocabulary),)
    if not shape.tied:
        yield "head", 0, (Part("lm_head.weight", shape.vocabulary),)
    for layer in range(shape.layers):
        ours, theirs = f"layers.{layer}", f"model.layers.{layer}"
        attention = (
            Part(f"{theirs}.self_attn.q_proj.weight", query, shape.heads),
            Part(f"{theirs}.self_attn.k_proj.weight", key, shape.key_heads or shape.heads),
            Part(f"{theirs}.self_attn.v_proj.weight", key),
        )
        gated = (
            Part(f"{theirs}.mlp.gate_proj.weight", feed_forward),
            Part(f"{theirs}.mlp.up_proj.weight", feed_forward),
        )
        output = Part(f"{theirs}.self_attn.o_proj.weight", query)
        down = Part(f"{theirs}.mlp.down_proj.weight", feed_forward)
        if shape.block == "parallel":
            yield f"{ours}.input", 0, (*attention, *gated)
            yield f"{ours}.output", 1, (output, down)
        else:
            yield f"{ours}.input", 0, attention
            yield f"{ours}.output", 1, (output,)
            yield f"{ours}.gated", 0, gated
            yield f"{ours}.down", 1, (down,)
            yield f"{ours}.second_norm", 0, (Part(f"{theirs}.post_attention_layernorm.weight", width),)
        yield f"{ours}.norm", 0, (Part(f"{theirs}.input_layernorm.weight", width),)
    yield "norm", 0, (Part("model.norm.weight", width),)


def to_stock(shape: Shape, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our weights, by the names of `Shape.weights`, as the stock class has them; contiguous, same dtype."""
    found = {}
    for ours, axis, cut in parts(shape):
        pieces = torch.split(weights[ours], [part.size for part in cut], axis)
        for part, piece in zip(cut, pieces, strict=True):
            turned = shape.block == "parallel" and part.rotated_heads
            found[part.name] = (interleaved(piece, part.rotated_heads) if turned else piece).contiguous()
    return found


def from_stock(shape: Shape, read: Callable[[str], Tensor], is_interleaved: bool) -> Tensor:
    """A stock checkpoint's weights in our order.

    Args:
        shape: Of the model.
        read: Gives a stock weight by name.
        is_interleaved: Whether rows that the rotary positions pair lie beside each other (Cohere, GGUF), not half a
            head apart (Llama, and here).

    Returns:
        [parameters], float32, as `Shape.weights` orders them.

    Raises:
        InputError: A weight has other dimensions than its configuration says, or is not finite.
    """
    flat = torch.empty(shape.parameters)
    cuts = {ours: (axis, cut) for ours, axis, cut in parts(shape)}
    place = 0
    for ours, dimensions in shape.weights:
        axis, cut = cuts[ours]
        pieces = []
        for part in cut:
            piece = read(part.name)
            wanted = (*dimensions[:axis], part.size, *dimensions[axis + 1 :])
            if tuple(piece.shape) != wanted:
                raise InputError(f"{part.name} is {_times(piece.shape)}; by its configuration it is {_times(wanted)}")
            piece = piece.to(torch.float32)
            if not bool(torch.isfinite(piece).all()):
                raise InputError(f"{part.name} holds what is no finite number")
            pieces.append(
                halved(piece, part.rotated_heads) if is_interleaved and part.rotated_heads else piece,
            )
        whole = torch.cat(pieces, axis).flatten()
        flat[place : place + whole.numel()] = whole
        place += whole.numel()
    return flat


def interleaved(weight: Tensor, heads: int) -> Tensor:
    """Rows [heads × head size, d] reordered: channel i of a head's first half comes before channel i of the second."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).transpose(1, 2).reshape(rows, width)


def halved(weight: Tensor, heads: int) -> Tensor:
    """`interleaved` undone."""
    rows, width = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, width).transpose(1, 2).reshape(rows, width)


def _times(dimensions: "torch.Size | tuple[int, ...]") -> str:
    return " × ".join(map(str, dimensions))
