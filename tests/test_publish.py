"""What is put into the repository of a run gives the run's numbers again, and nothing else replaces what was there."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import publish
from assay.analyze.query import read_items
from assay.errors import InputError
from assay.report.page import write_report
from tiny_study import TinyStudy


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(publish, "RECORDS_FOLDER", tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_kept_run_gives_its_numbers_again_and_says_what_ran_its_programs(copied: TinyStudy, records: Path) -> None:
    out = copied.folder / "out"
    (out / "programs.json").write_text(json.dumps({"sums": {"told": "run in the tier namespaces", "tiers": ["x"]}}))
    figures = publish.keep(out, "tiny")
    kept = contents(records / "tiny")
    parts = {"plan.json", "ledger.json", "corpus.json", "timings.json", "programs.json"}
    assert set(kept) == {*parts, "curves.json", "items/1M.parquet"}
    assert json.loads(kept["curves.json"]) == json.loads((out / "curves.json").read_text()), "these are short"
    for name in parts:
        assert kept[name] == (out / name).read_bytes()
    assert figures["files"] == 3 * 2, "arms and seeds"
    assert figures["rows"] == read_items(out).num_rows == read_items(records / "tiny").num_rows
    assert pq.read_table(records / "tiny" / "items" / "1M.parquet")["logprob"].null_count == figures["rows"]
    page = write_report(records / "tiny").read_text(encoding="utf-8")
    assert "run in the tier namespaces" in page
    assert (records / "tiny" / "results.json").read_bytes() == (out / "results.json").read_bytes()


def test_of_a_long_curve_means_over_stretches_are_kept(
    copied: TinyStudy, records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = copied.folder / "out"
    monkeypatch.setattr(publish, "CURVE_POINTS", 3)
    publish.keep(out, "tiny")
    whole, short = (json.loads((at / "curves.json").read_text())["segments"] for at in (out, records / "tiny"))
    for before, after in zip(whole, short, strict=True):
        assert len(before["step"]) in {10, 12}
        assert after["step"] == ([4, 8, 10] if len(before["step"]) == 10 else [4, 8, 12])
        assert after["tokens"] == [before["tokens"][step - 1] for step in after["step"]]
        assert after["loss"][1] == pytest.approx(sum(before["loss"][4:8]) / 4, abs=1e-6)
        assert after["heldout"] == before["heldout"]


@pytest.mark.parametrize("why", ["of other results", "too large"])
def test_a_copy_that_is_refused_leaves_what_was_there(
    copied: TinyStudy, records: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    out = copied.folder / "out"
    publish.keep(out, "tiny")
    before = contents(records)
    (out / "timings.json").write_text("{}")
    if why == "too large":
        monkeypatch.setattr(publish, "MOST_MEGABYTES", 0)
    else:
        (out / "results.json").write_text("{}")
    with pytest.raises(InputError, match="at most 0" if why == "too large" else "are not those"):
        publish.keep(out, "tiny")
    assert contents(records) == before
    assert [path.name for path in records.iterdir()] == ["tiny"]
