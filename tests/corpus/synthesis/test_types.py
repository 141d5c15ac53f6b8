"""Type errors are found one source at a time, though many are checked at once, as mypy finds them by itself."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.synthesis.verification import typecheck
from assay.corpus.synthesis.verification.typecheck import TypeChecker
from assay.errors import StepError

SOURCES = {
    "def f(a: list[int]) -> int:\n    return sum(a)\n": "",
    "def f(a: list[int]) -> str:\n    return sum(a)\n": "return-value",
    "def f(a: int) -> int:\n    return g(a)\n": "name-defined",
    "def f(a):\n    return len(3)\n": "",
    "def f(a: int) -> int:\n    b = []\n    return len(b) + a\n": "",
    "from collections import Counter\n\n\ndef f(a: str) -> dict[str, int]:\n    return dict(Counter(a))\n": "",
    "from math import nothing\n\n\ndef f(a: int) -> int:\n    return a\n": "attr-defined",
    "def f(a: int) -> int:\n    return a\n\n\ndef f(a: str) -> str:\n    return a\n": "no-redef",
    "def f(a: int) -> int:\n    if a:\n        return 1\n": "return",
    "def f(:": "syntax",
}


@pytest.fixture(scope="module")
def checker() -> Iterator[TypeChecker]:
    opened = TypeChecker()
    yield opened
    opened.close()


def test_each_source_has_its_own_errors(checker: TypeChecker) -> None:
    for (source, code), found in zip(SOURCES.items(), checker.first_errors(list(SOURCES)), strict=True):
        assert found.endswith(f"[{code}]") if code else not found, (source, found)


@pytest.fixture(scope="module")
def alone(checker: TypeChecker) -> dict[str, str]:
    return {source: checker.first_errors([source])[0] for source in SOURCES}


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(list(SOURCES)), max_size=12))
def test_what_is_found_does_not_depend_on_what_else_is_checked(
    checker: TypeChecker, alone: dict[str, str], sources: list[str]
) -> None:
    assert checker.first_errors(sources) == [alone[source] for source in sources]


def test_the_same_is_found_by_mypy_itself(checker: TypeChecker, tmp_path: Path) -> None:
    sources = [source for source in SOURCES if source != "def f(:"]
    for number, source in enumerate(sources):
        (tmp_path / f"m{number}.py").write_text(source)
    told = subprocess.run(
        [sys.executable, "-m", "mypy", "--disable-error-code", "var-annotated", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    for number, found in enumerate(checker.first_errors(sources)):
        assert (f"m{number}.py:" in told) == bool(found), told
        assert found in told


def test_a_checker_that_dies_is_started_again_and_the_fault_found(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import json, os, sys\n"
        "for line in sys.stdin:\n"
        "    sources = json.loads(line)\n"
        "    if 'die' in sources:\n        os._exit(1)\n"
        "    print(json.dumps(['' for _ in sources]), flush=True)\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typecheck, "_WORKER", worker)
        checker = TypeChecker()
        found = checker.first_errors(["a", "die", "b"])
        assert [bool(one) for one in found] == [False, True, False]
        assert found[1].endswith("[gave-up]")
        checker.close()


def test_without_mypy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StepError, match=r"assay\[synth\]"):
        TypeChecker()
