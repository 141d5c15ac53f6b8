"""Clearing the store: what no named study and no named run folder needs, found first and deleted only when told.

What a study needs are the exact keys of its whole graph under this machine's numerics; what a run folder needs is what
its log and item records name, the states on its arms' paths, and all they were made from. Deleting moves artifacts out
of the way by renames, has these written to disk, and only then removes files, so a kill leaves every artifact whole or
absent. Compiled kernels stay: they are small and belong to no study.
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from assay.errors import InputError, StepError
from assay.files import flush
from assay.run.graph import Graph
from assay.run.identity import key_of
from assay.run.lineage import Record, record_of, record_of_step, steps_of
from assay.run.past_run import final_states, logged_keys, read_run, states_of
from assay.run.store import MANIFEST, Store


@dataclass(frozen=True, slots=True)
class Held:
    """Something that the store holds."""

    kind: str
    """``partial`` for the work of a step that was never finished."""
    key: str
    title: str
    bytes: int
    time: float
    """When it was made, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """What could go, oldest first, and what stays."""

    free: tuple[Held, ...]
    kept: tuple[Held, ...]
    elsewhere: int
    """How many of ``free`` are steps of the named studies made under other numerics."""

    @property
    def bytes(self) -> int:
        """What would be freed."""
        return sum(one.bytes for one in self.free)


@contextlib.contextmanager
def alone(store: Store) -> Iterator[None]:
    """Hold a store against every other process.

    Raises:
        InputError: It is not a local folder.
        StepError: Another process uses it.
    """
    if "://" in store.address:
        raise InputError(f"{store.address} is no local folder; clear an object store with its own rules")
    path = store.root / "locks" / "store"
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StepError(f"the store {store.address} is in use by {_users(path)}; wait until that ends") from None
        yield


def find_garbage(store: Store, graphs: Iterable[Graph], runs: Iterable[Path]) -> Garbage:
    """What neither the studies nor the run folders need.

    Args:
        store: A local store, held `alone`.
        graphs: Of the studies whose artifacts are kept.
        runs: Folders whose artifacts are kept, whatever numerics they were made under.

    Raises:
        InputError: A folder is no run folder.
    """
    known: dict[str, Record] = {}
    records = [record_of(store, kind, key, known) for kind, key in store.artifacts()]
    planned: dict[str, Record] = {}
    for graph in graphs:
        for step in steps_of(graph).values():
            record_of_step(step, planned)
    needed = set(planned)
    for run in runs:
        needed |= _needed_by_run(run, records, known)
    free: list[Held] = []
    kept: list[Held] = []
    for record in records:
        place = store.place(record.kind, record.key)
        held = Held(record.kind, record.key, record.title, _bytes(place), _time(record, place))
        (kept if record.key in needed else free).append(held)
    for folder in (store.root / "partial").iterdir():
        title = planned[folder.name].title if folder.name in planned else "unfinished work"
        held = Held("partial", folder.name, title, _bytes(folder), folder.stat().st_mtime)
        (kept if folder.name in needed and folder.name not in known else free).append(held)
    digests: dict[str, str] = {}
    wanted = {_without_numerics(record, digests) for record in planned.values()}
    gone = {one.key for one in free}
    here = [record.numerics for record in planned.values()]
    others = [record for record in records if record.key in gone and record.numerics not in here]
    elsewhere = sum(_without_numerics(record, digests) in wanted for record in others)
    oldest = sorted(free, key=lambda one: (one.time, one.kind, one.key))
    return Garbage(tuple(oldest), tuple(kept), elsewhere)


def collect(store: Store, garbage: Garbage) -> None:
    """Delete what was found. Only while the store is held `alone`.

    Raises:
        StepError: The disk would not have it.
    """
    try:
        with store.staging() as aside:
            parents = set()
            for one in garbage.free:
                folder = store.root / "partial" / one.key if one.kind == "partial" else store.place(one.kind, one.key)
                if folder.exists():
                    folder.rename(aside / f"{one.kind}-{one.key}")
                    parents.add(folder.parent)
                (store.root / "locks" / one.key).unlink(missing_ok=True)
            for parent in parents:
                flush(parent)
            flush(aside)
        for left in (store.root / "staging").iterdir():  # also what a killed try left
            shutil.rmtree(left)
    except OSError as problem:
        raise StepError(
            f"not all could be deleted: {problem}. What is left of the store is whole; run the same command again"
        ) from None


def _needed_by_run(folder: Path, records: list[Record], known: dict[str, Record]) -> set[str]:
    run = read_run(folder)
    named = logged_keys(folder) | set(final_states(folder).values())
    named |= {record.key for record, _, _ in states_of(run, records)}
    needed: set[str] = set()
    scores = [one for one in records if one.kind == "scores" and one.inputs and one.inputs["state"].key in named]
    waiting = scores + [known[key] for key in named if key in known]
    while waiting:
        record = waiting.pop()
        if record.key not in needed:
            needed.add(record.key)
            waiting += record.inputs.values()
    return needed | named


def _without_numerics(record: Record, digests: dict[str, str]) -> str:
    """An identity that is equal for the same step under any numerics."""
    if record.key not in digests:
        recipe = {name: value for name, value in record.recipe.items() if name != "precision"}
        inputs = {name: _without_numerics(need, digests) for name, need in record.inputs.items()}
        digests[record.key] = key_of([record.kind, recipe, inputs])
    return digests[record.key]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _time(record: Record, folder: Path) -> float:
    try:
        return datetime.fromisoformat(record.made["time"]).timestamp()
    except (KeyError, ValueError):
        return (folder / MANIFEST).stat().st_mtime


def _users(path: Path) -> str:
    """The processes that hold a lock on a file, as far as the kernel tells."""
    inode = path.stat().st_ino
    users = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if "FLOCK" in fields and fields[5].rpartition(":")[2] == str(inode) and int(fields[4]) > 0:
                with contextlib.suppress(OSError):
                    command = Path(f"/proc/{fields[4]}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                    users.append(f"process {fields[4]} ({command[:120]})")
    return ", ".join(users) or "another process"
