"""What each stage starts with: weights, moments, step counter and learning rate, before anything is trained.

A stage that silently keeps the rate, the optimizer or the step counter of the one before is the commonest way in which
staged training goes wrong unseen (nanotron#233, Megatron-LM#963, litgpt#1729). Stages of several arms that start alike
are one row, so that a study of twenty arms fits a screen; which steps are trained once is told by the plan's tree.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from assay.model.sizes import SIZES
from assay.study.paths import path_of
from assay.study.plan import Plan
from assay.study.quantity import shown_tokens
from assay.study.resolve import MILLION, Arm
from assay.train.schedule import learning_rate

WIDEST = 28
"""Columns after which a word, such as the name of a model that weights are from, is broken."""
ROOMY = 140
"""Columns of a terminal that has room for two arms in a line."""
NAMED = 3
"""So many arms of a row are named before the others are counted."""


def stage_rows(plan: Plan) -> list[dict[str, Any]]:
    """Every different stage of a plan, by the step it begins with, then in the order of the arms.

    Returns:
        JSON-able rows: ``sizes`` and ``arms`` that have it, ``stage``, ``from_step``, ``mix`` (None: that of the stage
        before), ``tokens``, ``schedule``, ``rates`` (by size: at its first and last step), ``join`` (None for an
        arm's first stage), ``weights`` (``fresh``, ``carried`` or the model they are from), ``moments`` (``fresh``,
        ``carried`` or ``reset``), ``counter`` (``fresh``, ``carried`` or ``reset``) and ``counted``: steps that the
        warm-up has counted when the stage begins.
    """
    rows: list[dict[str, Any]] = []
    for sizes, _ in plan.sizes_by_tree():
        together: list[dict[str, Any]] = []
        for arm in plan.study.arms_at(sizes[0]):
            for row in _stages(plan, arm, sizes):
                alike = next((one for one in together if {**one, "arms": None} == {**row, "arms": None}), None)
                if alike is None:
                    together.append(row)
                else:
                    alike["arms"].append(arm.name)
        rows += sorted(together, key=lambda row: row["from_step"])
    return rows


def print_stages(rows: Iterable[Mapping[str, Any]], plan: Plan, console: Console) -> None:
    """Print `stage_rows` as a table, one for the sizes that train the same arms; as lines if one would be too wide."""
    tables = [
        _table(list(group), plan, sizes, console.width >= ROOMY)
        for sizes, group in itertools.groupby(rows, key=lambda row: tuple(row["sizes"]))
    ]
    endless = console.options.update_width(1 << 16)
    if any(Measurement.get(console, endless, table).minimum > console.width for table in tables):
        for line in stage_lines(rows, plan):
            console.print(Text(line))
    else:
        for table in tables:
            console.print(table)


def _table(rows: Sequence[Mapping[str, Any]], plan: Plan, sizes: Sequence[str], roomy: bool) -> Table:
    """The rows of the sizes that train the same arms. Only the columns of arms and mixes are broken between words."""
    title = "What each stage starts with" + (f", {' and '.join(sizes)}" if len(plan.design.sizes) > 1 else "")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    longest = max(len(arm.name) for arm in plan.study.arms_at(sizes[0])) + len(",")
    table.add_column("stage\nof which arms", width=max(longest, 16) * (2 if roomy else 1))
    columns = {
        "from\nstep": [f"{row['from_step']:,}" for row in rows],
        "tokens": [shown_tokens(row["tokens"]) for row in rows],
        "mix, %": [_mix(row) or "as before" for row in rows],
        "schedule, join\nlearning rate": ["\n".join([_law(row), *_rates(row)]) for row in rows],
        "weights": [_weights(row) for row in rows],
        "moments": [row["moments"] for row in rows],
        "step\ncounter": [_counter(row, plan).replace(", ", "\n") for row in rows],
    }
    for name, cells in columns.items():
        broken = name == "mix, %"
        widest = max(len(part) for cell in (name, *cells) for part in (cell.split() if broken else cell.split("\n")))
        table.add_column(
            name,
            justify="right" if name in {"from\nstep", "tokens"} else "left",
            overflow="fold",
            min_width=min(widest, WIDEST),
            no_wrap=not broken and widest <= WIDEST,
        )
    for row, *cells in zip(rows, *columns.values(), strict=True):
        table.add_row(Text.assemble((row["stage"], "bold"), f"\n{_arms(row, plan)}"), *cells)
    return table


def tell_stages(plan: Plan, console: Console) -> None:
    """What a run says at its start: the table on a terminal, else a line a stage."""
    rows = stage_rows(plan)
    if console.is_terminal:
        print_stages(rows, plan, console)
    else:
        for line in stage_lines(rows, plan):
            console.print(Text(line), soft_wrap=True)


def stage_lines(rows: Iterable[Mapping[str, Any]], plan: Plan) -> list[str]:
    """`stage_rows` as a sentence each."""
    several = len(plan.sizes_by_tree()) > 1
    return [
        f"Stage {row['stage']} of {_arms(row, plan)}{' at ' + ' and '.join(row['sizes']) if several else ''}: "
        f"from step {row['from_step']:,}, {shown_tokens(row['tokens'])} tokens of "
        f"{_mix(row, ' %') or 'the mix before'}, {_law(row)}, learning rate {', '.join(_rates(row))}; "
        f"weights {_weights(row)}, moments {row['moments']}, step counter {_counter(row, plan)}"
        f"{' steps of warm-up' if ', ' in _counter(row, plan) else ''}"
        for row in rows
    ]


def _stages(plan: Plan, arm: Arm, sizes: Sequence[str]) -> Iterable[dict[str, Any]]:
    """The rows of one arm."""
    spec = plan.study.spec
    train = spec.train
    path = path_of(arm, train.rows_per_step)
    start = counted_from = 0
    for index, stage in enumerate(arm.stages):
        end = start + stage.steps
        first = index == 0
        if stage.counter == "reset":
            counted_from = start
        rates = {}
        for size in sizes:
            law = (
                train.learning_rate or SIZES[size].learning_rate,
                train.warmup_steps,
                train.final_learning_rate,
                train.cosine_floor,
            )
            rates[size] = [learning_rate(path, step, *law) for step in (start, end - 1)]
        yield {
            "sizes": list(sizes),
            "arms": [arm.name],
            "stage": stage.name,
            "from_step": start,
            "mix": None
            if not first and stage.mix == arm.stages[index - 1].mix
            else {name: share / MILLION for name, share in stage.mix},
            "tokens": stage.steps * plan.study.tokens_per_step,
            "schedule": stage.schedule,
            "rates": rates,
            "join": None if first else stage.joined,
            "weights": (spec.init or "fresh") if first else "carried",
            "moments": "fresh" if first else _carried(stage.moments),
            "counter": "fresh" if first else _carried(stage.counter),
            "counted": start - counted_from,
        }
        start = end


def _carried(choice: str) -> str:
    return "carried" if choice == "keep" else choice


def _arms(row: Mapping[str, Any], plan: Plan) -> str:
    names, every = row["arms"], len(plan.study.arms_at(row["sizes"][0]))
    if len(names) == every > 1:
        return f"all {every} arms"
    if len(names) <= NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def _mix(row: Mapping[str, Any], percent: str = "") -> str:
    """Shares in per cent, the largest first; empty where it is the mix before."""
    shares = sorted((row["mix"] or {}).items(), key=lambda one: -one[1])
    return ", ".join(f"{share * 100:g}{percent} {name}" for name, share in shares)


def _law(row: Mapping[str, Any]) -> str:
    return f"{row['schedule']}, {row['join']}" if row["join"] else str(row["schedule"])


def _rates(row: Mapping[str, Any]) -> list[str]:
    """At the first and last step, a line a size."""
    return [
        f"{size + ': ' if len(row['rates']) > 1 else ''}{begin:.3g}{f' → {end:.3g}' if end != begin else ''}"
        for size, (begin, end) in row["rates"].items()
    ]


def _weights(row: Mapping[str, Any]) -> str:
    weights: str = row["weights"]
    return weights if weights in {"fresh", "carried"} else f"from {weights}"


def _counter(row: Mapping[str, Any], plan: Plan) -> str:
    """What becomes of the counter, and how far the warm-up is while it goes on."""
    warmup = plan.study.spec.train.warmup_steps
    return f"{row['counter']}, {row['counted']} of {warmup}" if row["counted"] < warmup else str(row["counter"])
