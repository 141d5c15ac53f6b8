"""A decoder's forward pass over tokens that lie in one flat row, whatever they belong to.

Scoring and generation both run many sequences of unlike lengths at once. Everything in a layer but attention treats
tokens alone, so the tokens of all sequences are one [tokens, d] matrix without padding, and attention is a function
that the caller gives: over the branches of a tree of requests, or over the keys and values of the tokens before.
Both blocks of `assay.model.decoder` are here once more, without gradients, over passes that are native where they can
be; the last layer does what comes behind attention only for the tokens whose states are wanted.
"""

from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.decoder import Decoder, Layer
from assay.model.native import inference as native
from assay.model.rotary import rotary_tables
from assay.model.shape import Shape

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, query [tokens, heads, head size], key [tokens, key heads, head size], value likewise) → [tokens, heads, head
size]; queries and keys are turned to their positions already. The three lie side by side: only a token's own part of
each is contiguous."""


class Passes(Protocol):
    """What lies between the products, and the products."""

    def start(self, x: Tensor) -> Tensor:
        """The residual stream, of embedded tokens [tokens, d]."""

    def norm(self, x: Tensor, delta: Tensor | None, gain: Tensor) -> tuple[Tensor, Tensor]:
        """x + delta, which may be written over ``x``, and its normalised form in the weights' type."""

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        """x·wᵀ."""

    def turn(self, inner: Tensor, heads: int) -> Tensor:
        """[tokens, channels] with the first ``heads`` heads turned to their positions; maybe written over ``inner``."""

    def gate(self, gated: Tensor, to: Tensor) -> None:
        """silu(gate)·up, written into ``to``; ``gated``: gate and up side by side."""


class TorchPasses:
    """Anywhere, in the weights' own type throughout."""

    def __init__(self, shape: Shape, positions: Tensor, dtype: torch.dtype) -> None:
        """``positions``: [tokens]."""
        self.shape = shape
        tables = rotary_tables(positions, shape.head_size, shape.rotary_base, dtype)
        self.cos, self.sin = (table[:, None] for table in tables)

    def start(self, x: Tensor) -> Tensor:
        """See `Passes`."""
        return x

    def norm(self, x: Tensor, delta: Tensor | None, gain: Tensor) -> tuple[Tensor, Tensor]:
        """See `Passes`."""
        x = x if delta is None else x + delta
        if self.shape.block == "llama":
            return x, F.rms_norm(x, gain.shape, gain, self.shape.norm_epsilon)
        return x, F.layer_norm(x, gain.shape, gain, None, self.shape.norm_epsilon)

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        """See `Passes`."""
        return F.linear(x, weight)

    def turn(self, inner: Tensor, heads: int) -> Tensor:
        """See `Passes`."""
        size = self.shape.head_size
        left, right = inner[:, : heads * size].view(len(inner), heads, size).chunk(2, -1)
        turned = torch.cat((left * self.cos - right * self.sin, right * self.cos + left * self.sin), -1)
        return torch.cat((turned.flatten(1), inner[:, heads * size :]), -1)

    def gate(self, gated: Tensor, to: Tensor) -> None:
        """See `Passes`."""
        gates, ups = gated.chunk(2, -1)
        to.copy_(F.silu(gates) * ups)


class NativePasses:
    """Where `assay.model.native.inference.fits`: the residual stream is float32."""

    def __init__(self, shape: Shape, positions: Tensor) -> None:
        """``positions``: [tokens]."""
        self.shape = shape
        self.cos, self.sin = rotary_tables(positions, shape.head_size, shape.rotary_base, torch.float32)

    def start(self, x: Tensor) -> Tensor:
        """See `Passes`."""
        return x.float()

    def norm(self, x: Tensor, delta: Tensor | None, gain: Tensor) -> tuple[Tensor, Tensor]:
        """See `Passes`."""
        return x, native.add_norm(x, delta, gain, self.shape.norm_epsilon, self.shape.block == "parallel")

    def product(self, x: Tensor, weight: Tensor) -> Tensor:
        """See `Passes`."""
        return native.product(x, weight)

    def turn(self, inner: Tensor, heads: int) -> Tensor:
        """See `Passes`."""
        native.rotate_heads(inner, self.cos, self.sin, heads, self.shape.head_size)
        return inner

    def gate(self, gated: Tensor, to: Tensor) -> None:
        """See `Passes`."""
        native.gate(gated, to)


@torch.inference_mode()
def flat_hidden(
    decoder: Decoder, ids: Tensor, positions: Tensor, attend: Attend, wanted: Tensor | None = None
) -> Tensor:
    """Last hidden states after the final norm.

    Args:
        decoder: In float32 or bfloat16.
        ids: [tokens], int64.
        positions: [tokens], int64: each token's place in its own sequence.
        attend: What each token sees; called once a layer, in order, with all tokens.
        wanted: [wanted], int64: the tokens whose states are given; None: all.

    Returns:
        [tokens or wanted, d], in the weights' dtype.
    """
    shape = decoder.shape
    passes: Passes
    if native.fits(shape, decoder.output):
        passes = NativePasses(shape, positions)
    else:
        passes = TorchPasses(shape, positions, decoder.output.dtype)
    layer = _parallel_layer if shape.block == "parallel" else _llama_layer
    x, delta = passes.start(F.embedding(ids, decoder.embedding)), None
    for index, one in enumerate(decoder.layers):
        assert isinstance(one, Layer)
        kept = wanted if index == shape.layers - 1 else None
        x, delta = layer(shape, passes, index, x, delta, one.weights, attend, kept)
    return passes.norm(x, delta, decoder.norm)[1]


def _parallel_layer(
    shape: Shape,
    passes: Passes,
    index: int,
    x: Tensor,
    delta: Tensor | None,
    weights: tuple[Tensor, ...],
    attend: Attend,
    wanted: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The residual stream before the layer, and what the layer adds to it; of the wanted tokens, if some are named."""
    gain, weight_in, weight_out = weights
    seen = shape.query_width + 2 * shape.key_width
    x, normal = passes.norm(x, delta, gain)
    if wanted is None:
        inner = passes.product(normal, weight_in)
        gated = inner[:, seen:]
    else:
        inner = passes.product(normal, weight_in[:seen])
        gated = passes.product(normal[wanted], weight_in[seen:])
    attended = _attended(shape, passes, index, inner, attend)
    if wanted is not None:
        x, attended = x[wanted], attended[wanted]
    joined = attended.new_empty(len(attended), shape.query_width + shape.feed_forward)
    joined[:, : shape.query_width] = attended
    passes.gate(gated, joined[:, shape.query_width :])
    return x, passes.product(joined, weight_out)


def _llama_layer(
    shape: Shape,
    passes: Passes,
    index: int,
    x: Tensor,
    delta: Tensor | None,
    weights: tuple[Tensor, ...],
    attend: Attend,
    wanted: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """See `_parallel_layer`."""
    gain, second_gain, weight_in, weight_out, weight_gated, weight_down = weights
    x, normal = passes.norm(x, delta, gain)
    attended = _attended(shape, passes, index, passes.product(normal, weight_in), attend)
    if wanted is not None:
        x, attended = x[wanted], attended[wanted]
    x, normal = passes.norm(x, passes.product(attended, weight_out), second_gain)
    joined = attended.new_empty(len(x), shape.feed_forward)
    passes.gate(passes.product(normal, weight_gated), joined)
    return x, passes.product(joined, weight_down)


def _attended(shape: Shape, passes: Passes, index: int, inner: Tensor, attend: Attend) -> Tensor:
    """[tokens, channels of the queries], of products that begin with queries, keys and values."""
    queries, keys = shape.query_width, shape.key_width
    inner = passes.turn(inner, (queries + keys) // shape.head_size)
    parts = torch.split(inner[:, : queries + 2 * keys], [queries, keys, keys], -1)
    query, key, value = (part.view(len(part), -1, shape.head_size) for part in parts)
    return attend(index, query, key, value).flatten(1)
