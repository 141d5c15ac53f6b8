"""Which token comes next: the likeliest, or one drawn by its probability.

A draw is the inverse of the distribution function at one uniform number. That number is a hash of what the draw is
for, so a sample owes nothing to the batch it is made in, to its order, or to a generator's state. Temperature divides
logits; top-p keeps the fewest likeliest tokens that reach that probability together (Holtzman et al., arXiv
1904.09751), of equally likely ones the lowest ids. No top-k and no penalties for repetition.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from assay.model.native import decode
from assay.model.native.library import library


class Draw(NamedTuple):
    """What decides the next token of a row beside its logits."""

    temperature: float
    """0: the likeliest token."""
    top_p: float = 1.0
    """Probability that the tokens to draw from reach together."""
    uniform: float = 0.0
    """In [0, 1)."""


def uniform(seed: int, key: str, sample: int, step: int) -> float:
    """A number in [0, 1) for one draw, always the same for the same draw, independent of every other."""
    digest = hashlib.blake2b(json.dumps([seed, key, sample, step]).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) / (1 << 53)


def choose(logits: Tensor, draws: Sequence[Draw]) -> list[int]:
    """A token of each row; of equally likely ones the lowest id is the likeliest.

    Args:
        logits: [rows, vocabulary], float32; written over.
        draws: Of each row.
    """
    settings = torch.tensor(draws, dtype=torch.float64)
    native = logits.device.type == "cpu" and library() is not None
    return list(map(int, (decode.choose if native else choose_in_torch)(logits, settings).tolist()))


def choose_in_torch(logits: Tensor, settings: Tensor) -> Tensor:
    """As `assay.model.native.decode.choose`, anywhere, by a sort of the vocabulary where there is a top-p."""
    chosen = logits.argmax(-1)
    drawn = (settings[:, 0] > 0).nonzero().flatten()
    if not len(drawn):
        return chosen
    temperature, top_p, numbers = (column[:, None].to(logits.device) for column in settings[drawn].unbind(1))
    drawn = drawn.to(logits.device)
    rows = logits[drawn].double() / temperature
    mass = torch.softmax(rows, -1)
    if bool((top_p < 1).any()):
        falling, order = mass.sort(dim=-1, descending=True, stable=True)
        kept = (falling.cumsum(-1) - falling < top_p) | (top_p == 1)
        mass = mass * torch.zeros_like(kept).scatter_(1, order, kept)
    sums = mass.cumsum(-1)
    found = torch.searchsorted(sums, numbers * sums[:, -1:], right=True).flatten()
    chosen[drawn] = found.clamp(max=logits.shape[1] - 1)
    return chosen
