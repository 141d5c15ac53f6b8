"""The one thread that owns a model: requests reach it from the server's loop, and it never waits for any of them.

Between two tokens it does what was ordered meanwhile: takes questions in, forgets those whose client has gone, scores
texts. So a question joins the batch within one pass of the model, and only a scored text holds the others up, for the
one pass that it takes.
"""

import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

import torch

from assay.endpoint.batch import Batch

Found = TypeVar("Found")


class Worker:
    """Runs a batch. Use as a context manager."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.threads = torch.get_num_threads()
        self.is_closing = False
        """Whether nothing new is to be asked."""
        self._orders: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)

    def __enter__(self) -> "Worker":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.put(None)
        self._thread.join()

    def order(self, function: Callable[[], Found]) -> "Future[Found]":
        """Have something done by the thread, before the next token; what it gives, or raises."""
        done: Future[Found] = Future()

        def carry_out() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(function())
            except BaseException as problem:  # it is the asker's
                done.set_exception(problem)

        self._orders.put(carry_out)
        return done

    def close(self) -> None:
        """Give up what is under way; may be called by a signal's handler."""
        self.is_closing = True
        self.order(lambda: self.batch.fail("the server is ending"))

    def _run(self) -> None:
        torch.set_num_threads(self.threads)  # OpenMP counts for every thread apart
        while True:
            while not self._orders.empty() or not self.batch:
                order = self._orders.get()
                if order is None:
                    return
                order()
            try:
                self.batch.step()
            except Exception as problem:  # whoever waits must hear of it, and others can still be served
                traceback.print_exc(file=sys.stderr)
                self.batch.fail(f"the model failed: {type(problem).__name__}: {problem}")
