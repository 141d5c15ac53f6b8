"""Mutants before the tests: which of them give something else than the solution, raise, or do not end.

What does not end is told by counting lines, as that is the same on every machine; processor time is a backstop for
what goes on within one line. Runs inside the sandbox, so it imports the standard library and its neighbours alone.
"""

import contextlib
import marshal
import signal
import sys
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from assay.corpus.synthesis.verification.choice import Call

MUTANT_SECONDS = 1.0
"""For one mutant, where what it does cannot be counted in lines."""
MORE_LINES = 2000
TIMES_LINES = 20
"""A mutant may go through this many times the lines of the solution, and so many more, before it counts as endless."""
STEP = 0.1
"""Seconds after which it is said again that time is up, to whoever would not hear."""
RAISED = (Exception, SystemExit)
"""What a program may raise without ending whoever tries it."""


class TooSlow(BaseException):
    """Time is up. No Exception, lest a solution catch it."""


class Endless(BaseException):
    """A mutant went through more lines than it may."""


class Mutant:
    """A wrong version of a solution.

    Args:
        code: Its source, compiled.
        entry: The function's name.
        lines: How many lines the solution goes through in a call or test.
    """

    def __init__(self, code: CodeType, entry: str, lines: Callable[[Call | CodeType], int]) -> None:
        self._lines = lines
        self._names: dict[str, Any] = {"__name__": "solution"}
        self._loads = _ends(exec, (code, self._names), 0)
        self._entry: Any = self._names.get(entry)

    def dies(self, own: list[CodeType], tested: list[Call]) -> bool:
        """Whether one of the tests fails for it."""
        return any(map(self.differs, tested)) or not all(map(self._passes, own))

    def differs(self, call: Call) -> bool:
        """Whether the test of a call fails for it."""
        return not self._loads or not _ends(self._test, (call,), self._lines(call))

    def _test(self, call: Call) -> None:
        result = self._entry(*marshal.loads(call.frozen))
        wanted = marshal.loads(call.kept)
        assert result is wanted if wanted is None or isinstance(wanted, bool) else result == wanted

    def _passes(self, test: CodeType) -> bool:
        return self._loads and _ends(exec, (test, dict(self._names)), self._lines(test))


@contextlib.contextmanager
def own_time() -> Iterator[None]:
    """Time that is not the problem's; when it is up, what was going on is left."""
    before = signal.getitimer(signal.ITIMER_PROF)
    signal.setitimer(signal.ITIMER_PROF, MUTANT_SECONDS, STEP)
    try:
        yield
    except TooSlow:
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, *before)


def _ends(function: Callable[..., Any], arguments: tuple[Any, ...], lines: int) -> bool:
    """Whether it ends without an exception, and in not many more lines than the solution."""
    try:
        count_lines(function, arguments, TIMES_LINES * lines + MORE_LINES)
    except (*RAISED, Endless):
        return False
    return True


def count_lines(function: Callable[..., Any], arguments: tuple[Any, ...], most: int = sys.maxsize) -> int:
    """Call a function and count the lines that it goes through, calls and returns too.

    Raises:
        Endless: There are more than ``most``. What the function raises goes on.
    """
    left = most

    def trace(frame: object, event: str, _: object) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Endless
        return trace

    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(None)
    return most - left
