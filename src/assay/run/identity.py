"""What an artifact is keyed by: recipe and numerics, never place.

*Recipe* is the step's kind, its version and every value that changes the result; *numerics* is what changes its
bits. Both are found without importing torch, so that a finished study is recognised in a second. Paths, the number
of workers and the engine are place and stay out.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sysconfig
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from assay.errors import StepError
from assay.run.device import TRITON_SINCE, gpus, has_triton, torch_build

KERNELS_VERSION = 3
"""Raise when model, loss, optimizer or scorer code gives other bits for the same recipe."""


def canonical(value: Any) -> str:
    """One text per value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def key_of(value: Any) -> str:
    """40 hexadecimal digits that identify a JSON-able value."""
    return hashlib.blake2b(canonical(value).encode(), digest_size=20).hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_digest() -> str:
    """sha256 of the program's own source: which code it was, whatever its version says."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for kind in ("*.py", "*.cpp", "*.h") for path in root.rglob(kind)):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def compiler() -> str | None:
    """The C++ compiler that compiled kernels need, or None; Python's own headers belong to it."""
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        return None
    for name in (os.environ.get("CXX"), "g++", "clang++"):
        if name and shutil.which(name):
            return shutil.which(name)
    return None


def processor() -> tuple[str, str]:
    """Vendor of the processor, and the widest instructions that training can use."""
    fields: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    except OSError:
        return platform.system(), platform.machine()
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    for wanted in ("amx_bf16", "avx512_bf16", "avx512f", "avx2", "bf16", "asimd"):
        if wanted in flags:
            return fields.get("vendor_id", platform.machine()), wanted
    return fields.get("vendor_id", platform.machine()), platform.machine()


def mode(device: str = "cpu") -> str:
    """How the hot regions of training are run: ``native`` kernels on a CPU that they are for, else ``compiled`` where
    there is a C++ compiler (on a GPU one that takes Triton besides), else ``eager``."""
    if compiler() is None:
        return "eager"
    if device == "cpu":
        return "native" if native_compiler() else "compiled"
    return "compiled" if has_triton() and all(gpu.capability >= TRITON_SINCE for gpu in gpus()) else "eager"


@cache
def native_compiler() -> str | None:
    """The C++ compiler if it knows this machine's AVX-512 instructions for bfloat16, which native kernels need."""
    path = compiler()
    if path is None or processor()[1] not in {"amx_bf16", "avx512_bf16"}:
        return None
    ask = [path, "-march=native", "-dM", "-E", "-x", "c++", "-"]
    known = subprocess.run(ask, input="", capture_output=True, text=True, check=False)
    return path if "__AVX512BF16__" in known.stdout else None


def precision() -> str:
    """``bfloat16`` where the processor multiplies it natively, else ``float32``."""
    return "bfloat16" if processor()[1] in {"amx_bf16", "avx512_bf16", "bf16"} else "float32"


def numerics(device: str = "cpu") -> dict[str, str]:
    """Everything about this machine and installation that changes the bits of a result.

    Args:
        device: ``cpu`` or ``cuda``; see `assay.run.device.choose_device`.

    Raises:
        StepError: ``cuda`` where there is no GPU.
    """
    if device == "cpu":
        vendor, instructions = processor()
        about = {"vendor": vendor, "instructions": instructions, "precision": precision()}
        torch_version = metadata.version("torch")
    elif found := gpus():
        major, minor = found[0].capability
        about = {
            "vendor": "-".join(found[0].name.split()),
            "instructions": f"sm_{major}{minor}",
            "precision": found[0].precision,
        }
        torch_version = torch_build()[0]
    else:
        raise StepError("there is no GPU here that may be used")
    return {
        "device": device,
        **about,
        "threads": "1",
        "mode": mode(device),
        "torch": torch_version,
        "kernels": str(KERNELS_VERSION),
    }


def numerics_label(values: dict[str, str] | None = None) -> str:
    """The numerics in one line, as item records carry it."""
    found = values or numerics()
    together = f" {found['processes']} processes {found['layout']}" if "processes" in found else ""
    return (
        f"{found['device']} {found['vendor']} {found['instructions']} {found['precision']} "
        f"{found['threads']} thread {found['mode']} torch {found['torch']} kernels {found['kernels']}{together}"
    )
