"""Win rates carried out: records are whole, nothing is made or asked twice, and what went wrong is told."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.endpoint import Budget
from assay.errors import InputError
from assay.evaluate.decoding import Decoding
from assay.judge.answers import read_answers
from assay.judge.prompt_set import AskedSet
from assay.judge.tournament import read_judgements
from assay.judge.wanted import local_wanted
from assay.report.status import JUDGED
from assay.run.choose import open_engine
from assay.run.collect import alone, find_garbage
from assay.run.judged_arms import choose_arms, chosen_pairs
from assay.run.judging import Collected, Wanted, build_judging, check_folder, file_names, judge, judged_keys
from assay.run.memory import LEAST_BYTES
from assay.run.store import present_store
from faulty_server import Act, FaultyServer
from judged_material import ASKED, WISE, endpoint, wise, write_arms
from served_model import start, write_folder

FEW = AskedSet(written="open", limit=3)
"""For judges on this machine, which take their time."""


@pytest.fixture(scope="module", autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with two arms of known quality, a small model, and a store of its own."""
    folder = tmp_path_factory.mktemp("judged")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ASSAY_STORE", str(folder / "store"))
        patch.setenv("ASSAY_DEVICE", "cpu")
        write_arms(folder)
        write_folder(folder / "tiny")
        yield folder


def judged(
    out: str,
    wanted: Sequence[Wanted],
    arms: Sequence[str] = ("good.json", "poor.json"),
    asked: AskedSet = ASKED,
) -> Collected:
    """Have arms judged, every two of them."""
    prompts = asked.load()
    chosen = choose_arms(arms, prompts, 1)
    with open_engine("local", None, 1, None, LEAST_BYTES) as engine:
        steps = {arm.name: arm.steps(prompts, asked, Decoding(8, temperature=0.7), engine.numerics) for arm in chosen}
        pairs = chosen_pairs(None, chosen)
        judging = build_judging(steps, pairs, wanted, prompts, asked, engine.numerics, "sampled")
        return judge(judging, Path(out), engine)


def made(out: str) -> list[str]:
    """Kinds of the steps that were carried out for a folder."""
    events = map(json.loads, (Path(out) / "log.jsonl").read_text().splitlines())
    return [event["kind"] for event in events if event["event"] == "end"]


def test_models_and_files_are_judged_by_a_local_model_and_a_second_run_makes_nothing() -> None:
    wanted = [local_wanted("likelihood", "hf:tiny"), local_wanted("letters", "hf:tiny")]
    arms = ("good.json", "poor.json", "hf:tiny")
    found = judged("local", wanted, arms, FEW)
    assert found.is_new and not found.unanswered
    assert sorted(made("local")) == ["exam"] * 2 + ["judgements"] * 6 + ["model"] + ["replies"] * 3
    folder = Path("local")
    rows = read_judgements(folder / "judgements.parquet")
    prompts = FEW.load()
    keys = {(row.judge, row.a, row.b, row.prompt, row.a_first) for row in rows}
    expected = {
        (name, a, b, prompt.id, first)
        for name in ("tiny likelihood", "tiny letters verdict")
        for a, b in (("good", "poor"), ("good", "tiny"), ("poor", "tiny"))
        for prompt in prompts.prompts
        for first in (True, False)
    }
    assert keys == expected and len(rows) == len(expected)
    answers = {name: read_answers(folder / "answers" / f"{name}.parquet", prompts) for name in ("good", "poor", "tiny")}
    assert answers["good"].of == {(prompt.id, 0): prompt.reference for prompt in prompts.prompts}
    assert answers["tiny"].name == "tiny" and answers["tiny"].about["decoding"]["tokens"] == 8
    sizes = {(row.b, row.prompt): row.b_bytes for row in rows}
    assert all(size == len(answers[arm].of[id, 0].encode()) for (arm, id), size in sizes.items())
    summary = json.loads((folder / "judge.json").read_text())
    assert summary["arms"] == ["good", "poor", "tiny"] and len(summary["pairs"]) == 6
    assert [one["name"] for one in summary["judges"]] == ["tiny likelihood", "tiny letters verdict"]
    assert json.loads((folder / "log.jsonl").read_text().splitlines()[-1])["text"] == JUDGED
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "log.jsonl"}
    (folder / "answers" / "gone.parquet").touch()
    assert not judged("local", wanted, arms, FEW).is_new
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "log.jsonl"}
    assert after == before


def test_what_a_judged_folder_is_made_of_is_not_garbage(here: Path) -> None:
    wanted = [local_wanted("likelihood", "hf:tiny")]
    judged("kept", wanted, asked=FEW)
    (here / "other.json").write_text((here / "poor.json").read_text().replace('"poor"', '"other"'))
    judged("other", wanted, ("other.json", "poor.json"), FEW)
    store = present_store()
    with alone(store):
        garbage = find_garbage(store, [], [Path("kept")])
        assert judged_keys(Path("kept")) <= {one.key for one in garbage.kept}
        gone = {one.key for one in garbage.free}
        assert judged_keys(Path("other")) - judged_keys(Path("kept")) <= gone
        with pytest.raises(InputError, match=r"judge\.json"):
            find_garbage(store, [], [here / "tiny"])


def test_an_endpoint_is_asked_each_question_once_whatever_it_does() -> None:
    """Every fourth question meets a refusal to be pressed, an error, a cut reply or a hang before its answer; one is
    answered with nonsense for good."""
    met: dict[str, int] = {}

    def faults(words: str, before: int) -> Act | None:
        number = met.setdefault(words, len(met))
        if number == 130:
            return Act(text="Both are fine.")
        if before or number % 4:
            return None
        return [
            Act(status=429, headers={"retry-after": "0.02"}, text="slowly"),
            Act(status=500, text="oops"),
            Act(cut="length"),
            Act(seconds=30),
        ][number // 4 % 4]

    with FaultyServer(wise(faults)) as server:
        found = judged("faulty", [endpoint(server.url, seconds=5, concurrency=16)])
        assert not found.unanswered
        assert len(server.given) == WISE and set(server.given.values()) == {1}
        calls = sum(server.asked.values())
        again = judged("faulty", [endpoint(server.url)])
        assert sum(server.asked.values()) == calls, "all of it is in the folder"
    assert found.is_new and not again.is_new
    rows = read_judgements("faulty/judgements.parquet")
    verdicts = [row.preferred for row in rows]
    assert (verdicts.count("a"), verdicts.count("none")) == (23, 1) and len(verdicts) == 24
    (row,) = found.summary["judges"]
    assert row["passed"] and row["exam"]["judgements"] == 120
    assert "rate limit" in row["account"] and "server error" in row["account"]
    assert found.summary["claim"][0]["prefers"] == "good"
    assert "144 from the cache" in again.summary["judges"][0]["account"]


def test_what_a_dead_endpoint_did_not_say_is_told_and_asked_by_the_next_run() -> None:
    with FaultyServer(wise(lambda words, before: Act(cut="silence") if len(alive.given) >= 100 else None)) as alive:
        found = judged("dead", [endpoint(alive.url, concurrency=1)])
        assert len(alive.given) == 100
    ((name, why),) = found.unanswered.items()
    assert name == "toy letters by text"
    assert why.startswith("20 questions of the exam, and was not asked about the pairs (")
    (told,) = found.summary["judges"]
    assert not told["passed"] and "20 questions of the exam have no reply" in told["exam"]["shortfalls"][0]
    assert not told["asked"] and read_judgements("dead/judgements.parquet") == []
    assert json.loads(Path("dead/log.jsonl").read_text().splitlines()[-1]).get("text") != JUDGED
    with FaultyServer(wise()) as server:
        again = judged("dead", [endpoint(server.url)])
        assert sum(server.asked.values()) == 44
    assert not again.unanswered and again.summary["judges"][0]["passed"]


def test_a_judge_that_fails_its_exam_is_asked_about_no_pair_now_or_later() -> None:
    with FaultyServer(lambda body, before: Act(text="A")) as server:
        for run in range(2):
            found = judged("failing", [endpoint(server.url)])
            assert len(server.given) == sum(server.asked.values()) == WISE - 24, "the exam alone"
            assert found.is_new == (run == 0) and not found.unanswered
            (told,) = found.summary["judges"]
            assert (told["passed"], told["asked"], told["quality"]) == (False, False, None)
            assert found.summary["pairs"] == [] and found.summary["seeds"] == [0]
            assert found.summary["claim"][0]["text"] == "good against poor: cannot tell: no judge passed."
    assert read_judgements("failing/judgements.parquet") == []
    assert json.loads(Path("failing/judge.json").read_text()) == found.summary
    assert json.loads(Path("failing/log.jsonl").read_text().splitlines()[-1])["text"] == JUDGED


def test_beside_a_judge_that_passes_one_that_fails_costs_its_exam_alone() -> None:
    with FaultyServer(wise()) as good, FaultyServer(lambda body, before: Act(text="A")) as poor:
        found = judged("both", [endpoint(poor.url, model="poor"), endpoint(good.url)])
        assert (sum(poor.asked.values()), sum(good.asked.values())) == (WISE - 24, WISE)
    assert [one["asked"] for one in found.summary["judges"]] == [False, True]
    assert found.summary["speaker"] == "toy letters by text" and found.summary["claim"][0]["prefers"] == "good"
    assert {row.judge for row in read_judgements("both/judgements.parquet")} == {"toy letters by text"}


def test_without_the_openai_package_nothing_is_made_before_it_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    held = sorted((here / "store").rglob("*"))
    with pytest.raises(InputError, match=r"needs the openai package: pip install 'assay\[judge\]'"):
        judged("unasked", [local_wanted("likelihood", "hf:tiny"), endpoint("http://127.0.0.1:9/v1")], asked=FEW)
    assert not (here / "unasked").exists() and sorted((here / "store").rglob("*")) == held


def test_a_cap_ends_the_asking_and_holds_over_all_runs() -> None:
    with FaultyServer(wise()) as server:
        for _ in range(2):
            found = judged("capped", [endpoint(server.url, Budget(calls=130), concurrency=1)])
            assert next(iter(found.unanswered.values())).startswith("14 questions (budget: 14;")
            assert sum(server.asked.values()) == 130
        whole = judged("capped", [endpoint(server.url, Budget(calls=WISE))])
        assert sum(server.asked.values()) == WISE and not whole.unanswered


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_program_that_is_stopped_while_it_asks_goes_on_and_asks_nothing_twice(how: signal.Signals) -> None:
    out = how.name.lower()
    command = [sys.executable, "-m", "assay", "judge", "good.json", "poor.json", "--limit", "12", "--out", out]
    with FaultyServer(wise(lambda words, before: Act(seconds=300) if len(server.given) >= 40 else None)) as server:
        command += ["--judge", f"{server.url}#toy", "--key-from", "NO_KEY", "--concurrency", "1", "--workers", "1"]
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        signal.signal(signal.SIGINT, before)
        until = time.monotonic() + 120
        while len(server.given) < 40 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(how)
        _, told = process.communicate(timeout=60)
        assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL), told
        if how == signal.SIGINT:
            assert "nothing is asked twice" in told and "Traceback" not in told
        assert not (Path(out) / "judge.json").exists()
        given = dict(server.given)
    with FaultyServer(wise()) as other:
        found = judged(out, [endpoint(other.url)])
        asked_again = [words for words in other.asked if words in given]
        assert not asked_again and sum(other.asked.values()) == WISE - len(given)
    assert not found.unanswered and found.summary["judges"][0]["passed"]


@pytest.mark.slow
def test_a_real_server_is_a_judge_through_the_official_client(here: Path) -> None:
    pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    write_folder(here / "wide", 2048)
    program = start(here / "store", here / "server.log", "hf:wide")
    try:
        wanted = endpoint(program.address, model="wide", seconds=60)
        found = judged("served", [wanted])
        again = judged("served", [wanted])
    finally:
        program.end()
    assert not found.unanswered and not again.is_new
    judge = found.summary["judges"][0]
    assert judge["exam"]["judgements"] == 120
    assert not judge["passed"] and not judge["asked"], "a model that says anything fails, and costs no more"
    assert not read_judgements("served/judgements.parquet")


@given(st.lists(st.text(max_size=130), unique=True, max_size=6))
def test_every_arm_has_a_file_of_its_own_in_the_folder(names: list[str]) -> None:
    found = file_names(names)
    assert list(found) == names
    assert len({name.casefold() for name in found.values()}) == len(names)
    for name in found.values():
        assert name and "/" not in name and not name.startswith(".") and "\0" not in name
        assert os.path.normpath(f"out/{name}.parquet") == f"out/{name}.parquet"


@pytest.mark.parametrize("held", ["answers/mine.json", "judge.txt", "judgements.parquet"])
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, held: str) -> None:
    (tmp_path / held).parent.mkdir(exist_ok=True)
    (tmp_path / held).touch()
    with pytest.raises(InputError, match="something else than win rates"):
        check_folder(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        check_folder(tmp_path / held)


def test_two_judges_of_one_name_are_refused(here: Path) -> None:
    twice: list[Any] = [endpoint("http://127.0.0.1:9/v1"), endpoint("http://127.0.0.1:10/v1")]
    with pytest.raises(InputError, match="two judges are called 'toy letters by text'"):
        judged("twice", twice)
    assert not (here / "twice").exists()
