"""What a study writes to trackers, and when: one tracker run for each arm, size and seed.

While a segment trains, the worker's reports become ``live/…`` points in the run of the segment's first arm. When an
arm's last state and all its scores are in the store, its run gets the exact curve of every step, its shared prefix
too, and the arm's metrics for this seed, and is finished; ``tracked.json`` in the run folder remembers that, so
nothing is written twice. Each tracker has a thread of its own: a slow or dead one holds up neither study nor others.
"""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console

from assay.files import as_json, write_whole
from assay.run.folder import leaf_records
from assay.run.graph import Graph, Leaf
from assay.run.identity import key_of
from assay.run.step import Step
from assay.run.store import Store, open_store
from assay.run.track.trackers import Point, TrackedRun, Tracker
from assay.study.plan import Plan
from assay.train.log import TRAINING_LOG, read_training_log

TRACKED = "tracked.json"
LIVE_SECONDS = 5.0
"""Between two live points of one run."""
LIVE_WAITING = 100
"""Live points are left out while a tracker has this much else to do."""
PATIENCE_SECONDS = 60.0
"""How long a tracker may take yet once the study is done."""
STOP_SECONDS = 3.0
"""And where the study was stopped: the engine still has work to put aside."""


class Tracking:
    """Follows an engine's events. Use as a context manager."""

    def __init__(self, trackers: Mapping[str, Tracker], plan: Plan, graph: Graph, out: Path, store: Store) -> None:
        """
        Args:
            trackers: By what was asked for.
            plan: The study.
            graph: Its steps.
            out: The run folder.
            store: Where the artifacts are.
        """
        self.plan, self.graph, self.out, self.store = plan, graph, out, store
        self._leaves = tuple(leaf for leaf in graph.leaves if leaf.arm.stages) if trackers else ()
        self._runs = [_tracked_run(plan, leaf, out) for leaf in self._leaves]
        self._missing = {
            index: {leaf.states[-1].key, *(step.key for step in leaf.made)} for index, leaf in enumerate(self._leaves)
        }
        self._waiting: dict[str, list[int]] = {}
        self._first: dict[str, int] = {}
        for index, leaf in enumerate(self._leaves):
            for key in self._missing[index]:
                self._waiting.setdefault(key, []).append(index)
            state: Step | None = leaf.states[-1]
            while state is not None:
                self._first.setdefault(state.key, index)
                state = state.after
        self._live: dict[str, float] = {}
        self._tracked = _read_tracked(out)
        self._writing = threading.Lock()
        self._channels = {name: _Channel(name, tracker, store.address) for name, tracker in trackers.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        patience = PATIENCE_SECONDS if problem is None else STOP_SECONDS
        until = time.monotonic() + patience
        for channel in self._channels.values():
            channel.end(finish=problem is None)
        for channel in self._channels.values():
            channel.wait(until, f"it took more than {patience:.0f} seconds to end")
        say = Console(stderr=True).print
        for told in self._news():
            say(told, soft_wrap=True)
        for name, channel in self._channels.items():
            if channel.wrote and channel.tracker.where:
                say(f"Tracked by {name.partition(':')[0]}: {channel.tracker.where}", soft_wrap=True)

    def hear(self, event: str, step: Step, about: Mapping[str, Any]) -> list[str]:
        """An engine's listener; returns what there is to tell of trackers that failed, each once."""
        if event in {"have", "end"}:
            for index in self._waiting.get(step.key, ()):
                self._missing[index].discard(step.key)
                if not self._missing[index]:
                    self._complete(index)
            self._waiting.pop(step.key, None)
        elif event == "progress" and step.key in self._first and "loss" in about:
            self._show(self._runs[self._first[step.key]], about)
        return self._news()

    def catch_up(self) -> None:
        """Write what a finished study has in the store and a tracker does not have yet."""
        if not self._channels:
            return
        self.store.look()
        for step in self.graph.goals():
            if self.store.listed(step.kind, step.key):
                self.hear("have", step, {})
        if absent := sum(map(bool, self._missing.values())):
            Console(stderr=True).print(
                f"{absent} of {len(self._leaves)} runs cannot be tracked: their states or scores are no longer in the "
                f"store {self.store.address}",
                soft_wrap=True,
            )

    def _news(self) -> list[str]:
        return [told for channel in self._channels.values() if (told := channel.news())]

    def _show(self, run: TrackedRun, about: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if now - self._live.get(run.id, -LIVE_SECONDS) < LIVE_SECONDS:
            return
        self._live[run.id] = now
        point: Point = (
            int(about["done"]) // self.plan.study.tokens_per_step,
            {"live/loss": about["loss"], "live/tokens_per_second": about["rate"]},
        )
        for channel in self._channels.values():
            if channel.waiting < LIVE_WAITING:
                channel.order(lambda tracker, _: tracker.log(run, [point]))

    def _complete(self, index: int) -> None:
        run, leaf = self._runs[index], self._leaves[index]
        for name, channel in self._channels.items():
            if run.id in self._tracked.get(name, ()):
                continue

            def write(tracker: Tracker, store: Store, name: str = name) -> None:
                log = read_training_log(store.file("state", leaf.states[-1].key, TRAINING_LOG))
                results = leaf_results(self.plan, leaf, store)
                tracker.log(run, points_of(log))
                tracker.finish(run, {f"results/{metric}": value for metric, value in results.items()}, leaf.arm.steps)
                with self._writing:
                    self._tracked.setdefault(name, []).append(run.id)
                    write_whole(self.out / TRACKED, as_json(self._tracked))

            channel.order(write)


class _Channel:
    """A tracker's thread and what it has to do yet; after its first failure it does nothing more."""

    def __init__(self, name: str, tracker: Tracker, address: str) -> None:
        self.tracker = tracker
        self.wrote = False
        self._name = name
        self._problem: str | None = None
        self._told = False
        self._stopped = False
        self._orders: queue.SimpleQueue[Callable[[Tracker, Store], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, args=(address,), name=f"track {name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Orders not begun."""
        return self._orders.qsize()

    def order(self, work: Callable[[Tracker, Store], None]) -> None:
        """Have something written, after all that was ordered before."""
        self._orders.put(work)

    def end(self, finish: bool) -> None:
        """Nothing more is ordered; ``finish`` what was, or only the one under way."""
        self._stopped = not finish
        self._orders.put(None)

    def wait(self, until: float, otherwise: str) -> None:
        """Wait for the thread's end until a time of `time.monotonic`; ``otherwise`` is what it is given up for."""
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            self._problem = self._problem or otherwise

    def news(self) -> str | None:
        """What to tell of its failure, once."""
        if self._problem is None or self._told:
            return None
        self._told = True
        return f"--track {self._name} is given up, the study is not: {self._problem}"

    def _work(self, address: str) -> None:
        store = open_store(address)  # of this thread's own
        store.only_read = True
        while (order := self._orders.get()) is not None:
            if self._problem is None and not self._stopped:
                try:
                    order(self.tracker, store)
                    self.wrote = True
                except Exception as problem:  # a tracker may fail in any way it likes; the study goes on
                    self._problem = _in_one_line(problem)
        with contextlib.suppress(Exception):
            self.tracker.close()


def points_of(log: Sequence[Mapping[str, Any]]) -> list[Point]:
    """A training log as points, in the order of steps."""
    points: dict[int, dict[str, float]] = {}
    for line in log:
        point = points.setdefault(line["step"], {})
        if "heldout" in line:
            point |= {f"heldout/{name}": bits for name, bits in line["heldout"].items()}
        elif "event" in line:
            point[f"event/{line['event']}"] = 1.0
        else:
            point |= {f"train/{name}": line[name] for name in ("loss", "learning_rate", "gradient_norm", "tokens")}
    return sorted(points.items())


def leaf_results(plan: Plan, leaf: Leaf, store: Store) -> dict[str, float]:
    """The study's metrics for one arm, size and seed, by the code that makes ``results.json``.

    Raises:
        Damaged: Scores are not what was written.
    """
    from assay.analyze.estimator import Estimator
    from assay.analyze.records import read_records

    alone = {"arms": (leaf.arm.name,), "sizes": (leaf.size,), "seeds": (leaf.seed,), "contrasts": ()}
    design = plan.design.model_copy(update=alone)
    estimator = Estimator(design, read_records(design, leaf_records(plan, leaf, store, {}, {}, "")))
    found = {
        metric.id: estimator.estimate(leaf.size, design.arms, (1.0,), metric.tasks, metric.measure)
        for metric in design.metrics
    }
    return {name: estimate.value for name, estimate in found.items() if estimate is not None}


def _tracked_run(plan: Plan, leaf: Leaf, out: Path) -> TrackedRun:
    recipe = leaf.states[-1].recipe
    path = f"{leaf.arm.name}/{leaf.size}/seed-{leaf.seed}"
    config = {
        "study": plan.design.study,
        "arm": leaf.arm.name,
        "size": leaf.size,
        "seed": leaf.seed,
        "tokens": leaf.arm.steps * plan.study.tokens_per_step,
        "steps": leaf.arm.steps,
        "stages": [
            {
                "stage": stage.name,
                "mix": {name: share / 1_000_000 for name, share in stage.mix},
                "tokens": stage.steps * plan.study.tokens_per_step,
                "schedule": stage.schedule,
                "moments": stage.moments,
            }
            for stage in leaf.arm.stages
        ],
        "train": dict(recipe["train"]),
        "shape": recipe["shape"],
        "precision": recipe["precision"],
        "state": leaf.states[-1].key,
    }
    scores = sorted(step.key for step in leaf.made)
    identity = key_of({"out": str(out.absolute()), "path": path, "state": config["state"], "scores": scores})
    return TrackedRun(identity[:16], plan.design.study, path, config)


def _read_tracked(out: Path) -> dict[str, list[str]]:
    """Ids of the runs that each tracker has whole."""
    try:
        found: dict[str, list[str]] = json.loads((out / TRACKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _in_one_line(problem: BaseException) -> str:
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text[:300]}" if text else type(problem).__name__
