"""YAML files that a person writes: their keys and values, and the line in which each stands.

The values come from PyYAML's safe loader and the lines from its nodes, so whatever checks the values can say where one
is wrong. Files are parsed twice for that, which nobody notices at their size. What a key means is the caller's.
"""

from collections.abc import Iterable
from typing import Any

import yaml

from assay.errors import InputError


def read_mapping(text: str, path: str, wanted: str) -> tuple[dict[Any, Any], yaml.Node]:
    """The mapping that a YAML text is, and its node, for `line_of`.

    Args:
        text: The file's content.
        path: Its name in messages.
        wanted: What is said where it is something else than a mapping.

    Raises:
        InputError: It is not YAML, and in which line; or no mapping.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        raise InputError(f"not YAML: {getattr(problem, 'problem', None) or problem}", where) from None
    if root is None or not isinstance(values, dict):
        raise InputError(wanted, path)
    return values, root


def line_of(root: yaml.Node, place: Iterable[int | str]) -> int:
    """Line, counted from 1, of the deepest key or entry on the way to a place that the file has.

    Args:
        root: The node that the place is inside.
        place: Keys and indices from there, as pydantic gives them; what is neither, such as a union's tag, is passed
            over.
    """
    node, line = root, root.start_mark.line + 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if found is not None:
                line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and str(step).isdigit() and int(step) < len(node.value):
            node = node.value[int(step)]
            line = node.start_mark.line + 1
    return line
