"""What a tar file holds and where: names, offsets and sizes, found in one pass over its headers.

Python's `tarfile` silently ends at a damaged header, reads extended headers of any size into memory, and before 3.11.14
never returns from a header of negative size; data that strangers packed asks for less. Understood are the POSIX (ustar,
pax) and GNU formats without sparse files; anything else that a header says is damage. Nothing is unpacked.
"""

from collections.abc import Iterator
from typing import IO, NamedTuple

BLOCK = 512
LARGEST_HEADER = 1 << 20
"""Bytes of the longest extended header, the one that holds a long name."""

_REGULAR = b"0\x007"
_WITHOUT_DATA = b"123456"


class DamagedTar(Exception):
    """The file is not a tar file, or not a whole one."""


class Entry(NamedTuple):
    """A file, folder or link of a tar file."""

    name: str
    """As written, also where it is unsafe; bytes that are not UTF-8 are surrogates."""
    fault: str | None
    """None for a regular file; else what it is instead."""
    offset: int
    """Where its bytes begin."""
    size: int
    """How many there are."""


def entries(file: IO[bytes], total: int) -> Iterator[Entry]:
    """Everything in a tar file of ``total`` bytes but folders, in its order.

    Raises:
        DamagedTar: A header makes no sense, or the file ends before what it announces.
    """
    position = 0
    long_name: bytes | None = None
    extended: dict[bytes, bytes] = {}
    while True:
        header = _at(file, position, BLOCK)
        if not header.strip(b"\0"):
            if long_name is not None or extended:
                raise DamagedTar
            return
        if len(header) < BLOCK or sum(header[:148]) + 8 * 32 + sum(header[156:]) != _number(header[148:156]):
            raise DamagedTar
        kind = header[156:157]
        size = _decimal(extended[b"size"]) if b"size" in extended else _number(header[124:136])
        position += BLOCK
        if kind in b"LKxgX":
            if size > LARGEST_HEADER:
                raise DamagedTar
            data = _at(file, position, size)
            if len(data) < size:
                raise DamagedTar
            if kind == b"L":
                long_name = data.partition(b"\0")[0]
            elif kind in b"xX":
                extended = _records(data)
        else:
            name = extended.get(b"path") or long_name or _name(header)
            is_folder = kind == b"5" or (kind == b"\0" and name.endswith(b"/"))
            if kind == b"S" or (kind not in _WITHOUT_DATA and position + size > total):
                raise DamagedTar
            if not is_folder:
                fault = None if kind in _REGULAR else "link" if kind in b"12" else "not a regular file"
                yield Entry(name.decode("utf-8", "surrogateescape"), fault, position, size)
            long_name = None
            extended = {}
        if kind not in _WITHOUT_DATA:
            position += -(-size // BLOCK) * BLOCK


def _at(file: IO[bytes], position: int, size: int) -> bytes:
    file.seek(position)
    return file.read(size)


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _number(field: bytes) -> int:
    """A header's number: octal digits, or where the first bit is set the rest of the bits."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    if not digits.isdigit() or max(digits) > ord("7"):
        raise DamagedTar
    return int(digits, 8)


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 20:
        raise DamagedTar
    return int(digits)


def _records(data: bytes) -> dict[bytes, bytes]:
    """The ``LENGTH KEY=VALUE`` lines of a pax header; a length counts its whole line."""
    found: dict[bytes, bytes] = {}
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 8)
        end = position + _decimal(data[position:space]) if space > 0 else 0
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if end > len(data) or end <= space or not equals or data[end - 1 : end] != b"\n":
            raise DamagedTar
        found[key] = value
        position = end
    return found
