"""Causal attention as matrix products, so that the compiler can fuse what lies between them.

PyTorch's CPU flash attention runs its backward at a fifth of its forward, and on processors without AMX at a quarter
of their bf16 rate either way. Written as two batched products a block of queries, with the mask and softmax between
them left to the compiler, a training step of the 1M model takes two thirds of the time (docs/log.md). Long
sequences go to the flash kernel, whose memory does not grow with their square.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

QUERY_BLOCK = 512
LONGEST = 2048
"""Sequences up to this length are done by matrix products."""


def causal_attention(query: Tensor, key: Tensor, value: Tensor, documents: Tensor | None = None) -> Tensor:
    """softmax(q·kᵀ/√h, causal)·v.

    Args:
        query: [batch, heads, sequence, head size]; likewise ``key`` and ``value``.
        documents: [batch, sequence], int32: a query looks at keys of its own document alone; None: at all earlier ones.

    Returns:
        [batch, heads, sequence, head size], in the dtype of ``value``; the softmax is taken in float32.
    """
    length = query.shape[2]
    if query.is_cuda:
        return _flash_attention(query, key, value, documents)
    if length > LONGEST and documents is None:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    query = query * query.shape[-1] ** -0.5
    blocks = []
    for start in range(0, length, QUERY_BLOCK):
        end = min(start + QUERY_BLOCK, length)
        scores = (query[:, :, start:end] @ key[:, :, :end].transpose(-1, -2)).float()
        earlier = torch.arange(end)[None, :] <= torch.arange(start, end)[:, None]
        if documents is not None:
            earlier = earlier & (documents[:, None, start:end, None] == documents[:, None, None, :end])
        weights = torch.softmax(torch.where(earlier, scores, float("-inf")), -1).to(value.dtype)
        blocks.append(weights @ value[:, :, :end])
    return torch.cat(blocks, 2)


def _flash_attention(query: Tensor, key: Tensor, value: Tensor, documents: Tensor | None) -> Tensor:
    """PyTorch's own kernels: flash attention in bfloat16; in float32, or inside documents by a mask of
    [batch, 1, sequence, sequence], the memory-efficient one."""
    if documents is None:
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    places = torch.arange(query.shape[2], device=query.device)
    allowed = documents[:, None, :, None] == documents[:, None, None, :]
    return F.scaled_dot_product_attention(query, key, value, attn_mask=allowed & (places[None] <= places[:, None]))


def masked_attention(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor) -> Tensor:
    """The same under any mask: ``allowed`` is bool, [batch, 1, sequence, sequence], true where a query may look."""
    scores = (query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)).float()
    return torch.softmax(scores.masked_fill_(~allowed, float("-inf")), -1).to(value.dtype) @ value
