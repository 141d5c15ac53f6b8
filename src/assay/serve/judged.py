"""The answers that judges compared, prompt by prompt, and what each judge said of them.

Read from ``judge/`` of a run folder, or from a folder of ``assay judge`` itself. Win rates are the report's; here one
reads what they were made of.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import InputError, nearest

SUMMARY = "judge.json"
PAGE = 100
"""Prompts of a page."""


def folder_of(folder: Path) -> Path | None:
    """Where win rates are in a run folder; None where it has none."""
    return next((one for one in (folder / "judge", folder) if (one / SUMMARY).is_file()), None)


def judged_prompts(folder: Path, page: int) -> dict[str, Any]:
    """The prompts of one page with how often each verdict was given.

    Args:
        folder: From `folder_of`.
        page: From 1; beyond the last is the last.

    Raises:
        InputError: The judgements cannot be read.
    """
    from assay.judge.tournament.record_file import read_judgements

    counts: dict[str, dict[str, int]] = {}
    for row in read_judgements(folder / "judgements.parquet"):
        told = counts.setdefault(row.prompt, {"judgements": 0, "ties": 0, "none": 0})
        told["judgements"] += 1
        told["ties"] += row.preferred == "tie"
        told["none"] += row.preferred == "none"
    pages = max(1, -(-len(counts) // PAGE))
    page = min(max(1, page), pages)
    rows = [{"prompt": prompt, **counts[prompt]} for prompt in sorted(counts)]
    return {"rows": rows[(page - 1) * PAGE : page * PAGE], "page": page, "pages": pages, "total": len(rows)}


def judged_prompt(folder: Path, prompt: str) -> dict[str, Any]:
    """One prompt: its text where an example of the page holds it, all arms' answers, all judgements.

    Raises:
        InputError: There is no such prompt, or the records cannot be read.
    """
    from assay.judge.answers import HEAD
    from assay.judge.tournament.record_file import read_judgements

    rows = read_judgements(folder / "judgements.parquet")
    mine = [row for row in rows if row.prompt == prompt]
    if not mine:
        raise InputError(
            f"no judge was asked about a prompt '{prompt}'{nearest(prompt, dict.fromkeys(row.prompt for row in rows))}"
        )
    summary = _summary(folder)
    answers = []
    for path in sorted((folder / "answers").glob("*.parquet")):
        try:
            table = pq.read_table(path, filters=[("prompt", "=", prompt)])
            arm = json.loads((table.schema.metadata or {}).get(HEAD, b"{}")).get("name", path.stem)
        except (OSError, ValueError, pa.ArrowInvalid) as problem:
            raise InputError(f"{path} cannot be read: {problem}") from None
        answers += [{"arm": arm, **row} for row in table.to_pylist()]
    text = next((one["text"] for one in summary.get("examples", ()) if one["prompt"] == prompt), None)
    return {
        "prompt": prompt,
        "text": text,
        "set": summary.get("prompts", {}).get("name", ""),
        "answers": answers,
        "judgements": mine,
    }


def _summary(folder: Path) -> Mapping[str, Any]:
    path = folder / SUMMARY
    try:
        found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{path} is not what Assay writes") from None
    return found
