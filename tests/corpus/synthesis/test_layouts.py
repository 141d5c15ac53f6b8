"""Documents of records are valid, true, and do not repeat one another's wording."""

import ast
import copy
import doctest
import inspect
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_problems import ALONE, GAP, KEYWORDS, LONG, NESTED, NOTHING, ONE_LINE, QUOTES, RECORDS, SETS, WINDOWS

from assay.corpus.synthesis.docstring import with_docstring, wrapped
from assay.corpus.synthesis.layouts import LAYOUTS, Layout, documents, write
from assay.corpus.synthesis.record import Example, Record
from assay.errors import InputError, StepError

FENCED = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
VARIANTS = 24


def variants(record: Record, count: int = VARIANTS) -> list[Record]:
    """The record under other ids, so that it is written in other frames."""
    return [replace(record, problem=replace(record.problem, id=f"{record.problem.id}-{n}")) for n in range(count)]


def run(source: str) -> dict[str, object]:
    """Run Python that was read: the solutions written by hand in this folder."""
    names: dict[str, object] = {}
    exec(compile(source, "<document>", "exec"), names)
    return names


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.problem.entry)
def test_the_doctests_of_a_module_are_true_and_its_code_is_what_was_proved(record: Record) -> None:
    for one in variants(record):
        text = write(one, "docstring")
        names = run(text)
        found = doctest.DocTestFinder().find(names[record.problem.entry], globs=names, module=False)
        outcome = [
            doctest.DocTestRunner(verbose=False).run(test, out=lambda _: None) for test in found if test.examples
        ]
        assert sum(one.attempted for one in outcome) >= 1
        assert sum(one.failed for one in outcome) == 0
        assert without_docstring(text, record) == without_docstring(record.problem.solution, record)


def without_docstring(source: str, record: Record) -> str:
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == record.problem.entry and ast.get_docstring(node):
            del node.body[0]
    return ast.dump(tree)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.problem.entry)
def test_the_docstring_says_the_whole_statement(record: Record) -> None:
    docstring = inspect.getdoc(run(write(record, "docstring"))[record.problem.entry]) or ""
    said = record.problem.statement.replace(">>> ", "> ")
    assert " ".join(said.split()) in " ".join(docstring.split())


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.problem.entry)
def test_the_tests_of_a_module_pass_and_fail_for_a_wrong_solution(record: Record) -> None:
    for one in variants(record):
        text = write(one, "tests")
        names = run(text)
        tests = [value for name, value in names.items() if name.startswith("test_") and callable(value)]
        assert tests
        for test in tests:
            test()
        names[record.problem.entry] = lambda *_, **__: object()
        with pytest.raises((AssertionError, TypeError)):
            for test in tests:
                test()


@pytest.mark.parametrize("layout", ["notebook", "question"])
@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.problem.entry)
def test_the_fenced_code_runs_from_top_to_bottom(record: Record, layout: Layout) -> None:
    for one in variants(record):
        blocks = [block for block in FENCED.findall(write(one, layout)) if not block.rstrip().endswith("...")]
        run("\n".join(blocks))


def test_what_a_notebook_shows_is_what_its_calls_give() -> None:
    ways = Counter[str]()
    for record in (GAP, SETS, NESTED, NOTHING, QUOTES):
        for one in variants(record, 16):
            way, shown = calls_shown(write(one, "notebook"), record.problem.entry)
            assert len(shown) >= 2
            ways[way] += 1
            names = run(record.problem.solution)
            for call, result in shown:
                value = eval(call.removeprefix("print"), names)
                assert str(value) == result or value == ast.literal_eval(result), call
    assert set(ways) == {"cells", "print", "prompt", "comments"}


def calls_shown(text: str, entry: str) -> tuple[str, list[tuple[str, str]]]:
    """In which of four ways a notebook shows calls, and the calls with what is shown of them."""
    if "In [2]: " in text:
        return "prompt", re.findall(r"^In \[\d+\]: (.*)\n(?:Out\[\d+\]: )?(.*)$", text, re.MULTILINE)
    if outputs := re.search(r"```python\n((?:print\([^\n]+\)\n){2,})```\n\n```\n(.*?)\n```", text, re.DOTALL):
        return "print", list(zip(outputs.group(1).rstrip().split("\n"), outputs.group(2).split("\n"), strict=True))
    if cells := re.findall(r"```python\n([^\n]+)\n```\n\n```\n([^\n]+)\n```", text):
        return "cells", cells
    return "comments", re.findall(rf"^((?:print\()?{entry}\(.*\))  # (.*)$", text, re.MULTILINE)


def test_a_set_is_compared_and_not_printed_so_that_hash_seeds_make_no_difference() -> None:
    text = write(SETS, "docstring")
    assert "== {'a', 'n'}\n    True" in text
    for seed in ("0", "1", "2"):
        program = f"{text}\nimport doctest\nassert doctest.testmod().failed == 0\n"
        subprocess.run([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True)


def test_comments_annotations_and_the_one_line_docstring_stay() -> None:
    assert "    # neighbours only\n" in write(GAP, "docstring")
    assert "most: int = 9,\n" in write(LONG, "docstring")
    assert '"""Return the largest gap' in write(GAP, "question")
    summaries = ["Return the largest gap" in write(one, "docstring") for one in variants(GAP)]
    assert True in summaries
    assert False in summaries


def test_a_body_on_the_line_of_its_def_gets_lines_of_its_own() -> None:
    text = write(ONE_LINE, "docstring")
    assert text.startswith('def twice(value):\n    """Double the value.\n')
    assert text.endswith('    """\n    return value * 2\n')


def test_carriage_returns_are_gone_from_every_layout() -> None:
    assert not any("\r" in write(WINDOWS, layout) for layout in LAYOUTS)


def test_prose_in_python_files_keeps_within_88_columns() -> None:
    for record in (GAP, NESTED, NOTHING, SETS):
        comments = [line for line in write(record, "tests").split("\n") if line.startswith("#")]
        prose = write(record, "docstring").split('"""')[1].split(">>>")[0].split("\n")
        assert max(map(len, comments + prose)) <= 88


def test_lists_keep_their_margins_and_quoted_separators_are_not_divided() -> None:
    text = "- one two three ', ' four\n- five\n  still \"six seven\" eight"
    assert wrapped(text, 12) == "- one two\n  three ', '\n  four\n- five\n  still\n  \"six seven\"\n  eight"


def test_a_function_that_may_change_its_arguments_is_not_given_property_tests() -> None:
    assert "result is None" not in write(NOTHING, "tests")
    assert "result >= 0" in write(GAP, "tests")
    assert "0 <= result" not in write(KEYWORDS, "tests")


def test_examples_that_are_too_long_are_shown_only_where_there_is_no_shorter_one() -> None:
    long = Example(arguments=f"{list(range(200))}", result="1")
    assert "199" not in write(replace(GAP, examples=(long, *GAP.examples)), "tests")
    assert "199" not in "".join(write(replace(GAP, examples=(long,)), layout) for layout in LAYOUTS)
    assert "a long word number 3" in write(LONG, "question")


def test_a_record_is_always_written_the_same_and_records_are_written_in_several_frames() -> None:
    for layout in LAYOUTS:
        assert write(GAP, layout) == write(copy.deepcopy(GAP), layout)
        assert len({write(one, layout) for one in variants(GAP)}) >= 8


def test_the_frame_is_short_beside_what_the_record_says() -> None:
    """Words of a document that are neither in the record nor Python's own are few."""
    for record in variants(GAP, 10):
        problem = record.problem
        own = " ".join(
            [problem.statement, problem.solution, problem.alternative, problem.entry]
            + [f"{one.about} {one.check}" for one in problem.properties]
            + [f"{one.arguments} {one.result}" for one in record.examples]
        )
        known = {*re.findall(r"[a-z]+", own.lower()), "assert", "def", "for", "in", "is", "python", "print", "test"}
        for layout in LAYOUTS:
            words = re.findall(r"[a-z]+", write(record, layout).lower())
            assert sum(word not in known for word in words) <= 0.12 * len(words), layout


def test_layouts_are_drawn_by_their_shares_and_each_record_keeps_its_layout_whatever_stands_beside_it() -> None:
    records = variants(ALONE, 800)
    shares: dict[Layout, float] = {"docstring": 2.0, "question": 1.0, "tests": 1.0, "notebook": 0.0}
    made = list(documents(records, shares, "synth", 7))
    drawn = Counter(
        next(layout for layout in LAYOUTS if write(record, layout) == one.text)
        for record, one in zip(records, made, strict=True)
    )
    assert drawn["notebook"] == 0
    assert drawn["docstring"] == pytest.approx(400, abs=60)
    assert drawn["question"] == pytest.approx(200, abs=50)
    assert list(documents(records[400:], shares, "synth", 7)) == made[400:]
    assert list(documents(records, shares, "synth", 8)) != made
    assert (made[3].source, made[3].path, made[3].kind, made[3].language) == (
        "synth",
        "hand-answer-3",
        "synthetic",
        "Python",
    )
    assert (made[3].group, made[3].licence) == ("group-answer", "CC0-1.0")


def test_every_layout_of_a_record_can_be_had() -> None:
    made = list(documents([GAP, SETS], dict.fromkeys(LAYOUTS, 1.0), "synth", 1, every=True))
    assert [one.path for one in made[:4]] == [f"hand-widest_gap#{layout}" for layout in LAYOUTS]
    assert [one.text for one in made[4:]] == [write(SETS, layout) for layout in LAYOUTS]


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"docstrings": 1.0}, "no layout 'docstrings'; did you mean 'docstring'"),
        ({"tests": -1.0}, "share of the layout 'tests' is -1.0"),
        ({"tests": float("nan")}, "share of the layout 'tests' is nan"),
        ({}, "no layout has a share above 0"),
    ],
)
def test_shares_that_mean_nothing_are_refused_at_once(shares: dict[Layout, float], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        documents([GAP], shares, "synth", 1)


def test_a_solution_without_its_function_is_refused() -> None:
    with pytest.raises(StepError, match="should define the function 'other'"):
        write(replace(GAP, problem=replace(GAP.problem, entry="other")), "docstring")


@given(st.text(st.sampled_from("ab \"'\\\nn{}#é`."), min_size=1, max_size=60).filter(lambda text: bool(text.strip())))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_a_docstring(text: str) -> None:
    source = "def f(x):\n    'old'  # kept?\n    return x\n\n\ndef g(y):\n    # first\n    return y\n"
    plain = "\n".join(line.rstrip() for line in text.strip().split("\n"))
    for entry in ("f", "g"):
        written = with_docstring(source, entry, plain)
        node = next(one for one in ast.parse(written).body if isinstance(one, ast.FunctionDef) and one.name == entry)
        assert ast.get_docstring(node) == inspect.cleandoc(plain)
    assert "    # first\n" in written


def test_a_fence_is_longer_than_what_it_holds_and_a_name_that_is_told_is_not_told_again() -> None:
    fenced = replace(GAP, problem=replace(GAP.problem, solution=GAP.problem.solution.replace("only", "```")))
    assert "````python\nfrom itertools" in write(fenced, "question")
    told = replace(GAP, problem=replace(GAP.problem, statement="Write `widest_gap` for the readings."))
    for one in variants(told, 8):
        before = write(one, "question").partition("from itertools")[0]
        assert before.count("widest_gap") == 1
