"""What the replicated paper prints for the very comparison that a contrast makes: relative changes of accuracies.

Arms are matched by what they are trained on (`roles.pairs_of`), never by name: only the contrast that a claim would be
asked of carries its mark. A stated claim counts first; else two cells of the table of averages are taken for one. They
are other models on other data, measured in accuracies: marks to look at beside one's own, with which nothing is
computed.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.analyze.claims.claim import Capability, Claim, Cooldown, Role, Table, load_claims
from assay.analyze.claims.roles import kinds_seen, pairs_of, play

AVERAGES = "table-2"
PHASES: dict[str, Cooldown] = {"pre-training": "none", "continued": "none", "cooldown": "code"}
"""The cooldown of a model by the table's phase; its initialisations are no arms."""
CATEGORIES: tuple[Capability, ...] = ("reasoning", "knowledge", "code")
SIZE = "470M"
"""Of the paper's models that are compared here."""


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
    played = play(arms, kinds)
    claims, tables = load_claims()
    names = {(row["a"], row["b"]): row["id"] for row in contrasts if row["kind"] == "pair"}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for claim in (*claims, *_tabled(tables[AVERAGES])):
        if claim.unit not in {"relative %", "times"} or {claim.a.size, claim.b.size} != {SIZE}:
            continue
        gain = float(claim.stated) / 100 if claim.unit == "relative %" else float(claim.stated) - 1
        pairs = pairs_of(claim, played, names)
        for pair in pairs:
            name = names.get((pair.a.arm, pair.b.arm))
            like_first = (pair.a.ending, pair.b.ending) == (pairs[0].a.ending, pairs[0].b.ending)
            if name is not None and like_first and claim.metric in CATEGORIES:
                row = {"id": name, "category": claim.metric, "gain": gain, "source": claim.source}
                found.setdefault((name, claim.metric), row)
    order = {name: place for place, name in enumerate(names.values())}
    return sorted(found.values(), key=lambda row: (order[row["id"]], CATEGORIES.index(row["category"])))


def _tabled(table: Table) -> Iterator[Claim]:
    """What the table says of every two of its models, as claims."""
    models = [(name, *name.split(", ")) for name in table.rows]
    models = [model for model in models if model[2] in PHASES]
    for (a, recipe, phase), (b, other, its) in itertools.permutations(models, 2):
        for category in CATEGORIES:
            cells = [table.rows[name][table.columns.index(category)] for name in (a, b)]
            if cells[0] is not None and cells[1] is not None:
                yield Claim(
                    name=f"{category} of {a} over {b}",
                    states="",
                    source=table.source,
                    a=Role.model_validate({"recipe": recipe, "cooldown": PHASES[phase]}),
                    b=Role.model_validate({"recipe": other, "cooldown": PHASES[its]}),
                    metric=category,
                    stated=str(100 * (float(cells[0]) / float(cells[1]) - 1)),
                    unit="relative %",
                    cells=((AVERAGES, a, category), (AVERAGES, b, category)),
                )
