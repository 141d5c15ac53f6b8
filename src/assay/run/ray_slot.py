"""A slot on a Ray node: an actor that owns one worker program, hands it steps and passes on what it says.

The program is the local engine's very own (`assay.run.worker`), started as a child so that the allocator's and OpenMP's
settings are in its environment before it begins, and fed through pipes: when the actor goes, however it goes, the
child's input ends and the child with it. Nothing here imports Ray; `assay.run.ray_engine` makes the actor of it.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import IO, Any

from assay import __version__
from assay.errors import AssayError
from assay.run.identity import numerics
from assay.run.store import open_store
from assay.run.worker import environment

TELL_SECONDS = 1.0
"""How long progress may be held back, so that many workers' progress stays cheap."""


class Slot:
    """One worker program. `serve` is called once at a time, `put_aside` beside it."""

    def __init__(self, store: str, folder: str) -> None:
        """
        Args:
            store: The store's address.
            folder: Where the driver runs: paths in a study are relative to it. Ignored where there is none.
        """
        self._store = store
        self._folder = folder if Path(folder).is_dir() else None
        self._child: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def hello(self, device: str = "cpu") -> dict[str, Any]:
        """What the driver must know of this node: ``numerics`` and the version of ``assay``; and ``token``, an empty
        file that it wrote into a store on a folder; or ``refused``, why the store cannot be used here; or ``unfit``,
        why models cannot be trained on ``device`` here."""
        found: dict[str, Any] = {"assay": __version__}
        try:
            found["numerics"] = numerics(device)
        except AssayError as problem:
            return {**found, "unfit": str(problem)}
        if "://" not in self._store and not (Path(self._store) / "locks").is_dir():
            return {**found, "refused": f"there is no store at {self._store}"}
        try:
            store = open_store(self._store)
            store.look()
            if "://" not in store.address:
                found["token"] = f"locks/ray-{uuid.uuid4().hex}"
                (store.root / found["token"]).touch()
        except AssayError as problem:
            return {**found, "refused": str(problem)}
        except OSError as problem:
            return {**found, "refused": f"the store {self._store} cannot be written: {problem.strerror}"}
        return found

    def serve(self, order: str | None) -> dict[str, Any]:
        """Hand the program a step, or go on with the one it has, until there is something to tell.

        Args:
            order: A step's order as JSON; None to go on.

        Returns:
            What the program answered, or the latest ``progress`` if that was `TELL_SECONDS` ago, or ``lost``.
        """
        if order is not None:
            self._hand(order)
        assert self._child is not None
        assert self._child.stdout is not None
        output = self._child.stdout.fileno()
        latest: dict[str, Any] = {}
        until = time.monotonic() + TELL_SECONDS
        while True:
            while b"\n" in self._unread:
                line, _, self._unread = self._unread.partition(b"\n")
                message: dict[str, Any] = json.loads(line)
                if "progress" not in message:
                    return message
                latest = message
            left = until - time.monotonic()
            if latest and left <= 0:
                return latest
            if not select.select([output], [], [], left if latest else None)[0]:
                continue
            data = os.read(output, 1 << 16)
            if not data:
                return self._gone(self._child)
            self._unread += data

    def put_aside(self) -> None:
        """Have the program put its work aside and end; `serve` then returns."""
        if self._child is not None:
            self._child.terminate()

    def _hand(self, order: str) -> None:
        child = self._child or self._start()
        try:
            assert child.stdin is not None
            child.stdin.write(order.encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:
            pass  # its end is heard as end-of-file on its output

    def _start(self) -> "subprocess.Popen[bytes]":
        self._unread = b""
        with _log(self._store) as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "assay.run.worker", self._store, "-1"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._folder,
                env={**os.environ, **environment()},
            )
        return self._child

    def _gone(self, child: "subprocess.Popen[bytes]") -> dict[str, Any]:
        self._child = None
        code = child.wait()
        return {"lost": f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"}


def _log(store: str) -> IO[bytes]:
    return (open_store(store).root / "worker.log").open("ab")
