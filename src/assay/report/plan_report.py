"""Everything that `assay plan` says, as data: the plan, and what it costs, repeats, keeps and could see.

The plan itself (`plan_record`) is part of a run's identity. What is added here depends on prices, on this machine and
on noise measured elsewhere, changes from day to day, and is in no identity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assay.report.stage_table import stage_rows
from assay.run.memory import memory_plan
from assay.study.alternatives import alternatives
from assay.study.cost import Calibration, plan_cost
from assay.study.disk import disk_needed
from assay.study.plan import Plan, plan_record
from assay.study.trees import count_tokens


def plan_report(
    plan: Plan,
    numerics: str,
    held: Mapping[str, int],
    *,
    calibration: Calibration | None = None,
    prices: Sequence[str] = (),
    pilot: Path | None = None,
) -> dict[str, Any]:
    """The plan with its costs.

    Args:
        plan: With repetition among its confounds (`Plan.with_epochs`), as far as it is known.
        numerics: This machine's, in one line.
        held: Training tokens by ingredient, as far as they are known.
        calibration: This machine's rates; None: not measured.
        prices: ``NAME=DOLLARS`` an hour and chip.
        pilot: A finished run folder whose noise is taken instead of the shipped.

    Returns:
        What ``plan.json`` holds, with ``stages``, ``tokens_by_size``, ``alternatives``, ``cost``, ``epochs``,
        ``disk``, ``memory``, ``smallest_effects`` and ``noise`` beside it; JSON-able.

    Raises:
        InputError: A price of no known accelerator; a pilot that is no finished run folder.
    """
    from assay.analyze.noise import noise_source, smallest_effects

    effects = smallest_effects(plan, pilot)
    asked = {(contrast.id, size) for contrast in plan.design.contrasts for size in contrast.sizes or plan.design.sizes}
    return {
        **plan_record(plan, numerics),
        "stages": stage_rows(plan),
        "tokens_by_size": count_tokens(plan.study, plan.trees),
        "alternatives": [asdict(alternative) for alternative in alternatives(plan.study)],
        "cost": plan_cost(plan, calibration, prices),
        "epochs": {
            name: {
                "most_tokens": tokens,
                "held": held.get(name),
                "epochs": tokens / held[name] if held.get(name) else None,
            }
            for name, tokens in plan.tokens_wanted().items()
        },
        "disk": disk_needed(plan, held),
        "memory": memory_plan(plan),
        "smallest_effects": [
            {"contrast": contrast, "size": size, "metric": metric, "effect": effect}
            for (contrast, size, metric), effect in effects.items()
            if (contrast, size) in asked
        ],
        "noise": noise_source(plan, pilot),
    }
