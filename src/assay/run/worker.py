"""A persistent one-thread worker process: takes steps as JSON lines, makes artifacts, answers with JSON lines.

One thread a core and one worker a core beat one process with two threads on small models, and do not stall when a
neighbour is busy. The allocator's and OpenMP's settings are only read when a process starts, so the engine puts them
into the environment of this program: glibc would otherwise map, zero and unmap every tensor above 32 MiB anew.
"""

import importlib
import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from assay.errors import AssayError
from assay.run.step import FUNCTIONS, Call
from assay.run.store import Store

PROGRESS_SECONDS = 0.25


def environment(store: Path) -> dict[str, str]:
    """The environment a worker is started in."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MALLOC_MMAP_THRESHOLD_": "17179869184",
        "MALLOC_TRIM_THRESHOLD_": "17179869184",
        "MALLOC_TOP_PAD_": "268435456",
        "TORCHINDUCTOR_CACHE_DIR": str(store / "compiled"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
    }


def main() -> None:
    """Serve until standard input ends: ``python -m assay.run.worker STORE CPU``."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints goes to standard error, not into the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the engine, which ends its workers
    store = Store(Path(sys.argv[1]))
    cpu = int(sys.argv[2])
    if cpu >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cpu})
    waiting: list[str] = []
    arrived = threading.Condition()

    def listen() -> None:
        for line in sys.stdin:
            with arrived:
                waiting.append(line)
                arrived.notify()
        os._exit(1)  # the engine is gone: stop at once, as the store allows

    threading.Thread(target=listen, daemon=True).start()
    while True:
        with arrived:
            while not waiting:
                arrived.wait()
            line = waiting.pop(0)
        _serve(json.loads(line), store, answers)


def _serve(order: dict[str, Any], store: Store, answers: TextIO) -> None:
    last = [0.0]

    def tell(progress: dict[str, Any]) -> None:
        now = time.monotonic()
        if now - last[0] > PROGRESS_SECONDS:
            last[0] = now
            _answer(answers, {"progress": progress})

    begin = time.monotonic()
    try:
        made = run_step(order, store, tell)
    except AssayError as problem:
        _answer(answers, {"failed": str(problem), "exit_code": problem.exit_code})
    except Exception:
        _answer(answers, {"failed": traceback.format_exc(), "exit_code": -1})
    else:
        _answer(answers, {"done": made, "seconds": time.monotonic() - begin})


def run_step(order: dict[str, Any], store: Store, tell: Any) -> bool:
    """Make one artifact unless it is there; True if it was made."""
    kind, key = order["kind"], order["key"]
    with store.lock(key):
        if store.has(kind, key):
            return False
        inputs = {name: store.open(*place) for name, place in order["inputs"].items()}
        after = store.open(*order["after"]) if order["after"] and store.has(*order["after"]) else None
        partial = store.root / "partial" / key
        with store.staging() as out:
            module, _, name = FUNCTIONS[kind].partition(":")
            function = getattr(importlib.import_module(module), name)
            function(Call(order["recipe"], order["place"], inputs, out, partial, after, tell))
            about = {name: order[name] for name in ("recipe", "numerics")}
            about["inputs"] = {name: place[1] for name, place in order["inputs"].items()}
            store.publish(out, kind, key, about)
        shutil.rmtree(partial, ignore_errors=True)
    return True


def _answer(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
