"""The engine: has steps carried out, each as soon as what it reads is there, and survives losing whoever does it.

What runs where is the subclass's: `assay.run.local` starts workers on this machine, `assay.run.ray_engine` on a Ray
cluster. Both carry out the same steps and get the same answers, so a study's results do not depend on the engine.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from assay.errors import AssayError, InputError, StepError
from assay.run.queue import Queue
from assay.run.step import Step
from assay.run.store import Damaged, Store

Listener = Callable[[str, Step, dict[str, Any]], None]
"""Called with ``have``, ``begin``, ``progress``, ``end``, ``lost`` or ``damaged``, the step, and what is known of it.
It may raise: the work under way is then put aside and the error goes on."""
DAMAGED = "is damaged (a file is missing or has another size)"
TRIES = 2
"""How often in a row a step may lose its worker, or an artifact come out damaged, without getting any further."""
READS = 20
"""How often artifacts may turn out damaged when something is written from them."""
T = TypeVar("T")


class Engine(ABC):
    """Carries out steps. Use as a context manager; what it started ends with it, unfinished training put aside."""

    def __init__(self, store: Store, listen: Listener) -> None:
        self.store = store
        self.listen = listen
        self._lost: dict[str, int] = {}
        self._far: dict[str, float] = {}

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many steps can be under way at once, at present."""

    @property
    @abstractmethod
    def numerics(self) -> dict[str, str]:
        """The numerics that all its workers have."""

    @abstractmethod
    def _can_give(self) -> bool:
        """Whether a worker is free or could be started."""

    @abstractmethod
    def _give(self, step: Step) -> str:
        """Hand a step to a free worker; a name for where it runs."""

    @abstractmethod
    def _hear(self) -> Iterable[tuple[Step, Mapping[str, Any]]]:
        """Wait until something is heard; the steps and what their workers say of them:
        ``progress``, ``done``, ``failed``, ``damaged``, ``stopped`` or ``lost``."""

    @abstractmethod
    def _end(self) -> None:
        """Have work under way put aside and end everything that was started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def make(self, goals: Iterable[Step]) -> None:
        """Have every goal in the store.

        Raises:
            StepError: A step failed; the others' results are kept.
            InputError: A step found that the user's input cannot work.
        """
        queue = self._queue(goals)
        for step in queue.held.values():
            self.listen("have", step, {})
        for step in queue.wanted.values():
            if self.store.place(step.kind, step.key).exists():
                self.listen("damaged", step, {"why": DAMAGED, "by": step.key})
        while queue:
            while queue.can_begin and self._can_give():
                step = queue.take()
                self.listen("begin", step, {"where": self._give(step)})
            for step, message in self._hear():
                self._take_in(queue, step, message)

    def make_and_read(
        self, goals: Sequence[Step], read: Callable[[], T], expect: Callable[[list[Step], int], None]
    ) -> T:
        """Have every goal in the store and make something of them all; a goal found damaged then is made anew.

        Args:
            goals: What is to be in the store.
            read: Makes something of it; done again from the beginning after it met a damaged artifact.
            expect: Told what `make` is about to carry out, and with how many workers.

        Raises:
            Damaged: It keeps coming out damaged, or is none of the goals.
            StepError: A step failed; the others' results are kept.
            InputError: A step found that the user's input cannot work.
        """
        reads = 0
        while True:
            reads += 1
            try:
                expect(self.missing(goals), self.workers)
                self.make(goals)
                return read()
            except Damaged as problem:
                step = next((step for step in goals if step.key == problem.key), None)
                if step is None or reads == READS:
                    raise
                self.listen("damaged", step, {"why": problem.why, "by": step.key})

    def missing(self, goals: Iterable[Step]) -> list[Step]:
        """The steps that `make` would carry out."""
        return list(self._queue(goals).wanted.values())

    def _queue(self, goals: Iterable[Step]) -> Queue:
        self.store.look()
        return Queue(goals, lambda step: self.store.listed(step.kind, step.key))

    def _take_in(self, queue: Queue, step: Step, message: Mapping[str, Any]) -> None:
        name = step.title or step.kind
        if "progress" in message:
            self._note_progress(step, message["progress"].get("done", 0))
            self.listen("progress", step, message["progress"])
        elif "failed" in message:
            raise _as_error(name, message, self.store)
        elif "damaged" in message:
            kind, key = message["damaged"]
            self.store.look()
            bad = queue.damaged(step, kind, key)
            if bad is not None:
                self.listen("damaged", bad, {"why": message["why"], "by": step.key})
                self._count(bad, f"{bad.title or bad.kind} {message['why']}, for the second time: is the disk sound?")
        elif "stopped" in message:
            queue.put_back(step)
            self.listen("lost", step, {"how": "stopped"})
        elif "lost" in message:
            queue.put_back(step)
            self.listen("lost", step, {"how": message["lost"]})
            self._count(
                step,
                f"a worker was lost twice on the same step, {name} ({message['lost']}). If it was killed for memory, "
                "close other programs and run the same command again: finished work is kept. "
                f"What it printed is in {self.store.root / 'worker.log'}",
            )
        else:
            queue.done(step)
            self.listen("end", step, dict(message))

    def _note_progress(self, step: Step, done: float) -> None:
        """A step that gets further than before does not lose its workers to a fault of its own."""
        if done > self._far.get(step.key, 0.0):
            self._far[step.key] = done
            self._lost.pop(step.key, None)

    def _count(self, step: Step, told: str) -> None:
        self._lost[step.key] = self._lost.get(step.key, 0) + 1
        if self._lost[step.key] >= TRIES:
            raise StepError(told)


def _as_error(name: str, message: Mapping[str, Any], store: Store) -> Exception:
    if message["exit_code"] == InputError.exit_code:
        return InputError(message["failed"])
    if message["exit_code"] == AssayError.exit_code:
        return StepError(f"{name}: {message['failed']}")
    return RuntimeError(f"{name} failed; this is a defect of Assay (store {store.root}):\n{message['failed']}")
