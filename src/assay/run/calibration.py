"""This machine's rates for a plan, measured once and kept in the store."""

import json
import platform
from collections.abc import Callable
from dataclasses import asdict

from assay.model.sizes import SIZES
from assay.run.device import Device
from assay.run.identity import numerics_label
from assay.run.local import LocalEngine
from assay.run.memory import gpu_share
from assay.run.step import Step
from assay.run.store import Store
from assay.study.cost import Calibration
from assay.study.plan import Plan

CALIBRATION_VERSION = 2
LARGEST = 40_000_000
"""Parameters of the largest body that is measured; larger sizes would take minutes a step. What is measured is bounded
likewise, so that a step takes seconds and memory is no question; the rest is worked out by FLOPs."""
LONGEST, MOST_TOKENS, MOST_VOCABULARY = 2048, 4096, 16_384
"""Of a row, of a step, of the vocabulary."""
CALIBRATION_BYTES = 4 << 30
"""Memory that a worker takes to measure the largest of these."""
ITEM_TOKENS = 125
"""Mean tokens of an item of the built-in tasks with the built-in tokenizer."""
BYTES_PER_TOKEN = 4.5
"""Mean of held-out text, code and markup with the built-in tokenizer."""


def calibration(
    plan: Plan, store: Store, measure: bool, again: bool, say: Callable[[str], None], device: Device = "cpu"
) -> Calibration | None:
    """What this machine does with the plan's sizes; None if nothing is known and nothing is to be measured.

    Args:
        plan: Its sizes, vocabulary and batch count, within bounds. Where no size is small enough, the largest that is
            counts, and is measured only when that is insisted on.
        store: Where rates are kept.
        measure: Whether to measure what is not known, about half a minute a size.
        again: Whether to insist, and to measure what is known as well.
        say: Told what is being measured.
        device: What models are to be trained and scored on.

    Raises:
        StepError: A worker was lost, or the disk is full.
    """
    share = gpu_share(plan)
    engine = LocalEngine(store, lambda *_: None, worker_bytes=CALIBRATION_BYTES, device=device, share=share)
    sizes = [size for size in plan.study.spec.sizes if plan.study.known_sizes[size].body_parameters <= LARGEST]
    steps = {size: _steps(plan, size, engine) for size in sizes or [_largest()]}
    every = [step for each in steps.values() for step in each]
    if again:
        for step in every:
            store.remove(step.kind, step.key)
    missing = [step for step in every if not store.has(step.kind, step.key)]
    if missing and not (again or (measure and sizes)):
        return None
    with store.in_use(), engine:
        for size, each in steps.items():
            if any(step in missing for step in each):
                say(f"Measuring how fast this machine trains {size}, once, for about half a minute …")
                engine.make(each)
    trained, scored = {}, {}
    for size, each in steps.items():
        rates = [json.loads(store.file(step.kind, step.key, "rates.json").read_text()) for step in each]
        trained[size] = sum(rate["trained"] for rate in rates)
        scored[size] = _suite_tokens(plan) / sum(rate["scored"] for rate in rates)
    machine = f"{engine.workers} workers, {numerics_label(engine.numerics)}"
    return Calibration(trained, scored, machine, _vocabulary(plan), _sequence(plan))


def _steps(plan: Plan, size: str, engine: LocalEngine) -> list[Step]:
    """One a worker: they are measured side by side."""
    train = plan.study.spec.train
    return [
        Step(
            "calibration",
            {
                "version": CALIBRATION_VERSION,
                "shape": asdict(plan.study.known_sizes[size].shape(_vocabulary(plan))),
                "precision": engine.numerics["precision"],
                "sequence": _sequence(plan),
                "rows_per_step": max(1, min(train.rows_per_step, MOST_TOKENS // _sequence(plan))),
                "host": platform.node(),
                "worker": worker,
                "workers": engine.workers,
            },
            numerics=engine.numerics,
            title=f"measure {size}",
        )
        for worker in range(engine.workers)
    ]


def _vocabulary(plan: Plan) -> int:
    return min(plan.vocabulary, MOST_VOCABULARY)


def _sequence(plan: Plan) -> int:
    return min(plan.study.spec.train.sequence, LONGEST)


def _largest() -> str:
    return max(
        (size for size, shape in SIZES.items() if shape.body_parameters <= LARGEST),
        key=lambda size: SIZES[size].body_parameters,
    )


def _suite_tokens(plan: Plan) -> float:
    """Tokens that scoring one checkpoint reads, roughly."""
    evaluate = plan.study.spec.evaluate
    heldout = len(evaluate.heldout) * evaluate.heldout_documents * evaluate.heldout_bytes / BYTES_PER_TOKEN
    return len(evaluate.tasks) * evaluate.limit * ITEM_TOKENS + heldout
