"""Operations on words and texts: their forms agree on any Unicode text, and they give what others say is right."""

import codecs
import datetime
import textwrap
import typing
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.synthesis.composed.kind import Kind, Noun
from assay.corpus.synthesis.composed.operation import Operation
from assay.corpus.synthesis.composed.operations import OPERATIONS, PARTS
from assay.corpus.synthesis.composed.program import Chosen, Input, Node, Program
from assay.corpus.synthesis.composed.render import render
from assay.corpus.synthesis.composed.values import inputs_source

BY_NAME = {one.name: one for one in OPERATIONS}
FREE: dict[Kind, st.SearchStrategy[typing.Any]] = {
    "text": st.text(alphabet=st.sampled_from("aAbzZ eéßİıΣςK٣²1.,! \n\tǅ-😀")) | st.text(max_size=12),
    "words": st.lists(st.text(alphabet=st.sampled_from("aAbzEéßİΣK٣² -"), max_size=6), max_size=6),
}
ON_FREE = [one for one in OPERATIONS if set(one.takes) <= set(FREE)]


def forms(operation: Operation, part: str = "", **literals: int | str) -> list[Callable[..., typing.Any]]:
    """Every form of an operation as a function."""
    inputs = tuple(
        Input(kind, Noun("thing", "things", "name", "number"), name, "a value", words=("red", "blue"))
        for kind, name in zip(operation.takes, ("alpha", "beta"), strict=False)
    )
    parts = {}
    for place, (role, of) in operation.parts.items():
        fitting = [one for one in PARTS if (one.role, one.of) == (role, of) and one.name == (part or one.name)]
        chosen = Random(part).choice(fitting)
        parts[place] = Chosen(chosen, {name: values[0] for name, values in chosen.literals.items()})
    told = {name: literals.get(name, values[0]) for name, values in operation.literals.items()}
    program = Program(inputs, (Node(operation, tuple(range(len(inputs))), parts, told),))
    found = []
    for at in range(max(len(operation.forms), *(len(one.part.forms) for one in parts.values()), 1)):
        names: dict[str, typing.Any] = {}
        exec(render(program, "answer", lambda _, at=at: at, Random(0)).source, names)  # type: ignore[misc]
        found.append(names["answer"])
    return found


@pytest.mark.parametrize("operation", ON_FREE, ids=lambda one: one.name)
def test_all_forms_agree_on_any_text_and_doing_it_twice_is_as_said(operation: Operation) -> None:
    functions = forms(operation)

    @settings(max_examples=25, deadline=None, derandomize=True, database=None)
    @given(st.tuples(*(FREE[kind] for kind in operation.takes)))
    def check(values: tuple[typing.Any, ...]) -> None:
        results = [one(*values) for one in functions]
        assert all(repr(one) == repr(results[0]) for one in results)
        if operation.once:
            assert functions[0](results[0]) == results[0]

    check()


@pytest.mark.parametrize("part", [one for one in PARTS if one.of == "word"], ids=lambda one: f"{one.role}-{one.name}")
def test_all_forms_of_a_part_agree_on_any_text(part: typing.Any) -> None:
    carrier = {"test": "keep_words", "measure": "measure_words", "change": "change_words"}[part.role]
    functions = forms(BY_NAME[carrier], part.name)

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(st.lists(FREE["text"], max_size=5))
    def check(words: list[str]) -> None:
        results = [one(words) for one in functions]
        assert all(one == results[0] for one in results)

    check()


KNOWN = [
    ("edit_distance", {}, ("kitten", "sitting"), 3),
    ("edit_distance", {}, ("intention", "execution"), 5),
    ("edit_distance", {}, ("", "abc"), 3),
    ("keyword_cipher", {"k": "lemon"}, ("Attack at dawn",), "lxfopv ef rnhr"),
    ("zigzag_cipher", {"k": 3}, ("WEAREDISCOVEREDFLEEATONCE",), "WECRLTEERDSOEEFEAOCAIVDEN"),
    ("columns", {"k": 3}, ("abcdefgh",), "adgbehcf"),
    ("merging_cost", {}, ("abracadabra",), 23),
    ("suffix_order", {}, ("banana",), [5, 3, 1, 0, 4, 2]),
    ("longest_palindrome", {}, ("forgeeksskeegfor",), "geeksskeeg"),
    ("longest_without_repeat", {}, ("pwwkew",), 3),
    ("common_stretch", {}, ("Maria", "marigold"), "ari"),
    ("occurrences", {}, ("aaaa", "aa"), [0, 1, 2]),
    ("smallest_unit", {}, ("abcabcabc",), "abc"),
    ("from_roman", {}, ("MCMXCIV",), 1994),
    ("from_roman", {}, ("mmmcmxcix",), 3999),
    ("column_name", {}, (702,), "ZZ"),
    ("column_name", {}, (703,), "AAA"),
    ("ordinal", {}, (111,), "111th"),
    ("ordinal", {}, (9922,), "9922nd"),
    ("spelled_out", {}, (0,), "zero"),
    ("spelled_out", {}, (7040,), "seven thousand forty"),
    ("spelled_out", {}, (9919,), "nine thousand nine hundred nineteen"),
    ("luhn_valid", {}, ("79927398713",), True),
    ("luhn_valid", {}, ("79927398710",), False),
    ("luhn_valid", {}, ("4111111111111111",), True),
    ("luhn_completed", {}, ("7992739871",), "79927398713"),
    ("weighted_check", {"k": 11}, ("0306406152",), 0),
    ("look_and_say", {}, ("111221",), "312211"),
    ("formula_postfix", {}, ("2 * (3 + 14)",), ["2", "3", "14", "+", "*"]),
    ("formula_postfix", {}, ("8 - 3 - 2 * 4",), ["8", "3", "-", "2", "4", "*", "-"]),
    ("formula_left_to_right", {}, ("2 + 3 * (1 + 1 * 2)",), 20),
    ("matching_brackets", {}, ("([)]{}(",), [(4, 5)]),
    ("matching_brackets", {}, (")([]{",), [(2, 3)]),
    ("longest_balanced", {}, (")[()]{(}",), 4),
    ("bracket_depth", {}, ("))(((])",), 3),
    ("settings_last", {}, ("a=1;b=2;a=-3",), {"a": -3, "b": 2}),
    ("settings_sums", {}, ("a=1;b=2;a=-3",), {"a": -2, "b": 2}),
    ("encode_runs", {}, ("Aa-ab" + "c" * 45,), "a3b1c20c20c5"),
    ("decode_runs", {}, ("a3b12",), "aaabbbbbbbbbbbb"),
    ("tokens", {}, ("x1=y2+10;",), ["x", "1", "=", "y", "2", "+", "10", ";"]),
    ("sentence_case", {}, ("hELLO. is it? 3 yES",), "Hello. Is it? 3 Yes"),
    ("word_ladder_graph", {}, (["cat", "cot", "dog"],), {"cat": ["cot"], "cot": ["cat"], "dog": []}),
    ("title_case", {}, ("don't stop-me NOW",), "Don'T Stop-Me Now"),
    ("justified", {"k": 16}, ("This  is an example",), "This is an example"),
    ("justified", {"k": 20}, ("This is an example",), "This  is  an example"),
    ("word_chain", {}, (["tea", "ant", "tip", "dog", "go"],), 3),
]  # fmt: skip


@pytest.mark.parametrize(("name", "literals", "values", "wanted"), KNOWN, ids=lambda one: str(one)[:30])
def test_known_answers(
    name: str, literals: dict[str, int | str], values: tuple[typing.Any, ...], wanted: typing.Any
) -> None:
    assert [one(*values) for one in forms(BY_NAME[name], "", **literals)] == [wanted] * len(BY_NAME[name].forms)


@pytest.mark.parametrize(
    ("part", "word", "wanted"),
    [
        ("pig_latin", "string", "ingstray"),
        ("pig_latin", "apple", "appleay"),
        ("mirror", "Hello", "Svool"),
        ("squeezed", "bookkeeper", "bokeper"),
        ("vowel_pattern", "Oslo", "VCCV"),
    ],
)
def test_known_changes_of_words(part: str, word: str, wanted: str) -> None:
    assert all(one([word]) == [wanted] for one in forms(BY_NAME["change_words"], part))


def test_formulas_have_the_value_that_python_gives_them() -> None:
    names: dict[str, typing.Any] = {}
    exec(inputs_source((Input("formula", Noun("formula", "formulas"), "formula", "a formula"),)), names)
    drawn = [names["make_inputs"](Random(seed))[0] for seed in range(300)]
    assert sum(len(one) > 8 for one in drawn) > 100
    for formula in filter(None, drawn):
        assert all(one(formula) == eval(formula) for one in forms(BY_NAME["formula_value"]))


@given(st.text(max_size=40))
def test_a_shift_by_13_is_rot13(text: str) -> None:
    assert all(one(text) == codecs.encode(text, "rot13") for one in forms(BY_NAME["caesar"], k=13))


@given(st.lists(st.text(alphabet="abcxyz", min_size=1, max_size=14), max_size=12))
def test_lines_are_filled_as_textwrap_fills_them(words: list[str]) -> None:
    wanted = textwrap.wrap(" ".join(words), 12, break_long_words=False)
    assert all(one(words) == wanted for one in forms(BY_NAME["wrapped_words"], k=12))


def test_times_of_day_are_those_of_timedelta() -> None:
    for seconds in range(0, 10_000, 37):
        assert all(one(seconds) == str(datetime.timedelta(seconds=seconds)) for one in forms(BY_NAME["clock_time"]))
