"""Two training programs take turns on the same two cores, so that what the machine does meanwhile happens to both.

Each program is measured in two layouts: one process with two threads, and two processes of one thread each, pinned to
a core and training side by side, whose tokens are added. Processes are started anew for every pair, compile, warm up,
and then wait; a turn lasts some seconds, a step at least. A rate is tokens over the median step of all turns of a race,
a ratio one rate over the other in the same race. All get the environment of our workers, the allocator's settings
included, and share a folder of compiled code, so that a second run of the benchmark does not compile again.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from _training_pace import Job
from assay.run.local import cores
from assay.run.worker import environment

HERE = Path(__file__).parent
COMPILED = HERE.parent / ".assay" / "benchmark-compiled"
REQUIREMENTS = ("transformers==5.3.0", "accelerate==1.15.0", "litgpt==0.5.13", "ai2-olmo-core==3.0.0")
PEERS = ("hf", "litgpt", "olmo", "nano")
LAYOUTS = {"two_threads": (2,), "two_processes": (1, 1)}
"""Threads of each process."""
WARM_STEPS = 3
PATIENCE = 600.0
"""Seconds for a compilation and `WARM_STEPS`."""


@dataclass
class Process:
    """A driver waiting for its next turn."""

    popen: "subprocess.Popen[str]"
    log: IO[str]
    peak_bytes: int = 0

    def go(self, seconds: float, steps: int) -> None:
        """Let it run for so long, and so many steps at least."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps({"seconds": seconds, "steps": steps}) + "\n")
        self.popen.stdin.flush()

    def answer(self) -> list[float]:
        """Wait for the end of its turn: seconds of each step.

        Raises:
            SystemExit: It ended.
        """
        assert self.popen.stdout is not None
        patience = threading.Timer(PATIENCE, self.popen.kill)
        patience.start()
        line = self.popen.stdout.readline()
        patience.cancel()
        if not line:
            self.log.seek(0)
            raise SystemExit(f"{' '.join(map(str, self.popen.args))} ended:\n{self.log.read()[-3000:]}")  # type: ignore[arg-type]
        answer = json.loads(line)
        self.peak_bytes = answer["peak_bytes"]
        return [float(value) for value in answer["times"]]


@dataclass
class Program:
    """One program in some layouts; a context manager that has started and warmed it."""

    job: Job
    python: str
    """Interpreter of the peers."""
    layouts: Sequence[str] = tuple(LAYOUTS)
    teams: dict[str, list[Process]] = field(default_factory=dict)
    warm_seconds: float = 0.0

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        begin = time.monotonic()
        try:
            self.teams = {layout: self._start(LAYOUTS[layout]) for layout in self.layouts}
            # What has the same threads compiles the same, so the second process finds what the first has made.
            for wave in range(2):
                members = [team[wave] for team in self.teams.values() if len(team) > wave]
                for process in members:
                    process.go(0, WARM_STEPS)
                for process in members:
                    process.answer()
        except BaseException:
            self._stack.close()
            raise
        self.warm_seconds = time.monotonic() - begin
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self, threads: Sequence[int]) -> list[Process]:
        available = cores()
        return [
            self._process(replace(self.job, threads=count, cpu=available[index] if len(threads) > 1 else -1))
            for index, count in enumerate(threads)
        ]

    def _process(self, job: Job) -> Process:
        peer = job.program in PEERS
        script = HERE / ("_training_peers.py" if peer else "_training_ours.py")
        place = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-race-"))
        log = self._stack.enter_context((Path(place) / "log.txt").open("w+"))
        popen = self._stack.enter_context(
            subprocess.Popen(
                [self.python if peer else sys.executable, str(script), json.dumps(asdict(job))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=place,
                env=surroundings(job.threads),
            )
        )
        self._stack.callback(popen.kill)
        return Process(popen, log)

    def turn(self, layout: str, seconds: float, steps: int = 1) -> list[list[float]]:
        """Run for some seconds: the steps' seconds of each process."""
        team = self.teams[layout]
        for process in team:
            process.go(seconds, steps)
        return [process.answer() for process in team]

    def peak_gb(self, layout: str) -> float:
        """Largest resident set of one of its processes, 10^9 bytes."""
        return max(process.peak_bytes for process in self.teams[layout]) / 1e9


def surroundings(threads: int) -> dict[str, str]:
    """The environment of every process that is measured."""
    counted = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return {
        **os.environ,
        **environment(),
        **counted,
        "TORCHINDUCTOR_CACHE_DIR": str(COMPILED),
        "HF_HUB_OFFLINE": "1",
    }


@dataclass
class Race:
    """Turns of two programs: seconds of each step, by program (0 ours, 1 the other), layout and process."""

    jobs: tuple[Job, Job]
    times: dict[tuple[int, str], list[list[float]]] = field(default_factory=dict)

    def add(self, who: int, layout: str, turn: list[list[float]]) -> None:
        """Take a turn in."""
        of = self.times.setdefault((who, layout), [[] for _ in turn])
        for known, times in zip(of, turn, strict=True):
            known.extend(times)

    def rate(self, who: int, layout: str) -> float:
        """Tokens a second."""
        tokens = self.jobs[who].rows * self.jobs[who].sequence
        return sum(tokens / statistics.median(times) for times in self.times[who, layout])

    def best(self, who: int) -> str:
        """The layout that is faster."""
        return max((layout for one, layout in self.times if one == who), key=lambda layout: self.rate(who, layout))

    @property
    def ratio(self) -> float:
        """Ours over the other's, each in its best layout."""
        return self.rate(0, self.best(0)) / self.rate(1, self.best(1))

    def ratio_in(self, layout: str) -> float:
        """Ours over the other's in one layout."""
        return self.rate(0, layout) / self.rate(1, layout)


def race(ours: Program, other: Program, rounds: int, seconds: float, close: float = math.inf) -> Race:
    """Let two programs take turns: first in every layout, then, if the ratio is below ``close``, each in its better
    one."""
    found = Race((ours.job, other.job))
    both = (ours, other)
    for layout in ours.layouts:
        for who, program in enumerate(both):
            found.add(who, layout, program.turn(layout, seconds))
    best = [found.best(0), found.best(1)]
    for _ in range(rounds - 1 if found.ratio < close else 0):
        for who, program in enumerate(both):
            found.add(who, best[who], program.turn(best[who], seconds))
    found.add(0, best[0], ours.turn(best[0], seconds))
    return found


@contextmanager
def peers_python(given: str | None) -> Iterator[str]:
    """An interpreter that has the peers: the one given, else of a virtual environment made for now."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="assay-peers-") as folder:
        torch = f"torch=={metadata.version('torch').partition('+')[0]}"
        say(f"making a virtual environment with {torch}, {', '.join(REQUIREMENTS)}; some minutes")
        venv.create(folder, with_pip=True)
        pip = [str(Path(folder) / "bin" / "python"), "-m", "pip"]
        subprocess.run([*pip, "install", "--quiet", torch, *REQUIREMENTS], check=True)
        # litgpt asks for it without using it here, and beside a torch for CPUs it does not load
        subprocess.run([*pip, "uninstall", "--quiet", "--yes", "torchvision"], check=True)
        yield pip[0]


def versions(python: str) -> Mapping[str, Any]:
    """What the peers' interpreter has of `REQUIREMENTS` and torch."""
    names = ["torch", *(requirement.partition("==")[0] for requirement in REQUIREMENTS)]
    code = f"import json, importlib.metadata as m; print(json.dumps({{n: m.version(n) for n in {names!r}}}))"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(answer)
    return found


def say(text: str) -> None:
    """Tell the terminal how far it is."""
    print(text, file=sys.stderr, flush=True)
