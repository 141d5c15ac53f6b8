"""Choosing a tier and running programs in it, several at a time.

A tier is tried by starting a worker in it and running a program that tries what must not work; one that lets it work
is no sandbox. Where none can be had this refuses: a program that nobody has read is not run on the bare machine but by
the name ``unsafe``.
"""

import os
import select
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from assay.errors import StepError
from assay.evaluate.sandbox.launcher import Worker
from assay.evaluate.sandbox.limits import Limits
from assay.evaluate.sandbox.verdict import Verdict

Tier = Literal["auto", "namespaces", "landlock", "docker", "unsafe"]
_BY_ITSELF = ("namespaces", "landlock", "docker")
_GRACE_SECONDS = 60
_LONGEST = 6
"""Times a program's wall time, after which its worker is not believed to be alive: the watcher's five and one more."""

_CANARY = """
import os, socket
def works(act, *arguments):
    try:
        act(*arguments)
    except OSError:
        return False
    return True
def write_and_remove(path):
    open(path, "x").close()
    os.unlink(path)
write_and_remove("mine")
worked = [
    name
    for name, act, *arguments in (
        ("a socket", socket.socket),
        ("reading /etc/passwd", open, "/etc/passwd"),
        ("writing outside its folder", write_and_remove, "/assay-canary"),
        ("a second process", os.fork),
        ("starting a program", os.execv, "/bin/sh", ["sh", "-c", "exit"]),
        ("a signal to its parent", os.kill, os.getppid(), 0),
    )
    if works(act, *arguments) and not (IN_A_CONTAINER and act is open)
]
assert not worked, ", ".join(worked)
"""


def open_sandbox(
    tier: Tier = "auto", workers: int | None = None, limits: Limits | None = None, hash_seed: int = 0
) -> "Sandbox":
    """Open a sandbox.

    Args:
        tier: By name, or the first that can be had of namespaces, landlock and docker.
        workers: Programs at a time; one a processor if not given.
        limits: Of every program; the defaults of `Limits` if not given.
        hash_seed: By which strings are hashed in every program, and so sets of them are ordered.

    Raises:
        StepError: The tier cannot be had, or none; with the reason for each.
    """
    limits = limits or Limits()
    reasons = []
    for name in _BY_ITSELF if tier == "auto" else (tier,):
        sandbox = Sandbox(name, max(1, workers or _processors()), limits, hash_seed)
        try:
            sandbox.prove()
        except StepError as error:
            sandbox.close()
            reasons.append(f"{name}: {error}")
            continue
        except BaseException:
            sandbox.close()
            raise
        return sandbox
    if tier != "auto":
        raise StepError(f"the sandbox cannot be had as {reasons[0]}")
    raise StepError(f"there is no sandbox for programs here, and none is run without; {'; '.join(reasons)}")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(slots=True)
class _Task:
    index: int
    tries: int
    until: float


class Sandbox:
    """A tier and its workers; a context manager, for one thread. Its limits are those of every program."""

    tier: str
    """Which one it is, never ``auto``."""

    def __init__(self, tier: str, workers: int, limits: Limits, hash_seed: int = 0) -> None:
        self.tier = tier
        self._count = workers
        self._limits = limits
        self._hash_seed = hash_seed
        self._idle: list[Worker] = []
        self._busy: dict[int, tuple[Worker, _Task]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Kill the workers and whatever runs in them."""
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            worker.kill()
        self._idle, self._busy = [], {}

    def prove(self) -> None:
        """Start the first worker and see that the tier holds; StepError if not."""
        self._start(1)
        if self.tier == "unsafe":
            return
        verdict = self.run([f"IN_A_CONTAINER = {self.tier == 'docker'}\n{_CANARY}"])[0]
        if verdict.outcome == "failed":
            raise StepError(f"it does not hold a program back: {verdict.message}")
        if verdict.outcome != "passed":
            raise StepError(f"a plain program did not run in it: {verdict.outcome}, {verdict.message}")

    def run(self, programs: Sequence[str], say: Callable[[int, int], None] | None = None) -> list[Verdict]:
        """Run programs, each alone.

        Args:
            programs: Texts of Python programs.
            say: Told how many are done, of how many.

        Returns:
            A verdict for each, in order. A program under which a worker was lost is tried once more.

        Raises:
            StepError: A worker could not be started again.
        """
        verdicts: dict[int, Verdict] = {}
        waiting = deque(_Task(index, 0, 0.0) for index in range(len(programs)))
        try:
            self._start(min(self._count, len(programs)))
            while len(verdicts) < len(programs):
                while waiting and self._idle:
                    self._hand(self._idle.pop(), waiting.popleft(), programs)
                for worker, task in self._ended():
                    verdict = self._verdict(worker, task)
                    if verdict is None:
                        waiting.appendleft(task)
                    else:
                        verdicts[task.index] = verdict
                        if say:
                            say(len(verdicts), len(programs))
        except BaseException:
            self.close()
            raise
        return [verdicts[index] for index in range(len(programs))]

    def _start(self, count: int) -> None:
        missing = max(0, count - len(self._idle) - len(self._busy))
        started: list[Worker] = []
        try:
            for _ in range(missing):
                started.append(Worker(self.tier, self._limits, self._hash_seed))
            for worker in started:
                worker.wait_until_ready()
        except BaseException:
            for worker in started:
                worker.kill()
            raise
        self._idle += started

    def _hand(self, worker: Worker, task: _Task, programs: Sequence[str]) -> None:
        task.tries += 1
        task.until = time.monotonic() + _LONGEST * self._limits.wall_seconds + _GRACE_SECONDS
        self._busy[worker.fileno()] = (worker, task)
        try:
            worker.ask(programs[task.index])
        except OSError:
            task.until = 0.0

    def _ended(self) -> list[tuple[Worker, _Task]]:
        poll = select.poll()
        for place in self._busy:
            poll.register(place, select.POLLIN)
        first = min(task.until for _, task in self._busy.values())
        ready = {place for place, _ in poll.poll(1000 * max(0.0, first - time.monotonic()))}
        now = time.monotonic()
        ended = [place for place, (_, task) in self._busy.items() if place in ready or task.until <= now]
        return [self._busy.pop(place) for place in ended]

    def _verdict(self, worker: Worker, task: _Task) -> Verdict | None:
        try:
            if task.until <= time.monotonic():
                raise TimeoutError("the worker fell silent")
            answer = worker.answer()
            reason = answer.get("lost")
            self._idle.append(worker)
        except (OSError, ValueError) as error:
            worker.kill()
            self._start(len(self._idle) + len(self._busy) + 1)
            answer, reason = {}, str(error)
        if reason is None:
            return Verdict(**answer)
        return None if task.tries == 1 else Verdict("crash", f"its worker was lost twice: {reason}", "", 0.0, 0.0)
