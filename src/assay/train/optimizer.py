"""The optimizers over float32 master weights: AdamW, and Muon for the matrices where it is asked for.

AdamW is one fused call over two stretches of the flat buffer, whatever the number of tensors. Muon (Jordan 2024)
makes the momentum of each matrix orthogonal; a fused product is taken apart for it, since query, key, value, gate and
up are matrices of their own. Embeddings and gains stay with AdamW. Moments are views of two flat buffers, Muon's
momentum lying in the first.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from assay.model.shape import Shape

MUON_MOMENTUM = 0.95


class Optimizer:
    """Steps of the master weights."""

    def __init__(
        self, shape: Shape, master: Tensor, gradient: Tensor, first: Tensor, second: Tensor, settings: Mapping[str, Any]
    ) -> None:
        """
        Args:
            shape: What the weights are.
            master: [parameters], float32; changed in place by `step`.
            gradient: [parameters], float32, read by `step`.
            first: [parameters], float32: first moments or momentum, changed in place.
            second: [parameters], float32: second moments, changed in place; Muon leaves its part alone.
            settings: ``betas``, ``weight_decay`` and maybe ``optimizer``: ``adamw`` or ``muon``.
        """
        self.first, self.second = first, second
        buffers = (master, gradient, first, second)
        decay = settings["weight_decay"]
        muon = settings.get("optimizer", "adamw") == "muon"
        self._adam_parts: list[tuple[Tensor, ...]] = []
        self._muon_parts: list[tuple[Tensor, ...]] = []
        groups = []
        for begin, end, decayed in _stretches(shape, muon):
            part = tuple(buffer[begin:end] for buffer in buffers)
            part[0].grad = part[1]
            self._adam_parts.append(part)
            groups.append({"params": [part[0]], "weight_decay": decay if decayed else 0.0})
        self.adam = torch.optim.AdamW(groups, lr=0.0, betas=tuple(settings["betas"]), fused=True)
        self.muon: torch.optim.Muon | None = None
        if muon:
            for part in _matrices(shape, buffers):
                part[0].grad = part[1]
                self._muon_parts.append(part)
            self.muon = torch.optim.Muon(
                [part[0] for part in self._muon_parts],
                lr=0.0,
                weight_decay=decay,
                momentum=MUON_MOMENTUM,
                adjust_lr_fn="match_rms_adamw",
            )
        self.set_steps(0)

    @property
    def steps(self) -> int:
        """Steps behind the moments."""
        return int(self.adam.state[self._adam_parts[0][0]]["step"])

    def set_steps(self, steps: int) -> None:
        """Say how many steps are behind what the moments' buffers hold now."""
        for weight, _, first, second in self._adam_parts:
            self.adam.state[weight] = {
                "step": torch.tensor(float(steps), device=weight.device),
                "exp_avg": first,
                "exp_avg_sq": second,
            }
        if self.muon is not None:
            for weight, _, first, _ in self._muon_parts:
                self.muon.state[weight] = {"momentum_buffer": first}

    def reset(self) -> None:
        """Forget the moments and their steps."""
        self.first.zero_()
        self.second.zero_()
        self.set_steps(0)

    def step(self, learning_rate: float) -> None:
        """Change the master weights by what lies in the gradient's buffer."""
        for optimizer in (self.adam, self.muon):
            if optimizer is not None:
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate
                optimizer.step()


def _stretches(shape: Shape, muon: bool) -> Iterator[tuple[int, int, bool]]:
    """(begin, end, decayed) of what AdamW steps, in the flat buffer."""
    if not muon:
        yield 0, shape.decayed, True
    else:
        ends = [math.prod(dimensions) for name, dimensions in shape.weights if name in {"embedding", "head"}]
        yield 0, sum(ends), True
    yield shape.decayed, shape.parameters, False


def _matrices(shape: Shape, buffers: tuple[Tensor, ...]) -> Iterator[tuple[Tensor, ...]]:
    """Each matrix of each layer, as views of all buffers."""
    place = 0
    query, key, feed_forward = shape.query_width, shape.key_width, shape.feed_forward
    for name, dimensions in shape.weights:
        count = math.prod(dimensions)
        kind = name.rpartition(".")[2]
        if len(dimensions) > 1 and name.startswith("layers."):
            whole = [buffer[place : place + count].view(dimensions) for buffer in buffers]
            if kind == "input":
                parts = [query, key, key, *([feed_forward] * 2 if shape.block == "parallel" else [])]
                yield from zip(*(torch.split(view, parts, 0) for view in whole), strict=True)
            elif kind == "gated":
                yield from zip(*(torch.split(view, feed_forward, 0) for view in whole), strict=True)
            elif kind == "output" and shape.block == "parallel":
                yield from zip(*(torch.split(view, [query, feed_forward], 1) for view in whole), strict=True)
            else:
                yield tuple(whole)
        place += count
