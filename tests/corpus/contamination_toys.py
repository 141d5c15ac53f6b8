"""What the tests of decontamination share: a benchmark made of given pieces, and its index."""

import gzip
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from assay.corpus.contamination import build
from assay.corpus.contamination.benchmarks import Benchmark, Part, Row
from assay.corpus.contamination.index import Index, open_index

Item = list[tuple[Part, str]]


def _pieces(row: Row) -> Iterator[tuple[Part, str]]:
    yield from map(tuple, row["pieces"])


def toy_index(folder: Path, items: Sequence[Item]) -> Index:
    """The index of one benchmark, ``Toy``, with these items in the file ``test``."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / "toy.whl"
    rows = "".join(json.dumps({"doc": {"id": number, "pieces": item}}) + "\n" for number, item in enumerate(items))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("toy.jsonl.gz", gzip.compress(rows.encode()))
    toy = Benchmark(name="Toy", files={"test": "toy.jsonl.gz"}, pieces=_pieces, wheel="toy")
    return index_of((toy,), {"toy": wheel}, folder / "index")


def index_of(benchmarks: tuple[Benchmark, ...], wheels: dict[str, Path], out: Path) -> Index:
    """The index of these benchmarks alone."""
    out.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "BENCHMARKS", benchmarks)
        build.build_index(wheels, out)
    return open_index(out)
