from pathlib import Path

import pytest

from assay.corpus import document
from assay.corpus.document import (
    Document,
    Dropped,
    read_documents,
    read_dropped,
    write_documents,
    write_dropped,
)
from assay.errors import StepError


def _documents(count: int) -> list[Document]:
    return [
        Document(
            text=f"Über {number}\n" * (number % 7),
            source="s",
            path=f"p/{number}",
            group=f"g{number % 3}",
            kind="text",
            language="English",
            licence="MIT",
        )
        for number in range(count)
    ]


def test_documents_come_back_in_order_across_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "ROW_GROUP_ROWS", 10)
    written = _documents(57)
    assert write_documents(tmp_path / "d.parquet", iter(written)) == 57
    assert list(read_documents(tmp_path / "d.parquet")) == written


def test_the_same_documents_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_documents(tmp_path / name, _documents(300))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_documents_make_a_file_that_reads_as_none(tmp_path: Path) -> None:
    write_documents(tmp_path / "d.parquet", [])
    assert list(read_documents(tmp_path / "d.parquet")) == []


def test_dropped_documents_keep_their_reason(tmp_path: Path) -> None:
    lost = Dropped(source="s", path="p", kind="code", language="Python", bytes=3, reason="not UTF-8")
    write_dropped(tmp_path / "d.parquet", [lost])
    assert list(read_dropped(tmp_path / "d.parquet")) == [lost]


def test_a_folder_that_is_not_there_is_a_failed_step(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="cannot write"):
        write_documents(tmp_path / "no" / "d.parquet", _documents(1))
