"""Puts what a finished run measured into the repository, so that ``assay report`` makes every number of it again.

``keep RUN NAME`` writes ``records/NAME``: plan, ledger, corpus, timings, what generated programs were run in and
judgements as they are, the item records as one file a model size, sorted by item, in a third of the space of a file an
arm and seed, and of the curves means over so many steps that a curve has 250 points at most. Left out are the choices'
log-likelihoods and the answers in words (``answers/``), which no number of the report needs, item texts
(``texts.json``), which are other people's, the log, what judges behind endpoints replied and what trackers wrote.
Results made of the copy must be those of the run, digit by digit; if they are not, what was there before stays. ``table
FOLDER`` prints the declared effects as Markdown.
"""

import argparse
import json
import shutil
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from assay.analyze.query import read_file
from assay.analyze.results import load_design, write_results
from assay.errors import AssayError, InputError
from assay.evaluate.records import RECORDS
from assay.files import as_json
from assay.report.trend import contrast_name, end_to_end

RECORDS_FOLDER = Path(__file__).parent / "records"
PARTS = ("plan.json", "ledger.json", "corpus.json", "timings.json", "programs.json", "judge/judge.json")
TABLES = ("judge/judgements.parquet", "judge/answers/*.parquet")
ORDER = [(name, "ascending") for name in ("task", "item", "tokens_seen", "arm", "seed", "fork_seed")]
LEFT_OUT = "logprob"
MOST_MEGABYTES = 30
CURVE_POINTS = 250
"""The page draws 80."""


def keep(run: Path, name: str) -> dict[str, Any]:
    """Write ``records/NAME``; what it holds, in numbers.

    Raises:
        InputError: The run is no finished run folder, its records cannot be read, or the copy is too large or gives
            other results.
    """
    if not (run / "done.json").is_file():
        raise InputError(f"{run} is no finished run folder: it has no done.json")
    with TemporaryDirectory(dir=RECORDS_FOLDER, prefix=".") as aside:
        copy = Path(aside) / name
        files, rows = _copy(run, copy)
        megabytes = sum(path.stat().st_size for path in copy.rglob("*") if path.is_file()) / 1e6
        if megabytes > MOST_MEGABYTES:
            raise InputError(
                f"a copy of {run} holds {megabytes:.1f} MB; at most {MOST_MEGABYTES} belong into the repository"
            )
        before = json.loads((run / "results.json").read_text(encoding="utf-8"))
        if json.loads(as_json(write_results(copy))) != before:
            raise InputError(
                f"results made of a copy of {run} are not those in it; is its results.json of this version?"
            )
        (copy / "results.json").unlink()
        shutil.rmtree(RECORDS_FOLDER / name, ignore_errors=True)
        copy.replace(RECORDS_FOLDER / name)
    return {"files": files, "rows": rows, "megabytes": round(megabytes, 2)}


def _copy(run: Path, target: Path) -> tuple[int, int]:
    """Write what is kept of a run; its files of item records, and their rows."""
    (target / "items").mkdir(parents=True)
    for part in PARTS:
        if (run / part).is_file():
            (target / part).parent.mkdir(exist_ok=True)
            shutil.copyfile(run / part, target / part)
    curves = json.loads((run / "curves.json").read_text(encoding="utf-8"))
    shorter = {**curves, "segments": [_thinned(segment) for segment in curves["segments"]]}
    (target / "curves.json").write_text(json.dumps(shorter, separators=(",", ":")) + "\n", encoding="utf-8")
    for path in (path for pattern in TABLES for path in sorted(run.glob(pattern))):
        there = target / path.relative_to(run)
        there.parent.mkdir(parents=True, exist_ok=True)
        _write(pq.read_table(path), there)
    rows = 0
    files = sorted((run / "items").glob("*.parquet"))
    for size in load_design(run).sizes:
        tables = [read_file(path).select(RECORDS.names) for path in files if f".{size}." in path.name]
        if tables:
            whole = pa.concat_tables(tables).sort_by(ORDER)
            at = whole.schema.get_field_index(LEFT_OUT)
            whole = whole.set_column(at, whole.schema.field(at), pa.nulls(whole.num_rows, whole.schema.field(at).type))
            _write(whole, target / "items" / f"{size}.parquet")
            rows += whole.num_rows
    return len(files), rows


def _thinned(segment: dict[str, Any]) -> dict[str, Any]:
    """A curve with the mean loss of each stretch of steps, at the stretch's last step."""
    steps = len(segment["step"])
    width = -(-steps // CURVE_POINTS) or 1
    stretches = [slice(begin, min(begin + width, steps)) for begin in range(0, steps, width)]
    ends = {name: [segment[name][one.stop - 1] for one in stretches] for name in ("step", "tokens", "lr")}
    losses = [round(statistics.fmean(segment["loss"][one]), 6) for one in stretches]
    return {**segment, **ends, "loss": losses}


def _write(table: pa.Table, path: Path) -> None:
    """Small: numbers split into their bytes, columns of few different values as dictionaries."""
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    others = [field.name for field in table.schema if not pa.types.is_floating(field.type)]
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=others,
        column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
    )


def table(folder: Path) -> str:
    """The declared effects of a run folder that has results, as Markdown: a row a contrast, a column a metric."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    design = load_design(folder)
    metrics = [metric for metric in design.metrics if metric.declared]
    cells = {(row["id"], row["size"], row["metric"]): row for row in end_to_end(design, results["contrasts"])}
    lines = [
        "| contrast | " + " | ".join(metric.id.split("/")[0].replace("_", " ") for metric in metrics) + " |",
        "|---|" + "---|" * len(metrics),
    ]
    for size in design.sizes:
        family = None
        for contrast in (one for one in design.contrasts if size in (one.sizes or design.sizes)):
            if contrast.family != family:
                family = contrast.family
                at = f", {size}" if len(design.sizes) > 1 else ""
                lines.append(f"| *{family}{at}* |" + " |" * len(metrics))
            told = [_cell(cells.get((contrast.id, size, metric.id))) for metric in metrics]
            lines.append(f"| {contrast_name(contrast)} | " + " | ".join(told) + " |")
    return "\n".join(lines)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["effect"] is None:
        return ""
    if row["low"] is None:
        return f"{row['effect']:+.3f}".replace("-", "−")
    told = f"{row['effect']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]".replace("-", "−")
    if row["verdict"] == "no difference":
        return f"{told} ="
    return f"**{told}**" if row["verdict"] in {"higher", "lower"} else told


def main() -> int:
    """Keep a run's records, or print a table of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    kept = verbs.add_parser("keep", help="put a finished run's records into the repository")
    kept.add_argument("run", type=Path)
    kept.add_argument("name", help="of the folder under records")
    shown = verbs.add_parser("table", help="print the declared effects of a folder with results.json")
    shown.add_argument("folder", type=Path)
    asked = parser.parse_args()
    try:
        if asked.verb == "table":
            sys.stdout.write(table(asked.folder) + "\n")
        else:
            Console(stderr=True).print(keep(asked.run, asked.name))
    except AssayError as problem:
        Console(stderr=True).print(f"publish: {problem}", markup=False)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
