"""What a decoder is made of: the numbers that decide its weights and its forward pass.

Two blocks are known. ``parallel`` is the study's: one normalisation, attention beside the gated feed-forward, one
product in and one out. ``llama`` is the stock one that most published checkpoints have, attention before the
feed-forward, each behind a root-mean-square norm; it is there so that a study can begin from an existing model.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal


@dataclass(frozen=True)
class Shape:
    """Shape of a decoder with its vocabulary."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    head_size: int
    feed_forward: int
    block: Literal["parallel", "llama"] = "parallel"
    key_heads: int = 0
    """Heads of keys and values; 0: as many as ``heads``."""
    tied: bool = True
    """Whether the embedding is the output layer too."""
    norm_epsilon: float = 1e-5
    rotary_base: float = 10_000.0

    @property
    def query_width(self) -> int:
        """Channels of all query heads."""
        return self.heads * self.head_size

    @property
    def key_width(self) -> int:
        """Channels of all key heads, and of all value heads."""
        return (self.key_heads or self.heads) * self.head_size

    @cached_property
    def weights(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Name and dimensions of every weight, in the order of the flat buffer: what is decayed first, norms last."""
        width, feed_forward, query, key = self.width, self.feed_forward, self.query_width, self.key_width
        names: list[tuple[str, tuple[int, ...]]] = [("embedding", (self.vocabulary, width))]
        if not self.tied:
            names.append(("head", (self.vocabulary, width)))
        norms: list[tuple[str, tuple[int, ...]]] = []
        for layer in range(self.layers):
            at = f"layers.{layer}"
            if self.block == "parallel":
                names.append((f"{at}.input", (query + 2 * key + 2 * feed_forward, width)))
                names.append((f"{at}.output", (width, query + feed_forward)))
                norms.append((f"{at}.norm", (width,)))
            else:
                names.append((f"{at}.input", (query + 2 * key, width)))
                names.append((f"{at}.output", (width, query)))
                names.append((f"{at}.gated", (2 * feed_forward, width)))
                names.append((f"{at}.down", (width, feed_forward)))
                norms += [(f"{at}.norm", (width,)), (f"{at}.second_norm", (width,))]
        return (*names, *norms, ("norm", (width,)))

    @cached_property
    def parameters(self) -> int:
        """All weights."""
        return sum(math.prod(dimensions) for _, dimensions in self.weights)

    @cached_property
    def decayed(self) -> int:
        """How many numbers of the flat buffer are weight-decayed: all but the norms' gains."""
        return sum(math.prod(dimensions) for _, dimensions in self.weights if len(dimensions) > 1)
