"""Accelerators as data: peak rate, price and the share of the peak that training reaches.

The figures and where each is from stand in ``accelerators.yaml``. Prices move and differ between sellers, so they are
dated assumptions that a user overrides; nothing is looked up on a network.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import yaml

from assay.errors import InputError, nearest
from assay.model.sizes import SIZES

HERE = "here"
"""What ``--price`` calls this machine."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One kind of chip."""

    name: str
    """What ``--price`` calls it."""
    title: str
    peak: float
    """Dense bfloat16 FLOP/s of one chip."""
    price: float
    """US dollars an hour and chip."""
    points: tuple[tuple[int, float], ...]
    """(body parameters, model FLOPs utilisation), ascending."""
    source: str
    """Where the utilisation is from."""

    def mfu(self, parameters: int) -> float:
        """Share of the peak at a number of body parameters: linear in its logarithm between the stated points, the
        nearest point's outside."""
        low = self.points[0]
        for high in self.points:
            if parameters <= high[0]:
                if high == low:
                    return high[1]
                part = math.log(parameters / low[0]) / math.log(high[0] / low[0])
                return low[1] + part * (high[1] - low[1])
            low = high
        return low[1]

    def chip_hours(self, flops: float, parameters: int) -> float:
        """Hours of one chip for so many FLOPs of training at that size."""
        return flops / (self.peak * self.mfu(parameters)) / 3600


def load_accelerators(prices: Iterable[str] = ()) -> tuple[Accelerator, ...]:
    """All accelerators, in the order of the file.

    Args:
        prices: ``NAME=DOLLARS`` an hour and chip, in place of the file's.

    Raises:
        InputError: A price of no known accelerator, or not a number.
    """
    found = {
        name: Accelerator(
            name,
            row["title"],
            row["peak"] * 1e12,
            float(row["price"]),
            tuple(sorted((SIZES[size].body_parameters, share) for size, share in points.items())),
            " ".join(_data()["mfu"][row["mfu"]]["source"].split()),
        )
        for name, row in _data()["accelerators"].items()
        for points in (_data()["mfu"][row["mfu"]]["points"],)
    }
    for written in prices:
        name, dollars = price_of(written)
        if name not in found:
            raise InputError(f"no accelerator is called '{name}'{nearest(name, [*found, HERE])}", f"--price {written}")
        found[name] = replace(found[name], price=dollars)
    return tuple(found.values())


def price_of(written: str) -> tuple[str, float]:
    """``NAME=DOLLARS`` as name and dollars.

    Raises:
        InputError: It is not written so.
    """
    name, _, dollars = written.partition("=")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", dollars):
        raise InputError("write NAME=DOLLARS an hour and chip, such as H100=2.10", f"--price {written}")
    return name, float(dollars)


def prices_as_of() -> str:
    """Year and month of the file's prices."""
    return str(_data()["prices_as_of"])


@cache
def _data() -> Mapping[str, Any]:
    text = (resources.files("assay") / "study" / "accelerators.yaml").read_text(encoding="utf-8")
    read: Mapping[str, Any] = yaml.safe_load(text)
    return read
