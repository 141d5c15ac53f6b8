"""What the page's figures show, as CSV for whoever draws them anew: one file a kind of number, one row a number.

Values by seed and claims are worked out from the item records; everything else is copied from the run folder's own
files, digit for digit. A cell of text that a spreadsheet would take for a formula gets an apostrophe in front, as
spreadsheets themselves write such text. Lists are joined by semicolons; what is not known is an empty cell.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.analyze.by_seed import seed_rows
from assay.analyze.results import load_design, stream_items
from assay.files import write_whole
from assay.report.frame import read_part
from assay.report.table import load_results

COLUMNS = {
    "effects": (
        "family", "id", "kind", "a", "b", "size", "metric", "declared", "better_is", "effect", "low", "high", "se",
        "df", "p", "p_holm", "relative", "relative_low", "relative_high", "margin", "mde", "verdict", "favours",
        "low_new_items", "high_new_items", "holds_on_new_items", "paired", "n_seeds", "n_items", "confounds",
    ),
    "arms": (
        "arm", "size", "metric", "category", "declared", "chance", "value", "low", "high", "se", "df", "n_seeds",
        "n_items",
    ),
    "seeds": ("arm", "size", "seed", "metric", "declared", "value"),
    "averages": ("of", "size", "metric", "way", "tasks", "value", "low", "high"),
    "dose_response": (
        "id", "size", "metric", "over", "form", "share", "mean", "low", "high", "low_everywhere", "high_everywhere",
        "best_share", "best_low", "best_high", "best_possible", "n_seeds",
    ),
    "frontier": (
        "size", "arm", "x_metric", "x", "x_low", "x_high", "y_metric", "y", "y_low", "y_high", "standing", "beaten_by",
    ),
    "transfer": (
        "metric", "size", "target", "arms", "decided", "right", "accuracy", "low", "high", "spearman", "reversals",
    ),
    "foretold": ("metric", "a", "b", "target", "predicted", "low", "high", "observed", "held"),
    "task_noise": (
        "size", "task", "measure", "between_arms", "between_seeds", "ratio", "between_checkpoints", "n_arms", "n_seeds",
        "n_items",
    ),
    "judge": (
        "judge", "passed", "a", "b", "win_rate", "low", "high", "win_minus_loss", "win_minus_loss_low",
        "win_minus_loss_high", "se", "df", "p", "p_holm", "detectable", "wins", "losses", "ties", "prompts", "seeds",
        "verdict", "prefers", "why",
    ),
    "claims": (
        "claim", "stated", "verdict", "size", "a", "b", "metric", "gain", "low", "high", "p_holm", "smallest", "margin",
        "n_seeds", "confounds",
    ),
}  # fmt: skip
"""By table; those of ``curves`` follow from what was held out."""
CURVES = ("share", "mean", "low", "high", "low_everywhere", "high_everywhere")
FORMULA = ("=", "+", "-", "@", "\t", "\n")
"""How a text begins that a spreadsheet may take for a formula."""
HOLM = {"p_adjusted": "p_holm"}


def write_data(folder: Path, out: Path, clean: bool = False) -> list[Path]:
    """Write the numbers of a finished run as CSV.

    Args:
        folder: The run folder, reported: it holds ``results.json``.
        out: A folder; made if it is not there. Gets a ``NAME.csv`` for each of `tables`.
        clean: Those without the items that stand in the training documents.

    Returns:
        What was written; each file is whole.

    Raises:
        InputError: The folder is no finished run, or one of its files cannot be read.
        StepError: The disk is full or cannot be written.
    """
    written = []
    for name, rows in tables(folder, clean).items():
        columns = COLUMNS.get(name) or list(dict.fromkeys(key for row in rows for key in row))
        written.append(out / f"{name}.csv")
        write_whole(written[-1], as_csv(columns, rows))
    return written


def tables(folder: Path, clean: bool = False) -> dict[str, list[dict[str, Any]]]:
    """Rows by table: ``effects``, ``arms`` and ``seeds``, and of the others those that have any row.

    ``effects`` has every contrast on every metric at every size, ``seeds`` what
    `assay.analyze.by_seed.seed_rows` gives; claims are asked of all items only.

    Raises:
        InputError: As `write_data`.
    """
    results = load_results(folder, "results.clean.json" if clean else "results.json")
    curves, judged = (read_part(folder / name) for name in ("curves.json", "judge/judge.json"))
    beside = {
        "averages": results["averages"],
        "dose_response": [point for row in results["dose_response"] for point in _dose_points(row)],
        "frontier": [_place(row, point) for row in results["frontier"] for point in row["points"]],
        "transfer": [_reversed(row) for row in results["transfer"]],
        "foretold": results["foretold"],
        "task_noise": results["task_noise"],
        "curves": curve_rows(curves) if curves else [],
        "judge": judge_rows(judged) if judged else [],
        "claims": [] if clean else claim_rows(folder),
    }
    return {
        "effects": [_renamed(row) for row in results["contrasts"]],
        "arms": results["arms_table"],
        "seeds": seed_rows(load_design(folder), stream_items(folder, clean)),
        **{name: rows for name, rows in beside.items() if rows},
    }


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a head, lines ended by a line feed; columns that a row lacks are empty."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return target.getvalue()


def curve_rows(curves: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per distinct model and step: loss in nats per token, and bits per byte of what was held out."""
    rows = []
    for segment in curves["segments"]:
        looked = {point["step"]: point for point in segment["heldout"]}
        for step, tokens, loss, rate in zip(
            segment["step"], segment["tokens"], segment["loss"], segment["lr"], strict=True
        ):
            row = {key: segment[key] for key in ("size", "seed", "path", "arms")}
            row |= {"step": step, "tokens": tokens, "loss": loss, "learning_rate": rate}
            held = looked.get(step, {})
            rows.append(row | {f"heldout_{name}": held[name] for name in held if name not in {"step", "tokens"}})
    return rows


def judge_rows(judged: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per judge and pair of arms; win rates are shares of a's wins, ties half."""
    passed = {judge["name"]: judge["passed"] for judge in judged["judges"]}
    rows = []
    for pair in judged["pairs"]:
        rate = _renamed(pair["win_rate"])
        rate["win_rate"] = rate.pop("rate")
        told = {key: pair[key] for key in ("judge", "a", "b", "verdict", "prefers", "why")}
        rows.append({**rate, **told, "passed": passed.get(pair["judge"], True)})
    return rows


def claim_rows(folder: Path) -> list[dict[str, Any]]:
    """One row per claim, pair of arms, size and metric that the study can be asked; none where it can be asked none."""
    from assay.analyze.claims.asked import ask
    from assay.analyze.claims.claim import load_claims

    rows = []
    for found in ask(folder, load_claims()[0]):
        if found["verdict"] != "not asked":
            rows += [_renamed({**found, **measured}) for measured in (found, *found["beside"])]
    return rows


def _dose_points(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per share of the fitted curve's grid."""
    best = {f"best_{key}": row["best"][key] for key in ("share", "low", "high", "possible")}
    told = {key: row[key] for key in ("id", "size", "metric", "over", "form", "n_seeds")} | best
    drawn = {**row, "share": row["grid"]}
    columns = {name: drawn[name] or [None] * len(row["grid"]) for name in CURVES}
    return [{**told, **{name: values[place] for name, values in columns.items()}} for place in range(len(row["grid"]))]


def _place(row: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """An arm of a frontier."""
    ends = {}
    for axis in ("x", "y"):
        ends[f"{axis}_low"], ends[f"{axis}_high"] = point[f"{axis}_interval"] or (None, None)
    return {**point, **ends, "size": row["size"], "x_metric": row["x"], "y_metric": row["y"]}


def _reversed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "reversals": [f"{one['a']} vs {one['b']}" for one in row["reversals"]]}


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {HOLM.get(key, key): value for key, value in row.items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # a bare carriage return would begin a row unquoted
    return f"'{text}" if text.startswith(FORMULA) else text
