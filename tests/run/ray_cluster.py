"""A real Ray cluster on this machine, several nodes of which may be killed: for tests and benchmarks.

Every node is a ``ray start --block`` in a session of its own, so that all its processes are found as its descendants
and a node can be lost as by a power cut. There is no dashboard. Even with its statistics off, a head of Ray 2.60 asks
three addresses of clouds where it runs and reports that they are off; `SILENT` and a file in its home stop both.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

STORE_BYTES = 80 << 20
"""Of Ray's object store on each node; little goes through it."""
NODE_BYTES = 8 << 30
"""Of memory that each node declares."""
START_SECONDS = 60.0
SILENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9/"}


class RayCluster:
    """Use as a context manager; the first node is the head, which the program is to be connected through.

    Args:
        nodes: How many, the head among them.
        cpus: That each declares.
        environment: Of its processes, and so of the steps that run there; None: this process's. ``bash`` is put on its
            ``PATH`` where there is none: where gRPC is installed, a head starts a process through it and ends without.
        prefix: A command that each node is started through, such as ``unshare``.
    """

    def __init__(
        self, nodes: int = 2, cpus: int = 1, environment: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
    ) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._environment.pop("RAY_ADDRESS", None)
        self._cpus = cpus
        self._count = nodes
        self._prefix = list(prefix)
        self._temporary = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a socket's path must be short
        if shutil.which("bash", path=self._environment.get("PATH", "")) is None:
            (self._temporary / "bash").symlink_to(shutil.which("bash") or "/bin/bash")
            self._environment["PATH"] = os.pathsep.join([self._environment.get("PATH", ""), str(self._temporary)])
        self.address = f"127.0.0.1:{_free_port()}"
        self.nodes: list[subprocess.Popen[bytes]] = []
        """The running nodes, the head first."""

    def __enter__(self) -> Self:
        try:
            self.add_node(prefix=self._prefix)
            for _ in range(self._count - 1):
                self.add_node(prefix=self._prefix)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_node(
        self,
        cpus: int | None = None,
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        memory: int = NODE_BYTES,
    ) -> "subprocess.Popen[bytes]":
        """Start a node, and return when it runs; its own environment goes over the cluster's."""
        log = self._temporary / f"node-{time.monotonic_ns()}.log"
        place = ["--head", f"--port={self.address.split(':')[1]}"] if not self.nodes else [f"--address={self.address}"]
        if not self.nodes:
            (self._temporary / "ray_bootstrap_config.yaml").write_text("{}\n")
            environment = {"HOME": str(self._temporary), **(environment or {})}
            place += ["--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={self._temporary}"]
        with log.open("wb") as output:
            node = subprocess.Popen(
                [
                    *prefix,
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--node-ip-address=127.0.0.1"),
                    *(f"--num-cpus={self._cpus if cpus is None else cpus}", f"--memory={memory}", "--num-gpus=0"),
                    *(f"--object-store-memory={STORE_BYTES}", "--include-log-monitor=false"),
                    *place,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self._environment, **SILENT, **(environment or {})},
                start_new_session=True,
            )
        self.nodes.append(node)
        until = time.monotonic() + START_SECONDS
        while b"--block" not in log.read_bytes():  # it says that it blocks once everything runs
            if node.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"a Ray node did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)
        return node

    def workers(self, node: "subprocess.Popen[bytes] | None" = None) -> list[int]:
        """Process ids of the programs that carry out steps, on one node or on all."""
        return [
            process.pid
            for one in ([node] if node else self.nodes)
            for process in _descendants(one.pid)
            if "assay.run.worker" in _command(process)
        ]

    def actors(self, node: "subprocess.Popen[bytes] | None" = None) -> list[int]:
        """Process ids of the actors that own those programs."""
        return [parent.pid for pid in self.workers(node) if (parent := psutil.Process(pid).parent()) is not None]

    def kill_node(self, node: "subprocess.Popen[bytes] | None" = None) -> None:
        """Lose a node, the last if none is named, as by a power cut: SIGKILL to all its processes at once."""
        node = node or self.nodes[-1]
        self.nodes.remove(node)
        for process in [*_descendants(node.pid), psutil.Process(node.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        node.wait()

    def close(self) -> None:
        """End every node and remove what they wrote."""
        for node in reversed(list(self.nodes)):
            self.kill_node(node)
        shutil.rmtree(self._temporary, ignore_errors=True)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
