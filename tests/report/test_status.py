"""What `assay status` says of run folders in every condition, from their files alone."""

import io
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from assay.errors import InputError, StepError, Terminated
from assay.report.status import print_status
from assay.run.progress import RunProgress
from assay.run.step import Step

READ = Step("documents", {}, title="read topics")
BUILD = Step("ingredient", {}, title="build text")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    plan = {"design": {"study": "small", "arms": ["a", "b"], "seeds": [0]}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    return tmp_path


def said(folder: Path, watch: bool = False) -> str:
    out = io.StringIO()
    print_status(folder, Console(file=out), watch)
    return out.getvalue()


def write(folder: Path, *events: dict[str, Any]) -> None:
    with (folder / "log.jsonl").open("a") as log:
        for event in events:
            log.write(json.dumps({"time": 0.0, "at": 0.0, **event}) + "\n")


def test_a_run_under_way_is_told_with_its_process(folder: Path) -> None:
    with RunProgress(folder / "log.jsonl") as progress:
        progress.expect([READ, BUILD], 2)
        progress.hear("begin", READ, {"where": "core 0"})
        progress.hear("end", READ, {"done": True, "seconds": 4.0})
        progress.hear("begin", BUILD, {"where": "core 1"})
        told = said(folder)
    assert told.startswith("small: 2 arms, 1 seed, in")
    assert "1 of 2 steps" in told
    assert "core 1  build text" in told
    assert f"Runs as process {os.getpid()}; last heard of 0 s ago." in told


def test_a_killed_run_is_told_as_stopped_even_while_nobody_has_buried_its_process(folder: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from assay.run.progress import RunProgress\n"
        "with RunProgress(Path(sys.argv[1])): print('on', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(folder / "log.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert f"Runs as process {process.pid}; last heard of" in said(folder)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        os.kill(process.pid, 0)  # a zombie: its number is still taken
        assert re.search(r"Stopped \(last heard of \d+ s ago\)\. Run the same command again to go on", said(folder))


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (StepError("the disk is full\nof files"), "Stopped: the disk is full (last"),
        (KeyboardInterrupt(), "Stopped: it was told to (last"),
        (Terminated("stopped"), "Stopped: it was told to (last"),
    ],
)
def test_a_run_that_ended_unfinished_says_why(folder: Path, problem: BaseException, why: str) -> None:
    with pytest.raises(type(problem)), RunProgress(folder / "log.jsonl"):
        raise problem
    assert why in said(folder)


def test_another_computers_run_cannot_be_asked(folder: Path) -> None:
    write(folder, {"event": "start", "process": 1, "host": "elsewhere"})
    assert "Runs on elsewhere, which cannot be asked from here" in said(folder)


def test_of_several_runs_in_one_log_the_latest_is_told_even_after_a_line_that_was_cut_off(folder: Path) -> None:
    with RunProgress(folder / "log.jsonl") as progress:
        progress.expect([READ, BUILD], 2)
        progress.hear("begin", READ, {"where": "core 0"})
    with (folder / "log.jsonl").open("a") as log:
        log.write('{"time": 1.0, "at": 5.0, "eve')
    with RunProgress(folder / "log.jsonl") as progress:
        progress.expect([BUILD], 1)
        progress.hear("begin", BUILD, {"where": "core 3"})
        told = said(folder)
    assert "0 of 1 steps" in told
    assert "core 3  build text" in told
    assert "read topics" not in told


def test_an_age_is_never_negative_when_the_clock_was_set_back(folder: Path) -> None:
    with RunProgress(folder / "log.jsonl") as progress:
        progress.expect([READ], 1)
        os.utime(folder / "log.jsonl", (4e9, 4e9))
        told = said(folder)
    assert "last heard of 0 s ago" in told
    assert "0 s passed" in told


def test_a_finished_run_names_its_report(folder: Path) -> None:
    with RunProgress(folder / "log.jsonl"):
        pass
    (folder / "done.json").write_text("{}")
    assert f"Finished: {folder / 'report.html'}\n" in said(folder)


def test_watching_ends_with_the_run(folder: Path) -> None:
    with RunProgress(folder / "log.jsonl") as progress:
        progress.expect([READ], 1)
        later = threading.Timer(1.2, (folder / "done.json").write_text, ("{}",))
        later.start()
        assert "Finished" in said(folder, watch=True)
        later.join()


def test_a_folder_without_a_run_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run folder"):
        said(tmp_path)
