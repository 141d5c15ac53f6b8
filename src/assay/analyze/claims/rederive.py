"""A stated value worked out again from the printed cells, with what rounding leaves open.

A printed number stands for every value that rounds to it, so two cells give a range and not one value. A claim *agrees*
where some values behind the cells give what is printed as its result, *disagrees* where none do, and *cannot be
checked* where a cell was never printed. How sure the study's models make it is another question: see `asked`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from assay.analyze.claims.claim import Claim, Tables, cell

Agreement = Literal["agrees", "disagrees", "cannot be checked"]
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Rederived:
    """What the tables make of a claim."""

    verdict: Agreement
    how: str
    """The arithmetic in words, or which cells are missing."""
    value: float | None = None
    """From the cells as printed, in the claim's unit."""
    low: float | None = None
    """The least and the most that the cells allow, as they are rounded."""
    high: float | None = None
    off: float | None = None
    """The stated value less ``value``."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {name: getattr(self, name) for name in ("verdict", "how", "value", "low", "high", "off")}


def rederive(claim: Claim, tables: Tables) -> Rederived:
    """Work a claim out from its two cells.

    Args:
        claim: What is stated.
        tables: What is printed.
    """
    printed = [cell(tables, at) for at in claim.cells]
    missing = [
        f"{tables[at[0]].source} has no number for {at[1]}, {at[2]}"
        for at, value in zip(claim.cells, printed, strict=True)
        if value is None
    ]
    if missing or printed[0] is None or printed[1] is None:
        return Rederived("cannot be checked", f"{'; '.join(missing)}.")
    a, b = printed[0], printed[1]
    of, sign = _ARITHMETIC[claim.unit]
    if claim.unit in {"relative %", "times"} and _ends(b)[0] <= 0:
        return Rederived("cannot be checked", f"{b} may be 0, by which nothing is divided.")
    value = of(Decimal(a), Decimal(b))
    # each result rises with a and falls with b, both being positive where they are divided
    low, high = of(_ends(a)[0], _ends(b)[1]), of(_ends(a)[1], _ends(b)[0])
    stated = _ends(claim.stated)
    agrees = low <= stated[1] and stated[0] <= high
    digits = max(1, _decimals(claim.stated))
    shown = f"{value:+.{digits}f}" if claim.unit != "times" else f"{value:.{digits}f}"
    within = f"{low:+.{digits}f} to {high:+.{digits}f}" if claim.unit != "times" else f"{low:.1f} to {high:.1f}"
    how = f"{sign.format(a=a, b=b)} = {shown}; as the cells are rounded, {within}; stated is {claim.stated}."
    return Rederived(
        "agrees" if agrees else "disagrees",
        how.replace("-", MINUS),
        float(value),
        float(low),
        float(high),
        float(Decimal(claim.stated) - value),
    )


def _relative(a: Decimal, b: Decimal) -> Decimal:
    return 100 * (a / b - 1)


def _times(a: Decimal, b: Decimal) -> Decimal:
    return a / b


def _points(a: Decimal, b: Decimal) -> Decimal:
    return a - b


_ARITHMETIC: dict[str, tuple[Callable[[Decimal, Decimal], Decimal], str]] = {
    "relative %": (_relative, "100 · ({a} / {b} - 1)"),
    "times": (_times, "{a} / {b}"),
    "points": (_points, "{a} - {b}"),
    "win minus loss": (_points, "{a} - {b}"),
}


def _decimals(written: str) -> int:
    return len(written.partition(".")[2])


def _ends(written: str) -> tuple[Decimal, Decimal]:
    """The least and the greatest value that rounds to a printed number."""
    half = Decimal(5) * Decimal(10) ** (-_decimals(written) - 1)
    return Decimal(written) - half, Decimal(written) + half
