"""Task files: the built-in ones by name, a user's by path, and what is wrong in them by line."""

from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from assay.errors import InputError, nearest
from assay.evaluate.task import PromptFormat, Source, Task


def task_names() -> list[str]:
    """Names of the built-in tasks, sorted."""
    folder = resources.files("assay.evaluate") / "tasks"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_task(name_or_path: str | Path) -> Task:
    """A built-in task by name, or a task file (.yaml, .yml) by path.

    Raises:
        InputError: There is no such task (with the nearest name), or the file is wrong (with its line).
    """
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
    name = str(name_or_path)
    if name not in task_names():
        raise InputError(f"there is no task '{name}'{nearest(name, task_names())} (a task of your own: its .yaml file)")
    return _parse(
        (resources.files("assay.evaluate") / "tasks" / f"{name}.yaml").read_text(encoding="utf-8"),
        f"{name}.yaml",
    )


def _parse(text: str, path: str) -> Task:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        raise InputError(f"not YAML: {problem.problem}", f"{path}:{mark.line + 1}" if mark else path) from None
    except yaml.YAMLError as problem:
        raise InputError(f"not YAML: {problem}", path) from None
    if root is None or not isinstance(values, dict):
        raise InputError("a task file is a mapping of keys such as 'id:', 'source:' and 'formats:'", path)
    try:
        return Task.model_validate(values)
    except ValidationError as problem:
        told = [_complaint(error) for error in problem.errors()]
        line = _line(root, problem.errors()[0]["loc"])
        raise InputError("; ".join(told), f"{path}:{line}") from None


def _complaint(error: Any) -> str:
    place = ".".join(str(step) for step in error["loc"])
    if error["type"] == "extra_forbidden":
        models: dict[str, type[BaseModel]] = {"source": Source, "formats": PromptFormat}
        model = models.get(str(error["loc"][0]), Task) if len(error["loc"]) > 1 else Task
        return f"unknown key '{place}'{nearest(str(error['loc'][-1]), model.model_fields)}"
    if error["type"] == "missing":
        return f"'{place}' is missing"
    return (
        f"{place}: {error['msg'].removeprefix('Value error, ')}"
        if place
        else error["msg"].removeprefix("Value error, ")
    )


def _line(node: yaml.Node, steps: tuple[int | str, ...]) -> int:
    """Line of a key, or of the nearest thing around it, counted from 1."""
    line = node.start_mark.line + 1
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
