"""What a run's win rates say of claims about generation: the pair of arms that a judge compared, or which one it lacks.

Read from ``judge/judge.json`` alone; no answer is looked at and nothing is tested again. A pair speaks through the
judge that passed its exam, or through the panel of those that did: where none passed, its numbers are left out. A claim
of two win rates against a third model is asked of its two models directly. No judge has a margin within which two arms
are as good, so *no difference* is never said.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.analyze.claims.claim import Claim
from assay.analyze.claims.roles import Pair
from assay.errors import InputError

GENERATION = "generation"
SUMMARY = Path("judge", "judge.json")
MEASURE = {"win minus loss": "win_minus_loss", "points": "win_rate"}
"""By a claim's unit."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The pairs of arms that were judged."""

    speaker: str | None
    """The judge, or panel, that passed its exam."""
    silent: str
    """Why nobody speaks, where nobody does."""
    claims: Mapping[tuple[str, str, str | None], Mapping[str, Any]]
    """What is said of a pair, by (a, b, size); None where the size is not recorded."""
    rates: Mapping[tuple[str, str, str | None], Mapping[str, Any]]
    """The speaker's ``win_rate`` of a pair."""

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """Arms that were compared, either way round."""
        return {pair for a, b, _ in self.claims for pair in ((a, b), (b, a))}


def read_judged(folder: Path, sizes: Mapping[str, Sequence[str]]) -> Judged | None:
    """A run folder's win rates; None where its answers were not judged.

    Args:
        folder: The run folder.
        sizes: Of each arm of the study.

    Raises:
        InputError: The file is not what Assay writes.
    """
    path = folder / SUMMARY
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        speaker = summary["speaker"]
        arms = _arms(sizes)
        rates = {(row["a"], row["b"]): row["win_rate"] for row in summary["pairs"] if row["judge"] == speaker}
        found: dict[tuple[str, str, str | None], Mapping[str, Any]] = {}
        measured: dict[tuple[str, str, str | None], Mapping[str, Any]] = {}
        for said in summary["claim"]:
            one, other = arms.get(said["a"]), arms.get(said["b"])
            if one is None or other is None or one[1] != other[1]:
                continue  # an arm that the study does not have, or of another size
            found[one[0], other[0], one[1]] = said
            if (rate := rates.get((said["a"], said["b"]))) is not None:
                measured[one[0], other[0], one[1]] = rate
        return Judged(speaker, "; ".join(map(_failed, summary["judges"])), found, measured)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError("it is not what 'assay judge' writes; judge again", str(path)) from None


def judged_rows(claim: Claim, pairs: Sequence[Pair], judged: Judged) -> list[dict[str, Any]]:
    """What win rates say of a claim, one row a pair and size.

    Args:
        claim: About generation.
        pairs: That play its parts and were judged.
        judged: The win rates.

    Returns:
        As `assay.analyze.claims.asked.ask` has them, with ``judge``, ``over`` (what the interval is drawn over),
        ``verdict`` (*higher*, *lower* or *cannot tell*), and ``favours``: the arm that is preferred, ``a``, ``b`` or
        None. ``gain``, ``low``, ``high`` and ``smallest`` are in points: of win minus loss, or, where the claim
        compares win rates, of the win rate from 50 %, which are half as many.
    """
    return [
        _row(claim, pair, size, judged)
        for pair in pairs
        for a, b, size in judged.claims
        if {a, b} == {pair.a.arm, pair.b.arm}
    ]


def unjudged(folder: Path, pair: Pair, judged: Judged | None) -> str:
    """Why a claim whose arms the study has is not asked of it, and what would ask it."""
    a, b = pair.a.arm, pair.b.arm
    command = f"assay judge {shlex.quote(str(folder))} --pairs {shlex.quote(f'{a}:{b}')}"
    if judged is None:
        return f"no judge compared answers of this run; {command} has it done"
    return f"{a} and {b} were not judged against each other; {command},PAIRS has it done, PAIRS being those to keep"


def _row(claim: Claim, pair: Pair, size: str | None, judged: Judged) -> dict[str, Any]:
    a, b = pair.a.arm, pair.b.arm
    flipped = (a, b, size) not in judged.claims
    at = (b, a, size) if flipped else (a, b, size)
    said, rate = judged.claims[at], judged.rates.get(at)
    measure = MEASURE[claim.unit]
    row: dict[str, Any] = {
        "size": size,
        "a": a,
        "b": b,
        "endings": [pair.a.ending, pair.b.ending],
        "metric": f"{GENERATION}/{measure}",
        "judge": judged.speaker,
        "why": said["why"],
        "verdict": "cannot tell",
        "favours": None,
        **dict.fromkeys(("gain", "low", "high", "smallest", "margin", "n_seeds", "p_adjusted", "over")),
    }
    if judged.speaker is None:
        return {**row, "why": judged.silent or said["why"]}
    if rate is None:
        return row
    points = 100.0 if measure == "win_minus_loss" else 50.0  # a win rate is (1 + win minus loss) / 2
    ends = [_times(points, rate[f"win_minus_loss{end}"]) for end in ("", "_low", "_high")]
    if flipped:
        ends = [_times(-1.0, ends[place]) for place in (0, 2, 1)]
    if said["prefers"] is not None:
        first = (said["prefers"] == said["a"]) != flipped
        row |= {"verdict": "higher", "favours": "a"} if first else {"verdict": "lower", "favours": "b"}
    return {
        **row,
        **dict(zip(("gain", "low", "high"), ends, strict=True)),
        "smallest": _times(points, rate["detectable"]),
        "n_seeds": rate["seeds"],
        "p_adjusted": rate["p_adjusted"],
        "over": rate["over"],
    }


def _times(by: float, value: float | None) -> float | None:
    return None if value is None else by * value + 0.0


def _arms(sizes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str | None]]:
    """(arm, size) by what an arm is called among win rates: its name, with the size where a study says it."""
    found: dict[str, tuple[str, str | None]] = {}
    for arm, its in sizes.items():
        found[arm] = (arm, its[0] if len(its) == 1 else None)
        found |= {f"{arm} {size}": (arm, size) for size in its if f"{arm} {size}" not in sizes}
    return found


def _failed(judge: Mapping[str, Any]) -> str:
    """Why a judge does not speak."""
    if judge["exam"] is None:
        return f"{judge['name']} sat no exam"
    told = f" ({'; '.join(judge['exam']['shortfalls'])})" if judge["exam"]["shortfalls"] else ""
    return f"{judge['name']} {'made no judgement' if judge['passed'] else 'failed the exam'}{told}"
