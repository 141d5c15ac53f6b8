"""The log as a page: its events the latest first, a kind of event at a time if asked for."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.errors import InputError, nearest

PAGE = 200
"""Events of a page."""
SAID = ("title", "text", "why", "how", "where", "loss")
"""Fields that have a column or a phrase of their own."""
HIDDEN = (*SAID, "time", "at", "event")


def log_page(folder: Path, event: str, page: int) -> dict[str, Any]:
    """The events of one page.

    Args:
        folder: The run folder.
        event: Only those; empty: all.
        page: From 1, the latest; beyond the last is the last.

    Raises:
        InputError: There is no log, or no such event in it.
    """
    try:
        lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError:
        raise InputError("this folder has no log.jsonl: its run was not made here") from None
    events = []
    for line in lines:
        try:
            events.append(json.loads(line))
        except ValueError:
            continue  # cut off by a kill
    kinds = Counter(one["event"] for one in events)
    if event and event not in kinds:
        raise InputError(f"the log has no event '{event}'{nearest(event, kinds)}")
    events = [one for one in reversed(events) if not event or one["event"] == event]
    pages = max(1, -(-len(events) // PAGE))
    page = min(max(1, page), pages)
    rows = [_row(one) for one in events[(page - 1) * PAGE : page * PAGE]]
    return {"rows": rows, "page": page, "pages": pages, "total": len(events), "event": event, "kinds": dict(kinds)}


def _row(event: dict[str, Any]) -> dict[str, Any]:
    parts = [str(event[name]) for name in SAID[:-1] if event.get(name)]
    if event.get("loss") is not None:
        parts.append(f"loss {event['loss']:.3f}")
    rest = {name: value for name, value in event.items() if name not in HIDDEN}
    return {
        "at": event["at"],
        "time": datetime.fromtimestamp(event["time"], UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "event": event["event"],
        "words": ", ".join(parts),
        "rest": json.dumps(rest, ensure_ascii=False) if rest else "",
    }
