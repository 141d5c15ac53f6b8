"""Small real wheels for the tests of the corpus plane."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from small_corpus import MakeWheel

from assay.corpus.recipe import Wheel


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """Write ``NAME-1.0-py3-none-any.whl`` that pip accepts, holding the given files; its pin and its path."""

    def make(
        name: str, files: Mapping[str, bytes | str], licence: str = "License-Expression: MIT"
    ) -> tuple[Wheel, Path]:
        info = f"{name}-1.0.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{licence}\n"
        contents: dict[str, bytes | str] = {
            **files,
            f"{info}/METADATA": metadata,
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
        folder = tmp_path / "index"
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in contents.items():
                archive.writestr(zipfile.ZipInfo(member), content)
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        pin = Wheel(name=name, version="1.0", file=path.name, sha256=digest, bytes=len(data))
        return pin, path

    return make
