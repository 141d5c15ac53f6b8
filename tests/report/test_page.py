"""The page: self-contained, escaped, complete, the same bytes each time."""

import io
import itertools
import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import publish
from assay.analyze import drill
from assay.analyze.results import load_design
from assay.errors import InputError
from assay.report import figures, ledger, numbers
from assay.report.gains import gains
from assay.report.markdown import markdown_summary
from assay.report.page import _curves, write_report
from assay.report.table import print_effects
from assay.study.design import Contrast, Design

VOID = {"meta", "link", "br", "hr", "img", "input", "path", "circle", "rect", "use"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><svg onload=alert(1)>",
    "{{ 7*7 }}",
    "$\\frac{",
    "javascript:alert(1)",
    "]]><!-- -->",
)


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(page: Path) -> Reader:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def write_run(folder: Path, design: Design | None = None) -> None:
    sys.path.append(str(Path(__file__).parents[1] / "analyze"))
    import planted

    planted.write_run(folder, design)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs") / "quickstart"
    write_run(folder)
    return write_report(folder)


def test_nothing_is_loaded_from_outside(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "http:" not in text and "https:" not in text and "@import" not in text
    reader = read(page)
    for tag, attributes in reader.tags:
        assert tag not in {"link", "img", "iframe", "object", "base", "image"}
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]


def test_the_browser_is_told_to_run_only_the_pages_own_script(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy and "default-src 'none'" in policy.group(1) and "script-src 'sha256-" in policy.group(1)
    assert text.count("<script>") == 1


def test_ids_are_there_once_and_references_meet_them(page: Path) -> None:
    reader = read(page)
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    text = page.read_text(encoding="utf-8")
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)) | set(re.findall(r'aria-labelledby="([^"]+)"', text))
    assert wanted <= set(ids)


def test_every_figure_and_table_says_what_it_is(page: Path) -> None:
    reader = read(page)
    drawings = [attributes for tag, attributes in reader.tags if tag == "svg"]
    assert len(drawings) > 25
    assert all(
        a.get("aria-hidden") == "true" or (a.get("role"), bool(a.get("aria-label"))) == ("img", True) for a in drawings
    )
    names = [tag for tag, _ in reader.tags]
    assert names.count("table") == names.count("caption") > 8
    assert names.count("h1") == 1
    levels = [int(tag[1]) for tag in names if re.fullmatch(r"h[1-6]", tag)]
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def test_the_page_says_what_the_results_say(page: Path) -> None:
    reader = read(page)
    results = json.loads((page.parent / "results.json").read_text(encoding="utf-8"))
    for sentence in results["summary"]["sentences"]:
        assert sentence["text"].partition(": ")[2] in reader.text
    assert "Under one token per parameter." in reader.text
    assert "No accuracy is above chance yet." in reader.text
    assert "9 of the study's 11 tasks" in reader.text
    assert "37 %" in reader.text or "38 %" in reader.text
    assert "21,300 tokens a second" in reader.text
    text = reader.text
    for row in results["contrasts"]:
        assert numbers.interval(row["low"], row["high"]) in text
    assert reader.text.count("text tokens seen: 360,448 against 720,896") == 7


def test_nothing_above_chance_is_said_before_anything_else(page: Path) -> None:
    text = read(page).text
    assert text.index("No accuracy is above chance yet.") < text.index("Under one token") < text.index("The answer")


def test_each_declared_number_leads_to_what_lies_beneath_it(page: Path) -> None:
    results = json.loads((page.parent / "results.json").read_text(encoding="utf-8"))
    reader = read(page)
    links = [attributes.get("href") or "" for tag, attributes in reader.tags if tag == "a"]
    declared = [row for row in results["contrasts"] if row["declared"]]
    assert len([link for link in links if link.startswith("#beneath-")]) == len(declared) == len(results["beneath"])
    text, html = reader.text, page.read_text(encoding="utf-8")
    for row in results["beneath"]:
        for item, _, _, _, change in row["items"][:3]:
            assert f"{item} " in text and f" {numbers.signed(change, 4)} " in text
            assert f'data-value="{change}">{numbers.signed(change, 4)}<' in html, "sorted as a number"
    for row in declared:
        assert numbers.interval(row["low_new_items"], row["high_new_items"]) in text


def test_items_that_changed_most_are_shown_by_their_texts_where_the_folder_has_them(page: Path, tmp_path: Path) -> None:
    without = read(page)
    assert "which this folder has not" in without.text and "come from the store of the run" in without.text
    assert "bdi" not in {tag for tag, _ in without.tags}
    shutil.copytree(page.parent, tmp_path / "run")
    results = json.loads((page.parent / "results.json").read_text(encoding="utf-8"))
    rows = [item for row in results["beneath"] for item in row["items"]]
    one = rows[0][0]
    text = "Who wrote <Emma> & co.? → Jane Austen"
    (tmp_path / "run" / "texts.json").write_text(json.dumps({one: text}), encoding="utf-8")
    reader = read(write_report(tmp_path / "run"))
    assert reader.text.count(f"{text} {one}") == [item for item, *_ in rows].count(one)
    assert "this folder has not" not in reader.text


def test_a_list_that_is_cut_short_for_the_pages_size_says_so(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(page).text
    assert "at most instead of 50" not in whole and "The 50 of " in whole
    shutil.copytree(page.parent, tmp_path / "run")
    monkeypatch.setattr(drill, "ITEMS_IN_ALL", 7 * len(drill.asked_of(load_design(tmp_path / "run"))) + 3)
    cut = read(write_report(tmp_path / "run")).text
    assert re.search(r"With \d+ comparisons each lists 7 at most instead of 50", cut)
    assert "The 7 of " in cut and "The 50 of " not in cut


def test_a_familys_figure_has_the_papers_values_as_ghosts(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    labels = re.findall(r'aria-label="(Relative changes in [^"]+)"', text)
    assert [label.partition(",")[0] for label in labels] == [
        f"Relative changes in {name}" for name in ("Initialisation", "Cooldown", "Recipes")
    ]
    assert re.search(r"balanced-text\.decay against text\.decay: reasoning [^,]+ \(the paper \+8\.2 %\)", labels[0])
    assert "of other models, on other data, and of accuracies" in text


def test_a_study_of_shares_at_three_sizes_shows_curves_trade_off_and_transfer(tmp_path: Path) -> None:
    sys.path.append(str(Path(__file__).parents[1] / "analyze"))
    import share_study

    share_study.write_shares(tmp_path / "run")
    written = write_report(tmp_path / "run")
    reader = read(written)
    results = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    for row in results["dose_response"]:
        assert row["best"]["words"] in reader.text
    for heading in ("How much is best?", "What one capability costs another", "Do small sizes foretell the large?"):
        assert heading in reader.text
    assert f"{len(results['foretold'])} differences at 15M: foretold and measured" in reader.text
    labels = [attributes.get("aria-label") or "" for tag, attributes in reader.tags if tag == "svg"]
    assert sum("over the share of code" in label for label in labels) == 6
    assert sum("Trade-off between Held-out text" in label for label in labels) == 3
    assert results["summary"]["sizes"].partition(": ")[2] in reader.text
    assert results["summary"]["sizes"].partition(": ")[2] in markdown_summary(tmp_path / "run")
    same = re.compile(
        r"Held-out \w+, bits per byte: (\d+) of 5 comparisons at 1M have the sign, (\d+) of 5 .* at 5M .* of 15M\."
    )
    told = [found for label in labels if (found := same.fullmatch(label))]
    signs = {
        (row["metric"], row["id"], row["size"]): row["effect"] > 0
        for row in results["contrasts"]
        if row["kind"] == "pair"
    }
    assert len(told) == 2 and sum(int(number) for found in told for number in found.groups()) == sum(
        sign == signs[metric, name, "15M"] for (metric, name, size), sign in signs.items() if size != "15M"
    )
    check_trends(tmp_path / "run", reader.text, results)
    assert write_report(tmp_path / "run").read_text(encoding="utf-8") == written.read_text(encoding="utf-8")


def check_trends(folder: Path, page: str, results: dict[str, Any]) -> None:
    """Everywhere a trend is the same number, that over the whole grid."""
    file = io.StringIO()
    print_effects(folder, Console(file=file, width=200, force_terminal=True, color_system=None))
    summary, terminal = markdown_summary(folder), file.getvalue()
    published = publish.table(folder)
    name = "trend over share of code, share-0 → share-100"
    rows = [row for row in results["contrasts"] if row["kind"] == "trend"]
    for row in rows:
        effect, (low, high) = numbers.signed(100 * row["effect"]), (100 * row["low"], 100 * row["high"])
        assert f"{effect} {numbers.interval(low, high)} {numbers.signed_percent(100 * row['relative'])}" in page
        assert effect.replace("−", "-") in terminal and f"{effect} [{numbers.signed(low)}, " in published
        assert f"| {name} at {row['size']} | Held-out {row['metric'][8:12]}, bits per byte | {effect} | " in summary
    assert len(rows) == 6 and name in page and name in terminal and f"| {name} |" in published
    assert "trend of share" not in page + summary + terminal + published


def test_an_interaction_has_the_same_name_everywhere(tmp_path: Path) -> None:
    sys.path.append(str(Path(__file__).parents[1] / "analyze"))
    import planted

    arms = ("balanced-text.cool20", "balanced-text.cool0", "text.cool20", "text.cool0")
    first, second = " − ".join(arms[:2]), " − ".join(arms[2:])
    one = Contrast(
        id="more", family="recipes", kind="interaction", factor="cooldown", arms=arms, weights=(1, -1, -1, 1), a=first,
        b=second, confounds=(),
    )  # fmt: skip
    design = planted.quickstart_design()
    planted.write_run(
        tmp_path / "run", design.model_copy(update={"contrasts": (design.contrasts[-1], one), "primary": None})
    )
    page = read(write_report(tmp_path / "run"))
    file = io.StringIO()
    print_effects(tmp_path / "run", Console(file=file, width=240, force_terminal=True, color_system=None))
    name = f"({first}) − ({second})"
    assert name in page.text and "whether what the first pair’s arms differ in helps more there" in page.text
    assert name in file.getvalue() and f"| {name} |" in publish.table(tmp_path / "run")
    assert f"| {name} | Code, bits per byte | " in markdown_summary(tmp_path / "run")


def test_a_mark_outside_the_figure_is_told_at_its_edge() -> None:
    mark = {"gain": 0.1, "low": 0.05, "high": 0.15, "verdict": "higher", "metric": "code", "printed": 11.0}
    drawn = ElementTree.fromstring(gains([{"id": "x", "a": "a", "b": "b", "marks": {"code": mark}}], "Family"))
    assert any("+1100 % →" in (element.text or "") for element in drawn.iter("text"))
    inside = ElementTree.fromstring(
        gains([{"id": "x", "a": "a", "b": "b", "marks": {"code": {**mark, "printed": 0.12}}}], "Family")
    )
    assert not any("→" in (element.text or "") for element in inside.iter("text"))


def test_the_same_folder_gives_the_same_bytes(page: Path) -> None:
    first = page.read_bytes()
    assert write_report(page.parent).read_bytes() == first
    assert list(page.parent.glob(".report*")) == []


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Names out of a study, a corpus and a machine, each a known way of breaking out of a page or a drawing."""
    sys.path.append(str(Path(__file__).parents[1] / "analyze"))
    import planted

    plain = planted.quickstart_design(seeds=2)
    names = dict(zip(plain.arms, itertools.cycle(HOSTILE), strict=False))
    names = {
        arm: f"{arm.partition('.')[0]}.{hostile}{position}" for position, (arm, hostile) in enumerate(names.items())
    }
    contrasts = tuple(
        contrast.model_copy(
            update={
                "a": names[contrast.a],
                "b": names[contrast.b],
                "arms": tuple(names[arm] for arm in contrast.arms),
                "id": f"{contrast.id} {HOSTILE[0]}",
                "factor": HOSTILE[1],
                "confounds": HOSTILE,
            }
        )
        for contrast in plain.contrasts
    )
    design = plain.model_copy(
        update={
            "study": HOSTILE[2],
            "question": HOSTILE[0],
            "arms": tuple(names.values()),
            "contrasts": contrasts,
            "tasks": tuple(task.model_copy(update={"title": HOSTILE[1]}) for task in plain.tasks),
            "metrics": tuple(
                m.model_copy(update={"title": f"{HOSTILE[0]}{HOSTILE[4]}, {m.title}"}) for m in plain.metrics
            ),
            "families": dict.fromkeys(plain.families, HOSTILE[1]),
            "open_choices": ({"choice": HOSTILE[0], "paper": HOSTILE[1], "here": HOSTILE[2]},),
            "notes": HOSTILE,
        }
    )
    write_run(tmp_path / "run", design)
    for path in (tmp_path / "run" / "items").glob("*.parquet"):
        items = pq.read_table(path)
        places = [f"{HOSTILE[int(name[-4:]) % len(HOSTILE)]}{name}" for name in items["item"].to_pylist()]
        pq.write_table(items.set_column(items.column_names.index("item"), "item", pa.array(places)), path)
    extra: dict[str, Any] = {"seconds": {HOSTILE[0]: 1.0}, "machine": HOSTILE[1]}
    (tmp_path / "run" / "timings.json").write_text(json.dumps(extra), encoding="utf-8")
    rows = json.loads((tmp_path / "run" / "ledger.json").read_text(encoding="utf-8"))
    for row in rows:
        row["language"] = HOSTILE[1]
    (tmp_path / "run" / "ledger.json").write_text(json.dumps(rows), encoding="utf-8")
    texts = {name: f"{HOSTILE[int(name[-3:]) % len(HOSTILE)]}</bdi></td>" for name in places}
    (tmp_path / "run" / "texts.json").write_text(json.dumps(texts), encoding="utf-8")

    written = write_report(tmp_path / "run")
    reader = read(written)
    assert [tag for tag, _ in reader.tags].count("script") == 1
    assert not {tag for tag, _ in reader.tags} & {"img", "iframe", "object"}
    assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]
    assert "{{ 7*7 }}" in reader.text and "<script>alert(1)</script>" in reader.text
    assert "$\\frac{" in reader.text
    assert all(f"{hostile}</bdi></td>" in reader.text for hostile in HOSTILE)
    assert len({text.split("-")[0] for text in re.findall(r"</bdi></td> (\S+)", reader.text)}) >= len(HOSTILE)


def test_a_young_run_without_curves_ledger_and_timings_has_a_page(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    for name in ("ledger.json", "curves.json", "timings.json"):
        (tmp_path / "run" / name).unlink()
    text = read(write_report(tmp_path / "run")).text
    assert "The answer" in text and "Learning curves" not in text


def test_one_seed_and_two_sizes_have_a_page(tmp_path: Path) -> None:
    sys.path.append(str(Path(__file__).parents[1] / "analyze"))
    import planted

    parameters = {"1M": {"body": 1_279_616, "embedding": 524_288}, "5M": {"body": 5_000_000, "embedding": 1_048_576}}
    design = planted.quickstart_design(seeds=1).model_copy(update={"sizes": ("1M", "5M"), "parameters": parameters})
    write_run(tmp_path / "run", design)
    text = read(write_report(tmp_path / "run")).text
    assert "Initialisation at 1M" in text and "Initialisation at 5M" in text
    assert "no seed has records" in text and "one seed has no spread" in text
    assert "Records are missing. At 5M 11 of 11 arms have no records (text.decay, text.cool20, " in text
    assert text.count("Records are missing.") == 1
    assert "No accuracy is above chance yet." in text
    assert load_design(tmp_path / "run") == design


def test_a_broken_file_is_told_in_one_message(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "run" / "curves.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"curves\.json"):
        write_report(tmp_path / "run")


def test_a_forest_panel_shows_each_effect_and_takes_the_pages_colours() -> None:
    row = {
        "id": "a vs b", "kind": "pair", "a": "a", "b": "b", "effect": -0.5, "low": -0.7, "high": -0.3, "mde": 0.2,
        "margin": 0.02, "verdict": "lower", "favours": "a",
    }  # fmt: skip
    drawn = figures.forest([row, {**row, "a": "c", "effect": None, "low": None, "high": None}], "loss", "bits", "lower")
    root = ElementTree.fromstring(drawn)
    words = [element.text for element in root.iter("text")]
    assert {"a", "c", "−0.500", "no records"} <= set(words)
    assert "var(--better" in drawn and "var(--worse" not in drawn
    assert "a minus b: −0.500, interval −0.700 to −0.300, lower" in root.attrib["aria-label"]
    assert not re.search(r"#0[0-9a]0[0-9a]", drawn)


def test_a_trunk_keeps_its_colour_and_an_ending_its_dash() -> None:
    segments = [
        {"arms": ["x.decay", "x.cool"]}, {"arms": ["x.decay"]}, {"arms": ["x.cool"]},
        {"arms": ["y.decay", "y.cool"]}, {"arms": ["y.decay"]},
    ]  # fmt: skip
    lines = figures.curve_lines(segments)
    assert lines["x.decay",].series == lines["x.cool",].series == lines["x.decay", "x.cool"].series
    assert lines["x.decay",].series != lines["y.decay",].series
    assert lines["x.decay",].dashes == lines["y.decay",].dashes != lines["x.cool",].dashes
    assert lines["x.decay", "x.cool"].dashes == ""


def test_more_arms_than_can_be_told_apart_have_a_figure_a_family() -> None:
    import planted

    names = [f"arm-{place}" for place in range(30)]
    pairs = [planted.pair("shares", "x", name, names[0]) for name in names[1:3]]
    pairs += [planted.pair("recipes", "x", name, names[0]) for name in names[3:29]]
    families = {"shares": "?", "recipes": "?"}
    design = planted.quickstart_design().model_copy(
        update={"arms": tuple(names), "contrasts": tuple(pairs), "families": families}
    )
    shared = [segment(names, 1), *(segment([name], 2) for name in names)]
    groups = _curves(design, shared, "1M")
    assert [group["title"] for group in groups] == ["Shares", "Recipes, 1 of 2", "Recipes, 2 of 2", "In no comparison"]
    drawn = [{line.name for line in group["lines"]} for group in groups]
    assert drawn[0] == {"arm-0", "arm-1", "arm-2", "arm-0 and arm-1 and arm-2 (shared)"}
    assert all("arm-0" in lines for lines in drawn[:3]) and drawn[3] == {"arm-29"}
    assert set(names) <= set().union(*drawn)
    for group in groups:
        looks = [(line.series, line.dashes) for line in group["lines"]]
        assert len(looks) == len(set(looks)), "no two look alike"
    (few,) = _curves(design, [segment([name], 1) for name in names[:3]], "1M")
    assert few["family"] == few["title"] == ""


def segment(arms: list[str], step: int) -> dict[str, Any]:
    return {"arms": arms, "size": "1M", "seed": 0, "path": "x", "tokens": [step], "loss": [3.0], "heldout": []}


def test_two_shared_stretches_of_one_trunk_are_told_apart() -> None:
    lines = figures.curve_lines([segment(["x.a", "x.b"], 1), segment(["x.c", "x.d"], 1), segment(["x.a"], 2)])
    assert [line.name for line in lines.values()] == ["x.a and x.b (shared)", "x.c and x.d (shared)", "x.a"]
    assert len({(line.series, line.dashes) for line in lines.values()}) == 3


def test_ledger_rows_add_up_over_languages_and_stages_of_one_name() -> None:
    base = {"arm": "x", "size": "1M", "stage": "balanced", "kind": "code", "ingredient": "code", "cut_tokens": 0}
    prose = {**base, "kind": "text", "ingredient": "text", "language": "English", "declared_share": 0.6, "epochs": 0.1}
    rows = [
        {**base, "seed": 0, "language": "C", "declared_share": 0.4, "seen_share": 0.1, "tokens": 100, "epochs": 0.2},
        {**base, "seed": 0, "language": "Go", "declared_share": 0.4, "seen_share": 0.29, "tokens": 290, "epochs": 0.2},
        {**base, "seed": 1, "language": "C", "declared_share": 0.4, "seen_share": 0.41, "tokens": 410, "epochs": 0.3},
        {**prose, "seed": 0, "seen_share": 0.61, "tokens": 610},
        {**prose, "seed": 1, "seen_share": 0.59, "tokens": 590},
    ]
    stage, text = ledger.stage_shares([*rows, *rows])
    assert stage["seen"] == pytest.approx(0.4) and stage["deviation"] == pytest.approx(0.01)
    assert (stage["tokens"], stage["epochs"], stage["languages"]) == (800, 0.3, "C, Go")
    kinds, (total,) = ledger.arm_totals([stage, text])
    assert (kinds, total["tokens"], total["epochs"]) == (["code", "text"], 2000, 0.3)
    assert total["shares"] == pytest.approx([0.4, 0.6])


def test_numbers_read_well() -> None:
    assert numbers.signed(-0.12345) == "−0.123" and numbers.signed(-0.00001) == "0.000"
    assert numbers.signed(None) == "–" and numbers.interval(-1.0, 0.5) == "[−1.000, +0.500]"
    assert numbers.probability(0.0004) == "< 0.001" and numbers.signed_percent(0.082) == "+8.2 %"
    assert numbers.count(7_864_320) == "7.86 million" and numbers.duration(561) == "9.3 min"
