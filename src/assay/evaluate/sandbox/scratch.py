"""A program's folder on the host's disk, for the tiers that cannot mount one: measured, emptied, removed.

What a program leaves may be nested deeper than a path can be long and closed to its own maker. So a tree is taken apart
from the top, each inner folder being moved up before its own is removed.
"""

import os
import tempfile
import time
from pathlib import Path

_LONGEST_PATH = 2000
"""Characters; beyond twice that nothing can be looked at by its path."""

_TRIES = 50
_PAUSE = 0.02


def make() -> Path:
    """A folder of the worker's own."""
    return Path(tempfile.mkdtemp(prefix="assay-sandbox-"))


def taken(folder: Path, most: int) -> tuple[int, int]:
    """Bytes on disk and number of files and folders in a folder; above ``most`` if too many, too deep or closed."""
    size = files = 0
    waiting = [str(folder)]
    while waiting and files <= most:
        inner = waiting.pop()
        if len(inner) > _LONGEST_PATH:
            return size, most + 1
        try:
            with os.scandir(inner) as entries:
                for entry in entries:
                    files += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except PermissionError:
            return size, most + 1
        except OSError:
            continue
    return size, files


def empty(folder: Path) -> None:
    """Remove all that is in a folder, however deep it is nested and whatever its modes are."""
    while found := list(folder.iterdir()):
        for path in found:
            if path.is_symlink() or not path.is_dir():
                path.unlink()
                continue
            path.chmod(0o700)
            for inner in list(path.iterdir()):
                if inner.is_symlink() or not inner.is_dir():
                    inner.unlink()
                else:
                    inner.chmod(0o700)
                    inner.rename(folder / os.urandom(16).hex())
            path.rmdir()


def remove(folder: Path) -> None:
    """Remove a folder and all in it; it may be gone already, or a program that was killed may still be ending."""
    for _ in range(_TRIES):
        try:
            empty(folder)
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(_PAUSE)
