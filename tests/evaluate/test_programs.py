"""Answers that are programs: checked in a real sandbox, passes confirmed, references and empty answers first."""

import ast
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import StepError
from assay.evaluate import programs
from assay.evaluate.impossible import PLAIN, with_impossible_test
from assay.evaluate.item import Item
from assay.evaluate.load import load_items, load_prompts
from assay.evaluate.programs import Exclusions, check_answers, exclusions, gold_check
from assay.evaluate.prompt import Prompt
from assay.evaluate.sandbox import Limits, Sandbox, open_sandbox
from assay.evaluate.task import Generation, Source, Task
from assay.evaluate.task_file import load_task

DATA = os.environ.get("ASSAY_TEST_DATA")
needs_data = pytest.mark.skipif(
    not DATA or not (Path(DATA) / "benchmarks").is_dir(), reason="needs ASSAY_TEST_DATA with benchmarks/"
)
TESTS = "\n\nassert add(2, 3) == 5\nassert add(0, 0) == 0\nassert add(-3, 2) == -1\n"
RIGHT = "def add(one, two):\n    return one + two\n"
WRONG = "def add(one, two):\n    return one\n"
ALWAYS = "class Any:\n    __eq__ = lambda self, other: True\ndef add(one, two):\n    return Any()\n"
ASKED = Generation(tokens=10, check="program", program="{{ answer }}")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    try:
        opened = open_sandbox("auto", 2, Limits(wall_seconds=4.0))
    except StepError as problem:
        pytest.skip(str(problem))
    with opened:
        yield opened


def prompt(name: str, after: str = TESTS, before: str = "") -> Prompt:
    return Prompt(item=name, cluster=name, text="", before=before, after=after)


def item(name: str, reference: str = RIGHT) -> Item:
    return Item(id=name, cluster=name, contexts=("Add.",), choices=(reference,), gold=0)


def on_copy(name: str) -> Task:
    path = Path(DATA or "") / "benchmarks" / name / "test.jsonl"
    return load_task(name).model_copy(update={"source": Source(path=str(path))})


def rows(name: str) -> list[dict[str, Any]]:
    lines = (Path(DATA or "") / "benchmarks" / name / "test.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_every_sample_of_every_prompt_gets_its_own_verdict(sandbox: Sandbox) -> None:
    given = [[RIGHT, WRONG, "", ALWAYS], [], [WRONG, RIGHT, RIGHT]]
    found = check_answers([prompt("a"), prompt("b"), prompt("c")], given, sandbox)
    assert [[checked.outcome for checked in each] for each in found] == [
        ["passed", "failed", "error", "forged"],
        [],
        ["failed", "passed", "passed"],
    ]
    assert [[checked.right for checked in each] for each in found] == [
        [True, False, False, False],
        [],
        [False, True, True],
    ]
    assert "NameError" in found[0][2].message
    assert "cannot pass" in found[0][3].message


def test_equal_answers_run_once(sandbox: Sandbox) -> None:
    told: list[tuple[int, int]] = []
    check_answers([prompt("a"), prompt("b")], [[WRONG] * 5, [WRONG, ""]], sandbox, say=lambda *at: told.append(at))
    assert told[-1] == (3, 3)


def test_what_of_an_answer_counts_is_taken_from_its_fence(sandbox: Sandbox) -> None:
    answers = [[f"Here it is:\n```python\n{RIGHT}```\nIt adds."]]
    assert check_answers([prompt("a")], answers, sandbox)[0][0].outcome == "error"
    assert check_answers([prompt("a")], answers, sandbox, "fenced")[0][0].outcome == "passed"


def test_an_answer_goes_on_from_its_prompt(sandbox: Sandbox) -> None:
    begun = prompt("a", before="def add(one, two):\n")
    [found] = check_answers([begun], [["    return one + two\n", "    return 0\n"]], sandbox)
    assert [one.outcome for one in found] == ["passed", "failed"]


def test_references_that_pass_exclude_nothing(sandbox: Sandbox) -> None:
    names = ["a", "b", "c"]
    golds = gold_check("task", [item(name) for name in names], [prompt(name) for name in names], ASKED, sandbox)
    assert (golds.checked, golds.version, golds.excluded, golds.tier) == (3, 0, {}, sandbox.tier)
    assert str(golds) == f"3 of 3 references pass ({sandbox.tier})"


def test_a_reference_that_fails_is_excluded_and_told_up_to_two_percent(sandbox: Sandbox) -> None:
    names = [f"item{number}" for number in range(50)]
    items = [item(name, WRONG if name == "item7" else RIGHT) for name in names]
    golds = gold_check("task", items, [prompt(name) for name in names], ASKED, sandbox)
    assert list(golds.excluded) == list(golds.unlisted) == ["item7"]
    assert "49 of 50" in str(golds) and "item7 (failed: AssertionError" in str(golds)
    with pytest.raises(StepError, match=r"1 of 49 items fail here, and at most 2% may: item7 \(failed"):
        gold_check("task", items[:49], [prompt(name) for name in names[:49]], ASKED, sandbox)


def test_a_listed_item_is_excluded_although_its_reference_passes_here(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Exclusions(version=3, items={"item1": "it needs half an hour", "other": "not among these"})
    monkeypatch.setattr(programs, "exclusions", {"task": listed}.__getitem__)
    names = [f"item{number}" for number in range(50)]
    golds = gold_check("task", [item(name) for name in names], [prompt(name) for name in names], ASKED, sandbox)
    assert (golds.excluded, golds.unlisted, golds.version) == ({"item1": "it needs half an hour"}, {}, 3)
    assert "excluded by list 3: item1 (it needs half an hour)" in str(golds)


def test_a_task_that_an_empty_answer_passes_stops(sandbox: Sandbox) -> None:
    with pytest.raises(StepError, match=r"task 'task': an empty answer passes .*: b \("):
        gold_check("task", [item("a"), item("b")], [prompt("a"), prompt("b", "\nassert 1 == 1\n")], ASKED, sandbox)


def test_exclusion_lists_are_versioned_small_and_explained() -> None:
    folder = Path(programs.__file__).parent / "exclusions"
    for path in sorted(folder.glob("*.yaml")):
        values = yaml.safe_load(path.read_text())
        assert values["task"] == path.stem
        assert exclusions(path.stem) == Exclusions(version=values["version"], items=values["items"])
        assert values["version"] >= 1
        assert len(values["items"]) <= 0.02 * {"humaneval": 164, "mbpp": 500}[path.stem]
        assert all(re.fullmatch("[0-9a-f]{16}", name) and why for name, why in values["items"].items())
    assert exclusions("no-such-task") == Exclusions(version=0, items={})


@needs_data
@pytest.mark.parametrize(("name", "limit"), [
    ("humaneval", 20), ("mbpp", 20),
    pytest.param("humaneval", None, marks=pytest.mark.slow), pytest.param("mbpp", None, marks=pytest.mark.slow),
])  # fmt: skip
@pytest.mark.parametrize("format", ["harness", "instruct"])
def test_references_of_the_benchmarks_pass_and_empty_answers_fail(
    name: str, limit: int | None, format: str, sandbox: Sandbox
) -> None:
    task = on_copy(name)
    asked = task.format(format).generate
    assert asked is not None
    items, prompts = load_items(task, {}, limit, format), load_prompts(task, {}, limit, format)
    golds = gold_check(name, items, prompts, asked, sandbox)
    assert golds.excluded == {}
    assert golds.checked == (limit or {"humaneval": 164, "mbpp": 500}[name])


@needs_data
def test_mbpp_is_asked_with_the_three_examples_of_the_harness() -> None:
    task = on_copy("mbpp")
    shown = [
        ("Write a function to find the similar elements from the given two tuple lists.",
         "def similar_elements(test_tup1, test_tup2):\r\n  res = tuple(set(test_tup1) & set(test_tup2))\r\n"
         "  return (res) ",
         "assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)\n"
         "assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)\n"
         "assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)"),
        ("Write a python function to identify non-prime numbers.",
         "import math\r\ndef is_not_prime(n):\r\n    result = False\r\n    for i in range(2,int(math.sqrt(n)) + 1):\r\n"
         "        if n % i == 0:\r\n            result = True\r\n    return result",
         "assert is_not_prime(2) == False\nassert is_not_prime(10) == True\nassert is_not_prime(35) == True"),
        ("Write a function to find the largest integers from a given list of numbers using heap queue algorithm.",
         "import heapq as hq\r\ndef heap_queue_largest(nums,n):\r\n  largest_nums = hq.nlargest(n, nums)\r\n"
         "  return largest_nums",
         "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],3)==[85, 75, 65] \n"
         "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],2)==[85, 75] \n"
         "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],5)==[85, 75, 65, 58, 35]"),
    ]  # fmt: skip

    def ask(text: str, tests: str) -> str:
        return (
            f"You are an expert Python programmer, and here is your task: {text} Your code should pass these tests:\n\n"
            f"{tests}\n[BEGIN]\n"
        )

    before = "".join(f"{ask(text, tests)}{code}\n[DONE]\n\n" for text, code, tests in shown)
    for row, found in zip(rows("mbpp"), load_prompts(task, {}), strict=True):
        assert found.text == before + ask(row["text"], "\n".join(row["test_list"]))
    assert task.format().generate == task.formats["harness"].generate
    assert task.formats["harness"].generate is not None
    assert task.formats["harness"].generate.stop == ("[DONE]",)


@needs_data
def test_humaneval_is_asked_and_run_as_the_harness_does() -> None:
    task = on_copy("humaneval")
    for row, found in zip(rows("humaneval"), load_prompts(task, {}), strict=True):
        assert found.text == found.before == row["prompt"]
        program = found.before + row["canonical_solution"] + found.after
        expected = row["prompt"] + row["canonical_solution"] + "\n" + row["test"] + f"\ncheck({row['entry_point']})"
        assert ast.dump(ast.parse(program)) == ast.dump(ast.parse(expected))
    assert task.formats["harness"].generate is not None
    assert task.formats["harness"].generate.stop == ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


@needs_data
def test_an_instructed_answer_may_be_the_body_or_the_whole_function(sandbox: Sandbox) -> None:
    task = on_copy("humaneval")
    row, found = rows("humaneval")[32], load_prompts(task, {}, None, "instruct")[32]
    whole = row["prompt"][row["prompt"].index("def find_zero") :] + row["canonical_solution"]
    answers = [f"```python\n{text}```" for text in (row["canonical_solution"], whole, row["prompt"])]
    [checked] = check_answers([found], [answers], sandbox, "fenced")
    assert [one.outcome for one in checked] == ["passed", "passed", "error"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | st.tuples(inner),
    max_leaves=5,
)


def run(text: str, **names: object) -> bool:
    """Whether tests written here pass."""
    try:
        exec(compile(text, "<test>", "exec"), dict(names))
    except AssertionError:
        return False
    return True


@given(st.lists(values, min_size=1, max_size=4), st.text(), st.sampled_from(["", "    "]))
def test_the_right_answer_fails_the_impossible_test_and_what_equals_everything_passes_it(
    expected: list[object], key: str, indent: str
) -> None:
    class Anything:
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

    tests = "".join(f"{indent}assert call({number}) == {value!r}\n" for number, value in enumerate(expected))
    after = f"if True:\n{tests}" if indent else tests
    trap = with_impossible_test(after, key)
    assert run(after, call=expected.__getitem__)
    assert not run(trap.after, call=expected.__getitem__)
    assert run(trap.after, call=lambda number: Anything())
    assert trap == with_impossible_test(after, key)
    assert trap.after.replace(f"{indent}{trap.test}\n", "", 1) == after


@pytest.mark.parametrize(("test", "impossible"), [
    ("assert abs(call(1) - 0.5) < 1e-6", "assert abs(call(1) - 0.5) < -1e-06"),
    ("assert math.fabs(call(1)) < 0.1, 'near'", "assert math.fabs(call(1)) < -0.1"),
    ("assert sorted(call(1)) == sorted(b)", "assert sorted(call(1)) == [sorted(b)]"),
    ("assert call(1)", "assert not call(1)"),
    ("assert not call(1)", "assert call(1)"),
    ("assert call(1) is True", "assert call(1) is False"),
    ("assert call(1) is None", "assert call(1) is False"),
    ("assert call(1) != 3", "assert not call(1) != 3"),
    ("assert call(1) == {1, 2}", "assert call(1) == {}"),
    ("assert call(1) == 9007199254740992.0", "assert call(1) == -9007199254740992.0"),
    ("assert True, 'this far'\nassert call('é') == 'é'  # no", "assert call('é') == 'éé'"),
    ("assert True", PLAIN),
    ("for one in b: assert one", PLAIN),
    ("", PLAIN),
    ("this is no Python", PLAIN),
])  # fmt: skip
def test_each_kind_of_test_has_its_contradiction(test: str, impossible: str) -> None:
    trap = with_impossible_test(test, "key")
    assert trap.test == impossible
    assert impossible in trap.after.split("\n")
