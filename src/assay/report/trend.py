"""Contrasts as they are printed: of a trend the difference that a line through its arms makes over the whole grid.

``results.json`` has a trend's slope, per unit of its grid. Of a slope per percentage point three decimals show nothing,
and it cannot stand beside a pair; the difference over the whole grid can. Page, summary, terminal and the published
tables all print the rows made here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from assay.study.design import Contrast, Design

PER_UNIT = (
    "effect", "low", "high", "se", "low_new_items", "high_new_items", "relative", "relative_low", "relative_high",
    "mde", "margin", "value", "by_seed",
)  # fmt: skip
"""What of a row is in units of its contrast."""


def contrast_name(contrast: Contrast) -> str:
    """A pair's arms, an interaction's pairs; of a trend what it is over, and the arms at both ends of its grid."""
    if contrast.kind == "pair":
        return f"{contrast.a} − {contrast.b}"
    if contrast.kind == "interaction":
        return f"({contrast.a}) − ({contrast.b})"
    return f"trend over {contrast.factor}, {contrast.b} → {contrast.a}"


def end_to_end(design: Design, rows: Iterable[Mapping[str, Any]], key: str = "id") -> list[dict[str, Any]]:
    """Rows of ``results.json`` with a ``name``, those of trends over the whole grid; ``key`` has a row's contrast."""
    contrasts = {contrast.id: contrast for contrast in design.contrasts}
    return [_told(row, contrasts.get(row[key]), row[key]) for row in rows]


def _told(row: Mapping[str, Any], contrast: Contrast | None, name: str) -> dict[str, Any]:
    if contrast is None:
        return {**row, "name": name}
    told = {**row, "name": contrast_name(contrast)}
    if contrast.kind == "trend":
        times = _range(contrast.weights)
        told |= {part: _times(row[part], times) for part in PER_UNIT if part in row}
    return told


def _range(weights: tuple[float, ...]) -> float:
    """Of a trend's grid x: least-squares weights are (x − x̄) / Σ (x − x̄)², and Σ weight² = 1 / Σ (x − x̄)²."""
    return (max(weights) - min(weights)) / sum(weight**2 for weight in weights)


def _times(value: Any, times: float) -> Any:
    if value is None:
        return None
    return [one * times for one in value] if isinstance(value, list) else value * times
