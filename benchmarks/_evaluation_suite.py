"""Ten checkpoints of one size on one suite, as a user of either would run them: commands, from start to end.

Assay: one ``assay eval`` of ten folders, in an empty store that holds the benchmarks' wheel and nothing else. The
harness: one process a checkpoint, at its best batch size of those tried, data sets as local copies. Both in bfloat16 on
the same eleven tasks, 200 items each; the harness's time is that of three checkpoints, times ten thirds.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

from _evaluation_parity import TASKS, write_copies
from assay.evaluate.packages import PACKAGES
from assay.model.decoder import initialise
from assay.model.export import write_model
from assay.model.sizes import SIZES
from assay.run.worker import environment
from assay.tokens import tokenizer as bpe

NAMES = (
    "hellaswag", "piqa", "boolq", "arc_easy", "arc_challenge", "openbookqa", "sciq", "winogrande", "social_iqa",
    "commonsense_qa", "copa",
)  # fmt: skip
SIZE, VOCABULARY, LONGEST = "1M", 4096, 1024
ITEMS = 200
BATCHES = (32, 64)
HARNESS_CHECKPOINTS = 3


def measure(python: str, wheels: Mapping[str, Path], checkpoints: int = 10) -> dict[str, float | int | str | None]:
    """Seconds of both, and of the quickstart's own suite for one checkpoint.

    Args:
        python: Interpreter of the harness.
        wheels: Of the benchmarks, by name.
        checkpoints: How many.
    """
    with tempfile.TemporaryDirectory(prefix="assay-suite-") as scratch:
        place = Path(scratch)
        bpe.train([topics[name] for name in sorted(topics)], VOCABULARY).save(str(place / "tokenizer.json"))
        shape = SIZES[SIZE].shape(VOCABULARY)
        folders = [place / f"checkpoint-{number}" for number in range(checkpoints)]
        for number, folder in enumerate(folders):
            write_model(folder, shape, initialise(shape, number), place / "tokenizer.json", LONGEST, "# Benchmark\n")
        ours, steps = _ours(place, folders, wheels, ["--tasks", ",".join(TASKS[name].own for name in NAMES)])
        _, own = _ours(place, folders, wheels, ["--suite", "quickstart"])
        write_copies(NAMES, wheels, ITEMS, place / "hub")
        tried = {batch: _harness(python, place, folders[0], batch) for batch in BATCHES}
        batch = min(tried, key=lambda one: tried[one])
        told = [_harness(python, place, folder, batch) for folder in folders[:HARNESS_CHECKPOINTS]]
        theirs = sum(told) / len(told) * checkpoints
    return {
        "suite_10_checkpoints_vs_harness": theirs / ours,
        "suite_seconds": ours,
        "suite_harness_seconds": theirs,
        "suite_harness_batch": batch,
        "suite_scoring_seconds_per_checkpoint": steps,
        "quickstart_checkpoint_seconds": own,
    }


def _ours(place: Path, folders: list[Path], wheels: Mapping[str, Path], what: list[str]) -> tuple[float, float]:
    """Seconds of the command, and wall seconds a checkpoint from the first score begun to the last made."""
    store, out = place / f"store-{what[0]}", place / f"out-{what[0]}"  # what another order scored is scored again
    links = place / "index"
    links.mkdir(exist_ok=True)
    for name in PACKAGES:
        link = links / wheels[name].name
        if not link.exists():
            link.symlink_to(wheels[name])
    surroundings = {**os.environ, "ASSAY_STORE": str(store), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(links)}
    command = [sys.executable, "-m", "assay", "eval", *map(str, folders), *what]
    command += ["--limit", str(ITEMS), "--precision", "bfloat16", "--out", str(out)]
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=surroundings)
    seconds = time.perf_counter() - begin
    events = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    scored = [event for event in events if event.get("kind") == "scores"]
    return seconds, (_last(scored) - _first(scored)) / len(folders)


def _first(events: list[dict[str, Any]]) -> float:
    return min(float(event["time"]) for event in events if event["event"] == "begin")


def _last(events: list[dict[str, Any]]) -> float:
    return max(float(event["time"]) for event in events if event["event"] == "end")


def _harness(python: str, place: Path, model: Path, batch: int) -> float:
    """Seconds of one process."""
    job = place / "job.json"
    asked = {"model": str(model), "tasks": list(NAMES), "hub": str(place / "hub"), "limit": ITEMS, "batches": [batch]}
    job.write_text(json.dumps({**asked, "threads": 2, "dtype": "bfloat16", "out": str(place / "harness.json")}))
    program = Path(__file__).with_name("_evaluation_hflm.py")
    own = {**os.environ, **environment(), "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(place / "cache")}
    own |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    begin = time.perf_counter()
    subprocess.run([python, str(program), str(job)], check=True, stdout=subprocess.DEVNULL, env=own)
    return time.perf_counter() - begin
