"""All measures of a file of records and of the documents that are written from it, beside those of other corpora.

A million records are measured by the first so many of them: what is measured is a rate, and pairs grow with the square.
Overlap with the benchmarks is counted over all that are read, before and after those that overlap are left out.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.corpus.contamination.index import Index
from assay.corpus.synthesis.layouts import LAYOUTS, Layout, documents
from assay.corpus.synthesis.measure.difficulty import Spread, share_of_depth, spreads
from assay.corpus.synthesis.measure.diversity import Diversity, count_words, diversity
from assay.corpus.synthesis.measure.duplicates import near_duplicate_rate
from assay.corpus.synthesis.measure.overlap import Benchmarks, Overlap, count, judge
from assay.corpus.synthesis.measure.teaching import Teaching, teaching
from assay.corpus.synthesis.record import read_records
from assay.errors import InputError

OWN = "these records"
"""Name of the documents' own corpus among those of `Measures.diversity`."""
WORDS = 500_000
"""Most words over which diversity is measured."""
OPENINGS = 1000
"""Most documents whose openings are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Of some records, their documents, and the corpora beside them."""

    records: int
    documents: int
    bytes: int
    """Of UTF-8 in the documents."""
    groups: int
    """Different groups: of composed records, operation graphs."""
    near_duplicate_rate: float
    """Share of the documents with an earlier one at a Jaccard similarity of 0.8 or more on 5-word shingles."""
    mutants_killed: float
    """Share of the wrong versions of the solutions that the tests told from them."""
    depth_3_share: float
    """Share of the records with a depth of 3 or more."""
    difficulty: Mapping[str, Spread]
    diversity: Mapping[str, Diversity]
    """By corpus, each over as many words and openings as the smallest has."""
    teaching: Teaching
    overlap: Overlap | None
    """With HumanEval and MBPP; None where they were not given."""
    overlap_after: Overlap | None
    """The same without the records that overlap."""

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


def measure(
    records_path: Path,
    others: Mapping[str, Sequence[str]],
    *,
    shares: Mapping[Layout, float] | None = None,
    seed: int = 1,
    most: int | None = None,
    benchmarks: Benchmarks | None = None,
    index: Index | None = None,
) -> Measures:
    """Measure a file of records.

    Args:
        records_path: As `record.write_records` leaves it.
        others: Name of a corpus to its documents, whose diversity is measured beside that of the records.
        shares: Of the layouts that the documents are drawn in; None: equal.
        seed: Of that draw.
        most: Read only so many records; None: all.
        benchmarks: HumanEval and MBPP, from `overlap.load_benchmarks`; None: overlap is not measured.
        index: The corpus plane's index of all benchmarks, whose rule is then applied too.

    Raises:
        InputError: The file holds no record, or a corpus beside it no word.
    """
    records = list(itertools.islice(read_records(records_path), most))
    if not records:
        raise InputError(f"{records_path} holds no record to measure")
    made = list(documents(records, shares or dict.fromkeys(LAYOUTS, 1.0), "synthetic", seed))
    texts = [document.text for document in made]
    corpora = {OWN: texts, **others}
    sizes = {name: count_words(corpus) for name, corpus in corpora.items()}
    for name, size in sizes.items():
        if not size:
            raise InputError(f"the corpus '{name}' has no word to compare with")
    words = min(WORDS, *sizes.values())
    openings = min(OPENINGS, *(len(corpus) for corpus in corpora.values()))
    judged = judge(records, made, benchmarks, index) if benchmarks is not None else None
    return Measures(
        records=len(records),
        documents=len(made),
        bytes=sum(len(text.encode()) for text in texts),
        groups=len({record.problem.group for record in records}),
        near_duplicate_rate=near_duplicate_rate(texts),
        mutants_killed=sum(one.killed for one in records) / max(1, sum(one.mutants for one in records)),
        depth_3_share=share_of_depth(records, 3),
        difficulty=spreads(records),
        diversity={name: diversity(corpus, words, openings) for name, corpus in corpora.items()},
        teaching=teaching(records, texts),
        overlap=None if judged is None else count(judged),
        overlap_after=None if judged is None else count(one for one in judged if not one.overlaps),
    )
