"""Each built-in task against the same data set as published, written into prompts a second way.

The wheels that the tasks name are not at hand in a test, so each task's source is replaced by the JSONL copy
of the same rows. Two differ in layout: BoolQ's copy has SuperGLUE's `label` for `answer`, and MBPP's is flat
instead of a request log. The prompts here are written out in Python from the harness's definitions, without
Jinja.
"""

import difflib
import gzip
import itertools
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from assay.evaluate.item import Item
from assay.evaluate.load import load_items
from assay.evaluate.task import PromptFormat, Source, Task
from assay.evaluate.task_file import load_task

DATA = os.environ.get("ASSAY_TEST_DATA")
pytestmark = pytest.mark.skipif(
    not DATA or not (Path(DATA) / "benchmarks").is_dir(), reason="needs ASSAY_TEST_DATA with benchmarks/"
)

FILES = {
    "triviaqa": "validation_rc.wikipedia.nocontext.jsonl.gz",
    "hellaswag": "validation.jsonl.gz",
    "humaneval": "test.jsonl",
    "mbpp": "test.jsonl",
}
ROWS = {
    "triviaqa": 7993,
    "nq_open": 3610,
    "hellaswag": 10042,
    "piqa": 1838,
    "arc_easy": 570,
    "boolq": 3270,
    "cb": 56,
    "copa": 100,
    "winogrande": 1267,
    "social_iqa": 1954,
    "sciq": 1000,
    "humaneval": 164,
    "mbpp": 500,
}
DOUBLES = {"social_iqa": 19}
Prompt = tuple[tuple[str, ...], tuple[str, ...], int]
Row = dict[str, Any]


def published(name: str) -> Path:
    return Path(DATA or "") / "benchmarks" / name / FILES.get(name, "validation.jsonl")


@cache
def rows(name: str) -> list[Row]:
    content = published(name).read_bytes()
    text = gzip.decompress(content) if published(name).suffix == ".gz" else content
    return [json.loads(line) for line in text.splitlines()]


def on_copy(name: str) -> Task:
    task = load_task(name)
    changes: dict[str, Any] = {"source": Source(path=str(published(name)))}
    if name == "boolq":
        forms = {name: form.model_dump() | {"gold": "{{ label }}"} for name, form in task.formats.items()}
        changes["formats"] = {name: PromptFormat.model_validate(form) for name, form in forms.items()}
    return task.model_copy(update=changes)


@cache
def items_of(name: str, format: str | None = None) -> list[Item]:
    return load_items(on_copy(name), {}, format=format)


def cleaned(text: str) -> str:
    return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")


def hellaswag(row: Row) -> Prompt:
    context = cleaned(f"{row['activity_label']}: {row['ctx_a']} {row['ctx_b'].capitalize()}")
    return (context,), tuple(" " + cleaned(ending) for ending in row["endings"]), int(row["label"])


def arc_easy(row: Row) -> Prompt:
    texts, labels = row["choices"]["text"], row["choices"]["label"]
    return (
        (f"Question: {row['question']}\nAnswer:",),
        tuple(" " + t for t in texts),
        labels.index(row["answerKey"]),
    )


def copa(row: Row) -> Prompt:
    link = {"cause": "because", "effect": "therefore"}[row["question"]]
    choices = tuple("  " + row[key][0].lower() + row[key][1:] for key in ("choice1", "choice2"))
    return (f"{row['premise'].strip()[:-1]} {link}",), choices, row["label"]


def winogrande(row: Row) -> Prompt:
    before, after = row["sentence"].split("_")
    contexts = (before + row["option1"], before + row["option2"])
    return contexts, (" " + after.strip(),) * 2, {"1": 0, "2": 1}[row["answer"]]


def sciq(row: Row) -> Prompt:
    keys = ("distractor1", "distractor2", "distractor3", "correct_answer")
    context = row["support"].lstrip() + "\nQuestion: " + row["question"] + "\nAnswer:"
    return (context,), tuple(" " + row[key] for key in keys), 3


def mbpp(row: Row) -> Prompt:
    context = (
        "You are an expert Python programmer, and here is your task: "
        + row["text"]
        + " Your code should pass these tests:\n\n"
        + "\n".join(row["test_list"][:3])
        + "\n[BEGIN]\n"
    )
    return (context,), ("\n".join(row["code"].split("\r\n")),), 0


ORACLES: dict[str, Callable[[Row], Prompt]] = {
    "triviaqa": lambda r: (("Question: " + r["question"] + "?\nAnswer:",), (" " + r["answer"]["value"],), 0),
    "nq_open": lambda r: (
        ("Answer these questions:\n\nQ: " + r["question"] + "?\nA:",),
        (" " + r["answer"][0],),
        0,
    ),
    "hellaswag": hellaswag,
    "piqa": lambda r: (
        ("Question: " + r["goal"] + "\nAnswer:",),
        (" " + r["sol1"], " " + r["sol2"]),
        r["label"],
    ),
    "arc_easy": arc_easy,
    "boolq": lambda r: (
        (r["passage"] + "\nQuestion: " + r["question"] + "?\nAnswer:",),
        (" no", " yes"),
        r["label"],
    ),
    "cb": lambda r: (
        (r["premise"] + "\nQuestion: " + r["hypothesis"] + ". True, False, or Neither?\nAnswer:",),
        (" True", " False", " Neither"),
        r["label"],
    ),
    "copa": copa,
    "winogrande": winogrande,
    "social_iqa": lambda r: (
        ("Q: " + r["context"] + " " + r["question"] + "\nA:",),
        (" " + r["answerA"], " " + r["answerB"], " " + r["answerC"]),
        int(r["label"]) - 1,
    ),
    "sciq": sciq,
    "humaneval": lambda r: ((r["prompt"],), (r["canonical_solution"],), 0),
    "mbpp": mbpp,
}


def prompt(item: Item) -> Prompt:
    return item.contexts, item.choices, item.gold


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_every_item_is_the_published_one_in_the_harness_prompt(name: str) -> None:
    read = rows(name)
    expected = list(dict.fromkeys(map(ORACLES[name], read)))
    assert len(read) == ROWS[name]
    assert len(expected) == ROWS[name] - DOUBLES.get(name, 0)
    assert [prompt(item) for item in items_of(name)] == expected


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_every_format_of_a_task_asks_the_same_questions(name: str) -> None:
    task = on_copy(name)
    default = items_of(name)
    for other in set(task.formats) - {task.default_format}:
        items = items_of(name, other)
        assert [item.gold for item in items] == [item.gold for item in default]
        if task.cluster is not None:
            assert [item.cluster for item in items] == [item.cluster for item in default]
        assert [len(item.choices) for item in items] == [len(item.choices) for item in default]
        assert items[0].id != default[0].id
        if not task.format(other).labels and task.category != "code":
            stripped = [[choice.strip() for choice in item.choices] for item in items]
            assert stripped == [[choice.strip() for choice in item.choices] for item in default]


@pytest.mark.parametrize("name", [name for name in sorted(ORACLES) if load_task(name).chance is not None])
def test_chance_is_what_guessing_scores_on_the_items(name: str) -> None:
    task = load_task(name)
    items = items_of(name)
    assert task.chance == pytest.approx(sum(1 / len(item.choices) for item in items) / len(items), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("boolq", "passage"),
        ("cb", "premise"),
        ("social_iqa", "context"),
        ("hellaswag", "source_id"),
        ("piqa", "goal"),
    ],
)
def test_items_that_share_text_share_a_cluster_and_no_others_do(name: str, key: str) -> None:
    item_of = {prompt(item): item for item in items_of(name)}
    by_text: dict[str, set[str]] = defaultdict(set)
    for row in rows(name):
        by_text[row[key]].add(item_of[ORACLES[name](row)].cluster)
    assert all(len(clusters) == 1 for clusters in by_text.values())
    assert len(set.union(*by_text.values())) == len(by_text)


def test_twin_sentences_of_winogrande_share_a_cluster() -> None:
    read = rows("winogrande")
    items = items_of("winogrande")
    same_options: dict[frozenset[str], list[int]] = defaultdict(list)
    for index, row in enumerate(read):
        same_options[frozenset((row["option1"].strip().lower(), row["option2"].strip().lower()))].append(index)
    twins = [
        (a, b)
        for group in same_options.values()
        for a, b in itertools.combinations(group, 2)
        if difflib.SequenceMatcher(None, read[a]["sentence"], read[b]["sentence"], autojunk=False).ratio() > 0.75
    ]
    found = sum(items[a].cluster == items[b].cluster for a, b in twins)
    assert (found, len(twins)) == (283, 284)
    assert max(Counter(item.cluster for item in items).values()) <= 3


def test_a_limit_of_hellaswag_holds_both_of_its_halves_in_proportion() -> None:
    video = {ORACLES["hellaswag"](row) for row in rows("hellaswag") if row["source_id"].startswith("activitynet")}
    chosen = load_items(on_copy("hellaswag"), {}, 500)
    share = sum(prompt(item) in video for item in chosen) / 500
    assert share == pytest.approx(3243 / 10042, abs=0.06)
