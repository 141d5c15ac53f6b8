"""Checkpoints written beside training: the state is copied, and a thread brings the copy to disk.

Training stops for the copy alone. One write is under way at a time; a second waits for the first. What goes wrong in
the thread is raised at the next call, in the thread that trains.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from assay.train.log import TrainingLog
from assay.train.state import State


class Saver:
    """Writes copies of states in the background."""

    def __init__(self, write: Callable[[State], None]) -> None:
        """``write``: brings a state to disk; called in a thread."""
        self._write = write
        self._thread: threading.Thread | None = None
        self._problem: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Until nothing is being written; what went wrong is raised unless something else is already under way."""
        if kind is None:
            self.wait()
        elif self._thread is not None:
            self._thread.join()

    def save(self, state: State) -> None:
        """Copy the state and write it in the background, after the write before it."""
        self.wait()
        copy = replace(
            state,
            master=state.master.clone(),
            first=state.first.clone(),
            second=state.second.clone(),
            losses=list(state.losses),
            heldout=list(state.heldout),
            seen=dict(state.seen),
            snapshots=dict(state.snapshots),
            log=TrainingLog(state.log.lines),
        )
        self._thread = threading.Thread(target=self._run, args=(copy,), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until nothing is being written.

        Raises:
            OSError: The last write failed; or whatever else it failed with.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._problem is not None:
            problem, self._problem = self._problem, None
            raise problem

    def _run(self, state: State) -> None:
        try:
            self._write(state)
        except BaseException as problem:
            self._problem = problem
