import gzip
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from small_corpus import MakeWheel, source

from assay.corpus import prose_packages
from assay.corpus.archive import WheelArchive
from assay.corpus.candidate import Candidate
from assay.corpus.prose_packages import read_dictionary, read_sword

LONG = "The quick brown fox jumps over the lazy dog while nobody is watching it at all, and then it sleeps until noon."
LONG += " Nobody minds."
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _digits(value: int) -> str:
    return (_digits(value // 64) if value >= 64 else "") + DIGITS[value % 64]


def _dictionary(entries: Mapping[str, str]) -> dict[str, bytes]:
    """The files of a dictionary whose index, as dictd wants it, is sorted by headword."""
    text, lines = b"", []
    for headword, entry in entries.items():
        data = entry.encode()
        lines.append(f"{headword}\t{_digits(len(text))}\t{_digits(len(data))}\n")
        text += data
    return {"d/x.dict.dz": gzip.compress(text), "d/x.index": "".join(sorted(lines)).encode()}


def _words(path: Path, *patterns: str) -> list[Candidate]:
    return list(read_dictionary(source("d", files=list(patterns) or ["*.dz"]), WheelArchive(path)))


ENTRIES = {
    "00-database-info": "About this dictionary.\n\nNot a word.\n\n",
    "zebra": 'Zebra \\Ze"bra\\ (z[=e]"br[.a]), n. [Pg. zebra.]\n   A striped\n   {horse}. [Obs.] --Shak.\n'
    "   [1913 Webster]\n\n   2. Another one.\n      [1913 Webster +PJC]\n\n",
    "ant": "Ant, n.\n   A small insect; caf\u00e9.\n   [WordNet 1.5]\n\n",
}


def test_a_page_has_entries_in_the_order_of_the_file_without_marks(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("pack", _dictionary(ENTRIES))
    (page,) = _words(path)
    assert (page.path, page.group) == ("d/x.dict.dz#1 zebra", "d/x.dict.dz#1 zebra")
    assert isinstance(page.data, bytes)
    assert page.data.decode() == (
        "Zebra, n. [Pg. zebra.] A striped horse. [Obs.] --Shak.\n2. Another one.\n\nAnt, n. A small insect; café.\n"
    )


def test_pages_end_between_entries_and_hold_each_once(make_wheel: MakeWheel) -> None:
    entries = {f"w{number:04}": f"w{number:04} n.\n   {'word ' * (number % 7 * 9)}\n\n" for number in range(900)}
    _, path = make_wheel("pack", _dictionary(entries))
    pages = _words(path)
    texts = [page.data.decode() for page in pages if isinstance(page.data, bytes)]
    found = [entry.split()[0] for text in texts for entry in text.rstrip("\n").split("\n\n")]
    assert found == list(entries)
    assert all(prose_packages.PAGE <= len(text) < prose_packages.PAGE + 700 for text in texts[:-1])
    assert len({page.path for page in pages}) == len(pages) > 20


def test_a_damaged_dictionary_or_one_without_index_is_counted(make_wheel: MakeWheel) -> None:
    files = _dictionary(ENTRIES)
    broken = {"a.dict.dz": files["d/x.dict.dz"][:40], "a.index": files["d/x.index"], "b.dict.dz": files["d/x.dict.dz"]}
    _, path = make_wheel("pack", {**broken, **files})
    first, second, good = _words(path)
    assert (first.fault, second.fault, good.fault) == ("damaged compression", "cannot be read", None)


@pytest.mark.parametrize("index", [b"", b"word\n", b"word\t!\t!\n", b"00-database-info\tA\tB\n"])
def test_an_index_of_another_shape_is_told(make_wheel: MakeWheel, index: bytes) -> None:
    _, path = make_wheel("pack", {**_dictionary(ENTRIES), "d/x.index": index})
    with pytest.raises((ValueError, KeyError)):
        _words(path)


def _module(*blocks: bytes, odd: bytes = b"") -> dict[str, bytes]:
    places, text = b"", b""
    for block in blocks:
        packed = zlib.compress(block)
        places += struct.pack("<III", len(text), len(packed), len(block))
        text += packed
    return {"ot.czs": places + odd, "ot.czz": text}


def _blocks(path: Path) -> list[Candidate]:
    return list(read_sword(source("s", files=["*.czz"]), WheelArchive(path)))


def test_each_block_of_a_module_is_its_prose(make_wheel: MakeWheel) -> None:
    first = f'<title>Psalm 1</title><div sID="a"/>{LONG} <hi type="italic">{LONG}</hi><div eID="a"/><div>Ps. 2</div>'
    _, path = make_wheel("pack", _module(first.encode(), b"", b"<div>short</div>", odd=b"123"))
    found = _blocks(path)
    assert [(c.path, c.fault, c.data) for c in found] == [
        ("ot.czz#0", None, f"Psalm 1\n\n{LONG} {LONG}\n"),
        ("ot.czz#1", None, ""),
        ("ot.czz#2", None, ""),
    ]


def test_damaged_and_very_long_blocks_are_counted_and_memory_is_bounded(
    make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prose_packages, "LONGEST_BLOCK", 1000)
    files = _module(b"x" * 1001, f"<p>{LONG}</p>".encode())
    lying = struct.pack("<III", 0, len(zlib.compress(b"x" * 1001)), 500)
    broken = struct.pack("<III", 3, 9, 100)
    _, path = make_wheel("pack", {**files, "ot.czs": files["ot.czs"] + lying + broken})
    assert [(c.fault, c.data) for c in _blocks(path)] == [
        ("block is too long", ""),
        (None, f"{LONG}\n"),
        ("block is damaged", ""),
        ("block is damaged", ""),
    ]
