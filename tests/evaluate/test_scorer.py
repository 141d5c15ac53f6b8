"""Scores against the definition: each choice alone behind its context, one at a time, in float64 sums."""

import math
import random
import sysconfig
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from assay.evaluate.item import Item
from assay.evaluate.records import SCORES, score_rows
from assay.evaluate.requests import Request, encode_items, read_requests, write_requests
from assay.evaluate.scorer import Score, score_requests
from assay.model.decoder import Decoder, initialise, plain_decoder
from assay.model.sizes import Size
from assay.tokens.tokenizer import end_id, train

VOCABULARY = 512
SHAPE = Size(128, 2).shape(VOCABULARY)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:30]
    return train((path.read_text() for path in files), VOCABULARY)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return plain_decoder(SHAPE, initialise(SHAPE, 0) * 3)


@pytest.fixture(scope="module")
def items() -> list[Item]:
    chance = random.Random(3)
    words = Path(random.__file__).read_text().split()

    def some(least: int, most: int) -> str:
        return " ".join(chance.choices(words, k=chance.randint(least, most)))

    shared = [
        Item.of((some(1, 60),), tuple(" " + some(1, 12) for _ in range(chance.randint(2, 5))), 1) for _ in range(25)
    ]
    own = [Item.of(tuple(some(2, 9) for _ in range(2)), (" " + some(1, 3),) * 2, 0) for _ in range(8)]
    alone = [Item.of(("",), (some(20, 90),), 0) for _ in range(6)]
    return [*shared, *own, *alone, Item.of((some(40, 40) + "\n",), ("    return " + some(3, 3),), 0)]


def one_by_one(decoder: Decoder, request: Request) -> list[float]:
    found = []
    for index, choice in enumerate(request.choices):
        context = request.contexts[min(index, len(request.contexts) - 1)]
        ids = torch.tensor([[*context, *choice]])
        logits = (decoder.hidden(ids[:, :-1])[0] @ decoder.embedding.t()).double()
        chosen = torch.log_softmax(logits, -1)[len(context) - 1 :].gather(1, torch.tensor(choice)[:, None])
        found.append(chosen.sum().item())
    return found


def test_scores_equal_each_choice_alone_behind_its_context(
    decoder: Decoder, tokenizer: Tokenizer, items: list[Item]
) -> None:
    requests = encode_items(items, tokenizer, 256)
    scores = score_requests(decoder, requests)
    for request, found in zip(requests, scores, strict=True):
        assert [score.logprob for score in found] == pytest.approx(one_by_one(decoder, request), rel=1e-5, abs=1e-3)


def test_scores_do_not_depend_on_order_or_company(decoder: Decoder, tokenizer: Tokenizer, items: list[Item]) -> None:
    requests = encode_items(items, tokenizer, 256)
    scores = score_requests(decoder, requests)
    assert score_requests(decoder, requests[::-1])[::-1] == scores
    assert score_requests(decoder, requests) == scores
    alone = [score.logprob for score in score_requests(decoder, requests[3:4])[0]]
    assert alone == pytest.approx([score.logprob for score in scores[3]], abs=1e-4)


def test_context_and_choice_are_split_as_the_harness_does(tokenizer: Tokenizer) -> None:
    (request,) = encode_items([Item.of(("Question: why?\n  ",), (" because",), 0)], tokenizer, 64)
    assert request.contexts[0][0] == end_id(tokenizer)
    assert tokenizer.decode(list(request.contexts[0][1:])) == "Question: why?"
    assert tokenizer.decode(list(request.choices[0])) == "\n   because"
    assert request.bytes == (len("\n   because"),)


def test_long_contexts_lose_their_beginning_and_choices_stay_whole(tokenizer: Tokenizer) -> None:
    item = Item.of(("word " * 300 + "end",), (" yes it is", " no"), 0)
    (request,) = encode_items([item], tokenizer, 40)
    assert len(request.contexts[0]) + max(map(len, request.choices)) <= 41, "the last is not read"
    assert tokenizer.decode(list(request.contexts[0])).endswith(" end")
    assert tokenizer.decode(list(request.choices[0])) == " yes it is"


def test_a_choice_longer_than_the_row_counts_only_the_bytes_that_are_scored(tokenizer: Tokenizer) -> None:
    text = "naïve ☃ " * 60
    (request,) = encode_items([Item.of(("",), (text,), 0)], tokenizer, 33)
    assert len(request.choices[0]) == 33
    whole = tokenizer.encode(text, add_special_tokens=False)
    assert request.bytes[0] == len(text[: whole.offsets[32][1]].encode()), "as the tokenizer's own offsets say"
    (request,) = encode_items([Item.of(("",), (text,), 0)], tokenizer, 4096)
    assert request.bytes[0] == len(text.encode())


def test_requests_are_read_as_they_were_written(tokenizer: Tokenizer, items: list[Item], tmp_path: Path) -> None:
    requests = encode_items(items, tokenizer, 256)
    write_requests(requests, tmp_path)
    assert read_requests(tmp_path) == requests


def test_records_follow_from_the_log_likelihoods() -> None:
    request = Request("a", "c", 1, ((0,),), ((1,), (2, 3), (4,)), (2, 8, 4), (2, 8, 4))
    (row,) = score_rows([request], [[Score(-2.0, False), Score(-4.0, True), Score(-2.0, False)]]).to_pylist()
    assert row["correct"] is False, "the two likeliest tie, and the lowest index is taken"
    assert row["correct_norm"] is True
    assert row["gold_bits"] == pytest.approx(4 / math.log(2))
    assert row["margin"] == pytest.approx((2 / 4 - 4 / 8) / math.log(2))
    assert (row["tokens"], row["bytes"]) == ([1, 2, 1], [2, 8, 4])


def test_an_item_without_choices_has_no_accuracy() -> None:
    table = score_rows([Request("a", "c", 0, ((0,),), ((1,),), (2,), (2,))], [[Score(-2.0, True)]])
    assert table.schema.equals(SCORES)
    (row,) = table.to_pylist()
    assert (row["correct"], row["correct_norm"], row["margin"]) == (None, None, None)
