"""What the statistics and the page need to know of a study, and nothing else.

The design is written into ``plan.json`` so that whoever has a run folder can rebuild every number from the
item records, without the corpus, the store or torch.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Measure = Literal["bits_per_byte", "accuracy", "accuracy_norm", "margin", "answers"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(_Frozen):
    """One task of the evaluation suite, as the statistics see it."""

    id: str
    title: str
    category: str
    """``knowledge``, ``reasoning``, ``code`` or ``held-out``."""
    version: int
    n_items: int
    chance: float | None
    """Accuracy of guessing; None where the task has no choices."""
    labels: bool = False
    """Its answers are label words such as *yes* and *no*; see `assay.evaluate.task.Task`."""
    greedy: bool = False
    """It has an accuracy without having choices; see `assay.evaluate.task.Task`."""
    answered: bool = False
    """It is answered in words too."""


class Metric(_Frozen):
    """A number per (arm, size, seed): the unweighted mean over its tasks of one measure."""

    id: str
    """Such as ``reasoning/bits_per_byte`` or ``piqa/accuracy``."""
    title: str
    category: str
    tasks: tuple[str, ...]
    measure: Measure
    better_is: Literal["higher", "lower"]
    margin: float
    """Differences smaller than this are of no practical interest, in units of the measure."""
    declared: bool
    """True: belongs to the family that the study declared before it ran. False: exploratory."""


class Contrast(_Frozen):
    """A linear combination of arms: a pair (a − b), the slope of a trend, or a difference of two pairs."""

    id: str
    family: str
    kind: Literal["pair", "trend", "interaction"]
    factor: str
    """What the two arms are meant to differ in, and nothing else."""
    arms: tuple[str, ...]
    weights: tuple[float, ...]
    """One a arm. A pair has +1 and −1; a trend the least-squares slope over its grid values; an interaction +1, −1, −1
    and +1."""
    a: str
    b: str
    """For a trend: the arms at the highest and lowest grid value. For an interaction: its differences, ``x − y``."""
    confounds: tuple[str, ...]
    """What else differs, each a short phrase with the two values."""
    sizes: tuple[str, ...] = ()
    """Sizes at which all its arms are trained; none named: every size of the study."""

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs of arms that it compares: two of an interaction, else one."""
        if self.kind != "interaction":
            return ((self.a, self.b),)
        a, b, c, d = self.arms
        return (a, b), (c, d)


class Design(_Frozen):
    """A study after planning."""

    study: str
    question: str
    arms: tuple[str, ...]
    sizes: tuple[str, ...]
    seeds: tuple[int, ...]
    tasks: tuple[Task, ...]
    metrics: tuple[Metric, ...]
    families: dict[str, str]
    """Family id to the question it answers, in the order of the page."""
    contrasts: tuple[Contrast, ...]
    primary: str | None
    """Id of the contrast the study is about, if one was declared."""
    open_choices: tuple[dict[str, str], ...]
    """``{choice, paper, here}`` for every value the paper leaves unstated."""
    tokens: dict[str, int]
    """``declared`` and ``trained``."""
    parameters: dict[str, dict[str, int]]
    """Per size: ``body`` (without the embedding) and ``embedding``."""
    shared: tuple[str, ...] = ()
    """What all arms have in common although it may favour some of them: a sentence or two each."""
    notes: tuple[str, ...]
    """What the page must say about the suite or the scale, such as *9 of the study's 11 reasoning tasks*."""
