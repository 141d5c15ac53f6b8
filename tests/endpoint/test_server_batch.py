"""Answers that begin and end at any time beside others are those of plain generation, with their log-probabilities."""

import random
import re
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.endpoint.batch import Answering, Batch, cache_bytes
from assay.endpoint.token_logprobs import TokenBytes, score_tokens
from assay.evaluate.generate import Ask, Decoding, generate
from assay.evaluate.running import output_logits
from assay.evaluate.scorer import score_pairs
from assay.model.native import inference
from served_model import LONGEST, decoder, tokenizer

TEXTS = ("The value of the expression", "A list is", "x", "The import statement", "Names refer to objects", "x")
DECODINGS = (
    Decoding(30),
    Decoding(25, temperature=0.9, top_p=0.9, seed=4),
    Decoding(40, stop=("e", "th"), temperature=1.2, seed=1),
    Decoding(7, stop=(" of the",)),
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for one another on a busy machine take minutes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def questions(**more: Any) -> list[Answering]:
    return [
        Answering(text, (0, *tokenizer().encode(text).ids), decoding, sample, frozenset({0}), **more)
        for text in TEXTS
        for decoding in DECODINGS
        for sample in range(2)
    ]


def run(batch: Batch, joining: list[tuple[int, Answering]]) -> None:
    """Step until all are answered; each joins before the step of its number."""
    step, waiting = 0, sorted(joining, key=lambda pair: pair[0])
    while waiting or batch:
        while waiting and waiting[0][0] <= step:
            batch.add(waiting.pop(0)[1])
        if batch:
            batch.step()
        step += 1


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**16), st.sampled_from([1, 3, 16]))
def test_whoever_joins_when_is_answered_as_alone(seed: int, slots: int) -> None:
    ones = questions()
    asks = [Ask(one.key, one.prompt, one.decoding, one.sample) for one in ones]
    expected = generate(decoder(), tokenizer(), (0,), asks, LONGEST)
    draw = random.Random(seed)
    run(Batch(decoder(), tokenizer(), LONGEST, slots), [(draw.randrange(60), one) for one in ones])
    assert [(one.text, tuple(one.made), one.finish) for one in ones] == [
        (answer.text, answer.tokens, answer.finish) for answer in expected
    ]
    assert {one.finish for one in ones} >= {"stop", "length"}


def test_where_the_kernels_do_not_run_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = questions(top=2), questions(top=2)
    run(Batch(decoder(), tokenizer(), LONGEST, 5), [(index, one) for index, one in enumerate(ours)])
    monkeypatch.setattr(inference, "library", lambda: None)
    monkeypatch.setattr("assay.evaluate.sampling.library", lambda: None)
    run(Batch(decoder(), tokenizer(), LONGEST, 5), [(index, one) for index, one in enumerate(theirs)])
    for one, other in zip(ours, theirs, strict=True):
        assert one.made == other.made
        numbers = [told.logprob for told in one.logprobs]
        assert numbers == pytest.approx([told.logprob for told in other.logprobs], abs=1e-3)


def test_a_model_that_reads_long_texts_has_fewer_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    ten_thousand_tokens = 2 * 2 * 64 * 4 * 10_000
    monkeypatch.setattr("assay.endpoint.batch.cache_bytes", lambda device: ten_thousand_tokens)
    assert [len(Batch(decoder(), tokenizer(), longest).running) for longest in (512, 2_048, 20_000)] == [16, 4, 1]


def test_keys_and_values_may_take_half_of_the_machines_memory() -> None:
    told = re.search(r"MemTotal: +(\d+) kB", Path("/proc/meminfo").read_text())
    assert told is not None
    assert cache_bytes(torch.device("cpu")) == pytest.approx(int(told[1]) * 1024 / 2, rel=1e-3)


def test_an_answer_ends_at_any_of_its_end_tokens() -> None:
    prompt = (0, *tokenizer().encode("The value").ids)
    (whole,) = generate(decoder(), tokenizer(), (), [Ask("", prompt, Decoding(30))], LONGEST)
    ending = whole.tokens[11]
    one = Answering("", prompt, Decoding(30), ends=frozenset({0, ending}))
    run(Batch(decoder(), tokenizer(), LONGEST), [(0, one)])
    assert tuple(one.made) == whole.tokens[: whole.tokens.index(ending)]
    assert one.finish == "end"


def test_a_prompt_and_its_answer_end_where_the_model_does() -> None:
    one = Answering("", (5,) * (LONGEST - 3), Decoding(30))
    run(Batch(decoder(), tokenizer(), LONGEST), [(0, one)])
    assert (len(one.made), one.finish) == (3, "length")


def test_numbers_of_made_tokens_are_those_of_the_scorer_and_of_the_definition() -> None:
    ones = questions(top=4)
    run(Batch(decoder(), tokenizer(), LONGEST), [(index, one) for index, one in enumerate(ones)])
    ones = [one for one in ones if one.made]
    scores = score_pairs(decoder(), [(one.prompt, tuple(one.made)) for one in ones])
    for one, score in zip(ones, scores, strict=True):
        assert [told.token for told in one.logprobs] == one.made
        numbers = [told.logprob for told in one.logprobs if told.logprob is not None]
        assert sum(numbers) == pytest.approx(score.logprob, abs=2e-3)
        for told in one.logprobs:
            assert len(told.top) == 4
            assert [number for _, number in told.top] == sorted((number for _, number in told.top), reverse=True)
            assert dict(told.top).get(told.token, told.logprob) == told.logprob
            if one.decoding.temperature == 0:
                assert told.top[0] == (told.token, told.logprob)
    tokens = (*ones[0].prompt, *ones[0].made)
    ids = torch.tensor(tokens)
    with torch.inference_mode():
        logits = decoder().hidden(ids[None])[0].double() @ decoder().output.double().t()
    expected = logits.log_softmax(-1)[:-1].gather(1, ids[1:, None])[:, 0]
    scored = score_tokens(decoder(), output_logits(decoder()), tokens, 3)
    assert scored[0] == (0, None, ())
    assert [told.logprob for told in scored[1:]] == pytest.approx(expected.tolist(), abs=1e-3)
    likely = logits.log_softmax(-1)[:-1].topk(3).indices.tolist()
    assert [[token for token, _ in told.top] for told in scored[1:]] == likely


def test_who_leaves_makes_room_and_changes_nothing_for_others() -> None:
    ones = questions()
    batch = Batch(decoder(), tokenizer(), LONGEST, 4)
    for one in ones:
        batch.add(one)
    for _ in range(5):
        batch.step()
    gone = [one for index, one in enumerate(ones) if index % 3 == 0 and one.finish is None]
    for one in gone:
        batch.drop(one)
    run(batch, [])
    assert gone
    assert all(one.finish is None for one in gone)
    rest = [one for one in ones if one not in gone]
    asks = [Ask(one.key, one.prompt, one.decoding, one.sample) for one in rest]
    assert [one.text for one in rest] == [
        answer.text for answer in generate(decoder(), tokenizer(), (0,), asks, LONGEST)
    ]


def test_a_text_that_is_followed_only_grows_and_never_shows_what_a_stop_takes_back() -> None:
    ones = questions(is_followed=True)
    seen: list[list[str]] = [[] for _ in ones]

    def note(one: Answering, texts: list[str]) -> None:
        texts.append(one.text)

    for one, texts in zip(ones, seen, strict=True):
        one.changed = partial(note, one, texts)
    run(Batch(decoder(), tokenizer(), LONGEST), [(0, one) for one in ones])
    for one, texts in zip(ones, seen, strict=True):
        assert texts[-1] == one.text
        assert all(after.startswith(before) for before, after in pairwise(texts))
    assert max(map(len, seen)) > 10


def test_after_a_failure_all_hear_of_it_and_the_next_is_answered() -> None:
    batch = Batch(decoder(), tokenizer(), LONGEST, 2)
    ones = questions()[:5]
    for one in ones:
        batch.add(one)
    batch.step()
    batch.fail("the disk is on fire")
    assert not batch
    assert {one.problem for one in ones if one.finish is None} == {"the disk is on fire"}
    again = questions()[0]
    run(batch, [(0, again)])
    (expected,) = generate(decoder(), tokenizer(), (0,), [Ask(again.key, again.prompt, again.decoding)], LONGEST)
    assert again.text == expected.text


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_the_bytes_of_a_texts_tokens_are_the_texts(text: str) -> None:
    read = TokenBytes(tokenizer())
    text = text.encode("utf-8", "ignore").decode()
    ids = tokenizer().encode(text).ids
    assert b"".join(map(read, ids)) == text.encode()
