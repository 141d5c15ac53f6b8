"""The artifact store on an object store, for machines that share no folder: any address that fsspec knows.

``objects/KIND/KEY.json`` is an artifact's manifest, ``blobs/SHA256`` the content of a file, ``partial/KEY/`` what a
step has done so far. Content is uploaded under its hash and the manifest last, only if there is none yet: where two
machines carry out one step at the same time, one of them is published and the other takes that over. Nothing is found
without its manifest, so nothing is found half-written. Each machine has a folder (``ASSAY_CACHE``) where it works and
keeps what it has read; kernel locks hold within a machine.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.errors import InputError, StepError
from assay.run.identity import file_hash
from assay.run.store import MANIFEST, Damaged, Store, is_sealed


def cache_folder(address: str) -> Path:
    """Where this machine keeps what it reads of a store: a folder of ``ASSAY_CACHE`` or of the temporary folder."""
    base = os.environ.get("ASSAY_CACHE") or str(Path(tempfile.gettempdir()) / "assay-cache")
    return Path(base).absolute() / hashlib.sha256(address.encode()).hexdigest()[:16]


class RemoteStore(Store):
    """A store at an fsspec address, through a local folder."""

    def __init__(self, address: str) -> None:
        try:
            import fsspec
        except ImportError:
            raise InputError(f"a store at {address} needs fsspec: pip install 'assay[remote]'") from None
        self._address = address.rstrip("/")
        try:
            self.fs, self.base = fsspec.core.url_to_fs(self._address, use_listings_cache=False)
        except (ImportError, ValueError) as problem:
            raise InputError(f"the store's address {address} cannot be used: {problem}") from None
        super().__init__(cache_folder(self._address))
        self._known: set[tuple[str, str]] = set()
        with self._told():
            self._known.update(self._list())

    @property
    def address(self) -> str:
        """The fsspec address."""
        return self._address

    def has(self, kind: str, key: str) -> bool:
        """Whether it is published. What a killed process had made here but not uploaded yet is uploaded now."""
        if (kind, key) in self._known:
            return True
        with self._told():
            there = bool(self.fs.exists(self._manifest_at(kind, key)))
        if not there and is_sealed(self.place(kind, key)):
            self._upload_artifact(kind, key)
            there = True
        if there:
            self._known.add((kind, key))
        return there

    def manifest(self, kind: str, key: str) -> dict[str, Any]:
        """As for a local store."""
        try:
            return super().manifest(kind, key)
        except Damaged:
            return self._fetch_manifest(kind, key)

    def artifacts(self) -> Iterator[tuple[str, str]]:
        """(kind, key) of everything that was published."""
        with self._told():
            yield from self._list()

    def publish(self, folder: Path, kind: str, key: str, about: Mapping[str, Any]) -> None:
        """Publish here, then there; or take over what another machine has published meanwhile."""
        super().publish(folder, kind, key, about)
        self._upload_artifact(kind, key)
        self._known.add((kind, key))

    def keep_partial(self, key: str) -> None:
        """Upload what a step has done so far, so that another machine can go on if this one is lost."""
        saves = sorted(path for path in super().partial(key).glob("step-*") if is_sealed(path))
        if not saves:
            return
        save = saves[-1]
        with self._told():
            for path in (
                *(path for path in save.rglob("*") if path.is_file() and path.name != MANIFEST),
                save / MANIFEST,
            ):
                self.fs.put_file(str(path), f"{self._partial_at(key)}/{save.name}/{path.relative_to(save)}")
            for older in self._saves(key):
                if older != save.name:
                    self.fs.rm(f"{self._partial_at(key)}/{older}", recursive=True)

    def partial(self, key: str) -> Path:
        """As for a local store; what another machine had done so far is fetched if this one has nothing."""
        folder = super().partial(key)
        if folder.is_dir():
            return folder
        with self._told():
            for name in reversed(self._saves(key)):
                with self.staging() as aside:
                    self.fs.get(f"{self._partial_at(key)}/{name}/", f"{aside}/", recursive=True)
                    if is_sealed(aside):
                        folder.mkdir(parents=True, exist_ok=True)
                        aside.rename(folder / name)
                        break
        return folder

    def drop_partial(self, key: str) -> None:
        """Forget what a step had done so far, here and there."""
        super().drop_partial(key)
        with self._told(), contextlib.suppress(FileNotFoundError):
            if self._saves(key):
                self.fs.rm(self._partial_at(key), recursive=True)

    def remove(self, kind: str, key: str) -> None:
        """Take an artifact away, here and there; what only its blobs took up is freed by `sweep`."""
        self._known.discard((kind, key))
        with self._told(), contextlib.suppress(FileNotFoundError):
            self.fs.rm_file(self._manifest_at(kind, key))
        super().remove(kind, key)

    def sweep(self) -> int:
        """Remove blobs that no manifest names; how many. Only while nobody publishes."""
        with self._told():
            named = {
                entry["sha256"]
                for kind, key in self._list()
                for entry in json.loads(self.fs.cat_file(self._manifest_at(kind, key)))["files"].values()
            }
            loose = [path for path in self._find("blobs") if path.rpartition("/")[2] not in named]
            for path in loose:
                self.fs.rm_file(path)
        return len(loose)

    def _check(self, kind: str, key: str, only: str | None) -> None:
        try:
            super()._check(kind, key, only)
        except Damaged:  # not here yet, only in part, or damaged here
            self._fetch(kind, key, only)
            super()._check(kind, key, only)

    def _fetch(self, kind: str, key: str, only: str | None) -> None:
        manifest = self._fetch_manifest(kind, key)
        files = {name: entry for name, entry in manifest["files"].items() if only in {None, name}}
        place = self.place(kind, key)
        with self._told(), self.staging() as aside:
            try:
                self._download(files, aside)
            except (FileNotFoundError, ValueError) as problem:
                self.remove(kind, key)
                raise Damaged(kind, key, f"is damaged there ({problem})") from None
            (aside / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            place.mkdir(parents=True, exist_ok=True)
            for name in (*files, MANIFEST):
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (aside / name).replace(place / name)

    def _fetch_manifest(self, kind: str, key: str) -> dict[str, Any]:
        with self._told():
            try:
                found: dict[str, Any] = json.loads(self.fs.cat_file(self._manifest_at(kind, key)))
            except FileNotFoundError:
                self._known.discard((kind, key))
                raise Damaged(kind, key, "is gone") from None
            except ValueError:
                self.remove(kind, key)
                raise Damaged(kind, key, "has no manifest that can be read") from None
        return found

    def _download(self, files: Mapping[str, Any], folder: Path) -> None:
        for name, entry in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            self.fs.get_file(self._blob_at(entry["sha256"]), str(target))
            if file_hash(target) != entry["sha256"]:
                self.fs.rm_file(self._blob_at(entry["sha256"]))
                raise ValueError(f"{name} is not what was written")

    def _upload_artifact(self, kind: str, key: str) -> None:
        place = self.place(kind, key)
        with self._told():
            for name, entry in super().manifest(kind, key)["files"].items():
                if self._size(self._blob_at(entry["sha256"])) != entry["bytes"]:
                    self.fs.put_file(str(place / name), self._blob_at(entry["sha256"]))
            if not self._create(self._manifest_at(kind, key), (place / MANIFEST).read_bytes()):
                self._move_aside(place)

    def _create(self, path: str, data: bytes) -> bool:
        """Write a small file only if there is none; whether it was written. Where the object store cannot make sure of
        that, a look beforehand has to do."""
        try:
            self.fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError, ValueError):
            if self.fs.exists(path):
                return False
            self.fs.pipe_file(path, data)
        return True

    def _list(self) -> Iterator[tuple[str, str]]:
        for path in self._find("objects"):
            kind, _, name = path.removesuffix(".json").rpartition("/objects/")[2].partition("/")
            yield kind, name

    def _find(self, folder: str) -> list[str]:
        try:
            return list(self.fs.find(f"{self.base}/{folder}"))
        except FileNotFoundError:
            return []

    def _size(self, path: str) -> int | None:
        try:
            return int(self.fs.info(path)["size"])
        except FileNotFoundError:
            return None

    def _saves(self, key: str) -> list[str]:
        """Names of the saves of a step that were uploaded whole, oldest first."""
        found = self._find(f"partial/{key}")
        return sorted(path.split("/")[-2] for path in found if path.endswith(f"/{MANIFEST}"))

    def _manifest_at(self, kind: str, key: str) -> str:
        return f"{self.base}/objects/{kind}/{key}.json"

    def _partial_at(self, key: str) -> str:
        return f"{self.base}/partial/{key}"

    def _blob_at(self, digest: str) -> str:
        return f"{self.base}/blobs/{digest}"

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What an object store's library raises, told as a step's error."""
        try:
            yield
        except (FileNotFoundError, FileExistsError, StepError):
            raise
        except Exception as problem:
            first = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            raise StepError(
                f"the store {self._address} cannot be reached or written ({first}). Nothing half-written was kept; "
                "run the same command again once it can"
            ) from None
