"""Rotary positions (Su et al. 2021): each head's channels turn by an angle that grows with the position.

The first half of a head's channels is paired with the second half, as most published checkpoints have it.
"""

import torch
from torch import Tensor


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021), halves against each other. ``x``: [batch, heads, sequence, head size]."""
    left, right = x.chunk(2, -1)
    return torch.cat((left * cos - right * sin, right * cos + left * sin), -1)


def rotary_tables(positions: Tensor, head_size: int, base: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """cos and sin, [*positions, head size / 2]."""
    places = torch.arange(0, head_size, 2, dtype=torch.float32, device=positions.device)
    angle = positions[..., None].float() * base ** (-places / head_size)
    return angle.cos().to(dtype), angle.sin().to(dtype)
