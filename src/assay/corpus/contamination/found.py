"""What was found of a benchmark in a document, which finds drop the document, and the counts of a report."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from assay.corpus.contamination.benchmarks import Part

LEAST_SHARE = 0.8
"""Of the runs of a question, an answer or a solution: from here on the document holds it. At a half, Hamlet was dropped
for two lines that MMLU quotes from it (0.67). Being strict costs little: what stays flags the item."""
LEAST_ANSWER_RUNS = 3
"""Runs of a lone answer that must be found: fifteen words in a row. Shorter ones are also said for themselves ("when
the Moon passes between Earth and the Sun"); two answers of one item are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One item of a benchmark, of which a document holds something."""

    document: int
    """Position of the document among those that were matched."""
    benchmark: str
    item: str
    """The file of the benchmark (``validation``, ``anatomy test``) and the item's number in it, from 0."""
    how: Literal["words", "code"]
    """Runs of words, or tokens of Python with names exchanged."""
    part: Part
    """What of the item was found; where several parts were, the one that says most."""
    runs: int
    """How many different runs of that part the document holds."""
    share: float
    """Of all the runs of that part."""
    answers: int
    """How many of the item's answers the document holds (``LEAST_SHARE`` of their runs)."""
    excerpt: str
    """At most 200 characters of the document, from the first match on, white space normalised."""


@dataclass(frozen=True)
class Matches:
    """What the index knows of some documents."""

    grams_document: NDArray[np.int32]
    """Position of the document in which a run of words was found, ascending; each pair stands once."""
    grams: NDArray[np.uint64]
    """The hash of the run."""
    found: list[Found]
    """Every item, by document, benchmark and number."""


def is_contaminated(found: Found) -> bool:
    """Whether the document is dropped for this.

    It is where it holds (``LEAST_SHARE`` of the runs of) a question, a solution, two answers, or one long answer.
    A passage never drops a document: it was public before the benchmark. Nor does a run or two that a long text shares
    with an item, such as a quotation. What does not drop the document flags the item.
    """
    if found.part == "passage" or found.share < LEAST_SHARE:
        return False
    return found.part != "answer" or found.answers > 1 or found.runs >= LEAST_ANSWER_RUNS


def counts(found: Iterable[Found], benchmarks: Iterable[dict[str, str | int]]) -> list[dict[str, str | int]]:
    """A row a benchmark: what ``benchmarks`` say of it, and ``found`` (items of which anything was found),
    ``leaked`` (items that dropped a document), ``documents_found`` and ``documents_dropped``."""
    rows = []
    finds = list(found)
    for benchmark in benchmarks:
        own = [one for one in finds if one.benchmark == benchmark["benchmark"]]
        bad = [one for one in own if is_contaminated(one)]
        rows.append(
            {
                **benchmark,
                "found": len({one.item for one in own}),
                "leaked": len({one.item for one in bad}),
                "documents_found": len({one.document for one in own}),
                "documents_dropped": len({one.document for one in bad}),
            }
        )
    return rows
