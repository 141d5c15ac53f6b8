"""What the tests of the corpus plane share: the type of their wheel maker, a small source, a small recipe."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.corpus.recipe import Recipe
from assay.corpus.source import Package, Source

MakeWheel = Callable[..., tuple[Package, Path]]


def source(name: str, package: str = "pack", **fields: Any) -> Source:
    """A source of plain text files unless ``fields`` say otherwise."""
    given = {"about": "test", "reader": "files", "files": ["*"], "kind": "text", **fields}
    return Source(name=name, package=package, **given)


def small_recipe(**changes: Any) -> Recipe:
    """Three text sources of one wheel; ``first`` and ``second`` are ingredients."""
    pin = {"version": "1.0", "file": "pack-1.0-py3-none-any.whl", "sha256": "0" * 64, "bytes": 1}
    plain = {"about": "test", "package": "pack", "reader": "files", "kind": "text"}
    data: dict[str, Any] = {
        "name": "small",
        "decontaminate": False,
        "packages": {"pack": pin},
        "sources": {name: {**plain, "files": [f"{name}/*"]} for name in ("a", "b", "c")},
        "ingredients": {
            "first": {"sources": ["a", "b"], "heldout": 0.1},
            "second": {"sources": ["c"], "heldout": 0.1},
        },
    }
    for key, value in changes.items():
        data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
    return Recipe.model_validate(data)
