"""The text of a value as a Python literal: one text for a value, whatever the hash seed.

Equal texts mean more than ``==``: 1, 1.0 and True differ, and so do two dictionaries in another order, because whoever
prints them sees it. Sets are written in order. What is no literal (an object, a counter, a number that is none) has no
text. Runs inside the sandbox too, so it imports the standard library alone.
"""

import math
from typing import Any

_PLAIN = frozenset((int, str, bool, type(None)))
"""Where a list or dict holds nothing else its own text is the literal."""


def literal(value: object) -> str:
    """Write a value of int, float, str, bool, None, list, tuple, dict and set, nested in any way.

    Raises:
        ValueError: Something in it is of another type (a subclass included), not finite, or contains itself.
    """
    try:
        return _written(value)
    except RecursionError:
        raise ValueError("a value that is nested without end is no literal") from None


def _written(value: object) -> str:
    kind = type(value)
    if kind is int or kind is str or kind is bool or value is None:
        return repr(value)
    if isinstance(value, list) and kind is list:
        if _PLAIN.issuperset(map(type, value)):
            return repr(value)
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, tuple) and kind is tuple:
        return f"({_written(value[0])},)" if len(value) == 1 else f"({', '.join(map(_written, value))})"
    if isinstance(value, dict) and kind is dict:
        if _PLAIN.issuperset(map(type, value)) and _PLAIN.issuperset(map(type, value.values())):
            return repr(value)
        return f"{{{', '.join(f'{_written(key)}: {_written(one)}' for key, one in value.items())}}}"
    if isinstance(value, set) and kind is set:
        return f"{{{', '.join(_in_order(value))}}}" if value else "set()"
    if isinstance(value, float) and kind is float and math.isfinite(value):
        return repr(value)
    what = f"the number {value!r}" if kind is float else f"a value of type {kind.__name__}"
    raise ValueError(f"{what} is no literal")


def _in_order(values: set[Any]) -> list[str]:
    texts = {one: _written(one) for one in values}
    try:
        return [texts[one] for one in sorted(values)]
    except TypeError:
        return sorted(texts.values())
