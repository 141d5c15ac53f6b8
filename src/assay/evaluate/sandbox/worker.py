"""A warm worker: an interpreter that has read the common modules once and forks for every program.

Started in an empty environment with a fixed hash seed and no site packages, it enters its tier, says that it is ready,
and from then on takes a program's text and gives back a verdict, one at a time, both in frames of four bytes of length
and the bytes. It never looks at a text; nothing that a program can write reaches it but through the watcher's JSON.
"""

import contextlib
import gc
import json
import os
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

from assay.evaluate.sandbox import kernel, landlock, namespaces, scratch, seccomp
from assay.evaluate.sandbox.child import ENVIRONMENT, Ground
from assay.evaluate.sandbox.limits import Limits
from assay.evaluate.sandbox.watcher import watch_in_worker

_COMMON = """abc array ast bisect collections.abc contextlib copy dataclasses datetime decimal enum fractions functools
heapq inspect io itertools json math numbers operator random re statistics string textwrap threading time typing
_bz2 _ctypes _elementtree _hashlib _lzma _sqlite3 _uuid zlib"""
"""What exercises import most, and all that needs a shared library, as there is none within. Not more: each module's
pages are copied twice a program."""
_UNWINDER = "libgcc_s.so.1"
"""The C library loads it when the first thread is ended, and aborts without it."""
_OLDEST_LANDLOCK = 3
"""Older ones do not stop truncation of a file that may be read."""


def main() -> None:
    """Serve on descriptor 0 (requests) and 1 (answers) until the caller hangs up."""
    asked = json.loads(sys.argv[1])
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    sys.path.remove(asked["root"])
    try:
        _warm()
        ground, folder = _prepare(asked["tier"], Limits(**asked["limits"]), null)
        if ground.calls:
            kernel.renounce()
    except (OSError, ImportError) as error:
        _send(answers, json.dumps({"error": str(error)}).encode())
        return
    _send(answers, json.dumps({"ready": True, "folder": folder}).encode())
    _forget_ourselves(ground.folder)
    gc.collect()
    gc.freeze()
    try:
        while (source := _receive(requests)) is not None:
            _send(answers, _answer(source, ground, requests))
    finally:
        if folder:
            scratch.remove(Path(folder))


def _warm() -> None:
    for name in _COMMON.split():
        try:
            __import__(name)
        except ImportError:
            continue
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError):
            ctypes.CDLL(_UNWINDER)
    "".encode("idna")


def _forget_ourselves(folder: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "assay"]:
        del sys.modules[name]
    seed = os.environ["PYTHONHASHSEED"]
    os.environ.clear()
    os.environ.update(ENVIRONMENT, PYTHONHASHSEED=seed, TMPDIR=folder)
    tempfile.tempdir = None


def _prepare(tier: str, limits: Limits, null: int) -> tuple[Ground, str | None]:
    library = tuple(namespaces.library())
    if tier == "namespaces":
        machine = kernel.machine()
        namespaces.enter()
        return Ground(limits, "/tmp", True, library, None, seccomp.assemble(machine, True), null), None
    if tier == "unsafe":
        folder = str(scratch.make())
        return Ground(limits, folder, False, library, None, None, null), folder
    machine = kernel.machine()
    abi = landlock.version()
    if abi < _OLDEST_LANDLOCK and tier == "landlock":
        has = f"version {abi}" if abi else "none"
        raise OSError(f"Landlock of version {_OLDEST_LANDLOCK} is needed (Linux 6.2); this kernel has {has}")
    if os.geteuid() == 0:
        _become_nobody(library)
    folder = str(scratch.make())
    rules = landlock.ruleset(landlock.library_entries(library), library, [folder, os.devnull]) if abi else None
    return Ground(limits, folder, False, library, rules, seccomp.assemble(machine, False), null), folder


def _become_nobody(library: tuple[str, ...]) -> None:
    """Root in a container without namespaces: be nobody if nobody can read the library, else root without rights."""
    pid = os.fork()
    if pid == 0:
        try:
            _settle_as_nobody()
            os._exit(0 if all(os.access(one, os.R_OK) for one in library) else 1)
        finally:
            os._exit(1)
    if os.waitpid(pid, 0)[1] == 0:
        _settle_as_nobody()


def _settle_as_nobody() -> None:
    os.setgroups([])
    os.setresgid(namespaces.NOBODY, namespaces.NOBODY, namespaces.NOBODY)
    os.setresuid(namespaces.NOBODY, namespaces.NOBODY, namespaces.NOBODY)


def _answer(source: bytes, ground: Ground, caller: int) -> bytes:
    out, into = os.pipe()
    pid = kernel.clone(namespaces.OF_A_PROGRAM) if ground.fresh else os.fork()
    if pid == 0:
        os.close(out)
        watch_in_worker(source, ground, caller, into)
    os.close(into)
    with os.fdopen(out, "rb") as file:
        answer = file.read()
    os.waitpid(pid, 0)
    return answer or b'{"lost": "its watcher was killed"}'


def _receive(source: int) -> bytes | None:
    head = _exactly(source, 4)
    return None if head is None else _exactly(source, struct.unpack("!I", head)[0])


def _exactly(source: int, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        part = os.read(source, min(size, 2**20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _send(to: int, body: bytes) -> None:
    rest: Any = memoryview(struct.pack("!I", len(body)) + body)
    while rest:
        rest = rest[os.write(to, rest) :]
