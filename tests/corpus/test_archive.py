import bz2
import functools
import gzip
import hashlib
import io
import lzma
import stat
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import zstandard
from small_corpus import MakeWheel

from assay.corpus import member, package_archive
from assay.corpus.archive import Archive, chosen, open_archive, open_package
from assay.corpus.cleaning import Unfit
from assay.corpus.package_archive import TarArchive, WheelArchive
from assay.corpus.source import Source
from assay.corpus.standard_library import StandardLibrary
from assay.errors import StepError

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": functools.partial(lzma.compress, preset=0),
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
MakeArchive = Callable[[Mapping[str, bytes]], Archive]


def tar_bytes(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for number, (name, target) in enumerate((links or {}).items()):
            info = tarfile.TarInfo(name)
            info.type = tarfile.LNKTYPE if number % 2 else tarfile.SYMTYPE
            info.linkname = target
            tar.addfile(info)
    return out.getvalue()


def deb_bytes(data: bytes, name: str = "data.tar.xz") -> bytes:
    """An ar file as dpkg writes it, around a compressed tar file."""
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", name: data}
    out = b"!<arch>\n"
    for title, content in parts.items():
        header = f"{title:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n"
        out += header.encode() + content + b"\n" * (len(content) % 2)
    return out


@pytest.fixture(params=["whl", "tgz", "deb"])
def make_archive(request: pytest.FixtureRequest, tmp_path: Path) -> MakeArchive:
    """Pack files into an archive of each kind."""

    def make(files: Mapping[str, bytes]) -> Archive:
        path = tmp_path / f"pack_1.0_all.{request.param}"
        if request.param == "whl":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in files.items():
                    archive.writestr(name, content)
        elif request.param == "tgz":
            path.write_bytes(gzip.compress(tar_bytes({f"package/{name}": data for name, data in files.items()})))
        else:
            data = lzma.compress(tar_bytes({f"./{name}": data for name, data in files.items()}), preset=0)
            path.write_bytes(deb_bytes(data))
        return open_package(path)

    return make


def test_every_package_lists_its_files_sorted_and_reads_them_in_any_order(make_archive: MakeArchive) -> None:
    files = {"b/two.txt": b"two" * 40_000, "a.txt": b"one", "b/empty": b"", "ö.txt": b"umlaut"}
    archive = make_archive(files)
    assert archive.names() == sorted(files)
    assert {name: archive.read(name) for name in reversed(archive.names())} == files
    assert [archive.size(name) for name in archive.names()] == [len(files[name]) for name in sorted(files)]
    assert archive.left_out() == []
    with archive.open("b/two.txt") as one, archive.open("b/two.txt") as other:
        assert one.read(5) + other.read(3) + one.read() == files["b/two.txt"][:5] + b"two" + files["b/two.txt"][5:]
    archive.close()


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_member_is_decompressed_in_all_its_parts(make_archive: MakeArchive, suffix: str) -> None:
    lines = [f"line {number}\n".encode() for number in range(50_000)]
    text = b"".join(lines)
    archive = make_archive({f"a.{suffix}": COMPRESS[suffix](text[:1000]) + COMPRESS[suffix](text[1000:])})
    assert archive.read(f"a.{suffix}") == text
    with archive.open(f"a.{suffix}") as stream:
        assert list(stream) == lines
    assert archive.size(f"a.{suffix}") < len(text)


@functools.cache
def hashes_packed(suffix: str) -> tuple[list[bytes], bytes]:
    """Lines that hardly compress, and what they compress to."""
    lines = [hashlib.sha256(b"%d" % number).hexdigest().encode() + b"\n" for number in range(30_000)]
    return lines, COMPRESS[suffix](b"".join(lines))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_half_a_compressed_member_is_read_up_to_the_break_and_then_said(make_archive: MakeArchive, suffix: str) -> None:
    lines, packed = hashes_packed(suffix)
    archive = make_archive({f"half.{suffix}": packed[: len(packed) // 2], f"last.{suffix}": packed[:-1]})
    for name in archive.names():
        with pytest.raises(Unfit, match=r"^damaged compression$"):
            archive.read(name)
        found: list[bytes] = []
        with pytest.raises(Unfit, match=r"^damaged compression$"), archive.open(name) as stream:
            found.extend(stream)
        assert found == lines[: len(found)]
        assert len(found) > (5_000 if "half" in name else 15_000)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_garbage_for_compression_is_one_reason(make_archive: MakeArchive, suffix: str) -> None:
    good = bytearray(COMPRESS[suffix](b"some text that is long enough to be damaged in its middle" * 9))
    good[len(good) // 2] ^= 0xFF
    archive = make_archive({f"a.{suffix}": b"not compressed at all", f"b.{suffix}": bytes(good)})
    for name in archive.names():
        with pytest.raises(Unfit, match=r"^damaged compression$"):
            archive.read(name)


@functools.cache
def bomb(suffix: str) -> bytes:
    """What decompresses to 400 MiB; for bzip2 and xz of many streams, which is quicker to make."""
    if not suffix:
        return bytes(65 << 20)
    size = {"gz": 100 << 20, "zst": 400 << 20}.get(suffix, 1 << 20)
    return COMPRESS[suffix](bytes(size)) * ((400 << 20) // size)


@pytest.mark.parametrize("suffix", ["", *COMPRESS])
def test_a_bomb_is_refused_with_a_constant_phrase(make_archive: MakeArchive, suffix: str) -> None:
    archive = make_archive({f"bomb.{suffix}": bomb(suffix), "small.txt": b"small"})
    with pytest.raises(Unfit, match=r"^larger than 64 MiB$"):
        archive.read(f"bomb.{suffix}")
    assert archive.read("small.txt") == b"small"
    archive.close()


CHILD = """
import sys
from pathlib import Path
from assay.corpus.archive import open_package
from assay.corpus.cleaning import Unfit

def most():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

archive = open_package(Path(sys.argv[1]))
before = most()
for name in archive.names():
    try:
        archive.read(name)
    except Unfit as fault:
        print(fault)
print(most() - before)
before = most()
for name in archive.names():
    with archive.open(name) as stream:
        size = sum(len(part) for part in iter(lambda: stream.read(1 << 20), b""))
    print(size)
print(most() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's memory")
def test_bombs_are_refused_and_streamed_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "x-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for suffix in COMPRESS:
            archive.writestr(f"bomb.{suffix}", bomb(suffix))
    assert path.stat().st_size < 1 << 20
    done = subprocess.run([sys.executable, "-c", CHILD, path], capture_output=True, text=True, check=True)
    *refusals, read_kib = done.stdout.split("\n")[:5]
    *sizes, streamed_kib = done.stdout.split("\n")[5:10]
    assert refusals == ["larger than 64 MiB"] * 4
    assert int(read_kib) < 100_000
    assert sizes == [str(400 << 20)] * 4
    assert int(streamed_kib) < 20_000


def test_an_xz_dictionary_that_would_fill_the_memory_is_refused(make_archive: MakeArchive) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    packed = bytearray(lzma.compress(b"x" * 1000, filters=filters))
    assert packed[16] == 16, "the dictionary's size in the header of the block"
    packed[16] = 40
    packed[20:24] = zlib.crc32(bytes(packed[12:20])).to_bytes(4, "little")
    with pytest.raises(Unfit, match=r"^damaged compression$"):
        make_archive({"a.xz": bytes(packed)}).read("a.xz")


def test_a_zstandard_window_that_would_fill_the_memory_is_refused(make_archive: MakeArchive) -> None:
    def packed(window: int) -> bytes:
        parameters = zstandard.ZstdCompressionParameters(window_log=window, write_content_size=False)
        writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        return writer.compress(b"x" * 1000) + writer.flush()

    archive = make_archive({"large.zst": packed(27), "larger.zst": packed(28)})
    assert archive.read("large.zst") == b"x" * 1000
    with pytest.raises(Unfit, match=r"^damaged compression$"):
        archive.read("larger.zst")


def test_a_name_that_is_not_there_is_told_as_any_member_that_cannot_be_read(make_archive: MakeArchive) -> None:
    archive = make_archive({"a.txt": b"a"})
    for name in ("b.txt", "../a.txt", "/etc/passwd", ""):
        for ask in (archive.read, archive.open, archive.size):
            with pytest.raises(Unfit, match=r"^cannot be read$"):
                ask(name)


UNSAFE = ["../up.txt", "/etc/absolute", "a/../../b", "a\\..\\b", "/../../etc/passwd"]


def test_unsafe_names_are_left_out_and_named(make_archive: MakeArchive, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    archive = make_archive({"good.txt": b"good", **dict.fromkeys(UNSAFE, b"evil")})
    assert archive.names() == ["good.txt"]
    assert [reason for _, reason in archive.left_out()] == ["unsafe name"] * len(UNSAFE)
    for name in archive.names():
        archive.read(name)
    assert [path.name for path in sorted(tmp_path.rglob("*")) if path not in before] == [
        next(tmp_path.glob("pack*")).name
    ]


def test_a_name_with_a_nul_or_in_another_encoding_is_left_out_of_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "x-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a_b.txt", b"hidden")
        archive.writestr("good.txt", b"good")
    path.write_bytes(path.read_bytes().replace(b"a_b.txt", b"a\0b.txt"))
    assert WheelArchive(path).names() == ["good.txt"]
    tar = tar_bytes({"package/good.txt": b"good"})
    bad = tarfile.TarInfo("package/b\udce4d.txt").tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    (tmp_path / "x.tgz").write_bytes(gzip.compress(bad + tar))
    archive_of_tar = TarArchive(tmp_path / "x.tgz")
    assert archive_of_tar.names() == ["good.txt"]
    assert archive_of_tar.left_out() == [("package/b\\udce4d.txt", "name is not UTF-8")]


@pytest.mark.parametrize("kind", ["tgz", "deb"])
def test_links_of_a_tar_file_lead_nowhere(tmp_path: Path, kind: str) -> None:
    links = {"./package/soft": "/etc/passwd", "./package/hard": "/etc/passwd", "./package/loop": "loop"}
    data = tar_bytes({"./package/good.txt": b"good"}, links)
    path = tmp_path / f"x.{kind}"
    path.write_bytes(gzip.compress(data) if kind == "tgz" else deb_bytes(data, "data.tar"))
    archive = open_package(path)
    assert [name.rpartition("/")[2] for name in archive.names()] == ["good.txt"]
    assert [reason for _, reason in archive.left_out()] == ["link"] * 3
    for name, _ in archive.left_out():
        with pytest.raises(Unfit):
            archive.read(name)


def test_a_link_in_a_zip_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x-1.0-py3-none-any.whl"
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert WheelArchive(path).names() == []
    assert WheelArchive(path).left_out() == [("link.txt", "link")]


def test_of_two_members_with_one_name_the_later_counts(tmp_path: Path) -> None:
    path = tmp_path / "x-1.0-py3-none-any.whl"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a.txt", b"first")
        archive.writestr("a.txt", b"second")
    assert WheelArchive(path).names() == ["a.txt"]
    assert WheelArchive(path).read("a.txt") == b"second"


def test_a_damaged_member_is_said_and_its_neighbours_are_read(tmp_path: Path, make_wheel: MakeWheel) -> None:
    _, path = make_wheel("pack", {"pack/a.txt": "hello hello", "pack/b.txt": "fine"})
    path.write_bytes(path.read_bytes().replace(b"hello hello", b"hello jello"))
    archive = WheelArchive(path)
    with pytest.raises(Unfit, match=r"^damaged archive member$"):
        archive.read("pack/a.txt")
    assert archive.read("pack/b.txt") == b"fine"


def test_every_way_to_spoil_a_byte_of_a_zip_is_a_reason_or_an_error(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("pack", {"pack/a.txt": "hello hello", "pack/b.txt.gz": gzip.compress(b"inside")})
    good = path.read_bytes()
    outcomes: set[str] = set()
    for place in range(0, len(good), 2):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0xA5]) + good[place + 1 :])
        try:
            archive = WheelArchive(path)
        except StepError:
            outcomes.add("not opened")
            continue
        archive.licence()
        for name in archive.names():
            try:
                archive.read(name)
            except Unfit as fault:
                outcomes.add(str(fault))
        archive.close()
    assert outcomes == {"not opened", "damaged archive member"}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.whl", b"no zip"),
        ("x.tgz", b"no gzip"),
        ("x.tgz", gzip.compress(b"no tar, but long enough to be one " * 100, mtime=0)),
        ("x.tgz", gzip.compress(tar_bytes({"package/a": b"a" * 100_000}), mtime=0)[:-20]),
        ("x.deb", b"no ar file"),
        ("x.deb", b"!<arch>\n" + b"broken header"),
        ("x.deb", deb_bytes(b"x", "data.tar").replace(b"`\n", b"??")),
        ("x.deb", deb_bytes(lzma.compress(tar_bytes({"a": b"a"})))[:-30]),
        ("x.deb", deb_bytes(b"junk", "data.tar.xz")),
        ("x.deb", deb_bytes(b"junk", "data.tar.lzma")),
        ("x.deb", deb_bytes(b"junk", "other")),
        ("x.rpm", b""),
    ],
)
def test_a_package_that_cannot_be_opened_is_one_clear_error(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(StepError, match=rf"{name} (cannot be opened|is no package)"):
        open_package(tmp_path / name)
    with pytest.raises(StepError, match=rf"missing-{name}"):
        open_package(tmp_path / f"missing-{name}")


def test_a_package_that_unpacks_to_more_than_allowed_is_refused_and_leaves_nothing(
    make_archive: MakeArchive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(package_archive, "LARGEST_PACKAGE", 50 << 20)
    with pytest.raises(StepError, match="holds more than"):
        make_archive({"a": bytes(30 << 20), "b": bytes(30 << 20)})
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_large_tar_is_unpacked_once_into_a_file_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    files = {f"package/{number}": bytes([number]) * (8 << 20) for number in range(8)}
    (tmp_path / "x.tgz").write_bytes(gzip.compress(tar_bytes(files), 1))
    archive = TarArchive(tmp_path / "x.tgz")
    assert all(set(archive.read(name)) == {int(name)} for name in reversed(archive.names()))
    assert list((tmp_path / "tmp").iterdir()) == []
    archive.close()


def test_npm_takes_off_one_folder_whatever_its_name(tmp_path: Path) -> None:
    files = {"node/package.json": b'{"license": "MIT"}', "node/lib/a.js": b"a", "node/package/b.js": b"b"}
    (tmp_path / "x.tgz").write_bytes(gzip.compress(tar_bytes(files)))
    archive = TarArchive(tmp_path / "x.tgz")
    assert archive.names() == ["lib/a.js", "package.json", "package/b.js"]
    assert archive.licence() == "MIT"


def test_the_standard_library_is_sorted_and_without_installed_packages() -> None:
    names = StandardLibrary().names()
    assert names == sorted(names)
    assert "json/decoder.py" in names
    assert not any("site-packages" in name or "dist-packages" in name for name in names)
    on_disk = Path(sysconfig.get_path("stdlib")) / "json" / "decoder.py"
    assert StandardLibrary().read("json/decoder.py") == on_disk.read_bytes()
    assert StandardLibrary().size("json/decoder.py") == on_disk.stat().st_size
    with pytest.raises(Unfit, match="cannot be read"):
        StandardLibrary().read("../../../etc/passwd")


def test_the_fingerprint_sees_the_chosen_files_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "site-packages").mkdir()
    for name in ("a.py", "b.py", "site-packages/c.py"):
        (tmp_path / name).write_text("pass\n")
    library = StandardLibrary(tmp_path)
    before = library.fingerprint(["*.py"], ["b.py"])
    (tmp_path / "b.py").write_text("changed\n")
    (tmp_path / "site-packages" / "c.py").write_text("changed\n")
    assert library.fingerprint(["*.py"], ["b.py"]) == before
    (tmp_path / "a.py").write_text("changed\n")
    assert library.fingerprint(["*.py"], ["b.py"]) != before


def test_a_star_also_matches_a_slash() -> None:
    names = ["a/b/c.py", "a/tests/d.py", "e.txt"]
    assert chosen(names, ["*.py"], ["*/tests/*"]) == ["a/b/c.py"]
    assert chosen(names, ["*"], []) == names


def test_a_source_is_opened_where_it_says(tmp_path: Path, make_wheel: MakeWheel) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("local")
    _, path = make_wheel("pack", {"pack/a.txt": "packed"})
    plain = {"name": "s", "about": "test", "reader": "files", "kind": "text"}

    def opened(**place: str) -> Archive:
        return open_archive(Source.model_validate({**plain, **place}), {"pack": path}, tmp_path)

    assert opened(package="pack").read("pack/a.txt") == b"packed"
    assert opened(package="stdlib").licence() == "PSF-2.0"
    assert opened(path="texts").read("a.txt") == b"local"
    assert opened(path="texts/a.txt").names() == ["a.txt"]


def test_the_limit_is_on_what_comes_out(make_archive: MakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member, "LARGEST_MEMBER", 1000)
    archive = make_archive({"a": b"x" * 1000, "b.gz": gzip.compress(b"x" * 1000), "c": b"x" * 1001})
    assert archive.read("a") == archive.read("b.gz") == b"x" * 1000
    with pytest.raises(Unfit, match="larger than"):
        archive.read("c")
    with archive.open("c") as stream:
        assert len(stream.read()) == 1001
