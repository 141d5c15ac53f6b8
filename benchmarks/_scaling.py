"""Memory and time of a build against its size: synthetic JSON lines of 1, 3 and 10 GB through the real program.

A document is about 5 kB of words of real text in a random order, so all differ, cut into lines that end as sentences
do, so that the rules keep them all and every later step has the whole to do. The generator is seeded, file by file.
Resident memory is the kernel's own high-water mark of every process of the tree, pages of mapped files included; the
sum beside it counts pages that processes share more than once.
"""

import contextlib
import math
import multiprocessing
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from _pipeline import RANKS, build_command, made, two_cores, write_recipe

FILE_BYTES = 64_000_000
DOCUMENT_BYTES = 5_000
LINE_WORDS = 18
POOL_WORDS = 200_000
DISK_FACTOR = 2.5
"""Bytes of disk that a byte of input comes to: itself, its documents, its ingredient, its tokens."""
POLL_SECONDS = 0.2


def measure(texts: Sequence[str], tokenizer: Path, gigabytes: float) -> dict[str, float]:
    """Build so much and watch.

    Args:
        texts: Real ones, whose words are used.
        tokenizer: A ``tokenizer.json``.
        gigabytes: 10^9 bytes of JSON lines.

    Returns:
        ``gb``, ``seconds``; ``rss_gb``, the largest resident set of one process, and ``sum_gb``, of all at one moment;
        ``documents`` and ``kept``.

    Raises:
        SystemExit: The disk does not have the room.
    """
    with tempfile.TemporaryDirectory(prefix="assay-scaling-") as name:
        work = Path(name)
        free = shutil.disk_usage(work).free
        if free < DISK_FACTOR * gigabytes * 1e9:
            raise SystemExit(
                f"{gigabytes:g} GB need {DISK_FACTOR * gigabytes:.1f} GB of disk, {free / 1e9:.1f} are free"
            )
        _say(f"{gigabytes:g} GB: writing")
        pages = work / "pages"
        documents, written = generate(texts, pages, int(gigabytes * 1e9))
        _say(f"{gigabytes:g} GB: {documents:,} documents written; building")
        command, environment = build_command(write_recipe(work / "bench.yaml", pages, tokenizer), work)
        with two_cores(), (work / "output.txt").open("w") as output:
            begin = time.monotonic()
            process = subprocess.Popen(command, cwd=work, env=environment, stdout=output, stderr=output)
            peak, together = watch(process, gigabytes)
            seconds = time.monotonic() - begin
        if process.returncode:
            raise SystemExit(f"the build failed:\n{(work / 'output.txt').read_text(errors='replace')[-3000:]}")
        return {
            "gb": written / 1e9,
            "seconds": seconds,
            "rss_gb": peak / 1e9,
            "sum_gb": together / 1e9,
            "documents": documents,
            "kept": made(work)["kept"],
        }


def generate(texts: Sequence[str], folder: Path, size: int) -> tuple[int, int]:
    """Write JSON lines of so many bytes, in files of `FILE_BYTES`; (documents, bytes)."""
    folder.mkdir()
    words = [word for text in texts for word in text.split() if word.removesuffix(",").isalpha()]
    pool = random.Random(0).sample(words, min(POOL_WORDS, len(words)))
    files = max(RANKS, math.ceil(size / FILE_BYTES))
    tasks = [(folder / f"pages-{number:04d}.jsonl", size // files, number, pool) for number in range(files)]
    with multiprocessing.get_context("fork").Pool(RANKS) as workers:
        counts = workers.starmap(_write, tasks, chunksize=1)
    return sum(documents for documents, _ in counts), sum(written for _, written in counts)


def _write(file: Path, size: int, seed: int, pool: list[str]) -> tuple[int, int]:
    draw = np.random.default_rng(seed)
    known = np.array(pool, object)
    count = int(DOCUMENT_BYTES / (sum(map(len, pool)) / len(pool) + 1))
    documents = written = 0
    with file.open("w", encoding="utf-8") as lines:
        while written < size:
            words = known[draw.integers(len(known), size=draw.integers(count // 2, count * 3 // 2))].tolist()
            text = "\\n".join(" ".join(words[at : at + LINE_WORDS]) + "." for at in range(0, len(words), LINE_WORDS))
            line = f'{{"id": "{seed}-{documents}", "text": "{text}"}}\n'
            written += len(line.encode())
            documents += 1
            lines.write(line)
    return documents, written


def watch(process: "subprocess.Popen[bytes]", gigabytes: float) -> tuple[int, int]:
    """Wait for a process: (largest resident set of it or a child of its, largest sum at one moment), in bytes."""
    peak = together = 0
    begin = told = time.monotonic()
    while process.poll() is None:
        sizes = [resident(each) for each in tree(process.pid)]
        peak = max(peak, *(high for high, _ in sizes), 0)
        together = max(together, sum(now for _, now in sizes))
        if time.monotonic() - told > 30:
            told = time.monotonic()
            _say(f"{gigabytes:g} GB: {told - begin:.0f} s, {peak / 1e9:.2f} GB at most")
        time.sleep(POLL_SECONDS)
    return peak, together


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):  # gone by now
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for each in found:
        found += children.get(each, [])
    return found


def resident(process: int) -> tuple[int, int]:
    """(high-water mark, present size) of a process's resident set in bytes; zeros where it is gone."""
    fields: dict[str, int] = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in ("VmHWM", "VmRSS"):
                fields[name] = int(value.split()[0]) * 1024
    return fields.get("VmHWM", 0), fields.get("VmRSS", 0)


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of seconds over size, both as logarithms: 1 is linear."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def figures(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """What is recorded of runs of several sizes."""
    found: dict[str, float] = {
        "peak_rss_gb": max(run["rss_gb"] for run in runs),
        "peak_rss_all_processes_gb": max(run["sum_gb"] for run in runs),
        "memory_kept_share": runs[-1]["kept"] / runs[-1]["documents"],
    }
    for run in runs:
        found[f"seconds_{run['gb']:.2g}gb"] = run["seconds"]
        found[f"peak_rss_{run['gb']:.2g}gb"] = run["rss_gb"]
    if len(runs) > 1:
        found["time_exponent"] = exponent([run["gb"] for run in runs], [run["seconds"] for run in runs])
        last, before = runs[-1], runs[-2]
        found["last_seconds_a_gb"] = (last["seconds"] - before["seconds"]) / (last["gb"] - before["gb"])
    return found


def draw(runs: Sequence[Mapping[str, float]], file: Path) -> None:
    """Time and memory against size, beside each other."""
    from matplotlib.figure import Figure

    sizes = [run["gb"] for run in runs]
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    time_axes, memory_axes = figure.subplots(1, 2)
    time_axes.plot(sizes, [run["seconds"] / 60 for run in runs], "o-", color="#3a6ea5")
    time_axes.axline((0, 0), slope=runs[0]["seconds"] / 60 / sizes[0], color="#999999", dashes=(3, 2), linewidth=1)
    time_axes.set(xlabel="GB of JSON lines", ylabel="minutes, two cores", title="Time")
    memory_axes.plot(sizes, [run["rss_gb"] for run in runs], "o-", color="#3a6ea5", label="largest process")
    memory_axes.plot(sizes, [run["sum_gb"] for run in runs], "o-", color="#b0b0b0", label="all processes")
    memory_axes.axhline(2, color="#c0504d", dashes=(3, 2), linewidth=1)
    memory_axes.set(xlabel="GB of JSON lines", ylabel="GB resident at most", title="Memory")
    memory_axes.legend(frameon=False, fontsize=8)
    for axes in (time_axes, memory_axes):
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontsize(10)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
