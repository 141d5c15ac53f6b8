"""Where files are read from: a wheel opened as a zip, or the standard library of the running interpreter.

Nothing is installed, imported or unpacked to disk: a member is read into memory, never more than
``LARGEST_MEMBER`` bytes of it, and names are only ever compared and shown. Both kinds of archive list their
files in sorted order, which makes the order of documents the same everywhere.
"""

import fnmatch
import gzip
import hashlib
import os
import platform
import re
import sysconfig
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from email.parser import HeaderParser
from io import BytesIO
from pathlib import Path
from typing import Protocol

from assay.errors import StepError

LARGEST_MEMBER = 64 * 1024 * 1024
"""Bytes of the largest file that is read, after decompression."""

STDLIB = "stdlib"
"""The name that stands for the standard library where otherwise a wheel is named."""

_SPDX = {
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "MIT License": "MIT",
}
"""What packages write instead of an SPDX expression, where it can mean only one."""

_PRUNED = {"site-packages", "dist-packages", "__pycache__"}


class Archive(Protocol):
    """A set of files that can be listed and read."""

    def names(self) -> list[str]:
        """Every file, POSIX paths, sorted."""

    def read(self, name: str) -> bytes:
        """The bytes of a file; a ``.gz`` file is decompressed.

        Raises:
            StepError: The file is larger than ``LARGEST_MEMBER`` or damaged.
        """

    def licence(self) -> str:
        """What the package itself says its licence is; ``unknown`` where it says nothing."""


def _bounded_gunzip(data: bytes, where: str) -> bytes:
    with gzip.open(BytesIO(data)) as file:
        text = file.read(LARGEST_MEMBER + 1)
    if len(text) > LARGEST_MEMBER:
        raise StepError(f"{where} is larger than {LARGEST_MEMBER >> 20} MiB when decompressed")
    return text


class WheelArchive:
    """A wheel on disk. Keeps the zip file open until closed."""

    def __init__(self, path: Path) -> None:
        """Open ``path``; raises StepError where it is not a zip file."""
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise StepError(f"{path} cannot be opened as a wheel: {error}") from error

    def names(self) -> list[str]:
        """Every file of the wheel, sorted."""
        return sorted(name for name in self._zip.namelist() if not name.endswith("/"))

    def read(self, name: str) -> bytes:
        """The bytes of a member, ``.gz`` decompressed; see :class:`Archive`."""
        where = f"{name} in {self.path.name}"
        try:
            with self._zip.open(name) as member:
                data = member.read(LARGEST_MEMBER + 1)
            if len(data) > LARGEST_MEMBER:
                raise StepError(f"{where} is larger than {LARGEST_MEMBER >> 20} MiB")
            return _bounded_gunzip(data, where) if name.endswith(".gz") else data
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise StepError(f"{where} is damaged: {error}") from error

    def licence(self) -> str:
        """License-Expression, else a one-line License, else the classifiers, of the wheel's METADATA."""
        found = [name for name in self.names() if name.endswith(".dist-info/METADATA")]
        if not found:
            return "unknown"
        metadata = HeaderParser().parsestr(self.read(found[0]).decode("utf-8", "replace"))
        for key in ("License-Expression", "License"):
            value = (metadata.get(key) or "").strip()
            if value and len(value) <= 40 and "\n" not in value:
                return _SPDX.get(value, value)
        classifiers = [line for line in metadata.get_all("Classifier", []) if line.startswith("License ::")]
        names = [line.rsplit("::", 1)[1].strip() for line in classifiers]
        return " AND ".join(_SPDX.get(name, name) for name in names) or "unknown"

    def close(self) -> None:
        """Close the zip file."""
        self._zip.close()


class StandardLibrary:
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

    def read(self, name: str) -> bytes:
        """The bytes of a file; see :class:`Archive`."""
        try:
            with (self.root / name).open("rb") as file:
                data = file.read(LARGEST_MEMBER + 1)
        except OSError as error:
            raise StepError(f"{self.root / name} cannot be read: {error.strerror}") from error
        if len(data) > LARGEST_MEMBER:
            raise StepError(f"{name} of the standard library is larger than {LARGEST_MEMBER >> 20} MiB")
        return data

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


def chosen(names: Sequence[str], files: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """The names that match a pattern of ``files`` and none of ``exclude``; ``*`` also matches ``/``."""
    wanted = _any_of(files)
    unwanted = _any_of(exclude)
    return [name for name in names if wanted.match(name) and not unwanted.match(name)]


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")
