"""Kills of a random process at random moments of a whole run, each followed by a finish.

How the program is started and whom to kill are given by an `Engine`, so that the same rounds are played with another
one. After the finish the results must be the undisturbed ones, nothing that was published before the kill may have been
made again, and training must have gone on from its last save.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from _kill_points import read_events
from _kill_record import Record
from kill_study import DATA, RUN_SECONDS, Place, differences, link_objects

ORPHAN_SECONDS = 15.0
Kill = Callable[[psutil.Process, random.Random], bool]
"""Kills something of a run, given its main process; False if there is nothing of that kind yet."""


@dataclass(frozen=True)
class Engine:
    """What is varied: the program's arguments and whom to kill."""

    arguments: tuple[str, ...]
    victims: Mapping[str, Kill]
    ends: frozenset[str]
    """Victims whose death ends the run, so that it has to be started again."""


def children_called(word: str, process: psutil.Process) -> list[psutil.Process]:
    """Descendants whose command line has a word in it."""
    found = []
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(word in part for part in child.cmdline()):
                found.append(child)
    return found


def kill_one(word: str) -> Kill:
    """Kill a random descendant with that word in its command line."""

    def kill(process: psutil.Process, chance: random.Random) -> bool:
        found = children_called(word, process)
        if found:
            chance.choice(found).kill()
        return bool(found)

    return kill


def kill_main(process: psutil.Process, _: random.Random) -> bool:
    """Kill the main process alone."""
    process.kill()
    return True


def kill_group(process: psutil.Process, _: random.Random) -> bool:
    """Kill the main process and all it started, at once."""
    os.killpg(process.pid, signal.SIGKILL)
    return True


LOCAL = Engine(
    ("--workers", "2"),
    {"worker": kill_one("assay.run.worker"), "main": kill_main, "group": kill_group},
    frozenset({"main", "group"}),
)


@dataclass
class Before:
    """What was there at the kill."""

    manifests: dict[str, tuple[int, int]]
    """Inode and time of every artifact's manifest."""
    partials: dict[str, int]
    """The newest step that was kept of every half-trained segment."""
    lines: int
    """Of the run's log."""
    events: int
    """In the shim's log; that of a save comes after it was counted, if it is counted at all."""


class Moments:
    """Plays rounds."""

    def __init__(
        self, reference: Place, library: Path, engine: Engine, folder: Path, record: Record, seed: int, warm: float
    ) -> None:
        """
        Args:
            reference: The study, finished.
            library: The shim, which logs what is written.
            engine: How to start it and whom to kill.
            folder: For the rounds' stores; a failed round's is left.
            record: Takes what is found.
            seed: Of moments and victims.
            warm: The share of rounds that begin with the corpus stored, so that more kills meet training.
        """
        self.reference = reference
        self.library = library
        self.engine = engine
        self.folder = folder
        self.record = record
        self.chance = random.Random(seed)
        self.warm = warm
        seconds = float(record.data["notes"]["study"]["seconds_undisturbed"])
        self.seconds = {False: seconds, True: 0.7 * seconds}
        self.rounds = 0

    def round(self) -> None:
        """One kill and one finish."""
        while True:
            self.rounds += 1
            warm = self.chance.random() < self.warm
            victim = self.chance.choice(sorted(self.engine.victims))
            moment = self.chance.uniform(0.1, self.seconds[warm])
            place = self.reference.elsewhere(self.folder / f"round-{os.getpid()}-{self.rounds}")
            if warm:
                link_objects(self.reference.store, place.store, DATA)
            problem = self._play(place, victim, moment)
            if problem is not None:
                self.record.run(victim, moment, problem)
                if not problem:
                    shutil.rmtree(place.out.parent)
                return
            self.seconds[warm] = moment  # it had ended by then
            shutil.rmtree(place.out.parent)

    def _play(self, place: Place, victim: str, moment: float) -> str | None:
        """What went wrong, empty if nothing; None if there was nothing left to kill."""
        watched = {**place.watched(self.library), "ASSAY_SAVE_SECONDS": "0"}
        running = place.start(*self.engine.arguments, **watched)
        try:
            main = psutil.Process(running.pid)
            end = time.monotonic() + moment
            while time.monotonic() < end and running.poll() is None:
                time.sleep(min(0.05, max(0.0, end - time.monotonic())))
            family = [main, *main.children(recursive=True)] if running.poll() is None else []
            while running.poll() is None and not self.engine.victims[victim](main, self.chance):
                time.sleep(0.05)
                family = [main, *main.children(recursive=True)] if running.poll() is None else []
            if not family:
                return None
            if victim not in self.engine.ends:
                before = look(place)
                try:
                    running.wait(timeout=RUN_SECONDS)
                except subprocess.TimeoutExpired:
                    return f"the run had not ended {RUN_SECONDS:.0f} s after it"
                if running.returncode:
                    return f"the run did not survive it: exit code {running.returncode}: {place.said()[-2000:]}"
                return self._check(place, before, after_restart=False)
            running.wait()
            _, alive = psutil.wait_procs(family[1:], timeout=ORPHAN_SECONDS)
            if alive:
                return f"{ORPHAN_SECONDS:.0f} s after the main process these still ran: {alive}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        before = look(place)
        code, said = place.run(*self.engine.arguments, **watched)
        if code:
            return f"the finish: exit code {code}: {said[-2000:]}"
        return self._check(place, before, after_restart=True)

    def _check(self, place: Place, before: Before, after_restart: bool) -> str:
        if differ := differences(self.reference, place):
            return f"other bytes in {differ}"
        return remade(place, before) if after_restart else remade_while_running(place, before)


def look(place: Place) -> Before:
    """What is stored now."""
    events = len(read_events(place.events)) if place.events.is_file() else 0
    found = {}
    for key, path in place.manifests().items():
        status = path.stat()
        found[key] = (status.st_ino, status.st_mtime_ns)
    return Before(found, place.partials(), len(place.log()), events)


def remade_while_running(place: Place, before: Before, least: int = 0) -> str:
    """What was made twice by a run that lost a worker on its way; empty if nothing."""
    now = look(place).manifests
    changed = [key[:12] for key, status in before.manifests.items() if now.get(key) != status]
    made = [str(event["key"]) for event in place.log() if event["event"] == "end" and event.get("done", True)]
    twice = sorted({key[:12] for key in made if made.count(key) > 1})
    problem = f"artifacts changed: {changed}; made twice: {twice}" if changed or twice else ""
    saves: dict[str, int] = {}
    for event in read_events(place.events)[before.events :] if place.events.is_file() else []:
        found = re.search(r"/partial/([^/]+)/step-(\d+)$", event.path)
        if found and event.kind == "rename":
            saves.setdefault(found[1], int(found[2]))
    for key, step in before.partials.items():
        if key not in before.manifests and key in saves and saves[key] < step + least:
            problem += f" {key[:12]}: step {step} was kept, and the next save was of step {saves[key]}"
    return problem.strip()


def remade(place: Place, before: Before) -> str:
    """What a run made again, or trained again, that there was when it was started; empty if nothing."""
    again = [
        event["title"]
        for event in place.log()[before.lines :]
        if event["event"] == "end" and event.get("done", True) and event["key"] in before.manifests
    ]
    problem = f"made again: {again} " if again else ""
    return problem + remade_while_running(place, before, least=1)
