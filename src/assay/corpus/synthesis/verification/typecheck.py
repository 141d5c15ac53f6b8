"""Whether sources keep to their annotations, as mypy sees it: many at a time, each as if it were alone.

What mypy does to begin with (reading builtins and typing) takes 0.5 s the first time and 30 ms from then on; a source
takes 1.5 to 3 ms beside others. Functions without annotations are not looked into, as is mypy's custom. Nothing is
run. That arguments and results really have their types is seen in the sandbox (see `contract`).
"""

import contextlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from assay.errors import StepError

_WORKER = Path(__file__).with_name("mypy_worker.py")
_GAVE_UP = "the type checker gave up [gave-up]"


class TypeChecker:
    """A process with mypy, started when it is first asked. Close it."""

    def __init__(self) -> None:
        if importlib.util.find_spec("mypy") is None:
            raise StepError("type checks need mypy, which is not installed: pip install 'assay[synth]'")
        self._folder = tempfile.TemporaryDirectory(prefix="assay-mypy-")
        self._process: subprocess.Popen[str] | None = None

    def first_errors(self, sources: Sequence[str]) -> list[str]:
        """For each source the first error, with its code in square brackets at the end; empty where there is none."""
        if not sources:
            return []
        try:
            return self._asked(list(sources))
        except ConnectionError:
            self._end()
        if len(sources) == 1:
            return [_GAVE_UP]
        return [self.first_errors([source])[0] for source in sources]

    def close(self) -> None:
        """End the process and remove its cache."""
        self._end()
        self._folder.cleanup()

    def _asked(self, sources: list[str]) -> list[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_WORKER), self._folder.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self._folder.name,
                text=True,
                encoding="utf-8",
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(sources) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ConnectionError from None
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise ConnectionError
        found: list[str] = json.loads(line)
        return found

    def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        with contextlib.suppress(OSError):
            process.communicate()
