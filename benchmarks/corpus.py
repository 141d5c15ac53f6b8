"""The corpus plane: speed and verdicts beside datatrove 0.10, near duplicates, encoding, memory, the extended recipe.

    python benchmarks/corpus.py [--datatrove PYTHON] [--runs N] [--sizes GB,GB,…] [--every N] [PART …]

``speed`` from JSON lines to tokens on two cores, both programs whole and stage by stage (`_pipeline`); ``verdicts`` of
the published filters on the same documents, real and damaged (`_verdicts`); ``near`` duplicates planted, against exact
Jaccard similarity and against datatrove (`_near`); ``encode`` the whole corpus (`_encoding`); ``memory`` of builds of
1, 3 and 10 GB (`_scaling`: ten to twenty minutes, 25 GB of disk); ``extended`` builds that recipe. Without a part: all.
Documents are those of the ``starter`` recipe, which is built first. Where ``--datatrove`` names no interpreter that
has datatrove and spaCy, a virtual environment is made for the run. Each part replaces its own figures in the record.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _encoding
import _near
import _pipeline
import _scaling
import _verdicts
from _record import parts_parser, update
from assay.corpus.recipe_file import load_recipe
from assay.run.corpus_run import corpus_steps
from assay.run.store import Store, open_store

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "pictures" / "corpus-scaling.png"
INGREDIENTS = ("text", "code", "markup", "notebook", "qa")
PROSE = ("text", "markup", "qa")
"""Whose sources' documents, before any is dropped, are read by both programs: 50 MB."""
ENCODED = ("text", "code", "markup")
TOKENIZER = "starter-8k"
FILES = ("code", "markup", "qa")
"""Where near duplicates are found by nature; of prose hardly any."""
PLANTED, COMPARED = 2000, 4000
"""Documents in which duplicates are planted, and those whose every pair is compared."""
LANGUAGE_BYTES = 1_000_000
"""Of a programming language, to be counted."""
Figures = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Options:
    """Of the command line."""

    datatrove: Callable[[], str]
    """The other interpreter."""
    runs: int
    sizes: tuple[float, ...]
    every: int
    """Of the documents, for a trial that is not recorded; 1: all."""


@dataclass(frozen=True)
class Starter:
    """Documents and tokenizer of the recipe ``starter``."""

    store: Store
    made: Mapping[str, Any]
    tokenizer: Path

    @classmethod
    def build(cls) -> "Starter":
        """Make it with the program, unless it is there; in ``ASSAY_STORE``, or the store of this checkout."""
        store = _store()
        _run("starter", *INGREDIENTS, "--tokenizer", TOKENIZER)
        made, tokens = corpus_steps(load_recipe("starter"), INGREDIENTS, TOKENIZER)
        brought = next(iter(tokens.values())).inputs["tokenizer"]
        return cls(store, made, store.open("tokenizer", brought.key) / "tokenizer.json")

    def read(self, names: Sequence[str]) -> list[str]:
        """Every text that the sources of ingredients were read from, those that were dropped later or at once too."""
        files: dict[Path, None] = {}
        for name in names:
            for key, step in self.made[name].inputs.items():
                if key.startswith("documents:"):
                    folder = self.store.open("documents", step.key)
                    files |= dict.fromkeys((folder / "documents.parquet", folder / "dropped.parquet"))
        return [text for text in _encoding.texts_of(list(files)) if text]

    def files(self, names: Sequence[str]) -> list[Path]:
        """The documents of ingredients, training and held out."""
        folders = [self.store.open("ingredient", self.made[name].key) for name in names]
        return [folder / file for folder in folders for file in ("train.parquet", "heldout.parquet")]


def _store() -> Store:
    os.environ.setdefault("ASSAY_STORE", str(ROOT / ".assay" / "store"))
    return open_store()


def _run(*arguments: str) -> float:
    """Seconds of ``assay data build``."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "assay", "data", "build", *arguments, "--out", out]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return time.monotonic() - begin


def speed(options: Options) -> Figures:
    """MB/s of both, whole and by stage: medians, and what each made of the documents."""
    starter = Starter.build()
    texts = starter.read(PROSE)[:: options.every]
    python = options.datatrove()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        pages, warm = Path(name) / "pages", Path(name) / "warm"
        size = _pipeline.write_documents(texts, pages) / 1e6
        _pipeline.write_documents(texts[:100], warm)
        _pipeline.our_whole(warm, starter.tokenizer)
        ours = [_pipeline.our_whole(pages, starter.tokenizer) for _ in range(max(3, options.runs))]
        our_stages = [_pipeline.our_stages(pages, starter.tokenizer) for _ in range(max(3, options.runs))]
        theirs = [_pipeline.their_whole(pages, starter.tokenizer, python) for _ in range(options.runs)]
        their_stages = [_pipeline.their_stages(pages, starter.tokenizer, python) for _ in range(options.runs)]
    whole, other = _median(ours, "seconds"), _median(theirs, "seconds")
    figures: Figures = {"vs_datatrove_whole": other / whole}
    for stage in _pipeline.STAGES:
        figures[f"vs_datatrove_{stage}"] = _median(their_stages, stage) / _median(our_stages, stage)
    figures |= {"mb_per_s_whole": size / whole, "datatrove_mb_per_s_whole": size / other}
    for stage in _pipeline.STAGES:
        figures[f"mb_per_s_{stage}"] = size / _median(our_stages, stage)
        figures[f"datatrove_mb_per_s_{stage}"] = size / _median(their_stages, stage)
    figures |= {"speed_documents": len(texts), "speed_mb": size}
    for what in ("clean", "kept", "tokens"):
        figures |= {f"speed_{what}": int(ours[0][what]), f"datatrove_speed_{what}": int(theirs[0][what])}
    return figures


def _median(runs: Sequence[Mapping[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def verdicts(options: Options) -> Figures:
    """Share of documents that both programs' filters keep or both drop: prose as it is, and damaged, also joined."""
    texts = Starter.build().read(("text",))[:: options.every]
    python = options.datatrove()
    real = _verdicts.compare(texts, python)
    pages = [*texts, *_verdicts.joined(texts, seed=0)]
    damaged = _verdicts.compare(_verdicts.degraded(pages, seed=0), python)
    counts = [real["documents"], damaged["documents"]]
    figures: Figures = {}
    for rule in _verdicts.FILTERS:
        of = [one["filters"][rule] for one in (real, damaged)]
        mixed = sum(one["agreement"] * count for one, count in zip(of, counts, strict=True)) / sum(counts)
        figures |= {f"agreement_{rule}": mixed, f"agreement_{rule}_real": of[0]["agreement"]}
        figures[f"agreement_{rule}_degraded"] = of[1]["agreement"]
        for what in ("both_drop", "only_we_drop", "only_datatrove_drops"):
            figures[f"{what}_{rule}"] = sum(one[what] for one in of)
        for example in [example for one in of for example in one["examples"]]:
            print(f"{rule}: ours {example['ours']}, datatrove {example['datatrove']}: {example['text']!r}")
    smallest = min(float(figures[f"agreement_{rule}"] or 0) for rule in _verdicts.FILTERS)
    smallest_real = min(one["agreement"] for one in real["filters"].values())
    head = {"filter_agreement": smallest, "filter_agreement_real": smallest_real, "filter_documents": sum(counts)}
    return {**head, **figures}


def near(options: Options) -> Figures:
    """Near duplicates planted, every pair of a sample by exact similarity, and datatrove's verdicts."""
    starter = Starter.build()
    prose, files = (starter.read(names)[:: options.every] for names in (PROSE, FILES))
    everything = [*prose, *files]
    planted = _near.recall(everything[:: max(1, len(everything) // PLANTED)])
    exact = _near.oracle(files, COMPARED)
    other = _near.against_datatrove(prose, options.datatrove())
    return {
        "dedup_recall_planted": planted["recall_at_0.8"],
        "dedup_recall_expected": planted["expected_at_0.8"],
        "dedup_planted": int(planted["planted_at_0.8"]),
        "dedup_found_below_half": planted["found_below_0.5"],
        "dedup_oracle_pairs": int(exact["pairs"]),
        "dedup_oracle_recall": exact["recall_at_0.8"],
        "dedup_oracle_precision": 1 - exact["found_pairs_below_0.5"],
        "dedup_documents": int(other["documents"]),
        "dedup_dropped": int(other["dropped"]),
        "datatrove_dedup_dropped": int(other["digits_kept_dropped"]),
        "dedup_agreement": other["digits_kept_agreement"],
        "dedup_agreement_default": other["default_agreement"],
        "dedup_mb_per_s_core": other["mb_per_s"],
        "datatrove_dedup_mb_per_s_core": other["datatrove_mb_per_s"],
    }


def encode(options: Options) -> Figures:
    """Millions of tokens a second on two cores, and whether every document's ids are the reference's."""
    starter = Starter.build()
    files = starter.files(ENCODED)
    runs = [_encoding.speed(files, starter.tokenizer) for _ in range(max(3, options.runs))]
    documents, wrong = _encoding.differing(files, starter.tokenizer)
    return {
        "encode_mtok_per_s": statistics.median(tokens / seconds / 1e6 for tokens, seconds in runs),
        "encode_ids_identical": wrong == 0,
        "encode_documents": documents,
        "encode_documents_differing": wrong,
        "encode_mtok": runs[0][0] / 1e6,
    }


def memory(options: Options) -> Figures:
    """Resident memory and seconds of builds of growing size, and the picture of them."""
    starter = Starter.build()
    texts = _encoding.texts_of(starter.files(("text",)))
    runs = [_scaling.measure(texts, starter.tokenizer, size) for size in options.sizes]
    if options.every == 1:
        _scaling.draw(runs, PICTURE)
    return dict(_scaling.figures(runs))


def extended(options: Options) -> Figures:
    """What the recipe ``extended`` comes to, and what was dropped for which reason."""
    store = _store()
    _run("extended")
    recipe = load_recipe("extended")
    made, _ = corpus_steps(recipe, (), None)
    sizes: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for name, step in made.items():
        summary = json.loads(store.file("ingredient", step.key, "summary.json").read_text(encoding="utf-8"))
        if recipe.ingredients[name].is_selection:
            continue
        dropped.update({reason: entry["documents"] for reason, entry in summary["dropped"].items()})
        for split in (summary["train"], summary["heldout"]):
            sizes[recipe.kind_of(name)] += split["bytes"]
            if recipe.kind_of(name) == "code":
                languages.update({language: entry["bytes"] for language, entry in split["by"]["language"].items()})
    seconds: Counter[str] = Counter()
    for step in _all_steps(made.values()):
        seconds[step.kind] += store.manifest(step.kind, step.key)["made"]["seconds"]
    figures: Figures = {
        "text_mb": sizes["text"] / 1e6,
        "code_mb": sizes["code"] / 1e6,
        "languages": sum(size >= LANGUAGE_BYTES for size in languages.values()),
        "language_names": ", ".join(name for name, size in languages.most_common() if size >= LANGUAGE_BYTES),
        "extended_download_seconds": seconds.pop("package", 0.0),
        "extended_worker_seconds": float(seconds.total()),
        "extended_dropped": dropped.total(),
    }
    return figures | {f"dropped_{re.sub(r'[^a-z0-9]+', '_', reason.lower())}": dropped[reason] for reason in dropped}


def _all_steps(goals: Any) -> list[Any]:
    """Steps and everything that they need, each once."""
    found: dict[str, Any] = {}
    waiting = list(goals)
    while waiting:
        step = waiting.pop()
        if step.key not in found:
            found[step.key] = step
            waiting += step.inputs.values()
    return list(found.values())


PARTS = {
    "speed": speed,
    "verdicts": verdicts,
    "near": near,
    "encode": encode,
    "memory": memory,
    "extended": extended,
}


def main() -> None:
    """Run the parts that are asked for, and record each."""
    parser = parts_parser(__doc__, PARTS)
    parser.add_argument("--datatrove", metavar="PYTHON", help="an interpreter with datatrove 0.10 and spaCy")
    parser.add_argument("--runs", type=int, default=3, help="of datatrove; ours are three at least")
    parser.add_argument("--sizes", default="1,3,10", help="gigabytes, for memory")
    parser.add_argument("--every", type=int, default=1, help="only every so many-th document: a trial, not recorded")
    given = parser.parse_args()
    with ExitStack() as stack:
        found: list[str] = []

        def datatrove() -> str:
            if not found:
                found.append(stack.enter_context(_pipeline.datatrove_python(given.datatrove)))
            return found[0]

        sizes = tuple(float(size) for size in given.sizes.split(","))
        options = Options(datatrove, given.runs, sizes, given.every)
        for part in given.parts or PARTS:
            figures = PARTS[part](options)
            said = [f"--runs {given.runs}"] if part == "speed" and given.runs != 3 else []
            said += [f"--sizes {given.sizes}"] if part == "memory" and given.sizes != "1,3,10" else []
            update("corpus", part, figures, said, trial=given.every > 1)


if __name__ == "__main__":
    main()
