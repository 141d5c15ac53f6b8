"""The local engine: persistent one-thread workers on this machine, one a core as far as memory allows.

On GPUs each worker sees those that it was dealt (``CUDA_VISIBLE_DEVICES``), and several small runs share one, as one
leaves most of a GPU idle. Workers there are not pinned to a core, as CUDA's own threads would be pinned with them.
Steps of the data planes run on the same workers, on the CPU.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from assay.run.device import Device, Gpu, deal, gpus
from assay.run.engine import Engine, Listener
from assay.run.identity import numerics
from assay.run.memory import LEAST_BYTES
from assay.run.processes import ALONE, Processes
from assay.run.step import Step
from assay.run.store import Store
from assay.run.worker import PATIENCE_SECONDS, environment

MEMORY_SHARE = 0.9
"""Of main memory, or of a GPU's, for workers."""


@dataclass(frozen=True)
class Slot:
    """Where a worker runs."""

    number: int
    cpus: tuple[int, ...]
    gpus: tuple[Gpu, ...] = ()
    """Those it sees; none: it trains on its core, or on its cores where several processes train one model."""

    @property
    def name(self) -> str:
        """For people."""
        if self.gpus:
            return f"GPU {','.join(str(gpu.index) for gpu in self.gpus)}"
        return f"core {','.join(map(str, self.cpus))}"

    @property
    def environment(self) -> dict[str, str]:
        """What the worker must have in its environment to see its GPUs and no other."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(gpu.uuid for gpu in self.gpus)} if self.gpus else {}


@dataclass
class _Worker:
    process: "subprocess.Popen[bytes]"
    log: IO[bytes]
    slot: Slot
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


def slots(
    workers: int | None,
    worker_bytes: int,
    available: Sequence[int],
    main_memory: int,
    found: Sequence[Gpu] = (),
    share: int = 1,
    each: int = 1,
) -> list[Slot]:
    """Where workers run.

    Args:
        workers: How many; None: as many as there is room for: one a core, or ``share`` a GPU, as far as memory and
            cores allow; at least one.
        worker_bytes: Memory that each of a worker's processes may come to hold: of the GPU where it trains there, else
            of the machine.
        available: Cores.
        main_memory: Bytes.
        found: GPUs; none: workers train on their cores.
        share: Workers that a GPU is dealt to.
        each: Cores or GPUs that a worker needs, for as many processes that train one model.

    Raises:
        InputError: There are fewer GPUs than a worker needs.
    """
    if workers is None:
        room = len(available) // each
        if found:
            held = min(gpu.memory for gpu in found)
            fitting = int(MEMORY_SHARE * held) // worker_bytes if held else share
            room = min(room, max(1, len(found) * max(1, min(share, fitting)) // each))
        workers = max(1, min(room, int(MEMORY_SHARE * main_memory) // (LEAST_BYTES if found else worker_bytes) // each))
    return [
        Slot(number, _dealt(available, number, each), deal(found, number, each) if found else ())
        for number in range(workers)
    ]


def _dealt(available: Sequence[int], worker: int, each: int) -> tuple[int, ...]:
    """Cores of one worker, round robin."""
    return tuple(sorted({available[(worker * each + place) % len(available)] for place in range(each)}))


class LocalEngine(Engine):
    """Workers on this machine, each pinned to a core or given GPUs, started when they are first needed."""

    def __init__(
        self,
        store: Store,
        listen: Listener,
        workers: int | None = None,
        worker_bytes: int = LEAST_BYTES,
        device: Device = "cpu",
        share: int = 1,
        processes: Processes = ALONE,
    ) -> None:
        """
        Args:
            store: Where artifacts are.
            listen: Told what happens.
            workers: How many; None: as `slots` says.
            worker_bytes: Memory that a worker, or each process of it, may come to hold.
            device: What models are trained and scored on.
            share: Workers that a GPU is dealt to, where its memory suffices.
            processes: That train one model together.
        """
        super().__init__(store, listen)
        found = gpus() if device == "cuda" else ()
        self._slots = slots(workers, worker_bytes, cores(), memory(), found, share, processes.count)
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._numerics = processes.numerics(numerics(device))

    @property
    def workers(self) -> int:
        """How many it will use."""
        return len(self._slots)

    @property
    def numerics(self) -> dict[str, str]:
        """This machine's."""
        return self._numerics

    def _can_give(self) -> bool:
        return len(self._workers) < len(self._slots) or any(worker.step is None for worker in self._workers)

    def _give(self, step: Step) -> str:
        worker = next((worker for worker in self._workers if worker.step is None), None) or self._start()
        worker.step = step
        try:
            assert worker.process.stdin is not None
            worker.process.stdin.write(json.dumps(step.order()).encode() + b"\n")
            worker.process.stdin.flush()
        except BrokenPipeError:
            pass  # its end is heard as end-of-file on its output
        return worker.slot.name

    def _start(self) -> _Worker:
        taken = {worker.slot.number for worker in self._workers}
        slot = next(slot for slot in self._slots if slot.number not in taken)
        log = (self.store.root / "worker.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "assay.run.worker", self.store.address, _written(slot)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **environment(), **slot.environment},
        )
        worker = _Worker(process, log, slot)
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


def _written(slot: Slot) -> str:
    """The cores of a slot as the worker program takes them; -1: any."""
    return "-1" if slot.gpus else ",".join(map(str, slot.cpus))


def _output(worker: _Worker) -> IO[bytes]:
    assert worker.process.stdout is not None
    return worker.process.stdout
