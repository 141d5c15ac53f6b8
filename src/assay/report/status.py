"""How far a run is, read from its log and plan: works from another terminal and after a crash."""

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from assay.errors import InputError


def print_status(folder: Path, console: Console) -> None:
    """Print what is done, what is under way and how fast.

    Raises:
        InputError: The folder is no run folder.
    """
    try:
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError:
        raise InputError(f"{folder} is no run folder: it has no plan.json and log.jsonl") from None
    events = [event for line in lines if (event := _parsed(line))]
    ended: dict[str, dict[str, Any]] = {}
    under_way: dict[str, dict[str, Any]] = {}
    for event in events:
        if event["event"] in {"begin", "progress"}:
            under_way[event["key"]] = event
        elif event["event"] in {"end", "lost"}:
            under_way.pop(event["key"], None)
            if event["event"] == "end":
                ended[event["key"]] = event
    design = plan["design"]
    trained = sum(event["work"] for event in ended.values() if event["kind"] == "state")
    going = sum(event.get("new", 0) for event in under_way.values() if event["kind"] == "state")
    console.print(f"{design['study']}: {len(design['arms'])} arms, {len(design['seeds'])} seeds, in {folder}")
    console.print(f"Trained {trained + going:,.0f} of {design['tokens']['trained']:,} tokens in this folder's runs.")
    scored = sum(event["kind"] == "scores" for event in ended.values())
    data = sum(event["kind"] not in {"state", "scores"} for event in ended.values())
    console.print(f"Scored {scored} pairs of checkpoint and task; made {data} data artifacts.")
    if (folder / "done.json").is_file():
        console.print(f"Finished: {folder / 'report.html'}")
        return
    last = events[-1]["time"] if events else 0.0
    console.print(f"Last sign of life {time.time() - last:,.0f} s ago.")
    for event in under_way.values():
        about = f"loss {event['loss']:.3f}, {event['rate']:,.0f} tokens/s" if "loss" in event else ""
        console.print(f"  {event['title']} {about}")


def _parsed(line: str) -> dict[str, Any]:
    """A line of the log; a line cut off by a kill counts as none."""
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return event
