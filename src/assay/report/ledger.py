"""The ledger as two tables: what each arm saw in all, and each stage's declared and seen shares.

Seeds of an arm, and the draws of its last stage, see the same shares to within a row, so the tables show their mean and
the largest deviation of any.
An ingredient in several languages has a ledger row for each, and an arm may run a stage of one name twice: shares
are made anew from the tokens of such rows together.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def stage_shares(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One row per size, arm, stage and ingredient: declared and seen share, tokens, epochs, cut tokens.

    ``epochs`` is the largest of any seed and draw. ``deviation`` is the largest |seen − declared| of any; None where
    the ingredient was not declared, or differently in two stages of the same name.
    """
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    totals: dict[tuple[str, str, str, tuple[int, int]], int] = {}
    for row in rows:
        groups.setdefault((row["size"], row["arm"], row["stage"], row["ingredient"]), []).append(row)
        stage_of_run = (row["size"], row["arm"], row["stage"], _run(row))
        totals[stage_of_run] = totals.get(stage_of_run, 0) + row["tokens"]
    table = []
    for (size, arm, stage, ingredient), members in groups.items():
        by_run: dict[tuple[int, int], int] = {}
        for row in members:
            by_run[_run(row)] = by_run.get(_run(row), 0) + row["tokens"]
        promised = {row["declared_share"] for row in members}
        declared = promised.pop() if len(promised) == 1 else None
        seen = [tokens / max(1, totals[size, arm, stage, run]) for run, tokens in by_run.items()]
        table.append(
            {
                "size": size,
                "arm": arm,
                "stage": stage,
                "ingredient": ingredient,
                "kind": ", ".join(sorted({row["kind"] for row in members if row["kind"]})),
                "languages": ", ".join(sorted({row["language"] for row in members if row["language"]})),
                "declared": declared,
                "seen": sum(seen) / len(seen),
                "deviation": None if declared is None else max(abs(share - declared) for share in seen),
                "tokens": sum(by_run.values()) / len(by_run),
                "epochs": max(row["epochs"] for row in members),
                "cut": sum(row["cut_tokens"] for row in members),
            }
        )
    return table


def _run(row: Row) -> tuple[int, int]:
    """Seed, and draw of the last stage."""
    return row["seed"], row.get("fork_seed", 0)


def arm_totals(stages: Sequence[Row]) -> tuple[list[str], list[dict[str, Any]]]:
    """What each arm saw: tokens and share of each kind.

    Returns:
        The kinds in order of appearance, and one row per size and arm.
    """
    kinds = list(dict.fromkeys(row["kind"] for row in stages))
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in stages:
        groups.setdefault((row["size"], row["arm"]), []).append(row)
    table = []
    for (size, arm), members in groups.items():
        total = sum(row["tokens"] for row in members)
        deviations = [row["deviation"] for row in members if row["deviation"] is not None]
        table.append(
            {
                "size": size,
                "arm": arm,
                "tokens": total,
                "shares": [sum(row["tokens"] for row in members if row["kind"] == kind) / total for kind in kinds]
                if total
                else [None] * len(kinds),
                "epochs": max(row["epochs"] for row in members),
                "deviation": max(deviations, default=None),
                "cut": sum(row["cut"] for row in members),
            }
        )
    return kinds, table
