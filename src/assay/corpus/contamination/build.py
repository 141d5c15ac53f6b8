"""Making the index of all known benchmarks from the wheels that hold them.

Runs of 13 words (`words`) and of 20 Python tokens (`python_tokens`) point to the pieces of items that have them. A run
that more than ``MOST_ITEMS`` items of one benchmark have is the wording of its examiners and is left out. The same
wheels give the same bytes with one version of Python, whose Unicode says what a letter is.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from assay.corpus import versions
from assay.corpus.contamination import python_tokens, words
from assay.corpus.contamination.benchmarks import BENCHMARKS, Benchmark, Part, read_items
from assay.corpus.contamination.table import Table, distinct, distinct_pairs
from assay.errors import StepError

MOST_ITEMS = 5
"""Items of one benchmark that may share a run; "which of the following is the most likely cause of this patient's
condition" is in 19 of MedQA. Up to five are one text in several items, such as HellaSwag's of one video."""

_PARTS: tuple[Part, ...] = get_args(Part)


def build_index(wheels: Mapping[str, Path], out: Path) -> None:
    """Write the index of every benchmark into the folder ``out``: arrays (``.npy``) and ``about.json``.

    Args:
        wheels: Path of each of ``benchmarks.PACKAGES_READ``.
        out: An existing folder.

    Raises:
        StepError: A wheel is missing, cannot be read, or is another one.
    """
    characters = words.character_table()
    items, parts, sizes, about = [np.empty(0, np.int32)], [np.empty(0, np.uint8)], [np.empty(0, np.int32)], []
    tables: dict[str, list[tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.uint64]]]] = {
        name: [(np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0, np.uint64))] for name in ("words", "code")
    }
    first_item = first_piece = 0
    for benchmark in BENCHMARKS:
        if benchmark.wheel not in wheels:
            raise StepError(f"{benchmark.name} is in the package '{benchmark.wheel}', and it was not given")
        files, pieces = _pieces(benchmark, wheels[benchmark.wheel])
        item_of = np.array([item for item, _, _ in pieces], np.int32)
        size = np.zeros(len(pieces), np.int32)
        for name in ("words", "code"):
            chosen = [number for number, piece in enumerate(pieces) if (piece[1] == "solution") == (name == "code")]
            texts = [pieces[number][2] for number in chosen]
            found = words.runs_of(texts, characters) if name == "words" else python_tokens.runs_of(texts)
            owner, hashes, beginnings = np.array(chosen, np.int32)[found[0]], found[1], found[2]
            particular = _particular(hashes, item_of[owner])
            owner, hashes, beginnings = owner[particular], hashes[particular], beginnings[particular]
            size += np.bincount(distinct_pairs(hashes, owner)[1], minlength=len(pieces)).astype(np.int32)
            tables[name].append((hashes, owner + np.int32(first_piece), beginnings))
        indexed = len(np.unique(item_of[size > 0]))
        count = sum(files.values())
        about.append(
            {
                "benchmark": benchmark.name,
                "files": files,
                "items": count,
                "indexed": indexed,
                "too_short": count - indexed,
                "solutions": sum(part == "solution" for _, part, _ in pieces),
                "solutions_indexed": sum(part == "solution" and bool(size[n]) for n, (_, part, _) in enumerate(pieces)),
            }
        )
        items.append(item_of + np.int32(first_item))
        parts.append(np.array([_PARTS.index(part) for _, part, _ in pieces], np.uint8))
        sizes.append(size)
        first_item, first_piece = first_item + count, first_piece + len(pieces)
    for name, rows in tables.items():
        hashes, owners, beginnings = (np.concatenate(column) for column in zip(*rows, strict=True))
        Table.of(hashes, owners, beginnings).save(out, name)
    for name, array in (("items", items), ("parts", parts), ("sizes", sizes), ("characters", [characters])):
        np.save(out / f"{name}.npy", np.concatenate(array), allow_pickle=False)
    rules = {"words": [words.SHORTEST, words.LONGEST, words.DISTINCT], "items": MOST_ITEMS}
    rules["tokens"] = [python_tokens.SHORTEST, python_tokens.LONGEST]
    text = json.dumps({"version": versions.BENCHMARKS, "rules": rules, "benchmarks": about}, indent=1)
    (out / "about.json").write_text(text + "\n", encoding="utf-8")


def _pieces(benchmark: Benchmark, wheel: Path) -> tuple[dict[str, int], list[tuple[int, Part, str]]]:
    """Items of each file, and (item, part, text) of every text once; equal texts belong to the first item."""
    files: dict[str, int] = {}
    pieces: dict[tuple[Part, str], int] = {}
    first = 0
    for label in benchmark.files:
        rows = read_items(benchmark, label, wheel)
        for number, row in enumerate(rows, start=first):
            for piece in row:
                pieces.setdefault(piece, number)
        files[label] = len(rows)
        first += len(rows)
    return files, [(number, part, text) for (part, text), number in pieces.items()]


def _particular(hashes: NDArray[np.uint64], items: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of the hashes are had by at most ``MOST_ITEMS`` items."""
    values, had_by = distinct(distinct_pairs(hashes, items)[0])
    return ~np.isin(hashes, values[had_by > MOST_ITEMS])
