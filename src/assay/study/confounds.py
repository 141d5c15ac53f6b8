"""Like for like: what two arms differ in besides the factor that their contrast is about.

The paper's headline compares arms that also differ in text seen (400B against 280B tokens) and, in places, in
cooldown. Such differences are not errors, but a number without them beside it misleads.
"""

from collections.abc import Collection

from assay.study.resolve import Arm

ENDING_FACTORS = {"cooldown", "ending"}


def confounds(a: Arm, b: Arm, factor: str, tokens_per_step: int, text: Collection[str]) -> tuple[str, ...]:
    """Short phrases, each with the two arms' values.

    Args:
        a: One arm.
        b: The other.
        factor: What the contrast is about; ``cooldown`` may differ in its ending.
        tokens_per_step: To turn steps into tokens.
        text: Names of the ingredients that are prose.
    """
    found = []
    totals = [arm.steps * tokens_per_step for arm in (a, b)]
    if totals[0] != totals[1]:
        found.append(f"total tokens: {totals[0]:,} against {totals[1]:,}")
    texts = [round(_tokens_of(arm, text) * tokens_per_step) for arm in (a, b)]
    if texts[0] != texts[1]:
        found.append(f"text tokens seen: {texts[0]:,} against {texts[1]:,}")
    if factor not in ENDING_FACTORS and _ending(a) != _ending(b):
        found.append(f"cooldown: {_ending(a)} against {_ending(b)}")
    moments = ["reset" in {stage.moments for stage in arm.stages[1:]} for arm in (a, b)]
    if moments[0] != moments[1] and factor != "optimizer state":
        found.append("optimizer state: reset in one arm only")
    return tuple(found)


def _tokens_of(arm: Arm, ingredients: Collection[str]) -> float:
    """Steps' worth of tokens that the arm takes from these ingredients."""
    return sum(
        stage.steps * share / 1_000_000
        for stage in arm.stages
        for ingredient, share in stage.mix
        if ingredient in ingredients
    )


def _ending(arm: Arm) -> str:
    """How the arm ends: ``none``, or its last stage's schedule, and its mix where that is a new one."""
    last = arm.stages[-1]
    if last.schedule == "constant":
        return "none"
    if len(arm.stages) > 1 and arm.stages[-2].mix == last.mix:
        return f"{last.steps} steps on its own mix"
    shares = ", ".join(f"{share / 10_000:g} % {ingredient}" for ingredient, share in last.mix)
    return f"{last.steps} steps of {shares}"
