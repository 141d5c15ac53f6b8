"""No step's code changes without its version, unless its output is what it was; and the guard of that holds."""

import copy
import hashlib
import json
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.corpus.contamination.benchmarks import BENCHMARKS
from assay.corpus.contamination.build import build_index
from assay.corpus.versions import INTERVENTIONS, READERS
from assay.run.step import FUNCTIONS
from known_benchmarks import write_packages
from record_steps import (
    ANY,
    COMMAND,
    COMPUTING,
    ROOT,
    UNGUARDED,
    VERSIONS,
    Golden,
    code_of,
    judge,
    make_golden,
    read_record,
    stale,
)

Edit = Callable[[str, str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    record = read_record()
    assert record is not None, f"run `{COMMAND}`"
    return record


@pytest.fixture(scope="module")
def golden() -> Golden:
    return make_golden()


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return code_of(ROOT / "src")


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Code and versions of a copy of the package in which a text is replaced."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))

    def edit(file: str, old: str, new: str) -> dict[str, Any]:
        path = tmp_path / "src" / "assay" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        return code_of(tmp_path / "src")

    return edit


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {kind for kind in one if one[kind] != other[kind]}


def test_no_steps_code_changed_since_it_was_recorded_with_its_version(
    recorded: dict[str, Any], now: dict[str, Any]
) -> None:
    assert stale(recorded, now) == []


@pytest.mark.parametrize("kind", VERSIONS)
def test_every_kind_of_artifact_comes_out_as_recorded(recorded: dict[str, Any], golden: Golden, kind: str) -> None:
    known = recorded["kinds"][kind]["golden"]
    if ANY not in known and golden.label not in known:
        pytest.skip(f"recorded under {', '.join(known)}; this is {golden.label}")
    assert golden.made[kind] == known[ANY if ANY in known else golden.label], f"run `{COMMAND}`"


def test_every_kind_of_step_is_guarded_or_said_not_to_be(golden: Golden) -> None:
    assert {*VERSIONS, *UNGUARDED} == set(FUNCTIONS)
    assert set(golden.made) == set(VERSIONS)


def test_the_golden_study_uses_every_reader_and_generator(golden: Golden) -> None:
    corpus = (ROOT / "tests" / "golden_study.py").read_text()
    assert all(f"reader: {reader}," in corpus for reader in READERS)
    built = {"build math", "build instruct", "build best", *(f"build {name}" for name in INTERVENTIONS)}
    assert built <= set(golden.made["ingredient"])


def test_the_index_of_the_golden_study_is_made_from_every_benchmark(tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()

    def words(key: str) -> str:
        return " ".join(textwrap.wrap(hashlib.sha256(key.encode()).hexdigest(), 4))

    build_index(write_packages(tmp_path / "packages", words), index)
    about = json.loads((index / "about.json").read_text())["benchmarks"]
    assert [one["benchmark"] for one in about] == [one.name for one in BENCHMARKS]
    assert all(0 < one["indexed"] <= one["items"] for one in about)


def test_a_step_is_made_of_the_code_it_reaches_and_not_of_the_whole_package(now: dict[str, Any]) -> None:
    trained = set(now["state"]["code"])
    assert {"assay.model.attention", "assay.tokens.mixture", "assay.tokens.stream", "assay.train.optimizer"} <= trained
    assert {"assay.model.decoder", "assay.evaluate.scorer"} <= set(now["scores"]["code"]), "imported inside a function"
    assert "assay.corpus.cleaning" in now["documents"]["code"]
    readers = {entry.function.split(":")[0] for entry in READERS.values()}
    assert readers <= set(now["documents"]["code"]), "named in a table"
    assert {"assay.corpus.score", "assay.corpus.interventions.placebo"} <= set(now["ingredient"]["code"])
    assert not readers & set(now["marks"]["code"])
    judging = set(now["exam"]["code"])
    assert {"assay.judge.exam", "assay.judge.likelihood", "assay.judge.local_judge", "assay.endpoint.chat"} <= judging
    for kind in now:
        parts = {module.split(".")[1] for module in now[kind]["code"]}
        assert not parts & {"cli", "report", "analyze", "api"}, kind
    assert not any(module.startswith("assay.corpus.") for module in trained)


@pytest.mark.parametrize(
    ("file", "old", "new", "kinds"),
    [
        ("tokens/mixture.py", "scale = 2 * len(parts) - 2", "scale = 2 * len(parts) - 1", {"state"}),
        ("model/rotary.py", "base ** (-places", "base ** (-2 * places", set(COMPUTING)),
        ("model/native/softmax.cpp", "for (", "for  (", set(COMPUTING)),
        ("corpus/cleaning.py", "SHORTEST = 64", "SHORTEST = 65", {"documents"}),
        ("corpus/prose.py", '.replace("@!END@", "")', "", {"documents"}),
        ("corpus/stackexchange.py", "LEAST_SCORE = 1", "LEAST_SCORE = 2", {"documents"}),
        ("corpus/secrets.py", "_LONGEST_KEY = 20_000", "_LONGEST_KEY = 20_001", {"documents"}),
        ("corpus/near.py", "ROWS = 8", "ROWS = 9", {"marks", "ingredient"}),
        ("corpus/contamination/build.py", "MOST_ITEMS = 5", "MOST_ITEMS = 6", {"benchmarks"}),
        ("corpus/interventions/words.txt", "river", "revir", {"ingredient"}),
        ("tokens/tokenizer.py", r"\p{N}{1,3}", r"\p{N}{1,2}", {"tokenizer"}),
        ("evaluate/heldout.py", "SHORTEST = 200", "SHORTEST = 100", {"requests"}),
    ],
)
def test_a_changed_constant_is_caught_and_its_module_named(
    now: dict[str, Any], edited: Edit, file: str, old: str, new: str, kinds: set[str]
) -> None:
    found = edited(file, old, new)
    assert differing(found, now) == kinds
    told = stale({"kinds": now}, found)
    assert len(told) == len(kinds)
    named = file.removesuffix(".py").replace("words.txt", "placebo")
    module = f"assay.{named.replace('/', '.')}"
    assert all(f"changed, in {module}, and its version did not: run `{COMMAND}`" in one for one in told)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tokens/mixture.py", '"""Endlessly,', '"""For ever,'),
        ("tokens/mixture.py", "  # in units of", "  # counted in units of"),
        ("tokens/mixture.py", "MILLION = 1_000_000", "MILLION = (\n    1000000\n)"),
        ("tokens/mixture.py", "def assign(mix: Mix)", "def assign(mix: tuple[tuple[str, int], ...])"),
        ("study/paths.py", "def path_of(", "def never_called() -> int:\n    return 1\n\n\ndef path_of("),
        ("report/numbers.py", "return NONE", "return MINUS"),
    ],
)
def test_comments_formatting_and_code_beside_a_step_are_not_its_code(
    now: dict[str, Any], edited: Edit, file: str, old: str, new: str
) -> None:
    assert differing(edited(file, old, new), now) == set()


def test_a_version_is_read_where_it_stands(edited: Edit, now: dict[str, Any]) -> None:
    version = now["tokens"]["versions"]["assay.run.corpus_graph:TOKENS_VERSION"][0]
    found = edited("run/corpus_graph.py", f"TOKENS_VERSION = {version}", f"TOKENS_VERSION = {version + 1}")
    assert differing(found, now) == {"tokens"}
    assert stale({"kinds": now}, found) == [f"the version of 'tokens' was raised: run `{COMMAND}`"]


CODE: dict[str, Any] = {
    "tokens": {"versions": {"v": [1]}, "code": {"m": "old"}},
    "state": {"versions": {"v": [1]}, "code": {"n": "old"}},
}
MADE = Golden("study", "here", {"tokens": {"t": "1"}, "state": {"s": "1"}})


def with_code(kind: str, version: int = 1) -> dict[str, Any]:
    changed = copy.deepcopy(CODE)
    changed[kind]["code"] = {"m" if kind == "tokens" else "n": "new"}
    changed[kind]["versions"] = {"v": [version]}
    return changed


def test_changed_code_is_recorded_where_its_output_is_what_it_was() -> None:
    record, _ = judge(None, CODE, MADE)
    again, refused = judge(record, with_code("state"), MADE)
    assert refused == []
    assert again["kinds"]["state"] == {**with_code("state")["state"], "golden": {"here": {"s": "1"}}}


def test_changed_code_with_another_output_is_refused_until_the_version_is_raised() -> None:
    record, _ = judge(None, CODE, MADE)
    other = Golden("study", "here", {**MADE.made, "state": {"s": "2"}})
    _, refused = judge(record, with_code("state"), other)
    assert refused == [
        "'state' changed in n, and its output with it (s): raise TRAIN_VERSION in assay.run.graph or KERNELS_VERSION "
        "in assay.run.identity, or undo the change"
    ]
    again, refused = judge(record, with_code("state", version=2), other)
    assert refused == []
    assert again["kinds"]["state"]["golden"] == {"here": {"s": "2"}}


def test_under_numerics_without_a_record_changed_code_cannot_be_judged_and_unchanged_code_is_recorded() -> None:
    record, _ = judge(None, CODE, MADE)
    there = Golden("study", "there", {**MADE.made, "state": {"s": "7"}})
    _, (why,) = judge(record, with_code("state"), there)
    assert "nothing was recorded under these numerics (there)" in why
    assert "run this where it was recorded (here)" in why
    again, refused = judge(record, CODE, there)
    assert refused == []
    assert again["kinds"]["state"]["golden"] == {"here": {"s": "1"}, "there": {"s": "7"}}


def test_another_output_of_the_same_code_is_refused_unless_what_it_is_made_from_was_raised() -> None:
    record, _ = judge(None, CODE, MADE)
    both = Golden("study", "here", {"tokens": {"t": "2"}, "state": {"s": "2"}})
    _, refused = judge(record, CODE, both)
    assert len(refused) == 1, "what follows from it is not blamed"
    assert "'tokens' came out different (t) though its code did not change (a library did?)" in refused[0]
    again, refused = judge(record, with_code("tokens", version=2), both)
    assert refused == []
    assert again["kinds"]["state"]["golden"] == {"here": {"s": "2"}}


def test_two_changes_at_once_one_made_from_the_other_cannot_be_told_apart() -> None:
    record, _ = judge(None, CODE, MADE)
    both = with_code("tokens", version=2)
    both["state"]["code"] = {"n": "new"}
    _, (why,) = judge(record, both, Golden("study", "here", {"tokens": {"t": "2"}, "state": {"s": "2"}}))
    assert "'state' changed in n, and so did what it is made from" in why


def test_the_record_is_small_and_readable(recorded: dict[str, Any]) -> None:
    assert len(json.dumps(recorded)) < 44_000
