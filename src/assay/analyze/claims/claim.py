"""Claims and tables as types, read from the package's two files and checked against each other.

Printed numbers stay text until they are reckoned with, because their last digit says how far they are rounded. A claim
that names a cell which is in no table is a defect of the file, and told at once; a cell that is there and was not
printed is null.
"""

from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.errors import InputError, nearest

Recipe = Literal[
    "text-only", "balanced-only", "balanced→text", "code→text", "balanced with synthetic→text",
    "web code", "code and markup", "code and adjacent", "code and synthetic",
    "0 % code", "25 % code", "50 % code", "75 % code", "90 % code", "100 % code",
]  # fmt: skip
Cooldown = Literal["none", "code", "no code"]
Unit = Literal["relative %", "times", "points", "win minus loss"]
Capability = Literal["reasoning", "knowledge", "language", "code", "generation"]
"""``language`` is the mean of reasoning and knowledge; ``generation`` is judged."""


def _number(written: str) -> str:
    try:
        Decimal(written)
    except InvalidOperation:
        raise ValueError(f"'{written}' is no number") from None
    return written


Printed = Annotated[str, AfterValidator(_number)]
"""A number with the digits it is printed with."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Role(_Frozen):
    """One of the two models that a claim is about."""

    recipe: Recipe
    """What it is trained on before any cooldown."""
    cooldown: Cooldown = "none"
    """``code``: one with a fifth of code; ``no code``: one without; ``none``: before any."""
    size: Literal["470M", "2.8B"] = "470M"

    def __str__(self) -> str:
        ending = {"none": "", "code": ", cooled with code", "no code": ", cooled without code"}[self.cooldown]
        return f"{self.recipe}{ending}" + (f", {self.size}" if self.size != "470M" else "")


class Claim(_Frozen):
    """One quantitative statement: how far model a is from model b."""

    name: str
    article: bool = False
    """One of the nine that the study is known for."""
    states: str
    quote: str | None = None
    """Its own words, where they were at hand."""
    source: str
    a: Role
    b: Role
    metric: Capability
    stated: Printed
    """Positive where a is better; of ``times`` where it is above 1."""
    unit: Unit
    cells: tuple[tuple[str, str, str], tuple[str, str, str]]
    """Two of (table, row, column)."""
    note: str | None = None

    @property
    def direction(self) -> int:
        """1: a is said to be better; -1: worse; 0: alike."""
        apart = Decimal(self.stated) - (1 if self.unit == "times" else 0)
        return int(apart > 0) - int(apart < 0)

    def shown(self) -> str:
        """The stated value with its unit."""
        return {
            "relative %": f"{self.stated} %",
            "times": f"{self.stated} times",
            "points": f"{self.stated} points",
            "win minus loss": f"{self.stated} points",
        }[self.unit].replace("-", "\N{MINUS SIGN}")


class Table(_Frozen):
    """What is printed of several models."""

    title: str
    source: str
    unit: str
    columns: list[str]
    rows: dict[str, list[Printed | None]]

    @model_validator(mode="after")
    def _rows_fit(self) -> Self:
        for name, row in self.rows.items():
            if len(row) != len(self.columns):
                raise ValueError(f"row '{name}' has {len(row)} values for {len(self.columns)} columns")
        return self


Tables = dict[str, Table]


class _File(_Frozen):
    claims: list[Claim] = Field(min_length=9)
    tables: Tables

    @model_validator(mode="after")
    def _all_there(self) -> Self:
        names = [claim.name for claim in self.claims]
        if len(set(names)) < len(names):
            raise ValueError("two claims have one name")
        for claim in self.claims:
            for at in claim.cells:
                try:
                    cell(self.tables, at)
                except KeyError:
                    raise ValueError(f"claim '{claim.name}' names {' / '.join(at)}, which is in no table") from None
        return self


def cell(tables: Tables, at: tuple[str, str, str]) -> str | None:
    """The printed value at (table, row, column); None where none was printed.

    Raises:
        KeyError: There is no such cell.
    """
    name, row, column = at
    table = tables[name]
    if column not in table.columns:
        raise KeyError(column)
    return table.rows[row][table.columns.index(column)]


def check_claims(claims: Any, tables: Any) -> tuple[tuple[Claim, ...], Tables]:
    """Claims and tables out of plain values.

    Raises:
        InputError: They are not as they should be, or a claim names a cell that is in no table.
    """
    try:
        found = _File(claims=claims, tables=tables)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise InputError(f"the claims cannot be read: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return tuple(found.claims), found.tables


@cache
def load_claims() -> tuple[tuple[Claim, ...], Tables]:
    """All claims, the article's nine first, and the tables."""
    folder = resources.files("assay.analyze.claims")
    read = [yaml.safe_load((folder / name).read_text(encoding="utf-8")) for name in ("claims.yaml", "tables.yaml")]
    return check_claims(*read)


def claim_named(name: str) -> Claim:
    """A claim by name.

    Raises:
        InputError: There is none, with the nearest.
    """
    claims, _ = load_claims()
    for claim in claims:
        if claim.name == name:
            return claim
    raise InputError(f"there is no claim '{name}'{nearest(name, [claim.name for claim in claims])}")
