"""A decoder's forward pass over tokens that lie in one flat row, whatever they belong to.

Scoring and generation both run many sequences of unlike lengths at once. Everything in a layer but attention treats
tokens alone, so the tokens of all sequences are one [tokens, d] matrix without padding, and attention is a function
that the caller gives: over the branches of a tree of requests, or over the keys and values of the tokens before.
Both blocks of `assay.model.decoder` are here once more, without gradients.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.decoder import Decoder, Layer
from assay.model.rotary import rotary_tables
from assay.model.shape import Shape

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, query [tokens, heads, head size], key [tokens, key heads, head size], value likewise) → [tokens, heads, head
size]; queries and keys are turned to their positions already."""


@torch.inference_mode()
def flat_hidden(decoder: Decoder, ids: Tensor, positions: Tensor, attend: Attend) -> Tensor:
    """Last hidden states after the final norm.

    Args:
        decoder: In float32 or bfloat16.
        ids: [tokens], int64.
        positions: [tokens], int64: each token's place in its own sequence.
        attend: What each token sees; called once a layer, in order.

    Returns:
        [tokens, d], in the weights' dtype.
    """
    shape = decoder.shape
    x = F.embedding(ids, decoder.embedding)
    cos, sin = (table[:, None] for table in rotary_tables(positions, shape.head_size, shape.rotary_base, x.dtype))
    layer = _parallel_layer if shape.block == "parallel" else _llama_layer
    for index, one in enumerate(decoder.layers):
        assert isinstance(one, Layer)
        x = layer(shape, index, x, one.weights, cos, sin, attend)
    return _norm(shape, x, decoder.norm)


def _parallel_layer(
    shape: Shape, index: int, x: Tensor, weights: tuple[Tensor, ...], cos: Tensor, sin: Tensor, attend: Attend
) -> Tensor:
    gain, weight_in, weight_out = weights
    parts = [shape.query_width, shape.key_width, shape.key_width, shape.feed_forward, shape.feed_forward]
    query, key, value, gate, up = torch.split(F.linear(_norm(shape, x, gain), weight_in), parts, -1)
    attended = _attended(shape, index, query, key, value, cos, sin, attend)
    return x + F.linear(torch.cat((attended, F.silu(gate) * up), -1), weight_out)


def _llama_layer(
    shape: Shape, index: int, x: Tensor, weights: tuple[Tensor, ...], cos: Tensor, sin: Tensor, attend: Attend
) -> Tensor:
    gain, second_gain, weight_in, weight_out, gated, down = weights
    parts = [shape.query_width, shape.key_width, shape.key_width]
    query, key, value = torch.split(F.linear(_norm(shape, x, gain), weight_in), parts, -1)
    x = x + F.linear(_attended(shape, index, query, key, value, cos, sin, attend), weight_out)
    gate, up = F.linear(_norm(shape, x, second_gain), gated).chunk(2, -1)
    return x + F.linear(F.silu(gate) * up, down)


def _attended(
    shape: Shape,
    index: int,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cos: Tensor,
    sin: Tensor,
    attend: Attend,
) -> Tensor:
    query, key, value = (part.view(len(part), -1, shape.head_size) for part in (query, key, value))
    return attend(index, _turn(query, cos, sin), _turn(key, cos, sin), value).flatten(1)


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions; ``x``: [tokens, heads, head size], the tables [tokens, 1, head size / 2]."""
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)


def _norm(shape: Shape, x: Tensor, gain: Tensor) -> Tensor:
    if shape.block == "llama":
        return F.rms_norm(x, (shape.width,), gain, shape.norm_epsilon)
    return F.layer_norm(x, (shape.width,), gain, None, shape.norm_epsilon)
