"""Measuring checkpoints outside any study: the graph of steps, and the folder they are written into.

The steps are those of a study, so that what a study measured is found and not measured again, requests are tokenised
once for all checkpoints that share a tokenizer, and a kill costs the step under way. The folder holds item records as
a run folder's, the answers in words, and ``eval.json``, which says what was asked of which checkpoint; its tables are
computed from the records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from assay.errors import InputError, StepError
from assay.files import refused
from assay.report.status import MEASURED, MEASURING
from assay.run.answer_steps import answers_step, generation_of, gold_step, prompts_step, verdicts_step
from assay.run.chosen import Checkpoint
from assay.run.corpus_graph import package_step
from assay.run.engine import Engine
from assay.run.evaluation_folder import ABOUT, write_evaluation
from assay.run.evaluation_steps import TaskRows, heldout_step, requests_step, score_step
from assay.run.identity import file_hash
from assay.run.progress import RunProgress
from assay.run.step import Step
from assay.run.store import Store
from assay.run.wish import Wish
from assay.study.plan import HELDOUT

HARNESS_VERSION = 1


@dataclass(frozen=True)
class Measured:
    """What is measured of one checkpoint."""

    checkpoint: Checkpoint
    precision: str
    scores: Mapping[str, Step]
    """By task id, held-out sets first."""
    verdicts: Mapping[str, Step]
    """By task id, of the tasks that are answered in words."""
    harness: Mapping[str, Step]
    """By name, of lm-eval's tasks."""

    @property
    def made(self) -> list[Step]:
        """All that is measured."""
        return [*self.scores.values(), *self.verdicts.values(), *self.harness.values()]


@dataclass(frozen=True)
class Evaluation:
    """All steps of an evaluation."""

    wish: Wish
    numerics: Mapping[str, str]
    measured: tuple[Measured, ...]
    left_out: tuple[str, ...]
    """What is not measured though it was asked for, and why; a line each."""

    @property
    def goals(self) -> list[Step]:
        """What is read when the folder is written."""
        return [step for one in self.measured for step in one.made]

    @property
    def runs_programs(self) -> bool:
        """Whether programs that models wrote are run."""
        return any("gold" in step.inputs for one in self.measured for step in one.verdicts.values())


def build_evaluation(checkpoints: Sequence[Checkpoint], wish: Wish, numerics: Mapping[str, str]) -> Evaluation:
    """The steps that measure some checkpoints.

    Args:
        checkpoints: With different labels.
        wish: What is to be measured.
        numerics: Of the workers that will do it.

    Raises:
        InputError: A task that was named cannot be had or answered.
    """
    left_out = list(wish.lacks)
    requests: dict[tuple[str, str, int], Step] = {}
    questions: dict[tuple[str, str, int], Step] = {}
    measured = []
    for checkpoint in checkpoints:
        precision = wish.precision or checkpoint.precision
        tokenizer, longest = checkpoint.tokenizer, checkpoint.longest
        needed, verdicts = {}, {}
        for one in wish.heldout:
            place = HELDOUT + one.name, tokenizer.key, longest
            if place not in requests:
                requests[place] = heldout_step(one.name, one.ingredient, tokenizer, one.read, longest)
            needed[HELDOUT + one.name] = requests[place]
        for task, written in wish.tasks:
            rows = TaskRows(task, written, wish.limit, package_step)
            place = task.id, tokenizer.key, longest
            if place not in requests:
                requests[place] = requests_step(rows, tokenizer, longest)
            needed[task.id] = requests[place]
            if wish.generate is None or (task.format().generate is None and not wish.is_named):
                continue
            try:
                if place not in questions:
                    questions[place] = prompts_step(rows, tokenizer, longest)
            except InputError as problem:
                if wish.is_named:
                    raise
                left_out.append(f"{checkpoint.label} does not answer: {problem}")
                continue
            verdicts[task.id] = _verdicts(rows, questions[place], checkpoint, precision, wish, numerics)
        scores = {
            name: score_step(
                need,
                checkpoint.step,
                checkpoint.shape,
                precision,
                numerics,
                f"score {name}, {checkpoint.label}",
                checkpoint.average,
            )
            for name, need in needed.items()
        }
        asked = {name: _harness(name, checkpoint, precision, wish, numerics) for name in wish.harness}
        measured.append(Measured(checkpoint, precision, scores, verdicts, asked))
    if wish.generate is not None and not any(one.verdicts for one in measured):
        raise InputError("none of the tasks can be answered in words: leave --generate out, or name other tasks")
    return Evaluation(wish, numerics, tuple(measured), tuple(left_out))


def _verdicts(
    rows: TaskRows,
    prompts: Step,
    checkpoint: Checkpoint,
    precision: str,
    wish: Wish,
    numerics: Mapping[str, str],
) -> Step:
    assert wish.generate is not None
    task = rows.task
    asked = generation_of(task)
    answers = answers_step(
        prompts,
        checkpoint.step,
        asdict(checkpoint.shape),
        asked,
        wish.generate,
        precision,
        numerics,
        checkpoint.average,
        title=f"answer {task.id}, {checkpoint.label}",
    )
    gold = None
    if asked.check == "program":
        gold = gold_step(rows, wish.sandbox)
    title = f"check answers to {task.id}, {checkpoint.label}"
    return verdicts_step(rows, prompts, answers, gold, title, wish.sandbox)


def _harness(name: str, checkpoint: Checkpoint, precision: str, wish: Wish, numerics: Mapping[str, str]) -> Step:
    """One of lm-eval's tasks; see `assay.evaluate.harness_step`."""
    try:
        version = metadata.version("lm_eval")
    except metadata.PackageNotFoundError:
        raise StepError("lm-eval's tasks need: pip install 'assay[harness]'") from None
    recipe: dict[str, Any] = {
        "version": HARNESS_VERSION,
        "lm_eval": version,
        "task": name,
        "limit": wish.limit,
        "longest": checkpoint.longest,
        "shape": asdict(checkpoint.shape),
        "precision": precision,
    }
    if checkpoint.average:
        recipe["average"] = list(checkpoint.average)
    if wish.include is not None:
        if not wish.include.is_dir():
            raise InputError(f"--include: there is no folder {wish.include} of task files")
        files = sorted(path for path in wish.include.rglob("*") if path.is_file() and path.suffix != ".pyc")
        recipe["files"] = {path.relative_to(wish.include).as_posix(): file_hash(path) for path in files}
    inputs = {"state": checkpoint.step, "tokenizer": checkpoint.tokenizer}
    place = {"include": None if wish.include is None else str(wish.include.absolute())}
    return Step("harness", recipe, inputs, numerics, title=f"lm-eval's {name}, {checkpoint.label}", place=place)


def evaluate(evaluation: Evaluation, out: Path, engine: Engine) -> bool:
    """Carry an evaluation out into a folder; False if all of it was in the store already.

    Args:
        evaluation: From `build_evaluation`.
        out: The folder: new, empty, or of an earlier evaluation, whose files are replaced.
        engine: Who does it, and with which store.

    Raises:
        InputError: Something else is in the folder's place.
        StepError: Network, disk, a lost worker, no sandbox. What was finished is kept.
    """
    check_folder(out)
    missing = engine.missing(evaluation.goals)
    if any(step.kind == "gold" or "gold" in step.inputs for step in missing):
        from assay.evaluate.sandbox import open_sandbox

        with open_sandbox(evaluation.wish.sandbox, workers=1):  # before anything is computed for nothing
            pass
    try:
        out.mkdir(parents=True, exist_ok=True)
        with engine.store.in_use(), RunProgress(out / "log.jsonl") as progress:
            engine.listen = progress.hear
            progress.say(MEASURING)
            engine.make_and_read(
                evaluation.goals, lambda: _write(evaluation, out, engine.store, progress), progress.expect
            )
    except OSError as problem:
        if told := refused(problem, out):
            raise told from None
        raise
    return bool(missing)


def _write(evaluation: Evaluation, out: Path, store: Store, progress: RunProgress) -> None:
    progress.say("Writing item records …")
    write_evaluation(evaluation, out, store)
    progress.say(MEASURED)


def check_folder(out: Path) -> None:
    """See that an evaluation may be written into a folder.

    Raises:
        InputError: It holds something else, or is a file.
    """
    if out.is_dir():
        if (
            any(out.iterdir())
            and not (out / ABOUT).is_file()
            and {path.name for path in out.iterdir()} != {"log.jsonl"}
        ):
            raise InputError(f"{out} holds something else than an evaluation; choose another folder with --out")
    elif out.exists():
        raise InputError(f"{out} is a file; choose another folder with --out")
