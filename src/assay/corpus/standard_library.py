"""The standard library of the running interpreter as an archive: Python files that every machine already has.

Installed packages are never entered. It differs between versions of Python, which are part of its fingerprint.
"""

import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from assay.corpus.chosen import chosen
from assay.corpus.cleaning import Unfit
from assay.corpus.member import UNREADABLE, Members, fault_of_name, guarded

_PRUNED = {"site-packages", "dist-packages", "__pycache__"}


class StandardLibrary(Members):
    """The Python files that came with the running interpreter; site-packages is never entered."""

    def __init__(self, root: Path | None = None) -> None:
        """``root`` is the folder to read; by default the one that sysconfig names."""
        self.root = Path(sysconfig.get_path("stdlib")) if root is None else root

    def _walk(self) -> Iterator[tuple[str, int]]:
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(set(folders) - _PRUNED)
            relative = Path(folder).relative_to(self.root)
            for name in files:
                path = Path(folder) / name
                if name.endswith(".py") and path.is_file():
                    yield (relative / name).as_posix(), path.stat().st_size

    def names(self) -> list[str]:
        """Every ``.py`` file outside site-packages, sorted."""
        return sorted(name for name, _ in self._walk())

    def left_out(self) -> list[tuple[str, str]]:
        """Nothing: files that are not Python's are not meant."""
        return []

    def size(self, name: str) -> int:
        """Bytes of a file."""
        try:
            return (self.root / name).stat().st_size
        except OSError:
            raise Unfit(UNREADABLE) from None

    def licence(self) -> str:
        """The licence of Python."""
        return "PSF-2.0"

    def fingerprint(self, files: Sequence[str], exclude: Sequence[str]) -> dict[str, str]:
        """What identifies the files that the patterns choose: Python's version and a sha256.

        The sha256 is over the sorted lines ``path<TAB>bytes``; contents are not hashed (reading 12 MB to
        plan a study would be felt), the version stands for them.
        """
        sizes = dict(self._walk())
        lines = [f"{name}\t{sizes[name]}\n" for name in chosen(sorted(sizes), files, exclude)]
        return {
            "python": platform.python_version(),
            "sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
        }

    def close(self) -> None:
        """Nothing is kept open."""

    def _stored(self, name: str) -> BinaryIO:
        if fault_of_name(name):
            raise Unfit(UNREADABLE)
        try:
            return guarded((self.root / name).open("rb", buffering=0), _told)
        except OSError as error:
            raise _told(error) from error


def _told(problem: Exception) -> Exception:
    return Unfit(UNREADABLE)
