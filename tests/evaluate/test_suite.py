"""Suites: lists of tasks, what they lack, and how a wrong one is refused."""

from pathlib import Path

import pytest

from assay.errors import InputError
from assay.evaluate.suite import load_suite, suite_names
from assay.evaluate.task_file import load_task, task_names


@pytest.mark.parametrize("name", suite_names())
def test_every_task_of_a_built_in_suite_is_there_and_named_once(name: str) -> None:
    suite = load_suite(name)
    assert len(set(suite.tasks)) == len(suite.tasks) > 0
    assert set(suite.tasks) <= set(task_names())
    assert not set(suite.without) & set(suite.tasks)


def test_the_study_s_suite_says_that_it_is_nine_of_eleven_reasoning_tasks() -> None:
    suite = load_suite("study")
    assert len(suite.tasks) == 13
    categories = [load_task(task).category for task in suite.tasks]
    assert [categories.count(name) for name in ("knowledge", "reasoning", "code")] == [2, 9, 2]
    told = suite.lacks()
    assert told is not None
    assert told.startswith("9 of 11 reasoning tasks, without quac and storycloze (in no package")


def test_the_quickstart_is_the_study_s_tasks_with_few_items() -> None:
    suite = load_suite("quickstart")
    assert suite.tasks == load_suite("study").tasks
    assert (suite.limit, suite.heldout) == (200, ("text", "code", "markup"))
    assert suite.lacks() == load_suite("study").lacks()


def test_everything_holds_all_that_needs_no_copy() -> None:
    needs_a_copy = {name for name in task_names() if load_task(name).source.hub is not None}
    assert set(load_suite("everything").tasks) == set(task_names()) - needs_a_copy
    assert set(load_suite("hub").tasks) == needs_a_copy == set(load_suite("everything").without)


def test_a_suite_of_one_s_own_names_suites_parts_formats_and_files(tmp_path: Path) -> None:
    (tmp_path / "colours.yaml").write_text(
        "id: colours\ntitle: Colours\ncategory: reasoning\nsource: {path: colours.jsonl}\n"
        "formats: {plain: {context: '{{ a }}', choices: [' {{ b }}']}}\n"
    )
    (tmp_path / "mine.yaml").write_text(
        "title: Mine\nsuites: [hub, study]\n"
        "tasks: [colours.yaml, mmlu:anatomy, piqa@letters, piqa]\nlimit: 50\nheldout: ['code:python']\n"
    )
    suite = load_suite(tmp_path / "mine.yaml")
    assert suite.tasks[:4] == ("quac", "storycloze", "blimp", "triviaqa")
    assert suite.tasks[-3:] == (str(tmp_path / "colours.yaml"), "mmlu:anatomy", "piqa@letters")
    assert (suite.limit, suite.heldout, suite.lacks()) == (50, ("code:python",), None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: Mine\ntasks: [piqqa]\n", "did you mean 'piqa'"),
        ("title: Mine\nsuites: [studdy]\n", "there is no suite 'studdy'; did you mean 'study'"),
        ("title: Mine\ntask: [piqa]\n", r"mine.yaml:2: unknown key 'task'; did you mean 'tasks'"),
        ("title: Mine\n", "measures nothing"),
        ("tasks: [piqa]\n", "'title' is missing"),
        ("title: Mine\ntasks: [piqa]\nlimit: 0\n", r"mine.yaml:3: limit"),
        ("- piqa\n", "a suite file is a mapping of keys such as 'title:' and 'tasks:'"),
    ],
)
def test_a_wrong_suite_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        load_suite(tmp_path / "mine.yaml")


def test_a_missing_suite_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no suite file .*nowhere\.yaml"):
        load_suite(tmp_path / "nowhere.yaml")
