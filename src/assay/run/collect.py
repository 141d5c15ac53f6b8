"""Clearing the store: what no named study and no named run folder needs, found first and deleted only when told.

What a study needs are the exact keys of its whole graph under this machine's numerics. What a run folder, an evaluation
or a folder of win rates needs is what its log names, its checkpoints, a run's states on its arms' paths, what was found
out about all these, and what they were made from. A kill leaves every artifact whole or absent: on a disk they are
first moved out of the way by renames; on an object store manifests go first, then the content that none names any more.
There no lock keeps other machines off; that is left to who gives the order. Compiled kernels stay: they are small and
belong to no study.
"""

import contextlib
import fcntl
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from assay.errors import InputError, StepError
from assay.files import flush, refused
from assay.run.evaluation_folder import ABOUT, evaluated_keys
from assay.run.graph import Graph
from assay.run.identity import key_of
from assay.run.judging import ABOUT as WIN_RATES
from assay.run.judging import judged_keys
from assay.run.lineage import Record, record_of, record_of_step, steps_of
from assay.run.past_run import final_states, logged_keys, read_run, states_of
from assay.run.remote import RemoteStore
from assay.run.store import Store

MEASURED = {"scores", "verdicts", "harness", "replies", "judgements"}
"""Kinds of what was found out about checkpoints."""
JUDGED = ("", "judge")
"""Where a folder may hold win rates: itself, or below."""


@dataclass(frozen=True, slots=True)
class Held:
    """Something that the store holds."""

    kind: str
    """``partial`` for the work of a step that was never finished, ``content`` for a blob that no manifest names."""
    key: str
    title: str
    bytes: int
    """Of its files, as its manifest says. Content that artifacts of an object store share counts once, for one that
    stays if there is one: these are the bytes that would go."""
    time: float
    """When it was made, in seconds since 1970; 0 if that is not known."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """What could go, oldest first, and what stays."""

    free: tuple[Held, ...]
    kept: tuple[Held, ...]
    elsewhere: int
    """How many of ``free`` are steps of the named studies made under other numerics."""
    unguarded: bool
    """Whether other machines may use the store, which no lock keeps off."""


@contextlib.contextmanager
def alone(store: Store) -> Iterator[None]:
    """Hold a store against every other process, an object store against those that share its cache folder.

    Raises:
        StepError: Another process uses it.
    """
    path = store.root / "locks" / "store"
    try:
        handle = path.open("a")
    except OSError as problem:
        raise (refused(problem, store.root) or problem) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StepError(f"the store {store.address} is in use by {_users(path)}; wait until that ends") from None
        yield


def find_garbage(store: Store, graphs: Iterable[Graph], runs: Iterable[Path]) -> Garbage:
    """What neither the studies nor the run folders need.

    Args:
        store: The store, held `alone`.
        graphs: Of the studies whose artifacts are kept.
        runs: Folders of runs, evaluations and win rates whose artifacts are kept, whatever numerics they were made
            under.

    Raises:
        InputError: A folder is none of these.
        StepError: An object store cannot be reached.
    """
    remote = store if isinstance(store, RemoteStore) else None
    loose = remote.loose() if remote else {}
    known: dict[str, Record] = {}
    records = [record_of(store, kind, key, known) for kind, key in store.artifacts()]
    planned: dict[str, Record] = {}
    for graph in graphs:
        for step in steps_of(graph).values():
            record_of_step(step, planned)
    needed = set(planned) | {record.key for record in records if record.kind == "calibration"}
    for run in runs:
        needed |= _needed_by_run(run, records, known)
    free: list[Held] = []
    kept: list[Held] = []
    counted: set[str] = set()
    for record in sorted(records, key=lambda record: (record.key not in needed, _time(record), record.name)):
        files = {
            entry["sha256"] if remote else f"{record.key}/{name}": entry.get("bytes", 0)
            for name, entry in record.files.items()
        }
        size = sum(amount for content, amount in files.items() if content not in counted)
        counted |= set(files)
        held = Held(record.kind, record.key, record.title, size, _time(record))
        (kept if record.key in needed else free).append(held)
    present = {record.key for record in records}
    for key, (size, time) in (remote.partials() if remote else _partials(store)).items():
        title = planned[key].title if key in planned else "unfinished work"
        (kept if key in needed - present else free).append(Held("partial", key, title, size, time))
    for path, (size, time) in loose.items():
        free.append(Held("content", path.rpartition("/")[2], "content that no artifact names", size, time))
    digests: dict[str, str] = {}
    wanted = {_without_numerics(record, digests) for record in planned.values()}
    gone = {one.key for one in free}
    here = [record.numerics for record in planned.values()]
    others = [record for record in records if record.key in gone and record.numerics not in here]
    elsewhere = sum(_without_numerics(record, digests) in wanted for record in others)
    oldest = sorted(free, key=lambda one: (one.time, one.kind, one.key))
    return Garbage(tuple(oldest), tuple(kept), elsewhere, remote is not None)


def collect(store: Store, garbage: Garbage) -> None:
    """Delete what was found. Only while the store is held `alone`, and an object store while nobody else uses it.

    Raises:
        StepError: The disk or the object store would not have it.
    """
    try:
        if isinstance(store, RemoteStore):
            _remove(store, garbage)
        else:
            _move_aside(store, garbage)
        for left in (store.root / "staging").iterdir():  # also what a killed try left
            shutil.rmtree(left)
    except OSError as problem:
        raise StepError(
            f"not all could be deleted: {problem}. What is left of the store is whole; run the same command again"
        ) from None


def _remove(store: RemoteStore, garbage: Garbage) -> None:
    for one in garbage.free:
        if one.kind == "partial":
            store.drop_partial(one.key)
        elif one.kind != "content":
            store.remove(one.kind, one.key)
    store.sweep()


def _move_aside(store: Store, garbage: Garbage) -> None:
    with store.staging() as aside:
        parents = set()
        for one in garbage.free:
            folder = store.partial(one.key) if one.kind == "partial" else store.place(one.kind, one.key)
            if folder.exists():
                folder.rename(aside / f"{one.kind}-{one.key}")
                parents.add(folder.parent)
            (store.root / "locks" / one.key).unlink(missing_ok=True)
        for parent in parents:
            flush(parent)
        flush(aside)


def _needed_by_run(folder: Path, records: list[Record], known: dict[str, Record]) -> set[str]:
    judged = [folder / name for name in JUDGED if (folder / name / WIN_RATES).is_file()]
    named = logged_keys(folder).union(*(judged_keys(one) | logged_keys(one) for one in judged))
    if (folder / ABOUT).is_file():
        named |= evaluated_keys(folder)
    elif not (folder / "plan.json").is_file():
        if not judged:
            raise InputError(
                f"{folder} has none of plan.json, {ABOUT} and {WIN_RATES}: it is no run folder, no finished evaluation "
                "and holds no finished win rates"
            )
    else:
        named |= set(final_states(folder).values()) | {one.key for one, _, _ in states_of(read_run(folder), records)}
    needed: set[str] = set()
    measured = [one for one in records if one.kind in MEASURED and one.inputs and _checkpoints(one) <= named]
    waiting = measured + [known[key] for key in named if key in known]
    while waiting:
        record = waiting.pop()
        if record.key not in needed:
            needed.add(record.key)
            waiting += record.inputs.values()
    return needed | named


def _checkpoints(record: Record) -> set[str]:
    """Keys of what scores, answers, verdicts or judgements are of; of what a file answers, its own."""
    if record.kind == "judgements":
        return _checkpoints(record.inputs["a"]) | _checkpoints(record.inputs["b"])
    state = record.inputs.get("answers", record).inputs.get("state")
    return {record.key if state is None else state.key}


def _without_numerics(record: Record, digests: dict[str, str]) -> str:
    """An identity that is equal for the same step under any numerics."""
    if record.key not in digests:
        recipe = {name: value for name, value in record.recipe.items() if name != "precision"}
        inputs = {name: _without_numerics(need, digests) for name, need in record.inputs.items()}
        digests[record.key] = key_of([record.kind, recipe, inputs])
    return digests[record.key]


def _partials(store: Store) -> dict[str, tuple[int, float]]:
    """As `RemoteStore.partials`, of a store in a folder."""
    folders = (store.root / "partial").iterdir()
    return {
        folder.name: (sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()), folder.stat().st_mtime)
        for folder in folders
    }


def _time(record: Record) -> float:
    try:
        return datetime.fromisoformat(record.made["time"]).timestamp()
    except (KeyError, ValueError):
        return 0.0


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
