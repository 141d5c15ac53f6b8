"""The local engine: runs a graph of steps on persistent workers, one a core, and survives losing one.

What is wanted is found backwards from the goals, so nothing is made that no goal needs; what the store holds is
never made again. Among the steps that are ready the one with the longest way to go is taken first.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import IO, Any

from assay.errors import AssayError, InputError, StepError
from assay.run.step import Step
from assay.run.store import Store
from assay.run.worker import environment

WORKER_BYTES = 3 << 29
"""Memory that a worker may come to hold (1.5 GiB); where there are more cores than that allows, fewer work."""
Listener = Callable[[str, Step, dict[str, Any]], None]
"""Called with ``begin``, ``progress``, ``end`` or ``have``, the step, and what is known of it."""


@dataclass
class _Worker:
    process: "subprocess.Popen[bytes]"
    log: IO[bytes]
    cpu: int
    buffer: bytes = b""
    step: Step | None = None


def cores() -> list[int]:
    """The processors this program may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def memory() -> int:
    """Bytes of main memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Engine:
    """Workers on this machine. Use as a context manager; the workers end with it."""

    def __init__(self, store: Store, listen: Listener, workers: int | None = None) -> None:
        self.store = store
        self.listen = listen
        available = cores()
        self.count = workers or max(1, min(len(available), memory() // WORKER_BYTES))
        self.cpus = [available[index % len(available)] for index in range(self.count)]
        self.workers: list[_Worker] = []
        self.lost: dict[str, int] = {}

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.wait()
            worker.log.close()

    def make(self, goals: Iterable[Step]) -> None:
        """Have every goal in the store.

        Raises:
            StepError: A step failed; the others' results are kept.
            InputError: A step found that the user's input cannot work.
        """
        wanted = self._wanted(list(goals))
        order = _longest_way(wanted)
        waiting = dict(wanted)
        running: dict[str, Step] = {}
        with selectors.DefaultSelector() as selector:
            for known in self.workers:
                selector.register(_output(known), selectors.EVENT_READ, known)
            while waiting or running:
                ready = [
                    step
                    for key, step in waiting.items()
                    if not any(need.key in waiting or need.key in running for need in _needs(step))
                ]
                ready.sort(key=lambda step: order[step.key], reverse=True)
                for step in ready:
                    worker = self._idle(selector)
                    if worker is None:
                        break
                    del waiting[step.key]
                    running[step.key] = step
                    self._give(worker, step)
                for event, _ in selector.select():
                    self._hear(event.data, selector, waiting, running)

    def missing(self, goals: Iterable[Step]) -> list[Step]:
        """The steps that `make` would carry out."""
        return list(self._wanted(list(goals)).values())

    def _wanted(self, goals: list[Step]) -> dict[str, Step]:
        """Steps whose artifacts are missing and needed."""
        wanted: dict[str, Step] = {}
        seen: set[str] = set()
        while goals:
            step = goals.pop()
            if step.key in seen:
                continue
            seen.add(step.key)
            if self.store.has(step.kind, step.key):
                self.listen("have", step, {})
                continue
            wanted[step.key] = step
            goals += _needs(step)
        return wanted

    def _idle(self, selector: selectors.BaseSelector) -> _Worker | None:
        for worker in self.workers:
            if worker.step is None:
                return worker
        if len(self.workers) >= self.count:
            return None
        free = list(self.cpus)
        for worker in self.workers:
            free.remove(worker.cpu)
        worker = self._start(free[0])
        self.workers.append(worker)
        selector.register(_output(worker), selectors.EVENT_READ, worker)
        return worker

    def _start(self, cpu: int) -> _Worker:
        log = (self.store.root / "worker.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "assay.run.worker", str(self.store.root), str(cpu)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(self.store.root),
        )
        return _Worker(process, log, cpu)

    def _give(self, worker: _Worker, step: Step) -> None:
        worker.step = step
        after = step.after
        order = {
            "kind": step.kind,
            "key": step.key,
            "recipe": step.recipe,
            "place": step.place,
            "numerics": step.numerics,
            "inputs": {name: (need.kind, need.key) for name, need in step.inputs.items()},
            "after": (after.kind, after.key) if after else None,
        }
        self.listen("begin", step, {})
        try:
            assert worker.process.stdin is not None
            worker.process.stdin.write(json.dumps(order).encode() + b"\n")
            worker.process.stdin.flush()
        except BrokenPipeError:
            pass  # its end is heard as end-of-file on its output

    def _hear(
        self, worker: _Worker, selector: selectors.BaseSelector, waiting: dict[str, Step], running: dict[str, Step]
    ) -> None:
        step = worker.step
        data = os.read(_output(worker).fileno(), 1 << 16)
        if not data:
            selector.unregister(_output(worker))
            self.workers.remove(worker)
            code = worker.process.wait()
            worker.log.close()
            if step is None:
                return
            del running[step.key]
            waiting[step.key] = step
            self.lost[step.key] = self.lost.get(step.key, 0) + 1
            self.listen("lost", step, {})
            if self.lost[step.key] > 1:
                how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
                raise StepError(
                    f"a worker was lost twice on the same step, {step.title or step.kind} ({how}). "
                    f"If it was killed for memory, close other programs and run the same command again: finished work "
                    f"is kept. What it printed is in {self.store.root / 'worker.log'}"
                )
            return
        worker.buffer += data
        *lines, worker.buffer = worker.buffer.split(b"\n")
        for line in lines:
            message = json.loads(line)
            assert step is not None
            if "progress" in message:
                self.listen("progress", step, message["progress"])
                continue
            worker.step = None
            del running[step.key]
            if "failed" in message:
                raise _as_error(step, message, self.store)
            self.listen("end", step, message)


def _needs(step: Step) -> list[Step]:
    return [*step.inputs.values(), *([step.after] if step.after else [])]


def _longest_way(wanted: dict[str, Step]) -> dict[str, float]:
    """Work from each step's beginning to the end of the longest chain that needs it."""
    users: dict[str, list[str]] = {key: [] for key in wanted}
    for key, step in wanted.items():
        for need in _needs(step):
            if need.key in users:
                users[need.key].append(key)
    ways: dict[str, float] = {}

    def way(key: str) -> float:
        if key not in ways:
            ways[key] = wanted[key].size + 1 + max((way(user) for user in users[key]), default=0.0)
        return ways[key]

    for key in wanted:
        way(key)
    return ways


def _as_error(step: Step, message: dict[str, Any], store: Store) -> Exception:
    name = step.title or step.kind
    if message["exit_code"] == InputError.exit_code:
        return InputError(message["failed"])
    if message["exit_code"] == AssayError.exit_code:
        return StepError(f"{name}: {message['failed']}")
    return RuntimeError(f"{name} failed; this is a defect of Assay (store {store.root}):\n{message['failed']}")


def _output(worker: _Worker) -> IO[bytes]:
    assert worker.process.stdout is not None
    return worker.process.stdout
