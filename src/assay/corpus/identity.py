"""What the content of a source or an ingredient depends on, as data that can be hashed.

An identity names wheels by sha256, the standard library by fingerprint, readers and rules by version, and
the ingredients it is compared with by the digest of their identity. An ingredient's own name, descriptions,
the study and all paths are left out, so adding an ingredient at the end of a recipe changes no other.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from assay.corpus import build, cleaning, generators
from assay.corpus.archive import STDLIB, StandardLibrary
from assay.corpus.readers import READERS
from assay.corpus.recipe import InstructGenerator, Recipe


def digest(identity: Mapping[str, Any]) -> str:
    """sha256 (hexadecimal) of the canonical JSON of an identity."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def source_identity(recipe: Recipe, name: str) -> dict[str, Any]:
    """Everything that the documents of a source depend on: JSON-able and canonical."""
    source = recipe.sources[name]
    package: dict[str, str]
    if source.wheel == STDLIB:
        package = StandardLibrary().fingerprint(source.files, source.exclude)
    else:
        package = {"sha256": recipe.wheels[source.wheel].sha256}
    return {
        "source": source.model_dump(mode="json", exclude={"about"}),
        "package": package,
        "reader_version": READERS[source.reader].version,
        "cleaning_version": cleaning.VERSION,
    }


def ingredient_identity(recipe: Recipe, name: str) -> dict[str, Any]:
    """Everything that the documents and the split of an ingredient depend on: JSON-able and canonical."""
    return _ingredient_identity(recipe, name, {})


def _ingredient_identity(recipe: Recipe, name: str, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """``known`` holds what was already worked out, by name: most ingredients depend on most earlier ones."""
    if name in known:
        return known[name]

    def digest_of(other: str) -> str:
        return digest(_ingredient_identity(recipe, other, known))

    ingredient = recipe.ingredients[name]
    generator = ingredient.generator
    rules: dict[str, Any] = {
        "build_version": build.VERSION,
        "heldout": ingredient.heldout,
        "heldout_sources": sorted(ingredient.heldout_sources),
        "compared_with": [digest_of(other) for other in recipe.compared_with(name)],
    }
    if ingredient.from_ is not None:
        rules["from"] = digest_of(ingredient.from_)
    if ingredient.is_selection:
        rules["sources"] = sorted(ingredient.sources)
    elif generator is None:
        rules["sources"] = [source_identity(recipe, source) for source in ingredient.sources]
    elif isinstance(generator, InstructGenerator):
        rules["generator"] = generator.model_dump(mode="json")
        rules["generator_version"] = generators.INSTRUCT_VERSION
    else:
        rules["generator"] = generator.model_dump(mode="json", exclude={"wheel"})
        rules["generator_version"] = generators.MATH_VERSION
        rules["package"] = {"sha256": recipe.wheels[generator.wheel].sha256, "sympy": version("sympy")}
    known[name] = rules
    return rules
