"""The text of a value is the value, and equal texts mean equal in every way that can be printed."""

import ast
import math
import os
import subprocess
import sys
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.synthesis.verification import literal as module
from assay.corpus.synthesis.verification.literal import literal

keys = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    keys,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | st.sets(keys)
        | st.dictionaries(keys | st.tuples(keys, keys), inner)
    ),
)


@settings(max_examples=40)
@given(values)
def test_a_text_is_the_value(value: object) -> None:
    text = literal(value)
    read = ast.literal_eval(text)
    assert read == value
    assert type(read) is type(value)
    assert literal(read) == text


@pytest.mark.parametrize(
    "value",
    [
        math.nan, math.inf, [1, -math.inf], object(), Counter("a"), defaultdict(int), b"a", 1j, frozenset([1]),
        Fraction(1), range(3), iter([]), {1: {2: object()}}, print,
    ],
)  # fmt: skip
def test_what_is_no_literal_has_no_text(value: object) -> None:
    with pytest.raises(ValueError, match="is no literal"):
        literal(value)


def test_what_contains_itself_has_no_text() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="is no literal"):
        literal(endless)


def test_what_is_equal_but_looks_different_has_different_texts() -> None:
    for one, other in ((1, True), (1, 1.0), ({1: 2, 3: 4}, {3: 4, 1: 2}), ([], ()), (0.0, -0.0)):
        assert one == other or not one
        assert literal(one) != literal(other)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_sets_have_one_text_under_every_hash_seed(seed: str) -> None:
    values = {"pear", "apple", "fig", ("a", 1), None}
    script = f"import runpy\nprint(runpy.run_path({module.__file__!r})['literal']({values!r}))"
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=Path(module.__file__).parents[4],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "{'apple', 'fig', 'pear', ('a', 1), None}"
    assert literal({10, 9}) == "{9, 10}"
