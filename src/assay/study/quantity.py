"""Numbers of tokens as people write and read them: ``327680``, ``320k``, ``1.5M``, ``2P`` with ``units: {P: …}``."""

import re
from collections.abc import Mapping
from fractions import Fraction

from assay.errors import InputError

SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_FORM = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)?\s*([A-Za-z]\w*)?\s*")


def parse_tokens(written: float | str, units: Mapping[str, int], where: str | None = None) -> int:
    """Tokens meant by ``written``, rounded to a whole number.

    Raises:
        InputError: Not a number with a known unit, or not above 0.
    """
    match = _FORM.fullmatch(str(written))
    number, unit = match.groups() if match else (None, None)
    known = {**SUFFIXES, **units}
    if match is None or (number is None and unit is None) or (unit or "") not in known:
        wanted = ", ".join(sorted(name for name in known if name))
        raise InputError(f"'{written}' is not a number of tokens; write a number, or one with {wanted}", where)
    tokens = round(Fraction((number or "1").replace("_", "")) * known[unit or ""])
    if tokens <= 0:
        raise InputError(f"'{written}' tokens: a stage needs more than none", where)
    return tokens


def shown_tokens(tokens: float) -> str:
    """A number of tokens to be read: exact below a billion, four digits above."""
    return f"{tokens:,.0f}" if abs(tokens) < 10**9 else f"{tokens / 10**9:,.4g}B"
