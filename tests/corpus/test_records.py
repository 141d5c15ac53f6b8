"""Record files: every format gives the same rows, what is broken is a counted fault in its place, memory is bounded."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import enry
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assay.corpus import record_files
from assay.corpus.archive import open_package
from assay.corpus.candidate import Candidate
from assay.corpus.document import Document, Dropped
from assay.corpus.folder import Folder
from assay.corpus.record_files import LARGEST_RECORD, TOO_LARGE, pieces, read_rows
from assay.corpus.records import FIRST_ROWS, read_records
from assay.corpus.source import Source
from assay.errors import StepError

ROWS: list[dict[str, Any]] = [
    {"text": "One, “quoted”\nand broken", "id": "a", "meta": {"set": "C4", "url": "http://x"}, "score": 1},
    {"text": 'Two "2"', "id": "b", "meta": {"set": "Github", "url": "http://y"}, "score": 2},
    {"text": "Drei größere Bären", "id": "c", "meta": {"set": "Books", "url": "http://z"}, "score": 3},
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def source(**records: Any) -> Source:
    fields = {key: records.pop(key) for key in ("kind", "files", "clean") if key in records}
    return Source.model_validate(
        {"name": "s", "about": "", "path": ".", "reader": "records", "kind": "text", "records": records, **fields}
    )


def read(folder: Path, **records: Any) -> list[Candidate]:
    return list(read_records(source(**records), Folder(".", folder)))


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def lines(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@contextmanager
def small(block: int, largest: int = LARGEST_RECORD) -> Iterator[None]:
    """Blocks and records so small that every boundary is met."""
    before = record_files.BLOCK, record_files.LARGEST_RECORD
    record_files.BLOCK, record_files.LARGEST_RECORD = block, largest
    try:
        yield
    finally:
        record_files.BLOCK, record_files.LARGEST_RECORD = before


def parquet(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=2)
    return out.getvalue()


def arrow(rows: list[dict[str, Any]], new: Callable[..., Any]) -> bytes:
    out = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with new(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return out.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "a.jsonl": lambda: LINES,
    "a.ndjson": lambda: LINES.replace(b"\n", b"\r\n\r\n"),
    "bom.jsonl": lambda: b"\xef\xbb\xbf" + LINES.rstrip(),
    "a.jsonl.gz": lambda: gzip.compress(LINES[:99]) + gzip.compress(LINES[99:]),
    "a.jsonl.zst": lambda: zstandard.compress(LINES),
    "a.jsonl.xz": lambda: lzma.compress(LINES),
    "a.jsonl.bz2": lambda: bz2.compress(LINES),
    "lines.json": lambda: LINES,
    "array.json": lambda: json.dumps(ROWS).encode(),
    "pretty.json": lambda: json.dumps(ROWS, indent=2, ensure_ascii=False).encode(),
    "pretty.jsonl.gz": lambda: gzip.compress("\n".join(json.dumps(row, indent=4) for row in ROWS).encode()),
    "joined.jsonl": lambda: "".join(map(json.dumps, ROWS)).encode(),
    "a.parquet": lambda: parquet(ROWS),
    "a.parquet.gz": lambda: gzip.compress(parquet(ROWS)),
    "stream.arrow": lambda: arrow(ROWS, pa.ipc.new_stream),
    "file.arrow": lambda: arrow(ROWS, pa.ipc.new_file),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_rows_in_any_format_are_the_same_documents(name: str, tmp_path: Path) -> None:
    write(tmp_path, f"d/{name}", FORMATS[name]())
    found = read(tmp_path, text="text", id="id", group="meta.url", where_not={"meta.set": ["Github"]})
    assert found == [
        Candidate(path=f"d/{name}#{row['id']}", group=row["meta"]["url"], data=row["text"])
        for row in (ROWS[0], ROWS[2])
    ]


def test_tables_of_text_follow_their_standards(tmp_path: Path) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["text", "id"], *((row["text"], row["id"]) for row in ROWS), ["short"]])
    write(tmp_path, "a.csv", b"\xef\xbb\xbf" + out.getvalue().encode())
    write(tmp_path, "b.tsv", 'text\tid\r\n"open\td\r\nBären\te\r\n'.encode())
    *kept, short, quote, bears = read(tmp_path, text="text", id="id")
    # RFC 4180 ends lines inside quotes as they were written; csv was told \r\n between records only
    assert [item.data for item in kept] == [row["text"] for row in ROWS]
    assert (short.path, short.fault) == ("a.csv#4", "number of fields is not the header's")
    assert [(item.path, item.data) for item in (quote, bears)] == [("b.tsv#d", '"open'), ("b.tsv#e", "Bären")]


def test_what_is_no_record_is_a_fault_in_its_place_and_the_rest_is_read(tmp_path: Path) -> None:
    deep = b'{"text": ' + b"[" * 200_000
    bad = [b'{"text": "ok"}', b'{"text": ', b"[1]", b'{"text": "\xff"}', b'{"txt": "x"}', b'{"text": 5}', b"", deep]
    write(tmp_path, "a.jsonl", b"\n".join([*bad, b'{"text": null}', b'{"text": "last"}', b'{"text": "hal']))
    write(tmp_path, "b.txt", b"no records")
    found = read(tmp_path, text="text")
    assert [(item.path, item.fault or item.data) for item in found] == [
        ("a.jsonl#1", "ok"),
        ("a.jsonl#2", "not JSON"),
        ("a.jsonl#3", "record is not an object"),
        ("a.jsonl#4", "not UTF-8"),
        ("a.jsonl#5", "no such column"),
        ("a.jsonl#6", "text is not a string"),
        ("a.jsonl#7", "not JSON"),
        ("a.jsonl#8", ""),
        ("a.jsonl#9", "last"),
        ("a.jsonl#10", "half-written record"),
        ("b.txt", "not a file of records"),
    ]
    assert found[1].data == b'{"text": '


def test_a_broken_value_of_an_array_costs_only_itself(tmp_path: Path) -> None:
    write(tmp_path, "a.json", b'[{"text": "1"},\n {"text": nul},\n {"text": "\xff"}, {"text": "}]\\""},\n {"text": "5')
    found = read(tmp_path, text="text")
    assert [item.fault for item in found] == [None, "not JSON", None, None, "half-written record"]
    assert [item.data for item in found if not item.fault] == ["1", "\udcff", '}]"']


def test_a_line_of_200_mb_is_counted_and_never_held(tmp_path: Path) -> None:
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.write(b'{"text": "before"}\n{"text": "')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n{"text": "after"}\n')
    with (tmp_path / "b.json").open("wb") as file:
        file.write(b'[{"text": "before"}, {"text": "')
        for _ in range(40):
            file.write(b"x" * 1_000_000)
        file.write(b'"}, {"text": "after"}]')
    tracemalloc.start()
    try:
        found = read(tmp_path, text="text")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [item.fault or item.data for item in found] == ["before", TOO_LARGE, "after"] * 2
    assert peak < 6 * LARGEST_RECORD


def test_rows_that_are_not_wanted_leave_a_gap_in_the_numbers_and_nothing_else(tmp_path: Path) -> None:
    rows = [{"text": f"t{n}", "lang": ["py", "js"][n % 2], "tags": ["a", f"b{n}"], "n": n} for n in range(6)]
    write(tmp_path, "a.jsonl", lines(*rows))
    assert [item.path for item in read(tmp_path, text="text", where={"lang": ["py"]}, where_not={"tags": ["b2"]})] == [
        "a.jsonl#1",
        "a.jsonl#5",
    ]
    assert [item.data for item in read(tmp_path, text="text", where={"n": [4, 5]})] == ["t4", "t5"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_a_column_that_no_row_has_is_said_with_those_that_there_are(name: str, tmp_path: Path) -> None:
    write(tmp_path, name, LINES if name == "a.jsonl" else parquet(ROWS))
    with pytest.raises(StepError, match=r"no column is called meta\.sett in the first 3 rows.*meta\.set, meta\.url"):
        read(tmp_path, text="text", where_not={"meta.sett": ["Github"]})


def test_a_column_may_be_rare_but_not_absent_from_the_first_thousand_rows(tmp_path: Path) -> None:
    rows: list[dict[str, str]] = [{"text": "x"}] * (FIRST_ROWS - 1)
    write(tmp_path, "a.jsonl", lines(*rows, {"text": "x", "id": "rare"}))
    assert read(tmp_path, text="text", id="id")[-1].path == "a.jsonl#rare"
    write(tmp_path, "a.jsonl", lines(*rows, {"text": "x"}, {"text": "x", "id": "late"}))
    seen = []
    with pytest.raises(StepError, match="id in the first 1,000 rows"):
        seen += [*read_records(source(text="text", id="id"), Folder(".", tmp_path))]


def test_licences_and_repositories_come_from_the_row_and_the_path_shows_the_language(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"content": "x", "hexsha": "f0", "repo": "o/r", "path": "/src/a.rs", "licences": ["MIT", "Apache-2.0", "MIT"]},
        {"content": "y", "hexsha": "f1", "repo": None, "path": None, "licences": []},
    ]
    write(tmp_path, "a.parquet", parquet(rows))
    first, second = read(tmp_path, text="content", id="hexsha", group="repo", path="path", licence="licences")
    assert (first.path, first.group, first.licence) == ("a.parquet#f0/src/a.rs", "o/r", "MIT OR Apache-2.0")
    assert enry.get_language(first.path, b"fn main() {}") == "Rust"
    assert (second.path, second.group, second.licence) == ("a.parquet#f1", "a.parquet#f1", "unknown")


def test_damaged_files_give_what_can_be_read_and_a_constant_reason(tmp_path: Path) -> None:
    many = lines(*({"text": os.urandom(3000).hex()} for _ in range(2000)))
    write(tmp_path, "a.jsonl.gz", gzip.compress(many, 1)[:-200_000])
    write(tmp_path, "b.jsonl.zst", zstandard.compress(many)[:-200_000])
    write(tmp_path, "c.parquet", parquet(ROWS)[:-50])
    write(tmp_path, "d.arrow", b"not arrow at all")
    write(tmp_path, "e.arrow", arrow(ROWS, pa.ipc.new_stream)[:-300])
    found = read(tmp_path, text="text")
    faults = {item.path: item.fault for item in found if item.fault}
    assert faults == {
        "a.jsonl.gz": "damaged compression",
        "b.jsonl.zst": "damaged compression",
        "c.parquet": "damaged Parquet file",
        "d.arrow": "damaged Arrow file",
        "e.arrow": "damaged Arrow file",
    }
    assert sum(item.path.startswith("a.jsonl.gz#") for item in found) > 1000
    assert sum(item.path.startswith("b.jsonl.zst#") for item in found) > 1000


def test_parquet_whose_text_is_not_utf8_loses_that_row_only(tmp_path: Path) -> None:
    binary = pa.array([b"good text", b"\xff\xfe", None], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 3, binary.buffers(), null_count=1)
    out = io.BytesIO()
    pq.write_table(pa.table({"text": text}), out)
    write(tmp_path, "a.parquet", out.getvalue())
    assert [item.data for item in read(tmp_path, text="text")] == ["good text", b"\xff\xfe", ""]


def test_parquet_in_a_package_is_read_as_from_a_folder(tmp_path: Path) -> None:
    wheel = tmp_path / "pack-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pack/rows.parquet", parquet(ROWS))
    package = open_package(wheel)
    found = list(read_records(source(text="text", files=["pack/*"]), package))
    package.close()
    assert [item.data for item in found] == [row["text"] for row in ROWS]


def test_a_template_lays_out_commits_and_instructions(tmp_path: Path) -> None:
    commit = {
        "subject": "Fix sum",
        "message": "Fix sum\n\nIt forgot the last.\n",
        "old_contents": "a = 1\n",
        "new_contents": "a = 2\n",
        "license": "mit",
        "commit": "c0ffee",
    }
    write(tmp_path, "commits.jsonl", lines(commit, {**commit, "message": None}, {"message": "m", "license": "mit"}))
    template = "{{ message }}\n--- before\n{{ old_contents }}+++ after\n{{ new_contents }}"
    found = read(tmp_path, template=template, licence="license", id="commit")
    assert found[0].data == "Fix sum\n\nIt forgot the last.\n\n--- before\na = 1\n+++ after\na = 2\n"
    assert (found[0].path, found[0].licence) == ("commits.jsonl#c0ffee", "mit")
    assert found[1].data.startswith("\n--- before") if isinstance(found[1].data, str) else False
    assert found[2].fault == "no such column"


def test_a_template_reaches_nothing_but_the_row(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", lines({"text": "x", "list": [1]}))
    for template in ("{{ text.__class__.__mro__ }}", "{{ list.append(2) }}{{ list }}"):
        assert read(tmp_path, template=template)[0].fault is not None
    with pytest.raises(StepError, match="template cannot be read"):
        read(tmp_path, template="{% if text %}")


def _instructions(name: str) -> Path:
    folder = os.environ.get("ASSAY_TEST_DATA")
    if folder is None:
        pytest.skip("ASSAY_TEST_DATA names no folder of test data")
    return Path(folder) / "instruct" / name


def test_dolly_flan_and_self_instruct_are_laid_out_from_the_real_files() -> None:
    dolly = read(_instructions("dolly_hhrlhf"), template="{{ prompt }}{{ response }}", files=["*.jsonl"])
    assert len(dolly) == 1000
    assert isinstance(dolly[0].data, str)
    assert "### Instruction:\nwhat is kangen water?\n\n### Response:\nKangen water is" in dolly[0].data
    flan = read(
        _instructions("flan_cot"),
        template="Question: {{ question }}\n\nAnswer: {{ rationale }} So the answer is {{ answer }}.\n",
        files=["*.jsonl.gz"],
    )
    assert len(flan) == 33_443
    assert not any(item.fault for item in flan)
    members = list(dict.fromkeys(item.path.partition("#")[0] for item in flan))
    assert members == sorted(members)
    assert len(members) == 7
    seeds = read(
        _instructions("self_instruct_seed"),
        template="{{ instruction }}\n{% if instances[0].input %}\n{{ instances[0].input }}\n{% endif %}"
        "\nResponse: {{ instances[0].output }}\n",
        id="id",
        files=["*.jsonl"],
    )
    assert len(seeds) == 175
    assert seeds[0].path == "seed_tasks.jsonl#seed_task_0"


def test_through_the_whole_reader_nul_and_surrogates_are_dropped_with_a_reason(tmp_path: Path) -> None:
    from assay.corpus.readers import read_source

    long = "This is long enough to be a document of its own, whatever one may think. "
    rows = [{"text": long}, {"text": long + "\0"}, {"text": long + "\ud800"}, {"text": None}]
    write(tmp_path, "a.jsonl", lines(*rows))
    items = list(read_source(source(text="text"), {}, tmp_path))
    assert isinstance(items[0], Document)
    assert items[0].group == "a.jsonl#1"
    assert [item.reason for item in items if isinstance(item, Dropped)] == ["binary", "not UTF-8", "empty"]


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"\n", b"<r"]), st.integers(1, 9), st.integers(1, 12))
@example(data=b"<<r", delimiter=b"<r", block=1, largest=1)
def test_pieces_are_those_of_split_whatever_the_block(data: bytes, delimiter: bytes, block: int, largest: int) -> None:
    data = data.replace(b"\x01", delimiter).replace(b"\x00", delimiter[:1])
    with small(block, largest):
        found = list(pieces(io.BytesIO(data), delimiter))
    expected = [(piece if len(piece) <= largest else None) for piece in data.split(delimiter)]
    if expected and expected[-1] == b"":
        expected.pop()
    assert [piece for piece, _ in found] == expected
    assert [more for _, more in found] == [True] * data.count(delimiter) + [False] * (
        len(found) - data.count(delimiter)
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150, deadline=None)
@given(
    st.lists(st.dictionaries(st.text(max_size=4), VALUES, min_size=1, max_size=3), max_size=5),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 40),
)
def test_json_values_are_found_whatever_the_layout_and_the_block(
    rows: list[dict[str, Any]], indent: int | None, array: bool, escaped: bool, block: int
) -> None:
    if array:
        text = json.dumps(rows, indent=indent, ensure_ascii=escaped)
    else:
        text = "\n".join(json.dumps(row, indent=indent, ensure_ascii=escaped) for row in rows)
    with small(block):
        assert list(read_rows("a.json", io.BytesIO(text.encode()), ())) == rows
