"""The probes' answers against solvers written the other way round, and what must not give the answers away."""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InputError
from assay.evaluate.load import load_items
from assay.evaluate.probes.balance import READERS, SHARE, balanced, points
from assay.evaluate.probes.chance import Chance
from assay.evaluate.probes.question import Question
from assay.evaluate.probes.rows import DIGESTS, PROBES, ROWS, probe_digest, probe_rows, questions
from assay.evaluate.rows import local_hash
from assay.evaluate.task_file import load_task

LEVELS = [(name, level) for name, probe in PROBES.items() for level in range(1, probe.levels + 1)]
WITHIN = 1.96 * math.sqrt(0.25 * 0.75 / ROWS)
"""Half the interval in which guessing falls on one level."""


def box(prompt: str) -> str:
    """Follows the box that is asked for from the last exchange back to the first."""
    *told, asked = prompt.split(". ")
    name = asked.split()[2]
    for pair in reversed([re.findall(r"the (\w+) box", one) for one in told if one.startswith("Then")]):
        name = {pair[0]: pair[1], pair[1]: pair[0]}.get(name, name)
    return next(one.split()[-1] for one in told if one.startswith(f"The {name} box holds"))


def variable(prompt: str) -> str:
    """Asks, from the last assignment back, whose thing it was before."""
    *told, asked = prompt.split(". ")
    name = asked.split()[1]
    for one in reversed(told):
        words = one.split()
        if words[0] == "Then" and words[1] == name:
            name = words[-1]
        elif words[0] == name:
            return words[-1]
    raise AssertionError("never told of")


def nested(prompt: str) -> str:
    """Rewrites the phrase, the innermost part first, until a thing is left."""
    *told, phrase = prompt.removesuffix(" is").replace("The ", "the ").split(". ")
    while phrase.startswith("the "):
        (fact,) = {one for one in told if phrase.endswith(one.split(" is ")[0])}
        phrase = phrase.removesuffix(fact.split(" is ")[0]) + fact.split(" is ")[1]
    return phrase


def copied(prompt: str) -> str:
    """Finds the words given, as text, in what was read first."""
    first, *_, given_words = prompt.split(". ")
    found = re.search(rf"(?:^| ){given_words} (\w+)", first)
    assert found is not None
    return found[1]


def paired(prompt: str) -> str:
    """Takes the pair that begins as the text ends."""
    *told, cue = prompt.split(", ")
    return {pair.rpartition(" ")[0]: pair.rpartition(" ")[2] for pair in told}[cue]


def added(prompt: str) -> str:
    """Adds digit by digit, as on paper."""
    one, other = (number[::-1] for number in re.findall(r"\d+", prompt)[-2:])
    written, carry = "", 0
    for place in range(max(len(one), len(other))):
        total = int(one[place : place + 1] or 0) + int(other[place : place + 1] or 0) + carry
        written, carry = str(total % 10) + written, total // 10
    return "1" * carry + written


def deduced(prompt: str) -> str:
    """Adds to what is known of the one asked for whatever a rule allows, until nothing is new."""
    *told, asked = prompt.split(". ")
    name = asked.split()[1]
    known = [one.split()[-1] for one in told if one.startswith(f"{name} is ")]
    rules = [re.findall(r"is (\w+)", one) for one in told if one.startswith("Whoever")]
    while new := [end for start, end in rules if start in known and end not in known]:
        known += new
    return known[-1]


SOLVERS: dict[str, Callable[[str], str]] = {
    "boxes": box,
    "variables": variable,
    "nesting": nested,
    "copying": copied,
    "induction": paired,
    "arithmetic": added,
    "deduction": deduced,
}


@pytest.mark.parametrize(("name", "level"), LEVELS)
@given(seed=st.integers(0, 2**63))
@settings(max_examples=30, deadline=None)
def test_a_solver_that_reads_the_text_finds_the_gold_answer(name: str, level: int, seed: int) -> None:
    one = PROBES[name].draw(Chance(seed), level)
    assert one.choices[one.gold] == SOLVERS[name](one.prompt)
    assert len(set(one.choices)) == 4


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    return {name: list(probe_rows(name)) for name in PROBES}


def test_the_rows_are_the_same_for_ever(rows: dict[str, list[dict[str, Any]]]) -> None:
    for name, made in rows.items():
        assert hashlib.blake2b(json.dumps(made).encode(), digest_size=16).hexdigest() == DIGESTS[name]


def test_another_seed_gives_other_questions() -> None:
    assert questions("boxes", 3, 8, 1) != questions("boxes", 3, 8, 2)


def test_no_row_stands_twice_and_every_level_and_place_has_as_many(rows: dict[str, list[dict[str, Any]]]) -> None:
    for name, made in rows.items():
        texts = {(row["prompt"], *sorted(row["choices"])) for row in made}
        assert len(texts) == len(made) == ROWS * PROBES[name].levels
        per_place = Counter((row["level"], row["gold"]) for row in made)
        assert set(per_place.values()) == {ROWS // 4}


def test_texts_are_words_and_only_sums_have_digits(rows: dict[str, list[dict[str, Any]]]) -> None:
    for name, made in rows.items():
        marks = r"[A-Za-z0-9., ]+" if name == "arithmetic" else r"[A-Za-z., ]+"
        for row in made:
            assert re.fullmatch(marks, str(row["prompt"]))
            assert not re.search(r"[.,](?! )|  ", str(row["prompt"]))


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_shallow_readers_do_no_better_than_guessing(name: str, level: int) -> None:
    asked = questions(name, level)
    for reader in READERS.keys() - PROBES[name].skill(level):
        share = sum(points(READERS[reader], one) for one in asked) / SHARE / len(asked)
        assert abs(share - 0.25) < WITHIN, reader


def places(one: Question, choice: str) -> list[int]:
    """Where a choice stands in the text, in letters."""
    return [found.start() for found in re.finditer(rf"\b{choice}\b", one.prompt)]


def by_place(rank: int) -> Callable[[Question], str]:
    return lambda one: sorted(one.choices, key=lambda choice: places(one, choice)[0])[rank]


OTHERS: dict[str, Callable[[Question], str]] = {
    "told second": by_place(1),
    "told third": by_place(2),
    "first in the alphabet": lambda one: min(one.choices),
    "last in the alphabet": lambda one: max(one.choices),
    "listed first": lambda one: one.choices[0],
    "commonest letters of the text": lambda one: max(
        one.choices, key=lambda choice: sum(map(one.prompt.count, choice)) / len(choice)
    ),
}


@pytest.mark.parametrize("name", PROBES)
def test_readers_that_nothing_was_balanced_for_do_no_better_either(name: str) -> None:
    levels = range(2, PROBES[name].levels + 1)
    asked = [one for level in levels for one in questions(name, level)]
    for reader, answer in OTHERS.items():
        told = [one for one in asked if "told" not in reader or all(places(one, choice) for choice in one.choices)]
        if told:
            share = sum(answer(one) == one.choices[one.gold] for one in told) / len(told)
            assert abs(share - 0.25) < 2.6 * math.sqrt(0.25 * 0.75 / len(told)), reader


@pytest.mark.parametrize(
    ("name", "level"), [(name, level) for name, level in LEVELS if level >= PROBES[name].steps_from]
)
def test_what_is_told_of_the_one_asked_for_is_right_a_quarter_of_the_time(name: str, level: int) -> None:
    share = sum(points(READERS["overlap"], one) for one in questions(name, level)) / SHARE / ROWS
    assert abs(share - 0.25) < WITHIN


def test_looking_up_is_the_skill_where_the_answer_was_told() -> None:
    for name in ("boxes", "variables", "induction", "deduction"):
        assert all(points(READERS["overlap"], one) == SHARE for one in questions(name, 2))
    assert all(points(READERS["follows"], one) == SHARE for one in questions("copying", 4))


def test_a_pool_without_enough_to_pick_from_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be picked evenly"):
        balanced([], 4, frozenset())


@pytest.mark.parametrize("name", PROBES)
def test_a_task_reads_its_rows_from_the_generator(name: str) -> None:
    task = load_task(f"probes_{name}")
    items = load_items(task, {})
    assert len(items) == task.items == ROWS * PROBES[name].levels
    assert {len(item.choices) for item in items} == {4}
    assert all(choice.startswith(" ") for item in items for choice in item.choices)
    assert local_hash(task) == probe_digest(name)


def test_a_level_alone_is_a_task_of_its_own() -> None:
    alone = load_items(load_task("probes_deduction").part("4"), {})
    assert len(alone) == ROWS
    assert all(item.contexts[0].count("Whoever") == 8 for item in alone)


def test_a_limit_keeps_the_levels_about_even() -> None:
    kept = {item.contexts[0] for item in load_items(load_task("probes_boxes"), {}, 200)}
    steps = Counter(prompt.count("trade") for prompt in kept)
    assert all(20 <= steps[number] <= 65 for number in (1, 2, 3))


def task_file(folder: Path, source: str) -> Path:
    text = (Path(__file__).parents[2] / "src/assay/evaluate/tasks/probes_boxes.yaml").read_text()
    path = folder / "own.yaml"
    path.write_text(text.replace("{generator: boxes}", source))
    return path


def test_an_unknown_generator_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no generator 'boxs'.*boxes"):
        load_items(load_task(task_file(tmp_path, "{generator: boxs}")), {})


def test_a_generator_with_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it has no 'path'"):
        load_task(task_file(tmp_path, "{generator: boxes, path: rows.jsonl}"))
