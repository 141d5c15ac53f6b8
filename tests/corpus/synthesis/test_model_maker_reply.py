"""Reading problems out of replies as models write them, with real Python to judge what was read."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.synthesis.model.prompts import prompt
from assay.corpus.synthesis.model.reply import Unreadable, read_reply, shape

SOLUTION = '''def spread(values: list[int]) -> int:
    """Difference of the largest and the smallest value."""
    return max(values) - min(values) if values else 0
'''
TESTS = "assert spread([3, 1]) == 2\nassert spread([]) == 0\n"
INPUTS = "def make_inputs(random):\n    return ([random.randint(0, 9) for _ in range(random.randint(0, 5))],)\n"
PROPERTIES = "- It is never negative | result >= 0\n- Order does not matter | spread(values[::-1]) == result\n"
STATEMENT = "Write a function `spread(values)` that returns the difference of the largest and the smallest value."


def fenced(code: str) -> str:
    return f"```python\n{code}```"


PLAIN = (
    f"### Problem\n{STATEMENT}\n### Solution\n{fenced(SOLUTION)}\n### Tests\n{fenced(TESTS)}\n"
    f"### Inputs\n{fenced(INPUTS)}\n### Properties\n{PROPERTIES}"
)
NUMBERED = PLAIN.replace("### Problem", "**1. Problem:**").replace("### Tests", "## 3. Test cases")
CHATTY = f"Sure! Here is a problem.\n\n{PLAIN}\nI hope this helps. Let me know!\n"
UNFENCED = PLAIN.replace("```python\n", "").replace("```", "")
LEFT_OPEN = PLAIN.replace("```\n### Tests", "### Tests").replace("```\n### Inputs", "### Inputs")
WITH_MAIN = PLAIN.replace(
    SOLUTION, SOLUTION + '\n\n# Try it\nif __name__ == "__main__":\n    print(spread([1, 2]))\n\nprint(spread([]))\n'
)
LONG_DOCSTRING = PLAIN.replace(
    '"""Difference of the largest and the smallest value."""',
    '"""Difference of the largest and the smallest value.\n\n    Args:\n        values: Some.\n    """',
)
AS_TEST_FUNCTION = PLAIN.replace(
    TESTS, "def test_spread():\n    assert spread([3, 1]) == 2\n    assert spread([]) == 0\n"
)
AS_DOCTEST = PLAIN.replace(TESTS, ">>> spread([3, 1])\n2\n>>> spread([])\n0\n")
BARE = PLAIN.replace("assert ", "")
OTHER_NAME = PLAIN.replace("make_inputs", "generate_inputs")
TWICE = PLAIN + "\n" + PLAIN.replace("spread", "second")
TESTS_IN_SOLUTION = PLAIN.replace(fenced(TESTS), "See above.").replace(SOLUTION, SOLUTION + "\n" + TESTS)
TESTS_IN_SOLUTION = TESTS_IN_SOLUTION.replace("### Tests\nSee above.\n", "")
WRAPPED = f"```markdown\n{PLAIN}```\n"
DEEPER = PLAIN.replace("### ", "#### ")
ANNOTATED = PLAIN.replace("make_inputs(random)", "make_inputs(random: Random) -> tuple")


@pytest.mark.parametrize(
    "reply",
    [
        *(PLAIN, NUMBERED, CHATTY, UNFENCED, LEFT_OPEN, WITH_MAIN, LONG_DOCSTRING, AS_TEST_FUNCTION, AS_DOCTEST, BARE),
        *(OTHER_NAME, TWICE, TESTS_IN_SOLUTION, WRAPPED, DEEPER, ANNOTATED, PLAIN.replace("\n", "\r\n")),
    ],
)
def test_a_problem_is_the_same_however_its_reply_is_dressed(reply: str) -> None:
    draft = read_reply(reply)
    assert draft.statement == STATEMENT
    assert draft.entry == "spread"
    assert draft.signature == "def spread(values: list[int]) -> int"
    assert draft.solution == SOLUTION
    assert [ast.dump(ast.parse(test)) for test in draft.tests] == [
        ast.dump(ast.parse(test)) for test in TESTS.splitlines()
    ]
    assert draft.inputs.removeprefix("from random import Random\n\n\n").replace(": Random) -> tuple", ")") == INPUTS
    assert ("Random" in draft.inputs) == (reply == ANNOTATED)
    assert [(one.sort, one.about, one.check) for one in draft.properties] == [
        ("invariant", "It is never negative.", "result >= 0"),
        ("metamorphic", "Order does not matter.", "spread(values[::-1]) == result"),
    ]
    assert draft.parameters == 1


@pytest.mark.parametrize(
    ("line", "about", "check"),
    [
        ("* Never negative: `result >= 0`.", "Never negative.", "result >= 0"),
        ("2. never negative | `result >= 0`", "Never negative.", "result >= 0"),
        ("- `result >= 0`", "This holds: result >= 0.", "result >= 0"),
        ("assert result >= 0", "This holds: result >= 0.", "result >= 0"),
        ("- Either way | result >= 0 or values == []", "Either way.", "result >= 0 or values == []"),
    ],
)
def test_a_property_is_read_from_the_ways_in_which_it_is_written(line: str, about: str, check: str) -> None:
    (one,) = read_reply(PLAIN.replace(PROPERTIES, line + "\n")).properties
    assert (one.about, one.check) == (about, check)


@pytest.mark.parametrize("line", ["- The result is sorted", "- It is nice | very nice indeed", "- result", "", "None."])
def test_a_line_that_says_nothing_that_can_be_checked_is_no_property(line: str) -> None:
    assert read_reply(PLAIN.replace(PROPERTIES, line)).properties == ()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "there is no section Solution"),
        ("I cannot help with that.", "there is no section Solution"),
        (PLAIN.replace("return max", "return return max"), "the section Solution is not Python"),
        (PLAIN.replace(SOLUTION, "x = 1\n"), "there is no function in the section Solution"),
        (PLAIN.replace(TESTS, ""), "there is no assert in the section Tests that calls spread"),
        (PLAIN.replace(TESTS, "assert other(1)\n"), "there is no assert in the section Tests that calls spread"),
        (PLAIN.replace(INPUTS, ""), "there is no section Inputs with a function make_inputs(random)"),
        (PLAIN.replace(INPUTS, "n = 1\n"), "there is no function make_inputs(random) in the section Inputs"),
        (PLAIN[: PLAIN.index("### Inputs")], "there is no section Inputs with a function make_inputs(random)"),
        (PLAIN.replace("return max", "x = '\x00'; return max"), "the section Solution is not Python"),
        (PLAIN.replace("else 0", "else " + "(" * 3000), "the section Solution is not Python"),
    ],
)
def test_what_is_missing_is_said_so_that_the_model_can_mend_it(reply: str, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_reply(reply)
    assert caught.value.why == why


def test_a_helper_a_constant_and_an_import_stay_with_the_solution() -> None:
    solution = (
        f"import math\n\nLIMIT = 3\n\n\ndef capped(value: int) -> int:\n    return min(value, LIMIT)\n\n\n{SOLUTION}"
    )
    draft = read_reply(PLAIN.replace(SOLUTION, solution))
    assert (draft.solution, draft.entry) == (solution, "spread")


def test_the_example_that_the_model_is_shown_can_itself_be_read() -> None:
    text = prompt(0, 0).text
    example = text[text.index("Here is an example.") : text.index("Now write another problem.")]
    draft = read_reply(example)
    assert draft.entry == "busiest_day" and len(draft.tests) == 4 and len(draft.properties) == 3


def test_solutions_that_differ_in_comments_and_docstrings_have_one_shape() -> None:
    other = SOLUTION.replace('"""Difference of the largest and the smallest value."""', "# nothing")
    assert shape(SOLUTION) == shape(other) != shape(SOLUTION.replace("else 0", "else 1"))


PIECES = [
    *PLAIN.splitlines(keepends=True),
    "```\n",
    "### Tests\n",
    "def f(",
    "assert f(1) == 1\n",
    '"""',
    "\x00",
    "é\ud800",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=25).map("".join))
def test_whatever_a_reply_holds_it_is_read_or_refused(reply: str) -> None:
    try:
        draft = read_reply(reply)
    except Unreadable as refused:
        assert refused.why
        return
    assert draft.statement and draft.tests
    entry = [node for node in ast.parse(draft.solution).body if getattr(node, "name", "") == draft.entry]
    assert entry and ast.parse(draft.inputs)
