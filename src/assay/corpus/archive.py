"""Where files are read from: a package, a folder, an address, or the standard library, all behind one interface.

Nothing is installed, imported or unpacked into a folder; names are compared and shown, and only those that stay inside
their archive are ever listed. Every archive lists its files sorted, which makes the order of documents the same
everywhere. Data sets of the hub are read by `hub`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from assay.corpus.chosen import chosen
from assay.corpus.folder import Folder
from assay.corpus.package_archive import DebArchive, TarArchive, WheelArchive
from assay.corpus.source import STDLIB, Source
from assay.corpus.standard_library import StandardLibrary
from assay.errors import StepError

__all__ = ["Archive", "Folder", "StandardLibrary", "WheelArchive", "chosen", "open_archive", "open_package"]


class Archive(Protocol):
    """A set of files that can be listed and read."""

    def names(self) -> list[str]:
        """Every file, POSIX paths, sorted."""

    def left_out(self) -> list[tuple[str, str]]:
        """(name, reason) of what is there but cannot be listed: links, unsafe names, unreadable folders; sorted."""

    def read(self, name: str) -> bytes:
        """The bytes of a file; ``.gz``, ``.bz2``, ``.xz`` and ``.zst`` are decompressed.

        Raises:
            Unfit: The file is larger than `member.LARGEST_MEMBER`, damaged, or cannot be read.
            StepError: The disk or the network fails.
        """

    def open(self, name: str) -> BinaryIO:
        """A stream of the same bytes, however many; what `read` raises may come in its middle."""

    def size(self, name: str) -> int:
        """Bytes of a file before ``.gz`` and the like are decompressed; raises Unfit where there is no such file."""

    def licence(self) -> str:
        """What the package itself says its licence is; ``unknown`` where it says nothing."""

    def close(self) -> None:
        """Let go of open files and of temporary ones."""


class PartOf:
    """Some members of an archive, as an archive."""

    def __init__(self, whole: Archive, names: Sequence[str]) -> None:
        self._whole = whole
        self._names = list(names)
        self.read, self.open, self.size = whole.read, whole.open, whole.size
        self.licence, self.close = whole.licence, whole.close

    def names(self) -> list[str]:
        """Those that were chosen."""
        return self._names

    def left_out(self) -> list[tuple[str, str]]:
        """Nothing: that is told of the whole."""
        return []


def open_package(path: Path) -> Archive:
    """A package on disk, by its suffix: ``.whl``, ``.tgz`` or ``.deb``.

    Raises:
        StepError: It cannot be opened as what its name says.
    """
    kinds: dict[str, Callable[[Path], Archive]] = {".whl": WheelArchive, ".tgz": TarArchive, ".deb": DebArchive}
    kind = kinds.get(path.suffix)
    if kind is None:
        raise StepError(f"{path} is no package that can be read: neither .whl nor .tgz nor .deb")
    return kind(path)


def open_archive(source: Source, packages: Mapping[str, Path], base: Path) -> Archive:
    """Where the files of a source are.

    Args:
        source: A source in a package or at a path.
        packages: File of each package, by the name that the recipe gives it.
        base: Folder of the recipe, which paths are relative to.

    Raises:
        StepError: It cannot be opened at all.
    """
    if source.package == STDLIB:
        return StandardLibrary()
    if source.package is not None:
        return open_package(packages[source.package])
    if source.path is not None:
        return Folder(source.path, base)
    raise StepError(f"source {source.name} is a data set of the hub, which is no archive of files")
