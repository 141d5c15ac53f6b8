"""Reading a recipe file: a built-in name or a path, with errors that name the line and the nearest right key.

One message for the first fault found, as a person reads it; the models in `recipe` decide what a fault is. A recipe
that extends another is the other's sections with its own added at the end: nothing of the other can be changed, so
every ingredient of the other keeps its identity.
"""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from assay.corpus.ingredient import Ingredient, InstructGenerator, MathGenerator, Quality, TokenizerRecipe
from assay.corpus.recipe import SECTIONS, Recipe
from assay.corpus.source import Clean, Hub, MisplacedError, Package, Records, Source
from assay.errors import InputError, nearest
from assay.yaml_file import line_of, read_mapping

FOLDER = Path(__file__).parent / "recipes"
DEEPEST = 8
"""Recipes that extend one another."""
_SECTIONS: dict[str, type[BaseModel]] = {
    "packages": Package,
    "sources": Source,
    "ingredients": Ingredient,
    "tokenizers": TokenizerRecipe,
}
_PARTS: dict[str, type[BaseModel]] = {"records": Records, "hub": Hub, "clean": Clean, "quality": Quality}
_GENERATORS: dict[str, type[BaseModel]] = {"math": MathGenerator, "instruct": InstructGenerator}


def builtin_recipes() -> list[str]:
    """Names of the recipes that come with Assay."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A built-in recipe by name, or the recipe in a YAML file.

    Raises:
        InputError: No such recipe, not YAML, an unknown key or name, or a value of the wrong type.
    """
    return _load(_recipe_path(name_or_path, Path()), ())


def _recipe_path(name_or_path: str | Path, beside: Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        return path if path.is_absolute() else beside / path
    if str(name_or_path) not in builtin_recipes():
        hint = nearest(str(name_or_path), builtin_recipes())
        raise InputError(f"no recipe is called {name_or_path}{hint}; a file must end in .yaml")
    return FOLDER / f"{name_or_path}.yaml"


def _load(path: Path, above: tuple[Path, ...]) -> Recipe:
    if len(above) >= DEEPEST or path in above:
        raise InputError("recipes extend one another in a circle", str(above[0] if above else path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the recipe cannot be read: {error}", str(path)) from error
    data, root = read_mapping(text, str(path), "a recipe is a mapping of name, packages, sources, ingredients")
    for key in ("folder", "taken_over"):
        if key in data:
            raise InputError(f"unknown key {key} in the recipe", f"{path}:{line_of(root, (key,))}")
    data["folder"] = "" if path.parent == FOLDER else str(path.parent.resolve())
    if isinstance(data.get("extends"), str):
        try:
            other = _load(_recipe_path(data["extends"], path.parent), (*above, path))
        except InputError as problem:
            if problem.where is None:
                raise InputError(str(problem), f"{path}:{line_of(root, ('extends',))}") from None
            raise
        data = _extended(other, data, root, path)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        message, loc = _explain(error)
        raise InputError(message, f"{path}:{line_of(root, loc)}") from error


def _extended(other: Recipe, data: dict[str, Any], root: yaml.Node, path: Path) -> dict[str, Any]:
    """The other recipe's sections with this one's at their end."""
    merged = {"decontaminate": other.decontaminate, **data, "taken_over": tuple(other.ingredients)}
    if merged["decontaminate"] != other.decontaminate:
        raise InputError(
            f"decontaminate is {str(other.decontaminate).lower()} in {other.name}, which this recipe extends, and "
            "every ingredient of it depends on that: leave the key out",
            f"{path}:{line_of(root, ('decontaminate',))}",
        )
    for section in SECTIONS:
        own = data.get(section) or {}
        if not isinstance(own, dict):
            continue
        known = getattr(other, section)
        for key in own:
            if key in known:
                raise InputError(
                    f"{section}.{key} is there already in {other.name}, which this recipe extends; a recipe adds to "
                    "the one that it extends and changes nothing of it: choose another name",
                    f"{path}:{line_of(root, (section, str(key)))}",
                )
        taken = {key: value.model_dump(by_alias=True, exclude_unset=True) for key, value in known.items()}
        if section in ("sources", "tokenizers") and other.folder:
            for entry in taken.values():
                if entry.get("path") and "://" not in entry["path"] and not entry["path"].startswith("~"):
                    entry["path"] = str(Path(other.folder) / entry["path"])
        merged[section] = {**taken, **own}
    return merged


def _explain(error: ValidationError) -> tuple[str, tuple[str, ...]]:
    """A sentence on the first fault, and the keys that lead to it.

    An unknown key goes before a missing one: it usually is the missing one, misspelt.
    """
    fault = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    loc = tuple(str(part) for part in fault["loc"])
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, MisplacedError):
        return f"{'.'.join(cause.loc)}: {cause}", cause.loc
    key, parent = (loc[-1], loc[:-1]) if loc else ("", ())
    if fault["type"] == "extra_forbidden":
        model = _model_at(parent)
        keys = [field.alias or name for name, field in model.model_fields.items()]
        return f"unknown key {key} in {'.'.join(parent) or 'the recipe'}{nearest(key, keys)}", loc
    if fault["type"] == "missing":
        return f"{'.'.join(parent) or 'the recipe'} needs the key {key}", parent
    if fault["type"] == "value_error":
        return f"{'.'.join(loc)}: {cause}", loc
    return f"{'.'.join(loc)}: {fault['msg']}, got {fault['input']!r}", loc


def _model_at(loc: tuple[str, ...]) -> type[BaseModel]:
    if len(loc) < 2:
        return Recipe
    if len(loc) > 2:
        return _PARTS.get(loc[2]) or _GENERATORS.get(loc[-1], Ingredient)
    return _SECTIONS[loc[0]]
