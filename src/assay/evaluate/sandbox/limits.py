"""What one program may use.

CPU time decides whether a program was too slow, as only it is the same on a busy and on an idle machine. Wall time is a
backstop for programs that sleep. The defaults are for the exercises of HumanEval and MBPP, whose reference programs
need milliseconds and a few MB, but for one that computes for 1.8 to 3 s, as old as the machine is.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one program; whatever reaches one is ended and told apart in its verdict."""

    cpu_seconds: float = 6.0
    """Processor time, summed over its threads."""
    wall_seconds: float = 20.0
    """Time by the clock. A program that is still computing then, on a busy machine, gets up to five times that."""
    memory_bytes: int = 512 * 2**20
    """Address space, the interpreter's own 20 to 40 MB within it."""
    file_bytes: int = 16 * 2**20
    """Size of one file."""
    tmp_bytes: int = 64 * 2**20
    """All files in its private /tmp together."""
    files: int = 10_000
    """In its private /tmp, folders among them."""
    processes: int = 32
    """Threads. A second process is always refused, except in a container, where this bounds both."""
    open_files: int = 64
    output_bytes: int = 64 * 2**10
    """Standard output that is kept; what is printed beyond it is read and dropped."""
