"""Rows made of records: calls out of tests, turns out of conversations, answers out of boxes."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InputError
from assay.evaluate.derive import derive_rows, last_boxed
from assay.evaluate.load import load_items, load_prompts
from assay.evaluate.task import Source
from assay.evaluate.task_file import load_task

MBPP = {
    "task_id": 11,
    "code": "def double(x): \r\n    return x * 2 ",
    "test_list": [
        "assert double(2)==4",
        'assert double( "ab" ) == "abab"',
        "assert double(2) == 4",
        "assert double(len([1])) == 2",
        "assert not double(0)",
        "assert double(0.5) - 1 < 1e-6",
    ],
}
HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def double(x):\n    """Twice x."""\n',
    "canonical_solution": "    return x * 2\n",
    "entry_point": "double",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate([]) == []\n    assert True\n",
}
QUAC = {
    "wikipedia_page_title": "Ada Lovelace",
    "section_title": "Childhood",
    "context": "Ada was born in London. She liked machines. CANNOTANSWER",
    "questions": ["Where was she born?", "When?", "What did she like?"],
    "orig_answers": {"texts": ["London", "CANNOTANSWER", "machines"], "answer_starts": [16, 45, 34]},
    "answers": {"texts": [["London", "in London"], ["CANNOTANSWER"], ["machines", "CANNOTANSWER"]]},
}
STORY = {
    **{f"input_sentence_{number}": f"Sentence {number}." for number in (1, 2, 3, 4)},
    "sentence_quiz1": "It ended well.",
    "sentence_quiz2": "It ended badly.",
    "answer_right_ending": 2,
}


def test_each_test_that_calls_with_literals_and_expects_one_is_a_row() -> None:
    found = list(derive_rows(MBPP, "calls"))
    assert [(row["call"], row["output"]) for row in found] == [("double(2)", "4"), ("double('ab')", "'abab'")]
    assert {row["code"] for row in found} == {"def double(x):\n    return x * 2"}
    assert {row["problem"] for row in found} == {"11"}


def test_the_candidate_of_a_test_function_is_called_by_its_own_name() -> None:
    found = list(derive_rows(HUMANEVAL, "calls"))
    assert [(row["call"], row["output"]) for row in found] == [("double(2)", "4"), ("double([])", "[]")]
    assert found[0]["code"].endswith('"""Twice x."""\n    return x * 2')


def test_outputs_are_what_the_reference_solution_returns() -> None:
    """An independent check of how tests are read: some plain problems of MBPP are run, the way their tests would be."""
    data = os.environ.get("ASSAY_TEST_DATA")
    if not data:
        pytest.skip("needs ASSAY_TEST_DATA with benchmarks/")
    lines = (Path(data) / "benchmarks/mbpp/test.jsonl").read_text().splitlines()
    chosen = [json.loads(line) for line in lines]
    plain = [row for row in chosen if "import" not in row["code"] and "while" not in row["code"]][:60]
    checked = 0
    for record in plain:
        for row in derive_rows(record, "calls"):
            names: dict[str, Any] = {}
            exec(row["code"], names)
            assert eval(row["call"], names) == eval(row["output"]), row
            checked += 1
    assert checked > 150


def test_each_answered_question_of_a_conversation_is_a_row_with_what_was_said_before() -> None:
    found = list(derive_rows(QUAC, "turns"))
    assert [(row["question"], row["answer"]) for row in found] == [
        ("Where was she born?", "London"),
        ("What did she like?", "machines"),
    ]
    assert found[0]["past"] == []
    assert found[1]["past"] == [("Where was she born?", "London"), ("When?", "CANNOTANSWER")]
    assert found[1]["answers"] == ["machines", "machines"]


def test_quac_and_storycloze_are_read_from_a_copy_in_the_hub_s_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_HUB", str(tmp_path))
    for path, row in {
        "allenai/quac/plain_text/validation-00000-of-00001.jsonl": QUAC,
        "LSDSem/story_cloze/2016/validation.jsonl.gz": STORY,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True)
        content = (json.dumps(row) + "\n").encode()
        (tmp_path / path).write_bytes(gzip.compress(content) if path.endswith(".gz") else content)
    quac = load_items(load_task("quac"), {})
    assert quac[1].contexts == (
        "Ada Lovelace: Childhood\n\nAda was born in London. She liked machines.\n\n"
        "Q: Where was she born?\n\nA: London\n\nQ: When?\n\nA: CANNOTANSWER\n\nQ: What did she like?\n\nA:",
    )
    assert quac[1].choices == (" machines",)
    assert quac[0].cluster == quac[1].cluster
    assert [prompt.accept for prompt in load_prompts(load_task("quac"), {})] == [("London", "in London"), ("machines",)]
    (story,) = load_items(load_task("storycloze"), {})
    assert story.contexts == ("Sentence 1. Sentence 2. Sentence 3. Sentence 4.",)
    assert (story.choices, story.gold) == ((" It ended well.", " It ended badly."), 1)


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"so $\boxed{3}$", "3"),
        (r"$\boxed{1}$ and $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        (r"it is $\boxed \frac12$ then", r"\frac12"),
    ],
)
def test_the_answer_is_what_stands_in_the_last_box(solution: str, answer: str) -> None:
    assert last_boxed(solution) == answer


def test_a_record_that_gives_no_rows_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    task = load_task("mbpp_outputs").model_copy(update={"source": Source(path=str(path), derive="calls")})
    path.write_text(json.dumps({"code": "x"}) + "\n")
    with pytest.raises(InputError, match=r"a row of rows.jsonl has no column 'test_list', which 'calls' needs"):
        load_items(task, {})
    path.write_text(json.dumps({**MBPP, "test_list": ["assert ("]}) + "\n")
    with pytest.raises(InputError, match="the tests are not Python"):
        load_items(task, {})
    with pytest.raises(ValueError, match="no box that ends"):
        last_boxed(r"\boxed{3")
