"""Log-likelihood of every choice of every request, each context read once.

The choices of an item lie behind their shared context in one row; a mask lets each see the context and itself, and
positions start again after the context. Rows are sorted by length and padded little; the head runs only where a
token is scored. Log-softmax is in float32. Batches depend on the task alone, so numbers do not move with the order
of checkpoints or with what else is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.evaluate.requests import Request
from assay.model.decoder import Decoder
from assay.model.loss import token_log_likelihoods

TOKENS_PER_BATCH = {"cpu": 4096, "cuda": 16384}
"""By device. A GPU wants more at once; attention's scores of 16,384 tokens in rows of 2,048 take a gigabyte at 150M."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A context with the choices that share it."""

    request: int
    first_choice: int
    context: tuple[int, ...]
    choices: tuple[tuple[int, ...], ...]

    @property
    def length(self) -> int:
        """Tokens that go through the model: of each choice all but the last."""
        return len(self.context) + sum(len(choice) - 1 for choice in self.choices)


def score_requests(decoder: Decoder, requests: Sequence[Request]) -> list[list[float]]:
    """Summed log-likelihood in nats of each choice, per request."""
    rows = []
    for index, request in enumerate(requests):
        if len(request.contexts) == 1:
            rows.append(_Row(index, 0, request.contexts[0], request.choices))
        else:
            for choice, (context, tokens) in enumerate(zip(request.contexts, request.choices, strict=True)):
                rows.append(_Row(index, choice, context, (tokens,)))
    rows.sort(key=lambda row: row.length, reverse=True)
    scores = [[0.0] * len(request.choices) for request in requests]
    most = TOKENS_PER_BATCH[decoder.output.device.type]
    place = 0
    while place < len(rows):
        count = max(1, most // rows[place].length)
        _score_batch(decoder, rows[place : place + count], scores)
        place += count
    return scores


@torch.inference_mode()
def _score_batch(decoder: Decoder, rows: Sequence[_Row], scores: list[list[float]]) -> None:
    width = rows[0].length
    ids = torch.zeros(len(rows), width, dtype=torch.int64)
    positions = torch.zeros(len(rows), width, dtype=torch.int64)
    part = torch.full((len(rows), width), -1, dtype=torch.int64)  # 0: context, 1 …: that choice, −1: padding
    places: list[int] = []
    targets: list[int] = []
    owners: list[tuple[int, int, int]] = []
    for index, row in enumerate(rows):
        behind = len(row.context)
        ids[index, :behind] = torch.tensor(row.context)
        positions[index, :behind] = torch.arange(behind)
        part[index, :behind] = 0
        for number, choice in enumerate(row.choices):
            inner = len(choice) - 1
            begin = behind
            ids[index, begin : begin + inner] = torch.tensor(choice[:-1], dtype=torch.int64)
            positions[index, begin : begin + inner] = torch.arange(len(row.context), len(row.context) + inner)
            part[index, begin : begin + inner] = number + 1
            behind += inner
            places.append(index * width + len(row.context) - 1)
            places += range(index * width + begin, index * width + behind)
            targets += choice
            owners.append((row.request, row.first_choice + number, len(choice)))
    alone = all(len(row.choices) == 1 for row in rows)
    device = decoder.output.device
    if alone:
        hidden = decoder.hidden(ids.to(device))
    else:
        hidden = decoder.hidden(ids.to(device), positions.to(device), _tree_mask(part.to(device)))
    chosen = hidden.flatten(0, 1)[torch.tensor(places, device=device)]
    found = token_log_likelihoods(chosen, decoder.output, torch.tensor(targets, device=device)).cpu().double()
    place = 0
    for request, choice_index, length in owners:
        scores[request][choice_index] = float(found[place : place + length].sum())
        place += length


def _tree_mask(part: Tensor) -> Tensor:
    """[batch, 1, width, width]: earlier tokens of the context or of the same choice; padding sees itself."""
    width = part.shape[1]
    earlier = torch.ones(width, width, dtype=torch.bool, device=part.device).tril()
    related = (part[:, None, :] == 0) | (part[:, None, :] == part[:, :, None])
    return ((earlier & related) | torch.eye(width, dtype=torch.bool, device=part.device))[:, None]
