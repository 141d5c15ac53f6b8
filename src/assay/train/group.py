"""A training step that several processes of this node carry out together, for the worker that was given the step.

They meet in a file of a folder of their own, so no port has to be free, and talk to each other over loopback. If one of
them is lost, the rest is ended and the step is lost as with a worker: the engine has it begun again from its last save.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from assay.errors import InputError, Lost, StepError, Stopped
from assay.run.processes import processes_of
from assay.run.step import Call

GRACE_SECONDS = 3.0
"""How long the others may take to end by themselves once one has ended before its time."""
TICK_SECONDS = 0.2


@dataclass(eq=False)
class _Member:
    rank: int
    process: "subprocess.Popen[bytes]"
    buffer: bytes = b""
    end: dict[str, Any] | None = None
    """What it said last."""
    ended: bool = False
    """By itself."""

    def say(self, line: str) -> None:
        try:
            _input(self).write(line.encode() + b"\n")
            _input(self).flush()
        except BrokenPipeError:
            pass  # its end is heard as end-of-file on its output


def train_together(call: Call) -> None:
    """Carry a training step out with as many processes as its numerics say.

    Raises:
        Lost: A process is gone.
        InputError: What one of them says of the user's input.
        StepError: Training diverged, or whatever else a process says.
        OSError: The disk would not take it.
        Stopped: The work was put aside.
    """
    count = processes_of(call.numerics).count
    order = {
        "recipe": call.recipe,
        "place": call.place,
        "inputs": {name: str(folder) for name, folder in call.inputs.items()},
        "out": str(call.out),
        "partial": str(call.partial),
        "after": None if call.after is None else str(call.after),
        "device": call.device,
        "numerics": dict(call.numerics),
    }
    with tempfile.TemporaryDirectory(prefix="assay-group-") as folder:
        members = [_start(rank, count, Path(folder) / "meeting") for rank in range(count)]
        try:
            for member in members:
                member.say(json.dumps(order))
            _attend(members, call)
        finally:
            for member in members:
                member.process.kill()
                member.process.wait()
    _judge(members)


def _start(rank: int, count: int, meeting: Path) -> _Member:
    process = subprocess.Popen(
        [sys.executable, "-m", "assay.train.rank", str(rank), str(count), str(meeting)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"GLOO_SOCKET_IFNAME": "lo", **os.environ},
    )
    return _Member(rank, process)


def _attend(members: Sequence[_Member], call: Call) -> None:
    """Pass on what they say until all have ended, or one has and the others do not follow."""
    told, until = False, float("inf")
    with selectors.DefaultSelector() as selector:
        for member in members:
            selector.register(_output(member), selectors.EVENT_READ, member)
        while selector.get_map() and time.monotonic() < until:
            for event, _ in selector.select(TICK_SECONDS):
                member = event.data
                data = os.read(_output(member).fileno(), 1 << 16)
                member.buffer += data
                *lines, member.buffer = member.buffer.split(b"\n")
                for line in lines:
                    _take_in(member, json.loads(line), call)
                if not data:
                    selector.unregister(_output(member))
                    member.process.wait()
                    member.ended = True
                    if member.end is None or "done" not in member.end:
                        until = min(until, time.monotonic() + GRACE_SECONDS)
            if call.stopping() and not told:
                told = True
                for member in members:
                    member.say("stop")


def _take_in(member: _Member, message: dict[str, Any], call: Call) -> None:
    if "progress" in message:
        call.tell(message["progress"])
    elif "kept" in message:
        call.kept()
        member.say("kept")
    else:
        member.end = message


def _judge(members: Sequence[_Member]) -> None:
    """Raise what is behind the end of a group that did not come to its end. What a process says of a connection that
    another has closed is told only when nothing else is known."""
    ended = [member for member in members if member.ended]
    for member in ended:
        if member.end is None:
            code = member.process.returncode
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            raise Lost(f"process {member.rank} of {len(members)} {how}")
    ends = [member.end for member in ended if member.end is not None]
    for end in ends:
        if end.get("exit_code") == InputError.exit_code:
            raise InputError(end["failed"])
        if end.get("exit_code") == StepError.exit_code:
            raise StepError(end["failed"])
        if "refused" in end:
            raise OSError(*end["refused"])
    for end in ends:
        if "failed" in end:
            raise RuntimeError(end["failed"])
    for end in ends:
        if "stopped" in end:
            raise Stopped(end["stopped"])


def _input(member: _Member) -> IO[bytes]:
    assert member.process.stdin is not None
    return member.process.stdin


def _output(member: _Member) -> IO[bytes]:
    assert member.process.stdout is not None
    return member.process.stdout
