"""Generation's own native kernels: attention over kept keys and values, logits of a few rows, the choice of a token.

They run where `assay.model.native.inference.fits`. Kept keys and values lie as the products of a step want them, so a
step reads each once and packs nothing; logits come out in float32 whatever the weights' type, because bfloat16 has
eight bits and makes ties of likely tokens; and a choice is one pass over a row, with top-p found by sums over leading
bits instead of a sort of the vocabulary.
"""

import ctypes

import torch
from torch import Tensor

from assay.model.decoder import Decoder
from assay.model.native.inference import NAMES, TokenScores, fits
from assay.model.native.library import library

BLOCK = 16
"""Positions that a kept key lies together with; the capacity of a slot is a multiple of it."""
ROWS = 32
"""For which packed weights are ordered; they can be multiplied with any number."""


def packed_decoder(decoder: Decoder) -> Decoder:
    """The same decoder for passes of a few tokens, where oneDNN spends a third of a product on reading a plain weight.

    Its layers' weights are copies in oneDNN's own order, which only `assay.model.native.inference.product` can read.
    Where the native passes do not run, the decoder itself.
    """
    if not fits(decoder.shape, decoder.output):
        return decoder
    weights = {
        name: torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), ROWS)
        if name.startswith("layers.") and weight.dim() == 2
        else weight
        for name, weight in decoder.named_parameters()
    }
    return Decoder(decoder.shape, weights)


def attend_kept(query: Tensor, key: Tensor, value: Tensor, keys: Tensor, values: Tensor, runs: Tensor) -> Tensor:
    """Keep the new keys and values, and attend to all of a slot up to each token itself.

    Args:
        query: [tokens, heads, head size], heads contiguous in a token.
        key: [tokens, key heads, head size]; likewise ``value``.
        value: See there.
        keys: [slots, key heads, capacity, head size] as bytes; their order is the kernel's own. Likewise ``values``,
            which must have begun as zeros.
        values: See there.
        runs: [runs, 4], int64: first token, tokens, slot, position of the first.

    Returns:
        [tokens, heads, head size], contiguous.
    """
    made = query.new_empty(query.shape)
    rows = (query.stride(0), key.stride(0), value.stride(0))
    numbers = (ctypes.c_int64 * 8)(len(runs), *query.shape[1:2], *key.shape[1:], *rows, keys.shape[2])
    at = [tensor.data_ptr() for tensor in (query, key, value, made, keys, values, runs)]
    _kernel(f"decode_attend_{NAMES[query.dtype]}")(*at, numbers, torch.get_num_threads())
    return made


class OutputLayer:
    """Logits of a few hidden states; owns the output layer packed for it."""

    def __init__(self, output: Tensor) -> None:
        """``output``: [vocabulary, d], contiguous."""
        self.vocabulary = len(output)
        self.packed = TokenScores(output).packed

    def __call__(self, hidden: Tensor) -> Tensor:
        """[rows, vocabulary], float32, of ``hidden``: [rows, d], contiguous."""
        assert hidden.is_contiguous() and hidden.dtype is self.packed.dtype
        made = torch.empty(len(hidden), len(self.packed))
        numbers = (*hidden.shape, len(self.packed) // 64, torch.get_num_threads())
        at = [tensor.data_ptr() for tensor in (hidden, self.packed, made)]
        _kernel(f"decode_logits_{NAMES[hidden.dtype]}")(*at, *numbers)
        return made[:, : self.vocabulary]


def choose(logits: Tensor, settings: Tensor) -> Tensor:
    """A token of each row; see `assay.evaluate.sampling.choose`. The logits are written over.

    Args:
        logits: [rows, vocabulary], float32, rows contiguous in themselves.
        settings: [rows, 3], float64: temperature, top-p, a number in [0, 1).
    """
    chosen = torch.empty(len(logits), dtype=torch.int64)
    at = [tensor.data_ptr() for tensor in (logits, settings, chosen)]
    _kernel("decode_choose")(*at, len(logits), logits.stride(0), logits.shape[1], torch.get_num_threads())
    return chosen


def _kernel(name: str) -> "ctypes._NamedFuncPointer":
    kernels = library()
    assert kernels is not None
    return getattr(kernels, name)  # type: ignore[no-any-return]  # a function of a library has no type
