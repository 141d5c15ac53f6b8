"""Carrying a plan out: every step as soon as what it reads is there, then the run folder.

Everything that costs anything is an artifact of the store; the run folder is written from those at the end. A run that
is repeated finds its artifacts, and a finished folder is recognised by its hashes alone. Judges behind endpoints are
asked here, when all answers are there, and by no worker.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.errors import InputError, StepError
from assay.files import ASIDE, as_json, refused, write_whole
from assay.report.stage_table import tell_stages
from assay.run.done import DONE, is_finished, mark_finished
from assay.run.engine import Engine
from assay.run.folder import write_folder, write_texts
from assay.run.graph import Graph, build_graph
from assay.run.identity import key_of, numerics_label
from assay.run.progress import RunProgress
from assay.run.step import Step
from assay.run.store import Store
from assay.run.track.trackers import Tracker
from assay.run.track.tracking import Tracking
from assay.study.plan import Plan, plan_record
from assay.tokens.shard import SHARD, shard_tokens

FOLDER_VERSION = 3
"""Raise when the run folder's files are made differently from the same artifacts."""
UNCOMPILED = {
    "cpu": "No C++ compiler with Python's headers was found: training runs uncompiled, a third to a half slower.",
    "cuda": "No C++ compiler with Python's headers and Triton were found: training runs uncompiled, and slower.",
}
JUDGED = "judge"
"""Folder of the win rates in a run folder."""


def run_study(plan: Plan, out: Path, engine: Engine, trackers: Mapping[str, Tracker] | None = None) -> bool:
    """Run a study into a folder; False if everything was there already.

    Args:
        plan: The study.
        out: The run folder.
        engine: Who does it, and with which store.
        trackers: Where curves and results are written to as well; see `assay.run.track.trackers.open_trackers`.

    Raises:
        InputError: The study asks for what the corpus cannot give, or its judge for a package that is not there.
        StepError: Network, disk, a lost worker, a diverged run, a judge behind an endpoint that did not answer all it
            was asked. What was finished is kept.
    """
    graph = build_graph(plan, engine.numerics)
    label = numerics_label(engine.numerics)
    identity = _identity(plan, graph, label)
    with Tracking(trackers or {}, plan, graph, out, engine.store) as tracking:
        if is_finished(out, identity):
            tracking.catch_up()
            return False
        if graph.judging is not None:
            graph.judging.check_endpoints()
        _carry_out(plan, graph, out, engine, identity, label, tracking)
    return True


def _carry_out(
    plan: Plan, graph: Graph, out: Path, engine: Engine, identity: str, label: str, tracking: Tracking
) -> None:
    begin = time.monotonic()
    try:
        _make_folder(out)
        with engine.store.in_use(), RunProgress(out / "log.jsonl") as progress:
            _clear_other_study(out, identity)
            _write_plan(plan, out, identity, label)
            tell_stages(plan, progress.console)
            if engine.numerics["mode"] == "eager":
                progress.console.print(UNCOMPILED[engine.numerics["device"]])
            held: dict[str, int] = {}
            names = {step.key: name for name, step in graph.tokens.items()}

            def hear(event: str, step: Step, about: dict[str, Any]) -> None:
                progress.hear(event, step, about)
                for problem in tracking.hear(event, step, about):
                    progress.warn(problem)
                if event in {"have", "end"} and step.key in names:
                    held[names[step.key]] = shard_tokens(engine.store.file("tokens", step.key, SHARD))
                    plan.check_epochs(held)

            engine.listen = hear

            def write() -> str:
                known = plan.with_epochs(held)
                _write_plan(known, out, identity, label)
                progress.say("Writing records, results and the report …")
                write_folder(known, graph, out, engine.store, label)
                return _judge(graph, out, engine.store, progress)

            unanswered = engine.make_and_read(graph.goals(), write, progress.expect)
            _write_timings(out, plan, progress, engine.workers, label, time.monotonic() - begin)
            from assay.analyze.drill import listed_items
            from assay.analyze.results import write_results
            from assay.report.page import write_page

            results = write_results(out)
            write_texts(graph, out, engine.store, listed_items(results["beneath"]))
            page = write_page(out, results)
            if unanswered:
                raise StepError(
                    f"win rates are not whole: {unanswered}. What came is in {page}. Run the same command again to ask "
                    "what is missing; what was answered is not asked twice"
                )
            mark_finished(out, identity, _files(out, graph))
    except OSError as problem:
        if told := refused(problem, out):
            raise told from None
        raise


def stored_tokens(plan: Plan, store: Store | None, numerics: Mapping[str, str]) -> dict[str, int]:
    """Training tokens of the plan's ingredients that a store holds already; makes nothing."""
    if store is None:
        return {}
    steps = build_graph(plan, numerics).tokens
    return {
        name: shard_tokens(store.file("tokens", step.key, SHARD))
        for name, step in steps.items()
        if store.has("tokens", step.key)
    }


def _judge(graph: Graph, out: Path, store: Store, progress: RunProgress) -> str:
    """Write the win rates, if the study asks for them; who did not answer everything, in words."""
    if graph.judging is None:
        return ""
    from assay.run.judging import collect_judging

    collected = collect_judging(graph.judging, out / JUDGED, store, progress.say)
    return "; ".join(f"{judge} did not answer {what}" for judge, what in collected.unanswered.items())


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"the run folder {out} cannot be made: a file is in its place") from None
    except FileNotFoundError as problem:
        raise InputError(f"the run folder {out} cannot be made: {problem.strerror}") from None


def _clear_other_study(out: Path, identity: str) -> None:
    """Take results of another plan out of the folder: they would be read as this one's. Their artifacts stay stored."""
    try:
        known = json.loads((out / "plan.json").read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, KeyError):
        known = None
    (out / DONE).unlink(missing_ok=True)
    for left in [*out.glob(f"{ASIDE}*"), *(out / "items").glob(f"{ASIDE}*")]:
        left.unlink(missing_ok=True)
    if known != identity:
        names = ("results", "report", "ledger", "curves", "corpus", "programs", "texts", "timings")
        made = [path for name in names for path in out.glob(f"{name}.*")]
        judged = [path for pattern in ("*.json", "*.parquet", "answers/*") for path in (out / JUDGED).glob(pattern)]
        for path in [*made, *judged, *(out / "items").glob("*.parquet")]:
            path.unlink(missing_ok=True)


def _write_plan(plan: Plan, out: Path, identity: str, label: str) -> None:
    write_whole(out / "plan.json", as_json({**plan_record(plan, label), "identity": identity}))


def _files(out: Path, graph: Graph) -> list[str]:
    """Names of what a finished run's folder must hold as it was written."""
    names = ["plan.json", "results.json", "ledger.json", "curves.json", "corpus.json", "texts.json", "report.html"]
    patterns = ["items/*.parquet", "answers/*.parquet", "programs.json"]
    if graph.judging is not None:
        patterns += [f"{JUDGED}/{pattern}" for pattern in ("judge.json", "judgements.parquet", "answers/*.parquet")]
    return names + [str(path.relative_to(out)) for pattern in patterns for path in sorted(out.glob(pattern))]


def _identity(plan: Plan, graph: Graph, label: str) -> str:
    from assay.analyze.results import ANALYSIS_VERSION
    from assay.report.page import PAGE_VERSION

    return key_of(
        {
            "versions": [FOLDER_VERSION, ANALYSIS_VERSION, PAGE_VERSION],
            "plan": plan_record(plan, label),
            "leaves": [
                [[point.state.key, *(step.key for step in point.made)] for point in leaf.measured]
                for leaf in graph.leaves
            ],
            **({"judging": [step.key for step in graph.judging.goals]} if graph.judging else {}),
        }
    )


def _write_timings(out: Path, plan: Plan, progress: RunProgress, workers: int, label: str, total: float) -> None:
    """What it took, apart from the results: timings differ from run to run."""
    path = out / "timings.json"
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        before = {}
    if before.get("trained", 0) > progress.trained:
        return  # a repeat that trained less says nothing of what the study costs
    seconds = {plane: spent / workers for plane, spent in progress.seconds.items()}
    judging = {"judging": round(seconds["judging"], 1)} if plan.judging else {}
    rate = progress.trained / seconds["training"] if seconds["training"] else 0.0
    saved = plan.design.tokens["declared"] - plan.design.tokens["trained"]
    timings = {
        "machine": f"{workers} workers, {label}",
        "seconds": {
            "corpus": round(seconds["corpus"] + seconds["download"], 1),
            "training": round(seconds["training"], 1),
            "evaluation": round(seconds["evaluation"], 1),
            **judging,
            "total": round(total, 1),
        },
        "trained": progress.trained,
        "tokens_per_second": round(rate, 1),
        "trained_seconds_saved": round(saved / rate, 1) if rate else 0.0,
    }
    write_whole(path, as_json(timings))
