"""A judge that is killed again and again behind a server that misbehaves: nothing is lost, nothing asked twice."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

import _judge_faults
from _judge_faults import AT_ONCE, FORMAT, fault_run
from _judge_server import ALL, MOODS, NONSENSE, Again, Event, LoggingServer, asked_again, said_of

pytest.importorskip("openai", reason="the extra judge is not installed")

MOOD_OF = [*sorted(MOODS), ALL]


@pytest.mark.parametrize("mood", ["cut", ALL])
def test_a_killed_judge_goes_on_where_it_was(mood: str, tmp_path: Path) -> None:
    run = fault_run(MOOD_OF.index(mood), tmp_path, "judge", prompts=6, most_kills=2)
    assert run.mood == mood
    assert (run.questions, run.lost, run.again.twice) == (12, 0, 0)
    assert run.kills > 0 and run.lives > run.kills
    assert run.again.at_kills <= AT_ONCE * run.kills


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(MOOD_OF)))
def test_so_does_the_command_in_every_mood(number: int, tmp_path: Path) -> None:
    run = fault_run(number, tmp_path, "command", prompts=9, most_kills=2)
    assert (run.lost, run.again.twice) == (0, 0) and run.questions > 90, "those about the pairs come after the exam's"


def test_a_reply_that_is_gone_and_one_taken_for_another_s_are_losses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge's verdicts and its replies are tampered with behind its back."""
    live = _judge_faults._live

    def tampered(command: Sequence[str], place: Path, logging: LoggingServer, after: int | None, wait: float) -> int:
        status = live(command, place, logging, after, wait)
        with sqlite3.connect(place / "judged" / "replies.sqlite") as store:
            store.execute("DELETE FROM replies WHERE key = (SELECT min(key) FROM replies)")
        said = place / "judged" / "said.json"
        rows = json.loads(said.read_text(encoding="utf-8"))
        rows[0][3], rows[1][3] = rows[1][3], rows[0][3]
        said.write_text(json.dumps(rows), encoding="utf-8")
        return status

    monkeypatch.setattr(_judge_faults, "_live", tampered)
    run = fault_run(MOOD_OF.index("nonsense"), tmp_path, "judge", prompts=2, most_kills=0)
    assert (run.kills, run.lost, run.again.twice) == (0, 3, 0)


def log(*lines: tuple[Literal["asked", "gave", "killing", "dead"], str, int]) -> list[Event]:
    return [Event(*line) for line in lines]


def answered(words: str, life: int = 0) -> list[Event]:
    return log(("asked", words, life), ("gave", words, life))


END = log(("dead", "", 0))
KILL = log(("killing", "", 0), ("dead", "", 0))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([*answered("q"), *answered("r"), *END], Again(0, 0)),
        ([*log(("asked", "q", 0)), *answered("q"), *END], Again(0, 0)),  # the first call failed
        ([*answered("q"), *answered("q"), *END], Again(1, 0)),
        ([*answered("q"), *END, *answered("q", 1), *END], Again(1, 0)),
        ([*answered("q"), *KILL, *answered("q", 1), *END], Again(0, 1)),  # it may not have been read
        ([*answered("q"), *answered("r"), *KILL, *answered("q", 1), *answered("r", 1), *END], Again(1, 1)),
        ([*log(("asked", "q", 0)), *KILL, *log(("gave", "q", 0)), *answered("q", 1), *END], Again(0, 0)),
        (
            [*log(("asked", "q", 0), ("killing", "", 0), ("gave", "q", 0), ("dead", "", 0)), *answered("q", 1), *END],
            Again(0, 0),
        ),
        ([*answered("q"), *KILL, *answered("q", 1), *END, *answered("q", 2), *END], Again(1, 1)),
    ],
    ids=["once", "retried", "alive", "next run", "killed", "earlier", "to the dead", "to the dying", "kept later"],
)
def test_only_a_reply_that_was_on_its_way_at_a_kill_may_be_asked_for_again(
    events: list[Event], expected: Again
) -> None:
    assert asked_again(events, at_once=1) == expected


def test_the_server_says_the_same_to_a_question_and_some_of_it_is_no_verdict() -> None:
    said = [said_of(f"question {number}", with_nonsense=True) for number in range(200)]
    assert said == [said_of(f"question {number}", with_nonsense=True) for number in range(200)]
    assert len(set(said)) == 200
    read = [FORMAT.read(one) for one in said]
    assert 40 < read.count("none") < 100 and min(read.count("first"), read.count("second")) > 40
    assert all(any(one.endswith(words) for one in said) for words in NONSENSE)
    plain = [said_of(f"question {number}", with_nonsense=False) for number in range(200)]
    assert {FORMAT.read(one) for one in plain} == {"first", "second"}
