"""The log followed as it grows comes to what `assay status` makes of the whole, wherever the looks fall."""

import json
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from assay.report.status import print_status
from assay.run.store import Store
from assay.serve.following import POINTS, Following, thinned
from tiny_study import TinyStudy

pytest.importorskip("starlette", reason="the extra serve is not installed")


@pytest.fixture(scope="module")
def log(ran: TinyStudy) -> bytes:
    return (ran.folder / "out" / "log.jsonl").read_bytes()


def no_store() -> Store:
    raise OSError


@given(cuts=st.lists(st.floats(0, 1), max_size=12))
@settings(max_examples=25, deadline=None)
def test_looks_at_any_moment_come_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, log: bytes, cuts: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("looks")
    growing = Following(folder, no_store)
    for cut in sorted(cuts):
        (folder / "log.jsonl").write_bytes(log[: int(cut * len(log))])
        growing.picture()
    (folder / "log.jsonl").write_bytes(log)
    told, whole = growing.picture(), Following(folder, no_store).picture()
    assert told == whole
    assert told["trained_in_all"] > 0


def test_it_says_what_status_says(tmp_path: Path, log: bytes) -> None:
    lines = log.splitlines(keepends=True)
    begun = next(place for place, line in enumerate(lines) if b'"begin"' in line and b'"state"' in line)
    (tmp_path / "log.jsonl").write_bytes(b"".join(lines[: begun + 1]))
    console = Console(file=StringIO(), width=400)
    print_status(tmp_path, console)
    assert isinstance(console.file, StringIO)
    shown, told = console.file.getvalue(), Following(tmp_path, no_store).picture()
    assert told["told"].startswith("Stopped")
    for plane in told["planes"]:
        assert plane["words"] in shown
    assert told["head"] in shown


def test_a_step_under_way_has_its_loss_as_a_number(tmp_path: Path, log: bytes) -> None:
    events = [json.loads(line) for line in log.splitlines()]
    begun = next(place for place, one in enumerate(events) if one["event"] == "begin" and one["kind"] == "state")
    events[0]["host"] = "elsewhere"
    told = {**events[begun], "event": "progress", "done": 64, "new": 64, "far": 64, "loss": 4.18061, "rate": 1.0}
    lines = [json.dumps(one) + "\n" for one in (*events[: begun + 1], told)]
    (tmp_path / "log.jsonl").write_text("".join(lines))
    assert "4.181" in [one["loss"] for one in Following(tmp_path, no_store).picture()["under_way"]]


def test_a_new_run_into_the_folder_is_another_and_starts_from_nothing(tmp_path: Path, log: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(log)
    following = Following(tmp_path, no_store)
    before = following.picture()
    start = {**json.loads(log.splitlines()[0]), "time": 4e9}
    with path.open("a") as file:
        file.write('{"event": "cut of\n' + json.dumps(start) + "\n")
    after = following.picture()
    assert after["run"] != before["run"]
    assert (after["trained_in_all"], after["planes"]) == (0, [])


def test_what_the_page_knows_is_not_told_again(tmp_path: Path, log: bytes) -> None:
    (tmp_path / "log.jsonl").write_bytes(log)
    following = Following(tmp_path, no_store)
    titles = [one["title"] for one in following.picture()["trained"]]
    assert len(titles) > 2
    assert [one["title"] for one in following.picture(2)["trained"]] == titles[2:]
    assert following.picture(len(titles))["trained"] == []
    assert following.picture(10**6)["trained"] == []


@given(st.integers(0, 1000))
def test_a_thinned_curve_keeps_its_ends_and_its_order(length: int) -> None:
    points = [(float(place), place / 7) for place in range(length)]
    kept = thinned(points)
    assert len(kept) == min(length, POINTS)
    assert [x for x, _ in kept] == sorted({x for x, _ in kept})
    if points:
        assert (kept[0][0], kept[-1][0]) == (points[0][0], points[-1][0])
