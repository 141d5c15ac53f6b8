"""What a state remembers of its way, readable without torch and without the weights."""

import json
from pathlib import Path
from typing import Any

HISTORY = "history.json"


def load_history(file: Path) -> dict[str, Any]:
    """``step``, ``moment_steps``, ``losses`` (nats per token, one a step from the path's beginning), ``heldout`` (bits
    per byte at each look) and ``seen`` (tokens per ``ingredient|kind|language`` from the path's beginning)."""
    history: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return history
