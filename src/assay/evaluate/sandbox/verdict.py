"""What became of a program.

Eight outcomes, because "did not pass" is of no use to whoever must tell a wrong answer from a slow machine or a missing
right. Only `passed` is a claim that the sandbox vouches for as far as it can; a program can always choose how it fails.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Outcome = Literal["passed", "failed", "error", "timeout", "memory", "crash", "exited", "refused"]
"""``passed``: ran to its end without an exception. ``failed``: AssertionError. ``error``: another exception.
``timeout``: CPU or wall time. ``memory``: MemoryError, or killed for memory. ``crash``: a signal. ``exited``: left
before its end, or its end was forged. ``refused``: something that the sandbox forbids or bounds ended it."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A program's end."""

    outcome: Outcome
    message: str
    """Type, text and line of an exception, the signal, the limit; empty if it passed."""
    output: str
    """Its standard output, cut to `Limits.output_bytes`; bytes that are no UTF-8 are replaced."""
    cpu_seconds: float
    """Processor time of the program's process, its start within it (about 5 ms)."""
    wall_seconds: float
