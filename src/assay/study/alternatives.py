"""What the schedules cost: the same arms planned once more under other ones.

A constant stage is shared as far as mixes agree; a cosine depends on its whole length, so only whole stages are
shared. Which one a study chose is worth a line in its plan. Only schedules are replaced, lengths and mixes stay.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from assay.study.resolve import Arm, Stage, Study
from assay.study.trees import count_tokens, grow_trees, total_tokens


@dataclass(frozen=True, slots=True)
class Alternative:
    """A study under other schedules."""

    schedules: str
    """What they are, in words."""
    declared: int
    """Tokens of the distinct arms, each trained alone."""
    trained: int
    """Tokens with every segment trained once."""


def alternatives(study: Study) -> tuple[Alternative, ...]:
    """The study as it is, with constant stages before each arm's last, and with a cosine in every stage."""
    return (
        _planned(study, "as written", lambda arm: arm.stages),
        _planned(study, "constant up to each arm's last stage", _constant_before_last),
        _planned(study, "a cosine in each stage", _all_cosine),
    )


def _planned(study: Study, schedules: str, stages: Callable[[Arm], tuple[Stage, ...]]) -> Alternative:
    changed = replace(study, arms=tuple(replace(arm, stages=stages(arm)) for arm in study.arms))
    total = total_tokens(count_tokens(changed, grow_trees(changed)))
    return Alternative(schedules, total["declared"], total["trained"])


def _constant_before_last(arm: Arm) -> tuple[Stage, ...]:
    return (*(replace(stage, schedule="constant") for stage in arm.stages[:-1]), *arm.stages[-1:])


def _all_cosine(arm: Arm) -> tuple[Stage, ...]:
    return tuple(replace(stage, schedule="cosine") for stage in arm.stages)
