"""A corpus recipe: which packages and files are read, what is taken out of them, and which ingredients it becomes.

The YAML file under ``recipes/`` is these models, name by name, and reads as the documentation of the corpus. Loading it
is `recipe_file`; what a result depends on is `identity`. Nothing here opens a file.

Ingredients are compared in the order of the file, and the later one loses a document that both have. That order is
fixed by what they are (`ORDER`), so that it is the same in every recipe; a recipe that extends another comes after it.
"""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import model_validator

from assay.corpus.ingredient import Ingredient, InstructGenerator, MathGenerator, SyntheticGenerator, TokenizerRecipe
from assay.corpus.source import STDLIB, Frozen, MisplacedError, Package, Source
from assay.errors import nearest

ORDER = (("text",), ("code",), ("markup",), ("commit", "notebook", "qa"), ("synthetic",), ("math",), ("instruct",))
"""Kinds in the order in which ingredients keep a document that several have."""
SECTIONS = ("packages", "sources", "ingredients", "tokenizers")
_FROM_STDLIB = ("files", "doctests")


class Recipe(Frozen):
    """Everything a corpus is made of."""

    name: str
    about: str = ""
    extends: str | None = None
    """Another recipe, built-in or a file, whose sections are taken over; its ingredients come first."""
    decontaminate: bool = True
    """Whether documents are compared with the index of known benchmarks and dropped where they hold an item."""
    packages: dict[str, Package] = {}
    sources: dict[str, Source] = {}
    ingredients: dict[str, Ingredient] = {}
    """In order: each is deduplicated against the earlier ones."""
    tokenizers: dict[str, TokenizerRecipe] = {}
    folder: str = ""
    """The recipe file's own folder, which relative paths start from; set when it is loaded."""
    taken_over: tuple[str, ...] = ()
    """Ingredients of the recipe that this one extends; set when it is loaded."""

    @model_validator(mode="before")
    @classmethod
    def _name_by_key(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        named = dict(data)
        for section in SECTIONS:
            entries = named.get(section)
            if isinstance(entries, dict):
                named[section] = {key: _named(section, key, entry) for key, entry in entries.items()}
        return named

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, source in self.sources.items():
            for key in ("package", "before"):
                package = getattr(source, key)
                if package is not None and package != STDLIB:
                    _known(package, [*self.packages, STDLIB], "package", ("sources", name, key))
            if source.package == STDLIB and source.reader not in _FROM_STDLIB:
                loc = ("sources", name, "reader")
                raise MisplacedError(f"reader {source.reader} needs a package or a path, not {STDLIB}", loc)
        earlier: list[str] = []
        for name, ingredient in self.ingredients.items():
            self._check_ingredient(ingredient, earlier)
            earlier.append(name)
        self._check_order([name for name in self.ingredients if name not in self.taken_over])
        for name, tokenizer in self.tokenizers.items():
            for ingredient_name in tokenizer.sample:
                _known(ingredient_name, earlier, "ingredient", ("tokenizers", name, "sample"))
            if tokenizer.package is not None:
                _known(tokenizer.package, self.packages, "package", ("tokenizers", name, "package"))
        return self

    def _check_ingredient(self, ingredient: Ingredient, earlier: list[str]) -> None:
        loc = ("ingredients", ingredient.name)
        if ingredient.is_only_declared:
            if ingredient.declared is None:
                raise MisplacedError("an ingredient needs sources, a generator, from, or declared tokens", loc)
            if ingredient.model_fields_set - {"name", "about", "declared", "kind"}:
                raise MisplacedError("a declared ingredient without sources has tokens and a kind alone", loc)
            return
        if ingredient.kind is not None:
            raise MisplacedError("kind is said by the sources; only a declared ingredient has its own", loc)
        for name in (ingredient.from_, *(ingredient.deduplicate_against or ())):
            if name in self.ingredients and self.ingredients[name].is_only_declared:
                raise MisplacedError(f"{name} is only declared and has no documents", loc)
        if ingredient.from_ is not None:
            _known(ingredient.from_, earlier, "earlier ingredient", (*loc, "from"))
        for name in ingredient.deduplicate_against or ():
            _known(name, earlier, "earlier ingredient", (*loc, "deduplicate_against"))
        if ingredient.is_selection:
            if ingredient.heldout is not None or ingredient.deduplicate_against or ingredient.heldout_sources:
                raise MisplacedError("what is made from another ingredient keeps its split", loc)
        elif ingredient.heldout is None:
            raise MisplacedError("heldout is missing: the share of groups kept out of training", loc)
        elif ingredient.quality or ingredient.intervention:
            raise MisplacedError("quality and intervention need from: the ingredient they are made of", loc)
        self._check_origin(ingredient, loc)

    def _check_origin(self, ingredient: Ingredient, loc: tuple[str, ...]) -> None:
        """The generator, and that sources are known where they are named."""
        generator = ingredient.generator
        if generator is not None and ingredient.sources:
            raise MisplacedError("an ingredient has sources or a generator, not both", loc)
        if isinstance(generator, MathGenerator):
            _known(generator.package, self.packages, "package", (*loc, "generator", "package"))
        elif isinstance(generator, SyntheticGenerator) and generator.given is not None:
            _known(generator.given, self.packages, "package", (*loc, "generator", "given"))
        elif isinstance(generator, InstructGenerator) and ingredient.from_ is None:
            raise MisplacedError("generator instruct needs from: the ingredient it reads", loc)
        among: Iterable[str] = self.sources
        if ingredient.from_ is not None:
            among = self.sources_of(ingredient.from_)
        wanted = [*ingredient.sources]
        if isinstance(generator, InstructGenerator):
            wanted += generator.sources
        if ingredient.quality is not None:
            wanted += [*ingredient.quality.like, *ingredient.quality.unlike]
            if not ingredient.quality.unlike and not set(among) - set(ingredient.quality.like):
                raise MisplacedError("like names every source: none is left to tell them from", (*loc, "quality"))
        for source in wanted:
            _known(source, among, "source", (*loc, "sources"))
        for source in ingredient.heldout_sources:
            _known(source, ingredient.sources, "source of this ingredient", (*loc, "heldout_sources"))

    def _check_order(self, names: list[str]) -> None:
        """That the file's order is the fixed one, among ingredients that are compared with all before them."""
        last, before = 0, ""
        for name in names:
            ingredient = self.ingredients[name]
            if ingredient.is_selection or ingredient.is_only_declared or ingredient.deduplicate_against is not None:
                continue
            rank = next(place for place, kinds in enumerate(ORDER) if self.kind_of(name) in kinds)
            if rank < last:
                raise MisplacedError(
                    f"{name} ({self.kind_of(name)}) stands after {before} ({self.kind_of(before)}): a document in "
                    "both stays in the earlier, and the order is text, code, markup, code-adjacent, synthetic, math, "
                    "instruct. Put it there, name what it is compared with (deduplicate_against), or add it in a "
                    "recipe that extends this one, which changes none of these",
                    ("ingredients", name),
                )
            last, before = rank, name

    def kind_of(self, name: str) -> str:
        """What the documents of an ingredient are, by the first of its sources."""
        ingredient = self.ingredients[name]
        if ingredient.generator is not None:
            return ingredient.generator.name
        if ingredient.sources:
            return self.sources[ingredient.sources[0]].kind
        return self.kind_of(ingredient.from_) if ingredient.from_ is not None else ingredient.kind or "text"

    def sources_of(self, name: str) -> tuple[str, ...]:
        """The sources of an ingredient's documents; of a generator, its own name."""
        ingredient = self.ingredients[name]
        if ingredient.generator is not None:
            return (ingredient.generator.name,)
        if ingredient.sources or ingredient.from_ is None:
            return ingredient.sources
        return self.sources_of(ingredient.from_)

    def compared_with(self, name: str) -> tuple[str, ...]:
        """The ingredients, in order, whose documents are dropped from this one.

        A selection is compared with none, and is left out where it is not named: its documents are in the ingredient
        that it is from. Nor is what a generator makes compared with the ingredient that it restates.
        """
        ingredient = self.ingredients[name]
        if ingredient.is_selection:
            return ()
        if ingredient.deduplicate_against is not None:
            return ingredient.deduplicate_against
        names = list(self.ingredients)
        earlier = (self.ingredients[other] for other in names[: names.index(name)])
        return tuple(
            other.name
            for other in earlier
            if not other.is_selection and not other.is_only_declared and other.name != ingredient.from_
        )

    def packages_of(self, names: Iterable[str]) -> list[Package]:
        """The packages that must be there to make these ingredients, those they are compared with or made of too."""
        from assay.corpus.contamination.benchmarks import PACKAGES_READ
        from assay.evaluate.packages import PACKAGES

        waiting, needed = list(names), set()
        while waiting:
            name = waiting.pop()
            ingredient = self.ingredients[name]
            if name in needed or ingredient.is_only_declared:
                continue
            needed.add(name)
            waiting += self.compared_with(name)
            waiting += [ingredient.from_] if ingredient.from_ else []
        found: dict[str, Package] = {}
        for name in sorted(needed):
            ingredient = self.ingredients[name]
            named = [ingredient.generator.package] if isinstance(ingredient.generator, MathGenerator) else []
            if isinstance(ingredient.generator, SyntheticGenerator) and ingredient.generator.given is not None:
                named.append(ingredient.generator.given)
            if not ingredient.is_selection:
                sources = [self.sources[source] for source in ingredient.sources]
                named += [key for source in sources for key in (source.package, source.before) if key]
            found |= {key: self.packages[key] for key in named if key != STDLIB}
        if needed and self.decontaminate:
            found |= {key: PACKAGES[key] for key in PACKAGES_READ}
        return list(found.values())


def _named(section: str, key: str, entry: Any) -> Any:
    """The entry with its key as its name; a package may have another, as two releases of one have one name."""
    if not isinstance(entry, dict):
        return entry
    return {"name": key, **entry} if section == "packages" else {**entry, "name": key}


def _known(name: str, known: Iterable[str], what: str, loc: tuple[str, ...]) -> None:
    known = list(known)
    if name not in known:
        raise MisplacedError(f"no {what} is called {name}{nearest(name, known)}", loc)
