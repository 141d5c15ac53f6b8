"""Judgements for the tests of tournaments: by hand, and by hypothesis."""

import itertools
from dataclasses import replace
from random import Random
from typing import Literal

from hypothesis import strategies as st

from assay.judge.judgement import Judgement

Preferred = Literal["a", "b", "tie", "none"]
VERDICTS: tuple[Preferred, ...] = ("a", "b", "tie", "none")


def judgement(
    prompt: str,
    preferred: Preferred,
    a_first: bool,
    *,
    a: str = "code",
    b: str = "text",
    seed: int = 0,
    judge: str = "judge",
    lengths: tuple[int, int] = (10, 10),
) -> Judgement:
    """One line."""
    return Judgement(
        judge=judge,
        prompt=prompt,
        a=a,
        b=b,
        seed=seed,
        a_first=a_first,
        preferred=preferred,
        margin=None,
        words="",
        a_bytes=lengths[0],
        b_bytes=lengths[1],
    )


def both_orders(
    prompt: str,
    a_first: Preferred,
    b_first: Preferred,
    *,
    a: str = "code",
    b: str = "text",
    seed: int = 0,
    judge: str = "judge",
    lengths: tuple[int, int] = (10, 10),
) -> list[Judgement]:
    """The two orders of one pair of answers, with what is preferred in each."""
    return [
        judgement(prompt, preferred, first, a=a, b=b, seed=seed, judge=judge, lengths=lengths)
        for preferred, first in ((a_first, True), (b_first, False))
    ]


def exchanged(row: Judgement) -> Judgement:
    """The same judgement, its arms named the other way round."""
    other: dict[Preferred, Preferred] = {"a": "b", "b": "a", "tie": "tie", "none": "none"}
    return replace(
        row,
        a=row.b,
        b=row.a,
        a_first=not row.a_first,
        preferred=other[row.preferred],
        a_bytes=row.b_bytes,
        b_bytes=row.a_bytes,
    )


@st.composite
def tournaments(draw: st.DrawFn, arms: int = 2) -> list[Judgement]:
    """All pairs of some arms on up to eight prompts and three seeds; a few orders are missing."""
    prompts, seeds = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    # One number in place of hundreds of draws, which took most of the tests' time.
    random = Random(draw(st.integers(0, 2**32)))
    rows = []
    for a, b in itertools.combinations([f"arm{number}" for number in range(arms)], 2):
        for prompt, seed in itertools.product(range(prompts), range(seeds)):
            lengths = random.choice([(random.randrange(400), random.randrange(400)), (7, 7)])
            said = random.choice(VERDICTS), random.choice(VERDICTS)
            pair = both_orders(f"p{prompt}", *said, a=a, b=b, seed=seed, lengths=lengths)
            rows += pair if random.random() < 0.9 else pair[:1]
    return rows
