"""Like for like: what two arms differ in besides the factor that their contrast is about.

The paper's headline compares arms that also differ in text seen (400B against 280B tokens) and, in places, in
cooldown. Such differences are not errors, but a number without them beside it misleads.
"""

from collections.abc import Collection, Mapping, Sequence

from assay.study.paths import restarts
from assay.study.quantity import shown_tokens
from assay.study.resolve import MILLION, Arm

ENDING_FACTORS = {"cooldown", "ending"}
FIXED = "one fixed model, not trained here: the interval is over the other arm's seeds"
DECAYS = {"linear", "1-sqrt"}
"""Schedules of an ending."""


def confounds(a: Arm, b: Arm, factor: str, tokens_per_step: int, text: Collection[str]) -> tuple[str, ...]:
    """Short phrases, each with the two arms' values.

    Args:
        a: One arm.
        b: The other.
        factor: What the contrast is about; ``cooldown`` may differ in its ending, ``schedule`` in the joins that its
            schedules have by habit.
        tokens_per_step: To turn steps into tokens.
        text: Names of the ingredients that are prose.
    """
    if not (a.stages and b.stages):
        return (FIXED,) if a.stages or b.stages else ()
    found = []
    totals = [arm.steps * tokens_per_step for arm in (a, b)]
    if totals[0] != totals[1]:
        found.append(f"total tokens: {shown_tokens(totals[0])} against {shown_tokens(totals[1])}")
    taken = [tokens_taken(arm, tokens_per_step) for arm in (a, b)]
    texts = [round(sum(tokens.get(name, 0) for name in text)) for tokens in taken]
    if texts[0] != texts[1]:
        found.append(f"text tokens seen: {shown_tokens(texts[0])} against {shown_tokens(texts[1])}")
    if factor not in ENDING_FACTORS and not _end_alike(a, b):
        found.append(f"cooldown: {_ending(a)} against {_ending(b)}")
    schedules = [_main_schedule(arm) for arm in (a, b)]
    if schedules[0] != schedules[1] and factor != "schedule":
        found.append(f"schedule of the main stages: {schedules[0]} against {schedules[1]}")
    by_habit = factor == "schedule" and all(stage.join is None for arm in (a, b) for stage in arm.stages)
    if restarts(a) != restarts(b) and factor != "learning-rate join" and not by_habit:
        both = bool(restarts(a) and restarts(b))
        found.append(f"learning-rate join: {_join(a, both)} against {_join(b, both)}")
    for carried, what in (("moments", "optimizer state"), ("counter", "step counter")):
        reset = ["reset" in {getattr(stage, carried) for stage in arm.stages[1:]} for arm in (a, b)]
        if reset[0] != reset[1] and factor != what:
            found.append(f"{what}: reset in one arm only")
    return tuple(found)


def in_one_only(pairs: Sequence[tuple[str, str]], found: Sequence[Collection[str]]) -> tuple[str, ...]:
    """Of an interaction: what differs in one of its pairs and not alike in the other, with that pair's name.

    Args:
        pairs: Two pairs of arms' names.
        found: The confounds of each.
    """
    (first, second), (one, other) = pairs, found
    return tuple(
        f"in {a} − {b}, {phrase}"
        for (a, b), own, theirs in ((first, one, other), (second, other, one))
        for phrase in own
        if phrase not in theirs
    )


def repetitions(a: Arm, b: Arm, tokens_per_step: int, held: Mapping[str, int]) -> tuple[str, ...]:
    """Ingredients that one of the arms sees more than once, where the other sees them less or more often.

    Args:
        a: One arm.
        b: The other.
        tokens_per_step: To turn steps into tokens.
        held: Training tokens that each ingredient holds.
    """
    found = []
    taken = [tokens_taken(arm, tokens_per_step) for arm in (a, b)]
    for name in sorted(held):
        epochs = [tokens.get(name, 0) / held[name] for tokens in taken]
        if max(epochs) > 1 and abs(epochs[0] - epochs[1]) > 0.01:
            digits = 1 if f"{epochs[0]:.1f}" != f"{epochs[1]:.1f}" else 2
            found.append(f"epochs of {name}: {epochs[0]:.{digits}f} against {epochs[1]:.{digits}f}")
    return tuple(found)


def tokens_taken(arm: Arm, tokens_per_step: int) -> dict[str, float]:
    """Tokens that an arm takes of each ingredient, end to end."""
    taken: dict[str, float] = {}
    for stage in arm.stages:
        for name, share in stage.mix:
            taken[name] = taken.get(name, 0) + stage.steps * tokens_per_step * share / MILLION
    return taken


def _end_alike(a: Arm, b: Arm) -> bool:
    """Whether two arms end in one stage, or each on its own mix for as long."""
    one, other = a.stages[-1], b.stages[-1]
    same = (one.mix, one.steps, one.schedule) == (other.mix, other.steps, other.schedule)
    return (same and one.schedule != "constant") or _ending(a) == _ending(b)


def _ending(arm: Arm) -> str:
    """How the arm ends: ``none``, or the length of its last stage's decay, its mix where that is a new one, and its
    schedule where that is not linear."""
    last = arm.stages[-1]
    if last.schedule not in DECAYS:
        return "none"
    schedule = "" if last.schedule == "linear" else f", {last.schedule}"
    if len(arm.stages) > 1 and arm.stages[-2].mix == last.mix:
        return f"{last.steps} steps on its own mix{schedule}"
    shares = ", ".join(f"{share / 10_000:g} % {ingredient}" for ingredient, share in last.mix)
    return f"{last.steps} steps of {shares}{schedule}"


def _join(arm: Arm, both: bool) -> str:
    """Whether the learning rate ever goes back to the peak, and where, if it does so in ``both`` arms."""
    steps = restarts(arm)
    if not steps:
        return "continue"
    return f"restart at step {' and '.join(map(str, steps))}" if both else "restart"


def _main_schedule(arm: Arm) -> str:
    """The schedules of the stages before the ending."""
    main = arm.stages[:-1] if arm.stages[-1].schedule in DECAYS else arm.stages
    return " and ".join(sorted({stage.schedule for stage in main})) or "none"
