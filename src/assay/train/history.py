"""What a state remembers of its way, readable without torch."""

import json
from pathlib import Path
from typing import Any


def load_history(folder: Path) -> dict[str, Any]:
    """``step``, ``moment_steps``, ``heldout`` (bits per byte at each look) and ``seen`` (tokens per
    ``ingredient|kind|language`` from the path's beginning)."""
    history: dict[str, Any] = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    return history
