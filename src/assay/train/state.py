"""A training state: everything that the next step depends on, and the history that led to it.

``state.safetensors`` holds float32 master weights and both moments; ``history.json`` the losses, the held-out curve and
what was seen. Nothing is pickled. A state at step s of a path equals the state at s of any longer path.
"""

import errno
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from assay.train.history import HISTORY, load_history
from assay.train.log import TrainingLog

STATE = "state.safetensors"
"""File with the weights of a state, and its moments."""
MODEL = "model.safetensors"
"""File with the weights of a model that training starts from."""


@dataclass
class State:
    """Where training stands."""

    step: int
    master: Tensor
    """[parameters], float32."""
    first: Tensor
    second: Tensor
    """[parameters], float32: AdamW's moments."""
    moment_steps: int
    """Steps behind the moments; fewer than ``step`` where they were reset."""
    losses: list[float] = field(default_factory=list)
    """Mean loss of each step from the path's beginning, nats per token."""
    heldout: list[dict[str, float]] = field(default_factory=list)
    """``{step, INGREDIENT: bits per byte}`` at each look."""
    seen: dict[str, int] = field(default_factory=dict)
    """Tokens per ``ingredient|kind|language`` from the path's beginning."""
    snapshots: dict[int, Tensor] = field(default_factory=dict)
    """Master weights after earlier steps, kept for averaging: [parameters], float32."""
    log: TrainingLog = field(default_factory=TrainingLog)
    """What happened at each step."""


def save_state(state: State, folder: Path) -> None:
    """Write a state into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        "master": state.master,
        "first": state.first,
        "second": state.second,
    }
    write_tensors(tensors, folder / STATE)
    for step, weights in sorted(state.snapshots.items()):
        write_tensors({"master": weights}, folder / snapshot_name(step))
    about = {
        "step": state.step,
        "moment_steps": state.moment_steps,
        "losses": state.losses,
        "heldout": state.heldout,
        "seen": state.seen,
    }
    state.log.write(folder)
    (folder / HISTORY).write_text(json.dumps(about, sort_keys=True) + "\n", encoding="utf-8")


def snapshot_name(step: int) -> str:
    """File that holds the master weights after a step."""
    return f"weights-{step:09d}.safetensors"


def write_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    """Write a safetensors file; raises OSError where the disk does not take it."""
    try:
        save_file(tensors, file)
    except SafetensorError as problem:  # the library's own words for what the operating system said
        raise OSError(errno.ENOSPC if "os error 28" in str(problem) else errno.EIO, str(problem)) from None


def load_state(folder: Path, whole: bool = True) -> State:
    """Read a state; unless it is wanted ``whole``, only its history: tensors are then empty."""
    about = load_history(folder / HISTORY)
    tensors = dict.fromkeys(("master", "first", "second"), torch.empty(0))
    if whole:
        with safe_open(folder / STATE, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in tensors}
    return State(
        step=about["step"],
        master=tensors["master"],
        first=tensors["first"],
        second=tensors["second"],
        moment_steps=about["moment_steps"],
        losses=about["losses"],
        heldout=about["heldout"],
        seen=about["seen"],
        log=TrainingLog.load(folder),
        snapshots=load_snapshots(folder) if whole else {},
    )


def load_snapshots(folder: Path) -> dict[int, Tensor]:
    """Master weights after earlier steps that a state's folder holds: [parameters], float32, by step."""
    return {
        int(file.stem.rpartition("-")[2]): load_weights(folder, file.name)
        for file in sorted(folder.glob("weights-*.safetensors"))
    }


def load_weights(folder: Path, name: str = STATE) -> Tensor:
    """Only the master weights: [parameters], float32."""
    with safe_open(folder / name, framework="pt") as file:
        weights: Tensor = file.get_tensor("master")
    return weights


def average_weights(folder: Path, steps: Sequence[int]) -> Tensor:
    """Mean of the master weights after these steps, the last of which is the state's own: [parameters], float32.

    The sum is taken in float64, so that it does not depend on the order.
    """
    total = load_weights(folder).double()
    for step in steps[:-1]:
        total += load_weights(folder, snapshot_name(step))
    return (total / len(steps)).float()
