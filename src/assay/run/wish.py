"""What is to be measured of checkpoints outside any study: tasks named one by one, a suite, or a study's own tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from assay.errors import InputError, nearest
from assay.evaluate.suite import Suite, load_suite, suite_names
from assay.evaluate.task import Task
from assay.evaluate.task_file import load_task
from assay.study.source import built_in_studies, read_source
from assay.study.spec import GenerateSpec

if TYPE_CHECKING:
    from assay.evaluate.sandbox.open import Tier
    from assay.run.chosen import HeldoutSet

LIMIT = 500
"""Items a task at most, where neither the user nor the suite says: a study's default."""


@dataclass(frozen=True)
class Wish:
    """What is to be measured, and how."""

    tasks: tuple[tuple[Task, str], ...]
    """Each with its name or file as it was written."""
    limit: int | None = LIMIT
    """Items a task at most; None: all."""
    is_named: bool = True
    """Whether the tasks were named one by one: each must then allow what is asked of it."""
    lacks: tuple[str, ...] = ()
    """What the suite lacks of what it stands for; a line each."""
    heldout: "tuple[HeldoutSet, ...]" = ()
    """Held-out documents of a study's corpus."""
    generate: GenerateSpec | None = None
    """How questions are answered in words; None: answers are scored alone."""
    precision: str | None = None
    """That models are computed in; None: each checkpoint's own."""
    sandbox: "Tier" = "auto"
    """Where programs are run."""
    harness: tuple[str, ...] = ()
    """Tasks of lm-eval."""
    include: Path | None = None
    """Folder of more of them."""


def named_tasks(names: Sequence[str]) -> Wish:
    """Tasks named one by one: built-in ones, ``NAME:GROUP``, ``NAME@FORMAT``, or task files.

    Raises:
        InputError: There is no such task, or it is there twice.
    """
    return Wish(_loaded(names))


def suite_tasks(name: str) -> Wish:
    """The tasks of a suite.

    Args:
        name: A built-in suite, a suite's file, a built-in study, or a study's file.

    Raises:
        InputError: There is none of that name, or the file is wrong.
    """
    if name not in suite_names() and (name in built_in_studies() or _is_study(Path(name))):
        spec = read_source(name)[0].evaluate
        return Wish(_loaded(spec.tasks), spec.limit, is_named=False)
    if Path(name).suffix not in {".yaml", ".yml"} and name not in suite_names():
        known = dict.fromkeys([*suite_names(), *built_in_studies()])
        raise InputError(f"there is no suite '{name}'{nearest(name, known)} (one of your own: a .yaml file)")
    suite: Suite = load_suite(name)
    lacks = suite.lacks()
    return Wish(_loaded(suite.tasks), suite.limit or LIMIT, is_named=False, lacks=(lacks,) if lacks else ())


def _is_study(path: Path) -> bool:
    if path.suffix not in {".yaml", ".yml"}:
        return False
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False  # whoever reads it as a suite says what is wrong
    return isinstance(values, dict) and not {"study", "base"}.isdisjoint(values)


def _loaded(names: Sequence[str]) -> tuple[tuple[Task, str], ...]:
    found: dict[str, tuple[Task, str]] = {}
    for name in names:
        task = load_task(name)
        if task.id in found:
            raise InputError(f"the task '{task.id}' is named twice")
        found[task.id] = task, name
    return tuple(found.values())
