"""What else may happen to a study: a full disk, a clock that jumps, a store that cannot be written, damage, SIGTERM.

Each case runs the program, does the harm, looks at what is said, and has the program finish with the undisturbed
results. Small disks and read-only stores need the right to mount; without it those cases are skipped, and say so.
"""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from _kill_moments import look, remade
from _kill_points import read_orders, users
from _kill_record import Record
from kill_study import DATA, Place, differences, link_objects

DAY = 86_400
TERM_SECONDS = 10.0
LEAST_DISK = 64 << 10


class Skipped(Exception):
    """A case that cannot be tried here."""


def can_mount(folder: Path) -> bool:
    """Whether this process may mount a file system."""
    folder.mkdir(parents=True, exist_ok=True)
    if not shutil.which("mount"):
        return False
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=False, capture_output=True).returncode:
        return False
    subprocess.run(["umount", folder], check=True)
    return True


def fill_disk(reference: Place, library: Path, folder: Path, record: Record, chance: random.Random) -> None:
    """One study on a disk that is too small by a random amount, until one was met that it does not fit on."""
    disk = folder / "disk"
    if not can_mount(disk):
        raise Skipped("a small disk needs the right to mount one")
    need = sum(path.lstat().st_blocks * 512 for top in (reference.store, reference.out) for path in top.rglob("*"))
    while True:
        size = chance.randrange(LEAST_DISK, need)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
        try:
            problem = _on_disk(reference, library, disk, folder)
        finally:
            subprocess.run(["umount", disk], check=True)
        if problem is not None:
            record.disk(size, problem)
            return


def _on_disk(reference: Place, library: Path, disk: Path, folder: Path) -> str | None:
    place = replace(reference.elsewhere(disk), words=folder / "disk-said")
    watched = {**place.watched(library), "ASSAY_SAVE_SECONDS": "0"}
    code, said = place.run("--workers", "2", **watched)
    if code == 0:
        return None
    problem = ""
    if code != 1:
        problem += f" exit code {code} instead of 1;"
    if "Traceback" in said:
        problem += " a traceback;"
    if not re.search(r"disk that holds .* is full", " ".join(said.split())):
        problem += " it is not said which disk is full;"
    if problem:
        problem += f" it said: {said[-1500:]}"
    before = look(place)
    subprocess.run(["mount", "-o", "remount,size=4G", disk], check=True)
    code, said = place.run("--workers", "2", **watched)
    if code:
        return f"{problem} with room: exit code {code}: {said[-1500:]}"
    differ = differences(reference, place)
    return (problem + (f" other bytes in {differ}" if differ else "") + remade(place, before)).strip()


class Cases:
    """The other cases, by name."""

    def __init__(self, reference: Place, library: Path, folder: Path) -> None:
        self.reference = reference
        self.library = library
        self.folder = folder

    def all(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """(name, what tries it and returns what went wrong)."""
        for first, then in ((0, 400), (0, -400), (400, 0)):
            yield f"clock {first:+d} then {then:+d} days", partial(self.clock, first, then)
        for stored in ("nothing", "the corpus", "everything"):
            yield f"read-only store that holds {stored}", partial(self.read_only, stored)
        for kind in [*DATA, "state", "scores"]:
            for harm in (truncate, flip):
                yield f"{kind}, {harm.__name__}", partial(self.damage, kind, harm)
        for harm in (truncate, flip, empty):
            yield f"partial save, {harm.__name__}", partial(self.damaged_partial, harm)
        for whom in ("main", "group"):
            yield f"SIGTERM to the {whom}", partial(self.terminate, whom)

    def clock(self, first: int, then: int) -> str:
        """Kill a run under one clock in the midst of training and finish it under another."""
        place = self._fresh("clock", DATA)
        shim = {**place.watched(self.library), "ASSAY_SAVE_SECONDS": "0"}
        running = place.start("--workers", "2", **shim, KILL_CLOCK=str(first * DAY))
        self._until_saved(place, running)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        before = look(place)
        code, said = place.run("--workers", "2", **shim, KILL_CLOCK=str(then * DAY))
        if code:
            return f"exit code {code}: {said[-1500:]}"
        return remade(place, before) or self._differ(place)

    def read_only(self, stored: str) -> str:
        """Run with a store that is mounted read-only."""
        if not can_mount(self.folder / "mount") or not shutil.which("unshare"):
            raise Skipped("a read-only store needs the right to mount one")
        held: dict[str, Sequence[str] | None] = {"nothing": (), "the corpus": DATA, "everything": None}
        place = self._fresh("read-only", held[stored])
        place.store.mkdir(exist_ok=True)
        mount = shutil.which("mount")
        command = f'{mount} --bind $0 $0 && {mount} -o remount,bind,ro $0 && exec "$@"'
        with place.said_in.open("w") as said:
            code = subprocess.run(
                [
                    str(shutil.which("unshare")),
                    "-m",
                    "/bin/sh",
                    "-c",
                    command,
                    place.store,
                    *place.command("--workers", "2"),
                ],
                cwd=place.folder,
                env=place.variables(),
                stdout=subprocess.DEVNULL,
                stderr=said,
                check=False,
                timeout=300,
            ).returncode
        told = place.said()
        if code == 0 and stored == "everything":
            return self._differ(place)
        if code != 1 or "Traceback" in told or not re.search(r"cannot be written|read-only|Read-only", told):
            return f"exit code {code}: {told[-1500:]}"
        code, told = place.run("--workers", "2")
        return f"with a store that can be written: exit code {code}: {told[-1500:]}" if code else self._differ(place)

    def damage(self, kind: str, harm: Callable[[Path], None]) -> str:
        """Damage an artifact that the rest of the study needs; it must be found out, said, and made anew."""
        place = self._fresh("damage", None)
        orders = read_orders(self.reference, place.store)
        made = {order.key: order for order in orders if order.kind == kind}
        victim = max(made.values(), key=lambda order: len({user.key for user in users(orders, order.key)}))
        for key, other in {user.key: user.kind for user in users(orders, victim.key)}.items():
            shutil.rmtree(place.store / "objects" / other / key)
        artifact = place.store / "objects" / kind / victim.key
        files = [path for path in artifact.rglob("*") if path.is_file() and path.name != "manifest.json"]
        harm(max(files, key=lambda path: path.stat().st_size))
        code, said = place.run("--workers", "2")
        told = said + "".join(json.dumps(event) for event in place.log())
        problem = "" if "damaged" in told else "it was not said that anything is damaged; "
        runs = 1
        while code == 1 and "run the same command again" in " ".join(said.split()) and runs < 4:
            code, said = place.run("--workers", "2")
            runs += 1
        if runs > 1:
            problem += f"the same command had to be given {runs} times; "
        if code:
            return f"{problem}exit code {code}: {said[-1500:]}"
        ours, theirs = (json.loads(one.manifests()[victim.key].read_text()) for one in (place, self.reference))
        if ours["files"] != theirs["files"]:
            problem += "it was made anew with other bytes; "
        return problem + self._differ(place)

    def damaged_partial(self, harm: Callable[[Path], None]) -> str:
        """Damage the last save of a half-trained segment: the study must end with the same results all the same."""
        place = self._fresh("partial", DATA)
        running = place.start("--workers", "2", ASSAY_SAVE_SECONDS="0")
        self._until_saved(place, running)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        for path in place.store.glob("partial/*/step-*/state.safetensors"):
            harm(path)
        code, said = place.run("--workers", "2")
        return f"exit code {code}: {said[-1500:]}" if code else self._differ(place)

    def terminate(self, whom: str) -> str:
        """SIGTERM in the midst of training: a checkpoint within 10 s, and the next run goes on from it."""
        long = self._fresh("term", DATA).called("long.yaml")
        undisturbed = self._long_reference()
        watched = long.watched(self.library)
        running = long.start("--workers", "2", **watched, ASSAY_SAVE_SECONDS="1000")
        self._until(running, lambda: len(training(long)) == 2, "two segments being trained")
        time.sleep(1)
        begin = time.monotonic()
        under_way = training(long)
        os.kill(running.pid, signal.SIGTERM) if whom == "main" else os.killpg(running.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(timeout=3 * TERM_SECONDS)
        took = time.monotonic() - begin
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            return f"it had not ended {took:.0f} s after SIGTERM"
        said = long.said()
        problem = f"it took {took:.1f} s; " if took > TERM_SECONDS else ""
        if running.returncode != 143 or "stopped" not in said or "Traceback" in said:
            problem += f"exit code {running.returncode}, said: {said[-1000:]!r}; "
        before = look(long)
        if lost := [key[:12] for key in under_way if key not in before.partials and key not in before.manifests]:
            problem += f"no checkpoint of {lost}; "
        code, said = long.run("--workers", "2", **watched, ASSAY_SAVE_SECONDS="0.5")
        if code:
            return f"{problem}the next run: exit code {code}: {said[-1500:]}"
        return problem + remade(long, before) + differences(undisturbed, long)

    def _long_reference(self) -> Place:
        place = self.reference.elsewhere(self.folder / "long-reference").called("long.yaml")
        if not (place.out / "done.json").is_file():
            shutil.rmtree(place.out.parent)
            place = self.reference.elsewhere(self.folder / "long-reference").called("long.yaml")
            link_objects(self.reference.store, place.store, DATA)
            code, said = place.run("--workers", "2")
            if code:
                raise RuntimeError(f"the undisturbed run of long.yaml failed:\n{said}")
        return place

    def _fresh(self, name: str, kinds: Sequence[str] | None) -> Place:
        shutil.rmtree(self.folder / name, ignore_errors=True)
        place = self.reference.elsewhere(self.folder / name)
        if kinds is None or kinds:
            copied = place.out.parent / "copied"
            link_objects(self.reference.store, copied, kinds)
            shutil.copytree(copied, place.store)  # bytes of its own, as they will be damaged
            shutil.rmtree(copied)
        return place

    def _differ(self, place: Place) -> str:
        found = differences(self.reference, place)
        return f"other bytes in {found}" if found else ""

    def _until_saved(self, place: Place, running: "subprocess.Popen[str]") -> None:
        self._until(running, lambda: any(step >= 3 for step in place.partials().values()), "a save of training")

    def _until(self, running: "subprocess.Popen[str]", met: Callable[[], bool], what: str) -> None:
        try:
            while not met():
                if running.poll() is not None:
                    raise RuntimeError(f"the run ended with code {running.returncode} before there was {what}")
                time.sleep(0.02)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            raise


def training(place: Place) -> set[Any]:
    """Keys of the segments whose training has told of progress and has not ended."""
    told = place.log()
    ended = {event.get("key") for event in told if event["event"] in {"end", "lost"}}
    begun = {event.get("key") for event in told if event["event"] == "progress" and event["kind"] == "state"}
    return begun - ended


def truncate(path: Path) -> None:
    """Cut a file in half."""
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Change one bit in a file's middle."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))


def empty(path: Path) -> None:
    """Leave a file without its content, as a machine that lost its power may."""
    path.write_bytes(b"")
