"""Candidates in, records or refusals out: the stages in their order, in a sandbox for each of three hash seeds.

Composed candidates share a program, as starting an interpreter costs as much as trying one of them; those of unknown
origin have one each, and one more to see that what was claimed there is so. A program that dies is blamed on the
candidate that it was trying, which is tried again alone, and on the mutant, which is then dead; the others go on in a
program of their own. So no outcome depends on who shares a program.
"""

import json
import marshal
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from assay.corpus.synthesis.record import Candidate, Example, Property, Record, Refused
from assay.corpus.synthesis.verification.source import Unreadable, as_job, is_annotated
from assay.corpus.synthesis.verification.typecheck import TypeChecker
from assay.evaluate.impossible import with_impossible_test
from assay.evaluate.sandbox import Limits, Sandbox, Verdict, open_sandbox
from assay.evaluate.sandbox.open import Tier

HASH_SEEDS = (0, 1, 2)
TOGETHER = 256
"""Candidates that share a program."""
AT_ONCE = 256
"""Candidates that are type-checked together, and after which progress is said."""
LIMITS = Limits(cpu_seconds=6.0, memory_bytes=512 * 2**20, output_bytes=16 * 2**20)
"""Of a program."""
SECONDS = 3.0
"""Processor time for one candidate under one hash seed, less than a program's."""
_CALLED = ("entry", "solution", "inputs", "edges", "kinds", "seed")
"""Of a job, what is needed to see its results and nothing else."""
_SENT = ("literal", "choice", "killing", "mutants", "driver")
_PACKAGE = __package__
_ADDRESS = re.compile(r"\b0x[0-9a-f]+")
_ENDS = {
    "timeout": "it takes too long",
    "memory": "it takes too much memory",
    "crash": "it crashes the interpreter",
    "exited": "it leaves the interpreter",
    "refused": "it does what the sandbox forbids",
}


def open_prover(tier: Tier = "auto") -> "Prover":
    """A prover, to be used in ``with`` or closed.

    Args:
        tier: Of the sandbox, as for `open_sandbox`.

    Raises:
        StepError: There is no sandbox here, or no mypy.
    """
    return Prover(tier)


@dataclass(slots=True)
class _Trial:
    """A candidate on its way."""

    candidate: Candidate
    job: dict[str, Any] = field(default_factory=dict)
    refused: tuple[Any, str, str] | None = None
    """Stage, reason, detail."""
    seen: dict[str, Any] = field(default_factory=dict)
    """What the first hash seed said."""


class Prover:
    """Sandboxes of one worker each, opened when they are first needed, and a type checker."""

    tier: str
    """Of the sandboxes, never ``auto``."""
    mutants_drawn: int
    """For all records so far, those among them that did the same as the solution on every input."""

    def __init__(self, tier: Tier) -> None:
        self._open = ExitStack()
        try:
            self._checker = TypeChecker()
            self._open.callback(self._checker.close)
            self._boxes = {HASH_SEEDS[0]: self._open.enter_context(_sandbox(tier, HASH_SEEDS[0]))}
        except BaseException:
            self._open.close()
            raise
        self._tier = tier
        self.mutants_drawn = 0
        self.tier = self._boxes[HASH_SEEDS[0]].tier

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End its processes."""
        self._open.close()

    def prove(
        self, candidates: Sequence[Candidate], together: bool, say: Callable[[int, int], None] | None = None
    ) -> list[Record | Refused]:
        """Verify candidates.

        Args:
            candidates: Of any maker.
            together: Whether many share a program: for those whose operations are known.
            say: Told how many are done, of how many.

        Returns:
            For each, in order, a record or why it is none.

        Raises:
            StepError: The sandbox was lost.
        """
        outcomes: list[Record | Refused] = []
        for start in range(0, len(candidates), AT_ONCE):
            trials = [_read(candidate) for candidate in candidates[start : start + AT_ONCE]]
            self._check_types(_left(trials))
            self._try(_left(trials), TOGETHER if together else 1)
            if not together:
                self._confirm(_left(trials))
            outcomes += map(_outcome, trials)
            self.mutants_drawn += sum(trial.seen["drawn"] for trial in _left(trials))
            if say:
                say(len(outcomes), len(candidates))
        return outcomes

    def _check_types(self, trials: list[_Trial]) -> None:
        annotated = [trial for trial in trials if is_annotated(trial.candidate)]
        errors = self._checker.first_errors([trial.candidate.solution for trial in annotated])
        for trial, error in zip(annotated, errors, strict=True):
            if error:
                message, _, code = error.removesuffix("]").rpartition(" [")
                trial.refused = ("types", f"mypy finds {code}", message.rstrip())

    def _try(self, trials: list[_Trial], size: int) -> None:
        for trial, seen in zip(trials, self._seen(HASH_SEEDS[0], trials, size), strict=True):
            trial.seen = seen
            if "stage" in seen:
                trial.refused = (seen["stage"], seen["why"], seen["detail"])
        ran = [trial for trial in trials if "digests" in trial.seen]
        for seed in HASH_SEEDS[1:]:
            for trial, seen in zip(ran, self._seen(seed, ran, size), strict=True):
                if "digests" not in seen:
                    trial.refused = ("deterministic", f"under another hash seed {seen['why']}", seen["detail"])
                elif seen["digests"] != trial.seen["digests"]:
                    trial.refused = ("deterministic", "its results depend on the hash seed", f"seed {seed}")

    def _seen(self, seed: int, trials: list[_Trial], size: int) -> list[dict[str, Any]]:
        """What a program under a hash seed says of each."""
        seen: dict[int, dict[str, Any]] = {}
        waiting = [list(range(len(trials)))[start : start + size] for start in range(0, len(trials), size)]
        while waiting:
            programs = [_program([trials[at].job for at in batch], seed == HASH_SEEDS[0]) for batch in waiting]
            again: list[list[int]] = []
            for batch, verdict in zip(waiting, self._box(seed).run(programs), strict=True):
                said = _Said.by(verdict, len(batch))
                seen |= {batch[at]: line for at, line in said.done.items()}
                again += [[batch[at]] for at in said.alone]
                left = [at for at in range(len(batch)) if at not in said.done and at not in said.alone]
                if not left:
                    continue
                first, *others = (batch[at] for at in left)
                if len(batch) > 1:
                    again += [[first], others] if others else [[first]]
                elif said.mutant and said.mutant not in trials[first].job["fatal"]:
                    trials[first].job["fatal"].append(said.mutant)
                    again.append([first])
                else:
                    why = _ENDS.get(verdict.outcome, "it breaks off")
                    seen[first] = {"stage": "run", "why": why, "detail": verdict.message}
            waiting = again
        return [seen[at] for at in range(len(trials))]

    def _confirm(self, trials: list[_Trial]) -> None:
        """See that solution and tests pass in a program of their own, and that a test that cannot pass does not."""
        programs = []
        for trial in trials:
            tests = "\n".join(trial.seen["tests"]) + "\n"
            for after in (tests, with_impossible_test(tests, trial.candidate.id).after):
                programs.append(f"{trial.candidate.solution}\n\n\n{after}")
        verdicts = iter(self._box(HASH_SEEDS[0]).run(programs))
        for trial, plain, trapped in zip(trials, verdicts, verdicts, strict=False):
            mine = (test for test in trial.seen["tests"] if test not in trial.candidate.tests)
            if not all(test.startswith(f"assert {trial.candidate.entry}(") for test in mine):
                trial.refused = ("tests", "forged: its tests are not the driver's", "")
            elif plain.outcome != "passed":
                trial.refused = ("tests", "forged: its tests fail in a program of their own", plain.message)
            elif trapped.outcome != "failed":
                trial.refused = ("tests", "forged: a test that cannot pass does not fail", trapped.message)

    def _box(self, seed: int) -> Sandbox:
        if seed not in self._boxes:
            self._boxes[seed] = self._open.enter_context(_sandbox(self._tier, seed))
        return self._boxes[seed]


@dataclass(slots=True)
class _Said:
    """What a program had said when it ended."""

    done: dict[int, dict[str, Any]] = field(default_factory=dict)
    alone: list[int] = field(default_factory=list)
    """Those that must be tried again without others."""
    mutant: int = 0
    """The mutant that was being tried when it died; 0: none was."""

    @classmethod
    def by(cls, verdict: Verdict, count: int) -> Self:
        said = cls()
        for line in _lines(verdict.output):
            number = line.pop("done", None)
            if number is None:
                said.mutant = line["mutant"] if isinstance(line.get("mutant"), int) else 0
                continue
            if not isinstance(number, int) or number >= count or number in said.done:
                continue
            if line.get("alone") is True and count > 1:
                said.alone.append(number)
            else:
                said.done[number] = line if _is_whole(line) else _FORGED
        return said


_FORGED = {"stage": "run", "why": "forged: what it says is not from the driver", "detail": ""}


def _lines(output: str) -> Iterator[dict[str, Any]]:
    for text in output.split("\n"):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict):
            yield line


def _is_whole(line: dict[str, Any]) -> bool:
    """Whether a line is one that the driver writes; a program that shares its interpreter might write another."""
    texts = [line.get(key) for key in ("stage", "why", "detail")]
    if "stage" in line:
        return all(isinstance(text, str) for text in texts)
    if "tests" not in line:
        return isinstance(line.get("digests"), list)
    numbers = [line.get(key) for key in ("mutants", "killed", "drawn", "tried")]
    return (
        all(isinstance(number, int) for number in numbers)
        and all(isinstance(test, str) for test in line["tests"])
        and all(isinstance(text, str) for pair in line["examples"] for text in pair)
    )


def _sandbox(tier: Tier, seed: int) -> Sandbox:
    return open_sandbox(tier, workers=1, limits=LIMITS, hash_seed=seed)


def _left(trials: list[_Trial]) -> list[_Trial]:
    return [trial for trial in trials if trial.refused is None]


def _read(candidate: Candidate) -> _Trial:
    try:
        return _Trial(candidate, as_job(candidate))
    except Unreadable as fault:
        stage, why, *detail = fault.args
        return _Trial(candidate, refused=(stage, why, "".join(detail)))


def _outcome(trial: _Trial) -> Record | Refused:
    candidate = trial.candidate
    if trial.refused:
        stage, why, detail = trial.refused
        return Refused(
            id=candidate.id,
            maker=candidate.maker,
            stage=stage,
            why=why,
            detail=_ADDRESS.sub("0x", detail)[:500],
            text=f"{candidate.statement}\n\n{candidate.solution}",
        )
    seen = trial.seen
    properties = tuple(
        Property(sort=sort, about=about, check=check) for sort, about, check, _ in trial.job["properties"]
    )
    return Record(
        problem=replace(candidate, tests=tuple(seen["tests"]), properties=properties),
        examples=tuple(Example(arguments=arguments, result=result) for arguments, result in seen["examples"]),
        mutants=seen["mutants"],
        killed=seen["killed"],
        inputs_tried=seen["tried"],
    )


def _program(jobs: list[dict[str, Any]], thorough: bool) -> str:
    if not thorough:
        jobs = [{name: job[name] for name in _CALLED} for job in jobs]
    call = f"main(marshal.loads(bytes.fromhex('{marshal.dumps(jobs).hex()}')), {thorough}, {SECONDS})"
    return f"{_driver()}\nsys.modules[{_PACKAGE + '.driver'!r}].{call}\n"


@cache
def _driver() -> str:
    """A program that puts the driver and its neighbours where they import each other from."""
    folder = Path(__file__).parent
    codes = {
        f"{_PACKAGE}.{name}": marshal.dumps(compile((folder / f"{name}.py").read_text("utf-8"), f"<{name}>", "exec"))
        for name in _SENT
    }
    return (
        "import marshal, sys, types\n"
        f"package = sys.modules[{_PACKAGE!r}] = types.ModuleType({_PACKAGE!r})\n"
        f"package.__path__ = []\n"
        f"for name, code in {codes!r}.items():\n"
        "    module = sys.modules[name] = types.ModuleType(name)\n"
        "    setattr(package, name.rpartition('.')[2], module)\n"
        "    exec(marshal.loads(code), module.__dict__)\n"
    )
