"""Whether an answer is right: as the harness says of the same answers, and by what must hold of any."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evaluate.check import f1, plain_latex, right
from assay.evaluate.prompt import Prompt
from assay.evaluate.task import Generation

HARNESS = json.loads((Path(__file__).parent / "harness_checks.json").read_text(encoding="utf-8"))
"""What lm-evaluation-harness 0.4.13 itself said of these answers: its metrics, filters and MATH's own comparison."""
SIMPLE = st.none() | st.booleans() | st.integers(-999, 999) | st.floats(allow_nan=False, allow_infinity=False)
LITERALS = st.recursive(
    SIMPLE | st.text("ab'"),
    lambda part: st.lists(part, max_size=3) | st.tuples(part, part) | st.dictionaries(st.text("ab"), part, max_size=2),
    max_leaves=6,
)


def score(check: str, answer: str, *accept: str, ignore: tuple[str, ...] = ()) -> float:
    asked = Generation.model_validate({"tokens": 8, "check": check, "accept": "[]", "ignore": ignore})
    return right(answer, Prompt(item="i", cluster="c", text="", accept=accept), asked)


@pytest.mark.parametrize("check", sorted({case["check"] for case in HARNESS}))
def test_an_answer_is_as_right_as_the_harness_says(check: str) -> None:
    cases = [case for case in HARNESS if case["check"] == check]
    assert {0.0, 1.0} <= {case["score"] for case in cases}
    for case in cases:
        found = score(check, case["answer"], *case["accept"], ignore=tuple(case["ignore"]))
        assert found == pytest.approx(case["score"], abs=1e-12), case


@given(st.text(max_size=40), st.text(max_size=40))
def test_f1_is_a_symmetric_share_and_whole_for_a_text_itself(a: str, b: str) -> None:
    assert f1(a, b) == f1(b, a)
    assert 0 <= f1(a, b) <= 1
    assert f1(a, a) == 1


def test_f1_takes_the_best_accepted_text_and_the_first_line() -> None:
    assert score("f1", " in a barn\nand more", "white", "a barn near") == pytest.approx(2 / 4)
    assert score("f1", "\n\nthe barn", "barn") == 1


@given(st.text("aBc dé", min_size=1).filter(str.strip), st.text(".,!?'\" "))
def test_a_match_looks_past_case_and_punctuation(text: str, signs: str) -> None:
    plain = text.strip()
    assert score("match", signs.replace(" ", "") + plain.swapcase() + "!\n", "something else", plain) == 1
    assert score("match", plain + " x", plain) == 0


def test_an_accepted_text_of_signs_alone_is_met_by_the_same_signs_alone() -> None:
    assert score("match", " )", ")") == 1
    assert score("match", "]", ")") == 0
    assert score("match", "", ")") == 0


@given(st.integers(-(10**6), 10**6), st.text("abc ,xyz"))
def test_the_last_number_counts_however_it_is_written(number: int, words: str) -> None:
    assert score("number", f"first 12, then {words} {number:,}.", str(number)) == 1
    assert score("number", f"{words} ${number}" if number >= 0 else f"{words} {number}", str(number)) == 1
    assert score("number", f"{number} {words}", str(number + 1)) == 0
    assert score("number", words, str(number)) == 0


def test_a_marked_number_is_the_one_behind_the_first_mark() -> None:
    assert score("marked_number", "so 3\n#### 1,018\n#### 7", "1018") == 1
    assert score("marked_number", "the answer is 1018", "1018") == 0


@given(LITERALS)
def test_a_literal_is_right_as_the_same_value_however_it_is_spelt(value: Any) -> None:
    written = repr(value)
    assert score("literal", f" {written}", written) == 1
    assert score("literal", f"[{written}]", written) == 0


@pytest.mark.parametrize(
    ("answer", "accepted", "score_"),
    [
        ('"ab"', "'ab'", 1),
        ("[1,2]", "[1, 2]", 1),
        ("(1, 2)", "[1, 2]", 0),
        ("1", "True", 0),
        ("1.0", "1", 0),
        ("{'b': 1, 'a': 2}", "{'a': 2, 'b': 1}", 1),
        ("__import__('os').getcwd()", "'/'", 0),
        ("9" * 5000, "9", 0),
        ("(" * 3000 + ")" * 3000, "()", 0),
        ("-" * 3000 + "1", "1", 0),
        ("[" * 1500 + "]" * 1500, "[]", 0),
        ("two", "2", 0),
    ],
)
def test_a_literal_is_compared_as_a_value_and_never_run(answer: str, accepted: str, score_: float) -> None:
    assert score("literal", answer, accepted) == score_


@given(st.text(r"\frac{}12$/ =.sqrtex%", max_size=30))
def test_any_text_can_be_compared_as_mathematics(text: str) -> None:
    assert score("mathematics", text, "12345") in {0, 1}
    try:
        plain = plain_latex(text)
    except ValueError:
        return
    assert "\n" not in plain
    assert r"\dfrac" not in plain


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (r"so it is $\dfrac12$.", r"\frac{1}{2}"),
        ("1/2", r"\frac{1}{2}"),
        ("0.5", r"\frac12"),
        (r"x=\sqrt3", r"\sqrt{3}"),
        (r"\left(1, 2\right)", "(1,2)"),
        (r"45^{\circ}", "45"),
        (r"12\text{ cm}", "12"),
        (r"30\%", "30"),
    ],
)
def test_mathematics_is_compared_but_for_its_spelling(answer: str, accepted: str) -> None:
    assert score("mathematics", answer, accepted) == 1
    assert score("mathematics", answer, accepted + "7") == 0


@given(st.text(max_size=60), st.sampled_from(["match", "number", "marked_number", "mathematics", "literal", "f1"]))
def test_no_answer_is_too_strange_to_be_checked(answer: str, check: str) -> None:
    assert 0 <= score(check, answer, "7") <= 1


def test_a_program_is_not_checked_by_reading_it() -> None:
    asked = Generation.model_validate({"tokens": 8, "check": "program", "program": "{{ answer }}"})
    with pytest.raises(ValueError, match="sandbox"):
        right("pass", Prompt(item="i", cluster="c", text=""), asked)
