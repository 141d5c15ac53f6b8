"""Asking a server that misbehaves: nothing is lost, nothing answered is asked twice, and the account says it all."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from assay.endpoint import Budget, Endpoint, Failure, Question, Reply, open_client
from assay.errors import InputError, StepError
from faulty_server import Act, FaultyServer, last_words


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def endpoint(server: FaultyServer, **changes: object) -> Endpoint:
    settings = {"url": server.url, "model": "toy", "key_from": "ASSAY_TEST_KEY", "pause": 0.02, "seconds": 30.0}
    return Endpoint(**{**settings, **changes})  # type: ignore[arg-type]  # one place for all tests' settings


def chat(words: str, **changes: object) -> Question:
    return Question(messages=(("user", words),), **{"tokens": 8, **changes})  # type: ignore[arg-type]  # as above


def texts(answers: list[Reply | Failure]) -> list[str]:
    return [answer.text if isinstance(answer, Reply) else f"{answer.reason}!" for answer in answers]


def test_replies_come_in_the_order_of_the_questions_however_long_each_takes(
    server: FaultyServer, tmp_path: Path
) -> None:
    server.behave = lambda body, before: Act(
        text=last_words(body).upper(), seconds=0.1 if "3" in last_words(body) else 0
    )
    heard: list[tuple[int, int]] = []
    with open_client(endpoint(server), tmp_path / "replies") as client:
        answers = client.ask([chat(f"q{n}") for n in range(12)], lambda done, of: heard.append((done, of)))
    assert texts(answers) == [f"Q{n}" for n in range(12)]
    assert 1 < server.most_at_once <= 4
    assert heard == [(done, 12) for done in range(13)]


def test_all_that_decides_a_reply_is_sent_and_nothing_else_of_this_machine(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TEST_KEY", "secret-1")
    monkeypatch.setenv("OPENAI_ORG_ID", "our-firm")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-spy: 1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    question = chat("q", temperature=0.7, top_p=0.9, seed=3, stop=("END",), logprobs=2, sample=5)
    with open_client(endpoint(server), tmp_path / "replies") as client:
        assert texts(client.ask([question, Question(prompt="p", tokens=4)])) == ["yes", "yes"]
    bodies = sorted(server.bodies, key=lambda body: "prompt" in body)
    assert bodies == [
        {
            "model": "toy",
            "messages": [{"role": "user", "content": "q"}],
            "max_tokens": 8,
            "temperature": 0.7,
            "top_p": 0.9,
            "seed": 3,
            "stop": ["END"],
            "logprobs": True,
            "top_logprobs": 2,
        },
        {"model": "toy", "prompt": "p", "max_tokens": 4, "temperature": 0.0},
    ]
    assert {header["authorization"] for header in server.headers} == {"Bearer secret-1"}
    assert {name for header in server.headers for name in header} <= {
        *("host", "accept", "accept-encoding", "connection", "content-type", "content-length"),
        *("user-agent", "authorization", "x-stainless-raw-response"),
    }
    assert b"secret-1" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Act(status=500, text="out of luck"), "server error"),
        (Act(status=503, text="starting", headers={"Retry-After": "0"}), "server error"),
        (Act(status=429, text="slow down"), "rate limit"),
        (Act(cut="length"), "connection"),
        (Act(cut="chunked"), "connection"),
        (Act(cut="closed"), "broken reply"),
        (Act(cut="silence"), "connection"),
        (Act(seconds=60), "time-out"),
        (Act(drip=0.05), "time-out"),
        (Act(body=b'{"choices": [{"message": {"content": "ye'), "broken reply"),
        (Act(body=b'{"choices": []}'), "broken reply"),
        (Act(body=b"null"), "broken reply"),
        (Act(body=b'{"choices": [{"message": {"content": 7}}]}'), "broken reply"),
        (Act(body=b"<html>busy</html>", kind="text/html"), "broken reply"),
        (Act(body=b"data: {}\n\ndata: [DONE]\n\n", kind="text/event-stream"), "broken reply"),
        (Act(body=b"[" * 100_000), "broken reply"),
        (Act(body=b"\xff\xfe\x00"), "broken reply"),
    ],
)
def test_a_call_that_failed_once_is_made_again_and_no_other(
    server: FaultyServer, tmp_path: Path, fault: Act, reason: str
) -> None:
    server.behave = lambda body, before: fault if last_words(body) == "q1" and not before else Act()
    seconds = 1.5 if reason == "time-out" else 30.0
    with open_client(endpoint(server, seconds=seconds), tmp_path / "replies") as client:
        assert texts(client.ask([chat(f"q{n}") for n in range(5)])) == ["yes"] * 5
        assert client.account.retried == {reason: 1}
        assert client.account.calls == 6
        assert reason in str(client.account)
    assert server.asked == {"q0": 1, "q1": 2, "q2": 1, "q3": 1, "q4": 1}
    assert set(server.given.values()) == {1}


def test_what_always_fails_is_given_up_after_its_tries_and_asked_again_by_the_next_run(
    server: FaultyServer, tmp_path: Path
) -> None:
    server.behave = lambda body, before: Act(status=500, text="no luck") if last_words(body) == "q1" else Act()
    with open_client(endpoint(server, tries=3), tmp_path / "replies") as client:
        answers = client.ask([chat(f"q{n}") for n in range(3)])
        assert answers[1] == Failure(reason="server error", words="Error code: 500 - no luck", tries=3)
        assert str(client.account).splitlines() == [
            "3 questions: 2 answered, 0 from the cache, 1 failed",
            "calls   5, 2 of them made again: server error (2)",
            "tokens  20 in, 10 out",
            "cost    $0",
            "models  toy-1 (2)",
            "failed  server error (1)",
            "        server error: Error code: 500 - no luck",
        ]
    server.behave = lambda body, before: Act()
    with open_client(endpoint(server), tmp_path / "replies") as client:
        assert texts(client.ask([chat(f"q{n}") for n in range(3)])) == ["yes"] * 3
        assert (client.account.cached, client.account.calls) == (2, 1)
    assert server.asked == {"q0": 1, "q1": 4, "q2": 1}


def test_a_refusal_is_not_repeated_and_the_servers_words_are_told(server: FaultyServer, tmp_path: Path) -> None:
    server.behave = lambda body, before: Act(status=400, text="too long") if last_words(body) == "q1" else Act()
    with open_client(endpoint(server), tmp_path / "replies") as client:
        answers = client.ask([chat(f"q{n}") for n in range(4)])
    assert answers[1] == Failure(reason="refused", words="Error code: 400 - too long", tries=1)
    assert texts(answers) == ["yes", "refused!", "yes", "yes"]
    assert set(server.asked.values()) == {1}


def test_what_every_question_would_meet_ends_the_asking(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TEST_KEY", "sk-123456")
    server.behave = lambda body, before: Act(status=401, text="Incorrect API key: sk-123456")
    with open_client(endpoint(server, concurrency=2), tmp_path / "replies") as client:
        answers = client.ask([chat(f"q{n}") for n in range(50)])
    assert texts(answers) == ["refused!"] * 50
    assert {answer.words for answer in answers if isinstance(answer, Failure)} == {
        "Error code: 401 - Incorrect API key: [key]"
    }
    assert len(server.bodies) <= 2
    monkeypatch.delenv("ASSAY_TEST_KEY")
    with open_client(endpoint(server), tmp_path / "replies") as client:
        (answer,) = client.ask([chat("q")])
    assert isinstance(answer, Failure) and "ASSAY_TEST_KEY" in answer.words
    assert "authorization" not in server.headers[-1]


def test_a_redirect_is_not_followed(server: FaultyServer, tmp_path: Path) -> None:
    with FaultyServer() as elsewhere:
        server.behave = lambda body, before: Act(status=307, headers={"location": elsewhere.url + "/chat/completions"})
        with open_client(endpoint(server), tmp_path / "replies") as client:
            (answer,) = client.ask([chat("q")])
        assert isinstance(answer, Failure) and elsewhere.url in answer.words
        assert not elsewhere.bodies


def test_an_endpoint_that_is_not_there_is_told_after_its_tries(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = Endpoint(url=f"http://127.0.0.1:{free.getsockname()[1]}/v1", model="toy", tries=3, pause=0.01)
        with open_client(nobody, tmp_path / "replies", Budget(dollars=1.0)) as client:
            answers = client.ask([chat(f"q{n}") for n in range(100)])
            assert client.account.calls <= 3 * nobody.concurrency
            assert client.account.at_worst == 0
    assert set(texts(answers)) == {"connection!"}


@pytest.mark.parametrize("how", ["seconds", "date"])
def test_retry_after_is_honoured_by_all_callers(server: FaultyServer, tmp_path: Path, how: str) -> None:
    seconds = 0.8
    after = str(seconds) if how == "seconds" else formatdate(time.time() + 2, usegmt=True)
    server.behave = lambda body, before: (
        Act(status=429, headers={"Retry-After": after}) if len(server.bodies) == 1 else Act()
    )
    with open_client(endpoint(server, concurrency=1), tmp_path / "replies") as client:
        assert texts(client.ask([chat(f"q{n}") for n in range(3)])) == ["yes"] * 3
    assert server.times[1] - server.times[0] >= (seconds if how == "seconds" else 0.9)


def test_a_server_that_wants_to_be_left_alone_for_an_hour_is(server: FaultyServer, tmp_path: Path) -> None:
    server.behave = lambda body, before: Act(status=429, text="tomorrow", headers={"Retry-After": "3600"})
    with open_client(endpoint(server, concurrency=1), tmp_path / "replies") as client:
        answers = client.ask([chat(f"q{n}") for n in range(9)])
    assert len(server.bodies) == 1
    assert isinstance(answers[8], Failure) and "3,600 seconds" in answers[8].words


def test_calls_are_spaced_to_the_rate(server: FaultyServer, tmp_path: Path) -> None:
    with open_client(endpoint(server, per_minute=600.0), tmp_path / "replies") as client:
        client.ask([chat(f"q{n}") for n in range(6)])
    times = sorted(server.times)
    assert times[-1] - times[0] >= 0.4


def test_the_same_question_is_asked_once_but_every_setting_makes_another(server: FaultyServer, tmp_path: Path) -> None:
    base = {"temperature": 0.5, "top_p": 0.9, "seed": 1, "stop": ("x",), "tokens": 8, "logprobs": 0, "sample": 0}
    changes: list[dict[str, object]] = [
        {"temperature": 0.6},
        {"top_p": None},
        {"seed": 2},
        {"stop": ()},
        {"tokens": 9},
        {"logprobs": 1},
    ]
    changes += [{"sample": 1}]
    questions = [chat("q", **base), chat("q", **base), *(chat("q", **{**base, **change}) for change in changes)]
    questions += [Question(prompt="q", tokens=8), Question(messages=(("system", "q"),), tokens=8)]
    with open_client(endpoint(server), tmp_path / "replies") as client:
        client.ask(questions)
        client.ask(questions)
    assert len(server.bodies) == len(questions) - 1
    with open_client(endpoint(server, model="other", concurrency=1, seconds=99.0), tmp_path / "replies") as client:
        client.ask(questions[:1])
    assert len(server.bodies) == len(questions)


def test_a_reply_from_the_cache_is_the_reply(server: FaultyServer, tmp_path: Path) -> None:
    text = "Grüße \x00 \ud800 𝄞 " + "x" * 100_000
    given = {"content": [{"token": "A", "logprob": -0.1, "top_logprobs": [{"token": "B", "logprob": -2.5}]}]}
    lists = {"tokens": ["A"], "token_logprobs": [-0.1], "top_logprobs": [{"B": -2.5}]}
    server.behave = lambda body, before: Act(
        text=text, logprobs=given if "messages" in body else lists, finish="length"
    )
    questions = [chat("q", logprobs=1), Question(prompt="p", tokens=1, logprobs=1)]
    with open_client(endpoint(server), tmp_path / "replies") as client:
        first = client.ask(questions)
    with open_client(endpoint(server), tmp_path / "replies") as client:
        assert client.ask(questions) == first
        assert client.account.calls == 0
    for reply in first:
        assert isinstance(reply, Reply)
        assert reply.text == text.replace("\ud800", "?")
        assert (reply.finish, reply.tokens_in, reply.tokens_out, reply.counted) == ("length", 10, 5, True)
        assert [(one.text, one.logprob, one.top) for one in reply.logprobs] == [("A", -0.1, (("B", -2.5),))]


def test_a_model_that_changes_its_name_is_in_the_account(server: FaultyServer, tmp_path: Path) -> None:
    server.behave = lambda body, before: Act(model="toy-2" if last_words(body) == "q7" else "toy-1")
    with open_client(endpoint(server), tmp_path / "replies") as client:
        answers = client.ask([chat(f"q{n}") for n in range(8)])
        assert client.account.models == {"toy-1": 7, "toy-2": 1}
        assert "the name under which it answers changed" in str(client.account)
    assert isinstance(answers[7], Reply) and answers[7].model == "toy-2"


PRICES = {"dollars_per_million_in": 1e4, "dollars_per_million_out": 1e5}
COST = 10 * 1e-2 + 5 * 1e-1


def test_no_call_is_sent_that_could_overspend_and_a_higher_cap_goes_on(server: FaultyServer, tmp_path: Path) -> None:
    questions = [chat(f"q{n:02}") for n in range(20)]
    worst = endpoint(server, **PRICES).dollars(questions[0].longest(), 8)
    cap = worst + 7.5 * COST
    with open_client(endpoint(server, **PRICES), tmp_path / "replies", Budget(dollars=cap)) as client:
        answers = client.ask(questions)
        assert client.account.dollars == pytest.approx(8 * COST)
        assert client.account.failed == {"budget": 12}
    assert texts(answers).count("yes") == 8 == len(server.bodies)
    with open_client(endpoint(server, **PRICES), tmp_path / "replies", Budget(dollars=cap)) as client:
        assert texts(client.ask(questions)) == texts(answers)
    assert len(server.bodies) == 8
    with open_client(endpoint(server, **PRICES), tmp_path / "replies", Budget(dollars=100.0)) as client:
        assert texts(client.ask(questions)) == ["yes"] * 20
        assert f"earlier, with this cache, ${8 * COST:.2f} for 8 calls" in str(client.account)
    assert set(server.asked.values()) == {1}


@pytest.mark.parametrize("budget", [Budget(calls=3), Budget(tokens=15 * 2 + 142)])
def test_tokens_and_calls_are_capped_too(server: FaultyServer, tmp_path: Path, budget: Budget) -> None:
    with open_client(endpoint(server), tmp_path / "replies", budget) as client:
        assert texts(client.ask([chat(f"q{n}") for n in range(9)])) == ["yes"] * 3 + ["budget!"] * 6


def test_what_may_have_been_billed_counts_at_its_worst(server: FaultyServer, tmp_path: Path) -> None:
    server.behave = lambda body, before: Act(cut="length") if not before else Act(usage=False)
    question = chat("q")
    worst = endpoint(server, **PRICES).dollars(question.longest(), 8)
    with open_client(endpoint(server, **PRICES), tmp_path / "replies") as client:
        (reply,) = client.ask([question])
        assert isinstance(reply, Reply) and not reply.counted
        assert client.account.dollars == pytest.approx(2 * worst)
        assert client.account.at_worst == 2
    with open_client(endpoint(server, **PRICES), tmp_path / "replies") as client:
        assert client.account.earlier.dollars == pytest.approx(2 * worst)
    server.behave = lambda body, before: Act(status=500) if not before else Act()
    with open_client(endpoint(server, **PRICES), tmp_path / "free") as client:
        client.ask([chat("another")])
        assert client.account.dollars == pytest.approx(COST)


FAULTS = [
    *(Act(status=500), Act(status=502), Act(status=429, headers={"Retry-After": "0"}), Act(cut="length")),
    *(Act(cut="chunked"), Act(cut="closed"), Act(cut="silence"), Act(body=b"{"), Act(seconds=60)),
]


@pytest.mark.parametrize("run", range(2))
def test_among_many_faults_nothing_is_lost_and_nothing_answered_is_asked_again(
    server: FaultyServer, tmp_path: Path, run: int
) -> None:
    def behave(body: dict[str, object], before: int) -> Act:
        words = last_words(body)
        chance = random.Random(f"{run} {words} {before}")
        return chance.choice(FAULTS) if chance.random() < 0.4 else Act(text=words.upper())

    server.behave = behave
    words = [f"q{n:02}" for n in range(60)]
    with open_client(endpoint(server, concurrency=12, seconds=2.0, tries=4), tmp_path / "replies") as client:
        first = texts(client.ask([chat(word) for word in words]))
        lost = len(words) - client.account.answered
        assert sum(client.account.failed.values()) == lost == sum(text.endswith("!") for text in first)
        assert client.account.calls == len(server.bodies) == len(words) + sum(client.account.retried.values())
    with open_client(endpoint(server, concurrency=12, seconds=2.0, tries=20), tmp_path / "replies") as client:
        assert texts(client.ask([chat(word) for word in words])) == [word.upper() for word in words]
        assert client.account.cached == len(words) - lost
    assert server.given == dict.fromkeys(words, 1)


KILLED = """
import os, sys
from pathlib import Path
from assay.endpoint import Budget, Endpoint, Question, open_client
endpoint = Endpoint(url=sys.argv[1], model="toy", key_from="NONE", pause=0.02, seconds=20)
with open_client(endpoint, Path(sys.argv[2]), Budget(calls=100)) as client:
    def say(done, of):
        if done == int(sys.argv[3]):
            os.kill(os.getpid(), 9)
    client.ask([Question(messages=(("user", f"q{n:02}"),), tokens=8) for n in range(30)], say)
"""


def test_a_run_that_was_killed_resumes_and_asks_only_what_is_missing(server: FaultyServer, tmp_path: Path) -> None:
    server.behave = lambda body, before: Act(seconds=0.01)
    words = [f"q{n:02}" for n in range(30)]
    under_way = 3  # at a kill, beside the one whose reply has just been kept
    for kills, at in ((1, 7), (2, 19)):
        command = [sys.executable, "-c", KILLED, server.url, str(tmp_path / "replies"), str(at)]
        assert subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": "src"}).returncode == -9
        assert at <= sum(server.asked.values()) <= at + kills * under_way
    with open_client(endpoint(server), tmp_path / "replies") as client:
        assert sum(server.asked.values()) <= client.account.earlier.calls <= 19 + 2 * under_way
        assert texts(client.ask([chat(word) for word in words])) == ["yes"] * 30
        assert 19 <= client.account.cached <= 19 + 2 * under_way
        assert client.account.calls == 30 - client.account.cached
    assert set(server.asked) == set(words)
    assert server.asked.most_common(1)[0][1] <= 2


def test_one_process_at_a_time_has_a_cache(server: FaultyServer, tmp_path: Path) -> None:
    with (
        open_client(endpoint(server), tmp_path / "replies"),
        pytest.raises(StepError, match="another process"),
        open_client(endpoint(server), tmp_path / "replies"),
    ):
        pass


def test_another_file_is_not_taken_for_a_cache(server: FaultyServer, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("my notes\n" * 100)
    with pytest.raises(InputError, match="is not a cache"), open_client(endpoint(server), tmp_path / "notes"):
        pass
    assert (tmp_path / "notes").read_text() == "my notes\n" * 100


def test_a_variable_that_holds_no_key_is_told(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TEST_KEY", "schlüssel")
    with open_client(endpoint(server), tmp_path / "replies") as client, pytest.raises(InputError) as caught:
        client.ask([chat("q")])
    assert "ASSAY_TEST_KEY" in str(caught.value) and "schl" not in str(caught.value)


def test_it_can_be_asked_from_within_a_running_loop(server: FaultyServer, tmp_path: Path) -> None:
    import asyncio

    async def cell() -> list[str]:
        with open_client(endpoint(server), tmp_path / "replies") as client:
            return texts(client.ask([chat("q")]))

    assert asyncio.run(cell()) == ["yes"]


def test_without_the_openai_package_the_extra_is_named(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with (
        open_client(endpoint(server), tmp_path / "replies") as client,
        pytest.raises(InputError, match=r"assay\[judge\]"),
    ):
        client.ask([chat("q")])


@pytest.mark.parametrize(
    "wrong",
    [
        *({"url": "localhost:8000"}, {"url": "http://me:word@host/v1"}, {"url": "http://host:99999/v1"}),
        *({"model": ""}, {"concurrency": 0}),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(server: FaultyServer, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        endpoint(server, **wrong)
