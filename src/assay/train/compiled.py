"""The two compiled regions, one layer and one pass of the loss, made once a process.

Compiling one layer and calling it for every layer gives the speed of compiling the model whole in a tenth of the
time. Without a C++ compiler the same functions run as they are, at half to two thirds of the speed.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from assay.model.decoder import BlockFunction, block
from assay.model.loss import Pass, softmax_pass
from assay.run.identity import compiler


@cache
def compiled_block() -> BlockFunction:
    """`block`, compiled where that is possible."""
    function: BlockFunction = _compiled(block)
    return function


@cache
def compiled_softmax_pass() -> Pass:
    """`softmax_pass`, compiled where that is possible."""
    function: Pass = _compiled(softmax_pass)
    return function


def _compiled(function: Callable[..., Any]) -> Any:
    return torch.compile(function, dynamic=False) if compiler() else function


def set_up_torch() -> None:
    """One thread, deterministic algorithms."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
