"""Who waits for one program: counts its time, takes its output, and decides what became of it.

A process of its own for every program, so that nothing a program leaves (its files, its process namespace) outlives
it. CPU time is read from the process's clock, not guessed from the wall's; a program over its wall time that is still
computing is on a busy machine and is let go on. What the program says of itself counts only behind the ticket.
"""

import contextlib
import json
import os
import select
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.evaluate.sandbox import kernel, landlock, namespaces, scratch
from assay.evaluate.sandbox.child import NOT_CONFINED, TICKET_BYTES, Ground, run_alone
from assay.evaluate.sandbox.verdict import OUTCOMES

_PATIENCE = 5
"""How many times its wall time a program gets that is still computing."""
_BUSY = 0.01
"""Share of a processor from which on a program counts as computing."""
_GLANCE = 0.05
"""Seconds between two looks at what nothing but looking can bound."""
_LOOKS = 10
"""Times as long as a look takes it is at least to the next."""
_SHORTEST_WAIT = 0.005
_CHUNK = 2**16
_LONGEST_REPORT = 4096


def watch(source: bytes, ground: Ground, caller: int) -> dict[str, Any] | None:
    """Run one program to its end.

    Args:
        source: Its text in UTF-8.
        ground: What holds it.
        caller: Descriptor that hangs up when nobody waits for the verdict any more.

    Returns:
        The fields of a `Verdict`; None if the caller hung up. Raises OSError if the program could not be started.
    """
    if ground.fresh:
        namespaces.fresh_tmp(ground.limits.tmp_bytes, ground.limits.files)
        if landlock.version():
            ground = replace(ground, rules=landlock.ruleset(ground.library, [], [ground.folder, os.devnull]))
    else:
        os.chdir(ground.folder)
    token = os.urandom(TICKET_BYTES)
    (output, into), (ticket, ticket_in), (report_out, report) = os.pipe(), os.pipe(), os.pipe()
    os.write(ticket_in, token)
    begun = time.monotonic()
    pid = os.fork()
    if pid == 0:
        run_alone(source, ground, ticket, report, into)
    for one in (into, ticket, ticket_in, report):
        os.close(one)
    watched = _Watched(pid, ground, output, bytearray())
    try:
        ended = watched.wait(caller)
    finally:
        watched.kill()
        _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - begun
    watched.take_output()
    os.set_blocking(report_out, False)
    try:
        told = os.read(report_out, _LONGEST_REPORT)
    except BlockingIOError:
        told = b""
    if not ground.fresh:
        ended = ended or watched.overstepped()
        scratch.empty(Path(ground.folder))
    if ended == "nobody waits":
        return None
    cpu = usage.ru_utime + usage.ru_stime
    outcome, message = _decide(told, token, os.waitstatus_to_exitcode(status), ended, cpu, ground)
    return {
        "outcome": outcome,
        "message": message,
        "output": watched.kept.decode(errors="replace"),
        "cpu_seconds": cpu,
        "wall_seconds": wall,
    }


def _decide(told: bytes, token: bytes, code: int, ended: str, cpu: float, ground: Ground) -> tuple[str, str]:
    if ended:
        outcome, _, message = ended.partition(" ")
        return outcome, message
    outcome, _, message = told[TICKET_BYTES:].decode(errors="replace").partition(" ")
    if told.startswith(token) and outcome == NOT_CONFINED:
        raise OSError(message)
    if told.startswith(token) and code == 0 and outcome in OUTCOMES:
        return outcome, message
    if code >= 0:
        forged = "; what was written where the end is told is not from there" if told else ""
        return "exited", f"it left with code {code} before its end{forged}"
    number = -code
    if number == signal.SIGSYS:
        return "refused", "it made a system call of another machine"
    if number == signal.SIGXCPU or (number == signal.SIGKILL and cpu >= ground.limits.cpu_seconds):
        return "timeout", f"more than {ground.limits.cpu_seconds:g} s of processor time"
    if number == signal.SIGKILL:
        return "memory", "killed from outside, as the system does when memory runs out"
    return "crash", f"signal {number} ({signal.Signals(number).name})"


@dataclass(slots=True)
class _Watched:
    pid: int
    ground: Ground
    output: int
    kept: bytearray

    def wait(self, caller: int) -> str:
        """Until the program ends: empty if by itself, else outcome and reason."""
        limits = self.ground.limits
        begun = mark_time = time.monotonic()
        mark_used, next_look = 0.0, begun + _GLANCE
        window = min(1.0, limits.wall_seconds / 2)
        poll = select.poll()
        poll.register(self.output, select.POLLIN)
        poll.register(caller, 0)
        over = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else -1
        if over >= 0:
            poll.register(over, select.POLLIN)
        while True:
            used, now = self._used(), time.monotonic()
            if used >= limits.cpu_seconds:
                return f"timeout more than {limits.cpu_seconds:g} s of processor time"
            if now - begun >= limits.wall_seconds:
                idle = now - mark_time >= window and used - mark_used < _BUSY * (now - mark_time)
                if idle or now - begun >= _PATIENCE * limits.wall_seconds:
                    return f"timeout {now - begun:.3g} s by the clock, {used:.2g} s of processor time"
            if now - mark_time >= window:
                mark_time, mark_used = now, used
            if not self.ground.fresh and now >= next_look:
                if overstepped := self.overstepped():
                    return overstepped
                next_look = now + max(_GLANCE, _LOOKS * (time.monotonic() - now))
            rest = [limits.cpu_seconds - used, begun + limits.wall_seconds - now, mark_time + window - now]
            if not self.ground.fresh:
                rest.append(next_look - now)
            ready = dict(poll.poll(1000 * max(_SHORTEST_WAIT, min(one for one in rest if one > 0))))
            if caller in ready:
                return "nobody waits"
            if self.output in ready and not self._take(_CHUNK):
                poll.unregister(self.output)
            if over in ready or (over < 0 and os.waitid(os.P_PID, self.pid, _PEEK)):
                return ""

    def take_output(self) -> None:
        """What lies in the pipe of a program that has ended."""
        os.set_blocking(self.output, False)
        try:
            while self._take(_CHUNK):
                pass
        except BlockingIOError:
            pass

    def kill(self) -> None:
        """End it and, where it may have them, its children."""
        for end in (os.kill, os.killpg):
            with contextlib.suppress(OSError):
                end(self.pid, signal.SIGKILL)

    def overstepped(self) -> str:
        """Whether it has more files or threads than it may, where only looking can tell."""
        limits = self.ground.limits
        folder = Path(self.ground.folder)
        size, files = scratch.taken(folder, limits.files)
        size += scratch.removed(folder, self.pid, limits.file_bytes)
        if size > limits.tmp_bytes or files > limits.files:
            return f"refused {size} bytes, in {files} files and removed ones, are more than its folder may hold"
        threads = _threads(self.pid)
        if threads > limits.processes:
            return f"refused {threads} threads are more than {limits.processes}"
        return ""

    def _take(self, size: int) -> bool:
        got = os.read(self.output, size)
        self.kept += got[: self.ground.limits.output_bytes - len(self.kept)]
        return bool(got)

    def _used(self) -> float:
        try:
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0


_PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT


def _threads(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("Threads:")), 1)
    except OSError:
        return 1


def watch_in_worker(source: bytes, ground: Ground, caller: int, answer: int) -> None:
    """What the worker's fork does: watch, write the verdict as JSON to ``answer``, and leave."""
    code = 1
    try:
        if ground.calls:
            kernel.die_with_parent()
        verdict = watch(source, ground, caller)
        os.write(answer, json.dumps(verdict).encode())
        code = 0
    except OSError as error:
        os.write(answer, json.dumps({"lost": str(error)}).encode())
    finally:
        os._exit(code)
