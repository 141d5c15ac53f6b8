"""Log-likelihood of every choice of every request, each distinct beginning of all of them read once.

All contexts with their continuations are trees of tokens (`assay.evaluate.forest`): a context that choices share, a
passage that questions share and the words that a task opens with go through the model once, without padding, and the
last token of a continuation never does. The last layer and the head run only where a token is scored, once for all
tokens that are asked of one place; log-softmax is in float32 and sums in float64. Batches depend on the requests
alone, so the order in which they come changes no bit, and what else is scored beside them nothing but rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from assay.evaluate.forest import Tree, plant
from assay.evaluate.requests import Request
from assay.model.decoder import Decoder
from assay.model.inference import flat_hidden
from assay.model.loss import rows_at_once
from assay.model.native import inference as native
from assay.model.tree_attention import TreeAttention

TOKENS_PER_BATCH = {"cpu": 4096, "cuda": 16384}
"""By device; a GPU wants more at once."""
Pair = tuple[tuple[int, ...], tuple[int, ...]]
"""Context and continuation in tokens."""
TokenScores = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""See `assay.model.native.inference.TokenScores`."""


@dataclass(frozen=True, slots=True)
class Score:
    """A continuation behind its context."""

    logprob: float
    """Log-likelihood in nats, summed over the continuation's tokens."""
    greedy: bool
    """Whether every token of it was the likeliest; of equally likely ones the lowest id is."""


def score_requests(decoder: Decoder, requests: Sequence[Request]) -> list[list[Score]]:
    """Scores of each choice, per request; see `score_pairs`."""
    pairs = [
        (request.contexts[min(index, len(request.contexts) - 1)], choice)
        for request in requests
        for index, choice in enumerate(request.choices)
    ]
    scores = iter(score_pairs(decoder, pairs))
    return [[next(scores) for _ in request.choices] for request in requests]


def score_pairs(
    decoder: Decoder, pairs: Sequence[Pair], say: Callable[[int, int], None] | None = None, budget: int | None = None
) -> list[Score]:
    """Score continuations behind their contexts.

    Args:
        decoder: In float32 or bfloat16.
        pairs: In any order; a pair may come more than once.
        say: Told how many pairs are done, and of how many, after every batch.
        budget: Tokens of a batch; None: `TOKENS_PER_BATCH`.

    Raises:
        ValueError: A context is empty, and nothing says what its continuation's first token follows.
    """
    if not all(context for context, _ in pairs):
        raise ValueError("a context is empty: begin it with the document's end, as training does")
    askers: dict[bytes, list[int]] = {}
    for index, name in enumerate(_names(pairs)):
        askers.setdefault(name, []).append(index)
    names = sorted(askers)
    sequences = [np.frombuffer(name, np.int32) for name in names]
    device = decoder.output.device
    native_passes = native.fits(decoder.shape, decoder.output)
    scores: TokenScores = native.TokenScores(decoder.output) if native_passes else _TorchScores(decoder.output)
    found = [Score(0.0, True)] * len(pairs)
    done = 0
    for tree in plant(sequences, budget or TOKENS_PER_BATCH[device.type]):
        asked = [askers[name] for name in names[tree.first : tree.first + len(tree.places)]]
        indices = [index for some in asked for index in some]
        parts = [
            places[len(pairs[index][0]) - 1 : len(pairs[index][0]) + len(pairs[index][1]) - 1]
            for places, some in zip(tree.places, asked, strict=True)
            for index in some
        ]
        targets = [token for index in indices for token in pairs[index][1]]
        logprobs, likeliest = _score_tree(decoder, tree, native_passes, scores, parts, targets)
        place = 0
        for index in indices:
            end = place + len(pairs[index][1])
            found[index] = Score(float(logprobs[place:end].sum()), bool(likeliest[place:end].all()))
            place = end
        done += len(indices)
        if say is not None:
            say(done, len(pairs))
    return found


def _names(pairs: Sequence[Pair]) -> Iterator[bytes]:
    """What goes through the model of each pair, as bytes: those with a common beginning have it here too."""
    contexts: dict[tuple[int, ...], bytes] = {}
    for context, continuation in pairs:
        begin = contexts.get(context)
        if begin is None:
            begin = contexts[context] = np.array(context, np.int32).tobytes()
        yield begin + np.array(continuation[:-1], np.int32).tobytes()


@torch.inference_mode()
def _score_tree(
    decoder: Decoder,
    tree: Tree,
    native_passes: bool,
    scores: TokenScores,
    parts: list[NDArray[np.int64]],
    targets: list[int],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log-probability of every target, and whether it is the likeliest; ``parts``: the tokens that they stand after."""
    device = decoder.output.device
    behind = np.concatenate(parts)
    order = np.argsort(behind, kind="stable")
    wanted, offsets = np.unique(behind[order], return_index=True)
    bounds = torch.from_numpy(np.append(offsets, len(order)))
    hidden = flat_hidden(
        decoder,
        torch.from_numpy(tree.ids).to(device),
        torch.from_numpy(tree.positions).to(device),
        TreeAttention(tree.begins, tree.spans, native_passes),
        torch.from_numpy(wanted).to(device),
    )
    sorted_targets = torch.from_numpy(np.array(targets, np.int64)[order])
    found, likeliest = scores(hidden, bounds.to(device), sorted_targets.to(device))
    logprobs, greedy = np.empty(len(order)), np.empty(len(order), np.bool_)
    logprobs[order], greedy[order] = found.cpu().double().numpy(), likeliest.cpu().numpy()
    return logprobs, greedy


class _TorchScores:
    """`assay.model.native.inference.TokenScores` on any device."""

    def __init__(self, output: Tensor) -> None:
        self.output = output

    def __call__(self, hidden: Tensor, offsets: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        counts = offsets.diff()
        rows = torch.arange(len(hidden), device=hidden.device).repeat_interleave(counts)
        bounds = offsets.tolist()
        found, likeliest = [], []
        chunk = rows_at_once(hidden, self.output)
        for start in range(0, len(hidden), chunk):
            logits = (hidden[start : start + chunk] @ self.output.t()).float()
            first, last = bounds[start], bounds[min(start + chunk, len(hidden))]
            some, asked = rows[first:last] - start, targets[first:last]
            found.append(logits[some, asked] - logits.logsumexp(-1)[some])
            likeliest.append(logits.argmax(-1)[some] == asked)
        return torch.cat(found), torch.cat(likeliest)
