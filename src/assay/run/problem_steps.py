"""The steps that make and verify problems, in pieces that any worker can make.

A piece is known by its maker, its seed and its place, never by how many pieces are wanted: who asks for more later has
what was made before. How the sandbox is had changes no result, so it is no part of a piece's identity; the version of
Python and of the type checker are.
"""

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from assay.corpus import versions
from assay.corpus.source import Package
from assay.corpus.synthesis.composed import THEMES
from assay.run.identity import file_hash
from assay.run.step import Step

PIECE = 500
"""Composed problems tried in a step."""
GIVEN_PIECES = 24
"""Steps that the given problems are dealt to in turn."""


def composed_steps(
    tried: int, seed: int, depths: Mapping[int, float], sandbox: str = "auto", first: int = 0
) -> list[Step]:
    """Steps that make composed problems.

    Args:
        tried: How many problems are made; fewer are proved.
        seed: Of all of them.
        depths: Weight of each depth; none: the composer's own.
        sandbox: Tier to run them in.
        first: Pieces that are left out at the beginning.
    """
    weights = {str(depth): float(weight) for depth, weight in sorted(depths.items())}
    made = {"made": versions.COMPOSED, "themes": file_hash(THEMES)}
    recipe = {"maker": "composed", **made, **_verified(), "seed": seed, "depths": weights}
    begins = range(first * PIECE, tried, PIECE)
    return [_step({**recipe, "first": at, "count": min(PIECE, tried - at)}, {}, {"sandbox": sandbox}) for at in begins]


def given_steps(package_step: Step, package: Package, sandbox: str = "auto") -> list[Step]:
    """Steps that verify the problems which come with reasoning-gym.

    Args:
        package_step: Fetches the wheel.
        package: Which it is.
        sandbox: Tier to run them in.
    """
    recipe = {"maker": "given", "made": versions.GIVEN, **_verified(), "of": GIVEN_PIECES}
    inputs = {f"package:{package.name}": package_step}
    place = {"sandbox": sandbox, "file": package.file}
    return [_step({**recipe, "number": number}, inputs, place) for number in range(GIVEN_PIECES)]


def _step(recipe: Mapping[str, Any], inputs: Mapping[str, Step], place: Mapping[str, Any]) -> Step:
    if "first" in recipe:
        told, size = f"{recipe['first'] + 1} to {recipe['first'] + recipe['count']}", recipe["count"]
    else:
        told, size = f"({recipe['number'] + 1} of {recipe['of']})", 250
    title = f"verify {recipe['maker']} problems {told}"
    return Step("problems", recipe, inputs, title=title, size=float(size), place=place)


def _verified() -> dict[str, Any]:
    try:
        checker = version("mypy")
    except PackageNotFoundError:
        checker = "missing"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"verification": versions.VERIFICATION, "python": python, "mypy": checker}
