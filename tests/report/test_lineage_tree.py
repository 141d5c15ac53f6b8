"""How `assay why` prints what is too long or too much for a screen."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from assay.report.lineage_tree import print_differences, print_record
from assay.run.lineage import Difference, Record


def record(key: str, recipe: Mapping[str, Any], inputs: Mapping[str, Record]) -> Record:
    return Record("documents", key.rjust(40, "0"), f"make {key}", recipe, None, inputs)


def printed(one: Record) -> list[str]:
    out = io.StringIO()
    print_record(one, Path("place"), Console(file=out, width=80))
    return out.getvalue().splitlines()


def test_a_tree_stops_before_it_fills_many_screens_and_says_how_much_it_leaves_out() -> None:
    below = {f"b{index}": record(f"b{index}", {}, {"package": record(f"c{index}", {}, {})}) for index in range(100)}
    lines = printed(record("a", {}, below))
    tree = lines[lines.index("made from 200 artifacts") :]
    assert sum("make b" in line for line in tree) == 100
    assert not any("make c" in line for line in tree)
    assert sum("… and more, from 1 input" in line for line in tree) == 100


def test_long_values_of_a_recipe_are_folded_and_line_ends_shown() -> None:
    recipe = {"prompt": "a\nb", "pattern": "x" * 500, "files": [f"folder/{index}.py" for index in range(90)]}
    lines = printed(record("a", recipe, {}))
    assert "  prompt   a\\nb" in lines
    assert all(len(line) < 110 for line in lines)
    assert next(line for line in lines if line.startswith("  files")).endswith(" more")


def test_of_two_long_lists_only_what_the_other_has_not_is_printed() -> None:
    names = [f"folder/{index}.py" for index in range(90)]
    out = io.StringIO()
    difference = Difference("recipe.files", names, [*names[1:], "other.py"], ("documents",), ("documents",))
    print_differences(record("a", {}, {}), record("b", {}, {}), [difference], Console(file=out, width=80))
    assert "    recipe.files: only the first has folder/0.py; only the second has other.py\n" in out.getvalue()
