"""Files written whole or not at all, and what to tell a person whose disk refuses them."""

import errno
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from assay.errors import StepError

ASIDE = ".assay-"
"""How the names of files begin that are being written; a killed program may leave one."""


def flush(path: Path) -> None:
    """Have the kernel write a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file by new text (in UTF-8) or bytes, whole or not at all.

    Raises:
        StepError: The disk is full or cannot be written.
    """
    name = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=ASIDE)
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).rename(path)
    except BaseException as problem:
        if name:
            Path(name).unlink(missing_ok=True)
        if isinstance(problem, OSError) and (told := refused(problem, path.parent)):
            raise told from None
        raise


def refused(problem: OSError, place: Path) -> StepError | None:
    """The error to tell when the disk that holds ``place`` would not take a file; None for any other problem."""
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StepError(
            f"the disk that holds {place} is full; nothing half-written was kept. "
            "Make room and run the same command again"
        )
    if problem.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return StepError(
            f"{place} cannot be written ({problem.strerror}); nothing half-written was kept. "
            "Make it writable, or set ASSAY_STORE to another folder, and run the same command again"
        )
    return None


def as_json(value: Any) -> str:
    """JSON as run folders hold it: for people to read, no NaN, a line's end at the end."""
    return json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
