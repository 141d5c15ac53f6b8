"""Reading a recipe file: a built-in name or a path, with errors that name the line and the nearest right key.

One message for the first fault found, as a person reads it; the models in `recipe` decide what a fault is.
"""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from assay.corpus.recipe import (
    Ingredient,
    InstructGenerator,
    MathGenerator,
    MisplacedError,
    Recipe,
    Source,
    TokenizerRecipe,
    Wheel,
)
from assay.errors import InputError, nearest

FOLDER = Path(__file__).parent / "recipes"
_SECTIONS: dict[str, type[BaseModel]] = {
    "wheels": Wheel,
    "sources": Source,
    "ingredients": Ingredient,
    "tokenizers": TokenizerRecipe,
}
_GENERATORS: dict[str, type[BaseModel]] = {"math": MathGenerator, "instruct": InstructGenerator}


def builtin_recipes() -> list[str]:
    """Names of the recipes that come with Assay."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A built-in recipe by name, or the recipe in a YAML file.

    Raises:
        InputError: No such recipe, not YAML, an unknown key or name, or a value of the wrong type.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        if str(name_or_path) not in builtin_recipes():
            hint = nearest(str(name_or_path), builtin_recipes())
            raise InputError(f"no recipe is called {name_or_path}{hint}; a file must end in .yaml")
        path = FOLDER / f"{name_or_path}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the recipe cannot be read: {error}", str(path)) from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(f"not YAML: {getattr(error, 'problem', None) or error}", where) from error
    if not isinstance(data, dict):
        raise InputError("a recipe is a mapping of name, wheels, sources, ingredients", str(path))
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        message, loc = _explain(error)
        raise InputError(message, f"{path}:{_line(root, loc)}") from error


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
    return f"{'.'.join(loc)}: {fault['msg']}, got {fault['input']!r}", loc


def _model_at(loc: tuple[str, ...]) -> type[BaseModel]:
    if len(loc) < 2:
        return Recipe
    if len(loc) > 2 and loc[2] == "generator":
        return _GENERATORS.get(loc[-1], Ingredient)
    return _SECTIONS[loc[0]]


def _line(root: yaml.Node | None, loc: tuple[str, ...]) -> int:
    """Line (from 1) of the deepest key of ``loc`` that the file has; tags of unions are passed over."""
    line = 1
    node: Any = root
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    node, line = value, key.start_mark.line + 1
                    break
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
    return line
