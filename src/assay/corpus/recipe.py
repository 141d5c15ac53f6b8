"""A corpus recipe: which wheels are read, what is taken out of them, and which ingredients it becomes.

The YAML file under ``recipes/`` is these models, name by name, and reads as the documentation of the corpus.
Loading it is `recipe_file`; what a result depends on is `identity`. Nothing here opens a wheel. An ingredient that
is only declared, a number of tokens and no source, can be planned with and never be made.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from assay.corpus.archive import STDLIB
from assay.corpus.document import Kind
from assay.errors import InputError, nearest
from assay.study.quantity import parse_tokens

Share = Annotated[float, Field(ge=0, lt=1)]
Reader = Literal["files", "articles", "factbook", "plays", "recipes", "papers", "abstracts", "notebooks", "doctests"]


class MisplacedError(ValueError):
    """A recipe contradicts itself at ``loc``, the keys that lead to the place."""

    def __init__(self, message: str, loc: tuple[str, ...]) -> None:
        super().__init__(message)
        self.loc = loc


def _tokens(written: object) -> object:
    """A number of tokens as people write it, such as ``503B``."""
    if isinstance(written, str):
        try:
            return parse_tokens(written, {})
        except InputError as problem:
            raise ValueError(str(problem)) from None
    return written


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Wheel(_Frozen):
    """A pure-Python wheel on the package index, pinned: it is read as data and never installed."""

    name: str
    """Name of the distribution."""
    version: str
    """Exact version."""
    file: str = Field(pattern=r"^[A-Za-z0-9_.+-]+-py(2\.py)?3-none-any\.whl$")
    """File name; only ``py3-none-any`` wheels, which are the same on every machine."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the whole file, lower-case hexadecimal."""
    bytes: int = Field(gt=0)
    """Size of the file, for progress and to say beforehand how much is downloaded."""


class Source(_Frozen):
    """One body of documents taken out of one wheel (or the standard library) in one way."""

    name: str
    """What documents call it."""
    about: str
    """A line for the reader of the recipe; changes nothing."""
    wheel: str
    """Name of a wheel of this recipe, or ``stdlib`` for the running interpreter's own library."""
    reader: Reader
    """How documents are taken out; each reader is described in `prose` or `code`."""
    files: tuple[str, ...]
    """Patterns of the members that are read; ``*`` also matches ``/``."""
    exclude: tuple[str, ...] = ()
    """Patterns of members left out."""
    group: str | None = None
    """Regular expression whose first group, found in the path, is the unit of the held-out split. Without
    it a reader of collections uses its own unit (an article, a country), a reader of files the file."""
    kind: Kind
    """What the documents are."""
    licence: str | None = None
    """Licence of the data; None takes it from the wheel's METADATA, which licenses the package."""


class MathGenerator(_Frozen):
    """Question and answer documents by the problem generators of reasoning-gym, loaded out of the wheel."""

    name: Literal["math"]
    wheel: str
    """Name of the reasoning-gym wheel of this recipe."""
    seed: int
    """Problem i of a task depends on this and i alone."""
    megabytes: float = Field(gt=0)
    """Size at which generation stops, in 10^6 bytes."""
    problems: tuple[int, int]
    """Fewest and most problems of a document."""
    tasks: tuple[str, ...] = Field(min_length=1)
    """``area/task`` as in reasoning-gym; documents take turns, one task each."""


class InstructGenerator(_Frozen):
    """Instructions with their responses, made from documents of the training split of another ingredient."""

    name: Literal["instruct"]
    seed: int
    """Decides, with the document, which phrasing is used."""
    megabytes: float = Field(gt=0)
    """Size at which generation stops, in 10^6 bytes."""
    sources: tuple[str, ...] = Field(min_length=1)
    """Sources of that ingredient read by ``recipes``, ``factbook`` or ``articles``."""


class Ingredient(_Frozen):
    """A named body of documents: of sources, of a generator, a selection from another ingredient, or only declared."""

    name: str
    """What studies call it."""
    about: str = ""
    """A line for the reader of the recipe; changes nothing."""
    sources: tuple[str, ...] = ()
    """Sources in the order in which exact duplicates are kept; with ``from``, the sources selected."""
    from_: str | None = Field(default=None, alias="from")
    """An earlier ingredient: a selection keeps its documents and its split, a generator reads its training
    split."""
    generator: MathGenerator | InstructGenerator | None = Field(default=None, discriminator="name")
    """What makes the documents, instead of sources."""
    heldout: Share | None = None
    """Share of the groups of every source that is held out, chosen by a hash of the group, and at least one
    group a source. A selection takes it over."""
    heldout_sources: tuple[str, ...] = ()
    """Sources that are held out as a whole."""
    deduplicate_against: tuple[str, ...] | None = None
    """Earlier ingredients whose documents are dropped here. None: all earlier ones; a selection, none."""
    declared: Annotated[int, BeforeValidator(_tokens), Field(gt=0)] | None = None
    """Training tokens that it is said to hold, instead of a source: a study can be planned with it, not run."""
    kind: Kind | None = None
    """What a declared ingredient's documents are; others' sources say it."""

    @property
    def is_selection(self) -> bool:
        """True for ``from`` without a generator."""
        return self.from_ is not None and self.generator is None


class TokenizerRecipe(_Frozen):
    """A byte-level BPE trained on a sample of training splits, or only declared."""

    name: str
    """What studies call it."""
    vocab: int = Field(ge=257)
    """Entries, bytes and special tokens included."""
    sample: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Megabytes (10^6 bytes) taken of each ingredient."""
    declared: bool = False
    """True: only its size is known, so it has no sample and studies with it can be planned, not run."""


class Recipe(_Frozen):
    """Everything a corpus is made of."""

    name: str
    about: str = ""
    wheels: dict[str, Wheel]
    sources: dict[str, Source]
    ingredients: dict[str, Ingredient]
    """In order: each is deduplicated against the earlier ones."""
    tokenizers: dict[str, TokenizerRecipe] = {}

    @model_validator(mode="before")
    @classmethod
    def _name_by_key(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        named = dict(data)
        for section in ("wheels", "sources", "ingredients", "tokenizers"):
            entries = named.get(section)
            if isinstance(entries, dict):
                named[section] = {
                    key: {**entry, "name": key} if isinstance(entry, dict) else entry for key, entry in entries.items()
                }
        return named

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, source in self.sources.items():
            if source.wheel != STDLIB:
                _known(source.wheel, [*self.wheels, STDLIB], "wheel", ("sources", name, "wheel"))
            if source.reader not in ("files", "doctests") and source.wheel == STDLIB:
                raise MisplacedError(f"reader {source.reader} needs a wheel, not {STDLIB}", ("sources", name, "reader"))
        earlier: list[str] = []
        for name, ingredient in self.ingredients.items():
            self._check_ingredient(ingredient, earlier)
            earlier.append(name)
        for name, tokenizer in self.tokenizers.items():
            if tokenizer.declared == bool(tokenizer.sample):
                raise MisplacedError("a tokenizer has a sample, or is declared, one of them", ("tokenizers", name))
            for ingredient_name in tokenizer.sample:
                _known(ingredient_name, earlier, "ingredient", ("tokenizers", name, "sample"))
        return self

    def _check_ingredient(self, ingredient: Ingredient, earlier: list[str]) -> None:
        loc = ("ingredients", ingredient.name)
        generator = ingredient.generator
        if ingredient.declared is not None:
            if ingredient.model_fields_set - {"name", "about", "declared", "kind"}:
                raise MisplacedError("a declared ingredient has tokens and a kind, and no documents", loc)
            return
        if ingredient.kind is not None:
            raise MisplacedError("kind is said by the sources; only a declared ingredient has its own", loc)
        for name in (ingredient.from_, *(ingredient.deduplicate_against or ())):
            if name in self.ingredients and self.ingredients[name].declared is not None:
                raise MisplacedError(f"{name} is only declared and has no documents", loc)
        if ingredient.from_ is not None:
            _known(ingredient.from_, earlier, "earlier ingredient", (*loc, "from"))
        for name in ingredient.deduplicate_against or ():
            _known(name, earlier, "earlier ingredient", (*loc, "deduplicate_against"))
        if ingredient.is_selection:
            if ingredient.heldout is not None or ingredient.deduplicate_against or ingredient.heldout_sources:
                raise MisplacedError("a selection keeps the split of the ingredient it is from", loc)
        elif ingredient.heldout is None:
            raise MisplacedError("heldout is missing: the share of groups kept out of training", loc)
        if generator is None:
            if not ingredient.sources:
                raise MisplacedError("an ingredient needs sources or a generator", loc)
        elif ingredient.sources:
            raise MisplacedError("an ingredient has sources or a generator, not both", loc)
        elif isinstance(generator, MathGenerator):
            _known(generator.wheel, self.wheels, "wheel", (*loc, "generator", "wheel"))
        elif ingredient.from_ is None:
            raise MisplacedError("generator instruct needs from: the ingredient it reads", loc)
        among: Iterable[str] = self.sources
        if ingredient.from_ is not None:
            among = self.ingredients[ingredient.from_].sources
        wanted = generator.sources if isinstance(generator, InstructGenerator) else ingredient.sources
        for source in wanted:
            _known(source, among, "source", (*loc, "sources"))
        for source in ingredient.heldout_sources:
            _known(source, ingredient.sources, "source of this ingredient", (*loc, "heldout_sources"))

    def compared_with(self, name: str) -> tuple[str, ...]:
        """The ingredients, in order, whose documents are dropped from this one.

        A selection is left out where it is not named: its documents are in the ingredient it is from.
        """
        ingredient = self.ingredients[name]
        if ingredient.is_selection:
            return ()
        if ingredient.deduplicate_against is not None:
            return ingredient.deduplicate_against
        names = list(self.ingredients)
        earlier = names[: names.index(name)]
        made = (other for other in earlier if self.ingredients[other].declared is None)
        return tuple(other for other in made if not self.ingredients[other].is_selection)

    def source_identity(self, name: str) -> dict[str, Any]:
        """See :func:`assay.corpus.identity.source_identity`."""
        from assay.corpus.identity import source_identity

        return source_identity(self, name)

    def ingredient_identity(self, name: str) -> dict[str, Any]:
        """See :func:`assay.corpus.identity.ingredient_identity`."""
        from assay.corpus.identity import ingredient_identity

        return ingredient_identity(self, name)


def _known(name: str, known: Iterable[str], what: str, loc: tuple[str, ...]) -> None:
    known = list(known)
    if name not in known:
        raise MisplacedError(f"no {what} is called {name}{nearest(name, known)}", loc)
