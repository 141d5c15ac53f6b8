import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from small_corpus import MakeWheel

from assay.corpus.archive import open_package
from assay.corpus.fetch import fetch, sha256
from assay.corpus.source import Package
from assay.errors import StepError


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "apt.conf").write_text(f'Dir "{tmp_path}/apt";\n')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))


def pinned(name: str, version: str, file: str, data: bytes = b"") -> Package:
    digest = hashlib.sha256(data).hexdigest()
    return Package(name=name, version=version, file=file, sha256=digest, bytes=max(len(data), 1))


WHEEL = pinned("pack", "1.0", "pack-1.0-py3-none-any.whl")
NPM = pinned("@scope/pack", "1.0.0", "scope-pack-1.0.0.tgz")
DEB = pinned("pack", "1:1.0-1", "pack_1%3a1.0-1_all.deb")


def _left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.endswith(".lock")]


def _fake(program: str, script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a shell script in the place of pip's Python, of npm or of apt-get."""
    path = tmp_path / "bin" / program
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    if program == "python":
        monkeypatch.setattr("sys.executable", str(path))
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")


def test_a_wheel_is_fetched_by_pip_checked_and_reported(tmp_path: Path, make_wheel: MakeWheel) -> None:
    wheel, original = make_wheel("pack", {"pack/a.txt": "hello " * 1000})
    done: list[int] = []
    path = fetch(wheel, tmp_path / "packages", done.append)
    assert path.read_bytes() == original.read_bytes()
    assert done[-1] == wheel.bytes
    assert max(done) <= wheel.bytes
    assert _left(tmp_path / "packages") == [wheel.file]


def test_a_package_that_is_there_needs_no_program(
    tmp_path: Path, make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, original = make_wheel("pack", {"pack/a.txt": "hello"})
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    done: list[int] = []
    assert fetch(wheel, original.parent, done.append) == original
    assert done == [wheel.bytes]
    monkeypatch.setenv("PATH", "/nowhere")
    for package in (NPM, DEB):
        (tmp_path / package.file).write_bytes(b"")
        assert fetch(package, tmp_path) == tmp_path / package.file


def test_a_damaged_package_is_fetched_again(tmp_path: Path, make_wheel: MakeWheel) -> None:
    wheel, _ = make_wheel("pack", {"pack/a.txt": "hello"})
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / wheel.file).write_bytes(b"half")
    (folder / f".{wheel.file}.part").mkdir()
    assert sha256(fetch(wheel, folder)) == wheel.sha256
    assert _left(folder) == [wheel.file]


def test_another_sha256_is_refused_with_both_and_nothing_is_left(tmp_path: Path, make_wheel: MakeWheel) -> None:
    wheel, original = make_wheel("pack", {"pack/a.txt": "hello"})
    other = wheel.model_copy(update={"sha256": "ab" * 32})
    with pytest.raises(StepError) as caught:
        fetch(other, tmp_path / "packages")
    assert "ab" * 32 in str(caught.value)
    assert sha256(original) in str(caught.value)
    assert _left(tmp_path / "packages") == []


def test_a_version_that_the_index_has_not_is_told(tmp_path: Path, make_wheel: MakeWheel) -> None:
    wheel, _ = make_wheel("pack", {"pack/a.txt": "hello"})
    with pytest.raises(StepError, match=r"the Python package index has no pack 9\.9 as a \.whl file"):
        fetch(wheel.model_copy(update={"version": "9.9"}), tmp_path / "packages")


def test_no_network_and_no_wheel_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    wheel = WHEEL.model_copy(update={"bytes": 2_000_000})
    with pytest.raises(StepError, match=r"no network: .* \(2\.0 MB\) is not in"):
        fetch(wheel, tmp_path / "packages")
    assert _left(tmp_path / "packages") == []


NPM_SAYS = "npm error code {}\nnpm error A complete log of this run can be found in: /x/y-debug-0.log"


@pytest.mark.parametrize(
    ("package", "program", "says", "message"),
    [
        (WHEEL, "python", "/x/python: No module named pip", "has no pip"),
        (WHEEL, "python", "ERROR: Could not install: [Errno 28] No space left on device", "no space left for pack"),
        (WHEEL, "python", "ERROR: something else", r"pip could not fetch pack 1\.0: ERROR: something else"),
        (
            NPM,
            "npm",
            NPM_SAYS.format("ENOTFOUND"),
            r"no network: scope-pack-1\.0\.0\.tgz .* the npm registry cannot be",
        ),
        (NPM, "npm", NPM_SAYS.format("E404"), r"the npm registry has no @scope/pack 1\.0\.0 as a \.tgz file"),
        (NPM, "npm", NPM_SAYS.format("ENOSPC"), "no space left for scope-pack"),
        (NPM, "npm", NPM_SAYS.format("E401"), r"npm could not fetch @scope/pack 1\.0\.0: npm error code E401"),
        (NPM, "npm", "", "npm could not fetch .*: no message"),
        (
            DEB,
            "apt-get",
            "E: Failed to fetch x  Could not resolve y",
            "no network: .* Debian's archive cannot be reached",
        ),
        (
            DEB,
            "apt-get",
            "E: Unable to locate package pack",
            r"Debian's archive has no pack 1:1\.0-1 .* apt-get update",
        ),
        (DEB, "apt-get", "E: Failed to fetch x  404  Not Found [IP: y]", "has no pack .* apt-get update"),
        (DEB, "apt-get", "W: hm\nE: You do not have enough free space in /x", "no space left for pack_1%3a1"),
        (DEB, "apt-get", "W: hm\nE: The list of sources could not be read.", "fetch .*: E: The list of sources"),
    ],
)
def test_what_a_program_says_becomes_one_clear_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Package, program: str, says: str, message: str
) -> None:
    _fake(program, f"cat >&2 <<'END'\n{says}\nEND\nexit 1", tmp_path, monkeypatch)
    with pytest.raises(StepError, match=message):
        fetch(package, tmp_path / "packages")
    assert _left(tmp_path / "packages") == []


@pytest.mark.parametrize(("package", "program"), [(NPM, "npm"), (DEB, "apt-get")])
def test_a_program_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Package, program: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match=f"^{program} is not installed, which fetches .* from .*: install it"):
        fetch(package, tmp_path / "packages")
    assert _left(tmp_path / "packages") == []


def test_a_file_of_another_name_or_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake("apt-get", "echo x > pack_1%3a1.0-1_arm64.deb", tmp_path, monkeypatch)
    with pytest.raises(StepError, match=r"asked for pack_1%3a1\.0-1_all\.deb and fetched pack_1%3a1\.0-1_arm64\.deb"):
        fetch(DEB, tmp_path / "packages")
    _fake("apt-get", "true", tmp_path, monkeypatch)
    with pytest.raises(StepError, match="fetched nothing"):
        fetch(DEB, tmp_path / "packages")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "--index-url=http://evil"},
        {"name": "git+https://evil/x"},
        {"name": "../folder"},
        {"name": "-o"},
        {"version": "1.0 --pre"},
        {"version": "latest"},
        {"version": ""},
    ],
)
@pytest.mark.parametrize("package", [WHEEL, NPM, DEB])
def test_a_name_that_a_program_would_take_for_an_option_or_a_place_is_never_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Package, change: dict[str, str]
) -> None:
    for program in ("python", "npm", "apt-get"):
        _fake(program, f"touch {tmp_path}/ran", tmp_path, monkeypatch)
    with pytest.raises(StepError, match="is not a package's name and exact version"):
        fetch(package.model_copy(update=change), tmp_path / "packages")
    assert not (tmp_path / "ran").exists()


def test_growth_is_told_while_a_program_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"x" * 3000
    script = "head -c 1000 /dev/zero > part; sleep 0.5; head -c 3000 /dev/zero | tr '\\0' x > 'pack_1%3a1.0-1_all.deb'"
    _fake("apt-get", script, tmp_path, monkeypatch)
    told: list[int] = []
    fetch(pinned(DEB.name, DEB.version, DEB.file, data), tmp_path / "packages", told.append)
    assert 1000 in told
    assert told[-1] == 3000
    assert told == sorted(told)


def _npm_tarball() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        files = {
            "package/package.json": json.dumps(
                {
                    "name": "@scope/pack",
                    "version": "1.0.0",
                    "license": "MIT",
                    "scripts": {"prepare": "touch ran", "prepack": "touch ran", "install": "touch ran"},
                }
            ).encode(),
            "package/index.js": b"module.exports = 1\n",
        }
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """An npm registry on loopback with one package; the paths that it was asked for."""
    tarball = _npm_tarball()
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path.casefold() == "/@scope%2fpack":
                dist = {
                    "tarball": f"http://127.0.0.1:{server.server_port}/pack.tgz",
                    "shasum": hashlib.sha1(tarball).hexdigest(),
                }
                version = {"name": "@scope/pack", "version": "1.0.0", "dist": dist}
                about = {"name": "@scope/pack", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
                self._answer(200, json.dumps(about).encode())
            elif self.path == "/pack.tgz":
                self._answer(200, tarball)
            else:
                self._answer(404, b"{}")

        def _answer(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}")
        yield asked
        server.shutdown()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_fetches_the_registrys_own_file_and_runs_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    package = pinned(NPM.name, NPM.version, NPM.file, _npm_tarball())
    path = fetch(package, Path("packages"))
    assert _left(tmp_path / "packages") == [NPM.file]
    assert open_package(path).names() == ["index.js", "package.json"]
    assert not list(tmp_path.rglob("ran"))
    assert not (tmp_path / "home").exists(), "no cache beside ours"
    before = len(registry)
    assert fetch(package, Path("packages")) == path
    assert len(registry) == before
    with pytest.raises(StepError, match=r"the npm registry has no @scope/pack 2\.0\.0"):
        fetch(package.model_copy(update={"version": "2.0.0", "file": "scope-pack-2.0.0.tgz"}), tmp_path / "packages")
    with pytest.raises(StepError, match=r"the npm registry has no other 1\.0\.0"):
        fetch(package.model_copy(update={"name": "other", "file": "other-1.0.0.tgz"}), tmp_path / "packages")


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_without_a_network_is_told(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="no network"):
        fetch(NPM, tmp_path / "packages")


has_apt = pytest.mark.skipif(
    sys.platform != "linux" or not (shutil.which("apt-get") and shutil.which("dpkg-deb")), reason="apt is not installed"
)


@pytest.fixture
def debian(tmp_path: Path) -> Package:
    """A repository of one package in a folder, and an apt of its own that knows it."""
    tree, root = tmp_path / "tree", tmp_path / "apt"
    control = "Package: pack\nVersion: 1:1.0-1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: test\n"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(control)
    (tree / "a.txt").write_text("hello\n")
    file = tmp_path / "repository" / "pack_1.0-1_all.deb"
    file.parent.mkdir()
    subprocess.run(["dpkg-deb", "--build", tree, file], check=True, capture_output=True)
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    (file.parent / "Packages").write_text(f"{control}Filename: ./{file.name}\nSize: {len(data)}\nSHA256: {digest}\n")
    for folder in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/sources.list.d"):
        (root / folder).mkdir(parents=True)
    (root / "etc" / "sources.list").write_text(f"deb [trusted=yes] file:{file.parent} ./\n")
    (root / "status").write_text("")
    (tmp_path / "apt.conf").write_text(
        f'Dir::State "{root}/state"; Dir::State::status "{root}/status"; Dir::Cache "{root}/cache";\n'
        f'Dir::Etc "{root}/etc"; APT::Sandbox::User "root"; Acquire::Languages "none";\n'
    )
    return pinned(DEB.name, DEB.version, DEB.file, data)


@has_apt
def test_apt_fetches_a_package_with_an_epoch_out_of_a_repository(tmp_path: Path, debian: Package) -> None:
    with pytest.raises(StepError, match="apt-get update brings them"):
        fetch(debian, tmp_path / "packages")
    subprocess.run(["apt-get", "update", "--quiet=2"], check=True, capture_output=True)
    path = fetch(debian, tmp_path / "packages")
    assert _left(tmp_path / "packages") == [DEB.file]
    assert open_package(path).read("a.txt") == b"hello\n"
    other = debian.model_copy(update={"version": "2.0", "file": "pack_2.0_all.deb"})
    with pytest.raises(StepError, match=r"has no pack 2\.0 as a \.deb file"):
        fetch(other, tmp_path / "packages")
    assert _left(tmp_path / "packages") == [DEB.file]
