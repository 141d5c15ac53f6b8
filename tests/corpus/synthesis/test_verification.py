"""What is wrong with a problem is found, at its stage, and nothing of an outcome depends on what else was tried."""

import ast
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hand_made import GOOD, INPUTS, SOLUTION, made, of_words

from assay.corpus.synthesis.record import Candidate, Property, Record, Refused
from assay.corpus.synthesis.verification import Prover, open_prover, prover
from assay.errors import StepError
from assay.evaluate.sandbox import Limits, open_sandbox

LARGE = "def large_total(readings: list[int], limit: int) -> "
SLOW_MUTANT = 2
"""Number of a candidate one of whose mutants does not end within anybody's patience."""
WORD = "def make_inputs(random):\n    return (['ab', 'cd', 'ef', 'gh'][: random.randint(0, 4)],)\n"
FORGING = (
    "import functools, operator\n"
    "of = operator.attrgetter('__glo' + 'bals__')(functools.singledispatch)['__buil' + 'tins__']\n"
    "modules = of['__imp' + 'ort__']('sys').modules\n"
    "trial = modules['assay.corpus.synthesis.verification.driver'].Trial\n"
    "trial.examine = lambda self, say: {'tests': [TEST] * 5, 'examples': [['[1], 0', '2']] * 3,"
    " 'mutants': 3, 'killed': 3, 'drawn': 3, 'tried': 60}\n\n" + SOLUTION
)


def solved(text: str) -> Candidate:
    return made(solution=text)


def with_property(check: str) -> Candidate:
    return made(properties=(Property(sort="invariant", about="So it is.", check=check),))


BAD: dict[str, tuple[Candidate, str, str]] = {
    "no Python": (solved("def large_total(:"), "syntax", "source of its solution is no Python"),
    "a return outside": (solved(SOLUTION + "return 1\n"), "syntax", "source of its solution is no Python"),
    "brackets without end": (solved("(" * 5000), "syntax", "source of its solution is no Python"),
    "signs without end": (solved("-" * 19_000 + "1"), "syntax", "source of its solution is no Python"),
    "no end": (solved(SOLUTION + "#" * 20_000), "syntax", "source of its solution is too long"),
    "no function": (solved("large_total = sum\n"), "syntax", "has not the function asked for"),
    "other parameters": (solved(SOLUTION.replace("limit", "bound")), "syntax", "has another signature"),
    "a default": (
        made(signature="def large_total(readings: list[int], limit: int = 3) -> int"),
        "syntax",
        "more than plain parameters",
    ),
    "a parameter named result": (
        of_words(
            "    return 1\n", signature="def choose(result)", solution="def choose(result):\n    return result\n"
        ),
        "syntax",
        "a name that properties use",
    ),
    "edges that are calls": (made(edges="[(list(), 3)]"), "syntax", "edges are no literal"),
    "edges of another length": (made(edges="[([1],)]"), "syntax", "edges are no list of arguments"),
    "a property of two expressions": (with_property("True)\n(False"), "syntax", "property"),
    "a socket": (solved("import socket\n" + SOLUTION), "modules", "it imports socket"),
    "another package": (solved("from numpy.linalg import norm\n" + SOLUTION), "modules", "it imports numpy"),
    "a relative import": (solved("from . import x\n" + SOLUTION), "modules", "it imports"),
    "eval": (solved(SOLUTION.replace("total = 0", "total = eval('0')")), "modules", "it uses eval"),
    "everything": (solved("from math import *\n" + SOLUTION), "modules", "it imports *"),
    "reaching out": (solved(SOLUTION.replace("0\n", "len(().__class__.__base__.mro())\n", 1)), "modules", "mro"),
    "a changed module": (solved("import math\nmath.pi = 3\n" + SOLUTION), "modules", "it changes a module"),
    "sys.modules": (solved("import sys\nsys.modules.clear()\n" + SOLUTION), "modules", "it uses sys.modules"),
    "the clock": (
        solved("import datetime\nNOW = datetime.datetime.now()\n" + SOLUTION),
        "modules",
        "it asks for the time",
    ),
    "a text for a number": (solved(LARGE + "int:\n    return str(limit)\n"), "types", "mypy finds return-value"),
    "a name that is not there": (solved(SOLUTION.replace("total = 0", "total = start")), "types", "name-defined"),
    "an exception": (solved(LARGE + "int:\n    return 10 // len(readings)\n"), "run", "it raises ZeroDivisionError"),
    "leaving": (solved(LARGE + "int:\n    raise SystemExit\n"), "run", "it raises SystemExit"),
    "recursion": (
        solved(LARGE + "int:\n    return large_total(readings, limit + 1)\n"),
        "run",
        "it raises RecursionError",
    ),
    "a loop without end": (solved(LARGE + "int:\n    while True:\n        limit += 1\n"), "run", "it takes too long"),
    "a loop that catches": (
        solved(LARGE + "int:\n    while True:\n        try: limit += 1\n        except: pass\n"),
        "run",
        "it takes too long",
    ),
    "a loop that nothing interrupts": (
        solved(LARGE + "int:\n    return sum(range(10**15))\n"),
        "run",
        "it takes too long",
    ),
    "a memory bomb": (solved(LARGE + "int:\n    return len([0] * 10**10)\n"), "run", "it takes too much memory"),
    "an interrupt": (solved(LARGE + "int:\n    raise KeyboardInterrupt\n"), "run", "it breaks off"),
    "a changed argument": (
        of_words("    words.sort()\n    return words[:2] + ['x'] * len(words)\n"),
        "run",
        "it changes its arguments",
    ),
    "no literal": (
        of_words("    return Counter(words)\n", "dict[str, int]", solution="from collections import Counter\n\n\n"
                 "def choose(words: list[str]) -> dict[str, int]:\n    return Counter(words)\n"),
        "run",
        "its result is no literal",
    ),
    "always the same": (solved(LARGE + "int:\n    return len(readings[:1])\n"), "run", "nearly always the same"),
    "nearly always the same": (solved(LARGE + "int:\n    return max(limit, 11)\n"), "run", "nearly"),
    "nearly always true": (
        of_words("    return len(words) < 7\n", "bool"),
        "run",
        "it gives nearly always the same",
    ),
    "too large to print": (of_words("    return [word * 99 for word in words]\n"), "run", "too large to print"),
    "another argument's type": (
        made(inputs=INPUTS.replace("random.randint(-5, 12)", "random.random()")),
        "run",
        "an argument is not of the announced type",
    ),
    "too few inputs": (
        of_words("    return [word[::-1] for word in words]\n", inputs=WORD, edges="[]"),
        "run",
        "too few different inputs",
    ),
    "inputs that raise": (made(inputs=INPUTS.replace("-9", "99")), "run", "making its inputs raises ValueError"),
    "an order by hash": (of_words("    return list(set(words))\n"), "deterministic", "depend on the hash seed"),
    "chance": (
        solved("import random\n\n\n" + LARGE + "int:\n    return random.randint(0, 9)\n"),
        "deterministic",
        "a second call gives another result",
    ),
    "a memory": (
        solved("seen: list[int] = []\n\n\n" + LARGE + "int:\n    seen.append(limit)\n    return len(seen)\n"),
        "deterministic",
        "a second call gives another result",
    ),
    "inputs by hash": (
        of_words("    return [word + '!' for word in words]\n", inputs="def make_inputs(random):\n"
                 "    return (list({str(random.random())[:5] for _ in range(5)}),)\n"),
        "deterministic",
        "depend on the hash seed",
    ),
    "a test that fails": (made(tests=("assert large_total([5], 3) == 6",)), "tests", "its own test fails"),
    "tests that test nothing": (
        made(tests=("assert True", "assert isinstance(large_total([5], 3), int)")),
        "tests",
        "hold for any result",
    ),
    "a wrong alternative": (
        made(alternative=LARGE + "int:\n    return sum(reading for reading in readings if reading >= limit)\n"),
        "properties",
        "its agreement does not hold",
    ),
    "an alternative that raises": (
        made(alternative=LARGE + "int:\n    return readings[0]\n"),
        "properties",
        "its alternative raises IndexError",
    ),
    "a property false once": (with_property("readings != [4]"), "properties", "its invariant does not hold"),
    "a property that raises": (with_property("readings[0] < 99"), "properties", "its invariant cannot be evaluated"),
    "another result's type": (
        of_words("    return tuple(words)\n", signature="def choose(words) -> list[str]",
                 solution="def choose(words):\n    return tuple(words) + ('x',)\n"),
        "properties",
        "its contract does not hold",
    ),
    "nothing to get wrong": (of_words("    return words + words\n"), "mutants", "too few of its mutants differ"),
}  # fmt: skip


@pytest.fixture(scope="module")
def proving() -> Iterator[Prover]:
    with pytest.MonkeyPatch.context() as patch:
        limits = Limits(cpu_seconds=0.8, memory_bytes=200 * 2**20, output_bytes=2**20)
        patch.setattr(prover, "LIMITS", limits)
        patch.setattr(prover, "SECONDS", 0.3)
        try:
            opened = open_prover()
        except StepError as error:
            pytest.skip(str(error))
        with opened:
            yield opened


@pytest.fixture(scope="module")
def among_others(proving: Prover) -> dict[str, Record | Refused]:
    """Bad ones in any order, good ones between them."""
    names = list(BAD)
    random.Random(0).shuffle(names)
    candidates = []
    for number, name in enumerate(names):
        candidates += [replace(BAD[name][0], id=name), made(number)]
    outcomes = proving.prove(candidates, together=True)
    return {one.problem.id if isinstance(one, Record) else one.id: one for one in outcomes}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_found_at_its_stage(name: str, among_others: dict[str, Record | Refused]) -> None:
    found = among_others[name]
    assert isinstance(found, Refused)
    _, stage, why = BAD[name]
    assert found.stage == stage, found
    assert why in found.why, found
    assert BAD[name][0].solution in found.text


def test_good_problems_pass_whatever_stands_beside_them(
    proving: Prover, among_others: dict[str, Record | Refused]
) -> None:
    beside = [among_others[made(number).id] for number in range(len(BAD))]
    assert all(isinstance(one, Record) for one in beside)
    assert proving.prove([made(number) for number in range(3)], together=True) == beside[:3]
    alone = proving.prove([made(4)], together=False)
    assert alone == beside[4:5]


def test_the_same_is_found_alone(proving: Prover, among_others: dict[str, Record | Refused]) -> None:
    quick = [name for name, (_, stage, _) in BAD.items() if stage in ("deterministic", "tests", "properties")]
    candidates = [replace(BAD[name][0], id=name) for name in [*quick, "a loop without end", "an interrupt"]]
    for found in proving.prove(candidates, together=False):
        assert isinstance(found, Refused)
        assert found == among_others[found.id]


def test_a_record_says_what_was_seen(proving: Prover) -> None:
    own = "assert large_total([5, 9], 3) == 14"
    (record,) = proving.prove([made(tests=(own, "assert large_total([], 0) is not None"))], together=True)
    assert isinstance(record, Record)
    assert (record.mutants, record.killed, record.inputs_tried) == (3, 3, 60)
    assert [one.sort for one in record.problem.properties] == ["agreement", "metamorphic", "invariant", "contract"]
    tests = record.problem.tests
    assert tests[0] == own
    assert 5 <= len(tests) <= 8
    assert len(set(tests)) == len(tests)
    assert 3 <= len(record.examples) <= 5
    assert "assert large_total([], 3) == 0" in tests, "an edge"
    for example in record.examples:
        readings, limit = ast.literal_eval(f"({example.arguments})")
        assert sum(one for one in readings if one > limit) == ast.literal_eval(example.result)
    with open_sandbox(workers=1) as box:
        assert box.run([SOLUTION + "\n" + "\n".join(tests)])[0].outcome == "passed"


def test_an_alternative_is_compared_where_nobody_asks_for_it(proving: Prover) -> None:
    wrong = LARGE + "int:\n    return limit\n"
    (good, bad) = proving.prove([made(properties=()), made(1, properties=(), alternative=wrong)], together=True)
    assert isinstance(good, Record)
    assert good.problem.properties[0].sort == "agreement"
    assert isinstance(bad, Refused)
    assert bad.why == "its agreement does not hold"


def test_few_inputs_are_repeated(proving: Prover) -> None:
    few = of_words(
        "    shown = words[1:]\n    return shown[::-1]\n",
        inputs=WORD.replace("'gh'", "'gh', 'ij', 'kl', 'mn', 'op', 'qr', 'st', 'uv'").replace("4", "11"),
        edges="[]",
    )
    (record,) = proving.prove([few], together=True)
    assert isinstance(record, Record), record
    assert record.inputs_tried == 60


def test_sets_are_written_and_compared_in_one_order(proving: Prover) -> None:
    of_sets = of_words("    return {word[0] for word in words if len(word) > 1}\n", "set[str]")
    (record,) = proving.prove([of_sets], together=True)
    assert isinstance(record, Record), record
    for example in record.examples:
        shown = example.result.strip("{}").split(", ")
        assert shown == sorted(shown)


def test_a_mutant_that_does_not_end_is_dead_and_the_solution_lives(proving: Prover) -> None:
    solution = (
        LARGE + "int:\n    total = limit\n    for reading in readings:\n"
        "        total += sum(range(10 ** (reading % 3)))\n    return total\n"
    )
    inputs = INPUTS.replace("-9, 20", "40, 60")
    loops = [
        made(number, solution=solution, inputs=inputs, alternative="", properties=()) for number in (SLOW_MUTANT, 0)
    ]
    together = proving.prove(loops, together=True)
    assert all(isinstance(one, Record) for one in together), together
    assert proving.prove(loops[:1], together=False) == together[:1]


@pytest.mark.parametrize(
    ("test", "why"),
    [
        ("'assert large_total([1], 0) == 2'", "forged: its tests fail in a program of their own"),
        ("'assert True'", "forged: its tests are not the driver's"),
    ],
)
def test_a_program_that_reaches_its_driver_is_found_out(proving: Prover, test: str, why: str) -> None:
    (found,) = proving.prove([solved(FORGING.replace("TEST", test))], together=False)
    assert isinstance(found, Refused)
    assert (found.stage, found.why) == ("tests", why)


def test_a_program_that_writes_lines_like_the_drivers_is_not_believed(proving: Prover) -> None:
    printing = SOLUTION.replace(
        "    total = 0\n", '    total = 0\n    print(\'{"done": 0, "stage": 1, "why": 2, "detail": 3}\')\n'
    )
    (found,) = proving.prove([solved(printing)], together=False)
    assert isinstance(found, Record)


def test_outcomes_are_the_same_in_another_process_with_another_hash_seed(proving: Prover) -> None:
    script = (
        "from hand_made import made\nfrom assay.corpus.synthesis.verification import open_prover\n"
        "with open_prover() as proving:\n    print(proving.prove([made(n) for n in range(3)], True))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{Path(__file__).parent}:{Path(prover.__file__).parents[4]}", "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == str(proving.prove([made(n) for n in range(3)], True))


def test_progress_is_told_and_nothing_is_proved_of_nothing(proving: Prover) -> None:
    told: list[tuple[int, int]] = []
    assert proving.prove([], True) == []
    proving.prove([GOOD], True, lambda done, of: told.append((done, of)))
    assert told == [(1, 1)]
