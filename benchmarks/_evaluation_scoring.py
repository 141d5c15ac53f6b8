"""How fast choices are scored, beside lm-eval's own Hugging Face model: the same words, weights and cores, by turns.

Both sides begin with words in memory and end with log-likelihoods, tokenising included; loading of models and tasks is
left out on both. The harness gets the batch size that is fastest for it. Also: how far the items themselves would let
anyone go (each distinct beginning through the body once, the head only where a token is scored), how much of that is
reached, by how much the numbers differ, and how many choices do.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.evaluate.item import Item
from assay.run.worker import environment

HERE = Path(__file__).parent
TASKS = ("hellaswag", "piqa", "boolq", "arc_easy")
BATCHES = (1, 8, 16, 32, 64)
DTYPES = {"float32": 250, "bfloat16": 1000}
"""Items of each task."""
TRIED = 20
"""Items of each task that the harness's batch size is chosen on."""
Scores = Mapping[str, Sequence[Sequence[float]]]


@dataclass
class Side:
    """A program waiting for its next turn."""

    popen: "subprocess.Popen[str]"

    def turn(self, **asked: Any) -> dict[str, Any]:
        """Let it run.

        Raises:
            SystemExit: It ended.
        """
        assert self.popen.stdin is not None and self.popen.stdout is not None
        self.popen.stdin.write(json.dumps(asked) + "\n")
        self.popen.stdin.flush()
        for line in self.popen.stdout:
            if line.startswith("answer "):
                answer: dict[str, Any] = json.loads(line.removeprefix("answer "))
                return answer
        raise SystemExit(f"{' '.join(map(str, self.popen.args))} ended")  # type: ignore[arg-type]


def measure(
    model: Path,
    items: Mapping[str, Sequence[Item]],
    python: str,
    rounds: int = 3,
    threads: int = 2,
    clock: str = "seconds",
    counts: Mapping[str, int] = DTYPES,
    batches: Sequence[int] = BATCHES,
) -> dict[str, float]:
    """Race over one model in each dtype.

    Args:
        model: Folder in the hub's layout that Assay has exported: its tokenizer has the end token of ours.
        items: By task.
        python: Interpreter of the harness.
        rounds: Turns of each side, each over its own part of the items; medians are compared.
        threads: Of each side.
        clock: ``seconds``, or ``cpu_seconds`` (one thread, beside other programs).
        counts: Items of each task, by dtype.
        batches: The harness's batch sizes to choose from.

    Returns:
        For each dtype, with its name before: ``vs_harness`` (the harness's seconds over ours, the median of the
        turns) and ``vs_harness_least``, ``harness_batch``, and over all turns ``seconds``, ``harness_seconds``,
        ``encoding_seconds`` (in ours), ``fraction_of_bound`` (of our seconds without
        encoding). Of float32: ``max_logprob_difference`` (nats), ``acc_disagreements`` (items). Of bfloat16, where both
        were run: ``bf16_flip_rate`` and ``harness_bf16_flip_rate``, choices that differ from float32's own.
    """
    found: dict[str, float] = {}
    best: dict[tuple[str, str], Scores] = {}
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-scoring-")))
        words = {name: [(item.contexts, item.choices) for item in some] for name, some in items.items()}
        job = place / "job.json"
        job.write_text(json.dumps({"model": str(model), "threads": threads, "items": words}), encoding="utf-8")
        ours, harness = (
            _start(stack, program, side, job, threads)
            for side, program in (("ours", sys.executable), ("harness", python))
        )
        for dtype, count in counts.items():
            tried = {
                batch: harness.turn(dtype=dtype, count=min(TRIED, count), batch=batch)[clock]
                for batch in (batches[-1], *batches)
            }
            batch = min(tried, key=lambda size: tried[size])
            ours.turn(dtype=dtype, count=min(TRIED, count))
            turns = []
            for number in range(rounds):
                first = number * count // rounds
                part = {"dtype": dtype, "first": first, "count": (number + 1) * count // rounds - first}
                turns.append((ours.turn(**part), harness.turn(**part, batch=batch), ours.turn(**part, bound=True)))
            best[dtype, "ours"] = _together(turn[0]["scores"] for turn in turns)
            best[dtype, "harness"] = _together(turn[1]["scores"] for turn in turns)
            encoding = sum(turn[0]["encoding"][clock] for turn in turns)
            seconds = sum(turn[0][clock] for turn in turns) + encoding
            ratios = [turn[1][clock] / (turn[0][clock] + turn[0]["encoding"][clock]) for turn in turns]
            found |= {
                f"{dtype}_vs_harness": statistics.median(ratios),
                f"{dtype}_vs_harness_least": min(ratios),
                f"{dtype}_harness_batch": float(batch),
                f"{dtype}_seconds": seconds,
                f"{dtype}_harness_seconds": sum(turn[1][clock] for turn in turns),
                f"{dtype}_encoding_seconds": encoding,
                f"{dtype}_fraction_of_bound": statistics.median(turn[2][clock] / turn[0][clock] for turn in turns),
            }
    if "float32" in counts:
        one, other = best["float32", "ours"], best["float32", "harness"]
        found["max_logprob_difference"] = max(
            abs(left - right) for left, right in zip(_flat(one), _flat(other), strict=True)
        )
        found["acc_disagreements"] = float(_flips(one, other)[0])
    if {"float32", "bfloat16"} <= counts.keys():
        for name, side in (("bf16_flip_rate", "ours"), ("harness_bf16_flip_rate", "harness")):
            flips, total = _flips(best["float32", side], best["bfloat16", side])
            found[name] = flips / total
    return found


def _start(stack: ExitStack, program: str, side: str, job: Path, threads: int) -> Side:
    surroundings = {**environment(), **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))}
    popen = stack.enter_context(
        subprocess.Popen(
            [program, str(HERE / "_evaluation_race.py"), side, str(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **surroundings, "HF_HUB_OFFLINE": "1"},
        )
    )
    stack.callback(popen.kill)
    return Side(popen)


def _together(parts: Iterable[Scores]) -> Scores:
    """Scores of items in the order of the parts."""
    whole: dict[str, list[Sequence[float]]] = {}
    for part in parts:
        for name, rows in part.items():
            whole.setdefault(name, []).extend(rows)
    return whole


def _flat(scores: Scores) -> list[float]:
    return [value for name in scores for row in scores[name] for value in row]


def _flips(one: Scores, other: Scores) -> tuple[int, int]:
    """Items whose likeliest choice differs, of those that both have."""
    pairs = [pair for name in one for pair in zip(one[name], other[name], strict=False)]
    return sum(left.index(max(left)) != right.index(max(right)) for left, right in pairs), len(pairs)
