"""The native kernels: built once by the machine's own compiler, kept, and loaded through `ctypes`.

What a compiler of graphs leaves slow on a CPU, the loss's softmax, attention and the passes between the products, is
written in C++ for AVX-512 with bfloat16 (docs/log.md). The library is built for this very processor, in a few
seconds, and kept beside the compiled graphs under a name made of its source, compiler and processor. On machines of
other kinds there is none, and callers fall back. Nothing of torch is imported here.
"""

import ctypes
import hashlib
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from assay.errors import StepError
from assay.run.identity import native_compiler

FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fopenmp", "-fPIC", "-shared")
POINTER, INTEGER, REAL, COUNT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_int
SIGNATURES = {
    "softmax_pass": (POINTER, POINTER, POINTER, INTEGER, INTEGER, REAL, COUNT),
    "outer_products": (*[POINTER] * 4, INTEGER, INTEGER, INTEGER, COUNT),
    "norm_forward": (*[POINTER] * 4, INTEGER, INTEGER, REAL, COUNT),
    "norm_backward": (*[POINTER] * 7, INTEGER, INTEGER, COUNT),
    "gated_forward": (*[POINTER] * 3, *[INTEGER] * 4, COUNT),
    "gated_backward": (*[POINTER] * 5, *[INTEGER] * 4, COUNT),
    "attention_forward": (*[POINTER] * 9, COUNT),
    "attention_backward": (*[POINTER] * 13, COUNT),
    "decode_choose": (*[POINTER] * 3, INTEGER, INTEGER, INTEGER, COUNT),
}
BOTH_SIGNATURES = {
    "infer_norm": (*[POINTER] * 4, INTEGER, INTEGER, REAL, COUNT, COUNT),
    "infer_rotate": (*[POINTER] * 3, *[INTEGER] * 4, COUNT),
    "infer_gate": (*[POINTER] * 3, *[INTEGER] * 4, COUNT),
    "infer_attend": (*[POINTER] * 8, COUNT),
    "score_pack": (POINTER, INTEGER, INTEGER, POINTER, COUNT),
    "score_tokens": (*[POINTER] * 6, INTEGER, INTEGER, INTEGER, COUNT),
    "decode_attend": (*[POINTER] * 8, COUNT),
    "decode_logits": (*[POINTER] * 3, INTEGER, INTEGER, INTEGER, COUNT),
}
"""Of kernels that there are two of, for float32 and for bfloat16."""
SIGNATURES |= {f"{name}_{kind}": types for name, types in BOTH_SIGNATURES.items() for kind in ("float", "bf16")}


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, built if need be; None on a machine that they are not for.

    Raises:
        StepError: The machine is one that they are for, but they cannot be built or loaded. Going on without would
            give other bits under the same name.
    """
    path = native_compiler()
    if path is None:
        return None
    try:
        loaded = ctypes.CDLL(str(_built(path)))
    except subprocess.CalledProcessError as problem:
        said = problem.stderr.decode(errors="replace").strip()[-600:]
        raise StepError(f"{path} cannot build the native kernels: {said}") from None
    except OSError as problem:
        raise StepError(f"the native kernels cannot be written or loaded: {problem}") from None
    for name, types in SIGNATURES.items():
        function = getattr(loaded, name)
        function.argtypes, function.restype = types, None
    return loaded


def folder() -> Path:
    """Where libraries are kept: with inductor's graphs, or in the user's cache."""
    root = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    if root:
        return Path(root) / "native"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay" / "native"


def _built(path: str) -> Path:
    """Path of the library; another process may build it at the same time, and each publishes a whole file."""
    here = Path(__file__).parent
    sources = sorted(here.glob("*.cpp"))
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256("\n".join((*FLAGS, version, *_features())).encode())
    for source in sorted([*sources, *here.glob("*.h")]):
        digest.update(source.name.encode() + source.read_bytes())
    built = folder() / f"{digest.hexdigest()[:24]}.so"
    if built.is_file():
        return built
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent) as scratch:
        made = Path(scratch) / built.name
        subprocess.run([path, *FLAGS, *map(str, sources), "-o", str(made)], check=True, capture_output=True)
        made.replace(built)
    return built


def _features() -> list[str]:
    """Flags of the processor, on which ``-march=native`` depends."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("flags"):
            return sorted(line.split(":", 1)[1].split())
    return []
