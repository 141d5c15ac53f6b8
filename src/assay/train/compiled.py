"""The two compiled regions, one layer and one pass of the loss, made once a process.

Compiling one layer and calling it for every layer gives the speed of compiling the model whole in a tenth of the
time. Without a C++ compiler the same functions run as they are, at half to two thirds of the speed.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from assay.model.decoder import BLOCKS, BlockFunction
from assay.model.loss import Pass, softmax_pass
from assay.model.native.cross_entropy import native_softmax_pass
from assay.model.native.library import library
from assay.run.identity import compiler


@cache
def compiled_block(kind: str = "parallel") -> BlockFunction:
    """The block of that kind (`Shape.block`), compiled where that is possible."""
    function: BlockFunction = _compiled(BLOCKS[kind])
    return function


@cache
def compiled_softmax_pass() -> Pass:
    """`softmax_pass`: native for bfloat16 on a processor that the kernels are for, else compiled where possible."""
    compiled: Pass = _compiled(softmax_pass)
    if library() is None:
        return compiled

    def either(logits: Tensor, targets: Tensor, count: float) -> tuple[Tensor, Tensor]:
        native = logits.dtype is torch.bfloat16 and not logits.is_cuda
        return (native_softmax_pass if native else compiled)(logits, targets, count)

    return either


def _compiled(function: Callable[..., Any]) -> Any:
    return torch.compile(function, dynamic=False) if compiler() else function


def set_up_torch() -> None:
    """One thread, deterministic algorithms.

    Deterministic mode also fills every fresh tensor with NaN, so that what is read before it is written shows. Nothing
    here reads such memory, and the filling takes 3 % of a step.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False
