"""A recipe's own material: a local file, a local folder, or whatever lies at an address that fsspec knows.

Files are listed once, by `local_files` or `remote_files`, and read by name. What identifies them is their names and
contents, never the place where they lie: the same files in another folder make the same corpus.
"""

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from assay.corpus.chosen import chosen
from assay.corpus.cleaning import Unfit
from assay.corpus.licences import UNKNOWN
from assay.corpus.local_files import Listing, LocalFiles
from assay.corpus.member import UNREADABLE, Members
from assay.corpus.remote_files import RemoteFiles


class Folder(Members):
    """Local or remote files, listed and read by their paths in the folder; one file is listed by its name."""

    def __init__(self, address: str, base: Path) -> None:
        """
        Args:
            address: A path, relative to ``base`` (``~`` is the home folder), or an address with ``://``.
            base: The folder of the recipe.

        Raises:
            StepError: There is nothing at a path, or no library for such an address.
        """
        self.address = address
        self.root: Path | None = None
        """Where it lies on this machine, links resolved; None for a remote address."""
        self._files: LocalFiles | RemoteFiles
        scheme = address.partition("://")[0] if "://" in address else "file"
        if scheme in ("file", "local"):
            self._files = LocalFiles(base / Path(address.rpartition("://")[2]).expanduser())
            self.root = self._files.root
        else:
            self._files = RemoteFiles(address)

    @functools.cached_property
    def _listing(self) -> Listing:
        return self._files.listing()

    def names(self) -> list[str]:
        """Every regular file, POSIX paths, sorted.

        Raises:
            StepError: The folder cannot be read or the address cannot be reached.
        """
        return sorted(self._listing[0])

    def left_out(self) -> list[tuple[str, str]]:
        """What is not among the names, sorted, each with the reason."""
        return sorted(self._listing[1])

    def size(self, name: str) -> int:
        """Bytes of a file as it was listed."""
        if name not in self._listing[0]:
            raise Unfit(UNREADABLE)
        return self._listing[0][name]

    def licence(self) -> str:
        """Nothing is known of a folder's licence; a recipe states it."""
        return UNKNOWN

    def fingerprint(self, files: Sequence[str], exclude: Sequence[str]) -> dict[str, str]:
        """What identifies the content of the files that the patterns choose; see `fingerprint_of`."""
        return self.fingerprint_of(chosen(self.names(), files, exclude))

    def fingerprint_of(self, names: Sequence[str]) -> dict[str, str]:
        """What identifies the content of these files.

        Args:
            names: Some of `names`, in their order.

        Returns:
            ``sha256`` over ``name NUL mark LF`` in the order of names, and ``by``: what the marks are, the sha256 of
            each ``content`` (remembered between programs, see `content_hash`) or what a remote ``file system`` says.

        Raises:
            Unfit: There is no such file.
            StepError: As `names`.
        """
        for name in names:
            self.size(name)
        marks = self._files.marks(names)
        lines = [f"{name}\0{mark}\n" for name, mark in zip(names, marks, strict=True)]
        return {"by": self._files.marked_by, "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}

    def close(self) -> None:
        """Nothing is kept open."""

    def _stored(self, name: str) -> BinaryIO:
        self.size(name)
        return self._files.stored(name)
