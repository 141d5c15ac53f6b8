"""What every benchmark shares: a table on the terminal and a dated result with command, commit and machine."""

import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from assay.run.identity import numerics_label

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
Figures = Mapping[str, float | int | str | None]


def record(name: str, figures: Figures) -> None:
    """Print the figures of benchmark ``name`` and write ``results/NAME.json``."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    table = Table(title=name, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for figure, value in figures.items():
        table.add_row(figure, shown(value))
    Console().print(table)
    result = {
        "command": " ".join(["python", f"benchmarks/{name}.py", *sys.argv[1:]]),
        "commit": commit,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {numerics_label()}",
        "figures": dict(figures),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    write_page()


def write_page() -> None:
    """Make ``docs/benchmarks.md`` from the newest result of every benchmark."""
    parts = [
        "# Measurements",
        "Each table is the newest run of one script in `benchmarks/`; `make bench` runs them all and writes this page. "
        "The machines are shared, so single absolutes move by a tenth or more.",
    ]
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        about = f"{result['date']}, commit `{result['commit'][:10]}`, `{result['command']}`  \n{result['machine']}"
        rows = [f"| `{name}` | {shown(value)} |" for name, value in result["figures"].items()]
        parts.append("\n".join([f"## {path.stem}", "", about, "", "| figure | value |", "|---|---:|", *rows]))
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def shown(value: float | int | str | None) -> str:
    """A figure with four significant digits."""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
