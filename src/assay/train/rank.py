"""One of the processes that train a model together: ``python -m assay.train.rank RANK WORLD MEETING``.

`assay.train.group` starts it and talks to it through pipes: the first line of its input is what to do, later ones are
``stop`` and ``kept``, and when the input ends, because whoever wrote it has ended, so does this. It answers in lines of
JSON. Signals are left to the group's owner, as a batch system sends them to every process of a job.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from assay.errors import AssayError, Stopped
from assay.run.processes import Layout, processes_of
from assay.run.step import Call
from assay.run.worker import PROGRESS_SECONDS
from assay.train.compiled import set_up_torch
from assay.train.ranks import Ranks
from assay.train.steps import train_as

PATIENCE = timedelta(hours=2)
"""How long the others may be away: compiling, reading a large state, writing it."""


def join(device: str, layout: Layout, rank: int, world: int, local: int, store: Store) -> Ranks:
    """Become one of the processes that train together; ends when all have come.

    Args:
        device: ``cpu`` or ``cuda``.
        layout: What each holds.
        rank: This one's number.
        world: How many there are.
        local: This one's number among those of its node.
        store: Where they find each other; nobody has met in it before.
    """
    set_up_torch(device)
    if device == "cuda":
        device = f"cuda:{local}"
        torch.cuda.set_device(device)
    backend = "gloo" if device == "cpu" else "cpu:gloo,cuda:nccl"  # what is agreed on must not wait for the GPU
    dist.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=PATIENCE)
    return Ranks(rank, world, device, layout)


class _Owner:
    """The group's owner, as a rank hears and tells it."""

    def __init__(self, answers: TextIO) -> None:
        self.answers = answers
        self.stop = threading.Event()
        self._kept = threading.Semaphore(0)
        self._said = threading.Lock()
        self._last = 0.0

    def say(self, message: dict[str, Any]) -> None:
        """Answer one line."""
        with self._said:
            self.answers.write(json.dumps(message) + "\n")
            self.answers.flush()

    def tell(self, progress: dict[str, Any]) -> None:
        """Say how far training is, not too often."""
        if time.monotonic() - self._last > PROGRESS_SECONDS:
            self._last = time.monotonic()
            self.say({"progress": progress})

    def kept(self) -> None:
        """Say that a save is there, and wait until the store has it."""
        self.say({"kept": True})
        self._kept.acquire()

    def listen(self) -> None:
        """Hear what the owner says until it ends."""
        for line in sys.stdin:
            if line == "stop\n":
                self.stop.set()
            else:
                self._kept.release()
        os._exit(1)


def main() -> None:
    """Train as one of several."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints goes to standard error, not into the answers
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    rank, world, meeting = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    order = json.loads(sys.stdin.readline())
    owner = _Owner(answers)
    threading.Thread(target=owner.listen, daemon=True).start()
    try:
        call = Call(
            recipe=order["recipe"],
            place=order["place"],
            inputs={name: Path(folder) for name, folder in order["inputs"].items()},
            out=Path(order["out"]),
            partial=Path(order["partial"]),
            after=None if order["after"] is None else Path(order["after"]),
            tell=owner.tell if rank == 0 else lambda _: None,
            device=order["device"],
            numerics=order["numerics"],
            kept=owner.kept,
            stopping=owner.stop.is_set,
        )
        layout = processes_of(call.numerics).layout
        store = next(iter(rendezvous(f"file://{meeting}", rank, world)))[0]
        ranks = join(call.device, layout, rank, world, rank, store)
        train_as(call, ranks)
    except Stopped as problem:
        owner.say({"stopped": str(problem)})
    except AssayError as problem:
        owner.say({"failed": str(problem), "exit_code": problem.exit_code})
    except OSError as problem:
        owner.say({"refused": [problem.errno, problem.strerror, problem.filename]})
    except Exception:
        owner.say({"failed": traceback.format_exc(), "exit_code": -1})
    else:
        ranks.wait()
        owner.say({"done": True})
    os._exit(0)  # closing the group's connections one by one may hang on a process that is gone


if __name__ == "__main__":
    main()
