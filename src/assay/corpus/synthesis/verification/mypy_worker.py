"""A process that type-checks sources as long as it is asked to: what builtins are is read once.

A line of JSON in, a list of sources; a line of JSON out, for each the first error or nothing. Each source is a module
that no other knows. A process of its own as a checker may go down under a source that nobody has read, and keeps much
in memory. It is run by its path, takes the folder of mypy's cache, and imports mypy alone.
"""

import gc
import json
import re
import shutil
import sys
from typing import Any

_ERROR = re.compile(r"^source_(\d+)\.py:\d+: error: (.*)$")
_COLLECT_AFTER = 200_000
"""New objects; mypy makes many that stay."""
_NO_MATTER = ["var-annotated", "import-untyped", "import-not-found"]
"""Names that need an annotation though their use is right, and modules that are not there."""


def main() -> None:
    """Answer until the input ends, be it that whoever asked was killed; nothing stays behind."""
    gc.set_threshold(_COLLECT_AFTER, 30, 30)
    folder = sys.argv[1]
    for line in sys.stdin:
        sources = json.loads(line)
        print(json.dumps(_checked(sources, folder)), flush=True)
    shutil.rmtree(folder, ignore_errors=True)


def _checked(sources: list[str], folder: str) -> list[str]:
    from mypy import build
    from mypy.errors import CompileError
    from mypy.modulefinder import BuildSource

    modules: list[Any] = [
        BuildSource(f"source_{index}.py", f"source_{index}", text) for index, text in enumerate(sources)
    ]
    try:
        messages = build.build(modules, _options(folder)).errors
    except CompileError as error:
        if len(sources) == 1:
            return [_first(error.messages, 1)[0] or "it cannot be read"]
        return [_checked([text], folder)[0] for text in sources]
    return _first(messages, len(sources))


def _first(messages: list[str], count: int) -> list[str]:
    found = [""] * count
    for message in messages:
        if match := _ERROR.match(message):
            at = int(match[1])
            found[at] = found[at] or match[2]
    return found


def _options(folder: str) -> Any:
    from mypy.options import Options

    options = Options()
    options.cache_dir = folder
    options.python_version = sys.version_info[:2]
    options.incremental = True
    options.many_errors_threshold = -1
    options.hide_error_codes = False
    options.disable_error_code = _NO_MATTER
    options.process_error_codes(error_callback=sys.exit)
    return options


if __name__ == "__main__":
    main()
