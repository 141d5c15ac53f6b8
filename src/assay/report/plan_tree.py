"""A plan on the terminal: the tree of shared steps, what it costs and saves, what the contrasts compare."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.tree import Tree

from assay.study.paths import Segment
from assay.study.plan import Plan
from assay.study.resolve import MILLION


def print_plan(plan: Plan, held: Mapping[str, int], console: Console) -> None:
    """Print a plan.

    Args:
        plan: What to print.
        held: Training tokens by ingredient, as far as the store has them.
        console: Where to.
    """
    design = plan.design
    if not console.is_terminal:
        console = Console(width=160)
    declared, trained = design.tokens["declared"], design.tokens["trained"]
    console.print(f"[bold]{design.study}[/bold]: {design.question}")
    counts = ", ".join(
        f"{len(names)} {noun}{'' if len(names) == 1 else 's'} ({', '.join(map(str, names))})"
        for noun, names in (("size", design.sizes), ("seed", design.seeds))
    )
    shared = (
        "nothing is shared" if trained == declared else f"{trained / declared:.3f} of it, as shared beginnings are one"
    )
    console.print(f"{len(design.arms)} arms, {counts}. Tokens declared {declared:,}; to train {trained:,} ({shared}).")
    per_step = plan.study.tokens_per_step
    tree = Tree(f"one size and seed: {sum(segment.steps for segment in plan.segments()) * per_step:,} tokens")
    for root in plan.roots:
        _grow(tree, root, per_step)
    console.print(tree)
    epochs = {
        name: f" ({tokens / held[name]:.2f} epochs)" for name, tokens in plan.tokens_wanted().items() if name in held
    }
    wanted = ", ".join(f"{name} {tokens:,}{epochs.get(name, '')}" for name, tokens in plan.tokens_wanted().items())
    unknown = "" if held else "; how much they hold is known once the corpus was made"
    console.print(
        f"Most tokens one arm takes of each ingredient: {wanted}. "
        f"At most {plan.study.spec.max_epochs:g} epochs are allowed{unknown}."
    )
    table = Table(title="Contrasts", title_justify="left")
    for name in ("family", "contrast", "differs by design in", "and also in"):
        table.add_column(name)
    for contrast in design.contrasts:
        table.add_row(contrast.family, contrast.id, contrast.factor, "; ".join(contrast.confounds) or "nothing")
    console.print(table)


def _grow(tree: Tree, segment: Segment, per_step: int) -> None:
    piece = segment.path[-1]
    mix = ", ".join(f"{share * 100 / MILLION:g} % {name}" for name, share in piece.mix)
    ends = f" → [bold]{', '.join(segment.ends)}[/bold]" if segment.ends else ""
    law = "" if piece.schedule == "constant" else f", {piece.schedule}"
    branch = tree.add(f"{segment.steps * per_step:,} tokens of {mix}{law}{ends}")
    for child in segment.children:
        _grow(branch, child, per_step)
