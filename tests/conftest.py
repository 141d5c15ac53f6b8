"""What several folders' tests share: small real wheels, and a small real study."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pydoc_data.topics import topics

import pytest

from assay.corpus.source import Package
from s3_server import Server
from tiny_study import CORPUS, STUDY, TinyStudy, write_colours, write_wheel

BEGUN = time.monotonic()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--seconds``: what continuous integration has left for the slow tests."""
    parser.addoption("--seconds", type=float, help="begin no test after so many; a commit orders the files")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With too little time for all, every commit runs others."""
    if config.getoption("--seconds") is None:
        return
    here = Path(__file__).parent
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False).stdout
    items.sort(key=lambda item: hashlib.sha256(f"{commit}{item.path.relative_to(here)}".encode()).digest())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say what was not run, and go on to the end."""
    seconds = item.config.getoption("--seconds")
    if seconds is not None and time.monotonic() - BEGUN > seconds:
        pytest.skip("no time was left for it")


@pytest.fixture
def make_wheel(tmp_path: Path) -> Callable[..., tuple[Package, Path]]:
    """Write a wheel that pip accepts into ``index``; its pin and its path."""

    def make(
        name: str, files: Mapping[str, bytes | str], licence: str = "License-Expression: MIT"
    ) -> tuple[Package, Path]:
        path = tmp_path / "index" / f"{name}-1.0-py3-none-any.whl"
        return Package(name=name, version="1.0", file=path.name, **write_wheel(path, files, licence)), path

    return make


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], TinyStudy]:
    """Make a folder with a tiny study of its own; all share one store's data artifacts through the first."""
    index = tmp_path_factory.mktemp("index")
    pin = write_wheel(
        index / "prose-1.0-py3-none-any.whl", {f"prose/{name}.txt": text for name, text in topics.items()}
    )
    without_compiler = tmp_path_factory.mktemp("bin")

    def make() -> TinyStudy:
        folder = tmp_path_factory.mktemp("tiny")
        (folder / "study.yaml").write_text(STUDY)
        (folder / "corpus.yaml").write_text(CORPUS.format(**pin))
        write_colours(folder)
        kept = {name: value for name, value in os.environ.items() if name not in {"CXX", "ASSAY_STORE"}}
        environment = {
            **kept,
            "PATH": str(without_compiler),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(index),
            "PIP_CONFIG_FILE": os.devnull,
            "ASSAY_STORE": str(folder / "store"),
        }
        return TinyStudy(folder, environment)

    return make


@pytest.fixture(scope="session")
def ran(tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """A tiny study that ran into ``out``; nobody may change it."""
    study = tiny()
    done = study.assay("run", "study.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    return study


@pytest.fixture
def copied(ran: TinyStudy, tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """The same with links to its files, from which anything may be deleted."""
    study = tiny()
    shutil.copytree(ran.store, study.store, copy_function=os.link)
    shutil.copytree(ran.folder / "out", study.folder / "out")
    return study


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """An S3 server of this module's own on loopback, with its address in the environment."""
    one = Server()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in one.environment.items():
            patch.setenv(name, value)
        yield one
    one.end()
