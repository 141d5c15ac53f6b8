"""A judge behind a server that misbehaves, killed at random moments and started again until all has a verdict.

Judging goes through the command ``assay judge``, whose judge sits its exam first and passes it, or through
`EndpointJudge` alone. What was asked again is counted from the server's log; what was lost, by holding the judgements
against what the server says to each question, and the replies on disk against those it gave.
`python benchmarks/_judge_faults.py URL CACHE PAIRINGS SAID` is the client that is killed where the command is not.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from _judge_server import ALL, CALL_SECONDS, MOODS, Again, LoggingServer, asked_again
from assay.endpoint import Endpoint
from assay.judge.answers import Answers, write_answers
from assay.judge.endpoint_judge import EndpointJudge
from assay.judge.exam import build_exam
from assay.judge.judgement import JudgePrompt, Pairing, Preferred
from assay.judge.pairings import pairings_of, shown_prompts
from assay.judge.prompt_set import PromptSet, load_prompt_set
from assay.judge.verdict import open_format

FORMAT = open_format("study")
AT_ONCE = 6
"""Calls under way at most: as many replies may be sent and not yet kept when a client is killed."""
MOST_LIVES = 25
"""What has no verdict after so many starts is lost."""
LIFE_SECONDS = 240.0
Through = Literal["judge", "command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of one run."""

    mood: str
    questions: int
    """Different ones that the server was asked."""
    calls: int
    lives: int
    """Starts of the client."""
    kills: int
    lost: int
    """Replies given and not kept, and judgements that do not say what the server said."""
    again: Again


def fault_run(number: int, place: Path, through: Through, prompts: int = 12, most_kills: int = 3) -> Run:
    """One server, and one client that is killed and started again until everything has a verdict.

    Args:
        number: Decides the mood and everything that is drawn.
        place: An empty folder.
        through: What judges.
        prompts: That are judged, in both orders; the exam of fewer than nine is passed by nobody.
        most_kills: Before the client is left to end; at least one is tried, unless this is 0.
    """
    moods = [*sorted(MOODS), ALL]
    draw = random.Random(f"kills of run {number}")
    planned = draw.randint(min(1, most_kills), most_kills)
    file, found = _prompts(place, prompts)
    good, other = _arm(found, "good", 0), _arm(found, "other", 1)
    pairings = pairings_of(found, good, other, 0, "chat")
    exam = build_exam(shown_prompts(found, "chat")).pairings if through == "command" else []
    known = {_words(pairing): f"Preferred: Answer ({'AB'[at % 2]})" for at, pairing in enumerate(exam)}
    logging = LoggingServer(moods[number % len(moods)], number, known)
    kills = lives = 0
    with logging.server as server:
        command = (
            _client(server.url, place, pairings)
            if through == "judge"
            else _command(server.url, place, file, [good, other])
        )
        for _ in range(MOST_LIVES):
            lives += 1
            left = len(pairings) + len(exam) - logging.answered()
            after = len(logging.events) + draw.randrange(1, max(2, 2 * left - AT_ONCE)) if kills < planned else None
            status = _live(command, place, logging, after, draw.uniform(0, 0.05))
            kills += status == -signal.SIGKILL
            if b"Traceback" in (told := (place / "log").read_bytes()):
                raise RuntimeError(told[-5000:].decode(errors="replace"))
            if status == 0:
                break
    return Run(
        mood=logging.mood,
        questions=len(server.asked),
        calls=sum(server.asked.values()),
        lives=lives,
        kills=kills,
        lost=_lost(place, pairings, logging),
        again=asked_again(logging.events, AT_ONCE),
    )


def _prompts(place: Path, count: int) -> tuple[Path, PromptSet]:
    """A file of prompts with references."""
    place.mkdir(parents=True, exist_ok=True)
    chosen = load_prompt_set("open", count).prompts
    rows = [{"id": one.id, "text": one.text, "reference": one.reference} for one in chosen]
    file = place / "prompts.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file, load_prompt_set(str(file))


def _arm(prompts: PromptSet, name: str, further: int) -> Answers:
    """To each prompt the reference of the one so many places further on."""
    said = [prompts.prompts[(at + further) % len(prompts.prompts)].reference for at in range(len(prompts.prompts))]
    return Answers(name=name, of={(one.id, 0): text or "" for one, text in zip(prompts.prompts, said, strict=True)})


def _client(url: str, place: Path, pairings: Sequence[Pairing]) -> list[str]:
    rows = [[one.prompt.id, one.prompt.text, one.first, one.second] for one in pairings]
    asked, folder = place / "pairings.json", place / "judged"
    asked.write_text(json.dumps(rows), encoding="utf-8")
    folder.mkdir()
    return [sys.executable, __file__, url, *map(str, (folder / "replies.sqlite", asked, folder / "said.json"))]


def _command(url: str, place: Path, prompts: Path, arms: Sequence[Answers]) -> list[str]:
    files = [place / f"{arm.name}.jsonl" for arm in arms]
    for file, arm in zip(files, arms, strict=True):
        write_answers(file, arm)
    command = [sys.executable, "-m", "assay", "judge", *map(str, files), "--prompts", str(prompts)]
    command += ["--judge", f"{url}#toy", "--format", FORMAT.name, "--concurrency", str(AT_ONCE)]
    return [*command, "--seconds", f"{CALL_SECONDS:g}", "--workers", "1", "--out", str(place / "judged")]


def _live(command: Sequence[str], place: Path, logging: LoggingServer, after: int | None, wait: float) -> int:
    """One life of the client; killed, with all that it started, so many seconds after so many events."""
    environment = {**os.environ, "ASSAY_STORE": str(place / "store")}
    with (place / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=place, start_new_session=True)
        end = time.monotonic() + LIFE_SECONDS
        while process.poll() is None and time.monotonic() < end:
            if after is not None and len(logging.events) >= after:
                time.sleep(wait)
                break
            time.sleep(0.005)
        hangs = time.monotonic() >= end
        if process.poll() is None:
            logging.killing()
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
    logging.dead()
    if hangs:
        raise RuntimeError(f"the client was not done after {LIFE_SECONDS:g} seconds; see {place / 'log'}")
    return status


def _lost(place: Path, pairings: Sequence[Pairing], logging: LoggingServer) -> int:
    """Replies that the server gave and that are not on disk, and judgements that say something else."""
    kept = sum(map(_replies, sorted((place / "judged").rglob("*.sqlite"))))
    said = _said(place / "judged")
    wrong = 0
    for at, pairing in enumerate(pairings):
        words = logging.said(_words(pairing))
        wrong += said.get((pairing.prompt.id, at % 2 == 0)) != (FORMAT.read(words), words)
    return max(0, logging.answered() - kept) + wrong


def _words(pairing: Pairing) -> str:
    """By which the server knows a question."""
    return FORMAT.messages(pairing)[-1][1]


def _replies(file: Path) -> int:
    store = sqlite3.connect(file)
    try:
        return int(store.execute("SELECT count(*) FROM replies").fetchone()[0])
    finally:
        store.close()


def _said(folder: Path) -> dict[tuple[str, bool], tuple[Preferred, str]]:
    """The place preferred and the words by prompt and by whether the answer of ``good`` was shown first."""
    written = folder / "said.json"
    if written.exists():
        rows = json.loads(written.read_text(encoding="utf-8"))
        return {(id, good_first): (preferred, words) for id, good_first, preferred, words in rows}
    if not (folder / "judgements.parquet").exists():
        return {}
    from assay.judge.tournament.record_file import read_judgements

    found: dict[tuple[str, bool], tuple[Preferred, str]] = {}
    for row in read_judgements(folder / "judgements.parquet"):
        places: dict[str, Preferred] = {"a": "first", "b": "second"} if row.a_first else {"a": "second", "b": "first"}
        preferred = places.get(row.preferred, "tie" if row.preferred == "tie" else "none")
        found[row.prompt, row.a_first == (row.a == "good")] = (preferred, row.words)
    return found


def client(url: str, cache: Path, asked: Path, out: Path) -> int:
    """Judge what is in a file, and write what was said; 1 if a question had no reply."""
    pairings = [
        Pairing(prompt=JudgePrompt(id=id, text=text), first=first, second=second)
        for id, text, first, second in json.loads(asked.read_text(encoding="utf-8"))
    ]
    endpoint = Endpoint(
        url=url, model="toy", key_from="NO_KEY", concurrency=AT_ONCE, seconds=CALL_SECONDS, tries=4, pause=0.2
    )
    with EndpointJudge(endpoint, FORMAT, cache) as judge:
        said = judge.judge(pairings)
    rows = [
        (pairing.prompt.id, at % 2 == 0, one.preferred, one.words)
        for at, (pairing, one) in enumerate(zip(pairings, said, strict=True))
    ]
    out.write_text(json.dumps(rows), encoding="utf-8")
    print(judge.account)
    return 1 if judge.failures else 0


if __name__ == "__main__":
    sys.exit(client(sys.argv[1], *map(Path, sys.argv[2:])))
