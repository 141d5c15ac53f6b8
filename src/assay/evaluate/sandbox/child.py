"""The process that is the program: it gives up its rights, runs the text, and says that it came to the end.

The end is claimed with a ticket: 16 random bytes that lie in a pipe until the text has returned, so that they are in
no object of the process while the text runs, and that must stand before the claim. Printing, leaving, hooks at exit,
closed descriptors and replaced functions make no claim: nothing of the text is called between its last line and the
claim. A text written against this very runner can find the pipe all the same; see `docs/explanation/sandbox.md`.
"""

import _thread
import builtins
import errno
import fcntl
import math
import os
import random
import resource
import signal
import sys
import types
from dataclasses import dataclass
from typing import NoReturn

from assay.evaluate.sandbox import kernel, landlock, seccomp
from assay.evaluate.sandbox.limits import Limits

TICKET_BYTES = 16
NOT_CONFINED = "unconfined"
"""The outcome of a program that was not run, as a limit or a wall could not be put up."""
ENVIRONMENT = {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
_STACK_BYTES = 64 * 2**20
_THREAD_STACK_BYTES = 4 * 2**20
"""Else a thread's would be as large as the process's, and the eighth would not fit into its memory."""
_FIRST_HIDDEN = 8
_DESCRIPTORS = 1024
"""More than a worker ever has open."""
_FILE = "<program>"
_LONGEST_MESSAGE = 500
_DENIED = frozenset(
    (
        errno.EPERM,
        errno.EACCES,
        errno.EROFS,
        errno.ENOSYS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EMFILE,
    )
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What every program of a worker stands on."""

    limits: Limits
    folder: str
    """Where it may write."""
    fresh: bool
    """Whether it has namespaces of its own, and the folder is mounted anew for it."""
    library: tuple[str, ...]
    """Files and folders of the standard library."""
    rules: int | None
    """Landlock's descriptor; made for each program where its folder is."""
    calls: bytes | None
    """The system call filter, but for the process's number; None where calls are not filtered."""
    null: int


def run_alone(source: bytes, ground: Ground, ticket: int, report: int, output: int) -> NoReturn:
    """Become the program; for a process just forked.

    Args:
        source: The program's text in UTF-8.
        ground: What holds it.
        ticket: Descriptor from which the ticket is read at the end.
        report: Descriptor on which the end is told: ticket, outcome, a space, message.
        output: Descriptor that takes its standard output.
    """
    leave = os._exit
    try:
        try:
            ticket, report = _arrange_descriptors(ground, ticket, report, output)
            _confine(ground, ticket, report)
        except Exception as error:
            os.write(report, os.read(ticket, TICKET_BYTES) + f"{NOT_CONFINED} {error}".encode())
            leave(122)
        _run(source, ticket, report)
    finally:
        leave(121)


def _confine(ground: Ground, ticket: int, report: int) -> None:
    os.setsid()
    os.umask(0o077)
    _limit(ground)
    random.seed(0)
    if ground.calls:
        kernel.drop_rights(watched=not ground.fresh)
        if ground.rules is not None:
            landlock.restrict(ground.rules)
    low, high = sorted((ticket, report))
    for first, end in ((3, low), (low + 1, high), (high + 1, _DESCRIPTORS)):
        if first < end:
            os.closerange(first, end)
    if ground.calls:
        kernel.install_filter(seccomp.for_process(ground.calls, os.getpid()))


def _arrange_descriptors(ground: Ground, ticket: int, report: int, output: int) -> tuple[int, int]:
    places = random.SystemRandom().sample(range(_FIRST_HIDDEN, max(ground.limits.open_files, 16)), 2)
    hidden = [fcntl.fcntl(one, fcntl.F_DUPFD, place) for one, place in zip((ticket, report), places, strict=True)]
    os.dup2(ground.null, 0)
    os.dup2(output, 1)
    os.dup2(ground.null, 2)
    os.set_blocking(hidden[1], False)
    return hidden[0], hidden[1]


def _limit(ground: Ground) -> None:
    limits = ground.limits
    bounds = [
        (resource.RLIMIT_CPU, math.ceil(limits.cpu_seconds) + 1),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, max(limits.open_files, 16)),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ]
    if sys.platform == "linux":
        kernel.die_with_parent()
        bounds += [(resource.RLIMIT_MSGQUEUE, 0), (resource.RLIMIT_SIGPENDING, 64)]
    if ground.fresh:
        watchers = 2
        bounds.append((resource.RLIMIT_NPROC, limits.processes + watchers))
    bounds += [(resource.RLIMIT_STACK, _STACK_BYTES), (resource.RLIMIT_AS, limits.memory_bytes)]
    for kind, wanted in bounds:
        _, hard = resource.getrlimit(kind)
        bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(kind, (bound, bound))
        except ValueError:
            if sys.platform == "linux":
                raise


def _run(source: bytes, ticket: int, report: int) -> None:
    read, write, leave = os.read, os.write, os._exit
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _thread.stack_size(_THREAD_STACK_BYTES)
    sys.argv = [""]
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 the program's own
    flush = sys.stdout.flush
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    claim = b"passed "
    try:
        code = compile(source.decode(), _FILE, "exec", dont_inherit=True)
        del source
        exec(code, main.__dict__)
    except BaseException as error:
        try:
            claim = _described(error)
        except BaseException:
            claim = b"memory MemoryError" if type(error) is MemoryError else b"error "
    try:
        flush()
    except BaseException:
        del flush
    write(report, read(ticket, TICKET_BYTES) + claim)
    leave(0)


def _described(error: BaseException) -> bytes:
    if isinstance(error, MemoryError):
        return b"memory MemoryError"
    kind = "error"
    if isinstance(error, AssertionError):
        kind = "failed"
    elif isinstance(error, SystemExit):
        kind = "exited"
    elif isinstance(error, OSError) and error.errno in _DENIED:
        kind = "refused"
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == _FILE else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        text = str(error)[:_LONGEST_MESSAGE]
    except Exception:
        text = "its text cannot be had"
    message = type(error).__name__ + (f": {text}" if text else "") + (f" (line {line})" if line else "")
    return f"{kind} {message}".encode(errors="replace")
