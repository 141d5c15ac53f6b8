"""What a run shows while it goes on: one live line a plane on a terminal, nothing elsewhere, and a log always.

The log (``log.jsonl``) has a line for every step begun, ended or lost, and for training every few seconds;
``assay status`` reads it from another terminal.
"""

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from assay.run.step import Step

PLANES = {
    "wheel": "download",
    "documents": "corpus",
    "ingredient": "corpus",
    "tokenizer": "corpus",
    "tokens": "corpus",
    "requests": "corpus",
    "state": "training",
    "scores": "evaluation",
}
UNITS = {"download": "MB", "corpus": "steps", "training": "k tokens", "evaluation": "task scores"}
LOG_SECONDS = 5.0


class RunProgress:
    """Listens to an engine; shows and logs. Use as a context manager."""

    def __init__(self, log: Path) -> None:
        self.console = Console(stderr=True)
        self.shown = sys.stderr.isatty()
        self.begin = time.monotonic()
        self.seconds: dict[str, float] = dict.fromkeys(UNITS, 0.0)
        self.trained = 0.0
        self.planned: dict[str, float] = dict.fromkeys(UNITS, 0.0)
        self.done: dict[str, float] = dict.fromkeys(UNITS, 0.0)
        self.under_way: dict[str, tuple[Step, dict[str, Any], float]] = {}
        self._log = log.open("a", encoding="utf-8")
        self._logged: dict[str, float] = {}
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[count]:<28}"),
            TextColumn("{task.fields[now]}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )

    def __enter__(self) -> "RunProgress":
        if self.shown:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            self._progress.stop()
        self._log.close()

    def expect(self, steps: Iterable[Step]) -> None:
        """Steps that will be made; for the totals."""
        for step in steps:
            self.planned[PLANES[step.kind]] += _work(step)

    def say(self, text: str) -> None:
        """A line for the person, on a terminal only, and for the log."""
        self._write({"event": "said", "text": text})
        if self.shown:
            self.console.print(text)

    def hear(self, event: str, step: Step, about: dict[str, Any]) -> None:
        """An engine's listener."""
        if event == "have":
            return
        plane = PLANES[step.kind]
        now = time.monotonic()
        if event == "begin":
            self.under_way[step.key] = (step, {}, now)
        elif event == "progress":
            begun = self.under_way[step.key][2]
            self.under_way[step.key] = (step, about, begun)
        else:
            self.under_way.pop(step.key, None)
        if event == "end":
            self.done[plane] += _work(step)
            self.seconds[plane] += about["seconds"]
            if step.kind == "state":
                self.trained += step.size
        if event != "progress" or now - self._logged.get(step.key, 0) > LOG_SECONDS:
            self._logged[step.key] = now
            self._write(
                {"event": event, "kind": step.kind, "key": step.key, "title": step.title, "work": step.size, **about}
            )
        if self.shown:
            self._show(plane)

    def _show(self, plane: str) -> None:
        if plane not in self._bars:
            self._bars[plane] = self._progress.add_task(plane, total=None, count="", now="")
        done = self.done[plane] + sum(
            _done(step, about) for step, about, _ in self.under_way.values() if PLANES[step.kind] == plane
        )
        total = max(self.planned[plane], done)
        scale = {"download": 1e6, "training": 1e3}.get(plane, 1)
        count = f"{done / scale:,.0f} of {total / scale:,.0f} {UNITS[plane]}"
        self._progress.update(
            self._bars[plane], total=total or 1, completed=done, count=count, now=self._now(plane, total - done)
        )

    def _now(self, plane: str, left: float) -> str:
        """What is under way, how fast, and how long it will take."""
        under_way = [
            (step, about, begun) for step, about, begun in self.under_way.values() if PLANES[step.kind] == plane
        ]
        if plane == "training":
            rate = sum(about.get("rate", 0.0) for _, about, _ in under_way)
            losses = ", ".join(f"{about['loss']:.2f}" for _, about, _ in under_way if "loss" in about)
            if not rate:
                return "starting; the first step compiles the model"
            return f"loss {losses}, {rate / 1e3:,.1f}k tokens/s, {left / rate / 60:.1f} min left"
        return ", ".join(step.title for step, _, _ in under_way)[:60]

    def _write(self, message: dict[str, Any]) -> None:
        self._log.write(json.dumps({"time": round(time.time(), 3), **message}) + "\n")
        self._log.flush()


def _work(step: Step) -> float:
    return step.size if step.kind in {"wheel", "state"} else 1.0


def _done(step: Step, about: dict[str, Any]) -> float:
    if step.kind == "state":
        return float(about.get("new", 0))
    return float(about.get("done", 0)) if step.kind == "wheel" else 0.0
