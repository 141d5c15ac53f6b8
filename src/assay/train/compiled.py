"""The two hot regions, one layer and one pass of the loss, each in the fastest form that the machine has.

Native kernels where they fit (`assay.model.native`): two thirds to three quarters of the compiled step's time. Else
compiled: one layer, called for every layer, gives the speed of compiling the model whole in a tenth of the time.
Without a C++ compiler the same functions run as they are, at half to two thirds of the compiled speed.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from assay.model.decoder import BLOCKS, BlockFunction
from assay.model.loss import Pass, softmax_pass
from assay.model.native.block import fits, native_block
from assay.model.native.cross_entropy import native_softmax_pass
from assay.model.native.library import library
from assay.run.identity import mode


@cache
def compiled_block(kind: str = "parallel", device: str = "cpu") -> BlockFunction:
    """The block of that kind (`Shape.block`): native where the kernels fit, else compiled where that is possible."""
    compiled: BlockFunction = _compiled(BLOCKS[kind], device)
    if device != "cpu" or kind != "parallel" or library() is None:
        return compiled

    def either(
        x: Tensor,
        weights: tuple[Tensor, ...],
        cos: Tensor,
        sin: Tensor,
        mask: Tensor | None,
        head_size: int,
        epsilon: float,
    ) -> Tensor:
        function = native_block if fits(x, weights, cos, mask, head_size) else compiled
        return function(x, weights, cos, sin, mask, head_size, epsilon)

    return either


@cache
def compiled_softmax_pass(device: str = "cpu") -> Pass:
    """`softmax_pass`: native for bfloat16 on a processor that the kernels are for, else compiled where possible."""
    compiled: Pass = _compiled(softmax_pass, device)
    if device != "cpu" or library() is None:
        return compiled

    def either(logits: Tensor, targets: Tensor, count: float) -> tuple[Tensor, Tensor]:
        native = logits.dtype is torch.bfloat16
        return (native_softmax_pass if native else compiled)(logits, targets, count)

    return either


def _compiled(function: Callable[..., Any], device: str) -> Any:
    """Compiled at its first call: where all calls are native, torch's compiler is not loaded whole (0.6 s)."""
    if mode(device) == "eager":
        return function
    made: list[Callable[..., Any]] = []

    def first(*inputs: Any) -> Any:
        if not made:
            made.append(torch.compile(function, dynamic=False))
        return made[0](*inputs)

    return first


def set_up_torch(device: str = "cpu") -> None:
    """One thread, deterministic algorithms; on a GPU float32 is float32 (no TF32), bfloat16 products are summed in
    float32 throughout, and no kernel is chosen by a race that another run may decide otherwise.

    Deterministic mode also fills every fresh tensor with NaN, so that what is read before it is written shows. Nothing
    here reads such memory, and the filling takes 1 to 2 % of a step.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # made at run time
    if device != "cpu":
        from torch._inductor import config

        config.deterministic = True
        torch.set_float32_matmul_precision("highest")
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
