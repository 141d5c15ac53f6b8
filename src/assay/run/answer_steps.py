"""Steps of what is answered in words: prompts → answers → verdicts, and the gold check before a program is run.

Answers and verdicts are apart, so that a changed check asks no model again. Which tier of the sandbox runs a program is
place, not recipe: a verdict must not depend on it, and the tier is written beside the verdicts. That there was none is
recipe: what ran in the open never passes for what was held.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from assay.errors import InputError
from assay.evaluate.task import Generation, Task
from assay.run.evaluation_steps import TaskRows
from assay.run.step import Step
from assay.study.spec import GenerateSpec

PROMPTS_VERSION = 1
ANSWERS_VERSION = 2
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


def prompts_step(rows: TaskRows, tokenizer: Step, longest: int) -> Step:
    """A task's questions in tokens.

    Args:
        rows: The task, with a format that says how it is answered.
        tokenizer: Or a model in its place.
        longest: Tokens that prompt and answer may take together.

    Raises:
        InputError: The task is only scored, or its answers leave no room for a prompt.
    """
    task = rows.task
    asked = generation_of(task)
    if asked.tokens >= longest:
        raise InputError(
            f"task '{task.id}' has answers of up to {asked.tokens} tokens, and a sequence is {longest}: nothing is "
            "left for the prompt"
        )
    material, inputs = rows.material()
    recipe = {"version": PROMPTS_VERSION, "task": _identity(task), "longest": longest, **material}
    inputs["tokenizer"] = tokenizer
    return Step("prompts", recipe, inputs, title=f"questions of {task.id}", place={"task": rows.written})


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
    """A checkpoint's answers; see `assay.evaluate.answers.answer`."""
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


def gold_step(rows: TaskRows, sandbox: str = "auto") -> Step:
    """Whether the reference programs of a task pass here and empty ones fail; before any model's program is run."""
    material, inputs = rows.material()
    recipe = {
        "version": GOLD_VERSION,
        "task": _identity(rows.task),
        "python": _python(),
        "unsafe": sandbox == "unsafe",
        **material,
    }
    place = {"task": rows.written, "sandbox": sandbox}
    return Step("gold", recipe, inputs, title=f"check the reference programs of {rows.task.id}", place=place)


def verdicts_step(
    rows: TaskRows, prompts: Step, answers: Step, gold: Step | None, title: str = "", sandbox: str = "auto"
) -> Step:
    """Which answers are right; see `assay.evaluate.answers.check_answers`.

    Args:
        rows: The task.
        prompts: Its questions.
        answers: A checkpoint's answers to them.
        gold: The check of its reference programs, under the same ``sandbox``; None where answers are no programs.
        title: What a person calls it.
        sandbox: Tier, see `assay.evaluate.sandbox.open_sandbox`.
    """
    asked = generation_of(rows.task)
    recipe: dict[str, Any] = {"version": VERDICTS_VERSION, "asked": asked.model_dump(mode="json")}
    inputs = {"prompts": prompts, "answers": answers}
    if gold is not None:
        inputs["gold"] = gold
        recipe |= {"python": _python(), "unsafe": sandbox == "unsafe"}
    return Step("verdicts", recipe, inputs, title=title, place={"task": rows.written, "sandbox": sandbox})


def _identity(task: Task) -> dict[str, Any]:
    """A task with how it is answered in words, which has no part in what is scored."""
    return {**task.identity(), "generate": generation_of(task).model_dump(mode="json")}


def _python() -> str:
    """A program may pass under one Python and fail under another."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
