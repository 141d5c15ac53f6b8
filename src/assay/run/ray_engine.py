"""The Ray engine: the local engine's worker programs, spread over the nodes of an existing Ray cluster.

Each slot is an actor (`assay.run.ray_slot`) that holds one CPU and a worker's memory of a node. The driver has one call
under way to each busy slot, which comes back with the step's result, its latest progress, or the news that slot or node
is lost; so a thousand workers cost a thousand small messages a second at most. Nodes that join are used, nodes that
leave only cost what they were doing. Only nodes with one and the same numerics take part, as results are keyed by them.
Where models are trained on GPUs, a slot holds a part of one as well, and Ray tells it which.
Ray's usage statistics are off here; those of a cluster are decided where it is started.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay import __version__
from assay.errors import InputError, StepError
from assay.run.device import Device
from assay.run.engine import Engine, Listener
from assay.run.identity import numerics, numerics_label
from assay.run.memory import LEAST_BYTES
from assay.run.processes import ALONE, Processes
from assay.run.ray_slot import Slot
from assay.run.step import Step
from assay.run.store import Store
from assay.run.worker import PATIENCE_SECONDS

LOOK_SECONDS = 5.0
"""How often to look for nodes that have joined, while steps wait for a worker."""
GREET_SECONDS = 30.0
"""How long to wait at the start for slots that do not answer yet, once one has."""
REACH_SECONDS = 10.0
HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
HTTP2_SETTINGS = b"\x04"
"""Type of the frame that a server greets with (RFC 9113, section 3.4)."""
START = "start one with 'ray start --head --disable-usage-stats' and run this command on one of its machines"


@dataclass(eq=False)
class _Slot:
    actor: Any
    node: str
    """Ray's id of the node."""
    name: str
    """Its address, for people."""
    reply: Any
    """Of the call under way; None while it is free."""
    ready: bool = False
    step: Step | None = None


class RayEngine(Engine):
    """Workers on the nodes of a Ray cluster, one a CPU as far as memory allows.

    Args:
        store: Must be the same store from every node: on a shared folder, or at an fsspec address.
        listen: Told of every step.
        workers: At most so many; None: as many as there is room for.
        address: HOST:PORT of the cluster; None: ``RAY_ADDRESS``, or the cluster that this machine belongs to.
        worker_bytes: Memory that Ray is to set aside for a worker.
        device: What models are trained and scored on.
        share: Slots that a GPU is dealt to.
        processes: That train one model together, all on one node; a slot holds a CPU, and maybe a GPU, for each.

    Raises:
        InputError: Ray is not installed, or there is no cluster to use.
        StepError: The cluster cannot be reached, has no room, or a node cannot use the store.
    """

    def __init__(
        self,
        store: Store,
        listen: Listener,
        workers: int | None = None,
        address: str | None = None,
        worker_bytes: int = LEAST_BYTES,
        device: Device = "cpu",
        share: int = 1,
        processes: Processes = ALONE,
    ) -> None:
        super().__init__(store, listen)
        self._device = device
        self._processes = processes
        self._share = share if device == "cuda" else 0
        self._most = workers or sys.maxsize
        self._worker_bytes = (LEAST_BYTES if device == "cuda" else worker_bytes) * processes.count
        self._slots: list[_Slot] = []
        self._numerics: dict[str, str] | None = None
        self._offers: dict[_Slot, dict[str, str]] = {}
        self._left_out: set[str] = set()
        self._looked = 0.0
        self._short = False
        self._waiting = False
        self._ray = _connect(address)
        count = processes.count
        needs = {"num_cpus": count, "num_gpus": count / self._share if self._share else 0, "memory": self._worker_bytes}
        self._actors = self._ray.remote(**needs, max_restarts=0, max_concurrency=2)(Slot)
        try:
            self._begin()
        except BaseException:
            self._end()
            raise

    @property
    def workers(self) -> int:
        """How many slots are ready at present; at least one."""
        return max(1, sum(slot.ready for slot in self._slots))

    @property
    def numerics(self) -> dict[str, str]:
        """Those of the nodes that take part."""
        assert self._numerics is not None
        return self._processes.numerics(self._numerics)

    def _begin(self) -> None:
        """Ask every node what it is, and choose the numerics that most slots have."""
        self._look()
        if not self._slots:
            raise StepError(
                f"no node of the Ray cluster has {self._wanted()} and "
                f"{self._worker_bytes / 2**30:.1f} GiB of memory to give to a worker; 'ray status' shows what they have"
            )
        begin = time.monotonic()
        while any(slot.reply for slot in self._slots):
            if self._offers and time.monotonic() > begin + GREET_SECONDS:
                break
            for slot, answer in self._replies(1.0):
                self._greet(slot, answer)
            if not self._offers and time.monotonic() > begin + LOOK_SECONDS:
                self._say_waiting("All CPUs of the Ray cluster are taken; waiting for one …")
        if not self._offers:
            raise StepError("no node of the Ray cluster can carry out steps")
        here = numerics_label(numerics()) if self._device == "cpu" else ""
        counts = Counter(numerics_label(offer) for offer in self._offers.values())
        chosen = max(sorted(counts), key=lambda label: (counts[label], label == here))
        self._numerics = next(offer for offer in self._offers.values() if numerics_label(offer) == chosen)
        for slot, offer in self._offers.items():
            self._admit(slot, offer)
        self._offers.clear()

    def _can_give(self) -> bool:
        self._short = not any(slot.ready and slot.step is None for slot in self._slots)
        return not self._short

    def _give(self, step: Step) -> str:
        slot = next(slot for slot in self._slots if slot.ready and slot.step is None)
        slot.step = step
        slot.reply = slot.actor.serve.remote(json.dumps(step.order()))
        return f"node {slot.name}"

    def _hear(self) -> Iterable[tuple[Step, Mapping[str, Any]]]:
        if self._short and time.monotonic() > self._looked + LOOK_SECONDS:
            self._look()
        if any(slot.ready for slot in self._slots):
            self._waiting = False
        else:
            self._say_waiting("No node of the Ray cluster is left to carry out steps; waiting for one to join …")
        for slot, answer in self._replies(LOOK_SECONDS if self._slots else 1.0):
            step = slot.step
            if step is None:
                self._greet(slot, answer)
            elif isinstance(answer, Exception):
                yield step, {"lost": self._how(slot, answer)}
            else:
                if "progress" in answer:
                    slot.reply = slot.actor.serve.remote(None)
                else:
                    slot.step = None
                yield step, answer

    def _end(self) -> None:
        """Workers that train save what they did; the rest is ended at once."""
        busy = [slot for slot in self._slots if slot.step is not None]
        for slot in busy:
            slot.actor.put_aside.remote()
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            while any(slot.step for slot in busy) and time.monotonic() < until:
                for slot, answer in self._replies(until - time.monotonic()):
                    if isinstance(answer, dict) and "progress" in answer:
                        slot.reply = slot.actor.serve.remote(None)
                    else:
                        slot.step = None
        except KeyboardInterrupt:
            pass  # what is not saved by now is lost, back to its last save
        for slot in list(self._slots):
            self._drop(slot)
        self._ray.shutdown()

    def _replies(self, seconds: float) -> Iterator[tuple[_Slot, dict[str, Any] | Exception]]:
        """Calls that came back, waiting for the first; a slot that is lost is dropped, and its error given."""
        slots = {slot.reply: slot for slot in self._slots if slot.reply is not None}
        if not slots:
            time.sleep(min(seconds, 1.0))
            return
        with _uncovered():
            done, left = self._ray.wait(list(slots), timeout=max(0.0, seconds))
            if done and left:
                done += self._ray.wait(left, num_returns=len(left), timeout=0)[0]
        for reply in done:
            slot = slots[reply]
            slot.reply = None
            answer: dict[str, Any] | Exception
            try:
                with _uncovered():
                    answer = self._ray.get(reply)
            except self._ray.exceptions.RayError as problem:
                self._drop(slot)
                answer = problem
            yield slot, answer

    def _look(self) -> None:
        """Forget nodes that are gone, and start slots where there is room, one node after the other."""
        self._looked = time.monotonic()
        nodes = {node["NodeID"]: node for node in self._ray.nodes() if node["Alive"]}
        for slot in [slot for slot in self._slots if slot.node not in nodes and slot.step is None]:
            self._drop(slot)
        held = Counter(slot.node for slot in self._slots)
        places = [
            (index, node)
            for node, about in nodes.items()
            if node not in self._left_out
            for index in range(
                held[node], _room(about["Resources"], self._worker_bytes, self._share, self._processes.count)
            )
        ]
        affinity = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        for _, node in sorted(places)[: self._most - len(self._slots)]:
            actor = self._actors.options(scheduling_strategy=affinity(node_id=node, soft=False)).remote(
                self.store.address, str(Path.cwd())
            )
            self._slots.append(_Slot(actor, node, nodes[node]["NodeManagerAddress"], actor.hello.remote(self._device)))

    def _greet(self, slot: _Slot, answer: "dict[str, Any] | Exception") -> None:
        """Take in what a new slot says of its node. A node that cannot take part ends a study that is to begin; one
        that joined later is left out."""
        problem = self._problem(slot, answer)
        if problem is not None:
            if self._numerics is None:
                raise StepError(f"node {slot.name} of the Ray cluster cannot take part: {problem}")
            self._leave_out(slot, problem)
        elif isinstance(answer, dict):
            if self._numerics is None:
                self._offers[slot] = answer["numerics"]
            else:
                self._admit(slot, answer["numerics"])

    def _problem(self, slot: _Slot, answer: "dict[str, Any] | Exception") -> str | None:
        advice = "Put the store (ASSAY_STORE) on a folder that all nodes share, or at an address such as s3://…"
        if isinstance(answer, Exception):
            if isinstance(answer, self._ray.exceptions.RayTaskError) or getattr(answer, "actor_init_failed", False):
                return f"{_last(answer)}. Install the same Python, Ray and Assay on every node"
            return None  # it died as programs or nodes may, and is started again where its node is still there
        if answer["assay"] != __version__:
            return f"it has Assay {answer['assay']}, this machine {__version__}. Install the same on every node"
        if "unfit" in answer:
            return str(answer["unfit"])
        if "refused" in answer:
            return f"{answer['refused']}. {advice}"
        if token := answer.get("token"):
            path = self.store.root / token
            seen = path.is_file()
            path.unlink(missing_ok=True)
            if not seen:
                return f"its {self.store.root} is another folder than this machine's. {advice}"
        return None

    def _how(self, slot: _Slot, problem: Exception) -> str:
        if isinstance(problem, self._ray.exceptions.RayTaskError):
            return f"node {slot.name}: {_last(problem)}"
        return f"the Ray worker or its node {slot.name} is gone"

    def _admit(self, slot: _Slot, offer: Mapping[str, str]) -> None:
        if offer == self._numerics:
            slot.ready = True
        else:
            self._leave_out(slot, f"its numerics are {numerics_label(dict(offer))}, the study's {self._label()}")

    def _wanted(self) -> str:
        count = self._processes.count
        if count > 1:
            return f"{count} CPUs{f', {count} GPUs' if self._share else ''}"
        return f"a CPU{', a part of a GPU' if self._share else ''}"

    def _label(self) -> str:
        return numerics_label(self._numerics)

    def _leave_out(self, slot: _Slot, why: str) -> None:
        if slot.node not in self._left_out:
            self._left_out.add(slot.node)
            print(f"Node {slot.name} of the Ray cluster takes no part: {why}.", file=sys.stderr)
        self._drop(slot)

    def _drop(self, slot: _Slot) -> None:
        self._ray.kill(slot.actor)
        if slot in self._slots:
            self._slots.remove(slot)

    def _say_waiting(self, text: str) -> None:
        if not self._waiting:
            self._waiting = True
            print(text, file=sys.stderr)


@contextlib.contextmanager
def _uncovered() -> Iterator[None]:
    """What a signal's handler raises, as it was raised: Ray's core makes a SystemError of all but KeyboardInterrupt."""
    try:
        yield
    except SystemError as problem:
        raise (problem.__cause__ or problem) from None


def _room(resources: Mapping[str, float], worker_bytes: int, share: int = 0, each: int = 1) -> int:
    """How many workers a node has room for; ``share``: how many a GPU is dealt to, 0 where none is used; ``each``: CPUs
    of a worker, and GPUs."""
    room = min(resources.get("CPU", 0.0) // each, resources.get("memory", float("inf")) // worker_bytes)
    return int(min(room, resources.get("GPU", 0.0) * share // each) if share else room)


def _connect(address: str | None) -> Any:
    """The ray package, connected to a cluster; nothing that it prints or counts leaves this machine.

    Raises:
        InputError: As for `RayEngine`.
        StepError: As for `RayEngine`.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
        import ray.exceptions
        import ray.util.scheduling_strategies
    except ImportError:
        raise InputError("--engine ray needs Ray: pip install 'assay[ray]'") from None
    address = address or os.environ.get("RAY_ADDRESS")
    if address is not None:
        _reach(address)
    before = signal.getsignal(signal.SIGTERM)  # Ray puts its own in its place
    try:
        ray.init(address=address or "auto", log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as problem:
        if address is None:
            raise InputError(f"no Ray cluster is running here: {START}") from None
        raise StepError(f"the Ray cluster at {address} cannot be used: {_first(problem)}") from None
    except (RuntimeError, OSError, ValueError) as problem:
        raise StepError(f"the Ray cluster at {address or 'this machine'} cannot be used: {_first(problem)}") from None
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    return ray


def _reach(address: str) -> None:
    """See that a gRPC server answers at an address: Ray itself would try for minutes, deaf to Ctrl-C."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise InputError(f"--address {address} is not HOST:PORT of a Ray cluster, such as 10.0.0.5:6379")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_SECONDS) as connection:
            connection.sendall(HTTP2_GREETING)
            answer = connection.recv(9)
    except (OSError, OverflowError) as problem:
        raise StepError(f"no Ray cluster can be reached at {address} ({problem}): {START}") from None
    if answer[3:4] != HTTP2_SETTINGS and os.environ.get("RAY_USE_TLS") != "1":
        raise StepError(f"what answers at {address} is no Ray cluster: {START}")


def _first(problem: Exception) -> str:
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__)


def _last(problem: Exception) -> str:
    return str(problem).strip().splitlines()[-1]
