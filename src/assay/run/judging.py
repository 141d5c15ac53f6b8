"""Win rates carried out: the graph of answers, exams and judgements, and the folder that they are written into.

A model on this machine judges in steps, whose artifacts are stored and never made twice. A model behind an endpoint is
asked by this process alone, when all answers are there: a worker that is killed and begun again would pay again. It
sits its exam first, and is asked nothing more unless it passes. What
it said is kept in the folder, what it did not say is a verdict of none with the reason, and is asked when the same
command is run again. What judgements come to is `assay.judge.summary`'s business.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.endpoint import Account, check_client
from assay.errors import InputError, StepError
from assay.evaluate.item import content_hash
from assay.files import as_json, refused, write_whole
from assay.judge.answers import Answers, read_answers, write_answers
from assay.judge.endpoint_judge import EndpointJudge
from assay.judge.exam import build_exam, sit
from assay.judge.judgement import Judgement
from assay.judge.pairings import judgements_from, pairings_of, shown_prompts
from assay.judge.prompt_set import AskedSet, PromptSet
from assay.judge.verdict import open_format
from assay.judge.wanted import EndpointWanted, LocalWanted
from assay.report.status import JUDGED, JUDGING
from assay.run.engine import Engine
from assay.run.judge_steps import exam_step, judge_name, judgements_step
from assay.run.progress import LOG_SECONDS, RunProgress
from assay.run.step import Step
from assay.run.store import Store

if TYPE_CHECKING:
    from assay.judge.tournament import Seeds

ABOUT = "judge.json"
REPLIES = "replies"
"""Folder of what endpoints said."""
Wanted = LocalWanted | EndpointWanted


@dataclass(frozen=True)
class Compared:
    """Two arms under one seed, judged by a model on this machine."""

    a: str
    b: str
    step: Step


@dataclass(frozen=True, kw_only=True)
class Judging:
    """All steps of a tournament, and who else is asked."""

    prompts: PromptSet
    arms: Mapping[str, Mapping[int, Step]]
    """What makes an arm's answers, by seed; of the arms that are in a pair."""
    pairs: tuple[tuple[str, str], ...]
    exams: tuple[Step, ...]
    """One for each local judge, in the order asked for."""
    compared: tuple[Compared, ...]
    endpoints: tuple[EndpointWanted, ...]
    seeds_are: "Seeds"
    sequential: bool = False
    """Also say when judging prompt by prompt would have been decided."""

    @property
    def goals(self) -> list[Step]:
        """What is read when the folder is written, each once."""
        answers = [step for steps in self.arms.values() for step in steps.values()]
        each = [*answers, *self.exams, *(one.step for one in self.compared)]
        return list({step.key: step for step in each}.values())

    def seeds(self, a: str, b: str) -> list[int]:
        """Those that two arms have in common."""
        return common_seeds(self.arms[a], self.arms[b])

    def check_endpoints(self) -> None:
        """See, before anything is made, that the judges behind endpoints can be asked.

        Raises:
            InputError: The ``openai`` package is not installed.
        """
        if self.endpoints:
            check_client()


@dataclass(frozen=True)
class Collected:
    """What a folder was written with."""

    summary: Mapping[str, Any]
    """What ``judge.json`` holds."""
    unanswered: Mapping[str, str] = field(default_factory=dict)
    """By judge behind an endpoint that did not answer every question: how many, and why."""
    is_new: bool = True
    """Whether anything had to be made, or asked."""


def common_seeds(one: Mapping[int, Any], other: Mapping[int, Any]) -> list[int]:
    """Seeds under which two arms are compared, sorted."""
    return sorted(set(one) & set(other))


def build_judging(
    arms: Mapping[str, Mapping[int, Step]],
    pairs: Sequence[tuple[str, str]],
    wanted: Sequence[Wanted],
    prompts: PromptSet,
    asked: AskedSet,
    numerics: Mapping[str, str],
    seeds_are: "Seeds",
    sequential: bool = False,
) -> Judging:
    """The steps that compare some arms.

    Args:
        arms: What makes their answers, by seed: ``replies`` steps. Those in no pair are left out.
        pairs: Of arms, each two once.
        wanted: The judges.
        prompts: What is answered.
        asked: The same, as it was asked for.
        numerics: Of the workers.
        seeds_are: What a seed is.
        sequential: Also say when judging prompt by prompt would have been decided.

    Raises:
        InputError: Two arms have no seed in common, two judges have one name, or there is no such judge.
    """
    check_judges(wanted)
    used = list(dict.fromkeys(name for pair in pairs for name in pair))
    local = [one for one in wanted if isinstance(one, LocalWanted)]
    compared = []
    for a, b in pairs:
        seeds = common_seeds(arms[a], arms[b])
        if not seeds:
            raise InputError(f"{a} and {b} have no seed in common: there is nothing to compare")
        for one in local:
            for seed in seeds:
                title = f"{judge_label(one)}: {a} against {b}" + (f", seed {seed}" if len(seeds) > 1 else "")
                step = judgements_step(one, prompts, asked, arms[a][seed], arms[b][seed], seed, numerics, title)
                compared.append(Compared(a, b, step))
    return Judging(
        prompts=prompts,
        arms={name: dict(arms[name]) for name in used},
        pairs=tuple(pairs),
        exams=tuple(exam_step(one, prompts, asked, numerics) for one in local),
        compared=tuple(compared),
        endpoints=tuple(one for one in wanted if isinstance(one, EndpointWanted)),
        seeds_are=seeds_are,
        sequential=sequential,
    )


def judge_label(wanted: Wanted) -> str:
    """What a judge is called in the records.

    Raises:
        InputError: There is no such model or format.
    """
    if isinstance(wanted, LocalWanted):
        return judge_name(wanted)
    return f"{wanted.endpoint.model} {open_format(wanted.format).name} by {wanted.by}"


def check_judges(wanted: Sequence[Wanted]) -> None:
    """See that judges can be told apart.

    Raises:
        InputError: Two have one name, or there is no such judge.
    """
    labels = [judge_label(one) for one in wanted]
    if again := next((label for label in labels if labels.count(label) > 1), None):
        raise InputError(f"two judges are called '{again}': their verdicts could not be told apart")


def judge(judging: Judging, out: Path, engine: Engine) -> Collected:
    """Have arms answer and be judged, and write the folder.

    Args:
        judging: From `build_judging`.
        out: The folder: new, empty, or of an earlier judging, whose files are replaced.
        engine: Who does it, and with which store.

    Raises:
        InputError: Something else is in the folder's place, or the ``openai`` package is missing.
        StepError: Disk, a lost worker. What was finished is kept.
    """
    check_folder(out)
    judging.check_endpoints()
    missing = engine.missing(judging.goals)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with engine.store.in_use(), RunProgress(out / "log.jsonl") as progress:
            engine.listen = progress.hear
            progress.say(JUDGING)
            found = engine.make_and_read(
                judging.goals, lambda: collect_judging(judging, out, engine.store, progress.say), progress.expect
            )
            if not found.unanswered:
                progress.say(JUDGED)
    except OSError as problem:
        if told := refused(problem, out):
            raise told from None
        raise
    return replace(found, is_new=found.is_new or bool(missing))


def collect_judging(
    judging: Judging, out: Path, store: Store, say: Callable[[str], None] = lambda told: None
) -> Collected:
    """Ask the judges behind endpoints, and write the folder from what all of them said; ``judge.json`` last.

    Args:
        judging: All of its steps are in the store.
        out: The folder; what an earlier judging left there is replaced, but what endpoints said, which is not asked
            again.
        store: Where the artifacts are.
        say: Told now and then what goes on.

    Raises:
        Damaged: An artifact is not what was written.
        InputError: The ``openai`` package is missing.
        StepError: The disk is full, or another process asks with the same folder.
    """
    from assay.judge.summary import Judged, summarise

    answers = {name: _answers(name, steps, judging.prompts, store) for name, steps in judging.arms.items()}
    exams: dict[str, Mapping[str, Any]] = dict(_exam(step, store) for step in judging.exams)
    rows = [row for one in judging.compared for row in _judgements(one, store)]
    accounts: dict[str, str] = {}
    unanswered: dict[str, str] = {}
    called = 0
    for wanted in judging.endpoints:
        asked = _ask(judging, wanted, answers, out, say)
        exams[asked.judge], accounts[asked.judge] = asked.exam, str(asked.account)
        rows += asked.rows
        called += asked.account.calls
        if asked.unanswered:
            unanswered[asked.judge] = asked.unanswered
    say("Writing judgements …")
    judged = Judged(
        prompts=judging.prompts,
        pairs=judging.pairs,
        seeds_are=judging.seeds_are,
        judgements=rows,
        exams=exams,
        answers=answers,
        accounts=accounts,
    )
    made_of = [f"{step.kind}/{step.key}" for step in judging.goals]
    summary = {**summarise(judged, judging.sequential), "made_of": made_of}
    _write(out, answers, rows, summary)
    return Collected(summary, unanswered, called > 0)


def check_folder(out: Path) -> None:
    """See that win rates may be written into a folder.

    Raises:
        InputError: It holds something else, or is a file.
    """
    if out.is_dir():
        names = {path.name for path in out.iterdir()}
        begun = "log.jsonl" in names and names <= {"log.jsonl", REPLIES, "answers", "judgements.parquet", "report.html"}
        if names and ABOUT not in names and not begun:
            raise InputError(f"{out} holds something else than win rates; choose another folder with --out")
    elif out.exists():
        raise InputError(f"{out} is a file; choose another folder with --out")


def judged_keys(folder: Path) -> set[str]:
    """Keys of the answers, exams and judgements that a folder's win rates are made of.

    Raises:
        InputError: It holds no finished win rates.
    """
    path = folder / ABOUT
    try:
        return {name.partition("/")[2] for name in json.loads(path.read_text(encoding="utf-8"))["made_of"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} is not what 'assay judge' writes; judge again") from None


def file_names(names: Sequence[str]) -> dict[str, str]:
    """A file name, without ending, for each arm: what it is called, as far as a path may hold it; no two alike."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w.+-]+", "_", name).lstrip(".")[:100] or "arm"
        clash = plain.casefold() in {one.casefold() for one in found.values()}
        found[name] = f"{plain}-{content_hash(name)[:6]}" if clash else plain
    return found


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What came of asking an endpoint."""

    judge: str
    exam: Mapping[str, Any]
    rows: list[Judgement]
    account: Account
    unanswered: str


def open_endpoint(wanted: EndpointWanted, folder: Path) -> EndpointJudge:
    """A judge behind an endpoint, not yet asked anything, with its replies in a folder.

    Raises:
        InputError: There is no such format, or its verdict cannot be read from log-probabilities.
    """
    label = judge_label(wanted)
    cache = folder / REPLIES / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', label).strip('-.')}-{content_hash(label)[:6]}.sqlite"
    return EndpointJudge(
        wanted.endpoint, open_format(wanted.format), cache, wanted.budget, wanted.by, wanted.temperature
    )


def _ask(
    judging: Judging, wanted: EndpointWanted, answers: Mapping[str, Answers], out: Path, say: Callable[[str], None]
) -> _Asked:
    """The exam, and of a judge that passed it the judgements, as far as there are replies."""
    exam = build_exam(shown_prompts(judging.prompts, "chat"))
    places = [(a, b, seed) for a, b in judging.pairs for seed in judging.seeds(a, b)]
    each = [pairings_of(judging.prompts, answers[a], answers[b], seed, "chat") for a, b, seed in places]
    with ExitStack() as stack:
        asked = stack.enter_context(open_endpoint(wanted, out))
        result = sit(asked, exam, say=_slowly(say, f"{asked.name}: exam"))
        if lost := len(asked.failures):
            short = f"{lost:,} questions of the exam have no reply ({_reasons(asked)}); the next run asks them again"
            result = replace(result, shortfalls=(short, *result.shortfalls))
        rows: list[Judgement] = []
        if result.passed:
            every = [one for pairings in each for one in pairings]
            said = iter(asked.judge(every, _slowly(say, f"{asked.name}: pairs")))
            rows = [
                row
                for (a, b, seed), pairings in zip(places, each, strict=True)
                for row in judgements_from(asked.name, a, b, seed, pairings, [next(said) for _ in pairings])
            ]
        unanswered = ""
        if failed := len(asked.failures):
            what = "questions" if result.passed else "questions of the exam, and was not asked about the pairs"
            unanswered = f"{failed:,} {what} ({_reasons(asked)})"
        return _Asked(judge=asked.name, exam=result.as_dict(), rows=rows, account=asked.account, unanswered=unanswered)


def _reasons(asked: EndpointJudge) -> str:
    counts = Counter(failure.reason for failure in asked.failures)
    first = next(failure.words for failure in asked.failures if failure.words) if asked.failures else ""
    return f"{', '.join(f'{reason}: {number:,}' for reason, number in counts.items())}; {first}"


def _slowly(say: Callable[[str], None], what: str) -> Callable[[int, int], None]:
    """Tells at the first, at the last, and every few seconds between."""
    last = -LOG_SECONDS

    def told(done: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LOG_SECONDS or done == of:
            last = now
            say(f"Asking {what}, {done:,} of {of:,} …")

    return told


def _answers(name: str, steps: Mapping[int, Step], prompts: PromptSet, store: Store) -> Answers:
    """An arm's answers of all its seeds together."""
    found: dict[str, Answers] = {}
    of: dict[tuple[str, int], str] = {}
    for seed, step in steps.items():
        if step.key not in found:
            found[step.key] = read_answers(store.file(step.kind, step.key, "answers.parquet"), prompts)
        of |= {(id, other): text for (id, other), text in found[step.key].of.items() if other == seed}
    one = next(iter(found.values()))
    about = dict(one.about)
    if "finish" in about:
        counts: Counter[str] = Counter()
        for each in found.values():
            counts.update(each.about["finish"])
        about["finish"] = dict(counts)
    return Answers(name=name, of=of, about=about, others=one.others)


def _exam(step: Step, store: Store) -> tuple[str, dict[str, Any]]:
    told = store.file(step.kind, step.key, "exam.json")
    try:
        found: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise StepError(f"{told} is not JSON: {problem}") from None
    return found["judge"], found


def _judgements(one: Compared, store: Store) -> Iterator[Judgement]:
    """A step's, with the arms' names in the place of ``a`` and ``b``."""
    from assay.judge.tournament import read_judgements

    for row in read_judgements(store.file(one.step.kind, one.step.key, "judgements.parquet")):
        yield replace(row, a=one.a, b=one.b)


def _write(out: Path, answers: Mapping[str, Answers], rows: Sequence[Judgement], summary: Mapping[str, Any]) -> None:
    from assay.judge.tournament import write_judgements

    (out / ABOUT).unlink(missing_ok=True)
    (out / "answers").mkdir(parents=True, exist_ok=True)
    names = file_names(list(answers))
    for name, said in answers.items():
        write_answers(out / "answers" / f"{names[name]}.parquet", said)
    for stale in (out / "answers").glob("*"):
        if stale.stem not in names.values():
            stale.unlink()
    write_judgements(out / "judgements.parquet", rows)
    write_whole(out / ABOUT, as_json(summary))
