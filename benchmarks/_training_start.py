"""From the start of a worker to the end of its first training step: the real worker, the real step.

A small study over made-up tokens is planned as any other; its first step is given to ``python -m assay.run.worker``
with an order, as the engine gives it, and the clock stops at the worker's first word of progress, which it says after
the first optimizer step. The first start compiles into the empty store; the others find there what it has compiled.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from assay.run.graph import build_graph
from assay.run.identity import numerics
from assay.run.local import cores
from assay.run.step import Step
from assay.run.store import Store
from assay.run.worker import environment
from assay.study.plan import plan_study
from assay.tokens.shard import ShardWriter

REPEATS = 5
SIZE = "5M"
STUDY = """\
study: start
question: How long until the first step?
corpus: starter
tokenizer: starter-8k
seeds: [0]
sizes: [{size}]
train: {{sequence: 512, rows_per_step: 4, warmup_steps: 3, heldout: [], heldout_every: 0}}
mixes: {{text: {{text: 1}}}}
stages: {{}}
arms: {{one: [{{mix: text, tokens: 20480000}}]}}
evaluate: {{tasks: [], heldout: []}}
metrics: []
"""


def measure(repeats: int = REPEATS, size: str = SIZE) -> dict[str, float]:
    """``first_step_seconds``, the median with compiled code at hand, and ``first_step_cold_seconds``."""
    with tempfile.TemporaryDirectory(prefix="assay-start-") as name:
        store = Store(Path(name) / "store")
        step = first_step(Path(name), store, size)
        cold = seconds(store, step)
        warm = [seconds(store, step) for _ in range(repeats)]
    return {"first_step_seconds": statistics.median(warm), "first_step_cold_seconds": cold}


def first_step(folder: Path, store: Store, size: str) -> Step:
    """The training step of `STUDY`, its inputs made up and put into the store."""
    (folder / "study.yaml").write_text(STUDY.format(size=size), encoding="utf-8")
    graph = build_graph(plan_study(str(folder / "study.yaml")), numerics())
    step = graph.states[0]
    tokens, tokenizer = graph.tokens["text"], step.inputs["tokenizer"]
    chance = np.random.default_rng(0)
    with store.staging() as out:
        lengths = np.full(200, 5000, np.int64)
        with ShardWriter(out, 8192) as shard:
            ids = chance.integers(0, 8192, lengths.sum()).astype(np.uint32)
            shard.add(ids, lengths, [("text", "English")] * len(lengths), [20_000] * len(lengths))
        store.publish(out, tokens.kind, tokens.key, {})
    with store.staging() as out:
        (out / "tokenizer.json").write_text("{}\n", encoding="utf-8")
        store.publish(out, tokenizer.kind, tokenizer.key, {})
    return step


def seconds(store: Store, step: Step) -> float:
    """Of one start, to the first progress; the worker is then stopped.

    Raises:
        SystemExit: It said anything else.
    """
    begin = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "assay.run.worker", str(store.root), str(cores()[0])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment()},
    ) as worker:
        assert worker.stdin is not None and worker.stdout is not None
        worker.stdin.write(json.dumps(step.order()).encode() + b"\n")
        worker.stdin.flush()
        said = json.loads(worker.stdout.readline() or "{}")
        taken = time.monotonic() - begin
        worker.kill()
    if "progress" not in said:
        raise SystemExit(f"the worker did not train: {said}")
    return taken
