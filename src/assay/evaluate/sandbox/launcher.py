"""One worker as its user sees it: started, asked, killed.

The worker is a fresh interpreter in a session of its own, so that Ctrl-C reaches it through its user alone, joined by
one socket that is its standard input and output. When the user of a worker dies, the socket hangs up and the worker
ends with all that runs in it.
"""

import json
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import assay
from assay.errors import StepError
from assay.evaluate.sandbox import docker, scratch
from assay.evaluate.sandbox.child import ENVIRONMENT
from assay.evaluate.sandbox.limits import Limits

_PACKAGE = Path(assay.__file__).parent
_START_SECONDS = 60
_ANSWER_SECONDS = 30
_END_SECONDS = 5
"""A worker whose user hung up ends by itself, and its processes with it, one waiting for the other."""
_SCRIPT = "import sys; sys.path.append({root!r}); from assay.evaluate.sandbox.worker import main; main()"


class Worker:
    """A warm interpreter in a tier.

    Args:
        tier: ``namespaces``, ``landlock``, ``docker`` or ``unsafe``.
        limits: Of every program that it runs.
        hash_seed: Of its interpreter, and so of every program.
    """

    def __init__(self, tier: str, limits: Limits, hash_seed: int = 0) -> None:
        self._name = f"assay-sandbox-{secrets.token_hex(8)}" if tier == "docker" else None
        self._folder: str | None = None
        root = docker.INSIDE if tier == "docker" else str(_PACKAGE.parent)
        asked = json.dumps({"tier": tier, "limits": asdict(limits), "root": root})
        inner = ["-s", "-S", "-P", "-B", "-c", _SCRIPT.format(root=root), asked]
        environment = ENVIRONMENT | {"PYTHONHASHSEED": str(hash_seed)}
        outside = dict(os.environ)
        if self._name:
            docker.check()
            command = docker.command(self._name, limits, _PACKAGE, inner, environment)
        else:
            command = [getattr(sys, "_base_executable", sys.executable), *inner]
            outside = environment | {key: os.environ[key] for key in ("LD_LIBRARY_PATH", "TMPDIR") if key in os.environ}
        self._socket, theirs = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 closed in kill
        with theirs:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._said,
                    env=outside,
                    start_new_session=True,
                )
            except OSError as error:
                self._socket.close()
                raise StepError(f"{command[0]} could not be started: {error}") from None

    def fileno(self) -> int:
        """Of the socket, readable when an answer is there."""
        return self._socket.fileno()

    def wait_until_ready(self) -> None:
        """Raises StepError with the reason if the tier cannot be entered."""
        self._socket.settimeout(_START_SECONDS)
        try:
            answer = self._read()
        except OSError as error:
            self._said.seek(0)
            said = " ".join(self._said.read().decode(errors="replace").split())[-500:]
            self.kill()
            raise StepError(said or f"its worker did not start: {error}") from None
        if "error" in answer:
            self.kill()
            raise StepError(str(answer["error"]))
        self._folder = answer["folder"]

    def ask(self, program: str) -> None:
        """Hand a program over; raises OSError if the worker is gone."""
        text = program.encode(errors="surrogatepass")
        self._socket.settimeout(_ANSWER_SECONDS)
        self._socket.sendall(struct.pack("!I", len(text)) + text)

    def answer(self) -> dict[str, Any]:
        """What became of it; raises OSError if the worker is gone."""
        self._socket.settimeout(_ANSWER_SECONDS)
        return self._read()

    def kill(self) -> None:
        """End the worker and all in it, and remove what it leaves."""
        self._socket.close()
        self._said.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            if self._name:
                docker.kill(self._name)
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._folder and not self._name:
            scratch.remove(Path(self._folder))

    def _read(self) -> dict[str, Any]:
        size = struct.unpack("!I", self._exactly(4))[0]
        found = json.loads(self._exactly(size))
        if not isinstance(found, dict):
            raise ConnectionError("the worker gave no verdict")
        return found

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(min(size - len(parts), 2**20))
            if not part:
                raise ConnectionError("the worker hung up")
            parts += part
        return bytes(parts)
