"""Shallow readers, and a choice of questions among which none of them does better than guessing.

A reader gives each choice a score from the surface alone and takes the highest. Questions are drawn in plenty and
picked one by one so that every reader's number of right answers, ties shared, stays at a quarter; the place of the
right choice comes out exactly even. So it is known what a high score does not come from, whatever a generator's rules
make likely. Readers that are the skill itself at a level are let be there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from assay.evaluate.probes.question import Question
from assay.evaluate.probes.words import rank

Reader = Callable[[Question, str], int]
"""Score of a choice."""
SHARE = 12
"""Points of a right answer; 4, 3, 2 or 1 choices that tie share them without a remainder."""


@lru_cache(maxsize=64)
def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


@lru_cache(maxsize=64)
def _sentences(text: str) -> list[set[str]]:
    return [set(_words(one)) for one in re.split(r"[.,] ", text)]


def _first(question: Question, choice: str) -> int:
    words = _words(question.prompt)
    return -words.index(choice) if choice in words else -len(words)


def _last(question: Question, choice: str) -> int:
    words = _words(question.prompt)
    return len(words) - words[::-1].index(choice) if choice in words else 0


def _often(question: Question, choice: str) -> int:
    return _words(question.prompt).count(choice)


def _seldom(question: Question, choice: str) -> int:
    return -_often(question, choice)


def _short(_: Question, choice: str) -> int:
    return -len(choice)


def _long(_: Question, choice: str) -> int:
    return len(choice)


def _common(_: Question, choice: str) -> int:
    return -rank(choice)


def _rare(_: Question, choice: str) -> int:
    return rank(choice)


def _overlap(question: Question, choice: str) -> int:
    *told, asked = _sentences(question.prompt)
    return max((len(asked & one) for one in told if choice in one), default=0)


def _follows(question: Question, choice: str) -> int:
    words = _words(question.prompt)
    return max((place for place in range(1, len(words)) if words[place] == choice and words[place - 1] == words[-1]),
               default=0)  # fmt: skip


def _alike(question: Question, choice: str) -> int:
    asked = re.split(r"[.,] ", question.prompt)[-1]
    return sum(map(asked.count, choice))


def _unlike(question: Question, choice: str) -> int:
    return -_alike(question, choice)


READERS: Mapping[str, Reader] = {
    "first": _first,
    "last": _last,
    "often": _often,
    "seldom": _seldom,
    "short": _short,
    "long": _long,
    "common": _common,
    "rare": _rare,
    "alike": _alike,
    "unlike": _unlike,
    "overlap": _overlap,
    "follows": _follows,
}
"""``first``, ``last``: told of first or last; ``often``, ``seldom``: how many times; ``short``, ``long``: letters;
``common``, ``rare``: in the corpus; ``alike``, ``unlike``: made of the question's letters and digits; ``overlap``: in
the sentence that shares most words with the question; ``follows``: came after the question's last word before."""
LOOKING_UP = frozenset({"overlap", "follows"})
"""The skill where the answer was told word for word."""
HEARING = frozenset({"first", "last", "often", "overlap", "follows"})
"""The skill where only the answer was told of: whether it stands in the text at all. ``seldom`` then fails."""


def points(reader: Reader, question: Question) -> int:
    """What a reader earns: `SHARE` for the right choice alone, a share where it ties, else nothing."""
    scores = [reader(question, choice) for choice in question.choices]
    best = max(scores)
    return SHARE // scores.count(best) if scores[question.gold] == best else 0


def balanced(pool: Sequence[Question], count: int, skill: frozenset[str]) -> list[Question]:
    """``count`` questions of which readers other than ``skill`` answer a quarter.

    Args:
        pool: More questions than wanted, all different.
        count: A multiple of four.
        skill: Names of readers that may do better, or worse, than guessing.

    Returns:
        In the order of the pool.

    Raises:
        ValueError: The pool is too small.
    """
    if count % 4 or len(pool) < count:
        raise ValueError(f"{count} questions cannot be picked evenly from {len(pool)}")
    held = [reader for name, reader in READERS.items() if name not in skill]
    earned = np.array([[points(reader, one) for reader in held] for one in pool], dtype=np.int64)
    away = earned - SHARE // 4
    gold = np.array([one.gold for one in pool])
    total = np.zeros(len(held), dtype=np.int64)
    free = np.ones(len(pool), dtype=bool)
    picked: list[int] = []
    for place in range(count):
        fits = np.flatnonzero(free & (gold == place % 4))
        if not len(fits):
            raise ValueError(f"the pool of {len(pool)} has too few questions whose right choice is the {place % 4}")
        best = int(fits[np.argmin(((total + away[fits]) ** 2).sum(1))])
        free[best] = False
        total += away[best]
        picked.append(best)
    return [pool[index] for index in sorted(picked)]
