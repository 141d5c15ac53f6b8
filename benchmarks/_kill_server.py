"""Forks processes that have imported everything, so that a process to be killed costs no start.

``python _kill_server.py MODULE``, with `syscalls.c` loaded, imports all of Assay and then takes JSON lines: each has a
child run ``MODULE.main()`` on a given command line and input, killed at a given event, and is answered with how it
ended. The child does what the same program would do that was started by its own name.
"""

import contextlib
import importlib
import json
import mmap
import os
import pkgutil
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

SHARED = struct.Struct("lll")
"""Events so far, the event to kill at, whether to kill the whole group: as in `syscalls.c`."""
PATIENCE_SECONDS = 120.0


def main() -> None:
    """Serve until standard input ends."""
    module = importlib.import_module(sys.argv[1])
    import_everything()
    with Path(os.environ["KILL_SHARED"]).open("r+b") as file:
        shared = mmap.mmap(file.fileno(), SHARED.size)
    answers = os.fdopen(os.dup(1), "w")
    answers.write("{}\n")
    answers.flush()
    for line in sys.stdin:
        wanted = json.loads(line)
        SHARED.pack_into(shared, 0, 0, wanted["stop_at"], wanted["group"])
        told = _fork(module, wanted)
        answers.write(json.dumps({**told, "events": SHARED.unpack_from(shared)[0]}) + "\n")
        answers.flush()


def import_everything() -> None:
    """Import all of the package, and with it every library that it uses; Ray is left alone."""
    assay = importlib.import_module("assay")
    for found in pkgutil.walk_packages(assay.__path__, "assay."):
        if not found.name.endswith("__main__") and "ray" not in found.name:
            with contextlib.suppress(ImportError):
                importlib.import_module(found.name)
    importlib.import_module("torch")


def _fork(module: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """Run a child to its end, or to its answer where it was given an order; its status, first and last words."""
    input_end, input_pipe = os.pipe()
    output_pipe, output_end = os.pipe()
    child = os.fork()
    if child == 0:
        _become(module, wanted["arguments"], input_end, output_end, (input_pipe, output_pipe))
    os.close(input_end)
    os.close(output_end)
    if wanted["order"] is not None:
        os.write(input_pipe, wanted["order"].encode() + b"\n")
    words = _words(output_pipe, child, wanted["order"] is not None)
    os.close(input_pipe)  # a worker ends with its input
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what a killed process left running
    os.close(output_pipe)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    return {"killed": killed, "code": code, "first": words[0] if words else None, "last": words[-1] if words else None}


def _become(module: Any, arguments: list[str], stdin: int, stdout: int, others: tuple[int, int]) -> None:
    code = 1
    try:
        os.setsid()
        for descriptor in others:
            os.close(descriptor)
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        os.close(stdin)
        os.close(stdout)
        said = os.open(os.environ["KILL_SAID"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(said, 2)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.argv = arguments
        module.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _words(pipe: int, child: int, until_answer: bool) -> list[dict[str, Any]]:
    """What the child answers, as JSON lines; of other output nothing."""
    words: list[dict[str, Any]] = []
    end = time.monotonic() + PATIENCE_SECONDS
    os.set_blocking(pipe, False)
    rest = b""
    while time.monotonic() < end:
        try:
            data = os.read(pipe, 1 << 16)
        except BlockingIOError:
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return words  # it is gone; what it started may still hold the pipe
            time.sleep(0.005)
            continue
        if not data:
            return words
        *lines, rest = (rest + data).split(b"\n")
        if not until_answer:
            continue
        for line in lines:
            words.append(json.loads(line))
            if "progress" not in words[-1]:
                return words
    os.killpg(child, signal.SIGKILL)
    return [*words, {"failed": f"no end within {PATIENCE_SECONDS:.0f} s"}]


if __name__ == "__main__":
    main()
