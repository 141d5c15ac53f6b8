"""Tokenised ingredients: one memory-mapped file of ids and where each document begins.

Ids are uint16 up to 65,536 tokens and uint32 beyond. Every document ends with the end token. Beside the ids lie the
documents' labels (kind and language), so that the ledger can say of every row what it was made of.
"""

import json
from dataclasses import dataclass
from pathlib import Path

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


def write_shard(
    folder: Path, documents: list[npt.NDArray[np.uint32]], labels: list[tuple[str, str]], vocabulary: int
) -> int:
    """Write a shard; returns its tokens."""
    kind = np.uint16 if vocabulary <= 1 << 16 else np.uint32
    offsets = np.zeros(len(documents) + 1, np.int64)
    np.cumsum([len(ids) for ids in documents], out=offsets[1:])
    names = sorted(set(labels))
    index = {name: place for place, name in enumerate(names)}
    with (folder / "ids.bin").open("wb") as file:
        for ids in documents:
            file.write(ids.astype(kind).tobytes())
    np.save(folder / "offsets.npy", offsets)
    np.save(folder / "labels.npy", np.array([index[label] for label in labels], np.int32))
    about = {"dtype": np.dtype(kind).name, "labels": names, "tokens": int(offsets[-1]), "documents": len(documents)}
    (folder / SHARD).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return int(offsets[-1])


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
