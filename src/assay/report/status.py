"""How far a run is: the picture that the run itself shows, and the same from another terminal or after a crash.

``assay status`` reads the run folder alone (plan, log, done): no store, no worker is asked. Ages come from when the
log was last written, so a clock that was set makes nothing but an age wrong. Of several runs in one log only the
latest is shown.
"""

import fcntl
import json
import platform
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from assay.errors import InputError
from assay.report.numbers import count, duration, percent
from assay.run.standing import Standing, UnderWay

BUILT = "Built: everything is in the store."
"""The last word of a corpus that is built without a study."""
MEASURING = "Measuring checkpoints …"
MEASURED = "Measured: tables and item records are written."
"""The first and the last word of an evaluation outside any study."""
JUDGING = "Having answers judged …"
JUDGED = "Judged: judgements and win rates are written."
"""Likewise of a judging."""
LINES = 12
"""Steps under way that are listed, at most."""
BAR = 28
WIDTH = 400
"""Of a line where the output is no terminal: paths are not broken."""
UNITS = {"download": "MB", "corpus": "steps", "training": "tokens", "evaluation": "task scores", "judging": "steps"}


def host() -> str:
    """This computer's name."""
    return platform.node()


def picture(standing: Standing, at: float, going: bool = True) -> RenderableType:
    """A run as a person sees it: a bar a plane, a line for each step under way, the rate and the time left.

    Args:
        standing: Where the run stands.
        at: Seconds since it began.
        going: Whether it goes on; else what was under way when it ended is counted, and no time is left.
    """
    bars = Table.grid(padding=(0, 2))
    for plane, (done, planned) in standing.planes().items():
        bars.add_row(plane, ProgressBar(planned, done, width=BAR), counted(plane, done, planned))
    if not going:
        return bars
    steps = Table.grid(padding=(0, 2))
    steps.add_column(no_wrap=True)
    steps.add_column(no_wrap=True, overflow="ellipsis")
    for _ in range(3):
        steps.add_column(no_wrap=True, justify="right")
    under_way = in_order(standing)
    for one in under_way[:LINES]:
        steps.add_row(*step_cells(one, at))
    parts: list[RenderableType] = [bars, "", *([steps] if under_way else [])]
    if len(under_way) > LINES:
        parts.append(Text(f"and {len(under_way) - LINES} more"))
    elif not under_way and standing.said:
        parts.append(Text(standing.said))
    rate = [f"{standing.rate:,.0f} tokens/s"] if standing.rate else []
    parts.append(Text(", ".join([*rate, f"{duration(at)} passed", time_left(standing, at)])))
    return Group(*parts)


def print_status(folder: Path, console: Console, watch: bool = False) -> None:
    """Print what is done, what is under way, how fast, and whether the run still goes on.

    Args:
        folder: The run folder.
        console: Where to.
        watch: Show it anew each second until the run ends.

    Raises:
        InputError: The folder is no run folder.
    """
    if not console.is_terminal:
        console = Console(width=WIDTH, file=console.file)
    shown, going = _status(folder)
    if watch and going:
        with suppress(KeyboardInterrupt), Live(shown, console=console, auto_refresh=False, transient=True) as live:
            while going:
                time.sleep(1)
                shown, going = _status(folder)
                live.update(shown, refresh=True)
    console.print(shown)


def _status(folder: Path) -> tuple[RenderableType, bool]:
    """The picture of a run folder, or of a corpus being built, and whether its run goes on."""
    try:
        log = (folder / "log.jsonl").read_text(encoding="utf-8")
        age = max(0.0, time.time() - (folder / "log.jsonl").stat().st_mtime)
    except OSError:
        raise InputError(f"{folder} is no run folder: it has no log.jsonl") from None
    events = _latest_run(log)
    standing = Standing()
    for event in events:
        standing.take(event)
    told, going = whether_going(folder, events, standing, age)
    seen = picture(standing, standing.at + age, going)
    return Group(Text(head(folder, events)), seen, Text(told)), going


def whether_going(
    folder: Path, events: Sequence[Mapping[str, Any]], standing: Standing, age: float
) -> tuple[str, bool]:
    """Whether a run goes on, finished or stopped, in words, and whether it goes on.

    Args:
        folder: The run folder.
        events: Of the latest run; the first and the last are looked at.
        standing: What they come to.
        age: Seconds since the log was last written.
    """
    if events and events[-1].get("text") in {BUILT, MEASURED, JUDGED}:
        return events[-1]["text"], False
    if (folder / "done.json").is_file():
        return f"Finished: {folder / 'report.html'}", False
    if not events:
        return "No run has begun.", False
    return _sign_of_life(folder / "log.jsonl", events[0], standing, age)


def head(folder: Path, events: Iterable[Mapping[str, Any]]) -> str:
    """What is made in the folder: a study where it has a plan, else what the events say."""
    try:
        design = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["design"]
    except OSError:
        said = {event.get("text") for event in events}
        what = "Win rates" if JUDGING in said else "An evaluation" if MEASURING in said else "A corpus"
        return f"{what}, in {folder}"
    return f"{design['study']}: {_several(design['arms'], 'arm')}, {_several(design['seeds'], 'seed')}, in {folder}"


def _latest_run(log: str) -> list[dict[str, Any]]:
    """The events from the last ``start`` on; a line cut off by a kill is left out."""
    events: list[dict[str, Any]] = []
    for line in log.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event["event"] == "start":
            events = [event]
        elif events:
            events.append(event)
    return events


def _sign_of_life(log: Path, start: Mapping[str, Any], standing: Standing, age: float) -> tuple[str, bool]:
    """What is known of an unfinished run, and whether it may go on."""
    heard = f"last heard of {duration(age)} ago"
    if start["host"] != host():
        if standing.stopped is None:
            return f"Runs on {start['host']}, which cannot be asked from here; {heard}.", True
    elif standing.stopped is None and _locked(log):
        return f"Runs as process {start['process']}; {heard}.", True
    why = f": {standing.stopped}" if standing.stopped else ""
    return f"Stopped{why} ({heard}). Run the same command again to go on; finished work is kept.", False


def _locked(log: Path) -> bool:
    """Whether a run has the log, or may have, where files cannot be locked."""
    with log.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def counted(plane: str, done: float, planned: float) -> str:
    """Work done of all there is, in the plane's unit."""
    if plane == "download":
        digits = 0 if planned >= 1e7 else 1
        return f"{done / 1e6:,.{digits}f} of {planned / 1e6:,.{digits}f} {UNITS[plane]}"
    return f"{count(done)} of {count(planned)} {UNITS[plane]}"


def in_order(standing: Standing) -> list[UnderWay]:
    """Steps under way by who carries them out."""
    return sorted(standing.under_way.values(), key=lambda one: _natural(one.where))


def step_cells(one: UnderWay, at: float) -> tuple[str, str, str, str, str]:
    """A step under way: where, what, how far, loss, rate."""
    training = one.sort[0] == "state"
    far = percent(one.far / one.work, 0) if one.far and one.work else duration(max(0.0, at - one.begun))
    loss = f"loss {one.loss:.3f}" if one.loss is not None else "starting" if training else ""
    rate = f"{one.rate:,.0f} tokens/s" if training and one.rate else ""
    return one.where, one.title, far, loss, rate


def time_left(standing: Standing, at: float) -> str:
    """How long it will take yet, as far as that is known."""
    seconds, unknown = standing.left(at)
    if not unknown:
        return f"about {duration(seconds)} left"
    if not seconds:
        return "time left not known yet"
    return f"at least {duration(seconds)} left ({' and '.join(unknown)} not timed yet)"


def _several(things: list[Any], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts slot 9 before slot 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
