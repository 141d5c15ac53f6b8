"""The licence of a package is what its own metadata says, or unknown."""

import shutil
import subprocess
from pathlib import Path

import pytest
from small_corpus import MakeWheel

from assay.corpus import package_licence
from assay.corpus.package_archive import DebArchive, WheelArchive

DEP5 = """Format: https://example.org/copyright-format/1.0/
Upstream-Name: pack
License: GPL-1

Files: *
Copyright: 2020 Somebody
License: {}
 Some text of it.
 .
 More.

Files: debian/*
Copyright: 2021 Another
License: GPL-3+
"""


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
@pytest.mark.parametrize("compression", ["xz", "zstd", "gzip", "none"])
def test_a_package_that_dpkg_built_is_read(tmp_path: Path, compression: str) -> None:
    tree = tmp_path / "tree"
    copyright_file = tree / "usr/share/doc/pack/copyright"
    copyright_file.parent.mkdir(parents=True)
    copyright_file.write_text(DEP5.format("Expat"))
    (tree / "usr/share/doc/pack/link").symlink_to("/etc/passwd")
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        "Package: pack\nVersion: 1.0\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: test\n"
    )
    path = tmp_path / "pack_1.0_all.deb"
    subprocess.run(
        ["dpkg-deb", f"-Z{compression}", "--root-owner-group", "--build", tree, path], check=True, capture_output=True
    )
    archive = DebArchive(path)
    assert archive.names() == ["usr/share/doc/pack/copyright"]
    assert archive.read(archive.names()[0]) == copyright_file.read_bytes()
    assert archive.left_out() == [("usr/share/doc/pack/link", "link")]
    assert archive.licence() == "MIT"


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
def test_the_licence_of_a_wheel_is_what_its_metadata_says(make_wheel: MakeWheel, metadata: str, licence: str) -> None:
    _, path = make_wheel("pack", {}, licence=metadata)
    assert WheelArchive(path).licence() == licence


@pytest.mark.parametrize(
    ("package_json", "licence"),
    [
        ('{"license": "(MIT OR Apache-2.0)"}', "(MIT OR Apache-2.0)"),
        ('{"license": {"type": "ISC", "url": "x"}}', "ISC"),
        ('{"licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]}', "MIT OR GPL-2.0-only"),
        ('{"license": "SEE LICENSE IN LICENSE.md"}', "unknown"),
        ('{"license": 3}', "unknown"),
        ('{"licenses": []}', "unknown"),
        ("{}", "unknown"),
        ("[]", "unknown"),
        ("[" * 100_000, "unknown"),
        ("no json", "unknown"),
    ],
)
def test_the_licence_of_an_npm_package_is_what_package_json_says(package_json: str, licence: str) -> None:
    assert package_licence.of_npm(package_json.encode()) == licence


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ("Expat", "MIT"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("MIT or Apache-2.0", "MIT OR Apache-2.0"),
        ("Expat and GPL-3 or ISC", "MIT AND GPL-3.0-only OR ISC"),
        ("CC-BY-SA-4.0", "CC-BY-SA-4.0"),
        ("GPL-2+ with OpenSSL exception", "unknown"),
        ("Artistic or GPL-1+", "unknown"),
        ("Expat, and GPL-2", "unknown"),
        ("public-domain", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_licence_of_a_debian_package_is_that_of_all_its_files(said: str, licence: str) -> None:
    assert package_licence.of_debian(DEP5.format(said)) == licence


def test_a_copyright_file_for_people_only_says_nothing() -> None:
    assert package_licence.of_debian("This is free software.\n\nFiles: *\nLicense: Expat\n") == "unknown"
