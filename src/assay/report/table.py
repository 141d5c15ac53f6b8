"""The main effects as a table for the terminal, from ``results.json``."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from assay.analyze.results import load_design
from assay.errors import InputError
from assay.report.trend import end_to_end

COLOURS = {"higher": "green", "lower": "green", "no difference": "cyan", "cannot tell": "bright_black"}


def load_results(folder: Path, name: str = "results.json") -> dict[str, Any]:
    """``results.json`` of a run folder, or ``results.clean.json``.

    Raises:
        InputError: There is none, or it is not what Assay writes.
    """
    path = folder / name
    try:
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        results["contrasts"]
    except FileNotFoundError:
        raise InputError(f"{folder} has no {name}: give a run folder of a finished study") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path} is not a results file of Assay") from None
    return results


def print_effects(folder: Path, console: Console, clean: bool = False) -> None:
    """Print the declared contrasts, one row each, if there are any; ``clean``: without items that stand in the training
    documents."""
    results = load_results(folder, "results.clean.json" if clean else "results.json")
    steadied = "; variances steadied by a table of noise" if results["steadied"] else ""
    title = f"{results['study']}: declared contrasts (a − b, 95 % interval){steadied}"
    table = Table(title=title, title_justify="left")
    for name in ("contrast", "metric"):
        table.add_column(name)
    for name in ("effect", "interval"):
        table.add_column(name, justify="right")
    table.add_column("could have seen", justify="right")
    table.add_column("verdict")
    several = len(results["sizes"]) > 1
    for row in end_to_end(load_design(folder), (row for row in results["contrasts"] if row["declared"])):
        name = f"{row['name']} ({row['size']})" if several else row["name"]
        effect = "–" if row["effect"] is None else f"{row['effect']:+.3f}"
        interval = "–" if row["low"] is None else f"{row['low']:+.3f} … {row['high']:+.3f}"
        smallest = "–" if row["mde"] is None else f"{row['mde']:.3f}"
        favoured = {"a": row["a"], "b": row["b"]}.get(row["favours"] or "")
        verdict = row["verdict"] + (f", better: {favoured}" if favoured else "")
        table.add_row(name, row["metric"], effect, interval, smallest, verdict, style=COLOURS[row["verdict"]])
    if not table.row_count:
        return
    if not console.is_terminal:
        console = Console(width=170)
    console.print(table)
