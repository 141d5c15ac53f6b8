"""Reading a problem out of a reply: leniently in how it is dressed, strictly in what has to be there.

Models put prose around, forget fences, number their headings, call the generator otherwise, add a main program. What
can be set right without guessing is; the rest is said to the model in words that it can act on. Source is only parsed
here, never run.
"""

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Literal

from assay.corpus.synthesis.record import Property

LONGEST = 60_000
"""Characters of a reply that are looked at."""
_NAMES = {
    "problem": "problem",
    "problem statement": "problem",
    "statement": "problem",
    "task": "problem",
    "solution": "solution",
    "code": "solution",
    "tests": "tests",
    "test": "tests",
    "test cases": "tests",
    "inputs": "inputs",
    "input": "inputs",
    "input generator": "inputs",
    "properties": "properties",
    "property": "properties",
}
_HEADING = re.compile(
    r"\s*(?P<mark>#{1,6}\s*|\*\*)?(?:\d+[.)]\s*)?(?:\*\*)?"
    r"(?P<name>[A-Za-z ]{4,20}?)\s*(?P<end>\*\*:|:\*\*|\*\*|:)?\s*#*\s*"
)
_FENCE = re.compile(r"\s*(```|~~~)")
_BULLET = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s+")
_KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


class Unreadable(Exception):
    """A reply that holds no problem: what is missing, and where it stops being Python."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A problem as a reply told it; the fields are those of a `Candidate`."""

    statement: str
    entry: str
    signature: str
    solution: str
    inputs: str
    properties: tuple[Property, ...]
    tests: tuple[str, ...]
    parameters: int


def read_reply(text: str) -> Draft:
    """Read a problem.

    Raises:
        Unreadable: A section is missing, or its code cannot be parsed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _read(text[:LONGEST])
        except (RecursionError, MemoryError) as error:
            raise Unreadable("the code is nested too deeply") from error


def shape(solution: str) -> str:
    """What two solutions share that differ in comments, layout and docstrings only."""
    tree = ast.parse(solution)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node, False):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _read(text: str) -> Draft:
    sections = _sections(text)
    if "solution" not in sections:
        raise Unreadable("there is no section Solution")
    solution, tests, inputs = (_code(sections.get(name, "")) for name in ("solution", "tests", "inputs"))
    tree = _parsed(solution, "Solution")
    asserts = [*_asserts(_parsed(_from_doctests(tests), "Tests")), *_asserts(tree)]
    generator, solution = _generator(inputs, solution, tree)
    solution = _tidy(solution)
    functions = {node.name: node for node in ast.parse(solution).body if isinstance(node, ast.FunctionDef)}
    if not functions:
        raise Unreadable("there is no function in the section Solution")
    entry = _entry(list(functions), asserts)
    node = functions[entry]
    asserts = [one for one in asserts if entry in _called(one)]
    if not asserts:
        raise Unreadable(f"there is no assert in the section Tests that calls {entry}")
    statement = _prose(sections.get("problem", "")) or (ast.get_docstring(node) or "").strip()
    if not statement:
        raise Unreadable("there is no section Problem")
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    arguments = node.args
    return Draft(
        statement=statement,
        entry=entry,
        signature=f"def {entry}({ast.unparse(arguments)}){returns}",
        solution=solution,
        inputs=generator,
        properties=tuple(_properties(sections.get("properties", ""), entry)),
        tests=tuple(dict.fromkeys(ast.unparse(one) for one in asserts)),
        parameters=len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]),
    )


def _sections(text: str) -> dict[str, str]:
    """Text by section, up to where a second problem begins. Within a fence only a plain ``### Name`` is a heading."""
    found: dict[str, list[str]] = {}
    name, fenced = "", False
    for line in _unwrapped(text.splitlines()):
        heading = _heading(line, fenced)
        if heading == "problem" and "solution" in found:
            break
        if heading and heading not in found:
            name, fenced = heading, False
            found[name] = []
            continue
        if _FENCE.match(line):
            fenced = not fenced
        if name:
            found[name].append(line)
    if "solution" not in found and "```" in text:
        before, _, rest = text.partition("```")
        found = {"problem": [before], "solution": ["```" + rest], **found}
    return {name: "\n".join(lines) for name, lines in found.items()}


def _unwrapped(lines: list[str]) -> list[str]:
    """Without a fence around the whole, which is told by a heading on its first line."""
    filled = [at for at, line in enumerate(lines) if line.strip()][:2]
    if len(filled) == 2 and _FENCE.match(lines[filled[0]]) and _heading(lines[filled[1]], False):
        return lines[filled[1] :]
    return lines


def _heading(line: str, fenced: bool) -> str:
    if fenced and not line.startswith("### "):
        return ""
    match = _HEADING.fullmatch(line)
    if not match or not (match["mark"] or match["end"]):
        return ""
    return _NAMES.get(" ".join(match["name"].lower().split()), "")


def _code(section: str) -> str:
    """What stands in the fences of a section, or all of it if there are none; a last fence may be left open."""
    blocks: list[list[str]] = []
    fenced = False
    for line in section.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
            if fenced:
                blocks.append([])
        elif fenced:
            blocks[-1].append(line)
    if blocks:
        return "\n".join("\n".join(block) for block in blocks).strip() + "\n"
    return _without_prose_after(section.strip() + "\n")


def _without_prose_after(code: str) -> str:
    for _ in range(4):
        try:
            ast.parse(code)
        except SyntaxError as error:
            kept = "\n".join(code.splitlines()[: (error.lineno or 1) - 1])
            if not kept.strip():
                return code
            code = kept + "\n"
        except ValueError:
            return code
        else:
            return code
    return code


def _prose(section: str) -> str:
    lines = "\n".join(line.rstrip() for line in section.splitlines() if not _FENCE.match(line))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def _parsed(code: str, section: str) -> ast.Module:
    try:
        return ast.parse(code)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise Unreadable(
            f"the section {section} is not Python", f"line {error.lineno}: {error.msg}: {line}"[:300]
        ) from error
    except ValueError as error:
        raise Unreadable(f"the section {section} is not Python", str(error)[:300]) from error


def _from_doctests(code: str) -> str:
    """``>>> f(1)`` with the line below it as an assertion."""
    return re.sub(r"^\s*>>> (.+)\n(?!\s*>>>)\s*(\S.*)$", r"assert (\1) == (\2)", code, flags=re.MULTILINE)


def _asserts(tree: ast.Module) -> list[ast.stmt]:
    """Assertions at the top, those of test functions that hold nothing else, and comparisons that were left bare."""
    found: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Assert):
            found.append(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Compare):
            found.append(ast.Assert(test=node.value))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith(("test", "check")):
            body = node.body[1:] if ast.get_docstring(node, False) else node.body
            if all(isinstance(one, ast.Assert) for one in body):
                found += body
    return found


def _called(node: ast.AST) -> list[str]:
    calls = (one for one in ast.walk(node) if isinstance(one, ast.Call))
    return [call.func.id for call in calls if isinstance(call.func, ast.Name)]


def _entry(functions: list[str], asserts: list[ast.stmt]) -> str:
    """The function that the tests call most, the last one defined if they call none."""
    called = [name for one in asserts for name in _called(one)]
    return max(reversed(functions), key=called.count)


def _generator(inputs: str, solution: str, tree: ast.Module) -> tuple[str, str]:
    """The source of ``make_inputs``, and the solution without it if it stood there."""
    if not inputs.strip():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == "make_inputs":
                lines = solution.splitlines()
                inside = lines[node.lineno - 1 : node.end_lineno]
                rest = lines[: node.lineno - 1] + lines[node.end_lineno :]
                return "\n".join(inside) + "\n", "\n".join(rest).strip() + "\n"
        raise Unreadable("there is no section Inputs with a function make_inputs(random)")
    body = _parsed(inputs, "Inputs").body
    functions = [node.name for node in body if isinstance(node, ast.FunctionDef)]
    if not functions:
        raise Unreadable("there is no function make_inputs(random) in the section Inputs")
    if "make_inputs" not in functions:
        inputs = re.sub(rf"\b{functions[-1]}\b", "make_inputs", inputs)
    if re.search(r"\bRandom\b", inputs) and not re.search(r"\bimport\b.*\bRandom\b|\brandom\.Random\b", inputs):
        inputs = f"from random import Random\n\n\n{inputs}"
    return inputs, solution


def _tidy(solution: str) -> str:
    """Imports, definitions and constants, without tests, a main program, or docstrings of more than a line."""
    lines: list[str | None] = list(solution.splitlines())
    tree = ast.parse(solution)
    wanted = [
        node for node in tree.body if isinstance(node, _KEPT) and not getattr(node, "name", "").startswith("test")
    ]
    kept = {at for node in wanted for at in _span(node)}
    for node in tree.body:
        for at in set(_span(node)) - kept:
            lines[at] = None
    for inner in (inner for node in wanted for inner in ast.walk(node)):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef) and (words := (ast.get_docstring(inner) or "").strip()):
            text, first = inner.body[0], words.splitlines()[0]
            if text.end_lineno != text.lineno and text.lineno > inner.lineno and len(inner.body) > 1:
                quoted = first.replace("\\", "\\\\").replace('"""', "'''").removesuffix('"')
                lines[text.lineno - 1] = f'{" " * text.col_offset}"""{quoted}"""'
                lines[text.lineno : text.end_lineno] = [None] * ((text.end_lineno or text.lineno) - text.lineno)
    left = [line.rstrip() for line in lines if line is not None]
    while left and (not left[-1] or left[-1].startswith("#")):
        left.pop()
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(left)).strip("\n") + "\n"


def _span(node: ast.stmt) -> range:
    """Its lines, from 0, decorators with them."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    return range(first - 1, node.end_lineno or node.lineno)


def _properties(section: str, entry: str) -> list[Property]:
    """Lines that say something and end in an expression; the others are passed over."""
    found: dict[str, Property] = {}
    for line in section.splitlines():
        words = _BULLET.sub("", line, count=1).strip()
        if not words or _FENCE.match(line):
            continue
        for about, check in _divided(words):
            sort = _sort(check, entry)
            if sort:
                said = about.strip(" \t|:`*-–—.,") or f"This holds: {check}"
                sentence = said[:1].upper() + said[1:] + "."
                found.setdefault(check, Property(sort=sort, about=sentence, check=check))
                break
    return list(found.values())


def _divided(words: str) -> list[tuple[str, str]]:
    """The ways in which a line may be a sentence and an expression, the likeliest first."""
    ways = []
    if " | " in words:
        ways.append(words.rsplit(" | ", 1))
    if quoted := re.search(r"^(.*?)`([^`]+)`[.\s]*$", words):
        ways.append([quoted[1], quoted[2]])
    if ": " in words:
        ways.append(words.split(": ", 1))
    if re.search(r"[=<>(\[]", words):
        ways.append(["", words])
    return [(about, re.sub(r"^assert\s+", "", check.strip(" `"))) for about, check in ways]


def _sort(check: str, entry: str) -> Literal["", "invariant", "metamorphic"]:
    """Which sort of property it is; empty if it is no expression that could be true or false."""
    try:
        tree = ast.parse(check, mode="eval")
    except (SyntaxError, ValueError):
        return ""
    if not isinstance(tree.body, ast.Compare | ast.Call | ast.BoolOp | ast.UnaryOp | ast.IfExp):
        return ""
    return "metamorphic" if entry in _called(tree) else "invariant"
