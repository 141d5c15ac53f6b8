"""What the content of a source or an ingredient depends on besides its inputs, as data that can be hashed.

Packages are named by sha256, the standard library and local files by a fingerprint of what is in them, a data set of
the hub by its revision, readers and rules by version. Descriptions, paths, the ingredient's own name and the study are
left out; what an ingredient is made from and compared with is in its step's inputs. So adding an ingredient at a
recipe's end, or in a recipe that extends it, changes no other.
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assay.corpus import versions
from assay.corpus.fetch import sha256
from assay.corpus.folder import Folder
from assay.corpus.ingredient import InstructGenerator, MathGenerator, SyntheticGenerator
from assay.corpus.recipe import Recipe
from assay.corpus.source import STDLIB, Source
from assay.corpus.standard_library import StandardLibrary
from assay.errors import InputError


def source_identity(recipe: Recipe, name: str, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Everything that the documents of a source, or of one part of it, depend on: JSON-able and canonical.

    Args:
        recipe: Where it is declared.
        name: Of the source.
        names: The members of the part; None: all of it.

    Raises:
        StepError: Local files cannot be read.
    """
    source = recipe.sources[name]
    left_out = {"about", "path"} | ({"files", "exclude"} if names is not None else set())
    clean = source.clean
    rules = {"cleaning": versions.CLEANING}
    if set(clean.rules) - {"starcoder", "parses"}:
        rules["text_quality"] = versions.TEXT_QUALITY
    if clean.natural_language is not None:
        rules["natural_language"] = versions.NATURAL_LANGUAGE
    if {"starcoder", "parses"} & set(clean.rules) or clean.comment_share or clean.complexity:
        rules["code_quality"] = versions.CODE_QUALITY
    if clean.mask:
        rules["secrets"] = versions.SECRETS
    return {
        "source": source.model_dump(mode="json", exclude=left_out, exclude_defaults=True),
        "material": _material(recipe, source, names),
        "reader_version": versions.READERS[source.reader].version,
        "rules": rules,
    }


def _material(recipe: Recipe, source: Source, names: Sequence[str] | None) -> dict[str, str]:
    """What stands for the bytes that are read."""
    if source.hub is not None:
        return {}  # its name and revision are the source's own
    if source.package is not None:
        keys = {"sha256": source.package, "before": source.before}
        if source.package == STDLIB:
            return StandardLibrary().fingerprint(source.files, source.exclude)
        return {what: recipe.packages[key].sha256 for what, key in keys.items() if key is not None}
    base = Path(recipe.folder)
    if source.reader == "commits":
        from assay.corpus.commits import commits_fingerprint

        return commits_fingerprint(base / (source.path or ""))
    folder = Folder(source.path or "", base)
    try:
        if names is not None:
            return folder.fingerprint_of(names)
        return folder.fingerprint(source.files, source.exclude)
    finally:
        folder.close()


def records_file(recipe: Recipe, path: str) -> Path:
    """A file of verified problems that a recipe names.

    Raises:
        InputError: It is not there.
    """
    file = Path(recipe.folder) / path
    if not file.is_file():
        raise InputError(f"there is no file of problems at {file}; `assay synth make` writes records.parquet")
    return file


def ingredient_identity(recipe: Recipe, name: str) -> dict[str, Any]:
    """Everything of its own that the documents and the split of an ingredient depend on: JSON-able and canonical."""
    ingredient = recipe.ingredients[name]
    generator = ingredient.generator
    rules: dict[str, Any] = {
        "build_version": versions.BUILD,
        "near_version": versions.NEAR,
        "heldout": ingredient.heldout,
        "heldout_sources": sorted(ingredient.heldout_sources),
    }
    if ingredient.is_selection:
        rules["sources"] = sorted(recipe.sources_of(name))
        if ingredient.quality is not None:
            rules["quality"] = {**ingredient.quality.model_dump(mode="json"), "version": versions.SCORE}
        if ingredient.intervention is not None:
            own = versions.INTERVENTIONS[ingredient.intervention]
            rules["intervention"] = [ingredient.intervention, own, version("pygments")]
    elif generator is None:
        rules["sources"] = list(ingredient.sources)
    elif isinstance(generator, InstructGenerator):
        rules["generator"] = generator.model_dump(mode="json")
        rules["generator_version"] = versions.INSTRUCT
    elif isinstance(generator, SyntheticGenerator):
        rules["generator"] = generator.model_dump(mode="json", include={"layouts", "every_layout", "seed"})
        rules["generator_version"] = versions.LAYOUTS
        rules["records"] = [sha256(records_file(recipe, one)) for one in generator.records]
    elif isinstance(generator, MathGenerator):
        rules["generator"] = generator.model_dump(mode="json", exclude={"package"})
        rules["generator_version"] = versions.MATH
        rules["package"] = {"sha256": recipe.packages[generator.package].sha256, "sympy": version("sympy")}
    return rules
