"""The GPUs of this machine, found without torch, and which worker gets which.

``nvidia-smi`` is asked once a process, in a few tenths of a second; where there is none nothing is spent. Whether torch
could use a GPU is read from its ``version.py`` as text. A study uses one kind of GPU, since results are keyed by it: of
several kinds the one there is most of. Slices of a GPU (MIG) are not used.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from assay.errors import InputError

Device = Literal["cpu", "cuda"]
DeviceName = Literal["auto", "cpu", "cuda"]
PROGRAM = "nvidia-smi"
FIELDS = ("index", "uuid", "compute_cap", "memory.total", "mig.mode.current", "name")
PATIENCE_SECONDS = 60.0
"""For ``nvidia-smi``: it wakes drivers that sleep."""
BFLOAT16_SINCE = (8, 0)
"""Compute capability from which bfloat16 is multiplied natively (Ampere)."""
TRITON_SINCE = (7, 0)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU."""

    index: int
    """As ``nvidia-smi`` counts: by the bus."""
    uuid: str
    name: str
    capability: tuple[int, int]
    memory: int
    """Bytes; 0 where the driver does not say."""

    @property
    def precision(self) -> str:
        """What models are computed in: ``bfloat16`` where it is native, else ``float32``."""
        return "bfloat16" if self.capability >= BFLOAT16_SINCE else "float32"


def choose_device(wanted: str = "auto") -> Device:
    """What ``--device`` comes to.

    Args:
        wanted: ``cpu``, ``cuda``, or ``auto``: what ``ASSAY_DEVICE`` says, else ``cuda`` where torch is built for it
            and there is a GPU, else ``cpu``.

    Raises:
        InputError: ``cuda`` where it cannot be had, or no device of that name.
    """
    source = "--device"
    if wanted == "auto":
        wanted, source = os.environ.get("ASSAY_DEVICE") or "auto", "ASSAY_DEVICE"
    if wanted == "cpu":
        return "cpu"
    if wanted == "auto":
        return "cpu" if lacking() else "cuda"
    if wanted != "cuda":
        raise InputError(f"{source} is auto, cpu or cuda, and not '{wanted}'")
    if told := lacking():
        raise InputError(f"{source} cuda cannot be had on this machine: {told}")
    return "cuda"


def lacking() -> str | None:
    """What a study would need to train on a GPU of this machine and has not; None: nothing."""
    if shutil.which(PROGRAM) is None:
        return f"there is no NVIDIA driver ({PROGRAM} is not found)"
    version, cuda = torch_build()
    if cuda is None:
        return f"the installed torch ({version}) is built without CUDA; docs/how-to/torch-build.md says how to choose"
    if not gpus():
        allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
        hint = "" if allowed is None else f" under CUDA_VISIBLE_DEVICES='{allowed}'"
        return f"{PROGRAM} names no whole GPU{hint}"
    return None


def torch_build() -> tuple[str, str | None]:
    """Version of the installed torch as it names itself, and of the CUDA that it is built with; torch is not imported.

    Raises:
        InputError: There is no torch.
    """
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        raise InputError("torch is not installed; docs/how-to/torch-build.md says how to choose a build")
    text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    version = re.search(r"^__version__ = ['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    cuda = re.search(r"^cuda\b[^=\n]*= ['\"]([^'\"]+)['\"]", text, re.MULTILINE)
    return version[1] if version else "unknown", cuda[1] if cuda else None


def has_triton() -> bool:
    """Whether the compiler of GPU kernels that torch uses is installed."""
    return importlib.util.find_spec("triton") is not None


@cache
def gpus() -> tuple[Gpu, ...]:
    """The GPUs that this process may use, all of one kind, by the bus or in the order of ``CUDA_VISIBLE_DEVICES``."""
    program = shutil.which(PROGRAM)
    if program is None:
        return ()
    command = [program, f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()  # a driver without a GPU, or one that does not answer
    return of_one_kind(visible(read_gpus(told), os.environ.get("CUDA_VISIBLE_DEVICES")))


def read_gpus(told: str) -> tuple[Gpu, ...]:
    """GPUs from lines of `FIELDS`, as ``nvidia-smi`` writes them; those in slices are left out."""
    found = []
    for line in told.splitlines():
        fields = [field.strip() for field in line.split(",", len(FIELDS) - 1)]
        if len(fields) < len(FIELDS):
            continue
        index, uuid, capability, memory, slices, name = fields
        numbers = re.fullmatch(r"(\d+)\.(\d+)", capability)
        if not index.isdecimal() or numbers is None or slices == "Enabled":
            continue
        mebibytes = int(memory) if memory.isdecimal() else 0
        found.append(Gpu(int(index), uuid, name, (int(numbers[1]), int(numbers[2])), mebibytes << 20))
    return tuple(found)


def visible(found: Sequence[Gpu], allowed: str | None) -> tuple[Gpu, ...]:
    """Those that ``CUDA_VISIBLE_DEVICES`` allows, in its order. As for CUDA, a name that fits none ends the list.

    Args:
        found: All of the machine.
        allowed: Indices or beginnings of UUIDs, with commas; None: all are allowed.
    """
    if allowed is None:
        return tuple(found)
    chosen: list[Gpu] = []
    for entry in allowed.split(","):
        name = entry.strip()
        fits = [gpu for gpu in found if name == str(gpu.index) or (name[:4] == "GPU-" and gpu.uuid.startswith(name))]
        if len(fits) != 1 or fits[0] in chosen:
            break
        chosen.append(fits[0])
    return tuple(chosen)


def of_one_kind(found: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Those of the kind that there is most of; of equally many, the first."""
    kinds = Counter((gpu.name, gpu.capability) for gpu in found)
    if not kinds:
        return ()
    most = max(kinds, key=lambda kind: kinds[kind])  # the first of the largest: counters keep their order
    return tuple(gpu for gpu in found if (gpu.name, gpu.capability) == most)


def deal(found: Sequence[Gpu], worker: int, each: int = 1) -> tuple[Gpu, ...]:
    """The GPUs of one worker, dealt round robin; workers beyond their number share.

    Args:
        found: At least one.
        worker: Its number, from 0.
        each: GPUs that a worker needs, for as many processes that train one model.

    Raises:
        InputError: There are fewer than a worker needs.
    """
    if each > len(found):
        raise InputError(f"{each} processes that train one model need {each} GPUs, and this machine has {len(found)}")
    begin = worker * each % len(found)
    return tuple(found[(begin + place) % len(found)] for place in range(each))
