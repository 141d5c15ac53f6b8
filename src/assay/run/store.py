"""The artifact store: a folder of results, each whole or absent, found by what made it and checked by its hash.

``objects/KIND/KEY/`` holds an artifact's files and ``manifest.json``, which names recipe, numerics, inputs and the
sha256 of every file. A step writes into a folder of its own and is published by one rename after everything was
flushed, so a kill at any moment leaves nothing half-written. Kernel file locks keep two processes from computing the
same key; the kernel frees them however their holder ends, so nothing here waits for a time-out or trusts a clock.
`assay.run.remote` puts the same store on an object store.
"""

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.errors import InputError, StepError
from assay.files import flush, refused
from assay.run.identity import file_hash

MANIFEST = "manifest.json"


class Damaged(StepError):
    """An artifact is not what was written, or is gone; what was left of it has been moved aside."""

    def __init__(
        self, kind: str, key: str, why: str, remedy: str = "run the same command again to make it anew"
    ) -> None:
        super().__init__(f"{kind} {key[:12]} in the store {why}; {remedy}")
        self.kind = kind
        self.key = key
        self.why = why


def default_address() -> str:
    """``ASSAY_STORE``, or ``.assay/store`` under the current folder."""
    return os.environ.get("ASSAY_STORE") or ".assay/store"


def open_store(address: str | None = None) -> "Store":
    """The store at an address: a folder, or anything that fsspec knows, such as ``s3://bucket/prefix``.

    Raises:
        StepError: It cannot be written or reached.
        InputError: The address needs a library that is not installed.
    """
    address = address or default_address()
    if "://" in address and not address.startswith("file://"):
        from assay.run.remote import RemoteStore

        return RemoteStore(address)
    return Store(Path(address.removeprefix("file://")).absolute())


def existing_store(address: str | None = None) -> "Store | None":
    """As `open_store`, but where there is no such folder yet none is made."""
    address = address or default_address()
    if "://" not in address and not Path(address).is_dir():
        return None
    return open_store(address)


def present_store() -> "Store":
    """The store, where looking into it is all that is wanted.

    Raises:
        InputError: There is none.
    """
    store = existing_store()
    if store is None:
        raise InputError(f"there is no store at {default_address()}; set ASSAY_STORE to the folder of the one you mean")
    store.only_read = True
    return store


class Store:
    """A store on a local folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.only_read = False
        """Whether what is found damaged stays where it is, as for commands that only look."""
        self._checked: set[Path] = set()
        try:
            for name in ("objects", "locks", "staging", "partial"):
                (root / name).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StepError(
                f"the store {root} cannot be written: {problem.strerror}. Set ASSAY_STORE to another folder"
            ) from None

    @property
    def address(self) -> str:
        """What `open_store` finds this store by."""
        return str(self.root)

    def place(self, kind: str, key: str) -> Path:
        """Where an artifact lies, or would."""
        return self.root / "objects" / kind / key

    def has(self, kind: str, key: str) -> bool:
        """Whether the artifact is there, every file with the size its manifest says."""
        return _is_whole(self.place(kind, key))

    def look(self) -> None:
        """Have `listed` know what is there now; here it always does."""

    def listed(self, kind: str, key: str) -> bool:
        """As `has`, of the time of the last `look`: on an object store thousands of answers cost one request."""
        return self.has(kind, key)

    def manifest(self, kind: str, key: str) -> dict[str, Any]:
        """What an artifact's manifest says.

        Raises:
            Damaged: There is none that can be read.
        """
        try:
            found: dict[str, Any] = json.loads((self.place(kind, key) / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise Damaged(kind, key, "has no manifest that can be read") from None
        return found

    def artifacts(self) -> Iterator[tuple[str, str]]:
        """(kind, key) of everything that was published, in no order."""
        for path in (self.root / "objects").glob(f"*/*/{MANIFEST}"):
            yield path.parent.parent.name, path.parent.name

    def open(self, kind: str, key: str) -> Path:
        """The folder of an artifact whose hashes were checked (once a process).

        Raises:
            Damaged: It is not there, or its bytes are not what was written. It is then moved aside.
        """
        self._check(kind, key, None)
        return self.place(kind, key)

    def file(self, kind: str, key: str, name: str) -> Path:
        """One file of an artifact, its hash checked (once a process), without reading the others.

        Raises:
            Damaged: As for `open`.
        """
        self._check(kind, key, name)
        return self.place(kind, key) / name

    def _check(self, kind: str, key: str, only: str | None) -> None:
        folder = self.place(kind, key)
        if folder in self._checked or (only is not None and folder / only in self._checked):
            return
        if not folder.exists():
            raise Damaged(kind, key, "is gone")
        try:
            files = self.manifest(kind, key)["files"]
            read = files if only is None else {only: files[only]}
            wrong = next((name for name, entry in read.items() if not is_as_written(folder / name, entry)), None)
        except (Damaged, KeyError, TypeError):
            wrong = MANIFEST
        if wrong is not None:
            why = f"is damaged ({wrong} is not what was written)"
            if self.only_read:
                raise Damaged(kind, key, why, "a run that needs it makes it anew")
            self._move_aside(folder)
            raise Damaged(kind, key, why)
        self._checked.add(folder if only is None else folder / only)

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
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder: Path, kind: str, key: str, about: Mapping[str, Any]) -> None:
        """Make a staged folder an artifact: hash, flush, rename.

        Args:
            folder: From `staging`.
            kind: Of the artifact.
            key: Of the artifact.
            about: What the manifest says beside kind, key and files.
        """
        seal(folder, {**about, "kind": kind, "key": key})
        target = self.place(kind, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._move_aside(target)
        folder.rename(target)
        flush(target.parent)

    def remove(self, kind: str, key: str) -> None:
        """Take an artifact away: out of sight at once, then off the disk."""
        folder = self.place(kind, key)
        self._move_aside(folder)
        (self.root / "locks" / key).unlink(missing_ok=True)

    def partial(self, key: str) -> Path:
        """The folder for what a step has done so far; it survives a kill and holds what an earlier try left."""
        return self.root / "partial" / key

    def keep_partial(self, key: str, last: bool) -> None:
        """Told when a step has put something into its `partial` folder, the last time if it is being put aside; here
        it is safe already."""

    def drop_partial(self, key: str) -> None:
        """Forget what a step had done so far, once its artifact is there."""
        shutil.rmtree(self.partial(key), ignore_errors=True)

    def clear_staging(self) -> None:
        """Remove what killed processes left. Only while no other process uses the store.

        Work done so far stays, unless the step was published and its maker killed right after.
        """
        with (self.root / "locks" / "store").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            for folder in (self.root / "staging").iterdir():
                shutil.rmtree(folder, ignore_errors=True)
            for folder in (self.root / "partial").iterdir():
                if any((self.root / "objects").glob(f"*/{folder.name}")):
                    shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Tell other processes that this one works here, so that they clear nothing away.

        Raises:
            StepError: The store cannot be written.
        """
        try:
            self.clear_staging()
            handle = (self.root / "locks" / "store").open("w")
        except OSError as problem:
            if told := refused(problem, self.root):
                raise told from None
            raise
        with handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield

    def _move_aside(self, folder: Path) -> None:
        if not folder.exists():
            return
        self._checked = {path for path in self._checked if folder not in (path, *path.parents)}
        aside = Path(tempfile.mkdtemp(dir=self.root / "staging", prefix="damaged-"))
        with contextlib.suppress(OSError):
            folder.rename(aside / folder.name)


def seal(folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write a folder's manifest, with the sha256 and size of every file, and flush everything; the manifest."""
    files = {
        str(path.relative_to(folder)): {"sha256": file_hash(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {**about, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for path in folder.rglob("*"):
        flush(path)
    flush(folder)
    return manifest


def is_sealed(folder: Path) -> bool:
    """Whether every file of a sealed folder is what was written."""
    if not _is_whole(folder):
        return False
    files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    return all(is_as_written(folder / name, entry) for name, entry in files.items())


def is_as_written(path: Path, entry: Mapping[str, Any]) -> bool:
    """Whether a file is there with the ``bytes`` and the ``sha256`` of its entry in a manifest."""
    try:
        return bool(path.stat().st_size == entry["bytes"] and file_hash(path) == entry["sha256"])
    except OSError:
        return False


def _is_whole(folder: Path) -> bool:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return all((folder / name).stat().st_size == entry["bytes"] for name, entry in files.items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False
