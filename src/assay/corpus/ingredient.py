"""What a recipe says of an ingredient and of a tokenizer: what they are made from, and by which rules.

An ingredient comes from sources or from a generator, or it is made from an earlier one: a selection of its sources, its
better or weaker part by a score, or an intervention on its documents. What is made from another keeps its split, so
that nothing held out of the one is trained on in the other.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from assay.corpus.document import Kind
from assay.corpus.source import Frozen
from assay.corpus.synthesis.layouts import Layout
from assay.errors import InputError
from assay.study.quantity import parse_tokens

Share = Annotated[float, Field(ge=0, lt=1)]
InterventionName = Literal[
    "comments_removed", "prose_only", "identifiers_scrambled", "lines_shuffled", "formatting_normalised", "placebo"
]


def _tokens(written: object) -> object:
    """A number of tokens as people write it, such as ``503B``."""
    if isinstance(written, str):
        try:
            return parse_tokens(written, {})
        except InputError as problem:
            raise ValueError(str(problem)) from None
    return written


class MathGenerator(Frozen):
    """Question and answer documents by the problem generators of reasoning-gym, loaded out of the wheel."""

    name: Literal["math"]
    package: str
    """Name of the reasoning-gym package of this recipe."""
    seed: int
    """Problem i of a task depends on this and i alone."""
    megabytes: float = Field(gt=0)
    """Size at which generation stops, in 10^6 bytes."""
    problems: tuple[int, int]
    """Fewest and most problems of a document."""
    tasks: tuple[str, ...] = Field(min_length=1)
    """``area/task`` as in reasoning-gym; documents take turns, one task each."""


class InstructGenerator(Frozen):
    """Instructions with their responses, made from documents of the training split of another ingredient."""

    name: Literal["instruct"]
    seed: int
    """Decides, with the document, which phrasing is used."""
    megabytes: float = Field(gt=0)
    """Size at which generation stops, in 10^6 bytes."""
    sources: tuple[str, ...] = Field(min_length=1)
    """Sources of that ingredient read by ``recipes``, ``factbook`` or ``articles``."""


class ComposedProblems(Frozen):
    """Problems put together from operations; see `assay.corpus.synthesis.composed`."""

    tried: int = Field(gt=0)
    """Problems made and verified; those that are proved become documents."""
    seed: int = 0
    """Problem i depends on this, the depths and i alone."""
    depths: dict[Annotated[int, Field(ge=1, le=8)], Annotated[float, Field(ge=0)]] = {}
    """How difficult: weight of each depth, operations behind one another; none: the composer's own."""

    @model_validator(mode="after")
    def _some_depth(self) -> Self:
        if self.depths and not any(self.depths.values()):
            raise ValueError("every depth has weight 0: nothing could be drawn")
        return self


class SyntheticGenerator(Frozen):
    """Programming problems that were proved in the sandbox, written as documents."""

    name: Literal["synthetic"]
    composed: ComposedProblems | None = None
    given: str | None = None
    """Name of the reasoning-gym package of this recipe, whose problems are verified."""
    records: tuple[str, ...] = ()
    """Files of records that ``assay synth`` wrote, such as a model's; relative to the recipe's own folder."""
    layouts: dict[Layout, Annotated[float, Field(ge=0)]] = {"docstring": 1, "notebook": 1, "question": 1, "tests": 1}
    """How often each layout is drawn; see `assay.corpus.synthesis.layouts`."""
    every_layout: bool = False
    """Each problem in all of them instead of in one."""
    seed: int = 0
    """Decides, with the problem, which layout it gets."""

    @model_validator(mode="after")
    def _some_source(self) -> Self:
        if self.composed is None and self.given is None and not self.records:
            raise ValueError("there are no problems: composed, given or records says where they come from")
        if not any(self.layouts.values()):
            raise ValueError("every layout has weight 0: nothing could be written")
        return self


class Quality(Frozen):
    """The better or the weaker part of an ingredient, by a score that is trained within the recipe.

    The score is the probability, by logistic regression over hashed words and word pairs, that a document is one of
    ``like`` rather than of ``unlike``; see `score`.
    """

    like: tuple[str, ...] = Field(min_length=1)
    """Sources of the parent whose training documents are taken for good."""
    unlike: tuple[str, ...] = ()
    """Sources held against them; none: all others of the parent."""
    keep: Literal["best", "rest"]
    """Which side of the threshold becomes the ingredient."""
    share: float = Field(gt=0, lt=1)
    """Share of the parent's training bytes that lies on the better side."""


class Ingredient(Frozen):
    """A named body of documents: of sources, of a generator, made from an earlier ingredient, or only declared."""

    name: str
    """What studies call it."""
    about: str = ""
    """A line for the reader of the recipe; changes nothing."""
    sources: tuple[str, ...] = ()
    """Sources in the order in which duplicates are kept; with ``from``, the sources selected (none: all)."""
    from_: str | None = Field(default=None, alias="from")
    """An earlier ingredient: what is made of it keeps its split; a generator reads its training split."""
    generator: MathGenerator | InstructGenerator | SyntheticGenerator | None = Field(default=None, discriminator="name")
    """What makes the documents, instead of sources."""
    quality: Quality | None = None
    """With ``from``: only the better or weaker part by a score."""
    intervention: InterventionName | None = None
    """With ``from``: a change made to every document on purpose."""
    heldout: Share | None = None
    """Share of the groups of every source that is held out, chosen by a hash of the group, and at least one
    group a source. What is made from another ingredient takes its split over."""
    heldout_sources: tuple[str, ...] = ()
    """Sources that are held out as a whole."""
    deduplicate_against: tuple[str, ...] | None = None
    """Earlier ingredients whose documents are dropped here. None: all earlier ones."""
    declared: Annotated[int, BeforeValidator(_tokens), Field(gt=0)] | None = None
    """Training tokens that it is said to hold: a study is planned with them until they are counted."""
    kind: Kind | None = None
    """What the documents of an ingredient are that is only declared; others' sources say it."""

    @property
    def is_selection(self) -> bool:
        """Whether it is made of another ingredient's documents: ``from`` without a generator."""
        return self.from_ is not None and self.generator is None

    @property
    def is_only_declared(self) -> bool:
        """Whether there is nothing that it could be made from: it can be planned with, not trained on."""
        return not self.sources and self.generator is None and self.from_ is None


class TokenizerRecipe(Frozen):
    """A byte-level BPE trained on a sample of training splits, one that is brought, or one that is only declared."""

    name: str
    """What studies call it."""
    vocab: int = Field(ge=257)
    """Entries, bytes and special tokens included."""
    sample: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Megabytes (10^6 bytes) taken of each ingredient to train it."""
    path: str | None = None
    """Instead: a ``tokenizer.json``, or a folder that holds one, relative to the recipe's own folder."""
    package: str | None = None
    """Instead: a package of this recipe that carries it."""
    files: tuple[str, ...] = ()
    """Members of the package: a ``tokenizer.json``, or GPT-2's ``encoder.json`` and ``vocab.bpe``."""
    end: str = "<|endoftext|>"
    """The token of one that is brought which ends a document."""
    declared: bool = False
    """True: only its size is known, so studies with it can be planned, not run."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = [bool(self.sample), self.path is not None, self.package is not None, self.declared]
        if sum(origins) != 1:
            raise ValueError("a tokenizer has a sample, a path, a package, or is declared, one of them")
        if (self.package is not None) != bool(self.files):
            raise ValueError("files names the members of package that hold the tokenizer, and goes with it")
        return self
