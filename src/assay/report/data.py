"""What an ingredient is, as data: how much, of what, under which licences, what was dropped and why, and examples.

Read from the artifact alone. `data_table` prints it; `assay data show --json` gives it as it is.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from assay.corpus.near import s_curve, sketch
from assay.corpus.recipe import Recipe
from assay.run.step import Step
from assay.run.store import Store
from assay.tokens.shard import SHARD

SIMILARITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SAMPLED = 200
"""Files of code whose signals are averaged."""
EXCERPT = 400
"""Characters of an example."""
ONLY_SHOWN = 3
"""Examples of what only one of two ingredients has."""


def ingredient_facts(
    recipe: Recipe,
    step: Step,
    tokens: Step | None,
    store: Store,
    examples: int = 0,
    seed: int = 0,
    dropped: str | None = None,
) -> dict[str, Any]:
    """Everything there is to say of an ingredient that was made.

    Args:
        recipe: Where it is declared.
        step: What made it.
        tokens: What tokenised it; None: no tokens are counted.
        store: Where it is.
        examples: How many documents are drawn at random.
        seed: Of the draw.
        dropped: Draw them from what was dropped for this reason instead of from the training documents.

    Returns:
        ``summary.json`` of the ingredient (see `corpus.build`), and ``corpus``, ``key``, ``compared_with``,
        ``decontaminate`` (whether it was compared with benchmarks), ``s_curve``
        of the near duplicates, ``found`` (matches with benchmarks), ``tokens`` or None, ``signals`` of code
        (see `code_quality.signals`) or None, ``examples``.
    """
    folder = store.open("ingredient", step.key)
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    counted: dict[str, Any] | None = None
    if tokens is not None:
        about = json.loads(store.file("tokens", tokens.key, SHARD).read_text(encoding="utf-8"))
        labels = [
            {"kind": kind, "language": language, **entry}
            for (kind, language), entry in zip(about["labels"], about["by_label"], strict=True)
        ]
        counted = {"tokens": about["tokens"], "bytes": about["bytes"], "by_label": labels}
    file = folder / ("train.parquet" if dropped is None else "dropped.parquet")
    return {
        "corpus": recipe.name,
        "key": step.key,
        **summary,
        "ingredient": step.place["name"],
        "compared_with": list(recipe.compared_with(step.place["name"])),
        "decontaminate": recipe.decontaminate,
        "s_curve": [[similarity, round(chance, 4)] for similarity, chance in s_curve(SIMILARITIES)],
        "found": pq.read_table(folder / "found.parquet").to_pylist(),
        "tokens": counted,
        "signals": _signals(folder / "train.parquet", seed),
        "examples": _drawn(file, examples, seed, dropped),
    }


def _signals(train: Path, seed: int) -> dict[str, Any] | None:
    """Means over files of code and markup drawn at random, and how many have which role; None without such files."""
    from assay.corpus.code_quality import role, signals

    kinds = pq.read_table(train, columns=["kind"])["kind"].to_pylist()
    files = [place for place, kind in enumerate(kinds) if kind in ("code", "markup")]
    if not files:
        return None
    chosen = sorted(random.Random(seed).sample(files, min(SAMPLED, len(files))))
    rows = pq.read_table(train).take(chosen).to_pylist()
    found = [signals(row["text"], row["path"], row["language"]) for row in rows]
    means: dict[str, float | None] = {}
    for name in found[0]:
        values = [float(value) for one in found if (value := one[name]) is not None]
        means[name] = round(sum(values) / len(values), 4) if values else None
    roles = Counter(role(row["path"], row["text"]) for row in rows)
    return {"files": len(rows), "means": means, "roles": dict(sorted(roles.items()))}


def _drawn(file: Path, wanted: int, seed: int, reason: str | None) -> list[dict[str, Any]]:
    """Rows of a file drawn at random, their texts cut short."""
    if not wanted:
        return []
    found = pq.read_table(file, columns=["reason"])["reason"].to_pylist() if reason is not None else None
    places = (
        range(pq.read_metadata(file).num_rows) if found is None else [i for i, one in enumerate(found) if one == reason]
    )
    chosen = random.Random(seed).sample(places, min(wanted, len(places)))
    return [{**row, "text": row["text"][:EXCERPT], "characters": len(row["text"])} for row in _rows(file, chosen)]


def _rows(file: Path, places: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Rows of a file in its order; only the row groups that hold them are read, one at a time."""
    wanted = sorted(places)
    with pq.ParquetFile(file) as opened:
        begin = 0
        for number in range(opened.num_row_groups):
            end = begin + opened.metadata.row_group(number).num_rows
            here = [place - begin for place in wanted if begin <= place < end]
            if here:
                yield from opened.read_row_group(number).take(here).to_pylist()
            begin = end


def difference(a: Path, b: Path) -> dict[str, Any]:
    """What two ingredients have in common, document by document, white space aside.

    Args:
        a: Folder of one.
        b: Folder of the other.

    Returns:
        ``both``, ``a``, ``b`` (only there): ``documents``, ``bytes`` and ``by`` source and language; of the last two
        also ``near`` (those of which the other has a near double) and ``examples``; ``dropped`` by reason,
        (documents in a, in b).
    """
    known = {folder: _hashes(folder) for folder in (a, b)}
    told: dict[str, Any] = {"both": _empty(), "a": _empty(), "b": _empty()}
    for name, folder, other in (("a", a, b), ("b", b, a)):
        contents, bands = known[other]
        for batch in _documents(folder):
            sketches = sketch([row["text"] for row in batch])
            same = np.isin(sketches.content, contents)
            near = np.any([np.isin(sketches.bands[:, band], bands[band]) for band in range(len(bands))], axis=0)
            for row, is_same, is_near in zip(batch, same.tolist(), near.tolist(), strict=True):
                if is_same and name == "b":
                    continue
                _count(told["both" if is_same else name], row, is_near and not is_same)
    lost = [json.loads((folder / "summary.json").read_text(encoding="utf-8"))["dropped"] for folder in (a, b)]
    reasons = sorted(set(lost[0]) | set(lost[1]))
    told["dropped"] = {reason: [one.get(reason, {}).get("documents", 0) for one in lost] for reason in reasons}
    return told


def _hashes(folder: Path) -> tuple[np.ndarray[Any, np.dtype[np.uint64]], np.ndarray[Any, np.dtype[np.uint64]]]:
    from assay.corpus.near import Seen

    seen = Seen.load(folder)
    return seen.content, seen.bands


def _documents(folder: Path) -> Iterator[list[dict[str, Any]]]:
    for name in ("train.parquet", "heldout.parquet"):
        with pq.ParquetFile(folder / name) as file:
            for batch in file.iter_batches(batch_size=1024, columns=["source", "path", "language", "text"]):
                yield batch.to_pylist()


def _empty() -> dict[str, Any]:
    return {"documents": 0, "bytes": 0, "near": 0, "by": {"source": {}, "language": {}}, "examples": []}


def _count(entry: dict[str, Any], row: Mapping[str, Any], near: bool) -> None:
    size = len(row["text"].encode())
    entry["documents"] += 1
    entry["bytes"] += size
    entry["near"] += near
    for key, values in entry["by"].items():
        pair = values.setdefault(row[key], {"documents": 0, "bytes": 0})
        pair["documents"] += 1
        pair["bytes"] += size
    if len(entry["examples"]) < ONLY_SHOWN:
        entry["examples"].append({"source": row["source"], "path": row["path"], "text": row["text"][:EXCERPT]})
