"""A folder of problems without those that overlap with a benchmark, and the counts before and after.

Every record is looked at in every layout, because it may be written out in any. All benchmarks are looked for with the
corpus plane's index and by its rule, as in an ingredient; HumanEval and MBPP also by the stricter rules of
`measure.overlap`. What overlaps goes from the records to what was refused, with the item that it is too like, so that
it is neither exported nor measured. What shares less with an item stays and is counted.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from assay.corpus.contamination.found import Found
from assay.corpus.contamination.index import Index, report
from assay.corpus.synthesis.collection import Collection, without
from assay.corpus.synthesis.layouts import LAYOUTS, documents
from assay.corpus.synthesis.measure.overlap import Benchmarks, Judged, Overlap, count, judge
from assay.corpus.synthesis.record import Record, Refused

COMPARED = "overlap"
"""Key of `Comparison.as_dict` in ``synth.json``."""
_TOGETHER = 512
"""Records that are looked at in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What was found of one benchmark by the corpus plane's index."""

    benchmark: str
    items: int
    indexed: int
    """Items of which there is anything to find; the others are too short."""
    found: int
    """Items of which a record holds anything."""
    records_found: int
    records_dropped: int
    """By the rule of the corpus plane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The problems of a folder beside all benchmarks."""

    documents: int
    """That were looked at: the records in every layout."""
    before: Overlap
    """Of all records."""
    after: Overlap
    """Without those that were left out."""
    suites: tuple[Suite, ...]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """What `as_dict` gave, after its way through JSON."""
        before, after = (
            Overlap(**{**told[name], "nearest": tuple(map(tuple, told[name]["nearest"]))})
            for name in ("before", "after")
        )
        suites = tuple(Suite(**one) for one in told["suites"])
        return cls(documents=told["documents"], before=before, after=after, suites=suites)

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


def compared(collection: Collection) -> Comparison | None:
    """How a folder was compared; None where it was not, since its problems were last put together."""
    told = collection.about.get(COMPARED)
    return None if told is None else Comparison.of(told)


def decontaminate(
    collection: Collection, benchmarks: Benchmarks, index: Index, listen: Callable[[int], None] = lambda _: None
) -> Collection:
    """Leave out of a folder what overlaps with a benchmark; a folder that was compared stays as it is.

    Args:
        collection: The folder; its files are replaced.
        benchmarks: HumanEval and MBPP, from `measure.overlap.load_benchmarks`.
        index: The corpus plane's index of all benchmarks.
        listen: Told how many records were looked at.

    Returns:
        The folder as it is now.

    Raises:
        StepError: The disk is full or cannot be written.
    """
    if COMPARED in collection.about:
        return collection
    judged: list[Judged] = []
    finds: list[Found] = []
    for records in _batches(collection.records()):
        made = list(documents(records, dict.fromkeys(LAYOUTS, 1.0), "synthetic", 0, every=True))
        for number, one in enumerate(judge(records, made, benchmarks, index), start=len(judged)):
            judged.append(one)
            finds += [replace(found, document=number) for found in one.found or ()]
        listen(len(judged))
    told = Comparison(
        documents=len(judged) * len(LAYOUTS),
        before=count(judged),
        after=count(one for one in judged if not one.overlaps),
        suites=tuple(_suite(row) for row in report(finds, index)),
    )
    reasons = {one.id: _reason(one) for one in judged if one.overlaps}
    return without(collection, lambda record: _refused(record, reasons), {COMPARED: told.as_dict()})


def _batches(records: Iterator[Record]) -> Iterator[Sequence[Record]]:
    while batch := list(itertools.islice(records, _TOGETHER)):
        yield batch


def _suite(row: Mapping[str, Any]) -> Suite:
    return Suite(
        **{name: row[name] for name in ("benchmark", "items", "indexed", "found")},
        records_found=row["documents_found"],
        records_dropped=row["documents_dropped"],
    )


def _reason(one: Judged) -> tuple[str, str]:
    """Why it is left out, so that reasons can be counted, and the particulars."""
    if held := one.held:
        about = f"{held.share:.0%} of the {held.part} of {held.benchmark} {held.item}"
        return f"holds an item of {held.benchmark}", about
    if one.words:
        return f"shares a run of words with an item of {one.words.split()[0]}", one.words
    return f"is coded like a solution of {one.nearest.split()[0]}", f"{one.nearest}, similarity {one.similarity:.2f}"


def _refused(record: Record, reasons: Mapping[str, tuple[str, str]]) -> Refused | None:
    problem = record.problem
    if problem.id not in reasons:
        return None
    why, detail = reasons[problem.id]
    text = f"{problem.statement}\n\n{problem.solution}"
    return Refused(id=problem.id, maker=problem.maker, stage="overlap", why=why, detail=detail, text=text)
