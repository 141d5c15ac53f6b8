"""What of an answer counts as its code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evaluate.extract import extract

CODE = "def add(a, b):\n    return a + b\n"
lines = st.text(st.characters(exclude_characters="`\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029", codec="utf-8"))
texts = st.lists(lines).map(lambda found: "".join(f"{line}\n" for line in found))


@given(texts, texts, texts, st.sampled_from(["", "python", "py", "Python", "python3", " python ", 'py title="a.py"']))
def test_the_first_fenced_block_counts_whatever_stands_around_it(
    before: str, code: str, behind: str, language: str
) -> None:
    answer = f"{before}```{language}\n{code}```\n{behind}```python\nother\n```\n"
    assert extract(answer, "fenced") == code
    assert extract(answer, "whole") == answer


@given(st.text(st.characters(exclude_characters="`", codec="utf-8")))
def test_an_answer_without_a_fence_counts_whole(answer: str) -> None:
    assert extract(answer, "fenced") == answer


@given(texts, texts, lines)
def test_a_block_that_the_end_cut_off_counts_up_to_there(before: str, code: str, last: str) -> None:
    assert extract(f"{before}```python\n{code}{last}", "fenced") == code + last


@given(st.text())
def test_any_text_gives_a_text_that_stands_in_it(answer: str) -> None:
    assert extract(answer, "fenced") in answer


def test_a_block_in_another_language_is_passed_over() -> None:
    answer = f"Install it:\n```bash\npip install it\n```\nThen:\n```python\n{CODE}```\n"
    assert extract(answer, "fenced") == CODE


def test_a_block_in_another_language_counts_where_it_is_the_only_one() -> None:
    assert extract("```java\nint a;\n```", "fenced") == "int a;\n"


def test_fences_within_a_longer_fence_are_part_of_it() -> None:
    inner = 'TEXT = """\n```python\nx\n```\n"""\n'
    assert extract(f"````python\n{inner}````\n", "fenced") == inner


@pytest.mark.parametrize("line", ["print('```')", "x = 1  # ```", "    ```not closed``` here"])
def test_backticks_within_a_line_close_nothing(line: str) -> None:
    assert extract(f"```py\n{line}\n{CODE}```", "fenced") == f"{line}\n{CODE}"


def test_a_fence_with_text_behind_it_does_not_close_a_block() -> None:
    assert extract(f"```python\n{CODE}```python\nmore\n```", "fenced") == f"{CODE}```python\nmore\n"


def test_lines_that_end_in_carriage_returns_are_fences_too() -> None:
    assert extract("Here:\r\n```python\r\nx = 1\r\n```\r\n", "fenced") == "x = 1\r\n"
