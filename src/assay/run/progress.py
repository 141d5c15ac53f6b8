"""What a run shows while it goes on: one live view on a terminal, nothing elsewhere, and a log always.

The log (``log.jsonl``) begins each run with ``start``, says what to ``expect``, and has a line for every step begun,
ended, lost or found damaged, and every few seconds for each that reports how far it is. ``assay status`` reads nothing
else, so whatever the live view shows is in the log too. The log is locked while the run goes on; the kernel lets go of
the lock however the run ends.
"""

import fcntl
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from rich.console import Console, RenderableType
from rich.live import Live

from assay.errors import StepError, Stopped
from assay.report.status import host, picture
from assay.run.standing import PLANES, Standing, how_far, model_of, work_of
from assay.run.step import Step

LOG_SECONDS = 5.0
SHOWN_A_SECOND = 4
LOCK_TRIES, LOCK_SECONDS = 10, 0.1


class RunProgress:
    """Listens to an engine; shows and logs. Use as a context manager."""

    def __init__(self, log: Path) -> None:
        self.console = Console(stderr=True)
        self._begin = time.monotonic()
        self._standing = Standing()
        self._folding = threading.Lock()
        self._logged: dict[str, float] = {}
        self._latest: dict[str, Mapping[str, Any]] = {}
        self._log = _opened(log)
        self._live: Live | None = None
        self._write({"event": "start", "process": os.getpid(), "host": host()})

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._live = Live(
                console=self.console,
                get_renderable=self._picture,
                refresh_per_second=SHOWN_A_SECOND,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
        if problem is None:
            self._log.close()
            return
        with suppress(OSError):  # a full disk is told by the problem itself
            for message in self._latest.values():
                self._log_line(message, self._now())
            self._write({"event": "stop", "why": _why(problem)})
        with suppress(OSError):
            self._log.close()

    @property
    def seconds(self) -> dict[str, float]:
        """What this run's finished steps took, by plane, summed over workers."""
        return self._sum("seconds")

    @property
    def trained(self) -> float:
        """Tokens that this run's finished steps trained."""
        return self._sum("paid")["training"]

    def expect(self, steps: Iterable[Step], workers: int) -> None:
        """Steps that will be made, and how many at once; for totals and the time left."""
        work: dict[tuple[str, str], float] = {}
        for step in steps:
            sort = step.kind, model_of(step)
            work[sort] = work.get(sort, 0.0) + work_of(step)
        sorts = [{"kind": kind, "model": model, "work": total} for (kind, model), total in work.items()]
        self._write({"event": "expect", "workers": workers, "steps": sorts})

    def say(self, text: str) -> None:
        """What goes on when no step does, for the live view and the log."""
        self._write({"event": "said", "text": text})

    def warn(self, text: str) -> None:
        """A line that the person is to see wherever the output goes, and for the log."""
        self._write({"event": "warned", "text": text})
        self.console.print(text, soft_wrap=True)

    def hear(self, event: str, step: Step, about: dict[str, Any]) -> None:
        """An engine's listener."""
        if event == "have":
            return
        step_is = {"kind": step.kind, "key": step.key, "title": step.title, "model": model_of(step)}
        message = {"event": event, **step_is, "work": work_of(step), **about}
        if event == "progress":
            message |= how_far(step, about)
        self._write(message)
        if event == "damaged":
            self.warn(f"{step.title} {about['why']}; it is made anew")
        elif event == "lost":
            self.warn(f"A worker was lost on '{step.title}' ({about['how']}); another goes on with it")

    def _sum(self, what: str) -> dict[str, float]:
        sums = dict.fromkeys(PLANES.values(), 0.0)
        for (kind, _), tally in self._standing.tallies.items():
            sums[PLANES[kind]] += getattr(tally, what)
        return sums

    def _picture(self) -> RenderableType:
        with self._folding:
            return picture(self._standing, self._now())

    def _now(self) -> float:
        return time.monotonic() - self._begin

    def _write(self, message: Mapping[str, Any]) -> None:
        """Take an event in, and log it unless it is one of many reports."""
        now = self._now()
        with self._folding:
            self._standing.take({"at": now, **message})
        if message["event"] == "progress":
            self._latest[message["key"]] = message
            if now - self._logged.get(message["key"], -LOG_SECONDS) < LOG_SECONDS:
                return
            self._logged[message["key"]] = now
        self._latest.pop(message.get("key", ""), None)
        self._log_line(message, now)

    def _log_line(self, message: Mapping[str, Any], now: float) -> None:
        stamped = {"time": round(time.time(), 3), "at": round(now, 3), **message}
        self._log.write(json.dumps(stamped) + "\n")
        self._log.flush()


def _why(problem: BaseException) -> str:
    if isinstance(problem, (KeyboardInterrupt, Stopped)):
        return "it was told to"
    return (str(problem) or type(problem).__name__).splitlines()[0]


def _opened(log: Path) -> IO[str]:
    """The log, locked, to be appended to, on a new line even if a kill cut the last one off.

    Raises:
        StepError: Another run has it.
    """
    cut = log.is_file() and log.read_bytes()[-1:] not in {b"", b"\n"}
    file = log.open("a", encoding="utf-8")
    with suppress(OSError):  # a file system without locks: `assay status` cannot lock either, and says less
        for _ in range(LOCK_TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(LOCK_SECONDS)  # `assay status` holds it for a moment
        else:
            file.close()
            raise StepError(f"another run goes on in {log.parent}; see 'assay status {log.parent}'")
    if cut:
        file.write("\n")
    return file
