"""The artifact store on an object store, for machines that share no folder: any address that fsspec knows.

``objects/KIND/KEY.json`` is an artifact's manifest, ``blobs/SHA256`` the content of a file, ``partial/KEY/`` what a
step has done so far. Content is uploaded under its hash and the manifest last, only if there is none yet: where two
machines carry out one step at the same time, one of them is published and the other takes that over. Nothing is found
without its manifest, so nothing is found half-written. Each machine has a folder (``ASSAY_CACHE``) where it works and
keeps what it has read; kernel locks hold within a machine.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from assay.errors import AssayError, InputError, StepError
from assay.files import refused
from assay.run.store import MANIFEST, Damaged, Store, is_as_written, is_sealed, seal

S3 = {"s3", "s3a"}
WAITS = {"connect_timeout": 4, "read_timeout": 8}
"""Seconds for one request. With `TRIES`, a server that hangs is told after about half a minute."""
TRIES = {"total_max_attempts": 4, "mode": "standard"}
"""Of one request, unless ``AWS_MAX_ATTEMPTS`` says otherwise."""
UPLOAD_SHARE = 0.1
"""Of a step's time that the uploads of its saves may take."""
DOWNLOADS = 2
"""How often a file is downloaded before the object store's copy is taken for damaged."""


def cache_folder(address: str) -> Path:
    """Where this machine keeps what it reads of a store: a folder of ``ASSAY_CACHE`` or of the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = os.environ.get("ASSAY_CACHE") or Path(home) / "assay"
    return Path(base).absolute() / hashlib.sha256(address.encode()).hexdigest()[:16]


class RemoteStore(Store):
    """A store at an fsspec address, through a local folder. Making one asks the object store nothing."""

    def __init__(self, address: str) -> None:
        """
        Raises:
            InputError: A library is missing, or nothing can be at such an address.
            StepError: The cache folder cannot be written.
        """
        self._address = address.rstrip("/")
        self._is_s3 = address.partition("://")[0] in S3
        try:
            import fsspec

            self.fs, self.base = fsspec.core.url_to_fs(self._address, **self._options())
        except ImportError as problem:
            how = "pip install 'assay[remote]'" if self._is_s3 or problem.name == "fsspec" else str(problem)
            raise InputError(f"a store at {address} needs a library that is not installed: {how}") from None
        except ValueError as problem:
            raise InputError(f"the store's address {address} cannot be used: {problem}") from None
        if self._is_s3:
            self.fs.retries = 1  # botocore has tried again already
        try:
            super().__init__(cache_folder(self._address))
        except StepError as problem:
            raise StepError(str(problem).replace("ASSAY_STORE", "ASSAY_CACHE")) from None
        self._listed: set[tuple[str, str]] = set()
        self._manifests: dict[tuple[str, str], dict[str, Any]] = {}
        self._unfinished: set[str] = set()
        self._upload_again = 0.0

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if self._is_s3:
            tries = {} if "AWS_MAX_ATTEMPTS" in os.environ else {"retries": TRIES}
            options["config_kwargs"] = {**WAITS, **tries}
        return options

    @property
    def address(self) -> str:
        """The fsspec address."""
        return self._address

    def look(self) -> None:
        """Take note of what is published, in one listing."""
        self._listed = set(self.artifacts())

    def listed(self, kind: str, key: str) -> bool:
        """Whether it was published when `look` was last called."""
        return (kind, key) in self._listed

    def has(self, kind: str, key: str) -> bool:
        """Whether it is published now. A manifest that cannot be read is removed."""
        try:
            return self._read_manifest(kind, key) is not None
        except Damaged:
            return False

    def manifest(self, kind: str, key: str) -> dict[str, Any]:
        """As for a local store; from here where it is here, or as of the last `loose`."""
        if (kind, key) in self._manifests:
            return self._manifests[kind, key]
        try:
            return super().manifest(kind, key)
        except Damaged:
            found = self._read_manifest(kind, key)
        if found is None:
            raise Damaged(kind, key, "is gone")
        return found

    def artifacts(self) -> Iterator[tuple[str, str]]:
        """(kind, key) of everything that is published."""
        for path in self._find("objects"):
            kind, _, name = path.rpartition("/objects/")[2].partition("/")
            yield kind, name.removesuffix(".json")

    def publish(self, folder: Path, kind: str, key: str, about: Mapping[str, Any]) -> None:
        """Make a staged folder an artifact for all machines, unless another has made it meanwhile: then that counts."""
        manifest = seal(folder, {**about, "kind": kind, "key": key})
        with self._told():
            for name, entry in manifest["files"].items():
                self._put(folder / name, self._blob_at(entry["sha256"]))
            ours = self._create(self._manifest_at(kind, key), (folder / MANIFEST).read_bytes())
        place = self.place(kind, key)
        with self._caching(key):
            self._checked = {path for path in self._checked if place not in (path, *path.parents)}
            if ours:
                _move([*manifest["files"], MANIFEST], folder, place)
            else:
                (place / MANIFEST).unlink(missing_ok=True)

    def keep_partial(self, key: str, last: bool) -> None:
        """Upload the newest save, so that another machine can go on if this one is lost; if that takes long, not every
        save is. If it fails, the work goes on all the same: the save is here, and the worker's log says so."""
        begin = time.monotonic()
        if begin < self._upload_again and not last:
            return
        save = max((path for path in super().partial(key).glob("step-*") if is_sealed(path)), default=None)
        if save is None:
            return
        try:
            uploaded = self._saves(key)
            if save.name <= max(uploaded, default=""):
                return
            self._unfinished.add(key)
            with self._told():
                for path in sorted(save.iterdir(), key=lambda path: path.name == MANIFEST):
                    self._put(path, f"{self._partial_at(key)}/{save.name}/{path.name}")
            self._remove(path for paths in uploaded.values() for path in paths)
        except StepError as problem:
            print(f"the work on {key} up to {save.name} is kept on this machine only: {problem}", file=sys.stderr)
        end = time.monotonic()
        self._upload_again = end + (end - begin) / UPLOAD_SHARE

    def partial(self, key: str) -> Path:
        """As for a local store, with the newest save fetched if another machine has made it."""
        folder = super().partial(key)
        here = max((path.name for path in folder.glob("step-*") if is_sealed(path)), default="")
        uploaded = self._saves(key)
        if uploaded:
            self._unfinished.add(key)
        for name in sorted((name for name in uploaded if name > here), reverse=True):
            with self.staging() as aside:
                whole = all(self._get(path, aside / path.rpartition("/")[2]) for path in uploaded[name])
                if whole and is_sealed(aside):
                    shutil.rmtree(folder / name, ignore_errors=True)
                    folder.mkdir(parents=True, exist_ok=True)
                    aside.rename(folder / name)
                    break
        return folder

    def drop_partial(self, key: str) -> None:
        """Forget what a step had done so far, here and there."""
        super().drop_partial(key)
        if key in self._unfinished:
            self._remove(self._find(f"partial/{key}"))
            self._unfinished.discard(key)

    def partials(self) -> dict[str, tuple[int, float]]:
        """Size in bytes and time in seconds since 1970 of what was uploaded of unfinished steps, by key."""
        found: dict[str, tuple[int, float]] = {}
        for path, info in self._find("partial").items():
            key = path.rpartition("/partial/")[2].partition("/")[0]
            size, time = found.get(key, (0, 0.0))
            found[key] = size + info["size"], max(time, _time(info))
        self._unfinished |= set(found)
        return found

    def remove(self, kind: str, key: str) -> None:
        """Take an artifact away, here and there; its blobs, which others may share, stay until `sweep`."""
        self._remove([self._manifest_at(kind, key)])
        self._manifests.pop((kind, key), None)
        super().remove(kind, key)

    def loose(self) -> dict[str, tuple[int, float]]:
        """Size and time of the blobs that no manifest names, by path. Reads every manifest, many at a time."""
        blobs = self._find("blobs")  # first: the manifest of a blob found here may come meanwhile
        at = {self._manifest_at(*artifact): artifact for artifact in self.artifacts()}
        with self._told():
            data = self.fs.cat(list(at)) if at else {}
            read = {artifact: _parsed(data[path], *artifact) for path, artifact in at.items()}
        self._manifests = {artifact: manifest for artifact, manifest in read.items() if manifest is not None}
        files = [entry for manifest in self._manifests.values() for entry in manifest["files"].values()]
        named = {entry["sha256"] for entry in files}
        loose = {path: info for path, info in blobs.items() if path.rpartition("/")[2] not in named}
        return {path: (info["size"], _time(info)) for path, info in loose.items()}

    def sweep(self) -> int:
        """Remove the blobs that no manifest names; how many. Only while nobody publishes."""
        loose = self.loose()
        self._remove(loose)
        return len(loose)

    def _check(self, kind: str, key: str, only: str | None) -> None:
        """As for a local store, but what is not here as it was written is fetched: only damage there is an error."""
        wanted = self.place(kind, key) / (only or "")
        if wanted in self._checked or self.place(kind, key) in self._checked:
            return
        with self._caching(key):
            if not self._is_here(kind, key, only):
                self._fetch(kind, key, only)
        self._checked.add(wanted)

    def _is_here(self, kind: str, key: str, only: str | None) -> bool:
        place = self.place(kind, key)
        try:
            files = super().manifest(kind, key)["files"]
            return all(is_as_written(place / name, files[name]) for name in ([only] if only else files))
        except (Damaged, KeyError, TypeError):
            return False

    def _fetch(self, kind: str, key: str, only: str | None) -> None:
        manifest = self._read_manifest(kind, key)
        if manifest is None:
            raise Damaged(kind, key, "is gone")
        place, files = self.place(kind, key), manifest["files"]
        with self.staging() as aside:
            fetched = []
            for name in [only] if only else files:
                if name not in files or not (
                    is_as_written(place / name, files[name]) or self._download(files[name], aside / name)
                ):
                    self._remove([self._manifest_at(kind, key)])
                    raise Damaged(kind, key, f"is damaged ({name} is not what was written)")
                if (aside / name).exists():
                    fetched.append(name)
            (aside / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            _move([*fetched, MANIFEST], aside, place)

    def _download(self, entry: Mapping[str, Any], target: Path) -> bool:
        """Whether a file could be had as it was written."""
        source = self._blob_at(entry["sha256"])
        return any(self._get(source, target) and is_as_written(target, entry) for _ in range(DOWNLOADS))

    def _read_manifest(self, kind: str, key: str) -> dict[str, Any] | None:
        """The published manifest, or None.

        Raises:
            Damaged: It cannot be read. It is then removed.
        """
        path = self._manifest_at(kind, key)
        with self._told():
            try:
                data = self.fs.cat_file(path)
            except FileNotFoundError:
                return None
        if (found := _parsed(data, kind, key)) is not None:
            return found
        self._remove([path])
        raise Damaged(kind, key, "has no manifest that can be read")

    def _create(self, path: str, data: bytes) -> bool:
        """Write a small file only if there is none; whether it was written. Where the object store cannot make sure of
        that, a look beforehand has to do."""
        self._make_folder(path)
        try:
            self.fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError, ValueError, OSError) as problem:
            if isinstance(problem, OSError) and problem.errno != errno.ENOSYS:
                raise
            if self.fs.exists(path):
                return False
            self.fs.pipe_file(path, data)
        return True

    def _put(self, source: Path, path: str) -> None:
        self._make_folder(path)
        self.fs.put_file(str(source), path)

    def _make_folder(self, path: str) -> None:
        if not self._is_s3:  # which has no folders, and s3fs would make a bucket
            self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)

    def _get(self, path: str, target: Path) -> bool:
        """Whether there was such a file to download."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._told():
            try:
                self.fs.get_file(path, str(target))
            except FileNotFoundError:
                return False
        return True

    def _remove(self, paths: Iterable[str]) -> None:
        with self._told():
            for path in paths:
                with contextlib.suppress(FileNotFoundError):
                    self.fs.rm_file(path)

    def _find(self, folder: str) -> dict[str, Any]:
        """What lies under a folder: path to what the object store says of it."""
        with self._told():
            try:
                found = self.fs.find(f"{self.base}/{folder}", detail=True).items()
                return {path: info for path, info in found if info["type"] == "file"}  # not an emptied folder itself
            except FileNotFoundError:
                if self._is_s3:
                    bucket = self.base.partition("/")[0]
                    raise InputError(f"there is no bucket {bucket}, so no store at {self._address}") from None
                return {}

    def _saves(self, key: str) -> dict[str, list[str]]:
        """The saves of a step that were uploaded whole, each with the paths of its files."""
        saves: dict[str, list[str]] = {}
        for path in self._find(f"partial/{key}"):
            saves.setdefault(path.split("/")[-2], []).append(path)
        return {name: paths for name, paths in saves.items() if any(path.endswith(f"/{MANIFEST}") for path in paths)}

    def _manifest_at(self, kind: str, key: str) -> str:
        return f"{self.base}/objects/{kind}/{key}.json"

    def _partial_at(self, key: str) -> str:
        return f"{self.base}/partial/{key}"

    def _blob_at(self, digest: str) -> str:
        return f"{self.base}/blobs/{digest}"

    def _caching(self, key: str) -> contextlib.AbstractContextManager[None]:
        """Hold an artifact's place in the cache against this machine's other processes."""
        return self.lock(f"{key}.cache")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What an object store's library raises, told as a step's error."""
        try:
            yield
        except AssayError:
            raise
        except Exception as problem:
            if isinstance(problem, OSError) and problem.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
                told = refused(problem, self.root)
                assert told is not None
                raise told from None
            first = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            raise StepError(
                f"the store {self._address} cannot be reached or used ({first}). Nothing half-written was kept; "
                "run the same command again once it can"
            ) from None


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    """Move files between folders, one by one, so that a reader finds the old file or the new one at any moment."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).replace(target / name)


def _parsed(data: bytes, kind: str, key: str) -> dict[str, Any] | None:
    """An artifact's manifest, or None if it is not one."""
    try:
        found: dict[str, Any] = json.loads(data)
        for entry in found["files"].values():
            int(entry["bytes"]), bytes.fromhex(entry["sha256"])
        return found if (found["kind"], found["key"]) == (kind, key) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _time(info: Mapping[str, Any]) -> float:
    """When a file was written, in seconds since 1970; 0 where the object store does not say."""
    time = info.get("LastModified") or info.get("mtime") or info.get("created")
    return time.timestamp() if isinstance(time, datetime) else time if isinstance(time, float) else 0.0
