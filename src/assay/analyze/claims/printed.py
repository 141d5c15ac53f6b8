"""What the replicated paper prints for the very comparison that a contrast makes: relative changes of accuracies.

Arms are matched by what they are trained on (`roles`), never by name. A stated claim counts first; else the two cells
of the table of averages. They are other models on other data, measured in accuracies: marks to look at beside one's
own, with which nothing is computed.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.analyze.claims.claim import Claim, Tables, load_claims
from assay.analyze.claims.roles import ENDINGS, Played, kinds_seen, play

AVERAGES = "table-2"
PHASES = {
    "without decay": ("pre-training", "continued"),
    "decayed": ("pre-training", "continued"),
    "cooled with code": ("cooldown",),
}
"""Rows of the table that an arm of this ending may be: its models before a cooldown had decayed in full."""
CATEGORIES = ("reasoning", "knowledge", "code")


def printed_gains(folder: Path, contrasts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The printed changes for a run folder's contrasts, as far as there are any.

    Args:
        folder: Holds ``plan.json``, and ``ledger.json`` where it is known what ingredients are.
        contrasts: Rows of ``results.json``.

    Returns:
        Rows with ``id`` (of the contrast), ``category``, ``gain`` (fraction of the second arm's value, above 0 where
        the first is better) and ``source``.
    """
    arms = json.loads((folder / "plan.json").read_text(encoding="utf-8")).get("arms", [])
    if not arms or not all("stages" in arm for arm in arms):
        return []
    ledger = folder / "ledger.json"
    kinds = kinds_seen(json.loads(ledger.read_text(encoding="utf-8"))) if ledger.exists() else {}
    played = {one.arm: one for one in play(arms, kinds)}
    claims, tables = load_claims()
    pairs = {row["id"]: (row["a"], row["b"]) for row in contrasts if row["kind"] == "pair"}
    rows = []
    for name, (a, b) in pairs.items():
        if a not in played or b not in played:
            continue
        for category in CATEGORIES:
            found = _stated(claims, category, played[a], played[b]) or _tabled(tables, category, played[a], played[b])
            if found is not None:
                rows.append({"id": name, "category": category, "gain": found[0], "source": found[1]})
    return rows


def _stated(claims: Sequence[Claim], category: str, a: Played, b: Played) -> tuple[float, str] | None:
    for claim in claims:
        if claim.metric != category or claim.unit not in {"relative %", "times"} or claim.a.size != claim.b.size:
            continue
        if all(
            role.recipe in arm.recipes and arm.ending in ENDINGS[role.cooldown]
            for role, arm in ((claim.a, a), (claim.b, b))
        ):
            stated = float(claim.stated)
            return (stated / 100 if claim.unit == "relative %" else stated - 1), claim.source
    return None


def _tabled(tables: Tables, category: str, a: Played, b: Played) -> tuple[float, str] | None:
    table = tables[AVERAGES]
    cells = []
    for arm in (a, b):
        rows = [f"{recipe}, {phase}" for recipe in arm.recipes for phase in PHASES.get(arm.ending, ())]
        row = next((name for name in rows if name in table.rows), None)
        value = table.rows[row][table.columns.index(category)] if row else None
        if value is None or (row, value) in cells:
            return None
        cells.append((row, value))
    return float(cells[0][1]) / float(cells[1][1]) - 1, table.source
