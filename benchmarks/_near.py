"""Near duplicates measured: recall on planted ones, every pair of a sample by exact Jaccard, and datatrove's verdicts.

Similarities come from sets of strings, not from the hashes under test. Edits are drawn with a fixed seed.
"""

import json
import random
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.corpus.near import find, s_curve, sketch

WORDS = 5
LONG = 60
"""Words of the shortest document that is edited: at 1 % most shorter ones would stay as they are."""

_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of a text by another rule than the one under test: the same for ASCII, nearly for the rest."""
    return _WORD.findall(text.lower())


def shingle_set(text: str) -> set[tuple[str, ...]]:
    """Its runs of five words."""
    found = words(text)
    if len(found) < WORDS:
        return {tuple(found)} - {()}
    return set(zip(*(found[start:] for start in range(WORDS)), strict=False))


def jaccard(left: str, right: str) -> float:
    """Exact similarity of two texts' sets of shingles."""
    one, other = shingle_set(left), shingle_set(right)
    return len(one & other) / max(1, len(one | other))


def _words_changed(rate: float) -> Callable[[str, random.Random], str]:
    def edit(text: str, chance: random.Random) -> str:
        pool = words(text)

        def change(found: re.Match[str]) -> str:
            if chance.random() >= rate:
                return found[0]
            return chance.choice(["", f"{found[0]} {chance.choice(pool)}", f"{chance.choice(pool)}x"])

        return _WORD.sub(change, text)

    return edit


def _header_changed(text: str, chance: random.Random) -> str:
    years = f"Copyright {chance.randrange(1990, 2030)} The {chance.choice(words(text))} authors. Version "
    return f"# {years}{chance.randrange(9)}.{chance.randrange(99)}\n# See the file LICENSE for details.\n{text}"


def _reordered(text: str, chance: random.Random) -> str:
    parts = re.split(r"(?<=[.:;])\s+|\n", text)
    for _ in range(max(1, len(parts) // 50)):
        one, other = chance.randrange(len(parts)), chance.randrange(len(parts))
        parts[one], parts[other] = parts[other], parts[one]
    return "\n".join(parts)


def _truncated(text: str, chance: random.Random) -> str:
    return text[: int(len(text) * chance.uniform(0.85, 0.98))]


EDITS: dict[str, Callable[[str, random.Random], str]] = {
    "words_1": _words_changed(0.01),
    "words_2": _words_changed(0.02),
    "words_5": _words_changed(0.05),
    "words_10": _words_changed(0.10),
    "words_20": _words_changed(0.20),
    "header": _header_changed,
    "reordered": _reordered,
    "truncated": _truncated,
}
"""Ways to make a near duplicate: words deleted, added or replaced at a rate in percent, a header, lines moved, an end
cut off."""


def planted(documents: Sequence[str], seed: int = 0) -> list[tuple[str, str, str]]:
    """(edit, original, near duplicate): each document that is long enough, edited in every way."""
    chance = random.Random(seed)
    long = [text for text in documents if len(words(text)) >= LONG]
    return [(name, text, edit(text, chance)) for text in long for name, edit in EDITS.items()]


def collide(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether two rows of bands share one, bool [rows]."""
    found: NDArray[np.bool_] = ((one == other) & (one != 0)).any(axis=1)
    return found


def recall(documents: Sequence[str]) -> dict[str, float]:
    """Plant near duplicates and look for them.

    Returns:
        ``planted_at_0.8`` and ``recall_at_0.8``: pairs of exact similarity 0.8 or more, and the share found;
        ``found_below_0.5``: share found of the pairs below 0.5; and for each edit the mean similarity, the share
        found and the share that the S-curve foretells for these similarities.
    """
    pairs = planted(documents)
    similarity = np.array([jaccard(text, copy) for _, text, copy in pairs])
    found = collide(sketch([text for _, text, _ in pairs]).bands, sketch([copy for _, _, copy in pairs]).bands)
    expected = np.array([chance for _, chance in s_curve(similarity)])
    alike = similarity >= 0.8
    figures = {
        "planted_at_0.8": float(alike.sum()),
        "recall_at_0.8": float(found[alike].mean()),
        "expected_at_0.8": float(expected[alike].mean()),
        "found_below_0.5": float(found[similarity < 0.5].mean()),
        "expected_below_0.5": float(expected[similarity < 0.5].mean()),
    }
    for name in EDITS:
        these = np.array([edit == name for edit, _, _ in pairs])
        figures |= {
            f"{name}_similarity": float(similarity[these].mean()),
            f"{name}_recall": float(found[these].mean()),
            f"{name}_expected": float(expected[these].mean()),
        }
    return figures


def oracle(documents: Sequence[str], sample: int = 2000) -> dict[str, float]:
    """Every pair of a sample by exact Jaccard similarity against the pairs that share a band.

    Args:
        documents: The texts.
        sample: How many of them, drawn at random; the table of pairs holds the square of it at worst.

    Returns:
        ``pairs_S``, ``found_S`` and ``expected_S`` for S = 0.5, 0.6 … 0.9: the pairs of similarity in [S, S + 0.1]
        and the shares that were found and that the S-curve foretells; ``pairs``, ``found``; ``found_pairs_below_0.5``:
        the share of all pairs found whose similarity is less; ``recall_at_0.8``.
    """
    texts = random.Random(0).sample(list(documents), min(sample, len(documents)))
    left, right, similarity = similar_pairs(texts)
    bands = sketch(texts).bands
    found = collide(bands[left], bands[right])
    expected = np.array([chance for _, chance in s_curve(similarity)])
    half = similarity >= 0.5
    figures = {
        "pairs": float(half.sum()),
        "found": float((found & half).sum()),
        "found_pairs_below_0.5": float((found & ~half).sum() / max(1, found.sum())),
        "recall_at_0.8": float(found[similarity >= 0.8].mean()),
    }
    for tenths in range(5, 10):
        here = (similarity >= tenths / 10) & ((similarity < (tenths + 1) / 10) | (tenths == 9))
        if here.any():
            figures |= {
                f"pairs_0.{tenths}": float(here.sum()),
                f"found_0.{tenths}": float(found[here].mean()),
                f"expected_0.{tenths}": float(expected[here].mean()),
            }
    return figures


def similar_pairs(
    texts: Sequence[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """All pairs that have a shingle in common: two indices and the exact similarity."""
    from scipy.sparse import triu

    held, sizes = _incidence(texts)
    common = triu(held @ held.T, k=1).tocoo()
    left, right = common.row.astype(np.int64), common.col.astype(np.int64)
    return left, right, common.data / (sizes[left] + sizes[right] - common.data)


def nearest(texts: Sequence[str], these: NDArray[np.int64]) -> NDArray[np.float64]:
    """The exact similarity of each of these texts to the most similar of those before it, float64 [these]."""
    held, sizes = _incidence(texts)
    common = (held[these] @ held.T).tocoo()
    similarity = common.data / (sizes[these][common.row] + sizes[common.col] - common.data)
    best = np.zeros(len(these))
    before = common.col < these[common.row]
    np.maximum.at(best, common.row[before], similarity[before])
    return best


def _incidence(texts: Sequence[str]) -> tuple[Any, NDArray[np.int64]]:
    """Which text holds which shingle (sparse, a row for each text), and how many each holds."""
    from scipy.sparse import csr_array

    number: dict[tuple[str, ...], int] = {}
    rows = [[number.setdefault(shingle, len(number)) for shingle in shingle_set(text)] for text in texts]
    sizes = np.array([len(row) for row in rows])
    columns = np.array([column for row in rows for column in row], np.int64)
    starts = np.cumsum([0, *sizes])
    return csr_array((np.ones(len(columns), np.int32), columns, starts), (len(texts), max(1, len(number)))), sizes


_DATATROVE = """
import json, pathlib, struct, sys, time
from datatrove.data import Document
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature)
from datatrove.utils.text import TextNormConfig

folder = pathlib.Path(sys.argv[1])
texts = json.loads((folder / "texts.json").read_text())
answer = {}
for name, numbers in (("default", True), ("digits_kept", False)):
    out, config = folder / name, MinhashConfig(norm_config=TextNormConfig(norm_numbers=numbers))
    sign = MinhashDedupSignature(str(out / "signatures"), config)
    sign.word_tokenizer.word_tokenize("warm up")
    started = time.process_time()
    sign.run((Document(text=text, id=str(n)) for n, text in enumerate(texts)), 0, 1)
    signed = time.process_time() - started
    for bucket in range(config.num_buckets):
        MinhashDedupBuckets(str(out / "signatures"), str(out / "pairs"), config=config).run(
            None, bucket, config.num_buckets)
    MinhashDedupCluster(str(out / "pairs"), str(out / "clusters"), config, save_cluster_id=True).run(None, 0, 1)
    file = out / "clusters" / "000000.clusters"
    answer[name] = {
        "clusters": list(struct.iter_unpack("<2I", file.read_bytes())) if file.exists() else [],
        "signature_seconds": signed, "seconds": time.process_time() - started}
(folder / "answer.json").write_text(json.dumps(answer))
"""


def against_datatrove(documents: Sequence[str], datatrove_python: str) -> dict[str, float]:
    """The same documents through datatrove's MinHash, in an interpreter that has it with spaCy.

    datatrove keeps any one document of a cluster and we the first, so the first of its clusters counts as its kept
    one. It is run as it comes, which writes every number as 0, and with digits kept, as we do.

    Returns:
        ``documents``; ``dropped``; for datatrove as it comes (``default_``) and with digits (``digits_kept_``):
        ``dropped``, ``agreement`` (share of documents kept by both or dropped by both), ``only_we``, ``only_they``
        (dropped), ``on_the_slope`` (share of the disagreements whose most similar document before them is between 0.4
        and 0.9, where finding a pair is chance with any hashes); ``mb_per_s`` and ``datatrove_mb_per_s`` of processor
        time, text to signatures.
    """
    import time

    texts = list(documents)
    sketch(texts[:1])
    started = time.process_time()
    sketches = sketch(texts)
    seconds = time.process_time() - started
    dropped = find(sketches.content, sketches.bands, np.ones(len(texts), np.bool_), [])[0] > 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        subprocess.run([datatrove_python, "-c", _DATATROVE, name], check=True, capture_output=True)
        answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    megabytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / 1e6
    figures = {
        "documents": float(len(texts)),
        "dropped": float(dropped.sum()),
        "mb_per_s": megabytes / seconds,
        "datatrove_mb_per_s": megabytes / answer["default"]["signature_seconds"],
    }
    for setting, result in answer.items():
        theirs = np.zeros(len(texts), np.bool_)
        clusters: set[int] = set()
        for document, cluster in sorted(result["clusters"]):
            theirs[document] = cluster in clusters
            clusters.add(cluster)
        figures |= {
            f"{setting}_dropped": float(theirs.sum()),
            f"{setting}_agreement": float((theirs == dropped).mean()),
            f"{setting}_only_we": float((dropped & ~theirs).sum()),
            f"{setting}_only_they": float((theirs & ~dropped).sum()),
        }
        if len(differ := np.flatnonzero(theirs != dropped)):
            similarity = nearest(texts, differ)
            figures[f"{setting}_on_the_slope"] = float(((similarity >= 0.4) & (similarity < 0.9)).mean())
    return figures
