import gzip
import sysconfig
from pathlib import Path

import pytest
from small_corpus import MakeWheel

from assay.corpus import archive
from assay.corpus.archive import StandardLibrary, WheelArchive, chosen
from assay.errors import StepError


def test_a_wheel_lists_its_files_sorted_and_reads_gzip(make_wheel: MakeWheel) -> None:
    _, path = make_wheel("pack", {"pack/b.txt": "b", "pack/a.gz": gzip.compress(b"inside")})
    wheel = WheelArchive(path)
    assert [name for name in wheel.names() if name.startswith("pack/")] == ["pack/a.gz", "pack/b.txt"]
    assert wheel.read("pack/a.gz") == b"inside"


@pytest.mark.parametrize("content", [b"x" * 1001, gzip.compress(b"x" * 1001)])
def test_a_member_above_the_limit_is_refused_before_and_after_decompression(
    make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 1000)
    _, path = make_wheel("pack", {"pack/big.gz": content})
    with pytest.raises(StepError, match=r"pack/big\.gz in pack-1\.0-py3-none-any\.whl is larger"):
        WheelArchive(path).read("pack/big.gz")


def test_a_file_that_is_no_zip_or_is_damaged_is_told(tmp_path: Path, make_wheel: MakeWheel) -> None:
    (tmp_path / "x.whl").write_bytes(b"no zip")
    with pytest.raises(StepError, match="cannot be opened as a wheel"):
        WheelArchive(tmp_path / "x.whl")
    _, path = make_wheel("pack", {"pack/a.txt": "hello hello"})
    path.write_bytes(path.read_bytes().replace(b"hello hello", b"hello jello"))
    with pytest.raises(StepError, match="damaged"):
        WheelArchive(path).read("pack/a.txt")


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: BSD-3-Clause\nLicense: BSD", "BSD-3-Clause"),
        ("License: MIT", "MIT"),
        ("License: Apache License 2.0", "Apache-2.0"),
        ("License: \nClassifier: License :: OSI Approved :: Apache Software License", "Apache-2.0"),
        ("License: a text\n of a licence\n of many lines", "unknown"),
    ],
)
def test_the_licence_is_what_the_metadata_says(make_wheel: MakeWheel, metadata: str, licence: str) -> None:
    _, path = make_wheel("pack", {}, licence=metadata)
    assert WheelArchive(path).licence() == licence


def test_the_standard_library_is_sorted_and_without_installed_packages() -> None:
    names = StandardLibrary().names()
    assert names == sorted(names)
    assert "json/decoder.py" in names
    assert not any("site-packages" in name or "dist-packages" in name for name in names)
    on_disk = Path(sysconfig.get_path("stdlib")) / "json" / "decoder.py"
    assert StandardLibrary().read("json/decoder.py") == on_disk.read_bytes()


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
