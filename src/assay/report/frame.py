"""What every page shares: how its text is escaped, its numbers printed, its style and its one script.

Templates escape whatever they are given unless it is `Markup`, and fail on a name that is not there. A page may run
the script whose hash it states and nothing else.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from assay.errors import InputError
from assay.report import numbers

TEMPLATES = Path(__file__).parent / "templates"
FILTERS = ("plain", "signed", "interval", "probability", "percent", "signed_percent", "count", "duration")


def environment() -> Environment:
    """For templates of this package, with the filters that print numbers."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in FILTERS:
        found.filters[name] = getattr(numbers, name)
    return found


def dress() -> dict[str, Any]:
    """What a page's head and end need: ``style``, ``script`` and ``script_hash``."""
    script = (TEMPLATES / "sort.js").read_text(encoding="utf-8")
    return {
        "style": Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def read_part(path: Path) -> Any:
    """A JSON file of the run folder; None where it is not there.

    Raises:
        InputError: It is there and cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise InputError(f"it cannot be read: {problem}; run the study again to have it rewritten", str(path)) from None
