"""The sha256 of local files, remembered between programs so that planning twice does not read 10 GB twice.

A file is known again by path, size, inode and the times of its last change, those of the content and of the inode (the
second cannot be set back by a copying program). A file changed less than two seconds before it was hashed is not
remembered: a second change could leave it looking the same. What is remembered lies in ``assay/hashes.json`` of the
user's cache folder and may be deleted; where it is damaged or cannot be written, files are read again.
"""

import functools
import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from assay.errors import StepError
from assay.files import write_whole

UNREADABLE = "unreadable"
"""Stands for the sha256 of a file that cannot be opened."""

MOST = 300_000
"""Files remembered, the last used ones; about 200 bytes each."""

_SETTLED_NS = 2_000_000_000
_Known = dict[str, list[int | str]]


def content_hashes(paths: Sequence[Path]) -> list[str]:
    """sha256 (hexadecimal) of each file's content, or `UNREADABLE`; read only where it is not remembered.

    Raises:
        StepError: The disk fails while a file is read.
    """
    place = _place()
    known = _remembered(place)
    found = []
    learnt = False
    for path in paths:
        digest, is_new = _digest(path, known)
        found.append(digest)
        learnt = learnt or is_new
    if learnt:
        _remember(place, known)
    return found


def _digest(path: Path, known: _Known) -> tuple[str, bool]:
    """The digest, and whether it is to be written down."""
    key = str(path)
    try:
        entry = known.pop(key, None)
        if entry is not None and entry[:-1] == _mark(path.stat()):
            known[key] = entry
            return str(entry[-1]), False
        now = time.time_ns()
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError):
        return UNREADABLE, False
    except OSError as error:
        raise StepError(f"{path} cannot be read: {error.strerror}") from error
    is_settled = now - max(about.st_mtime_ns, about.st_ctime_ns) > _SETTLED_NS
    if is_settled:
        known[key] = [*_mark(about), digest]
    return digest, is_settled


def _mark(about: os.stat_result) -> list[int | str]:
    return [about.st_size, about.st_ino, about.st_mtime_ns, about.st_ctime_ns]


def _place() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "assay" / "hashes.json"


@functools.cache
def _remembered(place: Path) -> _Known:
    """What this process knows, at first what was written down; the most recently used are last."""
    return _read(place)


def _read(place: Path) -> _Known:
    try:
        data = json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {path: entry for path, entry in data.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    return isinstance(entry, list) and len(entry) == 5 and isinstance(entry[4], str) and len(entry[4]) == 64


def _remember(place: Path, known: _Known) -> None:
    """Write down what is known, beside what other processes have written since."""
    merged = {path: entry for path, entry in _read(place).items() if path not in known} | known
    kept = dict(list(merged.items())[-MOST:])
    try:
        write_whole(place, json.dumps(kept, separators=(",", ":")) + "\n")
    except (StepError, OSError):
        return
