"""The two ways a command can fail, the exit code of each, and the hint at what was meant.

Everything a person can cause is raised as one of these with a message for that person; the command line
prints the message alone. Any other exception is a defect of Assay and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class AssayError(Exception):
    """Base of the errors that are told without a traceback."""

    exit_code = 1


class InputError(AssayError):
    """The study, an option or a file given by the user is wrong. Exit code 2.

    Args:
        message: What was wrong and what would be right.
        where: ``file:line`` of the place, when known; printed in front.
    """

    exit_code = 2

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where


class StepError(AssayError):
    """A step could not be done: network, disk, a crashed worker, a diverged run. Exit code 1."""


class Lost(StepError):
    """Whoever carried a step out is gone, killed for memory or with its node; the step can be begun again."""


class Stopped(AssayError):
    """The person stopped the program. Exit code 130, as a shell gives for Ctrl-C."""

    exit_code = 130


class Terminated(Stopped):
    """The machine is wanted for something else (SIGTERM, as at a pre-emption). Exit code 143."""

    exit_code = 143


def nearest(name: str, among: Iterable[str]) -> str:
    """A hint for a message: ``; did you mean 'arms'?``, or what there is to choose from."""
    known = [str(one) for one in among]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there is {', '.join(known)}" if known else ""
