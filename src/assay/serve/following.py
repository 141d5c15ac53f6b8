"""A run followed through its log: each look folds what was appended since the last, and tells it as small JSON.

The same folding and the same words as ``assay status``. Losses of training under way are those in the log, a point
every few seconds; of a state that is finished its own history, step by step, where the store has it. A page that knows
the first so many finished states is told of the others only. Nothing is sent on its own; the page asks.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.report.numbers import duration
from assay.report.status import BUILT, JUDGED, LINES, MEASURED, counted, head, in_order, step_cells, time_left
from assay.report.status import whether_going as tell_whether_going
from assay.run.standing import PLANES, Standing
from assay.run.store import Store
from assay.train.history import HISTORY, load_history

POINTS = 120
"""Of a curve, at most."""
AT_ONCE = 20
"""Finished states that one answer tells of; the page asks again for the rest."""
WARNINGS = 5
"""That are shown, the latest."""
Point = tuple[float, float]
"""Tokens or steps, and loss in nats per token."""


@dataclass
class _Run:
    """The latest run in the log."""

    start: Mapping[str, Any] | None = None
    last: Mapping[str, Any] = field(default_factory=dict)
    said: list[Mapping[str, Any]] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    standing: Standing = field(default_factory=Standing)
    losses: dict[str, list[Point]] = field(default_factory=dict)
    """By key of a state."""
    trained: list[tuple[str, str]] = field(default_factory=list)
    """Key and title of finished states."""


class Following:
    """Follows the log of one run folder; may be asked from several threads.

    Args:
        folder: The run folder.
        store: Gives the run's store, or raises if there is none.
    """

    def __init__(self, folder: Path, store: Callable[[], Store]) -> None:
        self.folder = folder
        self._store = store
        self._turn = threading.Lock()
        self._run = _Run()
        self._place = (0, 0)
        self._curves: dict[str, list[Point]] = {}

    def is_finished(self) -> bool:
        """Whether there is nothing to follow: the run ended as it should, or there is no log at all."""
        with self._turn:
            self._read()
            return self._finished()

    def picture(self, after: int = 0) -> dict[str, Any]:
        """Where the run stands, for the page.

        Args:
            after: How many finished states the page knows already.
        """
        with self._turn:
            age = self._read()
            run = self._run
            events = [] if run.start is None else [run.start, run.last]
            told, going = tell_whether_going(self.folder, events, run.standing, age)
            at = run.standing.at + age
            under_way = in_order(run.standing) if going else []
            keys = {id(one): key for key, one in run.standing.under_way.items()}
            new = run.trained[after : after + AT_ONCE]
            return {
                "run": run.start["time"] if run.start else 0,
                "head": head(self.folder, run.said),
                "told": told,
                "going": going,
                "finished": self._finished(),
                "said": run.standing.said if going and not under_way else "",
                "warned": run.warned[-WARNINGS:],
                "planes": [
                    {"name": name, "done": done, "planned": planned, "words": counted(name, done, planned)}
                    for name, (done, planned) in run.standing.planes().items()
                ],
                "under_way": [
                    {
                        **dict(zip(("where", "title", "far", "loss", "rate"), step_cells(one, at), strict=True)),
                        **({} if one.loss is None else {"loss": f"{one.loss:.3f}"}),
                        "plane": PLANES[one.sort[0]],
                        "curve": thinned(run.losses.get(keys[id(one)], [])),
                    }
                    for one in under_way[:LINES]
                ],
                "more": max(0, len(under_way) - LINES),
                "rate": f"{run.standing.rate:,.0f} tokens/s" if going and run.standing.rate else "",
                "passed": f"{duration(at)} passed" if going else "",
                "left": time_left(run.standing, at) if going else "",
                "trained": [self._trained(*one) for one in new],
                "trained_in_all": len(run.trained),
            }

    def _trained(self, key: str, title: str) -> dict[str, Any]:
        if key not in self._curves:
            points = self._run.losses.get(key, [])
            with suppress(AssayError, OSError, ValueError, KeyError):
                losses = load_history(self._store().file("state", key, HISTORY))["losses"]
                points = [(step, float(loss)) for step, loss in enumerate(losses, start=1)]
            self._curves[key] = thinned(points)
        curve = self._curves[key]
        return {"title": title, "loss": f"{curve[-1][1]:.3f}" if curve else "", "curve": curve}

    def _finished(self) -> bool:
        ended = self._run.last.get("text") in {BUILT, MEASURED, JUDGED}
        return ended or self._run.start is None or (self.folder / "done.json").is_file()

    def _read(self) -> float:
        """Take in what was appended; seconds since then."""
        log = self.folder / "log.jsonl"
        try:
            with log.open("rb") as file:
                about = log.stat()
                inode, read = self._place
                if inode != about.st_ino or about.st_size < read:
                    self._run, read = _Run(), 0
                file.seek(read)
                data = file.read()
        except OSError:
            return 0.0
        whole = data[: data.rfind(b"\n") + 1]
        self._place = (about.st_ino, read + len(whole))
        for line in whole.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # cut off by a kill
            self._take(event)
        return max(0.0, time.time() - about.st_mtime)

    def _take(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "start":
            self._run = _Run(start=event, last=event)
            return
        run = self._run
        if run.start is None:
            return
        run.last = event
        run.standing.take(event)
        match event["event"]:
            case "said":
                run.said.append(event)
            case "warned":
                run.warned.append(event["text"])
            case "progress" if event["kind"] == "state" and event.get("loss") is not None:
                run.losses.setdefault(event["key"], []).append((event["done"], event["loss"]))
            case "end" if event["kind"] == "state":
                run.trained.append((event["key"], event["title"]))


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most `POINTS` of a curve's points, the first and the last among them."""
    if len(points) <= POINTS:
        return [(x, round(y, 4)) for x, y in points]
    places = (round(place * (len(points) - 1) / (POINTS - 1)) for place in range(POINTS))
    return [(points[place][0], round(points[place][1], 4)) for place in places]
