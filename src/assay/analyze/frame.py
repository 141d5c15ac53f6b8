"""Results in Python: a run folder's contrasts, arms, seeds and item records as pandas tables, for a notebook.

Everything is read from the folder when it is asked for; nothing is trained, and torch is not imported. Pandas is
imported only by the methods that give a table.
"""

import html
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

    def effects(self) -> "pd.DataFrame":
        """The contrasts, one row each; columns as in ``results.json``."""
        import pandas as pd

        return pd.DataFrame(self.contrasts)

    to_frame = effects

    def arms(self) -> "pd.DataFrame":
        """Each arm's own value with its interval: one row per arm, size and metric."""
        import pandas as pd

        return pd.DataFrame(self.data["arms_table"])

    def seeds(self) -> "pd.DataFrame":
        """Each arm's value in each seed: one row per arm, size, seed and metric; see `assay.analyze.by_seed`.

        Raises:
            InputError: The folder's plan or item records are gone or cannot be read.
        """
        import pandas as pd

        from assay.analyze.by_seed import seed_rows
        from assay.analyze.results import load_design, stream_items

        return pd.DataFrame(seed_rows(load_design(self.folder), stream_items(self.folder)))

    def items(self) -> "pd.DataFrame":
        """All item records, also of checkpoints before the arms' ends, with ``bits_per_byte`` and ``generated``.

        Raises:
            InputError: There are none, or a file holds something else.
        """
        from assay.analyze.query import read_items

        frame: pd.DataFrame = read_items(self.folder).to_pandas()
        return frame

    def __repr__(self) -> str:
        return f"Results({str(self.folder)!r}: {len(self.contrasts)} contrasts)"

    def _repr_html_(self) -> str:
        """What a notebook shows: question and answer, and what to ask next. All text is escaped."""
        said = [sentence["text"] for sentence in self.data["summary"]["sentences"]]
        answer = "".join(f"<li>{html.escape(text)}</li>" for text in said)
        counts = f"{len(self.data['arms'])} arms, {len(self.data['seeds'])} seeds, {len(self.contrasts)} contrasts"
        return (
            f"<p><strong>{html.escape(self.data['question'])}</strong></p><ul>{answer}</ul>"
            f"<p>{counts}: <code>effects()</code>, <code>arms()</code>, <code>seeds()</code>, <code>items()</code></p>"
        )


def open_run(folder: Path | str) -> Results:
    """The results of a run folder.

    Args:
        folder: Of a finished study, as given to ``assay run --out``.

    Raises:
        InputError: It has no ``results.json``, or it cannot be read.
    """
    return Results(folder)
