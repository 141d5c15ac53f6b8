"""A batch that is joined and left between two tokens: answers are those of each alone, and every prompt gets a turn."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_decoders import prompts, random_decoder, tokenizer

from assay.evaluate import running
from assay.evaluate.decoding import Decoding
from assay.evaluate.generate import Ask, generate
from assay.evaluate.running import Batch, Running
from assay.model.inference import flat_hidden

LONGEST = 128
MODEL = "llama with grouped keys"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for one another on a busy machine take minutes for what is done in a second."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tokens that went through the model, of each pass."""
    counts: list[int] = []

    def counted(decoder: Any, ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        counts.append(len(ids))
        return flat_hidden(decoder, ids, *rest)

    monkeypatch.setattr(running, "flat_hidden", counted)
    return counts


def open_batch(slots: int) -> Batch[Running]:
    return Batch(random_decoder(MODEL), tokenizer(), LONGEST, slots, LONGEST)


def alone(one: Running) -> tuple[tuple[int, ...], str, str]:
    ask = Ask(one.key, one.prompt, one.decoding, one.sample)
    (answer,) = generate(random_decoder(MODEL), tokenizer(), (0,), [ask], LONGEST)
    return answer.tokens, answer.text, answer.finish


def samples(count: int, prompt: tuple[int, ...], tokens: int, key: str = "") -> list[Running]:
    decoding = Decoding(tokens, temperature=1.0, stop=("ing",), seed=5)
    return [Running(key, prompt, decoding, sample, frozenset({0})) for sample in range(count)]


def finish(batch: Batch[Running]) -> list[Running]:
    over: list[Running] = []
    while batch:
        over += batch.step()
    return over


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16), slots=st.sampled_from([1, 2, 5]), room=st.sampled_from([20, 2048]))
def test_whoever_comes_and_goes_when_each_is_answered_as_alone(
    monkeypatch: pytest.MonkeyPatch, seed: int, slots: int, room: int
) -> None:
    monkeypatch.setattr(running, "PROMPT_TOKENS", {"cpu": room})
    draw = random.Random(seed)
    ones = [one for prompt in prompts(9, 1, 30, 17) for one in samples(4, prompt, draw.randint(1, 12), str(prompt))]
    draw.shuffle(ones)
    batch, coming, gone, over = open_batch(slots), list(ones), [], []
    while coming or batch:
        while coming and draw.random() < 0.4:
            batch.add(coming.pop())
        under_way = [one for one in ones if one not in coming and one not in gone and one.finish is None]
        if under_way and draw.random() < 0.05:
            gone.append(draw.choice(under_way))
            batch.drop(gone[-1])
        if batch:
            over += batch.step()
    assert sorted(map(id, [*over, *gone])) == sorted(map(id, ones))
    for one in over:
        assert (tuple(one.made), one.text, one.finish) == alone(one)


def test_who_asks_later_what_a_slot_begins_with_costs_no_pass_of_the_prompt(passed: list[int]) -> None:
    (prompt, other) = prompts(40, 30)
    first, second, third = samples(3, prompt, 4)
    batch = open_batch(2)
    batch.add(first)
    finish(batch)
    assert passed[0] == len(prompt)
    passed.clear()
    batch.add(second)
    batch.step()
    batch.add(samples(1, other, 4, "other")[0])
    batch.add(third)
    finish(batch)
    assert sum(passed) < len(other) + 3 * 4
    assert [tuple(one.made) for one in (second, third)] == [alone(one)[0] for one in (second, third)]


def test_a_prompt_that_is_asked_without_end_keeps_no_other_out() -> None:
    often, rare = prompts(9, 12)
    batch = open_batch(3)
    (one,) = samples(1, rare, 4, "rare")
    waiting = samples(400, often, 4)
    for _ in range(6):
        batch.add(waiting.pop())
    for step in range(40):
        if step == 5:
            batch.add(one)
        for _ in range(2):  # more than three slots can answer
            batch.add(waiting.pop())
        batch.step()
    assert one.finish is not None
    assert (tuple(one.made), one.text) == alone(one)[:2]


def test_what_is_dropped_or_cleared_is_left_as_it_is_and_nothing_remains() -> None:
    prompt, other = prompts(9, 12)
    batch = open_batch(1)
    ones = [*samples(3, prompt, 8), *samples(2, other, 8, "other")]
    for one in ones:
        batch.add(one)
    batch.step()
    made = list(ones[0].made)
    for one in (ones[0], ones[2], ones[3], ones[3]):
        batch.drop(one)
    batch.step()
    assert ones[0].made == made and ones[1].made and not ones[2].made
    assert batch.clear() == [ones[1], ones[4]]
    assert not batch
    batch.drop(ones[1])
    batch.add(again := samples(2, prompt, 8)[1])
    assert finish(batch) == [again] and tuple(again.made) == alone(again)[0]
