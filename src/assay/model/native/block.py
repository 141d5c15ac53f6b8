"""A parallel layer in native passes: six matrix products, and between them one pass each way over what they leave.

The graph compiler's layer keeps attention's scores in memory and turns, joins and rounds between its products; it also
takes seconds to trace. Here queries, keys and values are read where the product put them, what attention and the
gated unit make is written where the next product reads it, and the backward pass writes into one buffer in the same
way. bfloat16 on a CPU, causal, within documents if they are given; other calls go to the block in torch.
"""

import ctypes
from typing import Any

import torch
from torch import Tensor

from assay.model.native.library import library
from assay.model.native.products import outer_product


def fits(x: Tensor, weights: tuple[Tensor, ...], cos: Tensor, mask: Tensor | None, head_size: int) -> bool:
    """Whether `native_block` can do this call."""
    return (
        x.dtype is torch.bfloat16
        and x.device.type == "cpu"
        and library() is not None
        and cos.dim() == 2
        and (mask is None or mask.dim() == 2)
        and head_size % 64 == 0
        and x.shape[-1] % head_size == 0
        and weights[2].shape[1] % 16 == 0
    )


def native_block(
    x: Tensor,
    weights: tuple[Tensor, ...],
    cos: Tensor,
    sin: Tensor,
    mask: Tensor | None,
    head_size: int,
    epsilon: float,
) -> Tensor:
    """One layer, as `assay.model.decoder.block` defines it, where `fits` holds."""
    starts = None if mask is None else first_positions(mask)
    made: Tensor = Block.apply(x, *weights, cos.float(), sin.float(), starts, head_size, epsilon)  # type: ignore[no-untyped-call]
    return made


def first_positions(documents: Tensor) -> Tensor:
    """Where the document of every position begins: [batch, sequence], int32. One ends where the number changes."""
    place = torch.arange(documents.shape[1]).expand(documents.shape)
    begins = torch.ones_like(documents, dtype=torch.bool)
    begins[:, 1:] = documents[:, 1:] != documents[:, :-1]
    return torch.where(begins, place, 0).cummax(1).values.int()


class Block(torch.autograd.Function):
    """The layer and its gradient. Keeps the input, its normalised form, both products' inputs and the log-sums."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gain: Tensor,
        weight_in: Tensor,
        weight_out: Tensor,
        cos: Tensor,
        sin: Tensor,
        starts: Tensor | None,
        head_size: int,
        epsilon: float,
    ) -> Tensor:
        """``x``: [batch, sequence, d], contiguous; the weights as `assay.model.decoder.block` has them."""
        kernels, threads = _kernels(), torch.get_num_threads()
        x = x.contiguous()
        batch, length, width = x.shape
        rows, both = batch * length, weight_out.shape[1]
        feed_forward = both - width
        flat = x.view(rows, width)
        normal, moments = torch.empty_like(flat), torch.empty(rows, 2)
        kernels.norm_forward(*_at(flat, gain, normal, moments), rows, width, epsilon, threads)
        inner = normal @ weight_in.t()
        joined = x.new_empty(rows, both)
        log_sums = torch.empty(batch, width // head_size, length)
        heads = width // head_size
        numbers = (ctypes.c_int64 * 6)(batch, length, heads, head_size, inner.shape[1], both)
        parts = _parts(inner, width, feed_forward)
        kernels.attention_forward(*parts[:3], *_at(cos, sin, starts, joined, log_sums), numbers, threads)
        gated = _parts(joined, width, feed_forward)[1]
        kernels.gated_forward(*parts[3:], gated, rows, feed_forward, inner.shape[1], both, threads)
        ctx.save_for_backward(
            x, gain, weight_in, weight_out, cos, sin, starts, normal, moments, inner, joined, log_sums
        )
        ctx.numbers = numbers
        return torch.addmm(flat, joined, weight_out.t()).view_as(x)

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of ``x`` and of the three weights."""
        x, gain, weight_in, weight_out, cos, sin, starts, normal, moments, inner, joined, log_sums = ctx.saved_tensors
        kernels, threads = _kernels(), torch.get_num_threads()
        width = x.shape[-1]
        rows, both = joined.shape
        feed_forward = both - width
        past = outputs[0].contiguous().view(rows, width)
        to_joined = past @ weight_out
        to_inner = torch.empty_like(inner)
        parts, gradients = _parts(inner, width, feed_forward), _parts(to_inner, width, feed_forward)
        kernels.attention_backward(
            *parts[:3],
            *_at(cos, sin, starts, joined, log_sums, to_joined),
            *gradients[:3],
            ctx.numbers,
            threads,
        )
        gated = _parts(to_joined, width, feed_forward)[1]
        kernels.gated_backward(gated, *parts[3:], *gradients[3:], rows, feed_forward, inner.shape[1], both, threads)
        to_normal = to_inner @ weight_in
        to_x, to_gain = torch.empty_like(x), torch.empty(width)
        kernels.norm_backward(*_at(to_normal, x, gain, moments, past, to_x, to_gain), rows, width, threads)
        to_weights = outer_product(to_inner, normal), outer_product(past, joined)
        return to_x, to_gain.to(gain.dtype), *to_weights, None, None, None, None, None


def _kernels() -> ctypes.CDLL:
    kernels = library()
    assert kernels is not None
    return kernels


def _at(*tensors: Tensor | None) -> list[int | None]:
    return [None if tensor is None else tensor.data_ptr() for tensor in tensors]


def _parts(inner: Tensor, width: int, feed_forward: int) -> list[int]:
    """Addresses of query, key, value, gate and up in the first row; of a joined tensor, the first two are its parts."""
    first, size = inner.data_ptr(), inner.element_size()
    return [first + size * at for at in (0, width, 2 * width, 3 * width, 3 * width + feed_forward)]
