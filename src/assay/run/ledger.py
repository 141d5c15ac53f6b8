"""The ledger: what every arm really saw, per stage, ingredient, kind and language.

Counted from the rows that training took, not from the shares that were asked for. One row's share and epochs are its
ingredient's in that stage; its tokens are those of its kind and language alone. A further draw of an arm's last stage
(``fork_seeds``) has rows of its own for that stage, with ``fork_seed`` above 0.
"""

from typing import Any

from assay.run.graph import Graph, Leaf
from assay.run.step import Step
from assay.run.store import Store
from assay.study.plan import Plan
from assay.study.resolve import MILLION, Stage
from assay.tokens.shard import SHARD, shard_tokens
from assay.train.history import HISTORY, load_history

Row = dict[str, Any]


def build_ledger(plan: Plan, graph: Graph, store: Store) -> list[Row]:
    """Ledger rows of all arms, in the order of arms, sizes, seeds, stages."""
    sizes = {name: shard_tokens(store.file("tokens", step.key, SHARD)) for name, step in graph.tokens.items()}
    rows: list[Row] = []
    for leaf in graph.leaves:
        rows += _rows_of(leaf, plan, store, sizes) if leaf.arm.stages else []
    return rows


def largest_share_error(ledger: list[Row], plan: Plan) -> tuple[float, float]:
    """(largest |seen − declared| over arms, stages and ingredients that is over its allowance, or else the largest; the
    allowance): one row of the stage or 0.001, whichever is larger."""
    worst = (0.0, 0.001)
    for row in ledger:
        stage = next(stage for stage in plan.study.arm(row["arm"]).stages if stage.name == row["stage"])
        slack = max(0.001, 1 / (stage.steps * plan.study.spec.train.rows_per_step))
        error = abs(row["seen_share"] - row["declared_share"])
        worst = max(worst, (error, slack), key=lambda pair: (pair[0] > pair[1] + 1e-9, pair[0]))
    return worst[0], worst[1] + 1e-9


def _rows_of(leaf: Leaf, plan: Plan, store: Store, sizes: dict[str, int]) -> list[Row]:
    rows: list[Row] = []
    before: dict[str, int] = {}
    for stage, state in zip(leaf.arm.stages, leaf.states, strict=True):
        earlier, before = before, _seen(state, store)
        rows += _stage_rows(leaf, stage, earlier, before, plan, sizes)
    for draw, point in enumerate(leaf.further, 1):
        drawn = _stage_rows(leaf, leaf.arm.stages[-1], earlier, _seen(point.state, store), plan, sizes)
        rows += [{**row, "fork_seed": draw} for row in drawn]
    return rows


def _seen(state: Step, store: Store) -> dict[str, int]:
    """Tokens from the beginning to a state, by ``ingredient|kind|language``."""
    seen: dict[str, int] = load_history(store.file("state", state.key, HISTORY))["seen"]
    return seen


def _stage_rows(
    leaf: Leaf, stage: Stage, before: dict[str, int], after: dict[str, int], plan: Plan, sizes: dict[str, int]
) -> list[Row]:
    declared = dict(stage.mix)
    whole = stage.steps * plan.study.tokens_per_step
    new = {label: tokens - before.get(label, 0) for label, tokens in after.items()}
    by_ingredient: dict[str, int] = {}
    for label, tokens in new.items():
        name = label.split("|")[0]
        by_ingredient[name] = by_ingredient.get(name, 0) + tokens
    rows: list[Row] = []
    for label, tokens in sorted(new.items()):
        name, kind, language = label.split("|")
        if not tokens:
            continue
        rows.append(
            {
                "arm": leaf.arm.name,
                "size": leaf.size,
                "seed": leaf.seed,
                "stage": stage.name,
                "ingredient": name,
                "kind": kind,
                "language": language,
                "declared_share": declared.get(name, 0) / MILLION,
                "seen_share": round(by_ingredient[name] / whole, 9),
                "tokens": tokens,
                "epochs": round(by_ingredient[name] / sizes[name], 6),
                "cut_tokens": whole - sum(by_ingredient.values()),
            }
        )
    return rows
