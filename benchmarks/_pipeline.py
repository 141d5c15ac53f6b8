"""From raw JSON lines to tokens, by Assay and by datatrove: the same documents, rules, shingles and tokenizer.

The whole is each program as its user starts it, from the command to its end: for Assay ``assay data build`` on a recipe
of one source with an empty store, for datatrove a script of its usual blocks (`_datatrove`), imports and spaCy's start
included. The stages are timed apart, documents in memory and code warm, on two processes. Before every whole run the
inputs are dropped from the page cache. Numba's kernels were compiled once before, as on any machine but a new one.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

HERE = Path(__file__).parent
FILES = 8
RANKS = 2
RULES = ("gopher", "gopher_repetition", "fineweb", "c4")
BATCH = 512
REQUIREMENTS = ("datatrove[processing,io]==0.10.1", "spacy")
STAGES = ("read", "quality", "minhash", "tokenise")


def write_documents(texts: Sequence[str], folder: Path) -> int:
    """Deal documents out to `FILES` files of JSON lines in a new folder; their bytes."""
    folder.mkdir()
    for number in range(FILES):
        with (folder / f"pages-{number}.jsonl").open("w", encoding="utf-8") as file:
            for at in range(number, len(texts), FILES):
                file.write(json.dumps({"id": str(at), "text": texts[at]}, ensure_ascii=False) + "\n")
    return folder_bytes(folder)


def folder_bytes(folder: Path) -> int:
    """Bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.iterdir())


def source_of(folder: Path, rules: Sequence[str]) -> dict[str, Any]:
    """The declaration of a source of JSON lines."""
    return {
        "about": "Documents of the benchmark.",
        "path": str(folder),
        "reader": "records",
        "files": ["*.jsonl"],
        "records": {"text": "text", "id": "id"},
        "kind": "text",
        "licence": "unknown",
        "clean": {"rules": list(rules)},
    }


def write_recipe(file: Path, folder: Path, tokenizer: Path) -> Path:
    """Write the recipe that makes an ingredient and its tokens of a folder of JSON lines; the file."""
    from tokenizers import Tokenizer

    from assay.tokens.tokenizer import END

    vocabulary = Tokenizer.from_file(str(tokenizer)).get_vocab_size()
    recipe = {
        "name": "bench",
        "decontaminate": False,
        "sources": {"pages": source_of(folder, RULES)},
        "ingredients": {"text": {"sources": ["pages"], "heldout": 0.0}},
        "tokenizers": {"brought": {"vocab": vocabulary, "path": str(tokenizer), "end": END}},
    }
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return file


def build_command(recipe: Path, work: Path) -> tuple[list[str], dict[str, str]]:
    """How the program is started, in a folder of its own: the command, and its environment."""
    command = [sys.executable, "-m", "assay", "data", "build", str(recipe), "--tokenizer", "brought"]
    command += ["--out", str(work / "run"), "--workers", str(RANKS)]
    return command, {**os.environ, "ASSAY_STORE": str(work / "store")}


def made(work: Path) -> dict[str, float]:
    """What `build_command` left: documents kept, dropped by a rule and dropped as doubles, and tokens."""
    from assay.corpus.near import REASONS

    (summary,) = (work / "store/objects/ingredient").glob("*/summary.json")
    (shard,) = (work / "store/objects/tokens").glob("*/shard.json")
    about = json.loads(summary.read_text(encoding="utf-8"))
    doubles = sum(about["dropped"].get(reason, {"documents": 0})["documents"] for reason in REASONS.values())
    dropped = sum(entry["documents"] for entry in about["dropped"].values())
    return {
        "kept": about["train"]["documents"],
        "clean": about["train"]["documents"] + doubles,
        "dropped": dropped - doubles,
        "tokens": json.loads(shard.read_text(encoding="utf-8"))["tokens"],
    }


def forget(folder: Path) -> None:
    """Drop a folder's files from the page cache."""
    os.sync()
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def two_cores() -> Iterator[None]:
    """This process and those it starts on two cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:RANKS]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def our_whole(folder: Path, tokenizer: Path) -> dict[str, float]:
    """Seconds of the program on an empty store, and what it made."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        work = Path(name)
        command, environment = build_command(write_recipe(work / "bench.yaml", folder, tokenizer), work)
        forget(folder)
        with two_cores():
            begin = time.monotonic()
            subprocess.run(command, check=True, cwd=work, env=environment, stdout=subprocess.DEVNULL)
            seconds = time.monotonic() - begin
        return {"seconds": seconds, **made(work)}


def their_whole(folder: Path, tokenizer: Path, python: str) -> dict[str, float]:
    """Seconds of datatrove's script, and what it made."""
    forget(folder)
    begin = time.monotonic()
    report = _their("whole", folder, tokenizer, python)
    return {"seconds": time.monotonic() - begin, **report}


def their_stages(folder: Path, tokenizer: Path, python: str) -> dict[str, float]:
    """Seconds of each of datatrove's stages."""
    return _their("stages", folder, tokenizer, python)


def _their(what: str, folder: Path, tokenizer: Path, python: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        command = [python, str(HERE / "_datatrove.py"), what, str(folder), name, str(tokenizer)]
        with two_cores(), (Path(name) / "output.txt").open("w") as output:
            done = subprocess.run(command, check=False, cwd=name, stdout=output, stderr=output)
        if done.returncode:
            said = (Path(name) / "output.txt").read_text(encoding="utf-8", errors="replace")
            raise SystemExit(f"datatrove failed:\n{said[-3000:]}")
        report: dict[str, float] = json.loads((Path(name) / "report.json").read_text(encoding="utf-8"))
        return report


def our_stages(folder: Path, tokenizer: Path) -> dict[str, float]:
    """Seconds of each of our stages: two processes, from a common start to the last one's end."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(RANKS), context.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name, two_cores():
        processes = [
            context.Process(target=_rank, args=(rank, folder, Path(name), tokenizer, barrier, answers))
            for rank in range(RANKS)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a process of our stages failed")
    seconds: dict[str, float] = answers.get()
    return seconds


def _rank(rank: int, folder: Path, out: Path, tokenizer: Path, barrier: Any, answers: Any) -> None:
    from assay.corpus import text_quality
    from assay.corpus.document import Document
    from assay.corpus.near import find, sketch
    from assay.corpus.readers import read_source
    from assay.corpus.source import Source
    from assay.run.worker import environment

    os.environ |= environment()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[rank % len(cores)]})
    text_quality.faults(["Warm."], RULES)
    sketch(["Warm."])
    source = Source.model_validate({"name": "pages", **source_of(folder, ())})
    names = sorted(path.name for path in folder.iterdir())[rank::RANKS]
    seconds: dict[str, float] = {}
    texts: list[str] = []

    def timed(name: str, work: Callable[[], object]) -> None:
        barrier.wait()
        begin = time.perf_counter()
        work()
        barrier.wait()
        seconds[name] = time.perf_counter() - begin

    def read() -> None:
        found = read_source(source, {}, folder, names)
        texts.extend(item.text for item in found if isinstance(item, Document))

    def judge() -> None:
        for batch in batches(texts):
            text_quality.faults(batch, RULES)

    def deduplicate() -> None:
        sketches = sketch(texts)
        np.save(out / f"content-{rank}.npy", sketches.content)
        np.save(out / f"bands-{rank}.npy", sketches.bands)
        barrier.wait()
        if rank == 0:
            content, bands = (
                np.concatenate([np.load(out / f"{name}-{number}.npy") for number in range(RANKS)])
                for name in ("content", "bands")
            )
            find(content, bands, np.ones(len(content), np.bool_), [])

    def tokenise() -> None:
        write_tokens(texts, tokenizer, out / f"tokens-{rank}")

    for name, work in zip(STAGES, (read, judge, deduplicate, tokenise), strict=True):
        timed(name, work)
    if rank == 0:
        answers.put(seconds)


def batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """`BATCH` texts at a time."""
    for start in range(0, len(texts), BATCH):
        yield texts[start : start + BATCH]


def write_tokens(texts: Sequence[str], tokenizer: Path, out: Path) -> None:
    """Encode texts into a shard in a new folder."""
    from assay.tokens.encoder import Encoder
    from assay.tokens.shard import ShardWriter

    out.mkdir()
    encoder = Encoder(tokenizer.parent)
    with ShardWriter(out, encoder.vocabulary) as shard:
        for batch in batches(texts):
            ids, begins = encoder.encode(batch)
            whole = np.insert(ids, begins[1:], np.uint32(encoder.end))
            sizes = [len(text.encode()) for text in batch]
            shard.add(whole, np.diff(begins) + 1, [("text", "English")] * len(batch), sizes)


@contextmanager
def datatrove_python(given: str | None) -> Iterator[str]:
    """An interpreter that has datatrove and spaCy: the one given, else of a virtual environment made for now."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="assay-datatrove-") as folder:
        print(f"making a virtual environment with {' and '.join(REQUIREMENTS)}; one to three minutes", file=sys.stderr)
        begin = time.monotonic()
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        print(f"made in {time.monotonic() - begin:.0f} s; --datatrove PYTHON names one that is there", file=sys.stderr)
        yield python
