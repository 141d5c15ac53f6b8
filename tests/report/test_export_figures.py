"""Figures and data for a paper: they stand alone, they are the page's, and the numbers are those of the results."""

import csv
import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_page import HOSTILE, write_run
from typer.testing import CliRunner

from assay.analyze.results import load_design
from assay.cli import app
from assay.errors import InputError
from assay.judge.summary import summarise
from assay.report.export_data import as_csv, write_data
from assay.report.export_figures import PageFigure, page_figures, pdf, print_colours, write_figures
from assay.report.markdown import markdown_summary
from assay.report.page import write_report
from assay.study.design import Design
from simulated_tournament import simulated
from tiny_study import TinyStudy

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs") / "quickstart"
    write_run(folder, small_design())
    (folder / "judge").mkdir()
    judged = simulated({"code": 1.0, "text": 0.0}, ["reading", "leaning"], pairs=(("code", "text"),))
    (folder / "judge" / "judge.json").write_text(json.dumps(summarise(judged)), encoding="utf-8")
    return write_report(folder)


@pytest.fixture(scope="module")
def figures(page: Path) -> dict[str, PageFigure]:
    return {figure.name: figure for figure in page_figures(page.read_text(encoding="utf-8"))}


@pytest.fixture(scope="module")
def data(page: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    written = write_data(page.parent, tmp_path_factory.mktemp("data"))
    return {path.stem: list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) for path in written}


def small_design() -> Design:
    """Four arms, six tasks and a family: quick to draw."""
    sys.path.append(str(Path(__file__).parents[1] / "analyze"))
    import planted

    full = planted.quickstart_design()
    names = {"heldout_text", "heldout_code", "triviaqa", "boolq", "piqa", "humaneval"}
    metrics = [
        metric.model_copy(update={"tasks": tuple(task for task in metric.tasks if task in names)})
        for metric in full.metrics
    ]
    return full.model_copy(
        update={
            "arms": ("text.decay", "balanced.decay", "balanced-text.decay", "code-text.decay"),
            "tasks": tuple(task for task in full.tasks if task.id in names),
            "metrics": tuple(metric for metric in metrics if metric.tasks),
            "contrasts": full.contrasts[:3],
            "families": {"initialisation": full.families["initialisation"]},
            "primary": full.contrasts[0].id,
        }
    )


def said(figure: PageFigure) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(figure.svg).iter(f"{SVG}text")]


def test_every_figure_of_the_page_becomes_a_file_of_its_own(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    wanted = re.findall(r'<figure(?: class="wide")?>.*?role="img"', text, re.DOTALL)
    written = [path for path in write_figures(text, tmp_path / "new" / "paper") if path.suffix == ".svg"]
    assert len(written) == len({path.name for path in written}) == len(wanted) > 9
    assert all(re.fullmatch(r"[a-z0-9-]+\.svg", path.name) for path in written)
    assert "initialisation-held-out-text-bits-per-byte.svg" in {path.name for path in written}
    first = {path: path.read_bytes() for path in written}
    write_figures(text, tmp_path / "new" / "paper")
    assert {path: path.read_bytes() for path in written} == first


def test_a_figure_needs_nothing_of_the_page(figures: dict[str, PageFigure]) -> None:
    for figure in figures.values():
        root = ElementTree.fromstring(figure.svg)
        assert root.tag == f"{SVG}svg" and "DejaVu Sans" in root.attrib["font-family"]
        assert "var(" not in figure.svg and "class=" not in figure.svg
        assert root.find(f"{SVG}title") is not None and root.find(f"{SVG}desc") is not None
        assert (root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")) == (figure.title, figure.description)
        assert figure.description and figure.title
        ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
        wanted = set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', figure.svg))
        assert wanted <= ids and set(root.attrib["aria-labelledby"].split()) <= ids
        assert float(root.attrib["width"].removesuffix("pt")) == figure.width
        assert re.findall(r"https?://[^\"]+", figure.svg) == [
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        ]


def test_colours_are_those_of_the_pages_light_scheme(figures: dict[str, PageFigure]) -> None:
    colours = print_colours()
    assert colours["--paper"] == "#ffffff" and len(colours) > 20
    drawn = figures["initialisation-code-bits-per-byte"].svg
    assert colours["--better"] in drawn and colours["--worse"] not in drawn
    assert not re.search(r": #0[0-9a]0[0-9a]", "".join(figure.svg for figure in figures.values()))


def test_the_legend_goes_with_the_figure_and_names_only_what_is_drawn(
    page: Path, figures: dict[str, PageFigure]
) -> None:
    code = said(figures["initialisation-code-bits-per-byte"])
    assert "the first arm is better" in code and "the first arm is worse" not in code
    shares = said(figures["initialisation-relative-change-reasoning-knowledge-code"])
    assert {"reasoning", "knowledge", "code"} <= {words.lower() for words in shares}
    curves = said(figures["learning-curves-training-loss-nats-per-token"])
    segments = json.loads((page.parent / "curves.json").read_text(encoding="utf-8"))["segments"]
    alone = {segment["arms"][0] for segment in segments if len(segment["arms"]) == 1}
    assert len(alone) == 4 and alone <= set(curves)
    assert not any("80 % power" in words for words in curves)
    for figure in figures.values():
        root = ElementTree.fromstring(figure.svg)
        heights = [float(element.attrib["y"]) for element in root.iter(f"{SVG}text") if "y" in element.attrib]
        assert heights and max(heights) <= figure.height


def test_a_win_rates_legend_is_its_own_and_says_of_each_sign_what_is_drawn(figures: dict[str, PageFigure]) -> None:
    told = {name: said(figure) for name, figure in figures.items() if name.startswith("win-rates")}
    assert len(told) == 2
    for words in told.values():
        assert not {"the first arm is better", "within the margin: too small to matter"} & set(words)
        assert "the first arm is worse" not in words and "the second arm is preferred" not in words
    reading = next(words for name, words in told.items() if name.endswith("by-reading"))
    assert "the first arm is preferred" in reading and "cannot tell" not in reading


def test_the_answer_and_the_summary_have_the_win_rates(page: Path) -> None:
    answer = page.read_text(encoding="utf-8").partition('<h2 id="answer">')[2].partition("<nav")[0]
    assert "1 is decided: code is preferred to text: win rate " in answer and 'href="#judge"' in answer
    summary = markdown_summary(page.parent)
    assert "\n- Win rates: of 1 judged pair, 1 is decided: code is preferred to text: win rate " in summary


def test_a_pdf_has_the_figures_size_font_and_title_and_the_same_bytes_each_time(
    figures: dict[str, PageFigure],
) -> None:
    pytest.importorskip("svglib", reason="the extra 'figures' is not installed")
    figure = figures["initialisation-code-bits-per-byte"]
    made = pdf(figure)
    assert made.startswith(b"%PDF") and made.rstrip().endswith(b"%%EOF")
    assert b"DejaVuSans" in made and b"DejaVuSans-Bold" in made, "the minus sign is in no font that PDF has of itself"
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", made)
    assert box and [float(end) for end in box.groups()] == pytest.approx([figure.width, figure.height], abs=0.01)
    assert pdf(figure) == made


def test_effects_and_arms_are_those_of_the_results(page: Path, data: dict[str, list[dict[str, str]]]) -> None:
    results = json.loads((page.parent / "results.json").read_text(encoding="utf-8"))
    for name, rows in (("effects", results["contrasts"]), ("arms", results["arms_table"])):
        assert len(data[name]) == len(rows) > 40
        for written, row in zip(data[name], rows, strict=True):
            for column, cell in written.items():
                assert cell == shown(row["p_adjusted" if column == "p_holm" else column]), column
    wanted = {"a", "b", "metric", "effect", "low", "high", "p", "p_holm", "mde", "verdict", "n_seeds", "n_items"}
    assert wanted | {"declared"} <= set(data["effects"][0])


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else "; ".join(value) if isinstance(value, list) else str(value)


def test_values_by_seed_are_the_means_over_the_records(page: Path, data: dict[str, list[dict[str, str]]]) -> None:
    items = pd.concat(pd.read_parquet(path) for path in sorted((page.parent / "items").glob("*.parquet")))
    design = load_design(page.parent)
    sums = items.groupby(["arm", "seed", "task"])[["gold_bits", "gold_bytes"]].sum()
    bits = sums["gold_bits"] / sums["gold_bytes"]
    right = (
        items[items["correct"].notna()].astype({"correct": float}).groupby(["arm", "seed", "task"])["correct"].mean()
    )
    values = {(row["arm"], int(row["seed"]), row["metric"]): float(row["value"]) for row in data["seeds"]}
    assert len(values) == len(design.arms) * len(design.seeds) * len(design.metrics)
    for metric in design.metrics:
        if metric.measure in {"bits_per_byte", "accuracy"}:
            of = bits if metric.measure == "bits_per_byte" else right
            for arm in design.arms:
                for seed in design.seeds:
                    expected = np.mean([of[arm, seed, task] for task in metric.tasks])
                    assert values[arm, seed, metric.id] == pytest.approx(expected, rel=1e-8)
    for row in data["arms"]:
        own = [values[row["arm"], seed, row["metric"]] for seed in design.seeds]
        assert np.mean(own) == pytest.approx(float(row["value"]), rel=1e-8)


def test_curves_and_win_rates_are_those_of_their_files(page: Path, data: dict[str, list[dict[str, str]]]) -> None:
    segments = json.loads((page.parent / "curves.json").read_text(encoding="utf-8"))["segments"]
    assert len(data["curves"]) == sum(len(segment["step"]) for segment in segments)
    assert sum(bool(row["heldout_code"]) for row in data["curves"]) == sum(len(one["heldout"]) for one in segments)
    assert [row["loss"] for row in data["curves"][:160]] == [repr(loss) for loss in segments[0]["loss"]]
    judged = json.loads((page.parent / "judge" / "judge.json").read_text(encoding="utf-8"))
    assert [(row["judge"], row["win_rate"]) for row in data["judge"]] == [
        (pair["judge"], shown(pair["win_rate"]["rate"])) for pair in judged["pairs"]
    ]
    assert {row["passed"] for row in data["judge"]} == {"true", "false"}


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_no_cell_of_text_begins_a_formula_and_none_is_lost(texts: list[str]) -> None:
    names = [f"c{place}" for place in range(len(texts))]
    _, cells = csv.reader(io.StringIO(as_csv(names, [dict(zip(names, texts, strict=True))]), newline=""))
    for cell, text in zip(cells, texts, strict=True):
        plain = text.replace("\r\n", "\n").replace("\r", "\n")
        assert cell in {plain, f"'{plain}"}
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_numbers_below_nought_stay_numbers() -> None:
    row = {"a": -0.5, "b": True, "c": None, "d": ["-x", "y"], "e": "=1+1", "f": -3}
    assert as_csv(list(row), [row]) == "a,b,c,d,e,f\n-0.5,true,,'-x; y,'=1+1,-3\n"


def test_names_that_are_markup_stay_text_in_figures_and_data(tmp_path: Path) -> None:
    write_run(tmp_path / "run", hostile_design())
    text = write_report(tmp_path / "run").read_text(encoding="utf-8")
    for figure in page_figures(text):
        tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(figure.svg).iter()}
        assert tags <= {
            "svg",
            "g",
            "path",
            "defs",
            "use",
            "clipPath",
            "rect",
            "circle",
            "text",
            "title",
            "desc",
            "tspan",
        }
        assert not re.search(r"<[^>]* on\w+=", figure.svg)
        assert re.fullmatch(r"[a-z0-9-]+", figure.name)
    words = [word for figure in page_figures(text) for word in said(figure)]
    assert any(HOSTILE[0] in word for word in words) and any("$\\frac{" in word for word in words)
    write_data(tmp_path / "run", tmp_path / "out")
    with (tmp_path / "out" / "effects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["a"] for row in rows} == {f"'=1+1.{HOSTILE[0]}"}


def hostile_design() -> Design:
    """Two arms, one contrast, and texts that would be formulas, tags and mathematics."""
    import planted

    plain = planted.quickstart_design(seeds=2)
    tasks = tuple(task for task in plain.tasks if task.id in {"heldout_text", "boolq"})
    arms = (f"=1+1.{HOSTILE[0]}", f"text.{HOSTILE[4]}")
    contrast = plain.contrasts[0].model_copy(
        update={"a": arms[0], "b": arms[1], "arms": arms, "id": f"{arms[0]} vs {arms[1]}", "confounds": HOSTILE}
    )
    metrics = tuple(
        metric.model_copy(update={"title": f"{HOSTILE[1]}, {metric.title}"})
        for metric in plain.metrics
        if set(metric.tasks) <= {task.id for task in tasks}
    )
    return plain.model_copy(
        update={
            "arms": arms, "tasks": tasks, "metrics": metrics, "contrasts": (contrast,), "primary": contrast.id,
            "question": HOSTILE[0], "families": {"initialisation": HOSTILE[2]}, "notes": HOSTILE,
        }
    )  # fmt: skip


def test_a_file_in_the_folders_place_is_told(page: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="wants a folder"):
        write_figures(page.read_text(encoding="utf-8"), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_without_the_extra_the_command_says_how_to_get_pdf(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.report.export_figures.has_pdf", lambda: False)
    done = CliRunner().invoke(app, ["report", str(page.parent), "--figures", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "assay[figures]" in done.stderr
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".csv"}


def test_a_finished_study_gives_figures_data_and_a_summary(ran: TinyStudy, tmp_path: Path) -> None:
    shutil.copytree(ran.folder / "out", tmp_path / "out")
    done = ran.assay("report", tmp_path / "out", "--figures", tmp_path / "paper", "--markdown", "-")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## Does code help?\n")
    names = {path.name for path in (tmp_path / "paper").iterdir()}
    assert {"effects.csv", "arms.csv", "seeds.csv", "curves.csv"} <= names
    assert sum(name.endswith(".svg") for name in names) >= 4
    values = pd.read_csv(tmp_path / "paper" / "seeds.csv")
    assert sorted(values["arm"].unique()) == ["half.decay", "half.none", "text.decay"]
