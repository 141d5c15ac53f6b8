"""Attention over a tree of tokens that lie in one flat row: each sees the tokens between it and the root.

The row is cut into runs, each a branch of the tree in the order of its tokens; what a run sees before itself are spans
of the row. On a CPU that the native kernels are for, one of them does it. Elsewhere runs of about equal sizes are
padded together, their paths gathered, and the usual attention done under a mask; that is slower, and exact as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.native import inference as native

SCORES = 1 << 24
"""Of padded runs, at most so many queries times keys at once."""


@dataclass(frozen=True, slots=True)
class Padded:
    """Runs of about equal sizes, padded to the longest."""

    queries: Tensor
    """[runs, longest run]: tokens; padded with the last."""
    keys: Tensor
    """[runs, longest path]: tokens from the root on; padded with the last."""
    allowed: Tensor
    """[runs, 1, longest run, longest path], bool."""
    real: Tensor
    """[runs, longest run], bool: not padding."""


class TreeAttention:
    """The ``attend`` of `assay.model.inference.flat_hidden`."""

    def __init__(self, begins: Sequence[int], spans: Sequence[Sequence[tuple[int, int]]], native_passes: bool) -> None:
        """
        Args:
            begins: First token of each run, and the number of tokens.
            spans: What each run sees before its own tokens: [first, one behind the last), ascending.
            native_passes: Whether the native kernels fit the decoder.
        """
        self.native = native_passes
        self.runs, self.before = begins, spans
        if native_passes:
            self.begins = torch.tensor(begins)
            counts = [0, *(len(some) for some in spans)]
            self.offsets = torch.tensor(counts).cumsum(0)
            self.spans = torch.tensor([span for some in spans for span in some], dtype=torch.int64).view(-1, 2)
        self._groups: list[Padded] | None = None

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """See `assay.model.inference.Attend`."""
        if self.native:
            return native.attend_tree(query, key, value, self.begins, self.offsets, self.spans)
        if self._groups is None:
            self._groups = [self._padded(some, query.device) for some in self._alike()]
        made = query.new_empty(query.shape)
        repeats = query.shape[1] // key.shape[1]
        for group in self._groups:
            parts = query[group.queries], key[group.keys], value[group.keys]
            some_query, some_key, some_value = (part.transpose(1, 2) for part in parts)
            if repeats > 1:
                some_key, some_value = (part.repeat_interleave(repeats, 1) for part in (some_key, some_value))
            found = F.scaled_dot_product_attention(some_query, some_key, some_value, attn_mask=group.allowed)
            made[group.queries[group.real]] = found.transpose(1, 2)[group.real]
        return made

    def _size(self, run: int) -> tuple[int, int]:
        """Tokens of a run, and of its path from the root to its end."""
        own = self.runs[run + 1] - self.runs[run]
        return own, own + sum(to - first for first, to in self.before[run])

    def _alike(self) -> list[list[int]]:
        """The runs, those together whose run and path lie between the same powers of two."""
        groups: dict[tuple[int, int], list[int]] = {}
        for run in range(len(self.before)):
            own, path = self._size(run)
            groups.setdefault((own.bit_length(), path.bit_length()), []).append(run)
        found = []
        for (own_bits, path_bits), runs in sorted(groups.items()):
            most = max(1, SCORES >> (own_bits + path_bits))
            found += [runs[at : at + most] for at in range(0, len(runs), most)]
        return found

    def _padded(self, runs: list[int], device: torch.device) -> Padded:
        sizes = [self._size(run) for run in runs]
        longest, deepest = (max(size[at] for size in sizes) for at in (0, 1))
        queries = np.zeros((len(runs), longest), np.int64)
        keys = np.zeros((len(runs), deepest), np.int64)
        for row, (run, (own, path)) in enumerate(zip(runs, sizes, strict=True)):
            mine = np.arange(self.runs[run], self.runs[run + 1])
            queries[row], queries[row, :own] = mine[-1], mine
            before = [np.arange(first, to) for first, to in self.before[run]]
            keys[row], keys[row, :path] = mine[-1], np.concatenate((*before, mine))
        own_sizes, path_sizes = (torch.tensor([size[at] for size in sizes])[:, None] for at in (0, 1))
        places = torch.arange(longest)[None]
        behind = path_sizes - own_sizes + places.clamp(max=longest)
        allowed = torch.arange(deepest)[None, None] <= torch.minimum(behind, path_sizes - 1)[:, :, None]
        parts = torch.from_numpy(queries), torch.from_numpy(keys), allowed[:, None], places < own_sizes
        return Padded(*(part.to(device) for part in parts))
