"""Suites: which tasks are measured together, as small files beside the tasks.

A suite is a list and no more: how a task is asked and counted is the task's own. One that stands for something
published says which of its tasks it lacks and why, so that *9 of 11 reasoning tasks* is never read as eleven.
"""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from assay.errors import InputError, nearest
from assay.evaluate.task_file import load_task, parse_file


class Suite(BaseModel):
    """Tasks to be measured together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    """What it is, for people."""
    suites: tuple[str, ...] = ()
    """Names of built-in suites whose tasks come first."""
    tasks: tuple[str, ...] = ()
    """Names of tasks, with ``:GROUP`` or ``@FORMAT`` where wanted, or paths of task files. Of a loaded suite: all, each
    once."""
    limit: int | None = Field(default=None, ge=1)
    """Items a task at most; None: all, or what the study says."""
    heldout: tuple[str, ...] = ()
    """Ingredients, or ``INGREDIENT:LANGUAGE``, whose held-out documents are measured, where there is a corpus."""
    without: Mapping[str, str] = {}
    """Tasks that belong to it and are left out, and why."""

    def lacks(self) -> str | None:
        """One line on what is left out, such as *9 of 11 reasoning tasks, without quac and storycloze (why)*."""
        if not self.without:
            return None
        categories = [load_task(name).category for name in self.without]
        counted = []
        for category in dict.fromkeys(categories):
            held = sum(load_task(name).category == category for name in self.tasks)
            counted.append(f"{held} of {held + categories.count(category)} {category} tasks")
        reasons = "; ".join(dict.fromkeys(self.without.values()))
        return f"{', '.join(counted)}, without {' and '.join(self.without)} ({reasons})"


def suite_names() -> list[str]:
    """Names of the built-in suites, sorted."""
    folder = resources.files("assay.evaluate") / "suites"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_suite(name_or_path: str | Path) -> Suite:
    """A built-in suite by name, or a suite file (.yaml, .yml) by path, with the tasks of the suites that it names.

    Task files are found relative to the suite's file. What a suite lacks is kept only where no other holds it.

    Raises:
        InputError: There is no such suite or task (with the nearest name), or the file is wrong (with its line).
    """
    path = Path(name_or_path)
    is_file = path.suffix in {".yaml", ".yml"}
    if is_file:
        try:
            text, shown = path.read_text(encoding="utf-8"), str(path)
        except FileNotFoundError:
            raise InputError(f"there is no suite file {path}") from None
        except (OSError, UnicodeDecodeError) as problem:
            raise InputError(f"the suite file cannot be read: {problem}", str(path)) from None
    else:
        name = str(name_or_path)
        if name not in suite_names():
            raise InputError(
                f"there is no suite '{name}'{nearest(name, suite_names())} (one of your own: a .yaml file)"
            )
        text, shown = _built_in(name), f"{name}.yaml"
    suite = parse_file(Suite, text, shown, "a suite")
    own = [str(path.parent / task) if is_file and ".yaml" in task else task for task in suite.tasks]
    others = [load_suite(other) for other in suite.suites]
    tasks = tuple(dict.fromkeys([*(task for other in others for task in other.tasks), *own]))
    for task in own:
        load_task(task)
    if not tasks:
        raise InputError("a suite without tasks measures nothing: list 'tasks' or 'suites'", shown)
    heldout = dict.fromkeys([*(name for other in others for name in other.heldout), *suite.heldout])
    without = {name: why for one in (*others, suite) for name, why in one.without.items() if name not in tasks}
    return suite.model_copy(update={"tasks": tasks, "heldout": tuple(heldout), "without": without})


def _built_in(name: str) -> str:
    return (resources.files("assay.evaluate") / "suites" / f"{name}.yaml").read_text(encoding="utf-8")
