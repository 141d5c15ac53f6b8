"""How many candidates became records, and why the others did not."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self, get_args, get_type_hints

from assay.corpus.synthesis.record import Record, Refused

STAGES: tuple[str, ...] = get_args(get_type_hints(Refused)["stage"])
"""In the order in which they are tried."""
_LATER = "overlap"
"""Looked for in a whole folder, after the steps that made its problems."""


@dataclass(frozen=True, slots=True)
class Yield:
    """Counts of one run or several."""

    made: int = 0
    """Candidates."""
    refused: dict[str, dict[str, int]] = field(default_factory=dict)
    """Stage to reason to how many, in the order of the stages, the most frequent reason first."""

    @classmethod
    def of(cls, outcomes: Iterable[Record | Refused]) -> Self:
        """Count outcomes."""
        made = 0
        refused: dict[str, dict[str, int]] = {}
        for one in outcomes:
            made += 1
            if isinstance(one, Refused):
                reasons = refused.setdefault(one.stage, {})
                reasons[one.why] = reasons.get(one.why, 0) + 1
        return cls(made, _ordered(refused))

    @property
    def kept(self) -> int:
        """Records."""
        return self.made - sum(sum(reasons.values()) for reasons in self.refused.values())

    @property
    def share(self) -> float:
        """Records of candidates; 0 where there are none."""
        return self.kept / self.made if self.made else 0.0

    def __add__(self, other: "Yield") -> "Yield":
        refused = {stage: dict(reasons) for stage, reasons in self.refused.items()}
        for stage, reasons in other.refused.items():
            mine = refused.setdefault(stage, {})
            for why, count in reasons.items():
                mine[why] = mine.get(why, 0) + count
        return Yield(self.made + other.made, _ordered(refused))

    def as_dict(self) -> dict[str, Any]:
        """``made``, ``kept``, ``refused`` by stage and reason, and ``left``: how many passed each stage."""
        left = {}
        rest = self.made
        for stage in (one for one in STAGES if one != _LATER or one in self.refused):
            rest -= sum(self.refused.get(stage, {}).values())
            left[stage] = rest
        refused = {stage: dict(reasons) for stage, reasons in self.refused.items()}
        return {"made": self.made, "kept": self.kept, "left": left, "refused": refused}


def _ordered(refused: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {
        stage: dict(sorted(refused[stage].items(), key=lambda pair: (-pair[1], pair[0])))
        for stage in STAGES
        if stage in refused
    }
