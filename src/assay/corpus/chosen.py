"""Which files of an archive a source means: shell patterns, for those to read and those to leave out."""

import fnmatch
import re
from collections.abc import Sequence


def chosen(names: Sequence[str], files: Sequence[str], exclude: Sequence[str]) -> list[str]:
    """The names that match a pattern of ``files`` and none of ``exclude``; ``*`` also matches ``/``."""
    wanted = _any_of(files)
    unwanted = _any_of(exclude)
    return [name for name in names if wanted.match(name) and not unwanted.match(name)]


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")
