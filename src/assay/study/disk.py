"""The room a plan needs: what it keeps and what it downloads, as far as that is known before.

Training states are nearly all of it: every fork and every stage's end is kept, since a later study may go on from it.
"""

from collections.abc import Mapping
from typing import Any

from assay.evaluate.packages import PACKAGES
from assay.evaluate.task_file import load_task
from assay.study.plan import Plan

STATE_BYTES = 12
"""A parameter in a state: float32 weight and two moments."""
WEIGHTS_BYTES = 4
"""A parameter in each of the earlier weights that a state keeps for averaging."""
LEFT_OUT = "documents before and after cleaning, evaluation requests and item records are not counted"


def disk_needed(plan: Plan, held: Mapping[str, int]) -> dict[str, Any]:
    """Bytes of training states, packages and tokens.

    Args:
        plan: The plan.
        held: Training tokens by ingredient, as far as they are known.

    Returns:
        ``states``, ``packages``, ``tokens`` and ``total`` in bytes, ``state_count``, ``tokens_unknown`` (ingredients in
        use whose tokens are not known) and ``left_out``, in words.
    """
    states = count = 0
    average = plan.study.spec.evaluate.average
    for size in plan.study.spec.sizes:
        segments, seeds = plan.segments(size), len(plan.study.seeds)
        kept = sum(bool(segment.ends) for segment in segments) * (average.last - 1 if average else 0)
        parameters = sum(plan.design.parameters[size].values())
        states += seeds * parameters * (len(segments) * STATE_BYTES + kept * WEIGHTS_BYTES)
        count += seeds * len(segments)
    used = plan.ingredients()
    tokens = sum(held.get(name, 0) for name in used) * (2 if plan.vocabulary <= 1 << 16 else 4)
    packages = _package_bytes(plan)
    return {
        "states": states,
        "state_count": count,
        "packages": packages,
        "tokens": tokens,
        "total": states + packages + tokens,
        "tokens_unknown": [name for name in used if name not in held],
        "left_out": LEFT_OUT,
    }


def _package_bytes(plan: Plan) -> int:
    """Size of the packages that ingredients, tokenizer, benchmark index, tasks and a judge's model are read from."""
    recipe = plan.recipe
    model = plan.study.model
    tokenizer = recipe.tokenizers[plan.study.spec.tokenizer] if model is None else None
    sample = tokenizer.sample if tokenizer else ()
    needed = recipe.packages_of([*plan.ingredients(), *plan.heldout_ingredients(), *sample])
    if tokenizer is not None and tokenizer.package is not None:
        needed.append(recipe.packages[tokenizer.package])
    if model is not None and model.package is not None:
        needed.append(model.package.package)
    judge = plan.judging.model if plan.judging else None
    if judge is not None and judge.package is not None:
        needed.append(judge.package.package)
    for task in plan.study.spec.evaluate.tasks:
        wheel = load_task(task).source.wheel
        package = PACKAGES.get(wheel) or recipe.packages.get(wheel) if wheel else None
        if package is not None:
            needed.append(package)
    return sum({package.sha256: package.bytes for package in needed}.values())
