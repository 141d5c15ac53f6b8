"""A training loop that waits to be told how long to run: what lets two programs take turns on one machine.

Every driver calls `Pace.tick` between two steps. The call returns at once while a turn lasts; at its end it answers on
standard output with the seconds of each step and waits for the next turn on standard input, holding its memory but no
core. So a program is started and compiled once, and its turns alternate with another's within seconds: whatever the
machine does meanwhile, it does to both. Needs nothing but numpy, as it also runs in the other programs' interpreter.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HEAD_SIZE = 128


@dataclass(frozen=True)
class Job:
    """What one process does; JSON in its argument."""

    program: str
    """A name of `PROGRAMS` in ``_training_ours`` or ``_training_peers``."""
    compiled: bool
    width: int
    layers: int
    feed_forward: int
    vocabulary: int
    sequence: int
    rows: int
    """A step."""
    threads: int
    cpu: int
    """To be pinned to; −1: to none."""
    tokens: str
    """A file of `numpy.save`: [tokens], uint16."""

    @classmethod
    def given(cls) -> "Job":
        """The one in the argument of this process, which is pinned."""
        job = cls(**json.loads(sys.argv[1]))
        if job.cpu >= 0:
            os.sched_setaffinity(0, {job.cpu})
        return job

    @property
    def heads(self) -> int:
        """Of attention."""
        return self.width // HEAD_SIZE

    def batches(self) -> Iterator[npt.NDArray[np.int64]]:
        """[rows, sequence + 1], without end: the tokens in their order, from the front again when they are used up."""
        ids = np.load(self.tokens, mmap_mode="r")
        size, place = self.rows * self.sequence, 0
        while True:
            if place + size + 1 > len(ids):
                place = 0
            starts = place + np.arange(self.rows)[:, None] * self.sequence
            yield ids[starts + np.arange(self.sequence + 1)].astype(np.int64)
            place += size


class Pace:
    """Turns of this process; standard output is kept for the answers."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._times: list[float] = []
        self._last = self._end = 0.0
        self._least = 0
        self._running = False

    def tick(self) -> None:
        """Between two steps, and once before the first. Ends the process when standard input does."""
        now = time.perf_counter()
        if self._running:
            self._times.append(now - self._last)
            if now < self._end or len(self._times) < self._least:
                self._last = now
                return
            answer = {"times": self._times, "peak_bytes": peak_bytes()}
            self._answers.write(json.dumps(answer) + "\n")
            self._answers.flush()
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        turn: dict[str, Any] = json.loads(line)
        self._times, self._least, self._running = [], turn["steps"], True
        self._last = time.perf_counter()
        self._end = self._last + turn["seconds"]


def peak_bytes() -> int:
    """Largest resident set of this process so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")
