"""The files of a local folder, or one file: a walk that ends on any folder and never leaves it.

A link to a folder is never entered, so a cycle of links cannot hold the walk; a link to a file is read where that file
lies in the same folder. ``.git`` is never entered (git repositories have a reader of their own). What is passed over,
an unreadable folder, a link that leads out, a socket, is listed with its reason.
"""

import errno
import io
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from assay.corpus.cleaning import Unfit
from assay.corpus.content_hash import content_hashes
from assay.corpus.member import UNREADABLE, fault_of_name, guarded, printable
from assay.errors import StepError

NO_ENTRY = "folder that cannot be read"
LINK = "link to a folder"
NOT_ENTERED = (NO_ENTRY, LINK)
"""Why a folder, with all that may be in it, is left out."""
Listing = tuple[dict[str, int], list[tuple[str, str]]]
"""Names with their bytes, and what is left out with the reason."""


class LocalFiles:
    """Files under ``path``, or the file that it is."""

    marked_by = "content"

    def __init__(self, path: Path) -> None:
        """
        Raises:
            StepError: There is nothing at ``path``, or neither a file nor a folder.
        """
        try:
            self.root = Path(os.path.realpath(path, strict=True))
            mode = self.root.stat().st_mode
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise StepError(f"{path} cannot be opened: {why}") from error
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise StepError(f"{path} is neither a file nor a folder")
        self._is_file = stat.S_ISREG(mode)
        self._name = path.name
        self._checked: set[Path] = set()

    def listing(self) -> Listing:
        """Every regular file, in no order.

        Raises:
            StepError: The folder itself cannot be read.
        """
        files: dict[str, int] = {}
        left_out: list[tuple[str, str]] = []
        if self._is_file:
            return {self._name: self.root.stat().st_size}, left_out
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(self.root / folder) as found:
                    inner = list(found)
            except OSError as error:
                if not folder:
                    raise StepError(f"{self.root} cannot be read: {error.strerror}") from error
                left_out.append((folder, NO_ENTRY))
                continue
            for entry in inner:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.name == ".git":
                    continue
                fault = fault_of_name(name)
                if fault is None and entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                    continue
                size, fault = (0, fault) if fault else self._look(entry)
                if fault:
                    left_out.append((printable(name), fault))
                else:
                    files[name] = size
        return files, left_out

    def _look(self, entry: "os.DirEntry[str]") -> tuple[int, str | None]:
        """Bytes of a file, and why it is left out."""
        is_link = entry.is_symlink()
        try:
            about = entry.stat()
            inside = not is_link or self._holds(os.path.realpath(entry.path, strict=True))
        except OSError:
            return 0, "link that leads nowhere" if is_link else UNREADABLE
        if stat.S_ISDIR(about.st_mode):
            return 0, LINK
        if not inside:
            return 0, "link that leads out of the folder"
        return about.st_size, None if stat.S_ISREG(about.st_mode) else "not a regular file"

    def _holds(self, real: str) -> bool:
        return real.startswith(os.path.join(self.root, ""))  # noqa: PTH118  # a trailing separator

    def stored(self, name: str) -> BinaryIO:
        """The file's bytes as they are.

        Raises:
            Unfit: It is gone, may not be read, or leads out of the folder by now.
            StepError: The disk fails.
        """
        path = self._path(name)
        try:
            self._check(path.parent)
            try:
                return guarded(io.FileIO(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)), self._told)
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
            real = os.path.realpath(path, strict=True)
            if not self._holds(real):
                raise Unfit(UNREADABLE)
            return guarded(io.FileIO(real), self._told)
        except OSError as error:
            raise self._told(error) from error

    def _check(self, folder: Path) -> None:
        """Raises Unfit where ``folder`` lies elsewhere by now; each is looked at once: it costs more than a read."""
        if folder not in self._checked:
            real = os.path.realpath(folder, strict=True)
            if not self._is_file and real != str(self.root) and not self._holds(real):
                raise Unfit(UNREADABLE)
            self._checked.add(folder)

    def marks(self, names: Sequence[str]) -> list[str]:
        """sha256 of the content of each."""
        return content_hashes([self._path(name) for name in names])

    def _path(self, name: str) -> Path:
        if self._is_file and name == self._name:
            return self.root
        if self._is_file or fault_of_name(name):
            raise Unfit(UNREADABLE)
        return self.root / name

    def _told(self, problem: Exception) -> Exception:
        if isinstance(problem, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
            return Unfit(UNREADABLE)
        return StepError(f"a file of {self.root} cannot be read: {problem}")
