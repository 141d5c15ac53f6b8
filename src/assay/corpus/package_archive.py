"""Packages opened as data: a wheel (zip), an npm package (tar, gzip), a Debian package (ar around a compressed tar).

Nothing is installed, run or unpacked: members are read by name, links are never followed. A compressed tar is
decompressed once, when it is opened, into a temporary file without a name (memory up to 32 MiB, then the folder that
TMPDIR names), and its headers are read once, so that reading members in any order costs what they hold; the file is
gone when the archive is closed or the process dies. What is left out of a listing is listed beside, with the reason.
"""

import errno
import stat
import struct
import tempfile
import zipfile
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import IO, BinaryIO

from assay.corpus import package_licence
from assay.corpus.cleaning import Unfit
from assay.corpus.licences import UNKNOWN
from assay.corpus.member import DAMAGED, UNREADABLE, Members, decompressed, fault_of_name, guarded, printable
from assay.corpus.tar_index import DamagedTar, Entry, entries
from assay.errors import StepError

LARGEST_PACKAGE = 4 << 30
"""Bytes that all members of a package may have together, decompressed."""

_IN_MEMORY = 32 << 20
_COPY = 1 << 20


class WheelArchive(Members):
    """A wheel on disk. Keeps the zip file open until closed."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            StepError: ``path`` is not a zip file, or its files together are larger than ``LARGEST_PACKAGE``.
        """
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError, struct.error) as error:
            raise StepError(f"{path} cannot be opened as a wheel: {error}") from error
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._left_out: list[tuple[str, str]] = []
        for info in self._zip.infolist():
            fault = fault_of_name(info.orig_filename)
            if stat.S_ISLNK(info.external_attr >> 16):
                fault = fault or "link"
            if fault:
                self._left_out.append((printable(info.orig_filename), fault))
            elif not info.is_dir():
                self._members[info.filename] = info
        if sum(info.file_size for info in self._members.values()) > LARGEST_PACKAGE:
            self._zip.close()
            raise StepError(f"{path} holds more than {LARGEST_PACKAGE >> 30} GiB")

    def names(self) -> list[str]:
        """Every file of the wheel, sorted."""
        return sorted(self._members)

    def left_out(self) -> list[tuple[str, str]]:
        """What is not among the names, sorted, each with the reason."""
        return sorted(self._left_out)

    def size(self, name: str) -> int:
        """Bytes of a member as the zip file says."""
        return self._found(name).file_size

    def licence(self) -> str:
        """What the wheel's METADATA says; see `package_licence`."""
        found = [name for name in self.names() if name.endswith(".dist-info/METADATA")]
        try:
            return package_licence.of_wheel(self.read(found[0]).decode("utf-8", "replace"))
        except (IndexError, Unfit):
            return UNKNOWN

    def close(self) -> None:
        """Close the zip file."""
        self._zip.close()

    def _found(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise Unfit(UNREADABLE)
        return self._members[name]

    def _stored(self, name: str) -> BinaryIO:
        info = self._found(name)
        try:
            return guarded(self._zip.open(info), self._told)
        except Exception as problem:  # zipfile raises at least six kinds for one damaged header
            raise self._told(problem) from problem

    def _told(self, problem: Exception) -> Exception:
        if isinstance(problem, OSError) and problem.errno == errno.EIO:
            return StepError(f"{self.path} cannot be read: {problem.strerror}")
        return Unfit(DAMAGED)


class _TarMembers(Members):
    """The members of a decompressed tar file."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file
        self._members: dict[str, Entry] = {}
        self._left_out: list[tuple[str, str]] = []
        try:
            self._list(entries(file, file.seek(0, 2)))
        except DamagedTar:
            file.close()
            raise StepError(f"{path} cannot be opened: the tar file in it is damaged") from None

    def _list(self, found: Iterable[Entry]) -> None:
        for entry in found:
            name = self._name(entry.name)
            fault = fault_of_name(name) or entry.fault
            if fault:
                self._left_out.append((printable(name), fault))
            else:
                self._members[name] = entry

    @abstractmethod
    def _name(self, name: str) -> str:
        """The member's name inside the package."""

    def names(self) -> list[str]:
        """Every regular file of the package, sorted."""
        return sorted(self._members)

    def left_out(self) -> list[tuple[str, str]]:
        """What is not among the names, sorted, each with the reason."""
        return sorted(self._left_out)

    def size(self, name: str) -> int:
        """Bytes of a member as the tar file holds it."""
        return self._found(name).size

    def close(self) -> None:
        """Close the temporary file, which ends it."""
        self._file.close()

    def _found(self, name: str) -> Entry:
        if name not in self._members:
            raise Unfit(UNREADABLE)
        return self._members[name]

    def _stored(self, name: str) -> BinaryIO:
        entry = self._found(name)
        return guarded(_Part(self._file, entry.offset, entry.size), self._told)

    def _told(self, problem: Exception) -> Exception:
        return StepError(f"{self.path}: its decompressed copy cannot be read: {problem}")


class TarArchive(_TarMembers):
    """A package of npm. Its members' names are inside the one folder that npm takes off, mostly ``package/``."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            StepError: ``path`` cannot be opened, is damaged or half-written, or holds more than ``LARGEST_PACKAGE``.
        """
        with _opened(path) as file, decompressed(file, "tar.gz") as stream:
            super().__init__(path, _inflated(stream, path))

    def _name(self, name: str) -> str:
        name = name.removeprefix("./")
        return name.partition("/")[2] if "/" in name and not fault_of_name(name) else name

    def licence(self) -> str:
        """What package.json says; see `package_licence`."""
        try:
            return package_licence.of_npm(self.read("package.json"))
        except Unfit:
            return UNKNOWN


class DebArchive(_TarMembers):
    """The files that a Debian package would install; its scripts and control files are not looked at."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            StepError: ``path`` is not a Debian package, is damaged or half-written, or holds more than
                ``LARGEST_PACKAGE``.
        """
        with _opened(path) as file:
            name, part = _data_of(path, file)
            with guarded(part, _cut_short) as stored, decompressed(stored, name) as stream:
                super().__init__(path, _inflated(stream, path))

    def _name(self, name: str) -> str:
        return name.removeprefix("./")

    def licence(self) -> str:
        """What the package's copyright file says; see `package_licence`."""
        name = f"usr/share/doc/{self.path.name.partition('_')[0]}/copyright"
        try:
            return package_licence.of_debian(self.read(name).decode("utf-8", "replace"))
        except Unfit:
            return UNKNOWN


class _Part:
    """A stretch of an open file, which it shares with others."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file = file
        self._next = start
        self._end = start + size

    def read(self, size: int) -> bytes:
        size = min(size, self._end - self._next)
        if size == 0:
            return b""
        self._file.seek(self._next)
        data = self._file.read(size)
        if not data:
            raise EOFError("it ends too early")
        self._next += len(data)
        return data

    def close(self) -> None:
        """The file is closed by whoever opened it."""


def _cut_short(problem: Exception) -> Exception:
    return Unfit(DAMAGED)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise StepError(f"{path} cannot be opened: {error.strerror}") from error


def _data_of(path: Path, file: BinaryIO) -> tuple[str, _Part]:
    """Name and place of the member ``data.tar.…`` of an ar file."""
    position = 8
    is_ar = file.read(position) == b"!<arch>\n"
    while is_ar:
        file.seek(position)
        header = file.read(60)
        size = header[48:58].strip(b" ")
        if len(header) < 60 or header[58:] != b"`\n" or not size.isdigit():
            break
        position += 60
        name = header[:16].decode("latin-1").rstrip(" /")
        if name == "data.tar" or name.startswith("data.tar."):
            if name.removeprefix("data.tar") not in {"", ".gz", ".bz2", ".xz", ".zst"}:
                raise StepError(f"{path} cannot be opened: it holds {name}, which is compressed in another way")
            return name, _Part(file, position, int(size))
        position += int(size) + int(size) % 2
    raise StepError(f"{path} cannot be opened as a Debian package: it is damaged or holds no data.tar")


def _inflated(stream: BinaryIO, path: Path) -> IO[bytes]:
    """The whole of ``stream`` in a temporary file that is gone when closed."""
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # its owner closes it
    size = 0
    try:
        while part := stream.read(_COPY):
            size += len(part)
            if size > LARGEST_PACKAGE:
                raise StepError(f"{path} holds more than {LARGEST_PACKAGE >> 30} GiB")
            file.write(part)
    except BaseException as problem:
        file.close()
        if isinstance(problem, Unfit):
            raise StepError(f"{path} cannot be opened: {problem}") from None
        if isinstance(problem, OSError):
            where = tempfile.gettempdir()
            raise StepError(f"{path} cannot be decompressed into {where}, which TMPDIR names: {problem}") from problem
        raise
    return file
