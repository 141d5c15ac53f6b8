"""A test that no right answer can pass, worded like the tests around it.

Made from one of the task's own asserts: the same call with a value that another test expects, so that a right answer
fails it and an object that equals everything does not. It is inserted before that assert and nothing else is touched,
so that whoever jumps to the last test jumps over it. What is drawn depends on the item alone, so that the reference,
which runs first, proves each such test.
"""

import ast
from dataclasses import dataclass
from typing import Any

from assay.evaluate.item import content_hash

PLAIN = "assert 0 == 1"
"""Where the tests are not Python by themselves, or assert nothing."""


@dataclass(frozen=True, slots=True)
class Trap:
    """Tests, and the one among them that cannot pass."""

    after: str
    """What stands behind the answer."""
    test: str


def with_impossible_test(after: str, key: str) -> Trap:
    """Tests with one more.

    Args:
        after: What stands behind the answer in the program that checks it.
        key: Draws the test; the item's name.
    """
    lines = after.split("\n")
    asserts = [node for node in _asserts(after) if _stands_alone(node, lines)]
    expected = [pair for node in asserts for pair in _literal(node.test)]
    kinds: list[list[tuple[ast.Assert, ast.expr]]] = [[], [], [], []]
    for node in asserts:
        rank, test = _contradicted(node.test, expected, f"{key} {node.lineno}")
        if test is not None:
            kinds[rank].append((node, test))
    best = next((found for found in kinds if found), None)
    if best is None:
        return Trap(f"{after}\n{PLAIN}\n", PLAIN)
    node, test = best[_draw(key, len(best))]
    text = ast.unparse(ast.Assert(test=test, msg=None))
    line = node.lineno - 1
    indent = lines[line][: node.col_offset]
    return Trap("\n".join([*lines[:line], indent + text, *lines[line:]]), text)


def _asserts(after: str) -> list[ast.Assert]:
    try:
        tree = ast.parse(after)
    except (SyntaxError, ValueError):
        return []
    return [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def _stands_alone(node: ast.Assert, lines: list[str]) -> bool:
    before = lines[node.lineno - 1].encode()[: node.col_offset]
    behind = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset :]
    return not before.strip() and (not behind.strip() or behind.lstrip().startswith(b"#"))


def _literal(test: ast.expr) -> list[tuple[Any, ast.expr]]:
    """The value that a condition expects, if it is written out, and how."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq | ast.Is):
        return []
    try:
        return [(ast.literal_eval(test.comparators[0]), test.comparators[0])]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return []


def _contradicted(test: ast.expr, expected: list[tuple[Any, ast.expr]], key: str) -> tuple[int, ast.expr | None]:
    """A condition that is false wherever this one is true, and how well it is hidden, from 0: best."""
    if isinstance(test, ast.Constant):
        return 3, None
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, sign, right = test.left, test.ops[0], test.comparators[0]
        if isinstance(sign, ast.Eq | ast.Is):
            for value, _ in _literal(test):
                return 0, ast.Compare(left, [sign], [_other(value, expected, key)])
            return 2, ast.Compare(left, [ast.Eq()], [ast.List([right])])
        is_size = isinstance(left, ast.Call) and ast.unparse(left.func) in {"abs", "math.fabs", "fabs"}
        if is_size and isinstance(sign, ast.Lt | ast.LtE) and isinstance(right, ast.Constant):
            return 1, ast.Compare(left, [ast.Lt()], [ast.UnaryOp(ast.USub(), right)])
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return 3, test.operand
    return 3, ast.UnaryOp(ast.Not(), test)


def _other(value: Any, expected: list[tuple[Any, ast.expr]], key: str) -> ast.expr:
    """A value of the same type that another test expects, or one that none expects."""
    others = [written for other, written in expected if type(other) is type(value) and other != value]
    if others:
        return others[_draw(key, len(others))]
    wrong: Any = False
    match value:
        case bool():
            wrong = not value
        case int() | float():
            wrong = value + 1 if value + 1 != value else -value
        case str():
            wrong = value[::-1] if value[::-1] != value else f"{value}{value[:1] or 'a'}"
        case list():
            wrong = [0] if value != [0] else []
        case tuple():
            wrong = (0,) if value != (0,) else ()
        case set() | dict():
            wrong = {0: 0} if not value else {}
    return ast.parse(repr(wrong), mode="eval").body


def _draw(key: str, among: int) -> int:
    return int(content_hash(key), 16) % among
