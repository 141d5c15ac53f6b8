"""The card of a data set of verified problems: a README.md as the Hugging Face hub reads it.

Everything in it is a fact that is handed in, or is worked out of one; nothing is looked up, and what was not measured
is not spoken of. The front matter is what the hub's viewer and search go by. Nothing is uploaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from assay.corpus.synthesis.decontamination import Comparison
from assay.corpus.synthesis.layouts import LAYOUTS, write
from assay.corpus.synthesis.measure.measures import Measures
from assay.corpus.synthesis.record import Record
from assay.corpus.synthesis.verification.yields import Yield
from assay.errors import InputError, StepError
from assay.files import write_whole

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_HUB_LICENCES = {"CC0-1.0": "cc0-1.0", "MIT": "mit", "Apache-2.0": "apache-2.0", "BSD-3-Clause": "bsd-3-clause"} | {
    f"CC-BY-{version}": f"cc-by-{version}" for version in ("3.0", "4.0")
}
_STAGES = {
    "syntax": "is no Python",
    "modules": "uses a module that is not allowed",
    "types": "does not agree with its annotations",
    "run": "does not run to its end within the limits, or gives nearly always the same",
    "deterministic": "gives other results under another hash seed",
    "tests": "fails its own tests",
    "properties": "has a property that does not hold on every input",
    "mutants": "has tests that wrong versions pass",
    "duplicate": "is too like one that was kept",
    "overlap": "is too like a problem of a benchmark",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where problems come from, and under which licence they stand."""

    maker: str
    source: str
    """A package and version, a model, the project itself."""
    licence: str
    """SPDX identifier."""
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What a card tells."""

    title: str
    summary: str
    """A paragraph: what the data set is."""
    origins: Sequence[Origin]
    yields: Mapping[str, Yield]
    """By maker."""
    surplus: Mapping[str, int] = field(default_factory=dict)
    """By maker, how many were kept and are not in the data set, because fewer were asked for."""
    files: Mapping[str, Mapping[str, str]]
    """Configuration to split to the files of it, relative to the card, with ``*`` allowed; the first is the default."""
    command: str
    """What makes the same bytes again."""
    version: str
    """Of the program that made them."""
    seed: int
    measures: Measures
    comparison: Comparison | None = None
    """With the benchmarks; None: they were not compared."""
    examples: Sequence[Record]
    """Shown as they are, each in the next layout in turn."""
    limits: Sequence[str]
    """What is known to be wrong or missing, a sentence each."""
    verified: Sequence[str]
    """What is true of every record, a sentence each."""


def write_card(folder: Path, about: CardFacts) -> str:
    """Write ``README.md`` into a folder and return its text; the same facts give the same bytes.

    Raises:
        InputError: There is no origin or no file, or the counts contradict each other.
        StepError: The disk is full or cannot be written.
    """
    _check(about)
    text = f"---\n{_front(about)}---\n\n{_body(about)}"
    try:
        write_whole(folder / "README.md", text)
    except OSError as error:
        raise StepError(f"cannot write {folder / 'README.md'}: {error.strerror or error}") from error
    return text


def _check(about: CardFacts) -> None:
    if not about.origins or not about.files:
        raise InputError("a card needs at least one origin, with a licence, and one file of records")
    for maker, one in about.yields.items():
        unknown = [stage for stage in one.refused if stage not in _STAGES]
        if unknown:
            raise InputError(f"'{unknown[0]}' is no stage of verification; those are {', '.join(_STAGES)}")
        if one.kept < 0:
            raise InputError(f"of the maker '{maker}' more problems were refused than made: {one.made} made")
        told = sum(origin.records for origin in about.origins if origin.maker == maker)
        kept = one.kept - about.surplus.get(maker, 0)
        if told != kept:
            raise InputError(f"of the maker '{maker}' {kept} problems were kept, and its origins hold {told}")


def _front(about: CardFacts) -> str:
    records = sum(origin.records for origin in about.origins)
    licences = list(dict.fromkeys(_HUB_LICENCES.get(origin.licence, "other") for origin in about.origins))
    configs = [
        {
            "config_name": name,
            **({"default": True} if number == 0 else {}),
            "data_files": [{"split": split, "path": path} for split, path in splits.items()],
        }
        for number, (name, splits) in enumerate(about.files.items())
    ]
    front = {
        "pretty_name": about.title,
        "license": licences[0] if len(licences) == 1 else licences,
        "language": ["en", "code"],
        "task_categories": ["text-generation"],
        "size_categories": [next((name for most, name in _SIZES if records < most), "10M<n<100M")],
        "tags": ["code", "python", "synthetic", "verified"],
        "configs": configs,
    }
    return yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=100)


def _body(about: CardFacts) -> str:
    records = sum(origin.records for origin in about.origins)
    sections = [
        f"# {about.title}\n\n{about.summary}",
        f"{records:,} records; written as documents they are {about.measures.documents:,} documents and "
        f"{about.measures.bytes:,} bytes."
        if about.measures.records == records
        else f"{records:,} records, of which {about.measures.records:,} were measured.",
        "## How it was made\n\n" + _table(("Maker", "Source", "Licence", "Records"), _origin_rows(about)),
        "## How it was verified\n\nOf every record this is true:\n\n" + _listed(about.verified),
        "### Yield\n\n" + _table(("Problems", *about.yields), _yield_rows(about)),
        "## Measures\n\n" + _table(("Measure", "Value"), _measure_rows(about.measures)),
        "### Difficulty\n\n" + _table(("Feature", "Mean", "10 %", "Median", "90 %"), _difficulty_rows(about.measures)),
        "### Diversity\n\n" + _diversity(about.measures),
        *_overlap(about.comparison),
        *_examples(about.examples),
        f"## Making the same bytes again\n\nWith version {about.version} and seed {about.seed}:\n\n"
        f"```sh\n{about.command.strip()}\n```",
        "## Known limits\n\n" + _listed(about.limits) if about.limits else "",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _origin_rows(about: CardFacts) -> list[tuple[str, ...]]:
    return [(one.maker, one.source, one.licence, f"{one.records:,}") for one in about.origins]


def _yield_rows(about: CardFacts) -> list[tuple[str, ...]]:
    yields = about.yields.values()
    rows = [("made", *(f"{one.made:,}" for one in yields))]
    for stage, meaning in _STAGES.items():
        if any(stage in one.refused for one in yields):
            lost = (sum(one.refused.get(stage, {}).values()) for one in yields)
            rows.append((f"refused: {meaning}", *(f"{count:,}" for count in lost)))
    rows.append(("kept", *(f"{one.kept:,} ({_percent(one.share)})" for one in yields)))
    if any(about.surplus.values()):
        here = (f"{one.kept - about.surplus.get(maker, 0):,}" for maker, one in about.yields.items())
        rows.append(("of these in the data set, as many as were asked for", *here))
    return rows


def _measure_rows(measures: Measures) -> list[tuple[str, ...]]:
    told = measures.teaching
    return [
        ("groups of variants", f"{measures.groups:,}"),
        ("documents with an earlier near duplicate (Jaccard ≥ 0.8, 5 words)", _percent(measures.near_duplicate_rate)),
        ("wrong versions that the tests caught", _percent(measures.mutants_killed)),
        ("records of depth 3 or more", _percent(measures.depth_3_share)),
        ("documents with a doctest", _percent(told.with_doctest)),
        ("words of a statement, mean", f"{told.statement_words:.1f}"),
        ("statements that speak of every parameter", _percent(told.names_every_parameter)),
        ("properties of a record, mean", f"{told.properties:.1f}"),
    ]


def _difficulty_rows(measures: Measures) -> list[tuple[str, ...]]:
    return [
        (name, f"{one.mean:.1f}", f"{one.low:g}", f"{one.median:g}", f"{one.high:g}")
        for name, one in measures.difficulty.items()
    ]


def _diversity(measures: Measures) -> str:
    first = next(iter(measures.diversity.values()))
    head = ("Corpus", "Vocabulary", *(f"Distinct {n}-grams" for n in (1, 2, 3, 4)), "zlib", "Openings, bits")
    rows = [
        (name, f"{one.vocabulary:,}", *map(_percent, one.distinct), f"{one.compression:.2f}", f"{one.opening_bits:.2f}")
        for name, one in measures.diversity.items()
    ]
    about = f"Each over {first.words:,} words, and over the openings of {first.openings:,} documents."
    return f"{about}\n\n{_table(head, rows)}"


def _overlap(told: Comparison | None) -> list[str]:
    if told is None:
        return []
    before, after = told.before, told.after

    def row(name: str, count: str) -> tuple[str, ...]:
        return (name, *(f"{getattr(one, count):,}" for one in (before, after)))

    rows = [
        row("looked at", "records"),
        row("that hold an item of any benchmark", "index"),
        row("that share a run of 13 words with HumanEval or MBPP", "words"),
        row("with a function of nearly the form of a solution there", "alike"),
        row("of equal form", "same"),
    ]
    gone = before.records - after.records
    left_out = f"{gone:,} of them overlap and were left out" if gone else "None of them overlaps, so none was left out"
    found = [one for one in told.suites if one.found]
    text = (
        f"### Overlap with benchmarks\n\n{before.records:,} records were looked at in every layout, "
        f"{told.documents:,} documents. {left_out}.\n\n{_table(('Records', 'Before', 'After'), rows)}\n\n"
        f"Runs of words, and of Python tokens with names exchanged, were looked up in an index of "
        f"{sum(one.indexed for one in told.suites):,} items of {len(told.suites)} benchmarks: "
        f"{', '.join(one.benchmark for one in told.suites)}. A record holds an item if it has four fifths of the runs "
        "of its question or solution, of two of its answers, or of one long answer. "
    )
    if found:
        names = ("Benchmark", "Items", "Items of which a record has a run", "Such records", "Records left out for it")
        counts = [
            (one.benchmark, *(f"{n:,}" for n in (one.items, one.found, one.records_found, one.records_dropped)))
            for one in found
        ]
        text += f"Only of items of these was any run found:\n\n{_table(names, counts)}"
    else:
        text += "Of no item was any run found."
    if after.nearest:
        pairs = [(f"`{one}`", item, f"{value:.2f}") for one, item, value in after.nearest[:5]]
        text += "\n\nThe nearest to HumanEval and MBPP that are left, by the form of their code (from 0.9 on a record "
        text += f"is left out):\n\n{_table(('Record', 'Item', 'Similarity'), pairs)}"
    return [text]


def _examples(examples: Sequence[Record]) -> list[str]:
    if not examples:
        return []
    shown = []
    for number, record in enumerate(examples):
        layout = LAYOUTS[number % len(LAYOUTS)]
        text = write(record, layout)
        fence = "`" * max(4, 1 + max((len(run) for run in _runs(text)), default=0))
        shown.append(f"### `{record.problem.id}`, {layout}\n\n{fence}text\n{text}{fence}")
    head = (
        "## Layouts\n\nA record is written in one of four layouts: a module with doctests (`docstring`), cells of a "
        "notebook (`notebook`), a question with its answer (`question`), tests and then what they test (`tests`)."
    )
    return [head, *shown]


def _runs(text: str) -> list[str]:
    """Rows of backticks in a text."""
    return "".join(char if char == "`" else " " for char in text).split()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "None."
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _listed(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {one}" for one in sentences)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
