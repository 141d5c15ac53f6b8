"""A tiny study that ran once, for tests that only look at what it left."""

import os
import shutil
from collections.abc import Callable

import pytest

from tiny_study import TinyStudy


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
