"""Tokenised ingredients: one memory-mapped file of ids and where each document begins.

Ids are uint16 up to 65,536 tokens and uint32 beyond. Every document ends with the end token. Beside the ids lie the
documents' labels (kind and language), so that the ledger can say of every row what it was made of, and how many bytes
became how many tokens: a tokenizer that spells one ingredient out at greater length is a confound.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

SHARD = "shard.json"


@dataclass(frozen=True)
class Shard:
    """An ingredient's training tokens."""

    ids: npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
    """[tokens], memory-mapped."""
    offsets: npt.NDArray[np.int64]
    """[documents + 1]: document ``i`` is ``ids[offsets[i]:offsets[i + 1]]``."""
    labels: npt.NDArray[np.int32]
    """[documents]: index into ``label_names``."""
    label_names: tuple[tuple[str, str], ...]
    """(kind, language)."""

    @property
    def tokens(self) -> int:
        """Training tokens, ends of documents included."""
        return int(self.offsets[-1])


class ShardWriter:
    """Writes a shard batch by batch, holding no more than offsets and labels; a context manager."""

    def __init__(self, folder: Path, vocabulary: int) -> None:
        self.tokens = 0
        self._folder = folder
        self._type = np.dtype(np.uint16 if vocabulary <= 1 << 16 else np.uint32)
        self._file = (folder / "ids.bin").open("wb")
        self._lengths: list[npt.NDArray[np.int64]] = []
        self._labels: list[tuple[str, str]] = []
        self._bytes: dict[tuple[str, str], list[int]] = {}

    def add(
        self,
        ids: npt.NDArray[np.uint32],
        lengths: npt.NDArray[np.int64],
        labels: Sequence[tuple[str, str]],
        sizes: Sequence[int],
    ) -> None:
        """Add documents.

        Args:
            ids: [tokens] of all of them, end tokens included.
            lengths: [documents] tokens of each.
            labels: (kind, language) of each.
            sizes: Bytes of UTF-8 of each.
        """
        self._file.write(ids.astype(self._type).tobytes())
        self._lengths.append(lengths)
        self._labels += labels
        self.tokens += len(ids)
        for label, length, size in zip(labels, lengths.tolist(), sizes, strict=True):
            entry = self._bytes.setdefault(label, [0, 0, 0])
            entry[0] += 1
            entry[1] += length
            entry[2] += size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._file.close()
        if kind is not None:
            return
        lengths = np.concatenate([np.zeros(1, np.int64), *self._lengths])
        names = sorted(self._bytes)
        index = {name: place for place, name in enumerate(names)}
        np.save(self._folder / "offsets.npy", np.cumsum(lengths, dtype=np.int64))
        np.save(self._folder / "labels.npy", np.array([index[label] for label in self._labels], np.int32))
        about = {
            "dtype": self._type.name,
            "labels": names,
            "tokens": self.tokens,
            "documents": len(self._labels),
            "bytes": sum(entry[2] for entry in self._bytes.values()),
            "by_label": [dict(zip(("documents", "tokens", "bytes"), self._bytes[name], strict=True)) for name in names],
        }
        (self._folder / SHARD).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def read_shard(folder: Path) -> Shard:
    """Open a shard."""
    about = json.loads((folder / SHARD).read_text(encoding="utf-8"))
    return Shard(
        ids=np.memmap(folder / "ids.bin", dtype=about["dtype"], mode="r"),
        offsets=np.load(folder / "offsets.npy"),
        labels=np.load(folder / "labels.npy"),
        label_names=tuple((kind, language) for kind, language in about["labels"]),
    )


def shard_tokens(file: Path) -> int:
    """Training tokens of a shard, by its `SHARD` file alone."""
    return int(json.loads(file.read_text(encoding="utf-8"))["tokens"])
