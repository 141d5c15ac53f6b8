"""`assay items`: conditions by type, groups, order, files, texts, and the reference of every column."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.analyze.query import chosen, grouped, ordered, read_items, write_items
from assay.cli import app
from assay.errors import InputError
from assay.evaluate.records import RECORDS
from tiny_study import TinyStudy

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "item-records.md"


@pytest.fixture(scope="module")
def items(ran: TinyStudy) -> pa.Table:
    return read_items(ran.folder / "out")


@pytest.fixture(scope="module")
def frame(items: pa.Table) -> pd.DataFrame:
    found: pd.DataFrame = items.to_pandas()
    return found


def names(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in ("arm", "seed", "task", "item")), strict=True))


@pytest.mark.parametrize(
    ("conditions", "query"),
    [
        (["task=colours"], "task == 'colours'"),
        (["task=colours,heldout_code"], "task in ('colours', 'heldout_code')"),
        (["task != colours"], "task != 'colours'"),
        (["correct=false"], "correct == False"),
        (["correct!=true"], "correct == False"),
        (["margin<0", "arm=half.decay", "seed>=1"], "margin < 0 and arm == 'half.decay' and seed >= 1"),
        (["bits_per_byte>={median}"], "gold_bits / gold_bytes >= {median}"),
        (["margin=null"], "margin.isnull()"),
        (["margin!=null", "gold=0"], "margin.notnull() and gold == 0"),
        (["gold_bytes<=14"], "gold_bytes <= 14"),
    ],
)
def test_conditions_choose_what_pandas_chooses(
    items: pa.Table, frame: pd.DataFrame, conditions: list[str], query: str
) -> None:
    median = (frame["gold_bits"] / frame["gold_bytes"]).median()
    wanted = frame.query(query.format(median=median))
    found = chosen(items, [condition.format(median=median) for condition in conditions])
    assert 0 < found.num_rows < items.num_rows
    assert names(found) == list(zip(wanted["arm"], wanted["seed"], wanted["task"], wanted["item"], strict=True))


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("tsk=colours", "item records have no column 'tsk'; did you mean 'task'?"),
        ("colours", "'colours' is no condition"),
        ("__import__('os').system('true')=1", "is no condition"),
        ("correct=maybe", "correct is true or false, and not 'maybe'"),
        ("correct<true", "correct is true or false, which is compared with = or !="),
        ("margin<low", "margin is a number, and 'low' is not"),
        ("seed=1.5", "seed is a whole number, and '1.5' is not"),
        ("seed=99999999999", "seed is a whole number"),
        ("logprob<0", "logprob is a list, which is not compared"),
        ("margin<null", "null is neither less nor more"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused_with_the_reason(
    items: pa.Table, condition: str, told: str
) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        chosen(items, [condition])


def test_means_by_group_are_those_of_pandas_and_bits_are_divided_by_all_bytes(
    items: pa.Table, frame: pd.DataFrame
) -> None:
    found = grouped(items, ["arm", "task"]).to_pandas().set_index(["arm", "task"])
    wanted = frame.groupby(["arm", "task"])
    assert list(found["items"]) == list(wanted.size().reindex(found.index))
    ratio = (wanted["gold_bits"].sum() / wanted["gold_bytes"].sum()).reindex(found.index)
    assert list(found["bits_per_byte"]) == pytest.approx(list(ratio))
    margins = wanted["margin"].mean().reindex(found.index)
    assert list(found["margin"].dropna()) == pytest.approx(list(margins.dropna()))
    accuracy = frame.dropna(subset="correct").astype({"correct": float}).groupby(["arm", "task"])["correct"].mean()
    assert dict(found["correct"].dropna()) == pytest.approx(dict(accuracy))
    assert found["correct"].isna().sum() == sum(name.startswith("heldout") for _, name in found.index)


def test_a_measure_may_be_what_is_grouped_by(items: pa.Table) -> None:
    found = grouped(chosen(items, ["task=colours"]), ["correct"]).to_pylist()
    assert {one["correct"]: one["mean_correct"] for one in found} == {True: 1.0, False: 0.0}


def test_order_is_by_several_columns_descending_where_a_minus_stands_and_nulls_last(items: pa.Table) -> None:
    rows = ordered(items, ["task", "-margin"]).to_pylist()
    keys = [(one["task"], one["margin"] is None, -(one["margin"] or 0.0)) for one in rows]
    assert keys == sorted(keys)
    assert ordered(items, ["-margin"])["margin"].to_pylist()[-1] is None


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_what_is_written_is_read_back_the_same(items: pa.Table, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"records.{ending}"
    write_items(items, path)
    if ending == "parquet":
        assert pq.read_table(path).equals(items)
        return
    found = pd.read_csv(path) if ending == "csv" else pd.read_json(path, lines=True, precise_float=True)
    assert list(found.columns) == items.column_names
    assert list(found["gold_bits"]) == items["gold_bits"].to_pylist()
    assert found["logprob"].astype(str)[0] == str(items["logprob"][0].as_py())
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


def test_the_program_filters_by_conditions_behind_where_and_shows_so_many(
    ran: TinyStudy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ran.folder)
    app(
        ["items", "out", "--where", "task=colours", "arm=half.decay", "--sort", "-margin", "--head", "3"],
        standalone_mode=False,
    )
    told = capsys.readouterr().out
    assert told.count("half.decay") == 3
    assert "3 of 24 records." in told


def test_a_query_shows_the_items_texts_out_of_the_store(
    ran: TinyStudy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSAY_STORE", str(ran.store))
    out = str(ran.folder / "out")
    app(["items", out, "task=colours", "gold=1", "--head", "1", "--text"], standalone_mode=False)
    told = capsys.readouterr().out
    assert re.search(r"^Thing \d+ is$", told, re.MULTILINE)
    assert re.search(r"\[0\] ' red as a rose'  -[\d.]+ nats", told)
    assert re.search(r"\[1\] ' blue as the sea'  -[\d.]+ nats  right", told)


def test_records_are_written_with_their_texts(ran: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_STORE", str(ran.store))
    out = tmp_path / "colours.jsonl"
    app(
        ["items", str(ran.folder / "out"), "task=colours", "--columns", "arm,item", "--text", "--out", str(out)],
        standalone_mode=False,
    )
    found = pd.read_json(out, lines=True)
    assert len(found) == 72
    assert list(found.columns) == ["arm", "item", "contexts", "choices"]
    assert list(found["choices"][0]) == [" red as a rose", " blue as the sea"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("nowhere", "nowhere holds no item records"),
        ("out --columns arm,tusk", "no column 'tusk'; did you mean 'task'?"),
        ("out --sort logprob", "logprob is a list, which has no order"),
        ("out --group-by tokens", "tokens is a list, by which nothing is grouped"),
        ("out --group-by arm --text", "--text shows single items"),
        ("out --out records.xlsx", "ends in none of .csv, .parquet, .jsonl"),
        ("out --out nowhere/records.csv", "there is no folder nowhere"),
    ],
)
def test_a_wrong_query_is_refused(ran: TinyStudy, monkeypatch: pytest.MonkeyPatch, arguments: str, told: str) -> None:
    monkeypatch.chdir(ran.folder)
    with pytest.raises(InputError, match=re.escape(told)):
        app(["items", *arguments.split()], standalone_mode=False)


def test_records_are_looked_at_without_torch(ran: TinyStudy) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from assay.cli import app\n"
        f"app(['items', {str(ran.folder / 'out')!r}, '--text', '--head', '2'], standalone_mode=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ran.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_reference_describes_every_column() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE))
    assert described == {*RECORDS.names, "bits_per_byte", "generated"}
