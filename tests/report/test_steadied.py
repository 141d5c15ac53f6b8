"""`assay report --steady`: intervals that rest on a table of noise too, said so wherever they stand, and undone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from test_page import write_run
from typer.testing import CliRunner

from assay.analyze.claims.asked import ask
from assay.analyze.claims.claim import load_claims
from assay.analyze.measured import read_shipped
from assay.analyze.results import load_design
from assay.analyze.steady import HOLDS, shipped_for
from assay.cli import app
from assay.errors import InputError
from assay.report.markdown import markdown_summary
from assay.report.numbers import percent
from assay.report.page import write_report
from assay.report.steadied import steadied_sentences

FILES = ("results.json", "report.html")


def results_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs") / "plain"
    write_run(folder)
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    plan["design"]["metrics"] = [metric for metric in plan["design"]["metrics"] if metric["declared"]]
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def steadied(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs") / "steadied"
    shutil.copytree(plain, folder)
    done = CliRunner().invoke(app, ["report", str(folder), "--steady"])
    assert done.exit_code == 0 and "variances steadied by a table of noise" in done.output
    return folder


def test_each_interval_is_smyths_on_the_metrics_that_pass_and_untouched_on_the_others(
    plain: Path, steadied: Path
) -> None:
    before, after = results_of(plain), results_of(steadied)
    lent = {row["metric"]: row for row in after["steadied"]["metrics"]}
    assert {row["df"] is None for row in lent.values()} == {True, False}, "some pass and some are refused"
    table, metrics = shipped_for(steadied), {metric.id: metric for metric in load_design(plain).metrics}
    for own, row in zip(before["contrasts"], after["contrasts"], strict=True):
        d0 = lent[row["metric"]]["df"]
        assert row["effect"] == own["effect"]
        if d0 is None:
            assert all(row[key] == own[key] for key in ("se", "df", "low", "high", "p"))
            continue
        assert lent[row["metric"]]["null_rate"] <= HOLDS
        metric = metrics[row["metric"]]
        prior = table.prior("1M", (1.0, -1.0), metric.tasks, metric.measure)
        assert prior is not None and d0 == pytest.approx(prior.df)
        variance = (d0 * prior.variance + 2 * 3 * own["se"] ** 2) / (d0 + 2)
        assert row["df"] == pytest.approx(d0 + 2) and row["se"] == pytest.approx((variance / 3) ** 0.5)
        assert row["high"] - row["effect"] == pytest.approx(stats.t.ppf(0.975, d0 + 2) * row["se"])


def test_where_a_metrics_spread_is_the_tables_intervals_get_shorter_on_the_whole(plain: Path, steadied: Path) -> None:
    widths: dict[bool, float] = {}
    lent = {row["metric"] for row in results_of(steadied)["steadied"]["metrics"] if row["df"]}
    for folder, after in ((plain, False), (steadied, True)):
        rows = [row for row in results_of(folder)["contrasts"] if row["metric"] in lent]
        widths[after] = sum(row["high"] - row["low"] for row in rows)
    assert widths[True] < widths[False]


def test_page_summary_and_results_say_on_what_by_what_and_who_vouches(steadied: Path) -> None:
    told = results_of(steadied)["steadied"]
    (table,) = read_shipped()
    assert told["tables"][0]["numerics"] == table.numerics and told["tables"][0]["date"] == table.date
    (row,) = [one for one in told["metrics"] if one["metric"] == "reasoning/accuracy"]
    page = (steadied / "report.html").read_text(encoding="utf-8")
    for text in (page, markdown_summary(steadied)):
        plain_text = text.replace("\\", "").replace("&#39;", "'")
        assert "Variances are steadied, as --steady asked: on " in plain_text
        assert f"Reasoning, accuracy ({row['df']:.1f})" in plain_text
        for fact in (table.corpus, table.tokenizer, str(table.date), table.numerics[0], "16 seeds of 6 arms"):
            assert fact in plain_text
        assert "whoever asked for --steady vouches for it" in plain_text
        assert "assay report DIR --steady" in plain_text
    assert "% of the table&#39;s true nulls are rejected" in page, "why a metric is not steadied"
    assert f'data-value="{row["null_rate"]}">{percent(row["null_rate"])}<' in page, "sorted as a number"


def test_without_the_flag_the_very_same_bytes_come_back_and_say_nothing_of_it(
    plain: Path, steadied: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(steadied, folder)
    assert all((folder / name).read_bytes() != (plain / name).read_bytes() for name in FILES)
    write_report(folder)
    assert all((folder / name).read_bytes() == (plain / name).read_bytes() for name in FILES)
    assert results_of(folder)["steadied"] is False
    assert "teadied" not in (folder / "report.html").read_text(encoding="utf-8") + markdown_summary(folder)


def test_claims_are_asked_with_the_same_table(plain: Path, steadied: Path) -> None:
    claims = load_claims()[0]
    pairs = [
        (own, row)
        for own, row in zip(ask(plain, claims), ask(steadied, claims), strict=True)
        if str(row.get("metric", "")).startswith("knowledge/") and row["low"] is not None
    ]
    assert pairs and all(own["low"] != row["low"] for own, row in pairs)


def test_without_a_table_of_its_size_or_tasks_it_is_refused_and_nothing_is_written(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(plain, folder)
    before = {name: (folder / name).read_bytes() for name in FILES}
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    for change, words in (({"sizes": ["70M"]}, "no table of noise is of this study's size, 70M"), ({}, "none of this")):
        changed = {**plan, "design": {**plan["design"], **change}}
        if not change:
            changed["design"]["tasks"] = [{**task, "version": 99} for task in plan["design"]["tasks"]]
        (folder / "plan.json").write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(InputError, match=words) as refused:
            write_report(folder, steady=True)
        assert refused.value.exit_code == 2 and "Without --steady" in str(refused.value)
        assert {name: (folder / name).read_bytes() for name in FILES} == before


def test_arms_far_longer_than_the_tables_are_told(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(plain, folder)
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    for arm in plan["arms"]:
        arm["stages"][0]["tokens"] = 6_000_000
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    design = load_design(folder)
    results = {"steadied": shipped_for(folder).told(design.sizes, design.metrics), "numerics": ["any"]}
    assert "times the table's: how noise changes so far is not known" in steadied_sentences(design, results)[-1]
