"""One member of an archive as a stream of bytes: decompressed by its name, bounded where it is read whole.

Whatever is wrong with a member is said as `Unfit` with one of four constant phrases, so that a reader counts and skips
it; only what is wrong with the machine (an input error of the disk, the network) is a `StepError`, because skipping
then would make another corpus of the same sources. Decompression is pyarrow's for gzip, bzip2 and zstd (it tells a
truncated stream from a finished one, reads concatenated parts, and zstd at about 1 GB/s) and Python's for xz. A zstd
window above 128 MiB or an xz dictionary above 256 MiB is refused like damage: memory stays bounded.
"""

import io
import lzma
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Protocol

import pyarrow as pa

from assay.corpus.cleaning import Unfit
from assay.errors import StepError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LARGEST_MEMBER = 64 * 1024 * 1024
"""Bytes of the largest member that is read whole, after decompression."""

TOO_LARGE = f"larger than {LARGEST_MEMBER >> 20} MiB"
DAMAGED = "damaged archive member"
DAMAGED_COMPRESSION = "damaged compression"
UNREADABLE = "cannot be read"

_BUFFER = 1 << 18
_XZ_MEMORY = 1 << 28
_CODECS = {"gz": "gzip", "bz2": "bz2", "zst": "zstd"}


class Readable(Protocol):
    """What a stream is made of: bytes, none at the end."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class Members(ABC):
    """Reading, the same for every archive that can open a member's stored bytes."""

    @abstractmethod
    def _stored(self, name: str) -> BinaryIO:
        """The member as it is stored, from its beginning."""

    def open(self, name: str) -> BinaryIO:
        """A stream of the member, decompressed where its name ends in .gz, .bz2, .xz or .zst; without bound.

        Raises:
            Unfit: The member is damaged or cannot be read; reading the stream raises it too, in the middle.
            StepError: The disk or the network fails; likewise.
        """
        return decompressed(self._stored(name), name)

    def read(self, name: str) -> bytes:
        """The whole member, decompressed as by `open`.

        Raises:
            Unfit: The member is larger than ``LARGEST_MEMBER``, damaged, or cannot be read.
            StepError: The disk or the network fails.
        """
        parts = []
        size = 0
        with self.open(name) as stream:
            while part := stream.read(_BUFFER):
                size += len(part)
                if size > LARGEST_MEMBER:
                    raise Unfit(TOO_LARGE)
                parts.append(part)
        return b"".join(parts)


def guarded(inner: Readable, told: Callable[[Exception], Exception]) -> BinaryIO:
    """A buffered stream over ``inner`` that raises, instead of any error of its, what ``told`` makes of it.

    Over a file of this machine it has that file's ``seek`` and ``fileno``, for formats that are read from their end.
    """
    raw = _GuardedFile(inner, told) if isinstance(inner, io.FileIO) else _Guarded(inner, told)
    return io.BufferedReader(raw, _BUFFER)


def decompressed(stored: BinaryIO, name: str) -> BinaryIO:
    """``stored`` itself, or a stream of what it decompresses to where the name's suffix says how."""
    suffix = name.rpartition(".")[2]
    if suffix == "xz":
        return guarded(_Xz(stored), _damaged_compression)
    if suffix not in _CODECS:
        return stored
    return guarded(_Arrow(stored, _CODECS[suffix]), _damaged_compression)


def fault_of_name(name: str) -> str | None:
    """Why a file of this name is left out of every listing; None for a name that can be used.

    Names that leave their folder, on any system, or that text cannot hold are never used to open a file.
    """
    if not name or name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
        return "unsafe name"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "name is not UTF-8"
    return None


def printable(name: str) -> str:
    """The name with what UTF-8 cannot hold written as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()


def _damaged_compression(problem: Exception) -> Exception:
    return Unfit(DAMAGED_COMPRESSION)


class _Guarded(io.RawIOBase):
    def __init__(self, inner: Readable, told: Callable[[Exception], Exception]) -> None:
        self._inner = inner
        self._told = told

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        try:
            data = self._inner.read(len(view))
        except (Unfit, StepError):
            raise
        except Exception as problem:
            raise self._told(problem) from problem
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


class _GuardedFile(_Guarded):
    def __init__(self, inner: io.FileIO, told: Callable[[Exception], Exception]) -> None:
        super().__init__(inner, told)
        self._file = inner

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def fileno(self) -> int:
        return self._file.fileno()


class _Arrow:
    def __init__(self, stored: BinaryIO, codec: str) -> None:
        self._stored = stored
        self._stream = pa.CompressedInputStream(pa.PythonFile(stored, "r"), codec)

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        return data

    def close(self) -> None:
        self._stored.close()


class _Xz:
    """The streams of an xz file one after another; unlike `lzma.LZMAFile` with a bound on memory."""

    def __init__(self, stored: BinaryIO) -> None:
        self._stored = stored
        self._decoder: lzma.LZMADecompressor | None = None
        self._rest = b""

    def read(self, size: int) -> bytes:
        while True:
            if self._decoder is None:
                self._rest = self._rest.lstrip(b"\0") or self._stored.read(_BUFFER)
                if not self._rest:
                    return b""
                if not self._rest.strip(b"\0"):
                    continue
                self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
            elif self._decoder.needs_input and not self._rest:
                self._rest = self._stored.read(_BUFFER)
                if not self._rest:
                    raise EOFError
            data = self._decoder.decompress(self._rest, size)
            self._rest = b""
            if self._decoder.eof:
                self._rest = self._decoder.unused_data
                self._decoder = None
            if data:
                return data

    def close(self) -> None:
        self._stored.close()
