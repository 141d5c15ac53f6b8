"""The quickstart as its user meets it: a fresh clone of the committed tree, `make quickstart`, and again.

``fresh_seconds`` is the whole command with virtual environment, torch and downloads; ``study_seconds`` the study from
its first step to its report, downloads included; ``rerun_seconds`` the command repeated. Nothing of this checkout's
environment, store or pip cache is used.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from _record import record

ROOT = Path(__file__).parent.parent


def timed(clone: Path, home: Path) -> float:
    """Seconds of ``make quickstart`` in a clone."""
    kept = {
        name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH", "ASSAY_STORE"}
    }
    begin = time.monotonic()
    subprocess.run(
        ["make", "quickstart"],
        cwd=clone,
        check=True,
        env={**kept, "XDG_CACHE_HOME": str(home), "PIP_CACHE_DIR": str(home)},
    )
    return time.monotonic() - begin


def main() -> None:
    """Run and record."""
    place = Path(tempfile.mkdtemp(prefix="assay-quickstart-"))
    clone = place / "clone"
    try:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        fresh = timed(clone, place / "cache")
        rerun = timed(clone, place / "cache")
        run = clone / "runs" / "quickstart"
        first = json.loads((run / "log.jsonl").read_text().splitlines()[0])["time"]
        study = (run / "done.json").stat().st_mtime - first
        tokens = json.loads((run / "results.json").read_text())["tokens"]
        ledger = json.loads((run / "ledger.json").read_text())
        corpus = json.loads((run / "corpus.json").read_text())
        megabytes = {name: (one["bytes"] + one["heldout_bytes"]) / 1e6 for name, one in corpus.items()}
        timings = json.loads((run / "timings.json").read_text())
        record(
            "quickstart",
            {
                "fresh_seconds": fresh,
                "study_seconds": study,
                "rerun_seconds": rerun,
                "text_mb": megabytes["text"],
                "code_mb": megabytes["code"],
                "trained_over_declared": tokens["trained"] / tokens["declared"],
                "largest_share_error": max(abs(row["seen_share"] - row["declared_share"]) for row in ledger),
                "tokens_per_second": timings["tokens_per_second"],
            },
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
