"""What a run shows and logs while it goes on, from an engine's events at given times, and on a real terminal."""

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from assay.report.status import picture
from assay.run import progress as module
from assay.run.progress import RunProgress
from assay.run.standing import Standing
from assay.run.step import Step
from tiny_study import TinyStudy


class Clock:
    """Both clocks of a computer: one only goes on, the other may be set."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.day = 1.8e9

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.day


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def segment(name: str, steps: int, before: int = 0, size: str = "1M") -> Step:
    """Training of ``steps`` steps of 100 tokens after ``before`` others."""
    pieces = [{"steps": count} for count in (before, steps) if count]
    train = {"sequence": 10, "rows_per_step": 10}
    recipe = {"size": size, "train": train, "path": pieces, "name": name}
    return Step("state", recipe, title=f"train {name}", size=100.0 * steps)


def score(name: str) -> Step:
    return Step("scores", {"size": "1M", "name": name}, title=f"score {name}")


def events(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def folded(log: Path) -> Standing:
    standing = Standing()
    for event in events(log):
        standing.take(event)
    return standing


def drawn(shown: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=100).print(shown)
    return out.getvalue()


def test_time_left_is_what_is_left_at_the_measured_pace_over_the_workers(tmp_path: Path, clock: Clock) -> None:
    trunk, fork, one, two = segment("trunk", 100), segment("fork", 50, before=100), score("one"), score("two")
    with RunProgress(tmp_path / "log.jsonl") as progress:
        progress.expect([trunk, fork, one, two], 2)
        progress.hear("begin", trunk, {"where": "core 0"})
        assert progress._standing.left(0) == (0, ["training", "evaluation"])
        clock.now += 30  # it compiles, which tells nothing of the pace
        progress.hear("progress", trunk, {"done": 100, "new": 100, "loss": 6.0, "rate": 3.3})
        assert progress._standing.rate == 0
        clock.now += 10
        progress.hear("progress", trunk, {"done": 5100, "new": 5100, "loss": 5.0, "rate": 127.5})
        assert progress._standing.rate == 500
        left, unknown = progress._standing.left(40)
        assert left == (4900 / 500 + 5000 / 500) / 2
        assert unknown == ["evaluation"]
        assert "at least 10 s left (evaluation not timed yet)" in drawn(picture(progress._standing, 40))
        clock.now += 9.8
        progress.hear("end", trunk, {"done": True, "seconds": 49.8})
        progress.hear("begin", one, {"where": "core 1"})
        clock.now += 4
        progress.hear("end", one, {"done": True, "seconds": 4.0})
        left, unknown = progress._standing.left(53.8)
        assert left == pytest.approx((5000 / (10_000 / 49.8) + 4) / 2)
        assert unknown == []


def test_one_long_step_that_is_left_is_not_shared_by_idle_workers(tmp_path: Path, clock: Clock) -> None:
    only = segment("only", 100)
    with RunProgress(tmp_path / "log.jsonl") as progress:
        progress.expect([only], 8)
        progress.hear("begin", only, {"where": "core 0"})
        for done in (1000, 2000):
            progress.hear("progress", only, {"done": done, "new": done})
            clock.now += 10
        assert progress._standing.left(20)[0] == 80


def test_a_resumed_segment_counts_only_new_tokens_in_rates(tmp_path: Path, clock: Clock) -> None:
    fork = segment("fork", 100, before=100)
    with RunProgress(tmp_path / "log.jsonl") as progress:
        progress.expect([fork], 1)
        progress.hear("begin", fork, {"where": "core 0"})
        clock.now += 2
        progress.hear("progress", fork, {"done": 16_100, "new": 100, "loss": 3.0})  # 6,000 were in the save it found
        clock.now += 10
        progress.hear("progress", fork, {"done": 17_100, "new": 1100, "loss": 3.0})
        assert progress._standing.rate == 100
        assert progress._standing.planes() == {"training": (7100, 10_000)}
        assert progress._standing.left(12)[0] == 29
        clock.now += 29
        progress.hear("end", fork, {"done": True, "seconds": 41.0})
        assert progress.trained == 4000
        assert progress.seconds["training"] == 41


def test_what_another_run_made_meanwhile_is_done_but_is_no_measure(tmp_path: Path, clock: Clock) -> None:
    with RunProgress(tmp_path / "log.jsonl") as progress:
        fork = segment("fork", 100)
        progress.expect([fork], 1)
        progress.hear("begin", fork, {"where": "core 0"})
        progress.hear("end", fork, {"done": False, "seconds": 60.0})
        assert progress._standing.planes() == {"training": (10_000, 10_000)}
        assert progress.trained == progress.seconds["training"] == 0


def test_the_log_alone_gives_the_picture_that_the_run_shows(tmp_path: Path, clock: Clock) -> None:
    steps = [segment(f"arm {index}", 100) for index in range(3)]
    with RunProgress(tmp_path / "log.jsonl") as progress:
        progress.expect(steps, 3)
        for index, step in enumerate(steps):
            progress.hear("begin", step, {"where": f"core {index}"})
        for second in range(0, 30, 6):
            for index, step in enumerate(steps):
                tokens = 100 * (second + index + 1)
                progress.hear("progress", step, {"done": tokens, "new": tokens, "loss": 4 - second / 10})
            clock.now += 6
        progress.hear("lost", steps[2], {"how": "killed by SIGKILL"})
        progress.hear("begin", steps[2], {"where": "core 2"})
        progress.hear("end", steps[0], {"done": True, "seconds": 30.0})
        shown = drawn(picture(progress._standing, 30))
    assert shown == drawn(picture(folded(tmp_path / "log.jsonl"), 30))
    assert "core 1  train arm 1  26 %  loss 1.600  100 tokens/s" in shown
    assert re.search(r"core 2  train arm 2 +0 s +starting", shown)


def test_reports_are_logged_every_few_seconds_only(tmp_path: Path, clock: Clock) -> None:
    one = segment("one", 100)
    with RunProgress(tmp_path / "log.jsonl") as progress:
        progress.expect([one], 1)
        progress.hear("begin", one, {"where": "core 0"})
        for tokens in range(100, 4100, 100):
            clock.now += 0.25
            progress.hear("progress", one, {"done": tokens, "new": tokens})
    assert [event["new"] for event in events(tmp_path / "log.jsonl") if event["event"] == "progress"] == [100, 2100]


def test_the_work_grows_by_what_came_out_damaged_and_who_found_it_is_no_longer_under_way(
    tmp_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    trunk, fork = segment("trunk", 100), segment("fork", 50, before=100)
    with RunProgress(tmp_path / "log.jsonl") as progress:
        progress.expect([fork], 2)
        progress.hear("have", trunk, {})
        progress.hear("begin", fork, {"where": "core 0"})
        progress.hear("damaged", trunk, {"why": "has another hash", "by": fork.key})
        assert progress._standing.planes() == {"training": (0, 15_000)}
        assert not progress._standing.under_way
    assert "train trunk has another hash; it is made anew" in capsys.readouterr().err


def test_a_clock_that_is_set_meanwhile_changes_no_rate_and_no_time_left(tmp_path: Path, clock: Clock) -> None:
    one = segment("one", 100)
    with RunProgress(tmp_path / "log.jsonl") as progress:
        progress.expect([one], 1)
        progress.hear("begin", one, {"where": "core 0"})
        for tokens, jump in ((1000, 0), (2000, -9e6), (3000, 9e6)):
            clock.now += 10
            clock.day += jump
            progress.hear("progress", one, {"done": tokens, "new": tokens})
    standing = folded(tmp_path / "log.jsonl")
    assert standing.rate == 100
    assert standing.left(30)[0] == 70


def test_two_hundred_slots_fit_a_screen(tmp_path: Path, clock: Clock) -> None:
    steps = [segment(f"an arm with quite a long name of its own, number {index}", 10) for index in range(200)]
    with RunProgress(tmp_path / "log.jsonl") as progress:
        progress.expect(steps, 200)
        for index, step in enumerate(steps):
            progress.hear("begin", step, {"where": f"node 10.0.0.{index // 8} slot {index % 8}"})
        lines = drawn(picture(progress._standing, 5)).splitlines()
    assert len(lines) < 18
    assert all(len(line) <= 100 for line in lines)
    assert "and 188 more" in lines
    places = [line.split("  ")[0] for line in lines if line.startswith("node")]
    assert places[7:10] == ["node 10.0.0.0 slot 7", "node 10.0.0.1 slot 0", "node 10.0.0.1 slot 1"]


def test_a_terminal_sees_where_things_run_how_fast_and_how_long_yet(tiny: Callable[[], TinyStudy]) -> None:
    study = tiny()
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    process = subprocess.Popen(
        study.command("run", "study.yaml", "--out", "out", "--set", "units.P=60000", "--set", "max_epochs=99"),
        cwd=study.folder,
        env={**study.environment, "TERM": "xterm"},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen, told = b"", ""
    until = time.monotonic() + 100
    try:
        while time.monotonic() < until and not re.search(rb"[\d,]+ tokens/s, .* left", seen):
            seen += os.read(ours, 1 << 16)
        told = study.assay("status", "out").stdout
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    frames = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode(errors="replace"))
    assert re.search(r"core \d+ +train \S+ 1M seed \d to step \d+ +\d+ % +loss \d\.\d{3} +[\d,]+ tokens/s", frames)
    assert re.search(r"download +━+ +0\.\d of 0\.\d MB", frames)
    assert re.search(r"core \d+ +train .* to step", told)
    assert f"Runs as process {process.pid}" in told
    stopped = study.assay("status", "out").stdout
    assert "Stopped (last heard of" in stopped
    assert "Run the same command again" in stopped
    assert not re.search(r"core \d", stopped)
