"""The two numbers by which a step is judged, its loss and its gradient's norm, on their way from the device.

A GPU is given the next step before the figures of this one are read: it would stand idle for the time that Python takes
to begin a step. They are copied right behind the step that they belong to, not behind the next.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Figures:
    """Loss and norm of a step, maybe still to come."""

    values: Tensor
    """[2], float32, on the CPU."""
    there: torch.Event | None = None
    """When the values are; None: now."""

    @classmethod
    def of(cls, loss: Tensor, norm: Tensor) -> "Figures":
        """Begin to copy them.

        Args:
            loss: Scalar, float32, nats.
            norm: Scalar, float32: of the gradient before clipping.
        """
        both = torch.stack([loss, norm])
        if not both.is_cuda:
            return cls(both)
        values = torch.empty(2, pin_memory=True)
        values.copy_(both, non_blocking=True)
        there = torch.Event("cuda")
        there.record()
        return cls(values, there)

    def read(self) -> tuple[float, float]:
        """Loss and norm; waits for them."""
        if self.there is not None:
            self.there.synchronize()
        return float(self.values[0]), float(self.values[1])
