"""lm-eval's tasks on Assay's scorer: the same numbers, requests and answers as on lm-eval's own Hugging Face model.

The oracle is lm-eval itself (`HFLM`) over an export of the same weights; both kinds of tokenizer are tried, one that
begins every text and one that does not.
"""

import json
import random
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_decoders import SHAPES, TEXTS, random_weights, tokenizer
from tokenizers import Tokenizer, processors

from assay.errors import InputError, StepError
from assay.evaluate.item import Item
from assay.evaluate.records import RECORDS
from assay.evaluate.requests import encode_items, first_tokens
from assay.model.decoder import Decoder, plain_decoder
from assay.model.export import write_model

LONGEST = 96
SHAPE = SHAPES["llama with grouped keys"]
COMMON = {"dataset_path": "json", "test_split": "test", "metadata": {"version": 3.0}}


def lm_task(name: str, kind: str, text: str, target: str, *metrics: str, **more: Any) -> dict[str, Any]:
    """A task as lm-eval has it in a file."""
    counted = [{"metric": metric} for metric in metrics]
    about = {"task": name, "output_type": kind, "doc_to_text": text, "doc_to_target": target, "metric_list": counted}
    return {**about, **more}


CHOOSE = lm_task(
    "choose_words", "multiple_choice", "{{question}}\nAnswer: ", "gold", "acc", "acc_norm", doc_to_choice="{{choices}}"
)
LAST = lm_task(
    "last_word",
    "loglikelihood",
    "{{text.split(' ')[:-1]|join(' ')}}",
    "{{' '+text.split(' ')[-1]}}",
    "perplexity",
    "acc",
)
ALONE = lm_task("from_nothing", "loglikelihood", "", "{{choices[1]}} {{text[:40]}}", "perplexity", "acc")
ROLLING = lm_task("documents", "loglikelihood_rolling", "", "{{text}}", "word_perplexity", "bits_per_byte")
STOP = {"until": ["\n\n", "the"], "max_gen_toks": 12, "do_sample": False}
ANSWERS = lm_task("answers", "generate_until", "{{text}}", "{{choices[0]}}", "exact_match", generation_kwargs=STOP)
FEW = {**CHOOSE, "task": "few_shots", "num_fewshot": 2, "fewshot_split": "test"}
TASKS = {task["task"]: task for task in (CHOOSE, LAST, ALONE, ROLLING, ANSWERS, FEW)}


@dataclass(frozen=True, slots=True)
class Given:
    """A model in the hub's layout, and lm-eval tasks over local rows."""

    folder: Path
    tasks: Path
    decoder: Decoder
    tokenizer: Tokenizer
    first: tuple[int, ...]

    def run(self, *names: str, **options: Any) -> list[Any]:
        """`run_harness` over the tasks, all of them if none is named."""
        from assay.evaluate.harness import run_harness

        chosen = {"first": self.first, "include": self.tasks, **options}
        return run_harness(self.decoder, self.tokenizer, 0, LONGEST, names or tuple(TASKS), **chosen)


@pytest.fixture(scope="module", params=["begins every text", "begins none"])
def given_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Given:
    pytest.importorskip("lm_eval", reason="lm-eval is not installed: pip install 'assay[harness]'")
    folder = tmp_path_factory.mktemp("harness")
    weights = random_weights(SHAPE)
    tokenizer().save(str(folder / "tokenizer.json"))
    write_model(folder / "model", SHAPE, weights, folder / "tokenizer.json", LONGEST, "card")
    if request.param == "begins none":
        shutil.copy(folder / "tokenizer.json", folder / "model" / "tokenizer.json")
    words = Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
    (folder / "tasks").mkdir()
    _write_tasks(folder / "tasks")
    return Given(folder / "model", folder / "tasks", plain_decoder(SHAPE, weights), words, first_tokens(words))


def _write_tasks(folder: Path) -> None:
    draw = random.Random(3)
    rows = []
    for at in range(12):
        text = TEXTS[at % len(TEXTS)].replace("\n", " ")
        choices = [text[500 + 40 * n : 500 + 40 * n + draw.randint(3, 30)].strip() or "x" for n in range(4)]
        question = text[: draw.choice((20, 80, 700))]  # the longest is beyond what the model reads at once
        rows.append({"question": question, "choices": choices, "gold": at % 4, "text": text[: 60 * (at + 1)].strip()})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name, task in TASKS.items():
        written = {**COMMON, **task, "dataset_kwargs": {"data_files": {"test": str(folder / "rows.jsonl")}}}
        (folder / f"{name}.yaml").write_text(json.dumps(written), encoding="utf-8")


@pytest.fixture(scope="module")
def by_harness(given_model: Given) -> dict[str, Any]:
    """The same tasks by lm-eval alone."""
    pytest.importorskip("accelerate", reason="lm-eval's own model needs accelerate")
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(given_model.folder, dtype=torch.float32)
    hflm = HFLM(pretrained=loaded, tokenizer=AutoTokenizer.from_pretrained(given_model.folder), batch_size=4)
    tasks = TaskManager(include_path=str(given_model.tasks), include_defaults=False).load(list(TASKS))
    for task in tasks["tasks"].values():
        task.set_fewshot_seed(seed=1234)  # the command line's own
    found: dict[str, Any] = evaluate(hflm, tasks, bootstrap_iters=0)
    return found


@pytest.mark.filterwarnings("ignore")
def test_every_kind_of_task_gives_the_harnesss_own_numbers(given_model: Given, by_harness: dict[str, Any]) -> None:
    for measured in given_model.run():
        told = {key.partition(",")[0]: value for key, value in by_harness["results"][measured.name].items()}
        for metric, value in measured.metrics.items():
            assert value == pytest.approx(told[metric], rel=1e-3), (measured.name, metric)
        assert measured.metrics.keys() == {one["metric"] for one in TASKS[measured.name]["metric_list"]}
        assert measured.items == 12
        if measured.name == "answers":
            continue
        samples = by_harness["samples"][measured.name]
        assert len(samples) == measured.records.num_rows == 12
        for row, sample in zip(measured.records.to_pylist(), samples, strict=True):
            logprobs = [one[0][0] if isinstance(one[0], tuple) else one[0] for one in sample["resps"]]
            assert row["logprob"] == pytest.approx(logprobs, abs=1e-3, rel=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_answers_in_words_are_those_of_the_harness(given_model: Given, by_harness: dict[str, Any]) -> None:
    from lm_eval.api.instance import Instance

    from assay.evaluate.harness_model import AssayLM

    theirs = by_harness["samples"]["answers"]
    asked = [
        Instance("generate_until", {}, sample["arguments"][0], 0, ("answers", at, 1))
        for at, sample in enumerate(theirs)
    ]
    ours = AssayLM(given_model.decoder, given_model.tokenizer, 0, LONGEST, given_model.first).generate_until(asked)
    assert ours == [sample["resps"][0][0] for sample in theirs]
    assert len(set(ours)) > 3


def test_numbers_depend_neither_on_order_nor_on_company(given_model: Given) -> None:
    from lm_eval.api.instance import Instance

    from assay.evaluate.harness_model import AssayLM

    words = [text.split() for text in TEXTS[:10]]
    pairs = [(" ".join(some[:at]), " " + " ".join(some[at : at + 3])) for some in words for at in (0, 5, 60)]
    asked = [Instance("loglikelihood", {}, pair, 0, ("t", at, 1)) for at, pair in enumerate(pairs)]
    model = AssayLM(given_model.decoder, given_model.tokenizer, 0, LONGEST, given_model.first)
    together = model.loglikelihood(asked)
    assert model.loglikelihood(asked[::-1])[::-1] == together
    for one, found in zip(asked[::7], together[::7], strict=True):
        ((alone, greedy),) = model.loglikelihood([one])
        assert alone == pytest.approx(found[0], abs=1e-4)
        assert greedy == found[1]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_requests_of_own_tasks_are_in_the_harnesss_tokens(given_model: Given, data: st.DataObject) -> None:
    from assay.evaluate.harness_model import AssayLM

    draw = data.draw
    text = draw(st.sampled_from(TEXTS))
    begin = draw(st.integers(0, max(0, len(text) - 900)))
    context = text[begin : begin + draw(st.integers(1, 500))] + draw(st.sampled_from(["", " ", "\n", " \n  "]))
    choices = tuple(" " + text[-60 * n : -60 * n + draw(st.integers(1, 40))] for n in (1, 2, 3))
    if not context.strip():
        return
    (request,) = encode_items([Item.of((context,), choices, 0)], tokenizer(), LONGEST, given_model.first)
    harness = AssayLM(given_model.decoder, given_model.tokenizer, 0, LONGEST, given_model.first)
    for at, choice in enumerate(choices):
        before, behind = harness._encode_pair(context, choice)
        read = (before + behind)[-(LONGEST + 1) :][:-1]  # what lm-eval's model is given
        ours = request.contexts[min(at, len(request.contexts) - 1)] + request.choices[at]
        assert ours[:-1] == tuple(read)
        assert request.choices[at] == tuple(behind)


def test_records_hold_what_the_averages_are_of(given_model: Given) -> None:
    about = {"checkpoint": "here", "numerics": "float32 test"}
    choose, answers = given_model.run("choose_words", "answers", about=about, limit=7)
    assert (choose.items, choose.version, choose.shots) == (7, "3.0", 0)
    for measured in (choose, answers):
        assert measured.records.schema.equals(RECORDS)
        assert measured.records.num_rows == 7
    rows = choose.records.to_pylist()
    assert sum(row["correct"] for row in rows) / 7 == pytest.approx(choose.metrics["acc"])
    assert sum(row["correct_norm"] for row in rows) / 7 == pytest.approx(choose.metrics["acc_norm"])
    assert {(row["task"], row["task_version"], row["checkpoint"], row["numerics"]) for row in rows} == {
        ("lm-eval/choose_words", 3, "here", "float32 test")
    }
    told = [json.loads(line) for line in (given_model.tasks / "rows.jsonl").read_text().splitlines()]
    assert [row["bytes"] for row in rows] == [
        [len(f"  {choice}".encode()) for choice in row["choices"]] for row in told[:7]
    ], "the space at the prompt's end is scored with the choice, behind the one between them"
    answered = answers.records.to_pylist()
    assert sum(row["right"] for row in answered) / 7 == pytest.approx(answers.metrics["exact_match"])
    assert {row["samples"] for row in answered} == {1}


def test_local_rows_need_no_network(given_model: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def refuse(*address: object, **_: object) -> None:
        tried.append(address)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    (measured,) = given_model.run("choose_words", limit=2)
    assert measured.items == 2
    assert tried == []


def test_a_copy_of_a_data_set_goes_before_the_hub(
    given_model: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    task = {**COMMON, **CHOOSE, "task": "on_the_hub", "dataset_path": "someone/questions", "dataset_name": "small"}
    (tmp_path / "task.yaml").write_text(json.dumps(task))
    with pytest.raises(StepError, match=r"someone/questions \(small\) cannot be had.*ASSAY_HUB/someone/questions"):
        given_model.run("on_the_hub", include=tmp_path)
    copy = tmp_path / "hub" / "someone" / "questions"
    copy.mkdir(parents=True)
    shutil.copy(given_model.tasks / "rows.jsonl", copy / "rows.jsonl")
    configs = "configs: [{config_name: small, data_files: [{split: test, path: rows.jsonl}]}]"
    (copy / "README.md").write_text(f"---\n{configs}\n---\n")
    monkeypatch.setenv("ASSAY_HUB", str(tmp_path / "hub"))
    (measured,) = given_model.run("on_the_hub", include=tmp_path)
    (same,) = given_model.run("choose_words")
    assert measured.metrics == same.metrics
    lines = (copy / "rows.jsonl").read_text().splitlines(keepends=True)
    (copy / "rows.jsonl").write_text("".join(lines[:5]))
    (fewer,) = given_model.run("on_the_hub", include=tmp_path)
    assert fewer.items == 5, "a copy that has changed is read again"


@pytest.mark.slow
def test_a_task_that_is_not_there_is_told_with_the_nearest_one() -> None:
    pytest.importorskip("lm_eval", reason="lm-eval is not installed: pip install 'assay[harness]'")
    from assay.evaluate.harness import run_harness

    decoder = plain_decoder(SHAPE, random_weights(SHAPE))
    with pytest.raises(InputError, match="lm-eval has no task 'arc_chalenge'; did you mean 'arc_challenge'"):
        run_harness(decoder, tokenizer(), 0, LONGEST, ["arc_chalenge"])
    with pytest.raises(InputError, match="humaneval' runs generated code in the open"):
        run_harness(decoder, tokenizer(), 0, LONGEST, ["humaneval"])


def test_what_cannot_be_done_is_refused_by_name(given_model: Given, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        given_model.run("choose_words", include=tmp_path / "nowhere")
    task = json.loads((given_model.tasks / "answers.yaml").read_text())
    (tmp_path / "program.yaml").write_text(json.dumps({**task, "task": "program", "unsafe_code": True}))
    with pytest.raises(InputError, match="program' runs generated code in the open"):
        given_model.run("program", include=tmp_path)
    for name, changed, said in (
        ("long", {"max_gen_toks": LONGEST}, f"wants answers of up to {LONGEST} tokens"),
        ("beams", {"max_gen_toks": 4, "num_beams": 3}, "asks for generation with num_beams"),
    ):
        (tmp_path / f"{name}.yaml").write_text(json.dumps({**task, "task": name, "generation_kwargs": changed}))
        with pytest.raises(StepError, match=said):
            given_model.run(name, include=tmp_path)


def test_without_lm_eval_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.evaluate.harness import run_harness

    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(StepError, match=r"pip install 'assay\[harness\]'"):
        run_harness(plain_decoder(SHAPE, random_weights(SHAPE)), tokenizer(), 0, LONGEST, ["arc_easy"])


def test_a_tokenizer_says_itself_what_stands_before_a_text() -> None:
    words = Tokenizer.from_str(tokenizer().to_str())
    assert first_tokens(words) == ()
    words.post_processor = processors.TemplateProcessing(
        single="<|end|> $A", pair="<|end|> $A $B:1", special_tokens=[("<|end|>", 0)]
    )
    assert first_tokens(words) == (0,)


def test_contexts_begin_as_told_and_an_empty_one_with_the_end_token() -> None:
    items = [Item.of((text,), (" choice",), 0) for text in ("", "word")]
    word = tuple(tokenizer().encode("word").ids)
    for first, begins in ((None, ((0,), (0, *word))), ((), ((0,), word)), ((7,), ((7,), (7, *word)))):
        requests = encode_items(items, tokenizer(), LONGEST, first)
        assert tuple(request.contexts[0] for request in requests) == begins


def test_characters_are_those_that_the_harness_divides_by() -> None:
    (request,) = encode_items([Item.of(("Say",), (" naïve ☃", "  twice", "bare"), 0)], tokenizer(), LONGEST)
    assert request.characters == (7, 6, 4)
    assert request.bytes == (11, 7, 4)
