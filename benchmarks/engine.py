"""What the engine adds to the work itself, and what it survives.

``overhead_ms_per_step``: 1,000 steps that leave one small file each, in ten chains and a fan, from starting the workers
to the last artifact on disk, hashed and flushed; ``ray_task_ms`` beside it is a bare Ray task on the same machine that
leaves the same file, without hash, flush, lock or manifest. ``noop_seconds``: the segments and scores of
``to-code-paper``, made once by such steps, planned and asked for again by a new process. The kills are those of
``benchmarks/kills.py``, whose record is read here. ``trained_over_declared`` is of the distinct arms of the paper,
each once, at 470M, where it has them all; of the four that it has at 2.8B as well, little is shared.

    python benchmarks/engine.py
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _record import RESULTS, record
from assay.run.identity import numerics
from assay.run.local import LocalEngine
from assay.run.step import Step
from assay.run.store import Store
from assay.study import paths
from assay.study.paths import cut, segments_below
from assay.study.plan import Plan, plan_study
from assay.study.trees import count_tokens, total_tokens
from planner import STUDIES, disagreements

HERE = Path(__file__).parent
FUNCTION = "_trivial:make"
REPEATS = 5
STEPS = 1000
KILLS = ("kill_points", "kill_runs", "kill_failures", "disk_full_runs", "disk_full_failures", "ray_equals_local")


def thousand_steps() -> list[Step]:
    """Ten chains of fifty, and as many steps that read a chain's end."""
    steps: list[Step] = []
    for chain in range(10):
        before: Step | None = None
        for link in range(50):
            before = Step("trivial", {"chain": chain, "link": link}, after=before, size=1.0, function=FUNCTION)
            steps.append(before)
        assert before is not None
        steps += [
            Step("trivial", {"chain": chain, "leaf": leaf}, {"end": before}, function=FUNCTION) for leaf in range(50)
        ]
    return steps


def steps_of(plan: Plan) -> list[Step]:
    """A plan's segments and scores, as steps that do nothing."""
    here = numerics()
    steps: list[Step] = []
    for size, roots in plan.trees.items():
        for seed in plan.study.seeds:
            made: dict[paths.Path, Step] = {}
            for segment in segments_below(roots):
                path = [[list(map(list, piece.mix)), piece.steps, piece.schedule] for piece in segment.path]
                parent = made.get(cut(segment.path, segment.start))
                recipe = {"size": size, "seed": seed, "path": path, "settings": plan.study.spec.train.model_dump()}
                step = Step("state", recipe, numerics=here, after=parent, function=FUNCTION)
                made[segment.path] = step
                steps.append(step)
                if segment.ends:
                    steps += [
                        Step("scores", {"task": task.id}, {"state": step}, here, function=FUNCTION)
                        for task in plan.design.tasks
                    ]
    return steps


def overhead() -> float:
    """Milliseconds a step of `thousand_steps`, workers' start included."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        with LocalEngine(Store(Path(folder)), lambda *_: None) as engine:
            engine.make(thousand_steps())
        return (time.monotonic() - begin) * 1000 / STEPS


def ray_task() -> float | None:
    """Milliseconds of a Ray task that leaves a file; None without Ray."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError:
        return None

    with tempfile.TemporaryDirectory() as folder:
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
        try:

            @ray.remote
            def leave(number: int) -> None:
                Path(folder, str(number)).write_text("done\n")

            ray.get([leave.remote(-number) for number in range(1, 5)])
            times = []
            for repeat in range(REPEATS):
                begin = time.monotonic()
                ray.get([leave.remote(repeat * STEPS + number) for number in range(STEPS)])
                times.append((time.monotonic() - begin) * 1000 / STEPS)
            return statistics.median(times)
        finally:
            ray.shutdown()


def noop() -> tuple[float, int]:
    """(seconds to plan ``to-code-paper`` and find every step of it made, steps): median, each in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        steps = steps_of(plan_study("to-code-paper"))
        with LocalEngine(Store(Path(folder)), lambda *_: None) as engine:
            engine.make(steps)
        times = []
        for _ in range(REPEATS):
            begin = time.monotonic()
            subprocess.run([sys.executable, __file__, "again", folder], check=True)
            times.append(time.monotonic() - begin)
    return statistics.median(times), len(steps)


def again(folder: Path) -> None:
    """What a re-run does: plan, and ask for everything. Nothing may be left to make."""
    with LocalEngine(Store(folder), lambda *_: None) as engine:
        steps = steps_of(plan_study("to-code-paper"))
        assert not engine.missing(steps)
        engine.make(steps)


def main() -> None:
    """Run and record."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    if sys.argv[1:2] == ["again"]:
        again(Path(sys.argv[2]))
        return
    kills = json.loads((RESULTS / "kills.json").read_text(encoding="utf-8"))["figures"]
    seconds, steps = noop()
    paper = plan_study("to-code-paper")
    counts = count_tokens(paper.study, paper.trees)
    whole, once = total_tokens(counts), counts[paper.design.sizes[0]]
    record(
        "engine",
        {
            **{name: kills.get(name) for name in KILLS},
            "overhead_ms_per_step": statistics.median(overhead() for _ in range(REPEATS)),
            "ray_task_ms": ray_task(),
            "noop_seconds": seconds,
            "noop_steps": steps,
            "trained_over_declared": once["trained"] / once["declared"],
            "trained_over_declared_with_2.8B": whole["trained"] / whole["declared"],
            "random_studies": STUDIES,
            "planner_disagreements": disagreements(STUDIES, seed=0),
        },
    )


if __name__ == "__main__":
    main()
