"""Pairs of contexts and continuations that share beginnings, against each alone, one sequence at a time."""

import random
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.evaluate.requests import Request
from assay.evaluate.scorer import Pair, Score, score_pairs, score_requests
from assay.model.decoder import Decoder, initialise, plain_decoder
from assay.model.inference import flat_hidden
from assay.model.native import inference as native
from assay.model.shape import Shape

VOCABULARY = 90
SHAPES = {
    "parallel": Shape(VOCABULARY, 64, 2, 2, 32, 96),
    "llama": Shape(VOCABULARY, 64, 2, 2, 32, 96, "llama"),
    "grouped queries": Shape(VOCABULARY, 128, 2, 4, 32, 96, "llama", 2, False),
}
TOKEN = st.integers(0, 3)
"""Few, so that random sequences share beginnings."""
TRIES = st.lists(
    st.tuples(st.lists(TOKEN, min_size=1, max_size=40).map(tuple), st.lists(TOKEN, min_size=0, max_size=12).map(tuple)),
    min_size=1,
    max_size=25,
)


def decoder_of(name: str, dtype: torch.dtype = torch.float32) -> Decoder:
    shape = SHAPES[name]
    flat = initialise(shape, 1)
    flat[: shape.decayed] *= 2
    return plain_decoder(shape, flat.to(dtype))


DECODERS = {name: decoder_of(name) for name in SHAPES}


def alone(decoder: Decoder, context: tuple[int, ...], continuation: tuple[int, ...]) -> Score:
    if not continuation:
        return Score(0.0, True)
    with torch.inference_mode():
        hidden = decoder.hidden(torch.tensor([[*context, *continuation[:-1]]]))[0, len(context) - 1 :]
        logits = hidden.double() @ decoder.output.double().t()
    targets = torch.tensor(continuation)
    found = logits.log_softmax(-1).gather(1, targets[:, None]).sum().item()
    return Score(found, torch.equal(logits.argmax(-1), targets))


def some_pairs(count: int, seed: int = 0) -> list[Pair]:
    """Passages with questions on each, some contexts behind one another, answers of a word or several."""
    chance = random.Random(seed)

    def words(least: int, most: int) -> tuple[int, ...]:
        return tuple(chance.randrange(VOCABULARY) for _ in range(chance.randint(least, most)))

    pairs: list[Pair] = []
    while len(pairs) < count:
        passage = (0, *words(3, 80))
        for _ in range(chance.randint(1, 3)):
            question = (*passage, *words(0, 12))
            pairs += [(question, words(1, chance.choice((1, 20)))) for _ in range(chance.randint(1, 4))]
    return pairs


@pytest.mark.parametrize("name", SHAPES)
@given(pairs=TRIES, budget=st.sampled_from([7, 60, 4096]))
@settings(max_examples=25, deadline=None)
def test_any_trie_gives_the_numbers_of_each_sequence_alone(name: str, pairs: list[Pair], budget: int) -> None:
    decoder = DECODERS[name]
    for pair, found in zip(pairs, score_pairs(decoder, pairs, budget=budget), strict=True):
        expected = alone(decoder, *pair)
        assert found.logprob == pytest.approx(expected.logprob, abs=1e-4)
        assert found.greedy == expected.greedy


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("kernels", [True, False], ids=["native", "torch"])
def test_passages_questions_and_answers_of_usual_lengths(
    name: str, kernels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernels:
        monkeypatch.setattr(native, "fits", lambda shape, weights: False)
    pairs = some_pairs(120)
    decoder = DECODERS[name]
    for budget in (100, 4096):
        for pair, found in zip(pairs, score_pairs(decoder, pairs, budget=budget), strict=True):
            assert found.logprob == pytest.approx(alone(decoder, *pair).logprob, abs=1e-4)


def greedy_end(decoder: Decoder, context: tuple[int, ...], count: int) -> tuple[int, ...]:
    """What the decoder itself would say, token by token."""
    said: list[int] = []
    for _ in range(count):
        with torch.inference_mode():
            hidden = decoder.hidden(torch.tensor([[*context, *said]]))[0, -1]
            said.append(int((hidden @ decoder.output.t()).argmax()))
    return tuple(said)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("kernels", [True, False], ids=["native", "torch"])
def test_what_the_model_would_say_is_greedy_and_nothing_else_is(
    name: str, kernels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernels:
        monkeypatch.setattr(native, "fits", lambda shape, weights: False)
    decoder = DECODERS[name]
    contexts = [context for context, _ in some_pairs(8, 5)]
    said = [greedy_end(decoder, context, 4) for context in contexts]
    other = [(*answer[:-1], (answer[-1] + 1) % VOCABULARY) for answer in said]
    pairs = [*zip(contexts, said, strict=True), *zip(contexts, other, strict=True)]
    assert [score.greedy for score in score_pairs(decoder, pairs)] == [True] * len(said) + [False] * len(other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_order_and_repetition_change_no_bit(dtype: torch.dtype) -> None:
    decoder = decoder_of("llama", dtype)
    pairs = some_pairs(150)
    scores = dict(zip(pairs, score_pairs(decoder, pairs, budget=500), strict=True))
    for seed in range(3):
        mixed = [*pairs, *pairs[:20]]
        random.Random(seed).shuffle(mixed)
        assert score_pairs(decoder, mixed, budget=500) == [scores[pair] for pair in mixed]


@pytest.mark.parametrize("name", SHAPES)
def test_bfloat16_scores_are_near_those_of_float32(name: str) -> None:
    pairs = some_pairs(100)
    flat = decoder_of(name, torch.bfloat16)
    exact = plain_decoder(SHAPES[name], torch.cat([weight.flatten() for weight in weights_of(flat)]).float())
    found = [torch.tensor([score.logprob for score in score_pairs(each, pairs)]) for each in (flat, exact)]
    tokens = torch.tensor([len(continuation) for _, continuation in pairs])
    assert ((found[0] - found[1]).abs() / tokens).mean() < 0.1, "nats a token, of weights that amplify"


def weights_of(decoder: Decoder) -> list[torch.Tensor]:
    named = dict(decoder.named_parameters())
    return [named[name].detach() for name, _ in decoder.shape.weights]


def test_company_and_budget_change_nothing_but_rounding() -> None:
    decoder = DECODERS["parallel"]
    pairs = some_pairs(60)
    scores = [score.logprob for score in score_pairs(decoder, pairs)]
    assert [score_pairs(decoder, [pair])[0].logprob for pair in pairs[:10]] == pytest.approx(scores[:10], abs=1e-4)
    for budget in (1, 64, 1000):
        assert [score.logprob for score in score_pairs(decoder, pairs, budget=budget)] == pytest.approx(
            scores, abs=1e-4
        )


def counted(monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[int]]:
    """Tokens that go through the body, and places whose logits are made."""
    body: list[int] = []
    head: list[int] = []

    def noted(
        decoder: Decoder,
        ids: torch.Tensor,
        positions: torch.Tensor,
        attend: Callable[..., torch.Tensor],
        wanted: torch.Tensor,
    ) -> torch.Tensor:
        body.append(len(ids))
        head.append(len(wanted))
        return flat_hidden(decoder, ids, positions, attend, wanted)

    monkeypatch.setattr("assay.evaluate.scorer.flat_hidden", noted)
    return body, head


def test_each_beginning_is_read_once_and_logits_are_made_where_something_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body, head = counted(monkeypatch)
    passage = (0, *range(10, 60))
    pairs: list[Pair] = [((*passage, 7, 8), (1,)), ((*passage, 7, 8), (2,)), ((*passage, 9), (3, 4, 5))]
    score_pairs(DECODERS["llama"], pairs)
    assert body == [len(passage) + 2 + 1 + 2], "the last token of a continuation never goes through"
    assert head == [1 + 3], "two answers are read off one place"


def test_a_batch_keeps_to_its_budget_and_reads_few_tokens_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = some_pairs(400)
    distinct = len({(*c, *t[:-1])[: end + 1] for c, t in pairs for end in range(len(c) + len(t) - 1)})
    body, _ = counted(monkeypatch)
    score_pairs(DECODERS["parallel"], pairs, budget=1000)
    assert max(body) <= 1000
    assert min(body) > 0.85 * max(body), "about equal"
    assert sum(body) < 1.01 * distinct


def test_a_continuation_of_nothing_is_certain_and_an_empty_context_is_refused() -> None:
    decoder = DECODERS["parallel"]
    assert score_pairs(decoder, [((0, 1), ())]) == [Score(0.0, True)]
    assert score_pairs(decoder, []) == []
    with pytest.raises(ValueError, match="context is empty"):
        score_pairs(decoder, [((), (1, 2))])


def test_requests_have_a_score_for_each_choice_and_progress_is_told() -> None:
    decoder = DECODERS["parallel"]
    shared = Request("a", "", 0, ((0, 5, 6),), ((7,), (8, 9)), (1, 1), (1, 1))
    own = Request("b", "", 0, ((0, 5), (0, 6, 7)), ((8,), (8,)), (1, 1), (1, 1))
    pairs: list[Pair] = [((0, 5, 6), (7,)), ((0, 5, 6), (8, 9)), ((0, 5), (8,)), ((0, 6, 7), (8,))]
    told: list[tuple[int, int]] = []
    scores = score_pairs(decoder, pairs, lambda done, total: told.append((done, total)), budget=4)
    rows = score_requests(decoder, [shared, own])
    assert [len(row) for row in rows] == [2, 2]
    assert [score.logprob for row in rows for score in row] == pytest.approx(
        [score.logprob for score in scores], abs=1e-5
    )
    assert told[-1] == (4, 4) and [done for done, _ in told] == sorted(done for done, _ in told)
