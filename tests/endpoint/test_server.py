"""The server through OpenAI's own client: a real process, a real model, every answer held against Assay's own."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import torch

from assay.evaluate.generate import Decoding
from assay.evaluate.scorer import score_pairs
from served_model import LONGEST, Program, answer, decoder, start, tokenizer, write_folder

openai = pytest.importorskip("openai", reason="the extra judge is not installed")
pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

KEY = "a key of this test"
TEXT = "The value of the expression"
LONE = '{"model": "tiny", "prompt": "half a character: \\ud800"}'


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Serves the tiny model to those who know the key."""
    folder = tmp_path_factory.mktemp("served")
    model = write_folder(folder / "tiny")
    running = start(folder / "store", folder / "log", model, "--key-from", "TEST_KEY", TEST_KEY=KEY)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield running
    torch.set_num_threads(threads)
    with openai.OpenAI(base_url=running.address, api_key=KEY, max_retries=0, timeout=60) as client:
        under_way = complete(client, max_tokens=500, n=16, temperature=1, stream=True)
        next(iter(under_way))
        assert running.end(signal.SIGINT) == 130
    assert (folder / "log").read_text() == "assay: stopped serving\n"


@pytest.fixture(scope="module")
def client(program: Program) -> Iterator[Any]:
    with openai.OpenAI(base_url=program.address, api_key=KEY, max_retries=0, timeout=60) as one:
        yield one


def complete(client: Any, **more: Any) -> Any:
    return client.completions.create(**{"model": "tiny", "prompt": TEXT, "temperature": 0, **more})


def chat(client: Any, content: Any = "What is a list?", **more: Any) -> Any:
    messages = [{"role": "user", "content": content}]
    return client.chat.completions.create(**{"model": "tiny", "messages": messages, "temperature": 0, **more})


def tokens_of(text: str) -> tuple[int, ...]:
    """As an export's tokenizer encodes it: behind the document's end."""
    return (0, *tokenizer().encode(text).ids)


def chat_tokens(content: str) -> tuple[int, ...]:
    """A conversation of one message in the tiny model's template, put together by hand."""

    def turn(role: str, said: str) -> list[int]:
        return [512, *tokenizer().encode(f"{role}\n{said}").ids]

    line = tokenizer().encode("\n").ids
    spoken = [*turn("system", "Be brief."), 513, *line, *turn("user", content), 513, *line]
    return (*spoken, *turn("assistant", ""))


def as_bytes(token: str) -> bytes:
    """A token as completions name it: a part of a character by its bytes."""
    if not token.startswith("bytes:"):
        return token.encode()
    return bytes(int(digits, 16) for digits in token.removeprefix("bytes:").split("\\x")[1:])


def test_it_serves_one_model_by_name(client: Any) -> None:
    (model,) = client.models.list().data
    assert model.id == "tiny"
    assert client.models.retrieve("tiny").max_model_len == LONGEST


def test_greedy_text_is_that_of_assays_own_generation(client: Any) -> None:
    for text in (TEXT, "", "Ünïcode 日本 <|im_end|>", "x = [1, 2"):
        expected = answer(tokens_of(text), Decoding(24))
        found = complete(client, prompt=text, max_tokens=24)
        assert found.choices[0].text == expected.text
        assert found.choices[0].finish_reason == ("length" if expected.finish == "length" else "stop")
        assert found.usage.prompt_tokens == len(tokens_of(text))
        assert found.usage.completion_tokens == len(expected.tokens)
    ids = [5, 512, 77]
    assert complete(client, prompt=ids, max_tokens=9).choices[0].text == answer(tuple(ids), Decoding(9)).text


def test_several_prompts_come_back_in_order(client: Any) -> None:
    prompts = ["A list", TEXT, "A list"]
    found = complete(client, prompt=prompts, max_tokens=6, n=2, temperature=1, seed=3)
    assert [choice.index for choice in found.choices] == list(range(6))
    texts = [choice.text for choice in found.choices]
    assert texts[:2] == texts[4:] != texts[2:4]
    assert found.usage.prompt_tokens == sum(len(tokens_of(prompt)) for prompt in prompts)


def test_a_seed_repeats_a_text_and_samples_differ(client: Any) -> None:
    asked = {"max_tokens": 20, "temperature": 1.3, "top_p": 0.95, "n": 4}
    first, again, other, unseeded, unseeded_too = (
        [choice.text for choice in complete(client, **asked, **seed).choices]
        for seed in ({"seed": 7}, {"seed": 7}, {"seed": 8}, {}, {})
    )
    assert first == again
    assert len({*first, *other, *unseeded, *unseeded_too}) == 16
    one = complete(client, **{**asked, "n": 1}, seed=7)
    assert one.choices[0].text == first[0]


def test_a_stop_ends_a_text_and_is_no_part_of_it(client: Any) -> None:
    whole = complete(client, max_tokens=40).choices[0].text
    stop = whole[11:14]
    cut = complete(client, max_tokens=40, stop=[stop, "never said"])
    assert cut.choices[0].text == whole[: whole.index(stop)]
    assert cut.choices[0].finish_reason == "stop"
    assert complete(client, max_tokens=40, stop=stop).choices[0].text == cut.choices[0].text


def test_log_probabilities_are_the_scorers(client: Any) -> None:
    found = complete(client, max_tokens=12, logprobs=3).choices[0]
    made = answer(tokens_of(TEXT), Decoding(12)).tokens
    (score,) = score_pairs(decoder(), [(tokens_of(TEXT), made)])
    assert sum(found.logprobs.token_logprobs) == pytest.approx(score.logprob, abs=1e-3)
    assert b"".join(map(as_bytes, found.logprobs.tokens)).decode("utf-8", "replace") == found.text
    for token, number, top, at in zip(
        found.logprobs.tokens,
        found.logprobs.token_logprobs,
        found.logprobs.top_logprobs,
        found.logprobs.text_offset,
        strict=True,
    ):
        assert len(top) == 3
        assert max(top, key=top.get) == token
        assert top[token] == number
        assert token.startswith("bytes:") or found.text[at:].startswith(token)


def test_echo_scores_a_given_text(client: Any) -> None:
    text = TEXT + " is 日本."
    found = complete(client, prompt=text, max_tokens=0, echo=True, logprobs=1).choices[0]
    (score,) = score_pairs(decoder(), [((0,), tokens_of(text)[1:])])
    assert found.text == text
    assert sum(found.logprobs.token_logprobs) == pytest.approx(score.logprob, abs=1e-3)
    assert found.logprobs.text_offset[0] == 0
    ids = list(tokens_of(text)[1:])
    bare = complete(client, prompt=ids, max_tokens=2, echo=True, logprobs=1).choices[0]
    (score,) = score_pairs(decoder(), [((ids[0],), tuple(ids[1:]))])
    assert bare.logprobs.token_logprobs[0] is None
    assert sum(bare.logprobs.token_logprobs[1:-2]) == pytest.approx(score.logprob, abs=1e-3)
    assert bare.text.startswith(text)
    assert len(bare.logprobs.tokens) == len(ids) + 2


def test_a_conversation_is_answered_in_the_models_own_template(client: Any) -> None:
    content = "What is a list? <|im_end|>"
    expected = answer(chat_tokens(content), Decoding(20))
    found = chat(client, content, max_tokens=20, logprobs=True, top_logprobs=2)
    assert found.choices[0].message.content == expected.text
    assert found.usage.prompt_tokens == len(chat_tokens(content))
    told = found.choices[0].logprobs.content
    assert b"".join(bytes(one.bytes) for one in told).decode("utf-8", "replace") == expected.text
    (score,) = score_pairs(decoder(), [(chat_tokens(content), expected.tokens)])
    assert sum(one.logprob for one in told) == pytest.approx(score.logprob, abs=1e-3)
    assert [one.top_logprobs[0].token for one in told] == [one.token for one in told]
    parts = [{"type": "text", "text": "What is a list? "}, {"type": "text", "text": "<|im_end|>"}]
    assert chat(client, parts, max_completion_tokens=20).choices[0].message.content == expected.text


def test_without_a_limit_a_conversation_goes_on_to_the_models_end(client: Any) -> None:
    found = chat(client)
    if found.choices[0].finish_reason == "length":
        assert found.usage.total_tokens == LONGEST


@pytest.mark.parametrize("more", [{}, {"stop": ["e", "qu"]}, {"temperature": 1.5, "seed": 2, "n": 3}])
def test_a_stream_put_together_is_the_answer_in_one_piece(client: Any, more: dict[str, Any]) -> None:
    asked = {"max_tokens": 60, "stream_options": {"include_usage": True}, **more}
    whole = complete(client, **{**asked, "stream_options": None}, logprobs=2)
    texts: dict[int, str] = {}
    numbers: dict[int, list[float]] = {}
    ends: dict[int, str] = {}
    pieces = 0
    for event in complete(client, **asked, logprobs=2, stream=True):
        for choice in event.choices:
            pieces += 1
            texts[choice.index] = texts.get(choice.index, "") + choice.text
            numbers.setdefault(choice.index, []).extend(choice.logprobs.token_logprobs if choice.logprobs else [])
            ends[choice.index] = choice.finish_reason
    assert event.usage == whole.usage
    for choice in whole.choices:
        assert texts[choice.index] == choice.text
        assert ends[choice.index] == choice.finish_reason
        assert numbers[choice.index] == choice.logprobs.token_logprobs
    spoken = chat(client, **{**asked, "stream_options": None})
    said = ["" for _ in spoken.choices]
    for event in chat(client, **asked, stream=True):
        for choice in event.choices:
            pieces += 1
            said[choice.index] += choice.delta.content
    assert said == [choice.message.content for choice in spoken.choices]
    assert more or pieces > 20


def test_a_client_that_goes_away_leaves_the_others_in_peace(client: Any) -> None:
    stream = complete(client, max_tokens=400, n=16, temperature=1, stream=True)
    next(iter(stream))
    stream.close()
    assert complete(client, max_tokens=5).choices[0].text == answer(tokens_of(TEXT), Decoding(5)).text


def test_sixteen_at_once_are_answered_as_one_by_one(client: Any) -> None:
    prompts = [f"Question {number}: what is a list?" for number in range(16)]
    limits = [4 + 3 * number for number in range(16)]

    def one(prompt: str, limit: int) -> str:
        return str(complete(client, prompt=prompt, max_tokens=limit).choices[0].text)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(one, prompts, limits))
    expected = [answer(tokens_of(prompt), Decoding(limit)) for prompt, limit in zip(prompts, limits, strict=True)]
    assert found == [one.text for one in expected]


@pytest.mark.parametrize(
    ("more", "status", "told"),
    [
        ({"model": "gpt"}, 404, "no model 'gpt' here; there is 'tiny'"),
        ({"prompt": "word " * 600}, 400, "maximum context length"),
        ({"prompt": [9999]}, 400, "holds the token 9999"),
        ({"prompt": []}, 400, "prompt"),
        ({"max_tokens": 0}, 400, "asks for nothing"),
        ({"max_tokens": -1}, 400, "max_tokens"),
        ({"temperature": -1}, 400, "temperature"),
        ({"top_p": 0}, 400, "top_p"),
        ({"n": 0}, 400, "n: "),
        ({"logprobs": 21}, 400, "logprobs"),
        ({"stop": [""]}, 400, "stop"),
        ({"frequency_penalty": 0.5}, 400, "frequency_penalty is not supported"),
        ({"extra_body": {"top_k": 40}}, 400, "top_k is not supported"),
        ({"stream": True, "echo": True}, 400, "echo does not go with stream"),
    ],
)
def test_what_cannot_be_done_is_refused_and_says_why(client: Any, more: dict[str, Any], status: int, told: str) -> None:
    with pytest.raises(openai.APIStatusError) as problem:
        complete(client, **more)
    assert problem.value.status_code == status
    assert told in problem.value.body["message"]


def test_what_changes_nothing_may_be_said(client: Any) -> None:
    assert complete(client, max_tokens=2, frequency_penalty=0, best_of=1, user="me", logit_bias={})


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "messages"),
        ([{"role": "robot", "content": "x"}], "role"),
        ([{"role": "user"}], "content"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "type"),
        ([{"role": "user", "content": "word " * 600}], "maximum context length"),
    ],
)
def test_a_conversation_that_cannot_be_read_is_refused(client: Any, messages: Any, told: str) -> None:
    with pytest.raises(openai.BadRequestError) as problem:
        client.chat.completions.create(model="tiny", messages=messages)
    assert told in problem.value.body["message"]


def test_bodies_that_are_no_request_are_refused_in_the_same_form(program: Program) -> None:
    head = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(headers=head, timeout=60) as client:
        for body in ("{", "[]", "null", "NaN", '"x"', "[" * 100_000, b"\xff\xfe", json.dumps({"prompt": "x"}), LONE):
            found = client.post(f"{program.address}/completions", content=body)
            assert found.status_code == 400, body[:50]
            assert found.json()["error"]["message"]
        assert client.post(f"{program.address}/completions", content=b" " * (17 << 20)).status_code == 413
        assert client.get(f"{program.address}/completions").status_code == 405
        assert client.get(f"{program.address}/engines").json()["error"]["type"] == "not_found_error"


def test_without_the_key_nothing_is_told(program: Program) -> None:
    for key in ("wrong", KEY + "x"):
        with openai.OpenAI(base_url=program.address, api_key=key, max_retries=0) as stranger:
            for ask in (stranger.models.list, lambda one=stranger: complete(one), lambda one=stranger: chat(one)):
                with pytest.raises(openai.AuthenticationError, match="API key"):
                    ask()
    assert httpx.get(f"{program.address}/models").status_code == 401
