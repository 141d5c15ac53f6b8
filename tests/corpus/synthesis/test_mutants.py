"""Mutants differ from what they were made of in one place, are programs, and come in an order that the seed decides."""

import ast

import pytest
from hand_made import SOLUTION
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus.synthesis.verification.mutants import sites


def sources(source: str, seed: int = 0) -> list[str]:
    tree = ast.parse(source)
    return [site.source(tree) for site in sites(tree, seed) if site.compiled(tree)]


def body(text: str) -> set[str]:
    """All first changes of a body over many seeds, as bodies."""
    found = set()
    for seed in range(40):
        for mutant in sources(f"def f(a, b):\n    {text}\n", seed):
            function = ast.parse(mutant).body[0]
            assert isinstance(function, ast.FunctionDef)
            found.add("; ".join(map(ast.unparse, function.body)))
    return found


@pytest.mark.parametrize(
    ("text", "mutants"),
    [
        ("return a < b", {"return a <= b", "return a > b"}),
        ("return a == b", {"return a != b"}),
        ("return a + b", {"return a - b"}),
        ("return a // b", {"return a * b"}),
        ("return a and b", {"return a or b"}),
        ("return 3", {"return 4", "return 2"}),
        ("return True", {"return False"}),
        ("return 'ab'", {"return 'a'"}),
        ("return ''", {"return ' '"}),
        ("return pow(a, b)", {"return pow(b, a)"}),
        ("return pow(a, a)", set()),
        ("return a.lower()", {"return a"}),
        ("return set(a)", {"return a"}),
        ("return sorted(a, reverse=b)", {"return sorted(a)"}),
        ("return max(a)", {"return min(a)", "return a"}),
        ("return range(a)", {"return range(a + 1)", "return range(a - 1)"}),
        ("return range(b, a)", {"return range(b, a + 1)", "return range(b, a - 1)"}),
        ("return a[b:]", {"return a[b + 1:]"}),
        ("return [x for x in a if x]", {"return [x for x in a if not x]", "return [x for x in a]"}),
        ("return a if b else a", {"return a if not b else a"}),
        ("a.append(b); return a", {"pass; return a"}),
        (
            "a.insert(b, 3); return a",
            {"a.insert(3, b); return a", "a.insert(b, 4); return a", "a.insert(b, 2); return a"} | {"pass; return a"},
        ),
        ("return 'x' if a == b else b", {"return 'x' if a != b else b", "return '' if a == b else b"}),
        ("a += b; return a", {"a -= b; return a", "pass; return a"}),
        (
            "if a: b += a\n    return b",
            {"if a:\n    b -= a; return b", "if a:\n    pass; return b", "if not a:\n    b += a; return b"},
        ),
        (
            "if a: b = a\n    return b",
            {"if not a:\n    b = a; return b", "if a:\n    pass; return b"},
        ),
        ("while a: a = b", {"while not a:\n    a = b"}),
        ("x = a; return x", set()),
        ("return f'{a:>10}'", set()),
        ("'''Says 3 < 4.'''; return a", set()),
    ],
)
def test_each_kind_of_slip_is_made_and_no_other(text: str, mutants: set[str]) -> None:
    assert body(text) == mutants


def test_only_what_functions_do_is_changed() -> None:
    source = (
        "LIMIT = 3 + 4\n\n\n@cache(3)\ndef f(a: 'int' = 3) -> 'int':\n    x: 'int' = a\n    return x\n\n\n"
        "class A:\n    size = 3\n\n    def g(self):\n        return 5\n"
    )
    assert [mutant.splitlines()[-1].strip() for mutant in sources(source)] in (["return 6"], ["return 4"])


@given(st.integers(0, 2**64))
def test_all_differ_are_drawn_once_a_place_and_leave_the_tree_alone(seed: int) -> None:
    tree = ast.parse(SOLUTION)
    before = ast.dump(tree, include_attributes=True)
    found = sites(tree, seed)
    texts = [site.source(tree) for site in found]
    assert ast.dump(tree, include_attributes=True) == before
    assert ast.unparse(tree) not in texts
    assert len(set(texts)) == len(texts)
    places = [(id(site.holder), site.place) for site in found]
    assert len(set(places)) == len(places)
    again = ast.parse(SOLUTION)
    assert [site.source(again) for site in sites(again, seed)] == texts


def test_another_seed_draws_others() -> None:
    assert len({sources(SOLUTION, seed)[0] for seed in range(40)}) >= 5
