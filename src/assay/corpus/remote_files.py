"""The files at an address that fsspec knows (``s3://…``, ``gs://…``, ``memory://…``), read as a stream each.

The library is imported only here, where an address asks for it. A file's content is stood for by what the file system
itself says of it, a checksum or an ETag, else whatever changes with it (size, time of writing), so that nothing is
downloaded to plan; plain HTTP servers mostly say nothing, and their files pass for unchanging. Any failure but a file
that vanished ends the step: a document left out because the network was down would make another corpus.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from assay.corpus.cleaning import Unfit
from assay.corpus.local_files import Listing
from assay.corpus.member import UNREADABLE, fault_of_name, guarded, printable
from assay.errors import StepError

_CHECKSUMS = ("sha256", "blob_id", "md5", "md5Hash", "checksum", "ETag", "etag")
"""What file systems call the checksum of a content, the most telling first."""


class RemoteFiles:
    """Files under ``address``, or the file that it is."""

    marked_by = "file system"

    def __init__(self, address: str) -> None:
        """
        Raises:
            StepError: fsspec or the library of the address is not installed, or nothing can be at such an address.
        """
        self.address = address
        try:
            import fsspec

            self._fs, self._base = fsspec.core.url_to_fs(address, use_listings_cache=False, skip_instance_cache=True)
        except ImportError as problem:
            raise StepError(
                f"{address} needs a library that is not installed: pip install 'assay[remote]' ({problem})"
            ) from None
        except ValueError as problem:
            raise StepError(f"the address {address} cannot be used: {problem}") from None
        self._found: dict[str, dict[str, Any]] = {}

    def listing(self) -> Listing:
        """Every file, in no order.

        Raises:
            StepError: There is nothing at the address, or it cannot be reached.
        """
        with self._told():
            found = self._fs.find(self._base, detail=True)
        if not found:
            raise StepError(f"there is nothing at {self.address}")
        base = self._base.rstrip("/")
        left_out = []
        for place, about in found.items():
            name = place.rpartition("/")[2] if place == base else place.removeprefix(base).removeprefix("/")
            fault = fault_of_name(name)
            if fault:
                left_out.append((printable(name), fault))
            elif ".git" not in name.split("/"):
                self._found[name] = {**about, "name": place}
        return {name: int(about.get("size") or 0) for name, about in self._found.items()}, left_out

    def stored(self, name: str) -> BinaryIO:
        """The file's bytes as they are, fetched as they are read.

        Raises:
            Unfit: It is gone.
            StepError: The address cannot be reached.
        """
        if name not in self._found:
            raise Unfit(UNREADABLE)
        try:
            return guarded(self._fs.open(self._found[name]["name"], "rb"), self._problem)
        except Exception as problem:  # each file system raises its own library's
            raise self._problem(problem) from problem

    def marks(self, names: Sequence[str]) -> list[str]:
        """What the file system says of the content of each."""
        with self._told():
            return [self._mark(self._found[name]) for name in names]

    def _mark(self, about: dict[str, Any]) -> str:
        for key in _CHECKSUMS:
            if about.get(key):
                return f"{key} {about[key]} {about.get('size')}"
        return str(self._fs.ukey(about["name"]))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except Exception as problem:  # each file system raises its own library's
            if isinstance(problem, FileNotFoundError):
                raise StepError(f"there is nothing at {self.address}") from None
            raise self._problem(problem) from problem

    def _problem(self, problem: Exception) -> Exception:
        if isinstance(problem, FileNotFoundError):
            return Unfit(UNREADABLE)
        said = str(problem).splitlines() or [type(problem).__name__]
        return StepError(f"{self.address} cannot be reached or read: {said[0]}")
