"""The study's architecture: a decoder whose attention and SwiGLU run side by side, no biases, tied embedding.

Each layer is one normalisation, one product into [query, key, value, gate, up], attention beside the gated
feed-forward, and one product back. Rotary positions, Glorot-normal initialisation (paper, §2.3). All weights are views
of one flat buffer, decayed ones first, so that the optimizer is one fused call and a checkpoint is one tensor.
"""

import hashlib
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.attention import causal_attention, masked_attention
from assay.model.sizes import HEAD_SIZE, Size

ROTARY_BASE = 10_000.0
NORM_EPSILON = 1e-5

Layer = tuple[Tensor, Tensor, Tensor]
"""Norm's gain [d], input weights [3d + 2f, d], output weights [d, d + f]."""
BlockFunction = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None], Tensor]


def shapes(size: Size, vocabulary: int) -> list[tuple[str, tuple[int, ...]]]:
    """Name and shape of every weight, in the order of the flat buffer; the norms, which are not decayed, come last."""
    width, feed_forward = size.width, size.feed_forward
    names: list[tuple[str, tuple[int, ...]]] = [("embedding", (vocabulary, width))]
    for layer in range(size.layers):
        names.append((f"layers.{layer}.input", (3 * width + 2 * feed_forward, width)))
        names.append((f"layers.{layer}.output", (width, width + feed_forward)))
    names += [(f"layers.{layer}.norm", (width,)) for layer in range(size.layers)]
    return [*names, ("norm", (width,))]


def decayed(size: Size, vocabulary: int) -> int:
    """How many numbers of the flat buffer are weight-decayed: all but the norms' gains."""
    return sum(math.prod(shape) for _, shape in shapes(size, vocabulary) if len(shape) > 1)


def initialise(size: Size, vocabulary: int, seed: int) -> Tensor:
    """Fresh weights: flat float32, Glorot-normal (variance 2/(fan in + fan out)), gains 1.

    Every weight has a generator of its own, seeded by (seed, name), so that one does not depend on the others' order.
    The parts of a fused product are scaled each by its own fans.
    """
    width, feed_forward = size.width, size.feed_forward
    parts: list[Tensor] = []
    for name, shape in shapes(size, vocabulary):
        if len(shape) == 1:
            parts.append(torch.ones(shape))
            continue
        digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=7).digest()
        drawn = torch.randn(shape, generator=torch.Generator().manual_seed(int.from_bytes(digest, "little")))
        if name.endswith(".input"):
            drawn[: 3 * width] *= (2 / (2 * width)) ** 0.5
            drawn[3 * width :] *= (2 / (width + feed_forward)) ** 0.5
        elif name.endswith(".output"):
            drawn[:, :width] *= (2 / (2 * width)) ** 0.5
            drawn[:, width:] *= (2 / (width + feed_forward)) ** 0.5
        else:
            drawn *= (2 / sum(shape)) ** 0.5
        parts.append(drawn)
    return torch.cat([part.flatten() for part in parts])


def block(
    x: Tensor, gain: Tensor, weight_in: Tensor, weight_out: Tensor, cos: Tensor, sin: Tensor, allowed: Tensor | None
) -> Tensor:
    """One layer. ``x``: [batch, sequence, d]; ``cos``, ``sin``: [sequence or batch × sequence, head size / 2]."""
    batch, length, width = x.shape
    feed_forward = weight_out.shape[1] - width
    y = F.linear(F.layer_norm(x, (width,), gain, None, NORM_EPSILON), weight_in)
    query, key, value, gate, up = torch.split(y, [width, width, width, feed_forward, feed_forward], -1)
    heads = (batch, length, width // HEAD_SIZE, HEAD_SIZE)
    query, key, value = (part.view(heads).transpose(1, 2) for part in (query, key, value))
    query, key = rotate(query, cos, sin), rotate(key, cos, sin)
    attended = causal_attention(query, key, value) if allowed is None else masked_attention(query, key, value, allowed)
    joined = torch.cat((attended.transpose(1, 2).reshape(batch, length, width), F.silu(gate) * up), -1)
    return x + F.linear(joined, weight_out)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021), halves against each other. ``x``: [batch, heads, sequence, head size]."""
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)


def rotary_tables(positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """cos and sin, [*positions, head size / 2]."""
    frequency = ROTARY_BASE ** (-torch.arange(0, HEAD_SIZE, 2, dtype=torch.float32) / HEAD_SIZE)
    angle = positions[..., None].float() * frequency
    return angle.cos().to(dtype), angle.sin().to(dtype)


class Decoder:
    """The model over a flat buffer of weights."""

    def __init__(self, size: Size, vocabulary: int, flat: Tensor, block_function: BlockFunction = block) -> None:
        """
        Args:
            size: Shape.
            vocabulary: Tokens.
            flat: [parameters], in the dtype to compute in; the weights are views of it.
            block_function: `block`, or a compiled one.
        """
        self.size = size
        self.block = block_function
        self.weights: dict[str, Tensor] = {}
        place = 0
        for name, shape in shapes(size, vocabulary):
            count = math.prod(shape)
            self.weights[name] = flat[place : place + count].view(shape)
            place += count
        self._tables: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def embedding(self) -> Tensor:
        """[vocabulary, d]: both ends of the model."""
        return self.weights["embedding"]

    def layer(self, index: int) -> Layer:
        """The weights of one layer."""
        name = f"layers.{index}"
        return self.weights[f"{name}.norm"], self.weights[f"{name}.input"], self.weights[f"{name}.output"]

    def hidden(self, ids: Tensor, positions: Tensor | None = None, allowed: Tensor | None = None) -> Tensor:
        """Last hidden states after the final norm.

        Args:
            ids: [batch, sequence], int64.
            positions: [batch, sequence]; None: 0, 1, 2 …
            allowed: [batch, 1, sequence, sequence], bool; None: causal.

        Returns:
            [batch, sequence, d] in the weights' dtype.
        """
        x = F.embedding(ids, self.embedding)
        if positions is None:
            cos, sin = self._table(ids.shape[1], x.dtype)
        else:
            cos, sin = (table[:, None] for table in rotary_tables(positions, x.dtype))
        for index in range(self.size.layers):
            x = self.block(x, *self.layer(index), cos, sin, allowed)
        return F.layer_norm(x, (x.shape[-1],), self.weights["norm"], None, NORM_EPSILON)

    def _table(self, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        if length not in self._tables:
            self._tables[length] = rotary_tables(torch.arange(length), dtype)
        return self._tables[length]
