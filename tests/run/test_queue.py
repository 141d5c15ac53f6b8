"""The queue of steps, against what any correct order must satisfy."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.run.queue import Queue
from assay.run.step import Step


def steps_of(edges: list[list[int]]) -> list[Step]:
    """Step ``i`` reads the steps in ``edges[i]``, all of them earlier."""
    made: list[Step] = []
    for index, needs in enumerate(edges):
        inputs = {str(need): made[need] for need in needs}
        made.append(Step("thing", {"index": index}, inputs, size=float(index % 5)))
    return made


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Step], set[str], list[Step]]:
    """(steps, keys that the store holds, goals)."""
    count = draw(st.integers(1, 25))
    edges = [
        draw(st.lists(st.integers(0, index - 1), max_size=3, unique=True)) if index else [] for index in range(count)
    ]
    steps = steps_of(edges)
    held = {step.key for step in steps if draw(st.booleans())}
    goals = draw(st.lists(st.sampled_from(steps), min_size=1, unique_by=lambda step: step.key))
    return steps, held, goals


@given(graphs(), st.integers(0, 2**32))
def test_every_step_that_a_goal_needs_is_taken_once_after_what_it_reads_and_no_other(
    graph: tuple[list[Step], set[str], list[Step]], seed: int
) -> None:
    _, held, goals = graph
    wanted: set[str] = set()
    waiting = list(goals)
    while waiting:
        step = waiting.pop()
        if step.key not in held and step.key not in wanted:
            wanted.add(step.key)
            waiting += step.needs
    queue = Queue(goals, lambda step: step.key in held)
    done: set[str] = set(held)
    running: list[Step] = []
    taken: list[str] = []
    chance = random.Random(seed)
    while queue:
        if queue.can_begin and (not running or chance.random() < 0.6):
            step = queue.take()
            assert all(need.key in done for need in step.needs)
            running.append(step)
            continue
        step = running.pop(chance.randrange(len(running)))
        if chance.random() < 0.2:
            queue.put_back(step)
            continue
        queue.done(step)
        done.add(step.key)
        taken.append(step.key)
    assert sorted(taken) == sorted(wanted)


def test_the_longest_way_goes_first() -> None:
    short = Step("state", {"name": "short"}, size=10)
    trunk = Step("state", {"name": "trunk"}, size=6)
    fork = Step("state", {"name": "fork"}, after=trunk, size=6)
    queue = Queue([short, fork], lambda _: False)
    assert [queue.take().recipe["name"], queue.take().recipe["name"]] == ["trunk", "short"]
    assert not queue.can_begin
    queue.done(trunk)
    assert queue.take() is fork


def test_a_damaged_input_is_made_again_with_what_it_needs_before_the_step_that_found_it() -> None:
    source, tokens, state = steps_of([[], [0], [1]])
    held = {tokens.key}
    queue = Queue([state], lambda step: step.key in held)
    assert queue.take() is state
    held.clear()
    assert queue.damaged(state, tokens.kind, tokens.key) is tokens
    for step in (source, tokens, state):
        assert queue.take() is step
        assert not queue.can_begin
        queue.done(step)
    assert not queue


def test_two_steps_that_find_the_same_damage_have_it_made_once() -> None:
    tokens, one, other = steps_of([[], [0], [0]])
    held = {tokens.key}
    queue = Queue([one, other], lambda step: step.key in held)
    assert {queue.take().key, queue.take().key} == {one.key, other.key}
    held.clear()
    queue.damaged(one, tokens.kind, tokens.key)
    queue.damaged(other, tokens.kind, tokens.key)
    assert queue.take() is tokens
    assert not queue.can_begin
    queue.done(tokens)
    assert {queue.take().key, queue.take().key} == {one.key, other.key}


@pytest.mark.parametrize("length", [5000])
def test_long_chains_are_no_trouble(length: int) -> None:
    steps: list[Step] = []
    for index in range(length):
        steps.append(Step("state", {"index": index}, after=steps[-1] if steps else None, size=1))
    queue = Queue(steps[-1:], lambda _: False)
    for step in steps:
        assert queue.take() is step
        queue.done(step)
