"""A plan on the terminal: the trees of shared steps, what stages start with, costs, what the contrasts can see.

Printed from `plan_report`'s data, so a program that reads ``--json`` misses nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from assay.model.sizes import SIZES
from assay.report.numbers import duration, percent, signed_percent
from assay.report.stage_table import print_stages
from assay.study.design import Contrast
from assay.study.paths import Segment
from assay.study.plan import Plan
from assay.study.quantity import shown_tokens
from assay.study.resolve import MILLION

LARGE_BYTES = 16 << 30
"""Memory of a process from which it is told what several would take."""
WIDTH = 160
"""Of a table where the output is no terminal; sentences are then not broken into lines, so that a script finds them."""


def print_plan(plan: Plan, report: Mapping[str, Any], console: Console) -> None:
    """Print a plan.

    Args:
        plan: What to print.
        report: What `assay.report.plan_report.plan_report` says of it.
        console: Where to.
    """
    if not console.is_terminal:
        console = Console(width=WIDTH, file=console.file, soft_wrap=True)
    design = plan.design
    console.print(f"[bold]{design.study}[/bold]: {' '.join(design.question.split())}")
    counts = ", ".join(
        f"{len(names)} {noun}{'' if len(names) == 1 else 's'} ({', '.join(map(str, names))})"
        for noun, names in (("size", design.sizes), ("seed", design.seeds))
    )
    console.print(f"{len(design.arms)} arms, {counts}.")
    per_step = plan.study.tokens_per_step
    longest = max(arm.steps for arm in plan.study.arms) * per_step
    for name in [name for name in design.sizes if name in SIZES]:
        size = SIZES[name]
        rate = plan.study.spec.train.learning_rate or size.learning_rate
        console.print(
            f"{name}: width {size.width:,}, {size.layers} layers, {size.heads} heads, peak rate {rate:g}, {per_step:,} "
            f"tokens a step (the sizes' rule: {size.batch_tokens(longest):,})."
        )
    for sizes, roots in plan.sizes_by_tree():
        once = sum(segment.steps for segment in plan.segments(sizes[0])) * per_step
        each = f"{' and '.join(sizes)}{' each' if len(sizes) > 1 else ''}, one seed"
        tree = Tree(f"[bold]{each}[/bold]: {shown_tokens(once)} tokens to train")
        for root in roots:
            _grow(tree, root, per_step)
        console.print(tree)
    print_stages(report["stages"], plan, console)
    if untrained := [arm.name for arm in plan.study.arms if not arm.stages]:
        console.print(f"[bold]Not trained[/bold]: {', '.join(untrained)}, the model that the others start from.")
    console.print()
    _print_tokens(report, console)
    _print_costs(report["cost"], console)
    _print_epochs(plan, report["epochs"], console)
    _print_disk(report["disk"], console)
    _print_memory(report["memory"], console)
    _print_judging(report.get("judging"), console)
    _print_contrasts(plan, report, console)


def _grow(tree: Tree, segment: Segment, per_step: int) -> None:
    piece = segment.path[-1]
    mix = ", ".join(f"{share * 100 / MILLION:g} % {name}" for name, share in piece.mix)
    ends = f" → [bold]{', '.join(segment.ends)}[/bold]" if segment.ends else ""
    law = "" if piece.schedule == "constant" else f", {piece.schedule}"
    branch = tree.add(f"{shown_tokens(segment.steps * per_step)} of {mix}{law}{ends}")
    for child in segment.children:
        _grow(branch, child, per_step)


def _print_tokens(report: Mapping[str, Any], console: Console) -> None:
    by_size = report["tokens_by_size"]
    parts = [_counted(report["tokens"])]
    if len(by_size) > 1:
        parts += [f"at {size} {_counted(count)}" for size, count in by_size.items()]
    console.print(
        f"[bold]Tokens[/bold]: {'; '.join(parts)}. Declared is every distinct arm trained alone; "
        "what arms begin with alike is trained once."
    )
    own, *others = report["alternatives"]
    told = []
    for other in others:
        more = other["trained"] - own["trained"]
        change = "as many" if not more else f"{shown_tokens(abs(more))} {'more' if more > 0 else 'fewer'}"
        share = f" ({signed_percent(more / own['trained'])})" if more else ""
        told.append(f"{other['schedules']}, {change}{share}")
    console.print(f"[bold]Schedules[/bold], in tokens to train: with {'; with '.join(told)}.")


def _counted(count: Mapping[str, int]) -> str:
    declared, trained = count["declared"], count["trained"]
    saved = declared - trained
    return (
        f"{shown_tokens(declared)} declared, {shown_tokens(trained)} to train ({trained / declared:.3f} of it), "
        f"{shown_tokens(saved)} saved ({percent(saved / declared)})"
    )


def _print_costs(cost: Mapping[str, Any], console: Console) -> None:
    flops = {size: count for size, count in cost["flops"].items() if size != "total"}
    parts = f" ({', '.join(f'{size} {count:.3g}' for size, count in flops.items())})" if len(flops) > 1 else ""
    console.print(f"[bold]Training[/bold]: {cost['flops']['total']:.3g} FLOPs{parts}.")
    table = Table(title_justify="left")
    for name in ("on", "chip time", "dollars an hour", "dollars", "share of peak"):
        table.add_column(name, justify="left" if name == "on" else "right")
    machine = cost["machine"]
    if machine is None:
        table.add_row("this machine", "add --calibrate", "", "", "")
    else:
        guessed = [size for size, rate in machine["rates"].items() if rate["extrapolated"]]
        about = f" ({', '.join(guessed)} extrapolated)" if guessed else ""
        price = ["", ""] if machine["dollars"] is None else [f"{machine['dollars_per_hour']:.2f}", _dollars(machine)]
        table.add_row(f"this machine{about}", duration(machine["seconds"]), *price, "")
    for row in cost["accelerators"]:
        shares = ", ".join(percent(share, 0) for share in row["mfu"].values())
        table.add_row(
            row["title"],
            _chip_time(row["chip_hours"]),
            f"{row['dollars_per_chip_hour']:.2f}",
            _dollars(row),
            shares,
        )
    console.print(table)
    if machine is not None:
        rates = ", ".join(
            f"{rate['tokens_per_second']:,.0f} tokens/s at {size}" for size, rate in machine["rates"].items()
        )
        console.print(f"This machine: {machine['machine']}; {rates}, scoring included in its time.")
    console.print(f"Prices are assumptions of {cost['prices_as_of']} unless --price gave one; {cost['left_out']}.")


def _dollars(row: Mapping[str, Any]) -> str:
    return f"{row['dollars']:,.0f}" if row["dollars"] >= 100 else f"{row['dollars']:.2f}"


def _chip_time(hours: float) -> str:
    return f"{hours:,.0f} h" if hours >= 100 else duration(hours * 3600)


def _print_epochs(plan: Plan, epochs: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    told = []
    for name, row in epochs.items():
        known = "" if row["epochs"] is None else f" ({row['epochs']:.2f} epochs)"
        told.append(f"{name} {shown_tokens(row['most_tokens'])}{known}")
    unknown = [name for name, row in epochs.items() if row["epochs"] is None]
    later = f"; how much {', '.join(unknown)} hold is known once the corpus was made" if unknown else ""
    console.print(
        f"[bold]Epochs[/bold]: most tokens that one arm takes of each ingredient: {', '.join(told)}. "
        f"At most {plan.study.spec.max_epochs:g} epochs are allowed{later}."
    )


def _print_disk(disk: Mapping[str, Any], console: Console) -> None:
    unknown = f", without those of {', '.join(disk['tokens_unknown'])}" if disk["tokens_unknown"] else ""
    tokens = f"tokens {_bytes(disk['tokens'])}{unknown}" if disk["tokens"] else "tokens not known yet"
    console.print(
        f"[bold]Disk[/bold]: {_bytes(disk['total'])}: {disk['state_count']} training states {_bytes(disk['states'])}, "
        f"packages {_bytes(disk['packages'])}, {tokens}; {disk['left_out']}."
    )


def _print_memory(memory: Mapping[str, Any], console: Console) -> None:
    """One line where a process is small enough for most machines, else one for each number of processes."""
    alone, *several = memory["processes"]
    state = memory["state_bytes"]
    head = f"[bold]Memory[/bold] of a process that trains {memory['size']}: {_bytes(alone['bytes'])}"
    if alone["bytes"] < LARGE_BYTES:
        console.print(f"{head}, and {_bytes(state['replicated'])} while a state is written.")
        return
    console.print(
        f"{head}; {_bytes(alone['least_bytes'])} with train.micro_rows: 1. In main memory, the one that writes states "
        f"takes {_bytes(state['replicated'])} more, {_bytes(state['sharded'])} if sharded. Measured up to 15M in one "
        "process, computed from there."
    )
    table = Table(title_justify="left")
    for name in ("processes", "replicated", "micro_rows: 1", "sharded", "micro_rows: 1"):
        table.add_column(name, justify="right")
    for whole, part in zip(several[::2], several[1::2], strict=True):
        cells = [_bytes(one[name]) for one in (whole, part) for name in ("bytes", "least_bytes")]
        table.add_row(str(whole["count"]), *cells)
    console.print(table)


def _print_judging(judging: Mapping[str, Any] | None, console: Console) -> None:
    if judging is None:
        return
    from assay.run.judging_plan import judge_line

    prompts = judging["prompts"]
    console.print(
        f"[bold]Win rates[/bold]: {judging['answers']:,} answers to the {prompts['count']} prompts of "
        f"{escape(prompts['name'])}; {_several(judging['pairs'], 'pair')} of arms, {judging['judgements']:,} "
        f"judgements in both orders and {judging['exam']:,} of an exam, by each judge: "
        f"{escape('; '.join(judge_line(one) for one in judging['judges']))}."
    )
    least, most = (judging["smallest_difference"][name] for name in ("seeds_independent", "seeds_alike"))
    if least is None:
        told = "no difference would be found"
    elif most is None or most == least:
        told = f"{100 * least:.1f} points of win minus loss" + ("" if most else " or more")
    else:
        told = f"{100 * least:.1f} to {100 * most:.1f} points of win minus loss, by how alike an arm's seeds answer"
    console.print(f"Smallest difference found four times in five, at {percent(judging['ties'], 0)} ties: {told}.")


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _bytes(number: int) -> str:
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number / 1000:.0f} kB"


def _print_contrasts(plan: Plan, report: Mapping[str, Any], console: Console) -> None:
    """One row a contrast, and a size where smallest effects differ by size."""
    effects = {(row["contrast"], row["size"], row["metric"]): row["effect"] for row in report["smallest_effects"]}
    metrics = [metric.id for metric in plan.design.metrics if metric.declared]
    known = any(effect is not None for effect in effects.values())
    several = len(plan.design.sizes) > 1
    table = Table(title="Contrasts", title_justify="left", show_lines=False)
    table.add_column("family", no_wrap=True)
    table.add_column("contrast", min_width=14)
    if several:
        table.add_column("at")
    table.add_column("differs besides in")
    if known:
        for metric in metrics:
            table.add_column(metric.replace("/", " ").replace("_", " "), justify="right", max_width=9)
    before = None
    for contrast in plan.design.contrasts:
        family = "" if contrast.family == before else _family(contrast)
        if family and before is not None:
            table.add_section()
        before = contrast.family
        sizes = contrast.sizes or plan.design.sizes
        for together in [[size] for size in sizes] if known else [list(sizes)]:
            cells = [family, contrast.id, *([", ".join(together)] if several else [])]
            cells.append("; ".join(contrast.confounds) or "nothing")
            if known:
                cells += [_effect(effects, contrast.id, together, metric) for metric in metrics]
            table.add_row(*cells)
            family = ""
    if not plan.design.contrasts:
        return
    console.print(table)
    for told in plan.design.shared:
        console.print(f"[bold]Confound of every contrast between mixes[/bold]: {told}")
    if not metrics:
        return
    heading = (
        "Columns on the right: the smallest effect that is found four times in five; ? is unknown, run a pilot."
        if known
        else "Smallest effects: unknown, run a pilot."
    )
    console.print(f"{heading} {report['noise']}")


def _family(contrast: Contrast) -> str:
    return contrast.family if contrast.factor in contrast.family else f"{contrast.family}\n(by {contrast.factor})"


def _effect(
    effects: Mapping[tuple[str, str, str], float | None], contrast: str, sizes: Sequence[str], metric: str
) -> str:
    effect = effects.get((contrast, sizes[0], metric))
    return "?" if effect is None else f"{effect:.3g}"
