"""Keys and values of the tokens so far, of several sequences at once, in memory taken once.

A sequence has a slot; a step appends to it in place, where a cache that is joined anew every step copies all it holds.
Samples of one prompt begin as copies of one slot. Where the native kernels are, keys lie as their products want them;
elsewhere, GPUs included, they are plain tensors under PyTorch's own attention. In a machine's own memory pages that no
token has reached are never touched, so a generous capacity costs nothing there; a GPU gives all of it at once.
"""

import math
import mmap
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.native import decode, inference
from assay.model.shape import Shape


class Run(NamedTuple):
    """Tokens that go through the model together and follow one another in one slot."""

    token: int
    """Place of the first in the flat row."""
    length: int
    slot: int
    position: int
    """Of the first in its sequence: what the slot holds before it. A run of several tokens begins at 0."""


class KeyCache(Protocol):
    """Kept keys and values, and attention over them."""

    def place(self, runs: Sequence[Run]) -> None:
        """Say what the tokens of the next pass are; together the runs are the flat row, in order, single tokens first,
        and no slot has two."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """An `assay.model.inference.Attend`: keeps keys and values, and attends within each slot."""

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Begin one slot as another begins."""


def open_cache(shape: Shape, weights: Tensor, slots: int, capacity: int) -> KeyCache:
    """An empty cache.

    Args:
        shape: Of the decoder.
        weights: One of the decoder's, whose type and device keys and values have.
        slots: Sequences at a time.
        capacity: Most tokens of a sequence.
    """
    return (NativeCache if inference.fits(shape, weights) else TorchCache)(shape, weights, slots, capacity)


class NativeCache:
    """Where the native passes of a forward run."""

    def __init__(self, shape: Shape, weights: Tensor, slots: int, capacity: int) -> None:
        """See `open_cache`."""
        blocks = -(-capacity // decode.BLOCK)
        heads = shape.key_width // shape.head_size
        sizes = (shape.layers, slots, heads, blocks * decode.BLOCK, shape.head_size)
        self.keys, self.values = _zeros(sizes, weights), _zeros(sizes, weights)
        self.runs = torch.empty(0, 4, dtype=torch.int64)

    def place(self, runs: Sequence[Run]) -> None:
        """See `KeyCache`; likewise the rest."""
        self.runs = torch.tensor(runs, dtype=torch.int64)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """"""
        return decode.attend_kept(query, key, value, self.keys[layer], self.values[layer], self.runs)

    def copy(self, source: int, target: int, tokens: int) -> None:
        """"""
        whole = -(-tokens // decode.BLOCK) * decode.BLOCK
        for kept in (self.keys, self.values):
            kept[:, target, :, :whole] = kept[:, source, :, :whole]


class TorchCache:
    """Anywhere."""

    def __init__(self, shape: Shape, weights: Tensor, slots: int, capacity: int) -> None:
        """See `open_cache`."""
        self.heads = shape.key_width // shape.head_size
        sizes = (shape.layers, slots, self.heads, capacity, shape.head_size)
        self.keys, self.values = _zeros(sizes, weights), _zeros(sizes, weights)
        self.device = weights.device
        self.long: list[Run] = []

    def place(self, runs: Sequence[Run]) -> None:
        """See `KeyCache`; likewise the rest."""
        single = [run for run in runs if run.length == 1]
        self.long = [run for run in runs if run.length > 1]
        used = 1 + max((run.slot for run in single), default=-1)
        self.reach = 1 + max((run.position for run in single), default=-1)
        lengths = torch.ones(used, dtype=torch.int64)
        for run in single:
            lengths[run.slot] = run.position + 1
        self.seen = (torch.arange(self.reach) < lengths[:, None])[:, None, None].to(self.device)
        self.slots = torch.tensor([run.slot for run in single], dtype=torch.int64, device=self.device)
        self.positions = torch.tensor([run.position for run in single], dtype=torch.int64, device=self.device)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """"""
        keys, values, single = self.keys[layer], self.values[layer], len(self.slots)
        parts = []
        if single:
            keys[self.slots, :, self.positions] = key[:single]
            values[self.slots, :, self.positions] = value[:single]
            used = len(self.seen)
            asked = query.new_zeros(used, self.heads, query.shape[1] // self.heads, query.shape[2])
            asked[self.slots] = query[:single].reshape(single, *asked.shape[1:])
            known, meant = keys[:used, :, : self.reach], values[:used, :, : self.reach]
            found = F.scaled_dot_product_attention(asked, known, meant, attn_mask=self.seen)
            parts.append(found[self.slots].flatten(1, 2))
        for run in self.long:
            its = slice(run.token, run.token + run.length)
            asked, new_keys, new_values = (part[its].transpose(0, 1) for part in (query, key, value))
            keys[run.slot, :, : run.length], values[run.slot, :, : run.length] = new_keys, new_values
            group = query.shape[1] // self.heads
            widened = [part.repeat_interleave(group, 0)[None] for part in (new_keys, new_values)]
            found = F.scaled_dot_product_attention(asked[None], widened[0], widened[1], is_causal=True)
            parts.append(found[0].transpose(0, 1))
        return torch.cat(parts)

    def copy(self, source: int, target: int, tokens: int) -> None:
        """"""
        for kept in (self.keys, self.values):
            kept[:, target, :, :tokens] = kept[:, source, :, :tokens]


def _zeros(sizes: Sequence[int], weights: Tensor) -> Tensor:
    """Zeros in the type and on the device of the weights; on a CPU of pages that are taken when they are written to,
    where `torch.zeros` would write to all. They must be zeros: a weight of zero times what is no number is none."""
    if weights.device.type != "cpu":
        return torch.zeros(sizes, dtype=weights.dtype, device=weights.device)
    pages = mmap.mmap(-1, math.prod(sizes) * weights.element_size(), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return torch.frombuffer(pages, dtype=weights.dtype).view(*sizes)
