"""A given program loses what it never reaches and nothing else; its words and the type of its result are understood."""

import ast
from typing import Any

import pytest

from assay.corpus.synthesis.given_group import groups
from assay.corpus.synthesis.given_inputs import inputs_source
from assay.corpus.synthesis.given_result import properties
from assay.corpus.synthesis.given_source import global_names, reached, with_short_docstring
from assay.corpus.synthesis.given_words import statement, topics

PROGRAM = '''\
# import necessary packages
import math, random
from os import path

# all class and function definitions in the code file, if any
# Gravity where nobody lives.
GRAVITY = 3.7
TEXT = """

   # A text.
"""


class Ball:
    """A ball."""

    # How heavy it is.
    def __init__(self, mass):
        self.mass = mass

    def weight(self):
        # Kept: a reader's comment.
        return self.mass * GRAVITY

    def paint(self, colour):
        self.colour = colour


class Cube(Ball):
    def weight(self):
        return 2


def unused():
    return random.random()


# main function
def main_solution(mass):
    # all input arguments of the main_solution function should be json serializable (no self-defined objects)

    unused = math.floor(mass)
    return [Ball(unused).weight(), TEXT]
'''


def test_only_what_the_function_reaches_stays_with_its_comments() -> None:
    text = reached(PROGRAM, {"main_solution"})
    assert text == (
        'import math\n# Gravity where nobody lives.\nGRAVITY = 3.7\nTEXT = """\n\n   # A text.\n"""'
        '\n\n\nclass Ball:\n    """A ball."""\n\n    # How heavy it is.\n'
        "    def __init__(self, mass):\n        self.mass = mass\n\n"
        "    def weight(self):\n        # Kept: a reader's comment.\n        return self.mass * GRAVITY\n\n\n"
        "def main_solution(mass):\n    unused = math.floor(mass)\n    return [Ball(unused).weight(), TEXT]"
    )
    assert reached(text, {"main_solution"}) == text


@pytest.mark.parametrize("text", ["# main function\\n", " \\n", ":\\n\\n  a", "\\n\\n\\n\\n\\n"])
def test_strings_stay_as_they_are(text: str) -> None:
    program = f'# main function\ndef main_solution():\n    return """\n{text}"""\n'.replace("\\n", "\n")
    assert ast.dump(ast.parse(reached(program, {"main_solution"}))) == ast.dump(ast.parse(program))


@pytest.mark.parametrize(
    ("body", "stays"),
    [
        ("return globals()['far'](a)", "def far"),
        ("return getattr(Thing(), 'do_' + a)()", "def do_it"),
        ("return Thing().run(a)", "def run"),
        ("return Listed([a]).append(a)", "def append"),
        ("return TABLE[a]()", "def registered"),
        ("return Thing().size", "def size"),
        ("return Thing.__call__(a)", "def __call__"),
    ],
)
def test_what_may_be_reached_in_another_way_stays(body: str, stays: str) -> None:
    program = f"""\
TABLE = {{}}
def register(function):
    TABLE[function.__name__] = function
    return function
@register
def registered():
    return 1
def far(a):
    return a
class Thing:
    def do_it(self):
        return 1
    def run(self, a):
        return a
    @property
    def size(self):
        return 1
    def __call__(self):
        return 1
class Listed(list):
    def append(self, a):
        return a
def main_solution(a):
    {body}
"""
    assert stays in reached(program, {"main_solution"})


def test_programs_that_act_when_they_are_read_still_do() -> None:
    program = (
        "from decimal import *\nimport sys\nsys.setrecursionlimit(5000)\nfor one in range(3):\n    print(one)\n"
        "idle = 3\ndef main_solution(a):\n    return Decimal(a)\n"
    )
    kept = reached(program, {"main_solution"})
    assert "idle" not in kept
    assert ast.dump(ast.parse(kept)) == ast.dump(ast.parse(program.replace("idle = 3\n", "")))


def test_what_only_a_quoted_annotation_names_stays() -> None:
    program = "from typing import List, Set\ndef main_solution(a: 'List[int]') -> int:\n    return a[0]"
    assert reached(program, {"main_solution"}).startswith("from typing import List\n\n\ndef")


def test_a_long_docstring_becomes_its_first_sentence() -> None:
    program = 'def main_solution(a):\n    """Doubles. Twice.\n\n    Args:\n        a: What.\n    """\n    return 2 * a'
    assert with_short_docstring(program, "main_solution") == (
        'def main_solution(a):\n    """Doubles."""\n    return 2 * a'
    )
    quoted = 'def main_solution(a):\n    """\n    A "quoted" word\n    """\n    return a'
    assert with_short_docstring(quoted, "main_solution") == "def main_solution(a):\n    return a"
    bare = "def main_solution(a):\n    return a"
    assert with_short_docstring(bare, "main_solution") == bare


def test_names_of_the_module_are_told_from_local_ones() -> None:
    source = (
        "def make(rng: Random, size=LARGEST):\n    string = 1\n    return [string, helper(rng) for _ in range(size)]"
    )
    source = source.replace("[string, helper(rng) for", "[helper(string) for")
    assert global_names(source) == {"Random", "LARGEST", "helper", "range"}


def test_inputs_come_in_the_order_of_the_parameters_with_defaults_and_round() -> None:
    program = "import random\nSTEP = 7\nLOST = 8\ndef main_solution(first, second=STEP, third=None):\n    return first"
    generator = (
        "def generate_inputs(rng: Random):\n"
        "    return {'third': [random.random() / 3], 'first': (rng.uniform(100, 200), 'x', True, 123456789)}\n"
    )
    function = ast.parse(program).body[-1]
    assert isinstance(function, ast.FunctionDef)
    source = inputs_source(program, generator, function)
    assert "LOST" not in source
    made: dict[str, Any] = {}
    exec(source, made)
    Random = made["Random"]
    given = made["make_inputs"](Random(4))
    assert given == made["make_inputs"](Random(4))
    first, second, third = given
    assert second == 7
    assert first[1:] == ("x", True, 123456789)
    assert all(float(f"{one:.4g}") == one for one in (first[0], third[0]))


@pytest.mark.parametrize(
    ("announced", "fit", "unfit"),
    [
        ("int", [3, 0, -1], [True, 1.0, "1", None]),
        ("float", [3, 0.5], [True, "1"]),
        ("bool", [True], [1]),
        ("list of lists of floats", [[], [[]], [[1, 2.5]]], [[1], [["a"]], ([],)]),
        ("List[List[int]]", [[[1]]], [[1]]),
        ("int or None", [1, None], ["1", True]),
        ("list of int, float, or str", [[1], [1], 2.5, "a"], [[None], None]),
        ("Dict[str, int]", [{}, {"a": 1}], [{1: 1}, {"a": "b"}, []]),
        ("list[int] | None", [[1], None], [["a"]]),
        ("dictionary", [{}], [[]]),
        ("tuple of floats", [(1.0,)], [[1.0]]),
    ],
)
def test_the_announced_type_of_a_result_is_checked(announced: str, fit: list[object], unfit: list[object]) -> None:
    found = properties(f"Input:\n  `a` (int): What.\n\nOutput:\n  `return` ({announced}): The answer (if any).\n")
    kind = next(one for one in found if one.about == f"The result is of type {announced}.")
    assert [eval(kind.check, {"result": one}) for one in fit] == [True] * len(fit)
    assert [eval(kind.check, {"result": one}) for one in unfit] == [False] * len(unfit)


def test_of_a_type_that_is_not_understood_nothing_is_said() -> None:
    assert [one.sort for one in properties("Input:\n  `a`: x\n\nOutput:\n  `return` (Matrix): It.\n")] == ["contract"]
    assert [one.sort for one in properties("nothing of the sort")] == ["contract"]


def test_results_that_json_cannot_hold_break_the_contract() -> None:
    check = next(one.check for one in properties("") if one.about == "The result can be written as JSON.")
    assert eval(check, {"result": {"a": [1, (2.5, None)], 3: True}}) is True
    for one in ({1, 2}, {(1, 2): 3}, [b"a"], object()):
        assert eval(check, {"result": one}) is False


def test_keys_are_those_listed_on_the_first_level() -> None:
    announced = (
        "Output:\n  `return` (dict): It has:\n    - `total` (float): The sum.\n    - `parts` (dict): Of it:\n"
        "      - `left` (int): One.\n"
    )
    about = [one.about for one in properties(announced)]
    assert "The result has no keys but `total` and `parts`." in about


def test_statements_have_one_form_whatever_the_files_write() -> None:
    function = ast.parse("def main_solution(number, words=3): ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    wanted = (
        "How many?\n\nWrite a function `main_solution(number, words)` that gives the answer.\n\n"
        "Arguments:\n- `number` (int): A number.\n- `words` (list of str): Words:\n  - short ones\n\n"
        "Result:\n- dict: It has:\n  - `count` (int): How many."
    )
    for announced in (
        "Input:\n  `number` (int): A number.\n  `words` (list of str): Words:\n    - short ones\n\n"
        "Output:\n  `return` (dict): It has:\n    - `count` (int): How many.",
        "Input:\n- `number` (int): A number.\n- `words` (list of str): Words:\n  - short ones\n\n"
        "Output:\n- `return` (dict): It has:\n  - `count` (int): How many.\n",
        "Input:\n    number (int): A number.\n    words (list of str): Words:\n    - short ones\n    \n"
        "Output:\n    return (dict): It has:\n    - count (int): How many.",
    ):
        assert statement("How many?", announced, function) == wanted


def test_programs_that_differ_in_names_and_texts_alone_are_one_group() -> None:
    one = 'def main_solution(a: int) -> int:\n    """Doubles."""\n    b = 2 * a\n    return {"x": b}'
    renamed = 'def main_solution(number):\n    twice = 2 * number\n    return {"doubled": twice}'
    other = "def main_solution(a):\n    return 3 * a"
    tasks = ["Double it.", "Two times?", "Triple it.", "Something else.", "double  IT."]
    assert groups([one, renamed, other, "import a", "import b"], tasks) == [0, 0, 2, 3, 0]


def test_topics_come_from_the_task_and_from_the_program() -> None:
    program = "def fact(n):\n    return n * fact(n - 1) if n else 1\ndef main_solution(n):\n    return fact(n)"
    assert topics("What is the factorial of the integer?", program) == ("numbers", "recursion")
    assert topics("Nothing told.", "def main_solution(a):\n    return a") == ()
