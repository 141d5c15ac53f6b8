"""The study's architecture: a decoder whose attention and SwiGLU run side by side, no biases, tied embedding.

Each layer is one normalisation, one product into [query, key, value, gate, up], attention beside the gated
feed-forward, and one product back. Rotary positions, Glorot-normal initialisation (paper, §2.3). A decoder owns no
memory: its weights are views of one flat buffer that the optimizer owns, decayed ones first, so that a step of the
optimizer is one fused call and a checkpoint is one tensor.
"""

import hashlib
import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assay.model.attention import causal_attention, masked_attention
from assay.model.llama import block as llama_block
from assay.model.loss import Pass, linear_cross_entropy, softmax_pass
from assay.model.rotary import rotary_tables, rotate
from assay.model.shape import Shape

BlockFunction = Callable[[Tensor, tuple[Tensor, ...], Tensor, Tensor, Tensor | None, int, float], Tensor]
"""(x, weights, cos, sin, mask, head size, epsilon) → x; see `block`."""


def initialise(shape: Shape, seed: int) -> Tensor:
    """Fresh weights: flat float32, Glorot-normal (variance 2/(fan in + fan out)), gains 1.

    Every weight has a generator of its own, seeded by (seed, name), so that one does not depend on the others' order.
    The parts of a fused product are scaled each by its own fans.
    """
    flat = torch.empty(shape.parameters)
    place = 0
    for name, dimensions in shape.weights:
        count = math.prod(dimensions)
        flat[place : place + count] = initial_weight(shape, name, dimensions, seed).flatten()
        place += count
    return flat


def initial_weight(shape: Shape, name: str, dimensions: tuple[int, ...], seed: int) -> Tensor:
    """One fresh weight, float32; see `initialise`."""
    if len(dimensions) == 1:
        return torch.ones(dimensions)
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=7).digest()
    drawn = torch.randn(dimensions, generator=torch.Generator().manual_seed(int.from_bytes(digest, "little")))
    width, feed_forward, query, key = shape.width, shape.feed_forward, shape.query_width, shape.key_width
    kind = name.rpartition(".")[2]
    if kind == "input":
        _scale(drawn[:query], width, query)
        _scale(drawn[query : query + 2 * key], width, key)
        _scale(drawn[query + 2 * key :], width, feed_forward)
    elif kind == "output":
        _scale(drawn[:, :query], query, width)
        _scale(drawn[:, query:], feed_forward, width)
    elif kind == "gated":
        _scale(drawn, width, feed_forward)
    else:
        _scale(drawn, *dimensions)
    return drawn


def _scale(part: Tensor, fan_in: int, fan_out: int) -> None:
    part *= (2 / (fan_in + fan_out)) ** 0.5


def views(shape: Shape, flat: Tensor) -> dict[str, Tensor]:
    """The weights of a flat buffer by name."""
    found: dict[str, Tensor] = {}
    place = 0
    for name, dimensions in shape.weights:
        count = math.prod(dimensions)
        found[name] = flat[place : place + count].view(dimensions)
        place += count
    return found


def block(
    x: Tensor,
    weights: tuple[Tensor, ...],
    cos: Tensor,
    sin: Tensor,
    mask: Tensor | None,
    head_size: int,
    epsilon: float,
) -> Tensor:
    """One layer.

    Args:
        x: [batch, sequence, d].
        weights: Norm's gain [d], input weights [q + 2k + 2f, d], output weights [d, q + f].
        cos: [sequence, head size / 2], or [batch, 1, sequence, head size / 2]; likewise ``sin``.
        sin: See ``cos``.
        mask: None: causal; int32 [batch, sequence]: causal inside the document of that number; bool
            [batch, 1, sequence, sequence]: true where a query may look.
        head_size: Channels of a head.
        epsilon: The norm's.
    """
    gain, weight_in, weight_out = weights
    batch, length, width = x.shape
    feed_forward = weight_out.shape[1] - width
    y = F.linear(F.layer_norm(x, (width,), gain, None, epsilon), weight_in)
    query, key, value, gate, up = torch.split(y, [width, width, width, feed_forward, feed_forward], -1)
    heads = (batch, length, width // head_size, head_size)
    query, key, value = (part.view(heads).transpose(1, 2) for part in (query, key, value))
    query, key = rotate(query, cos, sin), rotate(key, cos, sin)
    if mask is not None and mask.dim() == 4:
        attended = masked_attention(query, key, value, mask)
    else:
        attended = causal_attention(query, key, value, mask)
    joined = torch.cat((attended.transpose(1, 2).reshape(batch, length, width), F.silu(gate) * up), -1)
    return x + F.linear(joined, weight_out)


BLOCKS: dict[str, BlockFunction] = {"parallel": block, "llama": llama_block}
"""By `Shape.block`."""


class Layer(nn.Module):
    """One layer's weights, and the function that uses them."""

    def __init__(self, shape: Shape, weights: Mapping[str, Tensor], function: BlockFunction, trained: bool) -> None:
        """
        Args:
            shape: The decoder's.
            weights: By the last part of their names, norms first.
            function: See `BlockFunction`.
            trained: Whether gradients are wanted.
        """
        super().__init__()
        self.shape, self.function = shape, function
        self.names = tuple(weights)
        for name, weight in weights.items():
            self.register_parameter(name, nn.Parameter(weight, requires_grad=trained))

    @property
    def weights(self) -> tuple[Tensor, ...]:
        """In the order that the block takes them."""
        return tuple(getattr(self, name) for name in self.names)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        """See `block`."""
        return self.function(x, self.weights, cos, sin, mask, self.shape.head_size, self.shape.norm_epsilon)


class Decoder(nn.Module):
    """The model over weights that somebody else owns."""

    def __init__(
        self,
        shape: Shape,
        weights: Mapping[str, Tensor],
        function: BlockFunction | None = None,
        one_pass: Pass = softmax_pass,
        trained: bool = False,
    ) -> None:
        """
        Args:
            shape: What it is made of.
            weights: By name, as `Shape.weights` has them, all in the dtype to compute in; used in place.
            function: The block, compiled maybe; None: the plain one of the shape.
            one_pass: Of the loss; see `assay.model.loss`.
            trained: Whether gradients are wanted.
        """
        super().__init__()
        self.shape = shape
        self.one_pass = one_pass
        self.embedding = nn.Parameter(weights["embedding"], requires_grad=trained)
        self.head = None if shape.tied else nn.Parameter(weights["head"], requires_grad=trained)
        function = function or BLOCKS[shape.block]
        self.layers = nn.ModuleList()
        for index in range(shape.layers):
            mine = {
                name.rpartition(".")[2]: weight
                for name, weight in weights.items()
                if name.startswith(f"layers.{index}.")
            }
            norms_first = dict(sorted(mine.items(), key=lambda named: named[1].dim()))
            self.layers.append(Layer(shape, norms_first, function, trained))
        self.norm = nn.Parameter(weights["norm"], requires_grad=trained)
        self._tables: dict[tuple[int, torch.dtype, torch.device], tuple[Tensor, Tensor]] = {}

    @property
    def output(self) -> Tensor:
        """[vocabulary, d]: what hidden states are multiplied with to give logits."""
        return self.embedding if self.head is None else self.head

    def forward(self, ids: Tensor, targets: Tensor, documents: Tensor | None = None) -> Tensor:
        """Mean negative log-likelihood of the targets, float32, in nats.

        Args:
            ids: [batch, sequence], int64.
            targets: [batch, sequence], int64.
            documents: [batch, sequence], int32: attention stays inside a document; None: it does not.
        """
        hidden = self.hidden(ids, documents=documents)
        return linear_cross_entropy(hidden.flatten(0, 1), self.output, targets.flatten(), self.one_pass)

    def hidden(
        self,
        ids: Tensor,
        positions: Tensor | None = None,
        allowed: Tensor | None = None,
        documents: Tensor | None = None,
    ) -> Tensor:
        """Last hidden states after the final norm.

        Args:
            ids: [batch, sequence], int64.
            positions: [batch, sequence]; None: 0, 1, 2 …
            allowed: [batch, 1, sequence, sequence], bool; None: causal.
            documents: [batch, sequence], int32; see `forward`.

        Returns:
            [batch, sequence, d] in the weights' dtype.
        """
        x = F.embedding(ids, self.embedding)
        if positions is None:
            cos, sin = self._table(ids.shape[1], x.dtype, x.device)
        else:
            tables = rotary_tables(positions, self.shape.head_size, self.shape.rotary_base, x.dtype)
            cos, sin = (table[:, None] for table in tables)
        mask = documents if allowed is None else allowed
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        width, epsilon = (self.shape.width,), self.shape.norm_epsilon
        if self.shape.block == "llama":
            return F.rms_norm(x, width, self.norm, epsilon)
        return F.layer_norm(x, width, self.norm, None, epsilon)

    def _table(self, length: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
        key = (length, dtype, device)
        if key not in self._tables:
            places = torch.arange(length, device=device)
            self._tables[key] = rotary_tables(places, self.shape.head_size, self.shape.rotary_base, dtype)
        return self._tables[key]


def plain_decoder(shape: Shape, flat: Tensor) -> Decoder:
    """A decoder for evaluation over a flat buffer, uncompiled and without gradients."""
    return Decoder(shape, views(shape, flat))
