"""Judgements on disk, and the rule by which two orders become one outcome."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tournament_rows import Preferred, both_orders, exchanged, judgement, tournaments

from assay.errors import InputError, StepError
from assay.judge.judgement import JUDGEMENTS, Judgement
from assay.judge.tournament import outcomes, panel, read_judgements, write_judgements


@pytest.mark.parametrize(
    ("a_first", "b_first", "score"),
    [
        ("a", "a", 1),
        ("b", "b", -1),
        ("tie", "tie", 0),
        ("a", "b", 0),
        ("b", "a", 0),
        ("a", "tie", 0),
        ("tie", "b", 0),
        ("a", "none", 0),
        ("none", "b", 0),
        ("none", "none", None),
    ],
)
def test_only_agreement_is_a_win_and_only_silence_is_no_outcome(
    a_first: Preferred, b_first: Preferred, score: int | None
) -> None:
    (found,) = outcomes(both_orders("p", a_first, b_first))
    assert found.score == score
    assert found.unread == [a_first, b_first].count("none")


def test_an_order_that_was_never_judged_leaves_no_outcome() -> None:
    (found,) = outcomes([judgement("p", "a", True)])
    assert (found.score, found.orders) == (None, 1)


@given(tournaments(arms=3), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_neither_the_order_of_the_rows_nor_which_arm_is_called_a_matters(rows: list[Judgement], random: Random) -> None:
    other = [exchanged(row) if random.random() < 0.5 else row for row in rows]
    random.shuffle(other)
    assert outcomes(other) == outcomes(rows)


def test_a_judgement_that_is_there_twice_is_refused() -> None:
    rows = both_orders("p7", "a", "a")
    with pytest.raises(InputError, match="code against text on prompt p7, seed 0, with text shown first, is there tw"):
        outcomes([*rows, exchanged(rows[1])])


def test_an_arm_against_itself_is_refused() -> None:
    with pytest.raises(InputError, match="compared with itself"):
        outcomes([judgement("p", "a", True, a="code", b="code")])


def test_orders_of_different_answers_are_refused() -> None:
    first, second = both_orders("p", "a", "a")
    with pytest.raises(InputError, match="other lengths"):
        outcomes([first, replace(second, b_bytes=99)])


def test_a_panel_is_its_majority_and_a_judge_without_an_outcome_has_no_vote() -> None:
    rows = [
        *both_orders("most", "a", "a", judge="one"),
        *both_orders("most", "a", "a", judge="two"),
        *both_orders("most", "b", "b", judge="three"),
        *both_orders("even", "a", "a", judge="one"),
        *both_orders("even", "b", "b", judge="two"),
        *both_orders("even", "none", "none", judge="three"),
        *both_orders("silent", "none", "none", judge="one"),
        *both_orders("tie", "a", "a", judge="one"),
        *both_orders("tie", "a", "b", judge="two"),
    ]
    found = {one.prompt: one.score for one in panel(outcomes(rows))}
    assert found == {"most": 1, "even": 0, "silent": None, "tie": 1}


def test_a_file_holds_what_was_written_and_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    rows = [
        replace(row, margin=margin, words="Preferred: Answer (A) – «ja»")
        for prompt in ("b", "a", "ü")
        for row, margin in zip(both_orders(prompt, "a", "none", lengths=(3, 2**20)), (0.1, None), strict=True)
    ]
    write_judgements(tmp_path / "one.parquet", rows)
    write_judgements(tmp_path / "new" / "other.parquet", rows[::-1])
    assert sorted(map(repr, read_judgements(tmp_path / "one.parquet"))) == sorted(map(repr, rows))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "new" / "other.parquet").read_bytes()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["other.parquet"]


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_judgements(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("judge,prompt")
    with pytest.raises(InputError, match=r"text\.parquet: it cannot be read"):
        read_judgements(tmp_path / "text.parquet")
    table = pa.table({name: pa.array([], JUDGEMENTS.field(name).type) for name in JUDGEMENTS.names if name != "seed"})
    pq.write_table(table, tmp_path / "short.parquet")
    with pytest.raises(InputError, match=r"lack the column\(s\) seed"):
        read_judgements(tmp_path / "short.parquet")


def test_a_verdict_that_is_none_is_named(tmp_path: Path) -> None:
    rows = both_orders("p", "a", "a")
    write_judgements(tmp_path / "file.parquet", rows)
    table = pq.read_table(tmp_path / "file.parquet")
    place = table.column_names.index("preferred")
    pq.write_table(table.set_column(place, "preferred", pa.array(["a", "first"])), tmp_path / "file.parquet")
    with pytest.raises(InputError, match="'first' is no verdict; there is a, b, tie, none"):
        read_judgements(tmp_path / "file.parquet")


def test_a_disk_that_refuses_is_told_and_leaves_the_old_file(tmp_path: Path) -> None:
    write_judgements(tmp_path / "file.parquet", both_orders("p", "a", "a"))
    before = (tmp_path / "file.parquet").read_bytes()
    with pytest.raises((StepError, OSError)):
        write_judgements(tmp_path / "file.parquet" / "inside.parquet", [])
    assert (tmp_path / "file.parquet").read_bytes() == before
