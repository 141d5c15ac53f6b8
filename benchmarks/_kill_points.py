"""Kills at every event: each write, rename and flush of a step, and of the main process, one after the other.

A step is made in a store that holds everything made before it. A worker is killed at the event, another one makes the
step whole, and the artifact must be the undisturbed one, file for file; so must `results.json`, then, and the program
itself finishes the study once after every kind of step to show it. Of writes to one file without another event
between them the first, a middle and the last are taken, and each is cut in its middle.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _kill_record import Record
from kill_study import Place, differences, link_objects

HERE = Path(__file__).parent
STEP_TOKENS = 128
SELDOM = "1000"
"""Seconds between saves, for no save before the end."""


@dataclass(frozen=True)
class Event:
    """A line of the shim's log."""

    number: int
    process: int
    kind: str
    path: str


@dataclass(frozen=True)
class Order:
    """What a worker was told in the undisturbed run: its command line, and the order as it was written."""

    arguments: list[str]
    line: str
    kind: str
    key: str
    recipe: dict[str, Any]
    after: str | None
    needs: set[str]


def read_orders(reference: Place, store: Path) -> list[Order]:
    """The orders of the undisturbed run, as they would be for another store."""
    orders = []
    for path in sorted(reference.orders.glob("*.orders"), key=lambda path: path.stat().st_mtime):
        text = path.with_suffix(".command").read_text() + "\n" + path.read_text()
        command, *lines = text.replace(str(reference.store), str(store)).splitlines()
        words = command.split("\0")[:-1]
        arguments = ["worker", *words[words.index("assay.run.worker") + 1 :]]
        for line in lines:
            order = json.loads(line)
            after = order["after"][1] if order["after"] else None
            needs = {key for _, key in order["inputs"].values()} | ({after} if after else set())
            orders.append(Order(arguments, line, order["kind"], order["key"], order["recipe"], after, needs))
    return orders


def users(orders: list[Order], key: str) -> list[Order]:
    """The orders whose artifacts were made from an artifact or after it, at however many removes."""
    found = {key}
    while more := {order.key for order in orders if order.key not in found and found & order.needs}:
        found |= more
    return [order for order in orders if order.key in found - {key}]


class Server:
    """A process that forks others which are killed; see `_kill_server`."""

    def __init__(self, module: str, environment: dict[str, str], place: Place, log: Path) -> None:
        self.log = log
        self.said = Path(environment["KILL_SAID"])
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "_kill_server.py"), module],
            cwd=place.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def run(self, arguments: list[str], order: str | None, stop_at: int = 0, group: bool = True) -> dict[str, Any]:
        """Have a child do its work, killed at event ``stop_at`` (0: not); how it ended."""
        self.log.write_text("")
        assert self.process.stdin is not None
        wanted = {"arguments": arguments, "order": order, "stop_at": stop_at, "group": int(group)}
        self.process.stdin.write(json.dumps(wanted) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def events(self) -> list[Event]:
        """What the last child did, in order."""
        return read_events(self.log)

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the fork server is gone")
        answer: dict[str, Any] = json.loads(line)
        return answer


def read_events(log: Path) -> list[Event]:
    """The shim's log."""
    events = []
    for line in log.read_text(errors="replace").splitlines():
        number, process, kind, _, path = line.split("\t", 4)
        events.append(Event(int(number), int(process), kind, path))
    return sorted(events, key=lambda event: event.number)


def chosen(events: list[Event]) -> list[Event]:
    """All events; of consecutive writes of one process to one file the first, a middle and the last."""
    runs: list[list[Event]] = []
    for event in events:
        last = runs[-1][-1] if runs else None
        same = last and (last.process, last.kind, last.path) == (event.process, event.kind, event.path)
        if same and event.kind == "write":
            runs[-1].append(event)
        else:
            runs.append([event])
    return [run[index] for run in runs for index in sorted({0, len(run) // 2, len(run) - 1})]


class Enumeration:
    """The kill points of the study. ``prepare`` once, then ``units`` one after the other."""

    def __init__(self, reference: Place, library: Path, folder: Path, record: Record, most: int | None = None) -> None:
        self.reference = reference
        self.folder = folder
        self.record = record
        self.most = most
        self.place = reference.elsewhere(folder)
        self.library = library
        self.log = folder / "events"
        self.shared = folder / "shared"
        self.servers: dict[str, Server] = {}

    def variables(self) -> dict[str, str]:
        """The shim's environment for a process that works in this place."""
        return {
            "LD_PRELOAD": str(self.library),
            "KILL_SHARED": str(self.shared),
            "KILL_WATCH": f"{self.place.store}:{self.place.out}",
            "KILL_LOG": str(self.log),
            "KILL_SAID": str(self.folder / "child-said"),
        }

    def prepare(self) -> None:
        """Give the enumeration a store of its own that holds everything, and read what the undisturbed run did."""
        for old in (self.place.store, self.place.out):
            shutil.rmtree(old, ignore_errors=True)
        link_objects(self.reference.store, self.place.store)
        for name in ("locks", "staging", "partial"):
            (self.place.store / name).mkdir()
        self.place.out.mkdir()
        self.shared.write_bytes(_shared(0))
        self.orders = read_orders(self.reference, self.place.store)
        self.whole = read_events(self.reference.events)
        kinds = {kind: sum(event.kind == kind for event in self.whole) for kind in sorted({e.kind for e in self.whole})}
        self.record.note("events_of_a_whole_run", {"all": len(self.whole), "saves_every_step": True, **kinds})

    def units(self) -> Iterator[tuple[str, Any]]:
        """(name, what enumerates it) of everything that is to be enumerated."""
        after = [order.after for order in self.orders if order.after]
        first: dict[str, Order] = {}
        for order in self.orders:
            name = order.kind
            if name == "requests":
                name += " of documents" if "heldout" in order.recipe else " of a task"
            if name == "state":
                name += (
                    ", forked" if order.after and after.count(order.after) > 1 else ", continued" if order.after else ""
                )
            first.setdefault(name, order)
        for name, order in first.items():
            yield name, lambda name=name, order=order: self.step(name, order, "0")
            if order.kind == "package":
                yield (
                    f"{name}, process alone",
                    lambda name=name, order=order: self.step(f"{name}, process alone", order, "0", group=False),
                )
            if name == "state":
                yield f"{name}, resumed", lambda order=order: self.step("state, resumed", order, "0", resumed=True)
                yield (
                    f"{name}, saved at its end only",
                    lambda order=order: self.step("state, saved at its end only", order, SELDOM),
                )
        yield "main process, all stored", self.main
        yield "main process, empty store", self.beginning

    def step(self, name: str, order: Order, save: str, group: bool = True, resumed: bool = False) -> None:
        """Kill a worker at every event of a step."""
        server, finisher = self._worker_server(save), self._worker_server(SELDOM)
        start = self._half_way(server, order) if resumed else None
        files = json.loads(self.reference.manifests()[order.key].read_text())["files"]

        def reset() -> None:
            for old in (self._artifact(order), self.place.store / "partial" / order.key):
                shutil.rmtree(old, ignore_errors=True)
            for left in (self.place.store / "staging").iterdir():
                shutil.rmtree(left)
            if start is not None:
                shutil.copytree(start, self.place.store / "partial" / order.key)

        kept = self._artifact(order).rename(self.folder / "kept")
        try:
            reset()
            told = server.run(order.arguments, order.line)
            events = server.events()
            problem = self._made(order, told, files, server)
            if problem:
                self.record.failure("points", f"{name}: undisturbed: {problem}")
                return
            saves = [event for event in events if event.kind == "rename" and "/step-" in event.path]
            if order.kind == "state" and save == "0" and start is None and not saves:
                self.record.failure("points", f"{name}: ASSAY_SAVE_SECONDS=0 kept no work in partial/")
            points = self._some(chosen(events))
            for event in points:
                reset()
                told = server.run(order.arguments, order.line, event.number, group)
                if not told["killed"] and group:
                    self.record.failure("points", f"{name}: event {event.number} was not reached ({told})")
                    continue
                problem = self._whole_or_absent(order, files)
                before = self.place.partials().get(order.key, 0)
                told = finisher.run(order.arguments, order.line)
                problem = problem or self._made(order, told, files, finisher)
                at = _first_step(told)
                if not problem and order.kind == "state" and at is not None and at < before:
                    problem = f"step {before} was kept, and training began again at step {at}"
                self.record.point(name, event.kind, f"{event.kind} {_short(event.path)}", problem)
        finally:
            shutil.rmtree(self._artifact(order), ignore_errors=True)
            kept.rename(self._artifact(order))
        if points and (self.most is None or name == "state"):
            self._finish_after(order, server, points[len(points) // 2].number, reset, name)

    def _finish_after(self, order: Order, server: Server, number: int, reset: Callable[[], None], name: str) -> None:
        """One more kill, with nothing stored that needs the step's artifact; the program itself goes on from there."""
        for other in users(self.orders, order.key):
            shutil.rmtree(self._artifact(other))
        reset()
        server.run(order.arguments, order.line, number)
        shutil.rmtree(self.place.out)
        self.record.finished(name, self._finish())

    def main(self) -> None:
        """Kill the main process at every event of a run that finds everything stored."""
        name = "main process, all stored"
        server = self._server("assay.cli", self.place.variables(self.variables()), "main")
        arguments = ["assay", *self.place.arguments("--workers", "2")]
        shutil.rmtree(self.place.out, ignore_errors=True)
        told = server.run(arguments, None)
        if told["code"] or (differ := differences(self.reference, self.place)):
            said = server.said.read_text() if told["code"] else differ
            self.record.failure("points", f"{name}: undisturbed: {told} {said}")
            return
        litter = 0
        for event in self._some(chosen(server.events())):
            shutil.rmtree(self.place.out)
            told = server.run(arguments, None, event.number)
            if not told["killed"]:
                self.record.failure("points", f"{name}: event {event.number} was not reached ({told})")
                continue
            told = server.run(arguments, None)
            problem = ""
            if told["code"]:
                problem = f"the second run: exit code {told['code']}: {server.said.read_text()[-2000:]}"
            elif differ := differences(self.reference, self.place):
                problem = f"other bytes in {differ}"
            self.record.point(name, event.kind, f"{event.kind} {_short(event.path)}", problem)
            litter += len(self.place.litter())
        self.record.note("hidden_files_left_in_run_folders", litter)
        shutil.rmtree(self.place.out)
        self.record.finished(name, self._finish())

    def beginning(self) -> None:
        """Kill the program at every event before its first worker's, the store being empty."""
        name = "main process, empty store"
        alone = []
        for event in self.whole:
            if event.process != self.whole[0].process:
                break
            alone.append(event)
        fresh = self.reference.elsewhere(self.folder / "fresh")
        for event in self._some(chosen(alone)):
            shutil.rmtree(fresh.out.parent)
            fresh = self.reference.elsewhere(self.folder / "fresh")
            self.shared.write_bytes(_shared(event.number))
            watch = f"{fresh.store}:{fresh.out}"
            code, said = fresh.run("--workers", "2", **{**self.variables(), "KILL_WATCH": watch})
            problem = "" if code == -9 else f"event {event.number} was not reached (exit code {code}): {said}"
            if not problem:
                link_objects(self.reference.store, fresh.store)  # what the rest of the run would make
                code, said = fresh.run("--workers", "2")
                problem = f"the second run: exit code {code}: {said[-2000:]}" if code else ""
                problem = problem or differences(self.reference, fresh)
            self.record.point(name, event.kind, f"{event.kind} {_short(event.path)}", problem)
        shutil.rmtree(fresh.out.parent)

    def close(self) -> None:
        """End the servers."""
        for server in self.servers.values():
            server.close()

    def _server(self, module: str, environment: dict[str, str], name: str) -> Server:
        if name not in self.servers:
            self.shared.write_bytes(bytes(24))
            self.servers[name] = Server(module, environment, self.place, self.log)
        return self.servers[name]

    def _worker_server(self, save: str) -> Server:
        """A server of workers, in the environment that the program gave its own."""
        data = next(self.reference.orders.glob("*.environment")).read_text()
        data = data.replace(str(self.reference.store), str(self.place.store))
        environment = dict(pair.split("=", 1) for pair in data.split("\0") if "=" in pair)
        del environment["KILL_ORDERS"]
        environment |= {**self.variables(), "ASSAY_SAVE_SECONDS": save}
        return self._server("assay.run.worker", environment, f"worker {save}")

    def _some(self, events: list[Event]) -> list[Event]:
        if self.most is None or len(events) <= self.most:
            return events
        return [events[index * len(events) // self.most] for index in range(self.most)]

    def _half_way(self, server: Server, order: Order) -> Path:
        """A copy of what a worker leaves that is killed after half of its saves."""
        copy = self.folder / "half-way"
        shutil.rmtree(copy, ignore_errors=True)
        artifact = self._artifact(order)
        kept = artifact.rename(self.folder / "kept")
        try:
            partial = self.place.store / "partial" / order.key
            server.run(order.arguments, order.line)
            saves = [event for event in server.events() if event.kind == "rename" and "/step-" in event.path]
            shutil.rmtree(artifact)
            shutil.rmtree(partial, ignore_errors=True)
            if saves:
                server.run(order.arguments, order.line, saves[len(saves) // 2].number)
                partial.rename(copy)
            else:
                copy.mkdir()
        finally:
            shutil.rmtree(artifact, ignore_errors=True)
            kept.rename(artifact)
        return copy

    def _artifact(self, order: Order) -> Path:
        return self.place.store / "objects" / order.kind / order.key

    def _whole_or_absent(self, order: Order, files: dict[str, Any]) -> str:
        artifact = self._artifact(order)
        return _compare(artifact, files) if artifact.exists() else ""

    def _made(self, order: Order, told: dict[str, Any], files: dict[str, Any], server: Server) -> str:
        """What is wrong with an artifact that a worker said it made; empty if nothing."""
        if not told["last"] or "done" not in told["last"]:
            said = server.said.read_text(errors="replace")[-1000:] if server.said.is_file() else ""
            return f"the second worker did not make it: {told} {said}"
        if self.place.partials().get(order.key):
            return "its partial work was left behind"
        return _compare(self._artifact(order), files)

    def _finish(self) -> str:
        code, said = self.place.run("--workers", "2")
        return f"exit code {code}: {said[-2000:]}" if code else differences(self.reference, self.place)


def _compare(artifact: Path, files: dict[str, Any]) -> str:
    try:
        manifest = json.loads((artifact / "manifest.json").read_text())
    except (OSError, ValueError) as problem:
        return f"no manifest that can be read: {problem}"
    if manifest["files"] != files:
        return "the manifest names other bytes than the undisturbed run's"
    there = {str(path.relative_to(artifact)) for path in artifact.rglob("*") if path.is_file()}
    more = there - {*files, "manifest.json"}
    wrong = [
        name
        for name, entry in files.items()
        if name not in there or hashlib.sha256((artifact / name).read_bytes()).hexdigest() != entry["sha256"]
    ]
    return f"other bytes in {wrong}, more files {sorted(more)}" if wrong or more else ""


def _first_step(told: dict[str, Any]) -> int | None:
    """The training step at which a worker began, from the first that it tells."""
    progress = (told["first"] or {}).get("progress", {})
    return (progress["done"] - progress["new"]) // STEP_TOKENS if "new" in progress else None


def _shared(stop_at: int) -> bytes:
    from _kill_server import SHARED

    return SHARED.pack(0, stop_at, 1)


def _short(path: str) -> str:
    """A path's last three parts."""
    return "/".join(path.split("/")[-3:])
