"""A folder of verified problems, as it is published: records, what was refused, how many of each, and how it was made.

Pieces are put together in order and nothing is stated twice: of problems with the same words and the same solution the
first stays. What a reader of the folder needs to make it again is in ``synth.json``. The files of a folder are written
aside and take their places together; a folder whose problems were made otherwise is not written over.
"""

import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.corpus.document import DOCUMENTS
from assay.corpus.synthesis.layouts import LAYOUTS, documents
from assay.corpus.synthesis.record import (
    RECORDS as RECORD_ROWS,
)
from assay.corpus.synthesis.record import (
    Record,
    Refused,
    as_row,
    read_records,
    read_refused,
    write_records,
    write_refused,
    write_rows,
)
from assay.corpus.synthesis.verification.yields import Yield
from assay.errors import InputError, StepError, nearest
from assay.files import ASIDE, as_json
from assay.files import refused as refused_by_disk

RECORDS, REFUSED, ABOUT = "records.parquet", "refused.parquet", "synth.json"
REPEATED = "says and solves the same as an earlier one"
_AMOUNTS = frozenset({"records", "questions", "repairs", "version"})
"""Of what was wished, what may differ when a folder is written anew: more of the same problems, or as many."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A folder of problems."""

    folder: Path
    about: Mapping[str, Any]
    """What ``synth.json`` holds: ``maker``, ``asked`` (what was wished), ``made`` (candidates), ``refused`` by stage
    and reason, ``records`` (those in the folder), ``repeated``, ``tiers``, ``version``; once it was compared with the
    benchmarks ``overlap``, see `decontamination.Comparison`."""

    @property
    def surplus(self) -> int:
        """Problems that were proved and are not in the folder, because fewer were asked for."""
        proved = Yield(self.about["made"], self.about["refused"]).kept
        return int(proved - self.about["repeated"] - self.about["records"])

    def records(self) -> Iterator[Record]:
        """In order."""
        return read_records(self.folder / RECORDS)

    def refused(self) -> Iterator[Refused]:
        """In order."""
        return read_refused(self.folder / REFUSED)


def open_collection(folder: Path) -> Collection:
    """A folder that `write_collection` wrote.

    Raises:
        InputError: It is none, or not whole.
    """
    if not (folder / ABOUT).is_file() or not (folder / RECORDS).is_file():
        raise InputError(f"{folder} holds no verified problems; `assay synth composed --out {folder}` makes some")
    again = f"the command that made {folder} writes it anew"
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        rows, told = pq.read_metadata(folder / RECORDS).num_rows, about["records"]
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise InputError(f"{folder} holds problems that cannot be read ({problem}); {again}") from None
    if rows != told:
        raise InputError(f"{folder / RECORDS} has {rows:,} problems where {ABOUT} says {told:,}; {again}")
    return Collection(folder, about)


def prepare_folder(out: Path, maker: str, asked: Mapping[str, Any]) -> None:
    """Make a folder for problems, before any is made.

    Raises:
        InputError: It is a file, or holds problems of another maker, seed or model, which would be lost.
        StepError: It cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"--out {out}: a folder is wanted, and a file is in its place") from None
    except OSError as problem:
        raise refused_by_disk(problem, out) or StepError(f"cannot make the folder {out}: {problem.strerror}") from None
    try:
        held = json.loads((out / ABOUT).read_text(encoding="utf-8"))
        differs = [] if held["maker"] == maker else [("maker", held["maker"])]
        differs = differs or [(k, v) for k, v in held["asked"].items() if k not in _AMOUNTS and asked.get(k) != v]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return  # nothing there that could be lost
    if differs:
        name, value = differs[0]
        wanted = maker if name == "maker" else asked.get(name)
        told, wanted = (f"of {name} {one}" if one or one == 0 else f"without {name}" for one in (value, wanted))
        raise InputError(f"{out} holds problems {told}, not {wanted}; name another folder, or remove that one")


def count_records(pieces: Iterable[Path]) -> int:
    """Records in the folders of some pieces, repeated ones too."""
    return sum(pq.read_metadata(piece / RECORDS).num_rows for piece in pieces)


def write_collection(
    out: Path, pieces: Sequence[Path], wanted: int | None, maker: str, asked: Mapping[str, Any]
) -> Collection:
    """Put the pieces that a store holds together in a folder.

    Args:
        out: Written anew; made if it is not there.
        pieces: Folders of the pieces, in order.
        wanted: Records at most; None: all.
        maker: Who made them.
        asked: What was wished, to be written down.
    """
    counted, tiers = Yield(), set()
    for piece in pieces:
        told = json.loads((piece / "yield.json").read_text(encoding="utf-8"))
        tiers.add(told["tier"])
        counted += Yield(told["made"], told["refused"])
    return _write(
        out,
        (record for piece in pieces for record in read_records(piece / RECORDS)),
        (one for piece in pieces for one in read_refused(piece / REFUSED)),
        wanted,
        {"maker": maker, "asked": dict(asked), "tiers": sorted(tiers), **_counts(counted)},
    )


def write_made(
    out: Path,
    records: Iterable[Record],
    refused: Iterable[Refused],
    maker: str,
    asked: Mapping[str, Any],
    tier: str,
) -> Collection:
    """Write records that are in memory, and what was refused beside them, as a folder."""
    records, refused = list(records), list(refused)
    counts = _counts(Yield.of([*records, *refused]))
    return _write(out, records, refused, None, {"maker": maker, "asked": dict(asked), "tiers": [tier], **counts})


def _counts(counted: Yield) -> dict[str, Any]:
    return {"made": counted.made, "refused": counted.refused}


def _write(
    out: Path, records: Iterable[Record], refused: Iterable[Refused], wanted: int | None, about: Mapping[str, Any]
) -> Collection:
    out.mkdir(parents=True, exist_ok=True)
    taken = _Taken(wanted)
    with _replacing(out) as aside:
        write_records(aside / RECORDS, taken.first(records))
        write_refused(aside / REFUSED, itertools.chain(refused, taken.repeated))
        whole = {**about, "records": taken.count, "repeated": len(taken.repeated), "version": metadata.version("assay")}
        (aside / ABOUT).write_text(as_json(whole), encoding="utf-8")
    return Collection(out, whole)


def without(collection: Collection, refused: Callable[[Record], Refused | None], more: Mapping[str, Any]) -> Collection:
    """Refuse some of a folder's records after all.

    Args:
        collection: Its files are replaced.
        refused: What becomes of a record; None: it stays.
        more: Added to what ``synth.json`` holds.

    Raises:
        StepError: The disk is full or cannot be written.
    """
    gone: list[Refused] = []

    def staying() -> Iterator[Record]:
        for record in collection.records():
            if (one := refused(record)) is None:
                yield record
            else:
                gone.append(one)

    with _replacing(collection.folder) as aside:
        count = write_records(aside / RECORDS, staying())
        write_refused(aside / REFUSED, itertools.chain(collection.refused(), gone))
        counted = Yield(0, dict(collection.about["refused"])) + Yield.of(gone)
        whole = {**collection.about, "refused": counted.refused, "records": count, **more}
        (aside / ABOUT).write_text(as_json(whole), encoding="utf-8")
    return Collection(collection.folder, whole)


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """A folder aside whose three files take their places in ``out`` at the end, or go after a fault."""
    aside: Path | None = None
    try:
        aside = Path(tempfile.mkdtemp(dir=out, prefix=ASIDE))
        yield aside
        for name in (RECORDS, REFUSED, ABOUT):
            (aside / name).rename(out / name)
    except OSError as problem:
        raise refused_by_disk(problem, out) or problem from None
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def export_collection(collection: Collection, to: Path, layout: str | None, seed: int) -> int:
    """Write all records to one file; returns how many rows.

    Args:
        collection: What is written.
        to: A ``.parquet`` or ``.jsonl`` file.
        layout: As documents in this layout, or in ``all`` of them, a share each; None: the records themselves.
        seed: Decides which record gets which layout.

    Raises:
        InputError: Another ending, or a layout that is not there.
    """
    if to.suffix not in {".parquet", ".jsonl"}:
        raise InputError(f"{to.name}: problems are written to a .parquet or a .jsonl file")
    if layout is None:
        return _export(to, (as_row(record) for record in collection.records()), RECORD_ROWS)
    if layout != "all" and layout not in LAYOUTS:
        raise InputError(f"there is no layout '{layout}'{nearest(layout, [*LAYOUTS, 'all'])}")
    shares = {one: 1.0 for one in LAYOUTS if layout in {"all", one}}
    made = documents(collection.records(), shares, "synthetic", seed)
    return _export(to, (asdict(document) for document in made), DOCUMENTS)


def _export(to: Path, rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> int:
    aside = to.with_name(to.name + ".part")
    count = 0
    try:
        if to.suffix == ".jsonl":
            with aside.open("w", encoding="utf-8") as file:
                for row in rows:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    count += 1
        else:
            count = write_rows(aside, rows, schema)
        aside.rename(to)
    except OSError as problem:
        raise StepError(f"cannot write {to}: {problem.strerror or problem}") from None
    finally:
        aside.unlink(missing_ok=True)
    return count


class _Taken:
    """Records as they are written, without those that repeat one."""

    def __init__(self, wanted: int | None) -> None:
        self.wanted, self.count = wanted, 0
        self.repeated: list[Refused] = []
        self._seen: set[tuple[str, str]] = set()

    def first(self, records: Iterable[Record]) -> Iterator[Record]:
        for record in records:
            if self.wanted is not None and self.count >= self.wanted:
                return
            problem = record.problem
            said = problem.statement, problem.solution
            if said in self._seen:
                text = f"{problem.statement}\n\n{problem.solution}"
                self.repeated.append(
                    Refused(id=problem.id, maker=problem.maker, stage="duplicate", why=REPEATED, text=text)
                )
                continue
            self._seen.add(said)
            self.count += 1
            yield record
