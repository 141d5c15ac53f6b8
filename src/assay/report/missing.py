"""Where item records are missing: an arm without any must not look like one that cannot be told from another."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.study.design import Design

NAMED = 8


def missing_records(design: Design, results: Mapping[str, Any], plan: Mapping[str, Any]) -> list[str]:
    """A sentence for each size where arms have no records, or not those of every seed.

    Args:
        design: Of the study.
        results: ``results.json``, whose ``arms_table`` counts seeds.
        plan: ``plan.json``, whose ``arms`` say at which sizes each is trained.
    """
    sizes = {arm["arm"]: arm["sizes"] for arm in plan.get("arms", [])}
    told = []
    for size in design.sizes:
        seeds: dict[str, list[int]] = {}
        for row in results["arms_table"]:
            if row["declared"] and row["size"] == size and size in sizes.get(row["arm"], design.sizes):
                seeds.setdefault(row["arm"], []).append(row["n_seeds"])
        absent = [arm for arm, found in seeds.items() if not any(found)]
        fewer = [arm for arm, found in seeds.items() if any(found) and min(found) < len(design.seeds)]
        parts = [
            f"{len(arms)} of {len(seeds)} arms {one if len(arms) == 1 else more} ({_names(arms)})"
            for arms, one, more in (
                (absent, "has no records", "have no records"),
                (fewer, "lacks seeds", "lack seeds"),
            )
            if arms
        ]
        if parts:
            told.append(f"{f'At {size} ' if len(design.sizes) > 1 else ''}{'; '.join(parts)}.")
    return told


def _names(arms: Sequence[str]) -> str:
    more = f" and {len(arms) - NAMED} more" if len(arms) > NAMED else ""
    return ", ".join(arms[:NAMED]) + more
