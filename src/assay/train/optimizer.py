"""AdamW over one flat buffer: float32 master weights and moments, working weights in the compute dtype.

One fused call a step whatever the number of tensors. The working weights are leaves whose gradients accumulate in
their own flat buffer; master weights never lose what bfloat16 would round away.
"""

import torch
from torch import Tensor


class FlatAdamW:
    """Optimizer and owner of the weights."""

    def __init__(
        self,
        master: Tensor,
        decayed: int,
        compute_dtype: torch.dtype,
        betas: tuple[float, float],
        weight_decay: float,
        clip: float,
    ) -> None:
        """
        Args:
            master: [parameters], float32.
            decayed: How many of them, from the front, are weight-decayed.
            compute_dtype: Of the working weights.
            betas: AdamW's.
            weight_decay: AdamW's.
            clip: Largest norm of the gradient.
        """
        self.master = master.clone()
        self.work = self.master.to(compute_dtype, copy=True).requires_grad_(True)
        self.work.grad = torch.zeros_like(self.work)
        self.clip = clip
        self.parts = [self.master[:decayed], self.master[decayed:]]
        for part in self.parts:
            part.grad = torch.zeros_like(part)
        groups = [
            {"params": [self.parts[0]], "weight_decay": weight_decay},
            {"params": [self.parts[1]], "weight_decay": 0.0},
        ]
        self.adam = torch.optim.AdamW(groups, lr=0.0, betas=betas, fused=True)
        self.reset_moments()

    def reset_moments(self) -> None:
        """Forget the moments and the step counter."""
        self.load_moments(torch.zeros_like(self.master), torch.zeros_like(self.master), 0)

    def load_moments(self, first: Tensor, second: Tensor, steps: int) -> None:
        """Put moments in place: flat float32, and the number of steps behind them."""
        place = 0
        for part in self.parts:
            end = place + part.numel()
            self.adam.state[part] = {
                "step": torch.tensor(float(steps)),
                "exp_avg": first[place:end].clone(),
                "exp_avg_sq": second[place:end].clone(),
            }
            place = end

    def moments(self) -> tuple[Tensor, Tensor, int]:
        """First and second moments, flat, and their steps."""
        states = [self.adam.state[part] for part in self.parts]
        first = torch.cat([state["exp_avg"] for state in states])
        second = torch.cat([state["exp_avg_sq"] for state in states])
        return first, second, int(states[0]["step"])

    def step(self, learning_rate: float) -> float:
        """Take a step with the gradients gathered in ``work.grad``; returns their norm before clipping."""
        assert self.work.grad is not None
        gradient = self.work.grad.float()
        norm = gradient.norm()
        gradient *= (self.clip / (norm + 1e-6)).clamp(max=1.0)
        place = 0
        for part in self.parts:
            assert part.grad is not None
            part.grad.copy_(gradient[place : place + part.numel()])
            place += part.numel()
        for group in self.adam.param_groups:
            group["lr"] = learning_rate
        self.adam.step()
        with torch.no_grad():
            self.work.copy_(self.master)
        self.work.grad.zero_()
        return float(norm)
