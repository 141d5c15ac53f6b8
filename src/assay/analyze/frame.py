"""Results in Python: the contrasts of a run folder as dictionaries or as a pandas table.

Pandas is optional and imported only where it is asked for.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


class Results:
    """The results of a finished study."""

    def __init__(self, folder: Path | str) -> None:
        """Read ``results.json`` of a run folder.

        Raises:
            InputError: The folder has none, or it cannot be read.
        """
        self.folder = Path(folder)
        path = self.folder / "results.json"
        try:
            self.data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(f"{self.folder} has no results.json: run the study, or `assay report` it, first") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as problem:
            raise InputError(f"no results can be read from it: {problem}", str(path)) from None

    @property
    def contrasts(self) -> list[dict[str, Any]]:
        """One dictionary per contrast, size and metric; the keys are those of ``results.json``."""
        contrasts: list[dict[str, Any]] = self.data["contrasts"]
        return contrasts

    def to_frame(self) -> "pd.DataFrame":
        """The contrasts as a table, one row each."""
        import pandas as pd

        return pd.DataFrame(self.contrasts)

    def __repr__(self) -> str:
        return f"Results({str(self.folder)!r}: {len(self.contrasts)} contrasts)"
