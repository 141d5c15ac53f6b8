"""Which of the calls that were tried are shown and which become tests.

Shown are plain calls: neither empty nor large, with results that differ. Tests begin with a plain one and go on to what
is unlike it: edges, empty arguments, results not met yet. A call beyond `LONGEST` characters is used for neither. Runs
inside the sandbox, so it imports the standard library alone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST = 200
"""Characters of arguments and result together."""
EXAMPLES = 4
TESTS = 5
"""Made at first; surviving mutants may add to them."""
EDGES = 3
"""Until there are so many tests they are edges, but for the first."""
FEWEST = 6
"""Calls short enough to print that a problem must have."""
_PLAIN_LENGTHS = (24, 72)
"""Characters of a call that is neither trivial nor hard to read: what is usual, but within this."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call that was tried; no two are the same."""

    frozen: bytes
    """Its arguments, marshalled."""
    arguments: str
    result: str
    kept: bytes
    """Its result, marshalled."""
    degenerate: bool
    """Whether it is an edge, or an argument of it is empty, zero or false."""

    @property
    def length(self) -> int:
        """Characters to print."""
        return len(self.arguments) + len(self.result)


def printable(calls: Sequence[Call]) -> list[Call]:
    """Those short enough to be shown."""
    return [call for call in calls if call.length <= LONGEST]


def chosen(calls: Sequence[Call]) -> tuple[list[Call], list[Call]]:
    """Calls to show, the plainest first, and calls to test; they share one, or more where there are few.

    Args:
        calls: Different ones that are `printable`, at least `FEWEST`.
    """
    usual = Counter(call.result for call in calls).most_common(1)[0][0]
    lengths = sorted(call.length for call in calls)
    plain_length = min(max(lengths[len(lengths) // 2], _PLAIN_LENGTHS[0]), _PLAIN_LENGTHS[1])
    by_length = sorted(calls, key=lambda call: abs(call.length - plain_length))
    plain = _drawn(sorted(by_length, key=lambda call: call.degenerate + (call.result == usual)), EXAMPLES, [])
    rest = [call for call in by_length if call not in plain]
    edges = sorted((call for call in rest if call.degenerate), key=lambda call: call.length)
    tests = _drawn(edges, EDGES, plain[:1])
    tests = _drawn([call for call in rest if not call.degenerate], TESTS, tests)
    return plain, _drawn([*rest, *plain], TESTS, tests)


def _drawn(calls: list[Call], count: int, drawn: list[Call]) -> list[Call]:
    """What was drawn, and more calls until there are ``count``: those whose result was met least, the first of them."""
    drawn = list(drawn)
    met = Counter(call.result for call in drawn)
    left = [call for call in calls if call not in drawn]
    while left and len(drawn) < count:
        at = min(range(len(left)), key=lambda at: met[left[at].result])
        met[left[at].result] += 1
        drawn.append(left.pop(at))
    return drawn
