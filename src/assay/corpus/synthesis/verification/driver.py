"""What runs in the sandbox: it tries one problem after another and says what it saw, a line of JSON each.

Every problem has names, random generator and time of its own, and the same problem gives the same line whatever stands
beside it. Of one that is tried alone each mutant is told before it is run, so that whoever waits knows under which the
process died. Imports the standard library and its neighbours that are sent along, nothing else of Assay.
"""

import ast
import contextlib
import decimal
import io
import json
import marshal
import os
import random
import signal
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NoReturn

from assay.corpus.synthesis.verification import choice, mutants
from assay.corpus.synthesis.verification.killing import RAISED, STEP, Mutant, TooSlow, count_lines, own_time
from assay.corpus.synthesis.verification.literal import literal

INPUTS = 60
"""Inputs on which everything is tried; repeated ones count where there are no more."""
DRAWS = 180
"""Inputs made at most in search of different ones."""
FEWEST_INPUTS = 10
SEVERAL = 4
"""Different results from which on one of them may be as frequent as a truth value."""
LARGEST_SHARE, LARGEST_OF_FEW = 0.9, 0.7
"""Of inputs with the same result: where there are several or it is a truth value, and where there are few."""
MOST_TESTS = 8
MUTANTS = 3
MUST_DIE = 2
MUTANTS_DRAWN = 12
"""Those that give what the solution gives on every input are drawn again, up to so many in all."""
_FORMAT = 2
"""Of marshal: without references, so that equal values have equal bytes."""
_SET = b"<"
"""Where it is not among the bytes there is no set; where it is there may be one."""

Job = dict[str, Any]
Namespace = dict[str, Any]


class Fault(Exception):
    """Why a problem is refused: stage, reason, detail."""


def main(jobs: list[Job], thorough: bool, seconds: float) -> None:
    """Try problems.

    Args:
        jobs: See `source.as_job`.
        thorough: Everything; otherwise only what the results are.
        seconds: Processor time for each.
    """
    out = os.dup(1)
    signal.signal(signal.SIGPROF, _time_is_up)

    def say(**what: Any) -> None:
        os.write(out, json.dumps(what).encode() + b"\n")

    for number, job in enumerate(jobs):
        try:
            seen = _guarded(job, thorough, seconds, lambda drawn: None if len(jobs) > 1 else say(mutant=drawn))
        except MemoryError:
            seen = {"alone": True} if len(jobs) > 1 else _refused("run", "it takes too much memory")
        say(done=number, **seen)


def _guarded(job: Job, thorough: bool, seconds: float, say: Callable[[int], None]) -> Job:
    try:
        random.seed(0)
        decimal.setcontext(decimal.Context())
        signal.setitimer(signal.ITIMER_PROF, seconds, STEP)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return Trial(job, thorough).outcome(say)
        except Fault as fault:
            return _refused(*fault.args)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except TooSlow:
        return _refused("run", "it takes too long")


def _refused(stage: str, why: str, detail: str = "") -> Job:
    return {"stage": stage, "why": why, "detail": detail[:500]}


def _time_is_up(*_: object) -> NoReturn:
    raise TooSlow


class Trial:
    """One problem being tried."""

    def __init__(self, job: Job, thorough: bool) -> None:
        self.job = job
        self.thorough = thorough
        self.names = _executed(job["solution"], "run", "its source cannot be run")
        self.entry = self.names[job["entry"]]
        self.calls: list[choice.Call] = []
        self.digests: list[int] = []
        """Of each call, equal under every hash seed where its arguments and result are."""
        self.tries: list[int] = []
        """Which call each input is, repeated ones too."""
        self._lines: dict[Any, int] = {}

    def outcome(self, say: Callable[[int], None]) -> Job:
        """Everything that is seen of it; raises Fault."""
        self.observe()
        seen: Job = {"digests": self.digests}
        if not self.thorough:
            return seen
        try:
            return seen | self.examine(say)
        except Fault as fault:
            return seen | _refused(*fault.args)

    def observe(self) -> None:
        """Call the solution on all inputs."""
        known: dict[bytes, int] = {}
        kinds = [eval(kind, self.names) if kind else None for kind in self.job["kinds"]]
        for given, is_edge in self._inputs():
            try:
                frozen, arguments, key = self._frozen(given)
            except ValueError as error:
                raise Fault("run", "its inputs are no literals", str(error)) from None
            arguments = arguments[1:-1].removesuffix(",")
            at = known.setdefault(key, len(known))
            self.tries.append(at)
            if at < len(self.calls):
                continue
            for one, fits in zip(given, kinds, strict=True):
                if fits and not fits(one):
                    raise Fault("run", "an argument is not of the announced type", arguments)
            self._call(frozen, key, arguments, is_edge or not all(given))
            if len(self.calls) == INPUTS:
                break
        distinct = set(self.tries)
        self.tries = [*range(len(distinct)), *_repeated(self.tries)][:INPUTS]

    def _inputs(self) -> Iterator[tuple[tuple[Any, ...], bool]]:
        made = _executed(self.job["inputs"], "run", "the source of its inputs cannot be run", Random=random.Random)
        make = made["make_inputs"]
        for given in self.job["edges"]:
            yield given, True
        generator = random.Random(self.job["seed"])
        for _ in range(DRAWS):
            try:
                given = make(generator)
            except RAISED as error:
                raise Fault("run", f"making its inputs raises {_named(error)}", str(error)) from None
            if type(given) is not tuple or len(given) != len(self.job["kinds"]):
                raise Fault("run", "its inputs are not one argument for each parameter", repr(given)[:200])
            yield given, False

    def _call(self, frozen: bytes, key: bytes, arguments: str, degenerate: bool) -> None:
        given = marshal.loads(frozen)
        try:
            result = self.entry(*given)
        except RAISED as error:
            raise Fault("run", f"it raises {_named(error)}", f"{error}: for ({arguments})") from None
        if not _same(given, frozen):
            raise Fault("run", "it changes its arguments", f"({arguments})")
        try:
            kept, text, kept_key = self._frozen(result)
        except ValueError as error:
            raise Fault("run", "its result is no literal", f"{error}: for ({arguments})") from None
        self.digests.append(zlib.crc32(key + kept_key))
        self.calls.append(choice.Call(frozen, arguments, text, kept, degenerate))

    def _frozen(self, value: Any) -> tuple[bytes, str, bytes]:
        """A value marshalled, its sets as they are when read from its text; the text if it is needed; and what is the
        same for equal values under every hash seed."""
        text = literal(value) if self.thorough else ""
        frozen = marshal.dumps(value, _FORMAT)
        if _SET not in frozen or not _has_set(value):
            return frozen, text, frozen
        text = text or literal(value)
        return marshal.dumps(ast.literal_eval(text), _FORMAT), text, text.encode(errors="surrogatepass")

    def examine(self, say: Callable[[int], None]) -> Job:
        """Stages behind the run; raises Fault."""
        self._see_that_results_vary()
        shown = choice.printable(self.calls)
        if len(shown) < choice.FEWEST:
            raise Fault("run", "its calls are too large to print", f"{len(shown)} of {len(self.calls)} are short")
        self._call_again()
        plain, tested = choice.chosen(shown)
        own = self._own_tests()
        self._see_that_properties_hold()
        count, killed, drawn = self._kill(own, tested, shown, say)
        entry = self.job["entry"]
        return {
            "tests": [*(text for text, _ in own), *(_as_test(entry, call) for call in tested)],
            "examples": [[call.arguments, call.result] for call in plain],
            "mutants": count,
            "killed": killed,
            "drawn": drawn,
            "tried": len(self.tries),
        }

    def _see_that_results_vary(self) -> None:
        if len(self.calls) < FEWEST_INPUTS:
            raise Fault("run", "there are too few different inputs", f"{len(self.calls)}")
        times = Counter(call.result for call in self.calls)
        usual, count = times.most_common(1)[0]
        largest = LARGEST_SHARE if len(times) >= SEVERAL or set(times) <= {"True", "False"} else LARGEST_OF_FEW
        if count > largest * len(self.calls):
            raise Fault("run", "it gives nearly always the same", f"{usual[:200]} {count} times of {len(self.calls)}")

    def _call_again(self) -> None:
        for call in self.calls:
            try:
                again = self.entry(*marshal.loads(call.frozen))
            except RAISED as error:
                raise Fault("deterministic", f"a second call raises {_named(error)}", str(error)) from None
            if not _same(again, call.kept):
                raise Fault("deterministic", "a second call gives another result", f"for ({call.arguments})")

    def _own_tests(self) -> list[tuple[str, CodeType]]:
        """The maker's own tests, less those that hold for whatever is returned."""
        first = self.calls[0]
        other = next(call for call in self.calls if call.result != first.result)
        kept = []
        for text, test in self.job["tests"]:
            try:
                exec(test, dict(self.names))
            except RAISED as error:
                raise Fault("tests", "its own test fails", f"{text}: {_named(error)}: {error}") from None
            if not all(self._holds_for(test, marshal.loads(one.kept)) for one in (first, other)):
                kept.append((text, test))
        if self.job["tests"] and not kept:
            raise Fault("tests", "its own tests hold for any result", self.job["tests"][0][0])
        return kept[: MOST_TESTS - MUTANTS]

    def _holds_for(self, test: CodeType, result: object) -> bool:
        """Whether a test passes when the function gives one thing whatever it is given."""
        try:
            exec(test, {**self.names, self.job["entry"]: lambda *_, **__: result})
        except RAISED:
            return False
        return True

    def _see_that_properties_hold(self) -> None:
        others = self._others()
        for sort, about, check, code in self.job["properties"]:
            holds = eval(code, self.names)
            for at in self.tries:
                call = self.calls[at]
                other = marshal.loads(others[at]) if others else None
                try:
                    held = bool(holds(*marshal.loads(call.frozen), marshal.loads(call.kept), other))
                except RAISED as error:
                    detail = f"{check}: {_named(error)}: {error}: for ({call.arguments})"
                    raise Fault("properties", f"its {sort} cannot be evaluated", detail) from None
                if not held:
                    raise Fault("properties", f"its {sort} does not hold", f"{about} {check}: for ({call.arguments})")

    def _others(self) -> list[bytes]:
        if not self.job["alternative"]:
            return []
        names = _executed(self.job["alternative"], "properties", "its alternative cannot be run")
        others = []
        for call in self.calls:
            try:
                others.append(marshal.dumps(names[self.job["entry"]](*marshal.loads(call.frozen)), _FORMAT))
            except RAISED as error:
                why = f"its alternative raises {_named(error)}"
                raise Fault("properties", why, f"{error}: for ({call.arguments})") from None
        return others

    def _kill(
        self,
        own: list[tuple[str, CodeType]],
        tested: list[choice.Call],
        shown: list[choice.Call],
        say: Callable[[int], None],
    ) -> tuple[int, int, int]:
        """Draw mutants and see which the tests tell from the solution; a call that does is added where there is room.

        Returns:
            Mutants that differ on some input, those killed, and all that were drawn.
        """
        tree = ast.parse(self.job["source"])
        del tested[max(0, MOST_TESTS - MUTANTS - len(own)) :]
        others = sorted(self.calls, key=lambda call: (call.length > choice.LONGEST, call.length))
        count = killed = drawn = 0
        for site in mutants.sites(tree, self.job["seed"]):
            if count == MUTANTS or drawn == MUTANTS_DRAWN:
                break
            code = site.compiled(tree)
            if code is None:
                continue
            drawn += 1
            say(drawn)
            dies, telling = True, None
            if drawn not in self.job["fatal"]:
                with own_time():
                    mutant = Mutant(code, self.job["entry"], self.lines)
                    died = mutant.dies([test for _, test in own], tested)
                    telling = None if died else next(filter(mutant.differs, others), None)
                    dies = died
            if telling in shown and len(own) + len(tested) < MOST_TESTS:
                tested.append(telling)
                dies = True
            if dies or telling:
                count, killed = count + 1, killed + dies
        if count < MUTANTS:
            raise Fault("mutants", "too few of its mutants differ from it", f"{count} of {drawn} drawn")
        if killed < MUST_DIE:
            raise Fault("mutants", "its tests tell too few mutants from it", f"{killed} of {count}")
        return count, killed, drawn

    def lines(self, test: choice.Call | CodeType) -> int:
        """Lines that the solution goes through in a call or test."""
        if test not in self._lines:
            if isinstance(test, choice.Call):
                self._lines[test] = count_lines(self.entry, marshal.loads(test.frozen))
            else:
                self._lines[test] = count_lines(exec, (test, dict(self.names)))
        return self._lines[test]


def _executed(code: CodeType, stage: str, why: str, **names: Any) -> Namespace:
    found: Namespace = {"__name__": "solution", **names}
    try:
        exec(code, found)
    except RAISED as error:
        raise Fault(stage, why, f"{_named(error)}: {error}") from None
    return found


def _named(error: BaseException) -> str:
    """The name of what was raised; lack of memory is nobody's fault here and goes on."""
    if isinstance(error, MemoryError):
        raise error
    return type(error).__name__


def _has_set(value: object) -> bool:
    """Whether there is a set in a value that can be marshalled."""
    if isinstance(value, dict):
        return any(map(_has_set, value.values()))
    return isinstance(value, set) or (isinstance(value, list | tuple) and any(map(_has_set, value)))


def _same(value: Any, frozen: bytes) -> bool:
    """Whether a value is what was marshalled; sets may have the same elements in another order."""
    try:
        return marshal.dumps(value, _FORMAT) == frozen or literal(value) == literal(marshal.loads(frozen))
    except ValueError:
        return False


def _repeated(tries: list[int]) -> list[int]:
    met: set[int] = set()
    again = []
    for one in tries:
        if one in met:
            again.append(one)
        met.add(one)
    return again


def _as_test(entry: str, call: choice.Call) -> str:
    sign = "is" if call.result in ("True", "False", "None") else "=="
    return f"assert {entry}({call.arguments}) {sign} {call.result}"
