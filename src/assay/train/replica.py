"""A whole model in one process: flat float32 master weights, working weights in the compute dtype, gradients, moments.

Each weight is a leaf of its own whose gradient is a view of one flat buffer. As views of a leaf they would cost a
zero-filled buffer of the whole model for every weight in every step: a tenth of a step at 5M, a fifth at 30M. Several
processes may each hold one and add their gradients, in float32.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from assay.model.decoder import BlockFunction, Decoder, views
from assay.model.loss import Pass, softmax_pass
from assay.model.shape import Shape
from assay.train.optimizer import Optimizer
from assay.train.ranks import Ranks


class Replica:
    """Weights, gradients and optimizer of one process."""

    def __init__(
        self,
        shape: Shape,
        master: Tensor,
        settings: Mapping[str, Any],
        dtype: torch.dtype,
        function: BlockFunction | None = None,
        one_pass: Pass = softmax_pass,
        ranks: Ranks | None = None,
    ) -> None:
        """
        Args:
            shape: What the weights are.
            master: [parameters], float32; copied.
            settings: ``betas``, ``weight_decay``, ``clip`` and maybe ``optimizer``.
            dtype: To compute in.
            function: The block, compiled maybe.
            one_pass: Of the loss.
            ranks: The processes that train together; None: this one alone.
        """
        self.ranks = ranks or Ranks()
        self.shape = shape
        self.clip = float(settings["clip"])
        device = self.ranks.device
        self.master = master.detach().to(device, torch.float32, copy=True)
        self.first, self.second = torch.zeros_like(self.master), torch.zeros_like(self.master)
        self.gradient = torch.zeros_like(self.master)
        same = dtype == torch.float32
        self.work = self.master if same else self.master.to(dtype)
        self.work_gradient = self.gradient if same else torch.zeros_like(self.work)
        self.decoder = Decoder(shape, views(shape, self.work), function, one_pass, trained=True)
        parts = views(shape, self.work_gradient)
        for name, weight in self.decoder.named_parameters():
            weight.grad = parts[name]
        self.optimizer = Optimizer(shape, self.master, self.gradient, self.first, self.second, settings)
        self._gathered = False

    def load_moments(self, first: Tensor, second: Tensor, steps: int) -> None:
        """Take over moments, flat float32, and how many steps are behind them."""
        self.first.copy_(first)
        self.second.copy_(second)
        self.optimizer.set_steps(steps)

    def reset_moments(self) -> None:
        """Forget the moments and their steps."""
        self.optimizer.reset()

    def backward(self, ids: Tensor, targets: Tensor, documents: Tensor | None = None, share: float = 1.0) -> Tensor:
        """Add the gradient of these rows' mean loss.

        Args:
            ids: [rows, sequence], int64.
            targets: [rows, sequence], int64.
            documents: [rows, sequence], int32; see `Decoder.forward`.
            share: Of the step's rows that these are.

        Returns:
            Mean loss × share: float32, in nats, on the device, detached.
        """
        loss: Tensor = self.decoder(ids, targets, documents) * share
        torch.autograd.backward(loss)
        if share < 1 and self.work_gradient is not self.gradient:
            self._gather()
        return loss.detach()

    def step(self, learning_rate: float) -> Tensor:
        """Take a step with the gradients gathered since the last; returns their norm before clipping."""
        if self.work_gradient is not self.gradient and not self._gathered:
            self._gather()
        self.ranks.total(self.gradient)
        norm: Tensor = self.gradient.norm()
        self.gradient *= (self.clip / (norm + 1e-6)).clamp(max=1.0)
        self.optimizer.step(learning_rate)
        self._gathered = False
        if self.work_gradient is self.gradient:
            self.gradient.zero_()
        if self.work is not self.master:
            self.work.copy_(self.master)
        return norm

    def _gather(self) -> None:
        """Add the working gradients to the float32 ones."""
        if self._gathered:
            self.gradient += self.work_gradient
        else:
            self.gradient.copy_(self.work_gradient)
        self.work_gradient.zero_()
        self._gathered = True

    def whole(self) -> tuple[Tensor, Tensor, Tensor, int]:
        """Master weights and both moments, flat float32 on the CPU, and the steps behind the moments; the tensors may
        be the ones that the next step changes."""
        return self.master.cpu(), self.first.cpu(), self.second.cpu(), self.optimizer.steps

    def plain(self) -> Decoder:
        """A decoder over the working weights for evaluation, uncompiled and without gradients."""
        return Decoder(self.shape, views(self.shape, self.work))
