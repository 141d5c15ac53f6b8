"""Solutions are found whatever their names, layout and comments; other code is not taken for them."""

import ast
import json
import os
import sysconfig
import warnings
from pathlib import Path

import numpy as np
import pytest
from contamination_toys import toy_index
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.contamination.found import is_contaminated
from assay.corpus.contamination.index import Index
from assay.corpus.contamination.python_tokens import runs_of

MEDIAN = '''
def median_of(values):
    """The middle one."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[half]
    elif half == 0:
        raise ValueError("nothing to take the middle of")
    return (ordered[half - 1] + ordered[half]) / 2.0
'''
DISGUISED = """
import math, re  # imports do not matter
from typing import (
    Any,
    List,
)
def m(xs: List[float], *, strict: dict[str, int] = {"a": 1}) -> "float":
        # nor do comments, hints, quotation marks, or where lines end
        s: list[float] = sorted(xs); h = len(s)//2
        if (len(s) % 2) == 1: return s[h]
        else:
            if (h == 0):
                raise ValueError('an' f"other text")
        return ((s[h-1]
                 + s[h])/2)
"""


def tokens_equal(first: str, second: str) -> bool:
    return bool(np.array_equal(runs_of([first])[1], runs_of([second])[1]))


class _Renamed(ast.NodeTransformer):
    """Every name that the programme itself gives, exchanged; hints taken out, docstrings exchanged or put in."""

    def __init__(self, tree: ast.Module) -> None:
        own: list[str] = []
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                own.append(node.id)
            elif isinstance(node, ast.arg):
                own.append(node.arg)
            elif isinstance(node, ast.FunctionDef):
                own.append(node.name)
        self.names = {name: f"zz_{number}" for number, name in enumerate(dict.fromkeys(own))}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg, node.annotation = self.names.get(node.arg, node.arg), None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.name, node.returns = self.names.get(node.name, node.name), None
        if ast.get_docstring(node) is not None:
            del node.body[0]
        node.body.insert(0, ast.Expr(ast.Constant("Words that were not here before.")))
        return node


def renamed(code: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escape sequences in published solutions
        tree = ast.parse(code)
    return ast.unparse(ast.fix_missing_locations(_Renamed(tree).visit(tree)))


def test_names_layout_comments_hints_and_docstrings_make_no_difference() -> None:
    assert tokens_equal(MEDIAN, DISGUISED)
    assert tokens_equal(MEDIAN, renamed(MEDIAN))


@pytest.mark.parametrize(
    ("this", "that"),
    [
        ("ordered[half - 1]", "ordered[half + 1]"),
        ("return ordered[half]\n", "return values[half]\n"),
        ("sorted(values)", "list(values)"),
        ("% 2 == 1", "% 3 == 1"),
        ("ordered = sorted(values)", "ordered = values.copy()"),
    ],
)
def test_another_programme_has_other_tokens(this: str, that: str) -> None:
    assert this in MEDIAN
    assert not tokens_equal(MEDIAN, MEDIAN.replace(this, that))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["def ", "'''", '"', "\\", "(", "]", "#", "\n", "é", "1e", ".", ":", "=", "elif ", "x"]))
)
def test_text_that_is_not_python_gives_tokens_and_no_fault(parts: list[str]) -> None:
    text = "".join(parts)
    assert runs_of([text])[1].tolist() == runs_of(["", text])[1].tolist()


@pytest.fixture(scope="module")
def solutions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, list[tuple[int, str]]]:
    """The index of all solutions of HumanEval and MBPP, and the number and the whole text of each."""
    folder = os.environ.get("ASSAY_TEST_DATA")
    if not folder:
        pytest.skip("ASSAY_TEST_DATA names no folder of test data")
    programmes, bodies = [], []
    for line in (Path(folder) / "benchmarks/humaneval/test.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        programmes.append(row["prompt"] + row["canonical_solution"])
        bodies.append(row["canonical_solution"])
    for line in (Path(folder) / "benchmarks/mbpp/test.jsonl").read_text(encoding="utf-8").splitlines():
        programmes.append(json.loads(line)["code"])
        bodies.append(programmes[-1])
    index = toy_index(tmp_path_factory.mktemp("solutions"), [[("solution", body)] for body in bodies])
    return index, list(enumerate(programmes))


def standard_library() -> list[str]:
    root = Path(sysconfig.get_path("stdlib"))
    return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(root.glob("*.py"))]


def test_solutions_are_found_after_renaming_and_reformatting_inside_larger_files(
    solutions: tuple[Index, list[tuple[int, str]]],
) -> None:
    index, programmes = solutions
    others = standard_library()[:20]
    files = [f"{others[number % 20]}\n\n{renamed(text)}\n\n{others[number % 7]}" for number, text in programmes]
    found = {
        (one.document, one.item) for one in index.match(files, ["Python"] * len(files)).found if is_contaminated(one)
    }
    indexed = int(index.benchmarks[0]["solutions_indexed"])
    hits = sum((number, f"test {number}") in found for number, _ in programmes)
    assert indexed == 415
    assert hits / indexed >= 0.99
    strangers = {pair for pair in found if pair[1] != f"test {pair[0]}"}
    assert len(strangers) <= 12  # of 664: programmes that several problems have in common


def test_the_standard_library_holds_no_solution(solutions: tuple[Index, list[tuple[int, str]]]) -> None:
    files = standard_library()
    matches = solutions[0].match(files, ["Python"] * len(files))
    assert not [one for one in matches.found if is_contaminated(one)]
    assert not len(matches.grams)


def test_solutions_are_found_in_the_fenced_python_of_notebooks_and_nowhere_else(tmp_path: Path) -> None:
    index = toy_index(tmp_path, [[("solution", MEDIAN)]])
    fenced = f'It\'s "said" that\n\n```python\nimport os\n```\n\nand\n\n```python\n{renamed(MEDIAN)}\n```\n\nis all.'
    documents = [fenced, fenced.replace("```python", "```sql"), MEDIAN, MEDIAN]
    languages = ["Jupyter Notebook", "Jupyter Notebook", "English", "Python"]
    found = index.match(documents, languages).found
    assert [(one.document, one.how, one.share) for one in found] == [(0, "code", 1.0), (3, "code", 1.0)]
    assert all(is_contaminated(one) for one in found)


def test_a_programme_of_fewer_than_eighteen_tokens_is_not_looked_for(tmp_path: Path) -> None:
    short = "def total(values):\n    count = 0\n    for value in values:\n        count += value\n    return count\n"
    index = toy_index(tmp_path, [[("solution", short)], [("solution", MEDIAN)]])
    about = index.benchmarks[0]
    assert (about["items"], about["too_short"], about["solutions_indexed"]) == (2, 1, 1)
    assert index.match([short], ["Python"]).found == []
