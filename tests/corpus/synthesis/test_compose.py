"""Problems composed from a seed: the same everywhere, as deep as wished, sayable, and true when they are run."""

import ast
import re
import subprocess
import sys
from random import Random

import pytest

from assay.corpus.synthesis.composed.compose import compose, draw
from assay.corpus.synthesis.composed.operation import Part
from assay.corpus.synthesis.composed.operations import OPERATIONS
from assay.corpus.synthesis.composed.program import Chosen, Node, Program
from assay.corpus.synthesis.composed.render import part_code
from assay.corpus.synthesis.composed.sample import Dial
from assay.corpus.synthesis.composed.theme import themes
from assay.corpus.synthesis.record import Record
from assay.corpus.synthesis.verification.prover import open_prover

COUNT = 300
SOME = [compose(3, number, Dial()) for number in range(COUNT)]


def test_a_problem_depends_on_its_seed_and_number_alone_not_on_hash_seeds_or_what_was_made_before() -> None:
    source = (
        "from assay.corpus.synthesis.composed.compose import compose\n"
        "from assay.corpus.synthesis.composed.sample import Dial\n"
        "print([compose(3, number, Dial()) for number in (40, 7, 299)])"
    )
    for seed in ("1", "77"):
        said = subprocess.run(
            [sys.executable, "-c", source], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        assert said.strip() == repr([SOME[number] for number in (40, 7, 299)])


def test_the_dial_sets_the_depth() -> None:
    for depth in (1, 2, 4, 6):
        assert {draw(5, number, Dial({depth: 1.0})).depth for number in range(20)} == {depth}


def test_solutions_are_python_with_the_announced_signature_and_lines_of_bearable_length() -> None:
    for one in SOME:
        for source in filter(None, (one.solution, one.alternative)):
            tree = ast.parse(source)
            last = tree.body[-1]
            assert isinstance(last, ast.FunctionDef) and last.name == one.entry
            assert one.signature == f"def {one.entry}({ast.unparse(last.args)}) -> {ast.unparse(last.returns or last)}"
            assert max(map(len, source.splitlines())) <= 110
        assert one.alternative != one.solution


def test_statements_name_every_input_and_leave_nothing_unfilled() -> None:
    for one in SOME:
        for argument in ast.parse(one.solution).body[-1].args.args:  # type: ignore[attr-defined]
            assert f"`{argument.arg}`" in one.statement, one.statement
        assert not re.search(r"\{[a-z_.]+\}", one.statement), one.statement
        assert "  " not in one.statement and "``" not in one.statement, one.statement
        assert one.statement[-1] in ".`", one.statement


def test_programs_differ_by_their_operations_and_not_by_names_literals_or_the_order_of_equals() -> None:
    by_name = {one.name: one for one in OPERATIONS}
    add = next(one for one in OPERATIONS if one.commutes and one.takes == ("counts", "counts"))
    theme = themes()[0]
    a, b = (theme.input("counts", Random(0), set()) for _ in range(2))
    keep = by_name["drop_small_groups"]
    assert Program((a, b), (Node(add, (0, 1)),)).canonical == Program((b, a), (Node(add, (1, 0)),)).canonical
    groups = theme.input("groups", Random(0), set())
    one, other = (Program((groups,), (Node(keep, (0,), {}, {"k": k}),)).canonical for k in (1, 3))
    assert one == other != Program((a, b), (Node(add, (0, 1)),)).canonical
    assert len({draw(9, number, Dial()).canonical for number in range(2000)}) > 1700


@pytest.mark.parametrize("of", ["at", "words[at]", "inner_at + at"])
def test_a_part_does_not_take_the_variables_of_what_it_is_applied_to_for_its_own(of: str) -> None:
    part = Part(name="p", role="test", of="word", forms=("any({v}[at] == {v}[at - 1] for at in range(1, len({v})))",))
    names = {node.id for node in ast.walk(ast.parse(of)) if isinstance(node, ast.Name)}
    call = ast.parse(part_code(Chosen(part), of, 0), mode="eval")
    bound = {node.id for node in ast.walk(call) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    assert bound and not bound & names


@pytest.mark.slow
def test_most_problems_are_proved_and_none_is_refused_because_its_two_implementations_differ() -> None:
    with open_prover() as prover:
        found = prover.prove(SOME, together=True)
    proved = [one for one in found if isinstance(one, Record)]
    assert len(proved) > COUNT / 2
    wrong = [one for one in found if not isinstance(one, Record) and one.stage in {"syntax", "types", "properties"}]
    assert not wrong, wrong[0]
    assert all(one.inputs_tried >= 50 and one.killed >= 2 for one in proved)


def test_no_property_has_a_second_pair_of_brackets_around_what_all_or_sum_is_given() -> None:
    checks = [one.check for problem in SOME for one in problem.properties]
    assert sum(" for " in check for check in checks) > 20
    for check in checks:
        for node in ast.walk(ast.parse(check, mode="eval")):
            if isinstance(node, ast.Call) and isinstance(node.args[0] if node.args else None, ast.GeneratorExp):
                assert node.end_col_offset == node.args[0].end_col_offset, check
