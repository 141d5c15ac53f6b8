"""A text as the docstring of a function that is there already: wrapped, quoted, put in its place.

The function's source stays as it was written, comments and line ends included; where that cannot be done line by line
(a body on the line of its ``def``), the module is written anew from its tree and loses its comments. Every result is
parsed and compared with what was given. Doctests are not run here.
"""

import ast
import copy
import re

from assay.errors import StepError

COLUMNS = 88
"""Columns that prose in Python files is wrapped at."""

_CHUNK = re.compile(r"""(?:`[^`\n]*`|"[^"\n]*"|'[^\w'\n]*'|\S)+""")
"""What is not divided between lines: a word, or something in quotation marks."""
_ITEM = re.compile(r"\s*(?:[-*+]|\(?\w{1,2}[.)])\s+")


def parse_solution(source: str, entry: str) -> tuple[ast.Module, ast.FunctionDef]:
    """The tree of a solution and the function ``entry`` in it.

    Raises:
        StepError: It is no Python, or defines no such function.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as fault:
        raise StepError(f"a solution is no Python: {fault}") from None
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry]
    if not functions:
        raise StepError(f"a solution that should define the function '{entry}' does not")
    return tree, functions[-1]


def with_docstring(source: str, entry: str, text: str) -> str:
    """A module in which the function ``entry`` has ``text`` as its docstring, in place of one that it has.

    Args:
        source: Python, lines ended by a line feed.
        entry: A function of the module.
        text: Without a margin; its lines are indented as the function's body is.

    Raises:
        StepError: As `parse_solution`; or no place for a docstring was found.
    """
    tree, function = parse_solution(source, entry)
    first = function.body[0]
    old = ast.get_docstring(function) is not None
    lines = source.rstrip("\n").split("\n")
    begin = min([first.lineno, *(one.lineno for one in getattr(first, "decorator_list", []))]) - 1
    end = (first.end_lineno or first.lineno) if old else begin
    while not old and lines[begin - 1].lstrip().startswith("#"):
        begin = end = begin - 1
    margin = lines[begin][: len(lines[begin]) - len(lines[begin].lstrip())]
    written = "\n".join([*lines[:begin], _literal(text, margin), *lines[end:]]) + "\n"
    if _is_same_but_docstring(written, tree, entry):
        return written
    again = ast.unparse(tree)
    if again == source.rstrip("\n"):
        raise StepError(f"the function '{entry}' cannot be given a docstring")
    return with_docstring(again, entry, text)


def wrapped(text: str, columns: int) -> str:
    """Prose with its long lines divided between words; line ends and the margins of lists stay.

    What stands in quotation marks or backticks is not divided, so that ``', '`` stays what it is.
    """
    lines = []
    for line in text.strip().splitlines():
        item = _ITEM.match(line)
        lead = line[: len(line) - len(line.lstrip())]
        hanging = " " * item.end() if item else lead
        current = ""
        for chunk in _CHUNK.findall(line):
            if current and len(current) + 1 + len(chunk) > columns:
                lines.append(current)
                current = hanging + chunk
            else:
                current = f"{current} {chunk}" if current else lead + chunk
        lines.append(current)
    return "\n".join(lines)


def _literal(text: str, margin: str) -> str:
    """Source of the docstring: raw where that spares doubled backslashes."""
    several = "\n" in text
    raw = several and "\\" in text and '"""' not in text
    last = ""
    if several:
        last = "\n"
    elif text.endswith('"'):
        text, last = text[:-1], '\\"'
    if not raw:
        text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = f'{"r" if raw else ""}"""{text}{last}"""'.split("\n")
    return "\n".join(margin + line if line else "" for line in lines)


def _is_same_but_docstring(written: str, tree: ast.Module, entry: str) -> bool:
    def plain(module: ast.Module) -> str:
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and node.name == entry and ast.get_docstring(node) is not None:
                node.body = node.body[1:]
        return ast.dump(module)

    try:
        return plain(ast.parse(written)) == plain(copy.deepcopy(tree))
    except (SyntaxError, ValueError):
        return False
