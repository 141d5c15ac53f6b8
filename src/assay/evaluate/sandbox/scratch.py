"""A program's folder on the host's disk, for the tiers that cannot mount one: measured, emptied, removed.

What a program leaves may be nested deeper than a path can be long and closed to its own maker. So a tree is taken apart
from the top, each inner folder being moved up before its own is removed.
"""

import contextlib
import os
import stat
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


def removed(folder: Path, pid: int, longest: int) -> int:
    """Bytes of the folder's files that have no name any more and that a process still holds.

    What is mapped alone shows no size, so it counts as ``longest``. Nothing where the kernel does not show it.
    """
    sizes: dict[int, int] = {}
    within = os.fsencode(f" {folder.resolve()}/")
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/maps").read_bytes().splitlines():
            if line.endswith(b" (deleted)") and within in line:
                sizes[int(line.split(maxsplit=5)[4])] = longest
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                about = entry.stat()
                if stat.S_ISREG(about.st_mode) and not about.st_nlink:
                    sizes[about.st_ino] = about.st_blocks * 512
    return sum(sizes.values())


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
