"""The processes that train one model together, as the training loop sees them.

One process is the usual case and needs nothing of ``torch.distributed``. With several, each takes its own rows of the
same global batch; what they must agree on goes through here.
"""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from assay.run.processes import Layout


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int = 0
    world: int = 1
    device: str = "cpu"
    layout: Layout = "replicated"
    """``replicated``: each holds the whole model; ``sharded``: each holds a part of every weight (FSDP2)."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def total(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor

    def agreed(self, wanted: int) -> int:
        """The largest that any of them wants: what the most urgent has to do, or what only the first knows."""
        if self.world == 1:
            return wanted
        said = torch.tensor(wanted)
        dist.all_reduce(said, dist.ReduceOp.MAX)
        return int(said.item())

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.world > 1:
            dist.barrier()
