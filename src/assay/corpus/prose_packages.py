"""Readers of two formats in which books are packaged: dictionaries of dictd, and texts and commentaries of SWORD.

Both are files of compressed text with an index of places; only what is needed to cut the text into documents is read
of the index. Sizes are checked before anything is decompressed.
"""

import re
import struct
import zlib
from collections.abc import Iterator

from assay.corpus.archive import Archive
from assay.corpus.candidate import Candidate, members
from assay.corpus.cleaning import Unfit, decode
from assay.corpus.html_pages import prose_of
from assay.corpus.member import LARGEST_MEMBER, TOO_LARGE, decompressed
from assay.corpus.source import Source

PAGE = 4000
"""Characters after which a page of a dictionary ends."""
LONGEST_BLOCK = 16 * 1024 * 1024
"""Bytes of the longest block of a SWORD module, after decompression."""

_DIGITS = {
    digit: value for value, digit in enumerate(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}
_RESPELLED = re.compile(r" \\[^\\]{1,80}\\(?: \([^)]{1,80}\))?")
_ORIGIN = re.compile(r" ?\[(?:1913 Webster|Webster 1913 Suppl\.|WordNet (?:sense )?[\d.]+|PJC)(?: ?\+ ?[\w. ]+)?\]")
_BLOCK = struct.Struct("<III")


def read_dictionary(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Dictionaries of dictd, ``.dict.dz`` with their ``.index``: a document is a page of ``PAGE`` characters or more.

    Entries come in the order of the file and are never divided. Each is its paragraphs, unfolded, an empty line
    between two entries; respellings between backslashes, braces around references and the marks of an entry's
    origin are cut. What the dictionary says about itself (``00-database-…``) is left out.
    """
    for name in members(source, archive):
        try:
            index = archive.read(name.removesuffix(".dz").removesuffix(".dict") + ".index")
            text = _inflated(archive, name)
        except Unfit as fault:
            yield Candidate(path=name, group=name, data="", fault=str(fault))
        else:
            yield from _pages(name, text, _places(index, name))


def _pages(name: str, text: bytes, places: list[tuple[str, int, int]]) -> Iterator[Candidate]:
    entries: list[str] = []
    first = ""
    number = 0
    for headword, start, length in places:
        first = first or headword
        entries.append(_entry(text[start : start + length]))
        if sum(map(len, entries)) >= PAGE or start == places[-1][1]:
            data = "\n\n".join(entry for entry in entries if entry) + "\n"
            number += 1
            place = f"{name}#{number} {first}"
            yield Candidate(path=place, group=place, data=data.encode("utf-8", "surrogateescape"))
            entries, first = [], ""


def _inflated(archive: Archive, name: str) -> bytes:
    """The member, decompressed by gzip where it ends in ``.dz``; raises Unfit where it is damaged or too large."""
    if not name.endswith(".dz"):
        return archive.read(name)
    with decompressed(archive.open(name), "gz") as stream:
        text = stream.read(LARGEST_MEMBER + 1)
    if len(text) > LARGEST_MEMBER:
        raise Unfit(TOO_LARGE)
    return text


def _places(index: bytes, name: str) -> list[tuple[str, int, int]]:
    """(headword, first byte, bytes) of every entry once, in the order of the text."""
    places: dict[tuple[int, int], str] = {}
    for line in index.splitlines():
        headword, start, length = line.split(b"\t")[:3]
        if not headword.startswith((b"00-database", b"00database")):
            places.setdefault((_number(start), _number(length)), headword.decode("utf-8", "replace"))
    if not places:
        raise ValueError(f"the index of {name} names no entry")
    return [(headword, *place) for place, headword in sorted(places.items())]


def _number(digits: bytes) -> int:
    value = 0
    for digit in digits:
        value = value * 64 + _DIGITS[digit]
    return value


def _entry(data: bytes) -> str:
    paragraphs = re.split(r"\n\s*\n", data.decode("utf-8", "surrogateescape"))
    plain = (" ".join(paragraph.split()) for paragraph in paragraphs)
    cut = (re.sub(r"[{}]", "", _ORIGIN.sub("", _RESPELLED.sub("", paragraph))).strip() for paragraph in plain)
    return "\n".join(paragraph for paragraph in cut if paragraph)


def read_sword(source: Source, archive: Archive) -> Iterator[Candidate]:
    """Compressed modules of SWORD, ``.bzz`` or ``.czz`` with ``.bzs`` or ``.czs``: a document is the prose of a block.

    A block is a verse, chapter or book, as the module was made; its mark-up (OSIS or ThML) is taken off as that of a
    page of HTML. Modules that are enciphered or compressed otherwise than with zlib are not read.
    """
    for name in members(source, archive):
        try:
            blocks = archive.read(name[:-1] + "s")
            text = archive.read(name)
        except Unfit as fault:
            yield Candidate(path=name, group=name, data="", fault=str(fault))
            continue
        for number, (start, length, size) in enumerate(_BLOCK.iter_unpack(blocks[: len(blocks) // 12 * 12])):
            place = f"{name}#{number}"
            try:
                yield Candidate(
                    path=place, group=place, data=prose_of(decode(_block(text[start : start + length], size)))
                )
            except Unfit as fault:
                yield Candidate(path=place, group=place, data="", fault=str(fault))


def _block(data: bytes, size: int) -> bytes:
    if size > LONGEST_BLOCK:
        raise Unfit("block is too long")
    try:
        text = zlib.decompressobj().decompress(data, size + 1)
    except zlib.error:
        raise Unfit("block is damaged") from None
    if len(text) != size:
        raise Unfit("block is damaged")
    return text
