"""Which given problems are one problem: programs of the same shape, or the same words.

A program's shape is its syntax tree without names, annotations, docstrings and literal strings. Problems linked by
others are one group, so that none of a group can stand on the other side of a held-out division. Two tasks in other
words with programs of another shape are two groups, though both may ask for the same; near-duplicate search over the
trees (MinHash, runs of five nodes) would join programs of other problems that merely are both short.
"""

import ast
from collections.abc import Sequence


def groups(programs: Sequence[str], tasks: Sequence[str]) -> list[int]:
    """The first of each problem's group.

    Args:
        programs: Sources that parse.
        tasks: What each solves, in words.

    Returns:
        For each problem the index of the first in its group, its own where there is none before it.
    """
    first = list(range(len(programs)))
    met: dict[str, int] = {}
    for index, (program, task) in enumerate(zip(programs, tasks, strict=True)):
        for key in (f"shape {shape(program)}", f"words {' '.join(task.casefold().split())}"):
            one, another = _root(first, index), _root(first, met.setdefault(key, index))
            first[max(one, another)] = min(one, another)
    return [_root(first, index) for index in range(len(programs))]


def shape(program: str) -> str:
    """A program's syntax tree, as `ast.dump` writes it, without names, annotations, docstrings and literal strings."""
    tree = ast.parse(program)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = "_"
        elif isinstance(node, ast.arg):
            node.arg, node.annotation = "_", None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.name = "_"
            node.body = node.body[ast.get_docstring(node) is not None :]
            if not isinstance(node, ast.ClassDef):
                node.returns = None
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree, annotate_fields=False)


def _root(first: Sequence[int], index: int) -> int:
    while first[index] != index:
        index = first[index]
    return index
