"""How likely single tokens are, of a text that is given or being made, and which others were.

`assay.evaluate.scorer` gives sums over continuations, many at a time; whoever asks a server wants every token and the
likeliest in its place. Numbers are those of the model's own distribution, whatever temperature and top-p draw from.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from assay.evaluate.forest import plant
from assay.model.decoder import Decoder
from assay.model.inference import flat_hidden
from assay.model.native import inference as native
from assay.model.tree_attention import TreeAttention

ROWS = 128
"""Logits held at once."""


class TokenLogprob(NamedTuple):
    """A token where it stands."""

    token: int
    logprob: float | None
    """In nats; None: nothing stands before it."""
    top: tuple[tuple[int, float], ...] = ()
    """The likeliest tokens in its place, with theirs, falling."""


def told(logits: Tensor, tokens: Sequence[int], count: int) -> list[TokenLogprob]:
    """What is said of a token in each place.

    Args:
        logits: [rows, vocabulary].
        tokens: One a row.
        count: How many of the likeliest are named; of equally likely ones the lowest id is first.
    """
    logprobs = logits.double().log_softmax(-1)
    own = logprobs[range(len(tokens)), list(tokens)].tolist()
    return list(map(TokenLogprob, tokens, own, _likeliest(logprobs, count)))


def _likeliest(logprobs: Tensor, count: int) -> list[tuple[tuple[int, float], ...]]:
    if not count:
        return [()] * len(logprobs)
    least = logprobs.topk(min(count, logprobs.shape[-1])).values[:, -1:]
    found = []
    for row, bound in zip(logprobs, least, strict=True):
        kept = (row >= bound).nonzero().flatten()
        order = row[kept].argsort(descending=True, stable=True)[:count]
        found.append(tuple(zip(kept[order].tolist(), row[kept[order]].tolist(), strict=True)))
    return found


@torch.inference_mode()
def score_tokens(
    decoder: Decoder, logits: Callable[[Tensor], Tensor], tokens: Sequence[int], top: int
) -> list[TokenLogprob]:
    """Log-probability of every token behind the ones before it.

    Args:
        decoder: In float32 or bfloat16.
        logits: From `assay.evaluate.running.output_logits`.
        tokens: One at least; nothing is said of the first.
        top: How many of the likeliest are named in each place.

    Returns:
        One for each token.
    """
    found = [TokenLogprob(tokens[0], None)]
    if len(tokens) == 1:
        return found
    device = decoder.output.device
    (tree,) = plant([np.array(tokens[:-1], np.int32)], len(tokens))
    attend = TreeAttention(tree.begins, tree.spans, native.fits(decoder.shape, decoder.output))
    ids, positions = (torch.from_numpy(part).to(device) for part in (tree.ids, tree.positions))
    hidden = flat_hidden(decoder, ids, positions, attend)
    for start in range(0, len(hidden), ROWS):
        rows = logits(hidden[start : start + ROWS].contiguous())
        found += told(rows, tokens[start + 1 : start + 1 + len(rows)], top)
    return found


class TokenBytes:
    """What each token of a byte-level tokenizer stands for, in bytes; of a control token, its name."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """``tokenizer``: a byte-level BPE, whose tokens are written with a character for each byte."""
        self.tokenizer = tokenizer
        self.control = frozenset(tokenizer.get_added_tokens_decoder())
        plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
        rest = (byte for byte in range(256) if byte not in plain)
        self.bytes = {chr(byte): byte for byte in plain} | {chr(256 + at): byte for at, byte in enumerate(rest)}

    def __call__(self, token: int) -> bytes:
        """Of one token."""
        name = self.tokenizer.id_to_token(token) or ""
        return name.encode() if token in self.control else bytes(self.bytes[letter] for letter in name)
