"""datatrove 0.10 at the stages that Assay is timed at; runs in an interpreter of its own and imports nothing of ours.

``python _datatrove.py whole|stages FOLDER OUT TOKENIZER`` reads a folder's JSON lines and leaves ``OUT/report.json``.
Two tasks, two workers, the library's own defaults but for what would slow it down for nothing here: no compression
between stages, no shuffle of tokens, the last filter feeds the tokenizer without a file in between. Its C4 filter cuts
lines out of the documents that it keeps; here they stay whole, so that the later stages have the same text as ours.
"""

import json
import multiprocessing
import os
import struct
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

RANKS = 2
QUALITY = {
    "gopher_quality_filter": "GopherQualityFilter",
    "gopher_repetition_filter": "GopherRepetitionFilter",
    "fineweb_quality_filter": "FineWebQualityFilter",
    "c4_filters": "C4QualityFilter",
}
END = "<|end|>"


def _found(module: str, name: str) -> Any:
    return getattr(import_module(f"datatrove.{module}"), name)


def _filters() -> list[Any]:
    """The four filters in the order of our rules."""
    made = [_found(f"pipeline.filters.{module}", name) for module, name in QUALITY.items()]
    made[-1] = type("WholeC4", (made[-1],), {"filter": _whole(made[-1].filter)})
    return [one() for one in made]


def _whole(judge: Callable[..., Any]) -> Callable[..., Any]:
    """A filter's verdict without its changes to the document."""

    def verdict(self: Any, document: Any) -> Any:
        text = document.text
        try:
            return judge(self, document)
        finally:
            document.text = text

    return verdict


def _reader(folder: Path) -> Any:
    return _found("pipeline.readers", "JsonlReader")(str(folder))


def _tokenizer(out: Path, tokenizer: Path) -> Any:
    """Writes the ids as they come; given no file name it takes one that a rank decides."""
    return _found("pipeline.tokens", "DocumentTokenizer")(
        str(out / "tokens"), str(tokenizer), eos_token=END, shuffle_documents=False
    )


def whole(folder: Path, out: Path, tokenizer: Path) -> dict[str, float]:
    """From JSON lines to tokens, stage by stage with files in between, as its examples do."""
    executor = _found("executor", "LocalPipelineExecutor")
    dedup = "pipeline.dedup"
    clean, signatures, pairs, doubles = (str(out / name) for name in ("clean", "signatures", "pairs", "doubles"))
    writer = _found("pipeline.writers", "JsonlWriter")(clean, compression=None)
    stages = {
        "quality": ([_reader(folder), *_filters(), writer], RANKS),
        "signatures": ([_reader(Path(clean)), _found(dedup, "MinhashDedupSignature")(signatures)], RANKS),
        "buckets": ([_found(dedup, "MinhashDedupBuckets")(signatures, pairs)], 14),
        "cluster": ([_found(dedup, "MinhashDedupCluster")(pairs, doubles)], 1),
        "tokens": (
            [_reader(Path(clean)), _found(dedup, "MinhashDedupFilter")(doubles), _tokenizer(out, tokenizer)],
            RANKS,
        ),
    }
    for name, (pipeline, tasks) in stages.items():
        executor(pipeline, tasks=tasks, workers=min(tasks, RANKS), logging_dir=str(out / "logs" / name)).run()
    lines = sum(path.read_bytes().count(b"\n") for path in Path(clean).iterdir())
    indices = list((out / "tokens").glob("*.index"))
    ends = [path.read_bytes() for path in indices]
    return {
        "clean": float(lines),
        "kept": float(sum(len(data) // 8 for data in ends)),
        "tokens": float(sum(struct.unpack("<Q", data[-8:])[0] for data in ends if data)),
    }


def stages(folder: Path, out: Path, tokenizer: Path) -> dict[str, float]:
    """Seconds of each stage by itself: two processes, documents in memory, from a common start to the last end."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(RANKS), context.SimpleQueue()
    processes = [
        context.Process(target=_rank, args=(rank, folder, out, tokenizer, barrier, answers)) for rank in range(RANKS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a process of datatrove's stages failed")
    seconds: dict[str, float] = answers.get()
    return seconds


def _rank(rank: int, folder: Path, out: Path, tokenizer: Path, barrier: Any, answers: Any) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    dedup = "pipeline.dedup"
    document = _found("data", "Document")
    signatures, pairs, doubles = (str(out / name) for name in ("signatures", "pairs", "doubles"))
    filters = _filters()
    sign = _found(dedup, "MinhashDedupSignature")(signatures)
    for one in filters:
        one.filter(document(text="Warm.", id="warm"))
    sign.word_tokenizer.word_tokenize("Warm.")
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], object]) -> None:
        barrier.wait()
        begin = time.perf_counter()
        work()
        barrier.wait()
        seconds[name] = time.perf_counter() - begin

    documents: list[Any] = []
    timed("read", lambda: documents.extend(_reader(folder).run(None, rank, RANKS)))

    def judge() -> None:
        passed: Iterable[Any] = documents
        for one in filters:
            passed = one.run(passed, rank, RANKS)
        for _ in passed:
            pass

    timed("quality", judge)

    def find() -> None:
        sign.run(iter(documents), rank, RANKS)
        barrier.wait()
        for bucket in range(rank, 14, RANKS):
            _found(dedup, "MinhashDedupBuckets")(signatures, pairs).run(None, bucket, 14)
        barrier.wait()
        if rank == 0:
            _found(dedup, "MinhashDedupCluster")(pairs, doubles).run(None, 0, 1)
        barrier.wait()
        for _ in _found(dedup, "MinhashDedupFilter")(doubles).run(iter(documents), rank, RANKS):
            pass

    timed("minhash", find)
    timed("tokenise", lambda: _tokenizer(out, tokenizer).run(iter(documents), rank, RANKS))
    if rank == 0:
        answers.put(seconds)


def main() -> None:
    """Run what the arguments say."""
    what, folder, out, tokenizer = sys.argv[1], *map(Path, sys.argv[2:5])
    report = (whole if what == "whole" else stages)(folder, out, tokenizer)
    (out / "report.json").write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
