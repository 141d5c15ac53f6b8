from pathlib import Path

import pytest
from small_corpus import MakeWheel

from assay.corpus.recipe import Package
from assay.corpus.wheels import fetch, sha256
from assay.errors import StepError


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def _left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.endswith(".lock")]


def _broken_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(script))


def test_a_wheel_is_fetched_by_pip_checked_and_reported(tmp_path: Path, make_wheel: MakeWheel) -> None:
    wheel, original = make_wheel("pack", {"pack/a.txt": "hello " * 1000})
    done: list[int] = []
    path = fetch(wheel, tmp_path / "wheels", done.append)
    assert path.read_bytes() == original.read_bytes()
    assert done[-1] == wheel.bytes
    assert max(done) <= wheel.bytes
    assert _left(tmp_path / "wheels") == [wheel.file]


def test_a_wheel_that_is_there_needs_no_pip(
    tmp_path: Path, make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, original = make_wheel("pack", {"pack/a.txt": "hello"})
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    done: list[int] = []
    assert fetch(wheel, original.parent, done.append) == original
    assert done == [wheel.bytes]


def test_a_damaged_wheel_is_fetched_again(tmp_path: Path, make_wheel: MakeWheel) -> None:
    wheel, _ = make_wheel("pack", {"pack/a.txt": "hello"})
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / wheel.file).write_bytes(b"half")
    (folder / f".{wheel.file}.part").mkdir()
    assert sha256(fetch(wheel, folder)) == wheel.sha256
    assert _left(folder) == [wheel.file]


def test_another_sha256_is_refused_with_both_and_nothing_is_left(tmp_path: Path, make_wheel: MakeWheel) -> None:
    wheel, original = make_wheel("pack", {"pack/a.txt": "hello"})
    other = wheel.model_copy(update={"sha256": "ab" * 32})
    with pytest.raises(StepError) as caught:
        fetch(other, tmp_path / "wheels")
    assert "ab" * 32 in str(caught.value)
    assert sha256(original) in str(caught.value)
    assert _left(tmp_path / "wheels") == []


def test_a_version_that_the_index_has_not_is_told(tmp_path: Path, make_wheel: MakeWheel) -> None:
    wheel, _ = make_wheel("pack", {"pack/a.txt": "hello"})
    with pytest.raises(StepError, match=r"has no wheel of pack 9\.9"):
        fetch(wheel.model_copy(update={"version": "9.9"}), tmp_path / "wheels")


def test_no_network_and_no_wheel_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    wheel = Package(name="pack", version="1.0", file="pack-1.0-py3-none-any.whl", sha256="0" * 64, bytes=2_000_000)
    with pytest.raises(StepError, match=r"no network: .* \(2\.0 MB\) is not in"):
        fetch(wheel, tmp_path / "wheels")
    assert _left(tmp_path / "wheels") == []


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("/x/python: No module named pip", "has no pip"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "no space left for pack"),
        ("ERROR: something else", "pip could not fetch pack 1.0: ERROR: something else"),
    ],
)
def test_what_pip_says_becomes_one_clear_message(
    tmp_path: Path, make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch, says: str, message: str
) -> None:
    wheel, _ = make_wheel("pack", {"pack/a.txt": "hello"})
    _broken_python(tmp_path, monkeypatch, says)
    with pytest.raises(StepError, match=message):
        fetch(wheel, tmp_path / "wheels")
    assert _left(tmp_path / "wheels") == []
