"""The local engine: persistent one-thread workers on this machine, one a core as far as memory allows."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from assay.run.engine import Engine, Listener
from assay.run.identity import numerics
from assay.run.memory import LEAST_BYTES
from assay.run.step import Step
from assay.run.store import Store
from assay.run.worker import PATIENCE_SECONDS, environment

MEMORY_SHARE = 0.9
"""Of main memory, for workers."""


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
    """Bytes of main memory that this program may use: the machine's, or what its control group is allowed."""
    allowed = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for file in _limits():
        with contextlib.suppress(OSError, ValueError):  # no such group, or "max"
            allowed.append(int(file.read_text()))
    return min(allowed)


def _limits() -> Iterable[Path]:
    """Files that may hold a limit: of each control group that this process is in, and of those above it."""
    root = Path("/sys/fs/cgroup")
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return
    for _, controllers, path in groups:
        if controllers not in {"", "memory"}:
            continue
        top, name = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
        group = Path(path.lstrip("/"))
        for place in (group, *group.parents):
            yield top / place / name


class LocalEngine(Engine):
    """Workers on this machine, each pinned to a core, started when they are first needed."""

    def __init__(
        self, store: Store, listen: Listener, workers: int | None = None, worker_bytes: int = LEAST_BYTES
    ) -> None:
        """
        Args:
            store: Where artifacts are.
            listen: Told what happens.
            workers: How many; None: one a core, as far as memory allows.
            worker_bytes: Memory that a worker may come to hold.
        """
        super().__init__(store, listen)
        available = cores()
        self._count_wanted = workers or max(1, min(len(available), int(MEMORY_SHARE * memory()) // worker_bytes))
        self._cpus = [available[index % len(available)] for index in range(self._count_wanted)]
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._numerics = numerics()

    @property
    def workers(self) -> int:
        """How many it will use."""
        return self._count_wanted

    @property
    def numerics(self) -> dict[str, str]:
        """This machine's."""
        return self._numerics

    def _can_give(self) -> bool:
        return len(self._workers) < self._count_wanted or any(worker.step is None for worker in self._workers)

    def _give(self, step: Step) -> str:
        worker = next((worker for worker in self._workers if worker.step is None), None) or self._start()
        worker.step = step
        try:
            assert worker.process.stdin is not None
            worker.process.stdin.write(json.dumps(step.order()).encode() + b"\n")
            worker.process.stdin.flush()
        except BrokenPipeError:
            pass  # its end is heard as end-of-file on its output
        return f"core {worker.cpu}"

    def _start(self) -> _Worker:
        free = list(self._cpus)
        for worker in self._workers:
            free.remove(worker.cpu)
        log = (self.store.root / "worker.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "assay.run.worker", self.store.address, str(free[0])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **environment()},
        )
        worker = _Worker(process, log, free[0])
        self._workers.append(worker)
        self._selector.register(_output(worker), selectors.EVENT_READ, worker)
        return worker

    def _hear(self) -> Iterable[tuple[Step, Mapping[str, Any]]]:
        for event, _ in self._selector.select():
            worker: _Worker = event.data
            data = os.read(_output(worker).fileno(), 1 << 16)
            if not data:
                yield from self._gone(worker)
                continue
            worker.buffer += data
            *lines, worker.buffer = worker.buffer.split(b"\n")
            for line in lines:
                message = json.loads(line)
                step = worker.step
                assert step is not None
                if "progress" not in message:
                    worker.step = None
                yield step, message

    def _gone(self, worker: _Worker) -> Iterable[tuple[Step, Mapping[str, Any]]]:
        self._selector.unregister(_output(worker))
        self._workers.remove(worker)
        code = worker.process.wait()
        worker.log.close()
        if worker.step is not None:
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            yield worker.step, {"lost": how}

    def _end(self) -> None:
        """Workers that train save what they did; the rest is ended at once."""
        busy = [worker for worker in self._workers if worker.step is not None]
        for worker in busy:
            worker.process.terminate()
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            for worker in busy:
                worker.process.wait(max(0.0, until - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            pass  # what is not saved by now is lost, back to its last save
        for worker in self._workers:
            worker.process.kill()
            worker.process.wait()
            worker.log.close()
        self._workers.clear()
        self._selector.close()


def _output(worker: _Worker) -> IO[bytes]:
    assert worker.process.stdout is not None
    return worker.process.stdout
