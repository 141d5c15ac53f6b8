"""The worker's training step.

The recipe names the whole path from step 0, so an arm trained alone and the same arm trained as part of a study are
one artifact. What was trained before, the parent's state or this step's own last save, only spares work.
"""

import torch

from assay.errors import StepError
from assay.run.processes import processes_of
from assay.run.step import Call
from assay.train.compiled import set_up_torch
from assay.train.group import train_together
from assay.train.ranks import Ranks
from assay.train.trainer import Trainer


def train(call: Call) -> None:
    """Train to the end of ``recipe['path']`` and write the state there.

    Inputs: ``tokens:NAME`` for each ingredient of the path, ``requests:NAME`` for the held-out sets, and
    ``model`` where training starts from one.

    Raises:
        StepError: Training diverged, or the GPU's memory does not suffice.
    """
    if processes_of(call.numerics).count > 1:
        train_together(call)
    else:
        set_up_torch(call.device)
        train_as(call, Ranks(device=call.device))


def train_as(call: Call, ranks: Ranks) -> None:
    """Train as one of the processes that do so together, or as the only one; see `train`."""
    try:
        Trainer(call, ranks).run()
    except torch.OutOfMemoryError as problem:
        told = str(problem).partition(". ")[0]
        raise StepError(
            f"the GPU's memory does not suffice ({told}): set train.micro_rows, or --workers lower"
        ) from None
