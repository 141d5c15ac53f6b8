"""The worker's training step.

The recipe names the whole path from step 0, so an arm trained alone and the same arm trained as part of a study are
one artifact. What was trained before, the parent's state or this step's own last save, only spares work.
"""

from assay.run.step import Call
from assay.train.compiled import set_up_torch
from assay.train.trainer import Trainer


def train(call: Call) -> None:
    """Train to the end of ``recipe['path']`` and write the state there.

    Inputs: ``tokens:NAME`` for each ingredient of the path, ``requests:NAME`` for the held-out sets.
    """
    set_up_torch()
    Trainer(call).run()
