"""The stock block of published checkpoints: attention, then the gated feed-forward, each behind an RMS norm."""

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.attention import causal_attention, masked_attention
from assay.model.rotary import rotate


def block(
    x: Tensor,
    weights: tuple[Tensor, ...],
    cos: Tensor,
    sin: Tensor,
    mask: Tensor | None,
    head_size: int,
    epsilon: float,
) -> Tensor:
    """One layer; see `assay.model.decoder.block` for what is alike.

    Args:
        x: [batch, sequence, d].
        weights: The two norms' gains [d], [query, key, value] weights [q + 2k, d], output weights [d, q], [gate, up]
            weights [2f, d], down weights [d, f].
        cos: See there; likewise the rest.
        sin: See there.
        mask: See there.
        head_size: Channels of a head.
        epsilon: The norms'.
    """
    gain, second_gain, weight_in, weight_out, gated, down = weights
    batch, length, width = x.shape
    queries = weight_out.shape[1]
    keys = (weight_in.shape[0] - queries) // 2
    y = F.linear(F.rms_norm(x, (width,), gain, epsilon), weight_in)
    query, key, value = (
        part.view(batch, length, -1, head_size).transpose(1, 2) for part in torch.split(y, [queries, keys, keys], -1)
    )
    query, key = rotate(query, cos, sin), rotate(key, cos, sin)
    if keys != queries:
        key, value = (part.repeat_interleave(queries // keys, 1) for part in (key, value))
    if mask is not None and mask.dim() == 4:
        attended = masked_attention(query, key, value, mask)
    else:
        attended = causal_attention(query, key, value, mask)
    x = x + F.linear(attended.transpose(1, 2).reshape(batch, length, queries), weight_out)
    gate, up = F.linear(F.rms_norm(x, (width,), second_gain, epsilon), gated).chunk(2, -1)
    return x + F.linear(F.silu(gate) * up, down)
