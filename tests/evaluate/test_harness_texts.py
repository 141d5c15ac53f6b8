"""What a task asks is, character for character, what the harness asks.

The texts were made by lm-evaluation-harness 0.4.13 itself (its task files and its own code) from published rows, and
are stored with the rows as they lie in the packages. All rows of all these tasks were compared once; how many were
equal is in the reference of tasks.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from assay.evaluate.load import load_items, load_prompts
from assay.evaluate.task import Source, Task
from assay.evaluate.task_file import load_task

STORED = json.loads((Path(__file__).parent / "harness_texts.json").read_text(encoding="utf-8"))
NAMES = sorted({case["task"] for case in STORED})


def on_rows(name: str, rows: list[dict[str, Any]], folder: Path) -> Task:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = load_task(name)
    return task.model_copy(update={"source": Source(path=str(path), derive=task.source.derive)})


def without_line_breaks(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", NAMES)
def test_context_and_choices_are_the_harness_s(name: str, tmp_path: Path) -> None:
    cases = [case for case in STORED if case["task"] == name]
    items = load_items(on_rows(name, [case["row"] for case in cases], tmp_path), {})
    assert len(items) == len(cases)
    for item, case in zip(items, cases, strict=True):
        contexts = [args[0] for args in case["harness"]]
        if name == "lambada":
            contexts = list(map(without_line_breaks, contexts))
        assert list(item.contexts) in (contexts, contexts[:1])
        if all(len(args) == 2 for args in case["harness"]):
            assert [args[1] for args in case["harness"]] == list(item.choices)


@pytest.mark.parametrize("name", NAMES)
def test_the_right_answer_is_the_harness_s(name: str, tmp_path: Path) -> None:
    cases = [case for case in STORED if case["task"] == name]
    for item, case in zip(load_items(on_rows(name, [case["row"] for case in cases], tmp_path), {}), cases, strict=True):
        right = item.choices[item.gold].strip()
        match case["target"]:
            case int() as index:
                assert item.gold == index
            case str() as text if len(item.choices) > 1 and text.isdigit():
                assert item.gold == int(text)
            case str() as text:
                assert right == text.strip()
            case list() as accepted:
                assert right in accepted


@pytest.mark.parametrize("name", [name for name in NAMES if load_task(name).format().generate is not None])
def test_what_is_asked_in_words_accepts_what_the_harness_accepts(name: str, tmp_path: Path) -> None:
    cases = [case for case in STORED if case["task"] == name]
    prompts = load_prompts(on_rows(name, [case["row"] for case in cases], tmp_path), {})
    for prompt, case in zip(prompts, cases, strict=True):
        assert prompt.text == case["harness"][0][0]
        if isinstance(case["target"], list):
            # CoQA's answers are listed once each, in upper or lower case
            assert {text.lower() for text in prompt.accept} == {text.lower() for text in case["target"]}
        else:
            assert case["target"].split("#### ")[-1] in prompt.accept


def test_a_format_of_letters_shows_the_choices_and_asks_for_one(tmp_path: Path) -> None:
    for name in ("piqa", "arc_easy", "arc_challenge", "hellaswag"):
        rows = [case["row"] for case in STORED if case["task"] == name]
        plain = load_items(on_rows(name, rows, tmp_path), {})
        lettered = load_items(on_rows(f"{name}@letters", rows, tmp_path), {})
        for asked, item in zip(plain, lettered, strict=True):
            assert item.gold == asked.gold
            shown = [f"{letter}. {choice.strip()}" for letter, choice in zip("ABCDE", asked.choices, strict=False)]
            assert "\n".join(shown) + "\nAnswer:" in item.contexts[0]
            assert item.choices == tuple(f" {letter}" for letter in "ABCDE"[: len(asked.choices)])
