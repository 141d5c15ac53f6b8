import io
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus.tar_index import DamagedTar, Entry, entries

NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=60)
PATH = st.lists(NAME, min_size=1, max_size=6).map("/".join)
KIND = st.sampled_from([tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
FORMAT = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])


def written(members: list[tuple[str, bytes, bytes]], tar_format: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar file of (name, type, content) by Python's own writer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as tar:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
            info.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def indexed(data: bytes) -> list[Entry]:
    return list(entries(io.BytesIO(data), len(data)))


@given(st.lists(st.tuples(PATH, KIND, st.binary(max_size=1500)), max_size=6), FORMAT)
def test_what_pythons_tarfile_reads_is_found_at_its_place(members: Any, tar_format: int) -> None:
    try:
        data = written(members, tar_format)
    except ValueError:  # ustar cannot hold the name
        return
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        theirs = [
            (info.name, info.offset_data, info.size, info.isreg()) for info in tar.getmembers() if not info.isdir()
        ]
    ours = [(one.name.rstrip("/"), one.offset, one.size, one.fault is None) for one in indexed(data)]
    assert ours == [(name.rstrip("/"), *rest) for name, *rest in theirs]


@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_name_longer_than_a_header_is_whole(tar_format: int) -> None:
    name = "folder/" * 100 + "ö.txt"
    (entry,) = indexed(written([(name, tarfile.REGTYPE, b"inside")], tar_format))
    assert entry.name == name


@given(st.binary(min_size=1, max_size=4), st.integers(0, 10**9), st.booleans())
def test_no_damage_does_more_than_say_so(noise: bytes, place: int, cut: bool) -> None:
    data = bytearray(
        written([("a", tarfile.REGTYPE, b"x" * 700), ("b" * 200, tarfile.REGTYPE, b"y" * 10)], tarfile.PAX_FORMAT)
    )
    place %= len(data)
    data[place : place + len(noise)] = noise
    try:
        found = indexed(bytes(data[:place] if cut else data))
    except DamagedTar:
        return
    assert all(0 <= entry.offset <= entry.offset + entry.size <= len(data) for entry in found)


def _with_size(field: bytes, kind: bytes = b"0") -> bytes:
    header = bytearray(written([("a", tarfile.REGTYPE, b"")])[:512])
    header[124:136] = field
    header[156:157] = kind
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(2048)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_with_size(b"\xff" * 11 + b"\x00"), id="negative size"),
        pytest.param(_with_size(b"-0000000010\0"), id="negative octal size"),
        pytest.param(_with_size(b"77777777777\0"), id="more than the file holds"),
        pytest.param(_with_size(b"77777777777\0", b"L"), id="long name of 8 GiB"),
        pytest.param(_with_size(b"00000000010\0", b"S"), id="sparse file"),
        pytest.param(written([("a", tarfile.REGTYPE, b"x" * 600)])[:1000], id="cut in a file"),
        pytest.param(b"no tar at all" * 100, id="something else"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(DamagedTar):
        indexed(data)
