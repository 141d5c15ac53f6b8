"""Rows made of records by a function, where a template cannot: they hold several questions, or hide the answer.

``calls``: a programming problem with its tests (MBPP's columns, or HumanEval's) becomes one row for every test that
calls the function with literals and expects a literal, after CRUXEval (Gu et al. 2024, arXiv:2401.03065), whose own
problems are in no package: given the function and the call, what is the output? Nothing is run: the expected output is
the test's. ``turns``: a conversation about a passage (QuAC's columns) becomes one row for every question that the
passage answers, with what was said before it. ``boxed``: a solution in LaTeX (MATH's columns) gets the column
``answer``, what stands in its last box.
"""

import ast
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

Row = dict[str, Any]
UNANSWERED = "CANNOTANSWER"
"""What stands in QuAC for an answer that the passage does not give."""


def derive_rows(record: Row, how: Literal["calls", "turns", "boxed"]) -> Iterator[Row]:
    """The rows of one record.

    Raises:
        KeyError: A column that this way needs is missing.
        ValueError: The record is not of the form it needs.
    """
    yield from _WAYS[how](record)


def _calls(record: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of ``code`` (the reference solution), ``call``, ``output`` and ``problem``, doubles left out."""
    if "canonical_solution" in record:
        code = record["prompt"] + record["canonical_solution"]
        tests, name = record["test"], record["entry_point"]
    else:
        code, name = record["code"], None
        tests = "\n".join(record["test_list"])
    seen = set()
    for call, output in _asserted(tests, name):
        if call not in seen:
            seen.add(call)
            yield {"code": _plain(code), "call": call, "output": output, "problem": str(record["task_id"])}


def _asserted(tests: str, name: str | None) -> Iterator[tuple[str, str]]:
    """(call, output) of every ``assert f(literals) == literal``; HumanEval's tests call f ``candidate``."""
    try:
        tree = ast.parse(textwrap.dedent(tests))
    except SyntaxError as problem:
        raise ValueError(f"the tests are not Python: {problem.msg}") from None
    for node in ast.walk(tree):
        match node:
            case ast.Assert(
                test=ast.Compare(
                    left=ast.Call(func=ast.Name() as function, keywords=[]) as call,
                    ops=[ast.Eq()],
                    comparators=[output],
                )
            ) if all(map(_is_literal, [*call.args, output])):
                written = ast.Call(func=ast.Name(id=name or function.id), args=call.args, keywords=[])
                yield ast.unparse(written), ast.unparse(output)


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _plain(code: str) -> str:
    return "\n".join(line.rstrip() for line in code.splitlines()).strip()


def _turns(record: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of the record's columns with ``question``, ``answer``, ``answers`` and ``past``, pairs of those before."""
    questions = record["questions"]
    given = record["orig_answers"]["texts"]
    others = record["answers"]["texts"]
    if not len(questions) == len(given) == len(others):
        raise ValueError(f"{len(questions)} questions, {len(given)} answers and {len(others)} lists of answers")
    past: list[tuple[str, str]] = []
    for question, answer, accepted in zip(questions, given, others, strict=True):
        if answer != UNANSWERED:
            right = [answer, *(text for text in accepted if text != UNANSWERED)]
            yield {**record, "question": question, "answer": answer, "answers": right, "past": list(past)}
        past.append((question, answer))


def _boxed(record: Mapping[str, Any]) -> Iterator[Row]:
    yield {**record, "answer": last_boxed(record["solution"])}


def last_boxed(solution: str) -> str:
    r"""The content of a solution's last ``\boxed{…}``, or of ``\boxed …`` as far as the next dollar sign.

    Raises:
        ValueError: There is none, or it does not end.
    """
    _, spaced, rest = solution.rpartition(r"\boxed ")
    if spaced:
        return rest.partition("$")[0]
    _, found, rest = solution.rpartition(r"\boxed{")
    depth = 1
    for place, sign in enumerate(rest if found else ""):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth == 0:
            return rest[:place]
    raise ValueError(f"the solution has no box that ends: {solution[-60:]!r}")


_WAYS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Row]]] = {
    "calls": _calls,
    "turns": _turns,
    "boxed": _boxed,
}
