"""This machine's rates for a plan, measured once and kept in the store."""

import json
import platform
from collections.abc import Callable

from assay.model.sizes import SIZES
from assay.run.identity import numerics_label
from assay.run.local import LocalEngine
from assay.run.memory import worker_bytes
from assay.run.step import Step
from assay.run.store import Store
from assay.study.cost import Calibration
from assay.study.plan import Plan

CALIBRATION_VERSION = 1
LARGEST = 40_000_000
"""Parameters of the largest body that is measured; larger sizes would take minutes a step."""
ITEM_TOKENS = 125
"""Mean tokens of an item of the built-in tasks with the built-in tokenizer."""
BYTES_PER_TOKEN = 4.5
"""Mean of held-out text, code and markup with the built-in tokenizer."""


def calibration(plan: Plan, store: Store, measure: bool, say: Callable[[str], None]) -> Calibration | None:
    """What this machine does with the plan's sizes; None if nothing is known and nothing is to be measured.

    Args:
        plan: Its sizes, vocabulary and batch count. Where no size is small enough, the largest that is, is measured.
        store: Where rates are kept.
        measure: Whether to measure what is not known, about 20 seconds a size.
        say: Told what is being measured.

    Raises:
        StepError: A worker was lost, or the disk is full.
    """
    engine = LocalEngine(store, lambda *_: None, worker_bytes=worker_bytes(plan))
    sizes = [size for size in plan.study.spec.sizes if SIZES[size].body_parameters <= LARGEST]
    steps = {size: _steps(plan, size, engine) for size in sizes or [_largest()]}
    missing = [step for each in steps.values() for step in each if not store.has(step.kind, step.key)]
    if missing and not measure:
        return None
    with store.in_use(), engine:
        for size, each in steps.items():
            if any(step in missing for step in each):
                say(f"Measuring how fast this machine trains {size}, once, for about 20 seconds …")
                engine.make(each)
    trained, scored = {}, {}
    for size, each in steps.items():
        rates = [json.loads(store.file(step.kind, step.key, "rates.json").read_text()) for step in each]
        trained[size] = sum(rate["trained"] for rate in rates)
        scored[size] = _suite_tokens(plan) / sum(rate["scored"] for rate in rates)
    return Calibration(trained, scored, f"{engine.workers} workers, {numerics_label(engine.numerics)}")


def _steps(plan: Plan, size: str, engine: LocalEngine) -> list[Step]:
    """One a worker: they are measured side by side."""
    train = plan.study.spec.train
    return [
        Step(
            "calibration",
            {
                "version": CALIBRATION_VERSION,
                "size": size,
                "vocabulary": plan.recipe.tokenizers[plan.study.spec.tokenizer].vocab,
                "precision": engine.numerics["precision"],
                "sequence": train.sequence,
                "rows_per_step": min(train.rows_per_step, 16),
                "host": platform.node(),
                "worker": worker,
                "workers": engine.workers,
            },
            numerics=engine.numerics,
            title=f"measure {size}",
        )
        for worker in range(engine.workers)
    ]


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
