"""Task files: the built-in ones by name, a user's by path, and what is wrong in them by line."""

from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from assay.errors import InputError, nearest
from assay.evaluate.task import Generation, PromptFormat, Source, Task
from assay.yaml_file import line_of, read_mapping

Model = TypeVar("Model", bound=BaseModel)
NOUNS = {"a task": "'id:', 'source:' and 'formats:'", "a suite": "'title:' and 'tasks:'"}
"""Kinds of files, and what stands in one."""


def task_names() -> list[str]:
    """Names of the built-in tasks, sorted."""
    folder = resources.files("assay.evaluate") / "tasks"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_task(name_or_path: str | Path) -> Task:
    """A built-in task by name (``NAME:GROUP`` for one group of it), or a task file (.yaml, .yml) by path;
    any of them with ``@FORMAT`` behind it.

    With another format than its first it is a task of its own, whose id ends in ``@FORMAT``: two prompt formats of one
    benchmark may stand in one study.

    Raises:
        InputError: There is no such task or format (with the nearest name), or the file is wrong (with its line).
    """
    written, at, form = str(name_or_path).rpartition("@")
    if at and not Path(name_or_path).exists():
        task = load_task(written)
        task.format(form)
        if form == task.default_format:
            return task
        made = task.model_copy(
            update={
                "id": f"{task.id}@{form}",
                "title": f"{task.title} ({form})",
                "default_format": form,
                "labels": task.is_labels(form),
            }
        )
        made._folder = task._folder
        return made
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(f"there is no task file {path}") from None
        except (OSError, UnicodeDecodeError) as problem:
            raise InputError(f"the task file cannot be read: {problem}", str(path)) from None
        task = _parse(text, str(path))
        task._folder = path.parent
        return task
    name, _, group = str(name_or_path).partition(":")
    if name not in task_names():
        raise InputError(f"there is no task '{name}'{nearest(name, task_names())} (a task of your own: its .yaml file)")
    folder = resources.files("assay.evaluate") / "tasks"
    task = _parse((folder / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")
    task._folder = Path(str(folder))
    return task.part(group) if group else task


def parse_file(model: type[Model], text: str, path: str, noun: str) -> Model:
    """A YAML mapping as a model.

    Args:
        model: What it must be.
        text: The file's content.
        path: Its name in messages.
        noun: What such a file is called there, and which keys it has.

    Raises:
        InputError: It is not, and in which line.
    """
    values, root = read_mapping(text, path, f"{noun} file is a mapping of keys such as {NOUNS[noun]}")
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        told = [_complaint(model, error) for error in problem.errors()]
        line = line_of(root, problem.errors()[0]["loc"])
        raise InputError("; ".join(told), f"{path}:{line}") from None


def _parse(text: str, path: str) -> Task:
    return parse_file(Task, text, path, "a task")


def _complaint(outer: type[BaseModel], error: Any) -> str:
    place = ".".join(str(step) for step in error["loc"])
    if error["type"] == "extra_forbidden":
        steps = error["loc"][:-1]
        model: type[BaseModel] = outer
        if steps and outer is Task:
            model = Generation if "generate" in steps else {"source": Source}.get(str(steps[0]), PromptFormat)
        return f"unknown key '{place}'{nearest(str(error['loc'][-1]), model.model_fields)}"
    if error["type"] == "missing":
        return f"'{place}' is missing"
    said: str = error["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
