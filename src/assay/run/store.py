"""The artifact store: a folder of results, each whole or absent, found by what made it and checked by its hash.

``objects/KIND/KEY/`` holds an artifact's files and ``manifest.json``, which names recipe, inputs and the sha256 of
every file. A step writes into a folder of its own and is published by one rename after everything was flushed, so
a kill at any moment leaves nothing half-written. Kernel file locks keep two processes from computing the same key.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assay.errors import StepError
from assay.run.identity import file_hash

MANIFEST = "manifest.json"
PARTIAL_DAYS = 14


def default_root() -> Path:
    """``ASSAY_STORE``, or ``.assay/store`` under the current folder."""
    return Path(os.environ.get("ASSAY_STORE") or ".assay/store").absolute()


class Store:
    """A store on a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._checked: set[Path] = set()
        try:
            for name in ("objects", "locks", "staging", "partial"):
                (root / name).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StepError(
                f"the store {root} cannot be written: {problem.strerror}. Set ASSAY_STORE to another folder"
            ) from None

    def place(self, kind: str, key: str) -> Path:
        """Where an artifact lies, or would."""
        return self.root / "objects" / kind / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artifact is there, every file with the size its manifest says."""
        folder = self.place(kind, key)
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            return all((folder / name).stat().st_size == entry["bytes"] for name, entry in manifest["files"].items())
        except (OSError, ValueError, KeyError):
            return False

    def open(self, kind: str, key: str) -> Path:
        """The folder of an artifact whose hashes were checked (once a process).

        Raises:
            StepError: It is not there, or its bytes are not what was written. It is then moved aside.
        """
        folder = self.place(kind, key)
        if folder in self._checked:
            return folder
        if not self.has(kind, key):
            if folder.exists():
                self._move_aside(folder)
            raise StepError(f"the store has no whole {kind} {key[:12]}; run the same command again to make it")
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        for name, entry in manifest["files"].items():
            if file_hash(folder / name) != entry["sha256"]:
                self._move_aside(folder)
                raise StepError(
                    f"{kind} {key[:12]} in the store {self.root} is damaged ({name} is not what was written). "
                    "It was moved aside; run the same command again to make it anew"
                )
        self._checked.add(folder)
        return folder

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold a key against every other process; freed by the kernel when the holder ends, however it ends."""
        with (self.root / "locks" / key).open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder to write into, removed unless it was published."""
        folder = Path(tempfile.mkdtemp(dir=self.root / "staging"))
        try:
            yield folder
        except OSError as problem:
            if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise disk_full(self.root) from None
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder: Path, kind: str, key: str, about: dict[str, Any]) -> None:
        """Make a staged folder an artifact: hash, flush, rename."""
        files = {
            str(path.relative_to(folder)): {"sha256": file_hash(path), "bytes": path.stat().st_size}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        manifest = {"kind": kind, "key": key, **about, "files": files}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        for path in folder.rglob("*"):
            flush(path)
        flush(folder)
        target = self.place(kind, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            self._move_aside(target)
        folder.rename(target)
        flush(target.parent)

    def clear_staging(self) -> None:
        """Remove what killed processes left, and half-trained stretches that nobody went on with for two weeks.

        Only while no other process uses the store.
        """
        with (self.root / "locks" / "store").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return
            forgotten = time.time() - PARTIAL_DAYS * 86_400
            for folder in (self.root / "staging").iterdir():
                shutil.rmtree(folder, ignore_errors=True)
            for folder in (self.root / "partial").iterdir():
                if folder.stat().st_mtime < forgotten:
                    shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Tell other processes that this one works here, so that they clear nothing away."""
        self.clear_staging()
        with (self.root / "locks" / "store").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield

    def _move_aside(self, folder: Path) -> None:
        aside = Path(tempfile.mkdtemp(dir=self.root / "staging", prefix="damaged-"))
        with contextlib.suppress(OSError):
            folder.rename(aside / folder.name)


def flush(path: Path) -> None:
    """Have the kernel write a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, text: str) -> None:
    """Replace a file by new text, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).rename(path)
    except BaseException as problem:
        Path(name).unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise disk_full(path.parent) from None
        raise


def disk_full(place: Path) -> StepError:
    """The error for a disk that has no room left."""
    return StepError(
        f"the disk that holds {place} is full; nothing half-written was kept. Make room and run the same command again"
    )
