"""A model dealt out over several processes (FSDP2): each holds a part of every weight, gradient and moment.

It takes the steps that a `Replica` takes, up to the order of float32 sums: the same working dtype, gradients added in
float32, one norm over all of them, AdamW on float32 masters. A layer's weights are whole on a process only while it
computes with them; embedding and final norm, used at both ends of a step, stay whole through it. States come and go
weight by weight in their one flat form, so that no process but the one that writes ever holds a whole model, and what
another layout or another number of processes wrote is read as it is. Muon needs whole matrices and is not here.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, Shard

from assay.errors import InputError
from assay.model.decoder import BlockFunction, Decoder, initial_weight
from assay.model.loss import Pass, softmax_pass
from assay.model.shape import Shape
from assay.train.ranks import Ranks
from assay.train.state import MODEL

Part = Callable[[str, tuple[int, ...], int, int], Tensor]
"""(weight's name, its dimensions, first row, end row) → those rows, float32."""


def meta_decoder(
    shape: Shape, function: BlockFunction | None = None, one_pass: Pass = softmax_pass, trained: bool = True
) -> Decoder:
    """A decoder without memory, for its dimensions alone."""
    weights = {name: torch.empty(dimensions, device="meta") for name, dimensions in shape.weights}
    return Decoder(shape, weights, function, one_pass, trained)


class Sharded:
    """One process's part of weights, gradients and optimizer; see `assay.train.replica.Replica`."""

    def __init__(
        self,
        shape: Shape,
        master: Part,
        settings: Mapping[str, Any],
        dtype: torch.dtype,
        function: BlockFunction | None,
        one_pass: Pass,
        ranks: Ranks,
    ) -> None:
        """
        Args:
            shape: What the weights are.
            master: Where the weights are from.
            settings: ``betas``, ``weight_decay`` and ``clip``.
            dtype: To compute in.
            function: The block, compiled maybe.
            one_pass: Of the loss.
            ranks: The processes, whose group has been initialised.

        Raises:
            InputError: The optimizer is Muon.
        """
        if settings.get("optimizer", "adamw") != "adamw":
            raise InputError("--layout sharded trains with adamw only: Muon needs whole matrices; use replicated")
        self.ranks = ranks
        self.shape = shape
        self.clip = float(settings["clip"])
        mesh = init_device_mesh(torch.device(ranks.device).type, (ranks.world,))
        self.decoder = meta_decoder(shape, function, one_pass)
        self.dtype = dtype
        policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
        for layer in self.decoder.layers:
            fully_shard(layer, mesh=mesh, mp_policy=policy)
        root = fully_shard(self.decoder, mesh=mesh, mp_policy=policy)
        for module in (*self.decoder.layers, root):
            module.set_force_sum_reduction_for_comms(True)  # each rank's loss counts by its share of the rows
            module.set_gradient_divide_factor(1.0)
        register_fsdp_forward_method(self.decoder, "hidden")
        self.decoder.to_empty(device=ranks.device)
        self._root = root
        self.weights = dict(self.decoder.named_parameters())
        self.first = {name: torch.zeros_like(weight.detach()) for name, weight in self.weights.items()}
        self.second = {name: torch.zeros_like(weight.detach()) for name, weight in self.weights.items()}
        self._fill(self.weights, master)
        decay = settings["weight_decay"]
        groups = [
            {"params": [weight for weight in self.weights.values() if weight.dim() > 1], "weight_decay": decay},
            {"params": [weight for weight in self.weights.values() if weight.dim() == 1], "weight_decay": 0.0},
        ]
        self.adam = torch.optim.AdamW(groups, lr=0.0, betas=tuple(settings["betas"]), fused=True)
        self._set_steps(0)
        self._gathered: tuple[Tensor, Tensor, Tensor] | None = None

    @property
    def steps(self) -> int:
        """Steps behind the moments."""
        return int(self.adam.state[self.weights["norm"]]["step"])

    def load_moments(self, first: Part, second: Part, steps: int) -> None:
        """Take over moments, and how many steps are behind them."""
        self._fill(self.first, first)
        self._fill(self.second, second)
        self._set_steps(steps)

    def reset_moments(self) -> None:
        """Forget the moments and their steps."""
        for moment in (*self.first.values(), *self.second.values()):
            _local(moment).zero_()
        self._set_steps(0)

    def backward(self, ids: Tensor, targets: Tensor, documents: Tensor | None = None, share: float = 1.0) -> Tensor:
        """Add the gradient of these rows' mean loss; see `Replica.backward`. All ranks call it equally often."""
        loss: Tensor = self.decoder(ids, targets, documents) * share
        torch.autograd.backward(loss)
        return loss.detach()

    def step(self, learning_rate: float) -> Tensor:
        """Take a step with the gradients gathered since the last; returns their norm before clipping."""
        gradients = [_local(weight.grad) for weight in self.weights.values()]
        norm = self.ranks.total(torch.stack([part.norm() ** 2 for part in gradients]).sum()).sqrt()
        torch._foreach_mul_(gradients, (self.clip / (norm + 1e-6)).clamp(max=1.0))
        for group in self.adam.param_groups:
            group["lr"] = learning_rate
        self.adam.step()
        self.adam.zero_grad()
        return norm

    def whole(self) -> tuple[Tensor, Tensor, Tensor, int]:
        """As `Replica.whole` on the first rank, and nothing on the others; all must call it."""
        self._root.reshard()
        if self._gathered is None:
            count = self.shape.parameters if self.ranks.first else 0
            self._gathered = (torch.empty(count), torch.empty(count), torch.empty(count))
        kinds: tuple[Mapping[str, Tensor], ...] = (self.weights, self.first, self.second)
        for parts, flat in zip(kinds, self._gathered, strict=True):
            for name, place, count in _places(self.shape):
                whole = _dealt(parts[name].detach()).full_tensor()
                if self.ranks.first:
                    flat[place : place + count] = whole.flatten()
        return (*self._gathered, self.steps)

    def plain(self) -> Decoder:
        """A decoder over all weights, for evaluation; each rank has them whole while it lasts, and all must call it."""
        self._root.reshard()
        with torch.inference_mode(False), torch.no_grad():
            weights = {
                name: _dealt(self.weights[name].detach()).full_tensor().to(self.dtype).clone()
                for name, _ in self.shape.weights
            }
        return Decoder(self.shape, weights)

    def _fill(self, parts: Mapping[str, Tensor], source: Part) -> None:
        """Each part's own rows, read from where they are."""
        for name, dimensions in self.shape.weights:
            most = math.ceil(dimensions[0] / self.ranks.world)
            begin = min(self.ranks.rank * most, dimensions[0])
            end = min(begin + most, dimensions[0])
            with torch.no_grad():
                _local(parts[name]).copy_(source(name, dimensions, begin, end))

    def _set_steps(self, steps: int) -> None:
        for name, weight in self.weights.items():
            self.adam.state[weight] = {
                "step": torch.tensor(float(steps), device=self.ranks.device),
                "exp_avg": self.first[name],
                "exp_avg_sq": self.second[name],
            }


def open_sharded(
    shape: Shape,
    folder: Path | None,
    start: Path | int,
    moment_steps: int,
    settings: Mapping[str, Any],
    dtype: torch.dtype,
    function: BlockFunction | None,
    one_pass: Pass,
    ranks: Ranks,
) -> Sharded:
    """This process's part of the state in a folder, or of a fresh model.

    Args:
        shape: What the weights are.
        folder: Of a state; each process reads its own rows of it. None: nothing was trained yet.
        start: Seed of fresh weights, or the folder of the model that training starts from.
        moment_steps: Steps behind the state's moments.
        settings: See `Sharded`, as for the rest.
        dtype: To compute in.
        function: The block.
        one_pass: Of the loss.
        ranks: The processes.
    """
    parts = (settings, dtype, function, one_pass, ranks)
    if folder is None and isinstance(start, int):
        return Sharded(
            shape, lambda name, sizes, begin, end: initial_weight(shape, name, sizes, start)[begin:end], *parts
        )
    if folder is None:
        assert isinstance(start, Path)
        with safe_open(start / MODEL, framework="pt") as file:
            whole = file.get_slice("master")
            return Sharded(shape, flat_part(shape, lambda begin, end: whole[begin:end]), *parts)
    with safe_open(folder / "state.safetensors", framework="pt") as file:
        flat = {name: file.get_slice(name) for name in ("master", "first", "second")}

        def part(kind: str) -> Part:
            return flat_part(shape, lambda begin, end: flat[kind][begin:end])

        model = Sharded(shape, part("master"), *parts)
        model.load_moments(part("first"), part("second"), moment_steps)
    return model


def flat_part(shape: Shape, read: Callable[[int, int], Tensor]) -> Part:
    """Rows of weights out of a flat buffer, of which ``read(begin, end)`` gives a stretch."""
    places = {name: place for name, place, _ in _places(shape)}

    def part(name: str, dimensions: tuple[int, ...], begin: int, end: int) -> Tensor:
        row = math.prod(dimensions[1:])
        return read(places[name] + begin * row, places[name] + end * row).view(end - begin, *dimensions[1:])

    return part


def _places(shape: Shape) -> Iterator[tuple[str, int, int]]:
    """Each weight's name, place in the flat buffer, and size."""
    place = 0
    for name, dimensions in shape.weights:
        count = math.prod(dimensions)
        yield name, place, count
        place += count


def _dealt(tensor: Tensor | None) -> DTensor:
    assert isinstance(tensor, DTensor)
    assert tensor.placements == (Shard(0),)
    return tensor


def _local(tensor: Tensor | None) -> Tensor:
    local: Tensor = _dealt(tensor).to_local()
    return local
