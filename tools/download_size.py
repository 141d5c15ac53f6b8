"""Say how much pip would download for the requirements given, before it does.

Asks pip for a dry run, then each file for its size. Says so, and never fails, where a size cannot be had:
the installation that follows has the last word.
"""

import json
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path


def size_of(url: str) -> int:
    """Bytes of the file behind ``url`` (a file on disk, or what the server says)."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "file":
        return Path(urllib.request.url2pathname(parts.path)).stat().st_size
    request = urllib.request.Request(url, method="HEAD")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return int(answer.headers["Content-Length"])


def main(requirements: list[str]) -> None:
    named = " ".join(requirements)
    print(f"Looking up how large {named} is …", flush=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command = [*pip, "--dry-run", "--report", str(report), *requirements]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            urls = [item["download_info"]["url"] for item in json.loads(report.read_text())["install"]]
        sizes = [size_of(url) for url in urls]
    except (OSError, ValueError, KeyError, TypeError, subprocess.CalledProcessError) as problem:
        print(
            f"The size of {named} could not be looked up ({type(problem).__name__}). Expect 0.2 GB for a CPU build, "
            "and about 3 GB with its libraries for the CUDA build that Linux gets by default."
        )
        return
    if not sizes:
        print(f"{named} is installed already.")
        return
    print(
        f"{named}: {sum(sizes) / 1e6:,.0f} MB in {len(sizes)} files (largest {max(sizes) / 1e6:,.0f} MB).", flush=True
    )


if __name__ == "__main__":
    main(sys.argv[1:])
