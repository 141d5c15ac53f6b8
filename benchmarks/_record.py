"""What every benchmark shares: its parts on the command line, a table on the terminal, and a dated result with
command, commit and machine."""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from assay.run.identity import numerics_label

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
Figures = Mapping[str, float | int | str | None]


def parts_parser(about: str | None, parts: Iterable[str]) -> argparse.ArgumentParser:
    """A command line whose arguments, ``parts``, name parts of a benchmark; none: the list is empty.

    Args:
        about: The script's docstring, whose first line says what it is.
        parts: Names that are known; another is refused.
    """
    known = list(parts)

    def part(name: str) -> str:
        if name not in known:
            raise argparse.ArgumentTypeError(f"there is no part {name}; there are {', '.join(known)}")
        return name

    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("parts", metavar="PART", nargs="*", type=part, help=", ".join(known))
    return parser


def record(name: str, figures: Figures) -> None:
    """Print the figures of benchmark ``name`` and write ``results/NAME.json``."""
    print_figures(name, figures)
    _write(name, {**_made([f"benchmarks/{name}.py", *sys.argv[1:]]), "figures": dict(figures)})


def update(
    name: str,
    part: str,
    figures: Figures,
    options: Sequence[str] = (),
    *,
    script: str | None = None,
    trial: bool = False,
) -> None:
    """Print the figures of one part of benchmark ``name`` and put them among those of its other parts.

    Args:
        name: Of the benchmark.
        part: Of the part, which its script takes as an argument.
        figures: Of this part.
        options: Of the script, as far as they change what is measured.
        script: Its name, where it is not the benchmark's.
        trial: They measure nothing and are only printed.
    """
    print_figures(f"{name}: {part}{', a trial' if trial else ''}", figures)
    if trial:
        return
    file = RESULTS / f"{name}.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    parts = before.get("parts", {})
    replaced = parts.get(part, {"figures": []})["figures"]
    kept = {figure: value for figure, value in before.get("figures", {}).items() if figure not in replaced}
    made = _made([f"benchmarks/{script or name}.py", *options, part])
    parts[part] = {**made, "figures": list(figures)}
    _write(name, {**made, "figures": {**kept, **figures}, "parts": parts})


def print_figures(title: str, figures: Figures) -> None:
    """A table on the terminal."""
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for figure, value in figures.items():
        table.add_row(figure, shown(value))
    Console().print(table)


def _made(command: Sequence[str]) -> dict[str, Any]:
    """How, from which commit, when and where figures were made."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "command": " ".join(["python", *command]),
        "commit": commit,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {numerics_label()}",
    }


def _write(name: str, result: Mapping[str, Any]) -> None:
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
        runs = result.get("parts", {"": result}).values()
        told = [f"{run['date']}, commit `{run['commit'][:10]}`, `{run['command']}`  " for run in runs]
        about = "\n".join([*told, result["machine"]])
        rows = [f"| `{name}` | {shown(value)} |" for name, value in result["figures"].items()]
        parts.append("\n".join([f"## {path.stem}", "", about, "", "| figure | value |", "|---|---:|", *rows]))
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def shown(value: float | int | str | None) -> str:
    """A figure with four significant digits."""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
