"""What a judge is asked and what it says: two answers to one prompt, in one order.

Everything else is computed from these. A judge sees a pairing and never an arm's name; each pair of answers is judged
in both orders, and what the two orders say together is the tournament's business, not the judge's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

Preferred = Literal["first", "second", "tie", "none"]
"""``none``: what the judge said could not be read as a verdict."""
Say = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePrompt:
    """Something to be answered, as an open-ended prompt set holds it."""

    id: str
    """Unique in its set."""
    text: str
    """What the answering model is given, and the judge is shown."""
    category: str = ""
    """Genre, such as ``explanation`` or ``story``."""
    reference: str | None = None
    """A good answer, where the set has one; the exam uses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Two answers in the order in which they are shown."""

    prompt: JudgePrompt
    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a judge made of a pairing."""

    preferred: Preferred
    margin: float | None = None
    """For the first answer over the second, in the judge's own measure (nats, bits per byte, …); None: it has none."""
    words: str = ""
    """As it was said, for a judge that speaks; what went wrong where there is no verdict."""


class Judge(Protocol):
    """Anything that can compare two answers."""

    name: str
    """Model and manner, such as ``SmolLM2-135M-Instruct verdict``: part of every judgement."""

    def judge(self, pairings: Sequence[Pairing], say: Say | None = None) -> list[Said]:
        """What it makes of each, in order; a pairing's result depends on that pairing alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One line of the records: one pair of answers in one order by one judge."""

    judge: str
    prompt: str
    """Its id."""
    a: str
    """Name of the arm whose answer is compared …"""
    b: str
    """… with that of this arm."""
    seed: int
    """Of the arms (the two are paired by it), or of the sampling where there is one checkpoint each."""
    a_first: bool
    """Whether the answer of ``a`` was shown first."""
    preferred: Literal["a", "b", "tie", "none"]
    margin: float | None
    """For ``a`` over ``b``."""
    words: str
    a_bytes: int
    """Length of the answer in UTF-8."""
    b_bytes: int


JUDGEMENTS = pa.schema(
    [
        ("judge", pa.string()),
        ("prompt", pa.string()),
        ("a", pa.string()),
        ("b", pa.string()),
        ("seed", pa.int32()),
        ("a_first", pa.bool_()),
        ("preferred", pa.string()),
        ("margin", pa.float64()),
        ("words", pa.string()),
        ("a_bytes", pa.int32()),
        ("b_bytes", pa.int32()),
    ]
)
"""Columns of a file of judgements."""
