"""Everything that `assay plan` says, as data: the plan, and what it costs, repeats, keeps and could see.

The plan itself (`plan_record`) is part of a run's identity. What is added here depends on prices, on this machine and
on noise measured elsewhere, changes from day to day, and is in no identity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.report.stage_table import stage_rows
from assay.run.memory import memory_plan
from assay.study.alternatives import alternatives
from assay.study.cost import Calibration, plan_cost
from assay.study.disk import disk_needed
from assay.study.plan import Plan, plan_record
from assay.study.resolve import Study
from assay.study.trees import count_tokens

if TYPE_CHECKING:
    from assay.study.judging import JudgePlan


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
        ``disk``, ``memory``, ``smallest_effects`` and ``noise`` beside it, and ``judging`` where a judge is asked for;
        JSON-able.

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
        **({} if plan.judging is None else {"judging": judging_report(plan.study, plan.judging)}),
    }


def judging_report(study: Study, judging: "JudgePlan") -> dict[str, Any]:
    """What win rates take, and what they can show.

    Returns:
        JSON-able: ``prompts``, ``pairs``, ``answers``, ``judgements`` and ``exam`` (judgements) of one judge,
        ``judges`` (see `assay.run.judging_plan.judge_costs`), ``ties`` that are expected, and ``smallest_difference``:
        win minus loss found four times in five if seeds are worth as much as further prompts (``seeds_independent``)
        and if they teach nothing (``seeds_alike``); None where no difference would be found. How far trainings differ
        beyond that is in neither.
    """
    from assay.judge.exam import build_exam
    from assay.judge.pairings import shown_prompts
    from assay.judge.tournament import smallest_difference
    from assay.run.judging_plan import BYTES_PER_TOKEN, TIES, judge_costs
    from assay.study.judging import judged_arms, judged_name, judged_pairs

    seeds, count = study.seeds, len(judging.prompts.prompts)
    compared = {
        (judged_name(study, a, size), judged_name(study, b, size)): seeds for size, a, b in judged_pairs(study, judging)
    }
    most = {name: judging.spec.tokens * BYTES_PER_TOKEN for pair in compared for name in pair}
    exam = build_exam(shown_prompts(judging.prompts, "chat")).pairings
    return {
        "prompts": {"name": judging.prompts.name, "count": count},
        "pairs": len(compared),
        "answers": len(judged_arms(study, judging)) * len(seeds) * count,
        "judgements": 2 * len(compared) * len(seeds) * count,
        "exam": len(exam),
        "judges": [judge_costs(one, judging.prompts, exam, compared, most) for one in judging.judges],
        "ties": TIES,
        "smallest_difference": {
            name: smallest_difference(
                count, ties=TIES, repeats=len(seeds), correlation=correlation, pairs=len(compared)
            )
            for name, correlation in (("seeds_independent", 0.0), ("seeds_alike", 1.0))
        },
    }
