"""Draws that stay the same for ever: a counter through splitmix64 (Steele et al. 2014).

Python promises the sequence of ``random.random`` alone and not that of ``sample`` or ``shuffle``. A probe's rows must
not change with the version of Python, as checkpoints measured years apart are compared on them.
"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
_MASK = (1 << 64) - 1


class Chance:
    """A stream of draws from a seed."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def _next(self) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        word = self._state
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        return word ^ (word >> 31)

    def below(self, bound: int) -> int:
        """A whole number from 0 to ``bound`` − 1, each as likely to within 2⁻⁵⁰ at the bounds used here."""
        return (self._next() * bound) >> 64

    def pick(self, of: Sequence[T]) -> T:
        """One of a sequence."""
        return of[self.below(len(of))]

    def sample(self, of: Sequence[T], count: int) -> list[T]:
        """``count`` different places of a sequence, in random order."""
        left = list(of)
        return [left.pop(self.below(len(left))) for _ in range(count)]

    def shuffled(self, of: Sequence[T]) -> list[T]:
        """All of a sequence in random order."""
        return self.sample(of, len(of))
