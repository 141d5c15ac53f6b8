"""The native passes of a forward pass without gradients, in float32 and bfloat16 on a CPU.

Rows are tokens of whatever sequence. Queries, keys and values are read where their product put them, and the residual
stream stays float32 in either type: products in bfloat16 read and write rounded numbers, and nothing else is rounded.
Attention over a tree packs every token's key once and then takes queries a run at a time against just the blocks of
sixteen keys that lie on their path. Log-probabilities come out of one pass over the vocabulary that never holds
the logits and makes them in float32. Float32 products go to oneDNN, which has AVX-512 for every maker's processors:
240 GFLOP/s a thread of an EPYC, where the library that torch would choose reaches 108.
"""

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.native.library import library
from assay.model.shape import Shape

NAMES = {torch.float32: "float", torch.bfloat16: "bf16"}


def fits(shape: Shape, weights: Tensor) -> bool:
    """Whether these passes can run a decoder of this shape, of whose weights one is given."""
    return (
        weights.device.type == "cpu"
        and weights.dtype in NAMES
        and all(size % 32 == 0 for size in (shape.width, shape.head_size, shape.feed_forward))
        and library() is not None
    )


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x·wᵀ. ``x``: [rows, d]; ``weight``: [n, d], maybe in oneDNN's own order."""
    if x.dtype is torch.float32 or weight.is_mkldnn:
        made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
        return made
    return F.linear(x, weight)


def add_norm(x: Tensor, delta: Tensor | None, gain: Tensor, epsilon: float, centred: bool) -> Tensor:
    """Add ``delta`` to ``x`` in place and give its normalised form.

    Args:
        x: [rows, d], float32, contiguous.
        delta: [rows, d] in the weights' type, contiguous.
        gain: [d].
        epsilon: Of the norm.
        centred: Whether the mean is taken off; else it is a root-mean-square norm.
    """
    made = torch.empty(x.shape, dtype=gain.dtype)
    assert x.is_contiguous() and (delta is None or delta.is_contiguous())
    past = None if delta is None else delta.data_ptr()
    numbers = (*x.shape, epsilon, centred, torch.get_num_threads())
    _kernel("infer_norm", gain.dtype)(x.data_ptr(), past, gain.data_ptr(), made.data_ptr(), *numbers)
    return made


def rotate_heads(x: Tensor, cos: Tensor, sin: Tensor, heads: int, size: int) -> None:
    """Turn the first heads of every row to their positions, in place.

    Args:
        x: [rows, at least heads · size], rows contiguous in themselves.
        cos: [rows, size / 2], float32; likewise ``sin``.
        sin: See there.
        heads: How many.
        size: Channels of a head.
    """
    numbers = (len(x), x.stride(0), heads, size, torch.get_num_threads())
    _kernel("infer_rotate", x.dtype)(x.data_ptr(), cos.data_ptr(), sin.data_ptr(), *numbers)


def gate(gated: Tensor, to: Tensor) -> None:
    """silu(gate)·up, written into ``to``: [rows, f]; ``gated``: [rows, gate and up], rows contiguous in themselves."""
    rows, width = to.shape
    up = gated.data_ptr() + width * gated.element_size()
    numbers = (rows, width, gated.stride(0), to.stride(0), torch.get_num_threads())
    _kernel("infer_gate", to.dtype)(gated.data_ptr(), up, to.data_ptr(), *numbers)


def attend_tree(query: Tensor, key: Tensor, value: Tensor, begins: Tensor, offsets: Tensor, spans: Tensor) -> Tensor:
    """Attention of runs of tokens to themselves, causal, and to spans of the tokens before them.

    Args:
        query: [tokens, heads, head size], heads contiguous in a token.
        key: [tokens, key heads, head size]; likewise ``value``.
        value: See there.
        begins: [runs + 1], int64: the runs are cut out of the tokens by these.
        offsets: [runs + 1], int64: where each run's spans begin.
        spans: [spans, 2], int64: first token and one behind the last, ascending in a run.

    Returns:
        [tokens, heads, head size], contiguous.
    """
    tokens, heads, size = query.shape
    made = query.new_empty(query.shape)
    rows = (query.stride(0), key.stride(0), value.stride(0))
    numbers = (ctypes.c_int64 * 8)(tokens, len(begins) - 1, heads, key.shape[1], size, *rows)
    at = [tensor.data_ptr() for tensor in (query, key, value, made, begins, offsets, spans)]
    _kernel("infer_attend", query.dtype)(*at, numbers, torch.get_num_threads())
    return made


class TokenScores:
    """Log-probabilities of tokens behind hidden states; owns the output layer packed for it."""

    def __init__(self, output: Tensor) -> None:
        """``output``: [vocabulary, d], contiguous."""
        self.vocabulary, self.width = output.shape
        self.dtype = output.dtype
        self.packed = output.new_empty((self.vocabulary + 63) // 64 * 64, self.width)
        at = output.data_ptr(), *output.shape, self.packed.data_ptr()
        _kernel("score_pack", self.dtype)(*at, torch.get_num_threads())

    def __call__(self, hidden: Tensor, offsets: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """
        Args:
            hidden: [rows, d], contiguous.
            offsets: [rows + 1], int64: which targets are asked of each row.
            targets: [targets], int64.

        Returns:
            Log-probability of each target, float32 in nats, and whether none is likelier, bool; of equally likely
            tokens the lowest id is the likeliest.
        """
        assert hidden.is_contiguous() and hidden.dtype is self.dtype
        found, likeliest = torch.empty(len(targets)), torch.empty(len(targets), dtype=torch.bool)
        at = [tensor.data_ptr() for tensor in (hidden, self.packed, offsets, targets, found, likeliest)]
        numbers = (len(hidden), self.width, self.vocabulary, torch.get_num_threads())
        _kernel("score_tokens", self.dtype)(*at, *numbers)
        return found, likeliest


def _kernel(name: str, dtype: torch.dtype) -> "ctypes._NamedFuncPointer":
    kernels = library()
    assert kernels is not None
    return getattr(kernels, f"{name}_{NAMES[dtype]}")  # type: ignore[no-any-return]
