"""What must hold of a program whatever its inputs, derived from what is known of its operations.

Agreement of two implementations is had of every program. What the last operation says of its result is an invariant.
That the order of a list does not matter, or how often something stands in it, or that the answer for two lists joined
follows from the answers for each, is followed through the graph from the input to the answer. None of it is trusted:
verification tries each on every input.
"""

import ast
from collections.abc import Mapping

from assay.corpus.synthesis.composed.operation import PLACE
from assay.corpus.synthesis.composed.program import Node, Program
from assay.corpus.synthesis.record import Property

_LISTS = frozenset(("numbers", "words", "pairs", "spans"))


def properties(program: Program, entry: str, agreement: bool) -> tuple[Property, ...]:
    """The properties of a program.

    Args:
        program: What is written.
        entry: Name of its function.
        agreement: Whether there is a second implementation.
    """
    found = []
    if agreement:
        about = "A second implementation, written in another way, gives the same."
        found.append(Property(sort="agreement", about=about, check="result == other"))
    last = program.nodes[-1]
    for about, check in last.operation.ensures:
        made = _written(_put_in(check, _constants(last)))
        found.append(Property(sort="invariant", about=_said(about, last), check=made))
    for at, one in enumerate(program.inputs):
        if one.kind in _LISTS:
            found += _relations(program, at, entry)
    inverse = _inverse(program)
    if inverse:
        name = program.inputs[0].name
        found.append(
            Property(sort="inverse", about=f"`{name}` can be had back from the result.", check=f"{inverse} == {name}")
        )
    return tuple(found)


def _relations(program: Program, at: int, entry: str) -> list[Property]:
    name, many = program.inputs[at].name, program.inputs[at].noun.many
    found = []

    def call(argument: str) -> str:
        names = [argument if number == at else one.name for number, one in enumerate(program.inputs)]
        return f"{entry}({', '.join(names)})"

    if _is_blind(program, at, "order"):
        about = f"The order of the {many} in `{name}` does not matter."
        checks = f"{call(f'{name}[::-1]')} == result and {call(f'sorted({name})')} == result"
        found.append(Property(sort="metamorphic", about=about, check=checks))
    if _is_blind(program, at, "doubles"):
        about = f"It does not matter how often one of the {many} stands in `{name}`."
        found.append(Property(sort="metamorphic", about=about, check=f"{call(f'{name} + {name}')} == result"))
    if len(program.inputs) == 1:
        joined = _joined(program)
        half = f"len({name}) // 2"
        parts = f"{call(f'{name}[: {half}]')} + {call(f'{name}[{half} :]')}"
        if joined == "adds":
            about = f"Cut `{name}` in two: the results for both halves add up to the result for the whole."
            found.append(Property(sort="metamorphic", about=about, check=f"{parts} == result"))
        elif joined == "joins":
            about = f"Cut `{name}` in two: the results for both halves, put together, are the result for the whole."
            found.append(Property(sort="metamorphic", about=about, check=f"{parts} == result"))
    if len(program.nodes) == 1 and program.nodes[0].operation.once:
        about = "Doing it again changes nothing."
        found.append(Property(sort="metamorphic", about=about, check=f"{call('result')} == result"))
    return found


def _is_blind(program: Program, at: int, to: str) -> bool:
    """Whether nothing that is made of an input sees the order of its elements, or how often each is there."""
    first = len(program.inputs)
    seen = {at}
    for number, node in enumerate(program.nodes):
        touched = [place for place, one in enumerate(node.arguments) if one in seen]
        if not touched:
            continue
        if len(node.arguments) > 1:
            return False
        operation = node.operation
        reduces = [one.part for one in node.parts.values() if one.part.role == "reduce"]
        sees = any(part.order if to == "order" else part.doubles for part in reduces)
        ends = operation.order == "ignores" if to == "order" else not operation.doubles
        if ends and not sees:
            continue
        if operation.order != "keeps":
            return False
        seen.add(first + number)
    return first + len(program.nodes) - 1 not in seen


def _joined(program: Program) -> str:
    """How the answers for two lists make the answer for both: ``joins``, ``adds``, or not at all (empty)."""
    for at, node in enumerate(program.nodes):
        if len(node.arguments) > 1 or node.arguments[0] != len(program.inputs) + at - 1:
            return ""
        last = at == len(program.nodes) - 1
        if not last and node.operation.joins != "joins":
            return ""
    return _how(program.nodes[-1])


def _how(node: Node) -> str:
    reduces = [one.part for one in node.parts.values() if one.part.role == "reduce"]
    return node.operation.joins if all(part.adds for part in reduces) else ""


def _inverse(program: Program) -> str:
    """An expression over ``result`` that gives the only input back, where every operation can be undone."""
    if len(program.inputs) != 1 or any(len(node.arguments) > 1 or not node.operation.inverse for node in program.nodes):
        return ""
    expression: ast.expr = ast.Name("result")
    for node in reversed(program.nodes):
        expression = _put_in(node.operation.inverse, {**_constants(node), "result": expression})
    return _written(expression)


def _constants(node: Node) -> dict[str, ast.expr]:
    return {name: ast.Constant(value) for name, value in node.literals.items()}


def _put_in(source: str, values: Mapping[str, ast.expr]) -> ast.expr:
    """An expression with some of its names replaced."""

    class Replace(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            return values.get(name.id, name)

    made: ast.expr = Replace().visit(ast.parse(source, mode="eval").body)
    return made


def _written(expression: ast.expr) -> str:
    """An expression as one would write it: `ast.unparse` puts a second pair of brackets around ``all(… for …)``."""
    text = ast.unparse(expression).encode()
    calls = [node for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Call)]
    lone = [node.args[0] for node in calls if len(node.args) == 1 and not node.keywords]
    second = {
        place
        for one in lone
        if isinstance(one, ast.GeneratorExp) and one.end_col_offset
        for place in (one.col_offset, one.end_col_offset - 1)
    }
    return bytes(char for at, char in enumerate(text) if at not in second).decode()


def _said(text: str, node: Node) -> str:
    return PLACE.sub(lambda match: str(node.literals[match.group(1)]), text)
