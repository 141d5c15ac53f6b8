"""Whether a run folder is finished: its study's identity, and the hash of every file as the run left it.

``done.json`` is written last and read first, so that a repeated run costs a second. A page that is built again from
the same records keeps its folder finished; records that somebody changed do not, and the next run writes them anew.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from assay.files import as_json, write_whole
from assay.run.identity import file_hash

DONE = "done.json"


def is_finished(folder: Path, identity: str) -> bool:
    """Whether the folder holds this very study, every file as it was written."""
    done = _read(folder)
    return done is not None and done["identity"] == identity and not _changed(folder, done)


def mark_finished(folder: Path, identity: str, names: Collection[str]) -> None:
    """Write down that the folder is finished, with the hashes of its files."""
    _write(folder, {"identity": identity, "files": {name: file_hash(folder / name) for name in names}})


def mark_rebuilt(folder: Path, names: Collection[str]) -> None:
    """Take files that were built again from the rest as the folder's own; nothing is done where it is not finished."""
    done = _read(folder)
    if done is not None and not _changed(folder, done, names):
        known = {name: file_hash(folder / name) for name in names if name in done["files"]}
        if known != {name: done["files"][name] for name in known}:
            _write(folder, {**done, "files": {**done["files"], **known}})


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        done = json.loads((folder / DONE).read_text(encoding="utf-8"))
        return {"identity": done["identity"], "files": dict(done["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _changed(folder: Path, done: dict[str, Any], but: Collection[str] = ()) -> bool:
    try:
        return any(file_hash(folder / name) != digest for name, digest in done["files"].items() if name not in but)
    except OSError:
        return True


def _write(folder: Path, done: dict[str, Any]) -> None:
    write_whole(folder / DONE, as_json(done))
