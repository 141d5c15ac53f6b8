"""A persistent one-thread worker process: takes steps as JSON lines, makes artifacts, answers with JSON lines.

One thread a core and one worker a core beat one process with two threads on small models, and do not stall when a
neighbour is busy. The allocator's and OpenMP's settings are only read when a process starts, so the engine puts them
into the environment of this program: glibc would otherwise map, zero and unmap every tensor above 32 MiB anew.
SIGTERM makes it put its work aside where the next try finds it; the end of its input ends it at once.
"""

import importlib
import json
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from assay import __version__
from assay.errors import AssayError, Lost, Stopped
from assay.files import refused
from assay.run.identity import code_digest, numerics
from assay.run.processes import of_machine
from assay.run.step import Call
from assay.run.store import Damaged, Store, open_store

PROGRESS_SECONDS = 0.25
PATIENCE_SECONDS = 9.0
"""How long after SIGTERM a step may take to put its work aside."""


def environment() -> dict[str, str]:
    """What a worker's environment must hold when it is started, beside what it inherits."""
    return {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MALLOC_MMAP_THRESHOLD_": "17179869184",
        "MALLOC_TRIM_THRESHOLD_": "17179869184",
        "MALLOC_TOP_PAD_": "268435456",
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # deterministic products; read when the library starts
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # as nvidia-smi counts
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
    }


class _Stop:
    """SIGTERM, as a step sees it."""

    def __init__(self) -> None:
        self.wanted = False
        self.asked = False

    def hear(self, *_: object) -> None:
        self.wanted = True
        if not self.asked:
            os._exit(Stopped.exit_code)
        timer = threading.Timer(PATIENCE_SECONDS, os._exit, (Stopped.exit_code,))
        timer.daemon = True
        timer.start()

    def stopping(self) -> bool:
        self.asked = True
        return self.wanted


def main() -> None:
    """Serve until standard input ends: ``python -m assay.run.worker STORE CPU[,CPU…]``."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints goes to standard error, not into the answers
    stop = _Stop()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the engine, which ends its workers
    signal.signal(signal.SIGTERM, stop.hear)
    store = open_store(sys.argv[1])
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(store.root / "compiled"))
    cpus = {int(cpu) for cpu in sys.argv[2].split(",")} - {-1}
    if cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)
    waiting: list[str] = []
    arrived = threading.Condition()

    def listen() -> None:
        for line in sys.stdin:
            with arrived:
                waiting.append(line)
                arrived.notify()
        os._exit(1)  # the engine is gone: stop at once, as the store allows

    threading.Thread(target=listen, daemon=True).start()
    with store.in_use():
        while True:
            with arrived:
                while not waiting:
                    arrived.wait()
                line = waiting.pop(0)
            stop.asked = False
            _serve(json.loads(line), store, answers, stop)


def _serve(order: dict[str, Any], store: Store, answers: TextIO, stop: _Stop) -> None:
    last = [0.0]

    def tell(progress: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - last[0] > PROGRESS_SECONDS:
            last[0] = now
            _answer(answers, {"progress": progress})

    begin = time.monotonic()
    try:
        made = run_step(order, store, tell, stop.stopping)
    except Stopped:
        _answer(answers, {"stopped": True})
        os._exit(Stopped.exit_code)
    except Damaged as problem:
        _answer(answers, {"damaged": [problem.kind, problem.key], "why": problem.why})
    except Lost as problem:
        _answer(answers, {"lost": str(problem)})
    except AssayError as problem:
        _answer(answers, {"failed": str(problem), "exit_code": problem.exit_code})
    except Exception:
        _answer(answers, {"failed": traceback.format_exc(), "exit_code": -1})
    else:
        _answer(answers, {"done": made, "seconds": time.monotonic() - begin})


def run_step(
    order: Mapping[str, Any],
    store: Store,
    tell: Callable[[dict[str, Any]], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
    function: Callable[[Call], None] | None = None,
) -> bool:
    """Make one artifact unless it is there.

    Args:
        order: From `assay.run.step.Step.order`.
        store: Where inputs are and the artifact goes.
        tell: Takes progress.
        stopping: Whether to put the work aside.
        function: Makes it; None: the one that the order names.

    Returns:
        True if it was made, False if another process had made it.

    Raises:
        Damaged: An input is not what was written.
        StepError: The disk would not take it, or what the step itself raises.
        Stopped: The work was put aside.
    """
    kind, key = order["kind"], order["key"]
    try:
        with store.lock(key):
            if store.has(kind, key):
                store.drop_partial(key)
                return False
            _check_numerics(order)
            begin = time.monotonic()
            inputs = {name: store.open(*place) for name, place in order["inputs"].items()}
            after = store.open(*order["after"]) if order["after"] and store.has(*order["after"]) else None
            if function is None:
                module, _, name = order["function"].partition(":")
                function = getattr(importlib.import_module(module), name)
            with store.staging() as out:
                partial = store.partial(key)
                call = Call(
                    recipe=order["recipe"],
                    place=order["place"],
                    inputs=inputs,
                    out=out,
                    partial=partial,
                    after=after,
                    tell=tell,
                    device=(order["numerics"] or {"device": "cpu"})["device"],
                    numerics=order["numerics"] or {},
                    kept=lambda: store.keep_partial(key, stopping()),
                    stopping=stopping,
                )
                function(call)
                store.publish(out, kind, key, _about(order, store, time.monotonic() - begin))
            store.drop_partial(key)
    except OSError as problem:
        if told := refused(problem, store.root):
            raise told from None
        raise
    return True


def _check_numerics(order: Mapping[str, Any]) -> None:
    """Refuse to make under other numerics what is keyed by these."""
    wanted = None if order["numerics"] is None else of_machine(order["numerics"])
    here = None if wanted is None else numerics(wanted["device"])
    if wanted is not None and wanted != here:
        assert here is not None
        differ = ", ".join(
            f"{name} {here[name]} instead of {wanted[name]}" for name in wanted if wanted[name] != here[name]
        )
        raise AssayError(f"this worker's numerics are not the study's: {differ}")


def _about(order: Mapping[str, Any], store: Store, seconds: float) -> dict[str, Any]:
    """What the manifest says of how the artifact was made."""
    inputs = {}
    for name, (kind, key) in order["inputs"].items():
        files = store.manifest(kind, key)["files"]
        inputs[name] = {"kind": kind, "key": key, "files": {file: entry["sha256"] for file, entry in files.items()}}
    return {
        "title": order["title"],
        "recipe": order["recipe"],
        "numerics": order["numerics"],
        "inputs": inputs,
        "made": {
            "assay": __version__,
            "code": code_digest(),
            "python": platform.python_version(),
            "host": platform.node(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "seconds": round(seconds, 3),
        },
    }


def _answer(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
