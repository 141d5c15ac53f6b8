"""A judge behind an endpoint: verdicts in words or log-probabilities, whatever the server does to them."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.endpoint import Budget, Endpoint
from assay.endpoint.chat import ChatTemplate
from assay.errors import InputError
from assay.evaluate.scorer import score_pairs
from assay.judge.endpoint_judge import EndpointJudge
from assay.judge.judgement import JudgePrompt, Pairing
from assay.judge.verdict import letter_margin, open_format
from faulty_server import Act, FaultyServer, last_words
from served_model import CHATML, Program, decoder, start, tokenizer, write_folder

pytest.importorskip("openai", reason="the extra judge is not installed")


def both_orders(count: int) -> list[Pairing]:
    """The answer with the word good in it is the better one."""
    return [
        Pairing(prompt=JudgePrompt(id=str(number), text=f"Say something {number}."), first=first, second=second)
        for number in range(count)
        for first, second in ((f"good {number}", f"bad {number}"), (f"bad {number}", f"good {number}"))
    ]


def at(server: FaultyServer, **more: Any) -> Endpoint:
    return Endpoint(url=server.url, model="toy", key_from="NO_KEY", **{"pause": 0.01, "concurrency": 4, **more})


def where_good_is(body: dict[str, Any]) -> str:
    words = last_words(body)
    return "A" if words.index("> good") < words.index("> bad") else "B"


RIGHT = ["first", "second"]


def test_text_verdicts_are_read_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    def reply(body: dict[str, Any], before: int) -> Act:
        return Act(text=f"Comparison: one is good.\nPreferred: Answer ({where_good_is(body)})")

    asked = [*both_orders(3), *both_orders(3)]
    with FaultyServer(reply) as server:
        for run in range(2):
            with EndpointJudge(at(server), open_format("study"), tmp_path / "cache") as judge:
                said = judge.judge(asked)
                assert [one.preferred for one in said] == RIGHT * 6
                assert said[0].words == "Comparison: one is good.\nPreferred: Answer (A)"
                assert (judge.account.calls, judge.account.cached) == ((6, 0), (0, 6))[run]
        assert set(server.asked.values()) == {1} and len(server.asked) == 6
        assert server.bodies[0]["messages"][0]["role"] == "system" and server.bodies[0]["max_tokens"] == 512
        assert server.bodies[0]["temperature"] == 0


def test_what_goes_wrong_is_tried_again_or_listed_and_a_second_run_asks_only_that(tmp_path: Path) -> None:
    """429 with Retry-After, 500, cut JSON and a hang come once each; one question is refused for good in the first run,
    two are answered with nonsense, and the server changes its model's name."""
    first_run = True

    def reply(body: dict[str, Any], before: int) -> Act:
        words = last_words(body)
        number = int(words.split("Say something ")[1].split(".")[0])
        if number == 5 and first_run:
            return Act(status=400, text="no opinion")
        if before == 0 and number < 4:
            return [
                Act(status=429, headers={"retry-after": "0.05"}, text="slowly"),
                Act(status=500, text="oops"),
                Act(cut="length"),
                Act(seconds=30),
            ][number]
        if number == 4:
            return Act(text="A is good, but B too")
        return Act(text=where_good_is(body), model="toy-2" if number > 5 else "toy-1")

    format = open_format("plain")
    pairings = both_orders(8)
    with FaultyServer(reply) as server:
        with EndpointJudge(at(server, seconds=1.0, concurrency=8), format, tmp_path / "cache") as judge:
            said = judge.judge(pairings)
        account = judge.account
        assert [one.preferred for one in said] == RIGHT * 4 + ["none"] * 4 + RIGHT * 2
        assert said[8].words == "A is good, but B too"
        assert said[10].words.startswith("refused after 1 try:") and "no opinion" in said[10].words
        assert [failure.reason for failure in judge.failures] == ["refused"] * 2
        assert account.answered == 14 and account.failed == {"refused": 2}
        broken = account.retried.pop("broken reply", 0) + account.retried.pop("connection", 0)  # either is the cut one
        assert broken == 2 and account.retried == {"rate limit": 2, "server error": 2, "time-out": 2}
        assert account.models == {"toy-1": 10, "toy-2": 4}
        assert "the name under which it answers changed" in str(account) and "no opinion" in str(account)
        assert all(count == 1 for count in server.given.values()) and len(server.given) == 14
        first_run = False
        with EndpointJudge(at(server), format, tmp_path / "cache") as judge:
            again = judge.judge(pairings)
        assert [one.preferred for one in again] == RIGHT * 4 + ["none"] * 2 + RIGHT * 3
        assert (judge.account.calls, judge.account.cached, judge.failures) == (2, 14, [])
        assert all(count == 1 for count in server.given.values()) and len(server.given) == 16


def test_a_reply_that_ended_for_want_of_room_is_no_verdict(tmp_path: Path) -> None:
    def reply(body: dict[str, Any], before: int) -> Act:
        return Act(text="Comparison: both\nPreferred: A", finish="length")

    with (
        FaultyServer(reply) as server,
        EndpointJudge(at(server), open_format("study"), tmp_path / "cache") as judge,
    ):
        assert [one.preferred for one in judge.judge(both_orders(1))] == ["none", "none"]


def test_the_budget_ends_the_asking_and_says_so(tmp_path: Path) -> None:
    with FaultyServer(lambda body, before: Act(text="A")) as server:
        endpoint, format = at(server, concurrency=1), open_format("plain")
        with EndpointJudge(endpoint, format, tmp_path / "cache", Budget(calls=3)) as judge:
            said = judge.judge(both_orders(3))
    assert [one.preferred for one in said] == ["first"] * 3 + ["none"] * 3
    assert all(one.words.startswith("budget after 0 tries:") for one in said[3:])
    assert judge.account.calls == 3 and len(judge.failures) == 3


def logprobs(**tops: float) -> dict[str, Any]:
    likeliest = [{"token": token, "logprob": value, "bytes": None} for token, value in tops.items()]
    return {"content": [{**likeliest[0], "top_logprobs": likeliest}]}


def test_log_probabilities_give_a_margin_and_no_verdict_without_either_letter(tmp_path: Path) -> None:
    replies = [
        logprobs(A=math.log(0.6), B=math.log(0.2), The=math.log(0.1)),
        logprobs(**{"B": math.log(0.3), " B": math.log(0.3), "A": math.log(0.2)}),
        logprobs(B=-0.1, The=-3.0),
        logprobs(Well=-0.1, The=-3.0),
        None,
        logprobs(A=-0.7, B=-0.7),
    ]

    def reply(body: dict[str, Any], before: int) -> Act:
        number = int(last_words(body).split("Say something ")[1].split(".")[0])
        return Act(text="A", logprobs=replies[number])

    pairings = both_orders(len(replies))[::2]
    with (
        FaultyServer(reply) as server,
        EndpointJudge(at(server), open_format("letters"), tmp_path / "cache", by="logprobs") as judge,
    ):
        said = judge.judge(pairings)
        assert server.bodies[0]["top_logprobs"] == 20 and server.bodies[0]["max_tokens"] == 1
    assert [one.preferred for one in said] == ["first", "second", "second", "none", "none", "tie"]
    margins = [math.log(3), -math.log(3), -2.9, None, None, 0.0]
    assert [one.margin for one in said] == [margin if margin is None else pytest.approx(margin) for margin in margins]
    assert "neither A nor B" in said[3].words and "no log-probabilities" in said[4].words


def test_log_probabilities_of_a_format_that_begins_with_words_are_refused(tmp_path: Path) -> None:
    endpoint = Endpoint(url="http://127.0.0.1:9/v1", model="toy")
    with pytest.raises(InputError, match="choose letters or plain"):
        EndpointJudge(endpoint, open_format("study"), tmp_path / "cache", by="logprobs")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    folder = tmp_path_factory.mktemp("judge")
    running = start(folder / "store", folder / "log", write_folder(folder / "tiny"))
    yield running
    running.end()


def test_a_real_server_s_log_probabilities_are_the_model_s_own(program: Program, tmp_path: Path) -> None:
    """The margins are those of a pass through the model for every token that might come first."""
    endpoint = Endpoint(url=program.address, model="tiny", key_from="NO_KEY", seconds=60)
    brief = dataclasses.replace(open_format("letters"), system="Be brief.", prompt="{{ first }}\n{{ second }}\nBest?")
    pairings = both_orders(8)
    with EndpointJudge(endpoint, brief, tmp_path / "cache", by="logprobs") as judge:
        said = judge.judge(pairings)
        assert judge.judge(pairings) == said and judge.account.calls == 16 and judge.failures == []
    with EndpointJudge(endpoint, brief, tmp_path / "other") as by_text:
        assert all(one.preferred in {"first", "second", "none"} for one in by_text.judge(pairings))
        assert by_text.account.answered == 16
    control = {token.content: number for number, token in tokenizer().get_added_tokens_decoder().items()}
    chat = ChatTemplate(CHATML, control)
    tokens = range(tokenizer().get_vocab_size())
    for pairing, one in zip(pairings, said, strict=True):
        messages = [{"role": role, "content": text} for role, text in brief.messages(pairing)]
        context = chat.encode(tokenizer(), messages)
        logprobs = [score.logprob for score in score_pairs(decoder(), [(context, (token,)) for token in tokens])]
        top = sorted(zip(logprobs, tokens, strict=True), reverse=True)[:20]
        margin = letter_margin({tokenizer().decode([token]): value for value, token in top}, top[-1][0])
        assert one.margin == (None if margin is None else pytest.approx(margin, abs=1e-4))
        assert (one.preferred == "none") == (margin is None)
