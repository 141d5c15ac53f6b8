"""Win rates as they are shown: on the page, escaped and told apart from what carries no claim, and in a terminal."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from test_page import HOSTILE, Reader, read

from assay.errors import InputError
from assay.judge.answers import Answers
from assay.judge.summary import Judged, summarise
from assay.report.judge_section import _names, judge_section, write_judge_page
from assay.report.judge_table import judged_sentence, tell_judged
from simulated_tournament import simulated

DIRECTIONS = "\u202eesrever\u202c \u2067right\u2069"
PAIRS = (("code", "text"), ("code", "balanced"), ("balanced", "text"))


@pytest.fixture(scope="module")
def summary() -> dict[str, Any]:
    judged = simulated({"code": 1.0, "text": 0.0, "balanced": 0.8}, ["reading", "other", "leaning"], pairs=PAIRS)
    return summarise(replace(judged, accounts={"other": "300 questions, 2 without a reply"}), sequential=True)


def hostile() -> Judged:
    """Arms, judges, answers and words that try to get out of where they stand."""
    judged = simulated({"code": 0.4, "text": 0.0}, seeds=[0, 1])
    arms = {"code": "<b>code</b>\x1b[31m" + DIRECTIONS, "text": "[bold]text[/bold]</details>"}
    judge = 'judge"><script>alert(2)</script>'
    told = " ".join([*HOSTILE, "</div></details><h2>fake</h2>", DIRECTIONS, "a\x00b\x07", "''\"\"``"])
    answers = {
        new: Answers(
            name=new,
            of={key: told + text for key, text in judged.answers[old].of.items()},
        )
        for old, new in arms.items()
    }
    rows = [replace(row, judge=judge, a=arms[row.a], b=arms[row.b], words=told) for row in judged.judgements]
    return replace(
        judged,
        pairs=tuple((arms[a], arms[b]) for a, b in judged.pairs),
        judgements=rows,
        answers=answers,
        exams={judge: {**judged.exams["reading"], "judge": judge}},
        accounts={judge: "<script>alert(3)</script>\n</td>"},
    )


def parsed(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


def printed(summary: dict[str, Any], width: int) -> str:
    file = io.StringIO()
    tell_judged(summary, Console(file=file, width=width, force_terminal=True, color_system=None))
    return file.getvalue()


def test_the_section_begins_with_a_sentence_a_claim(summary: dict[str, Any]) -> None:
    reader = parsed(judge_section(summary))
    first = reader.text.partition("Whose answer does a judge prefer?")[0]
    assert first.startswith("Win rates code is preferred to text:")
    for a, b in PAIRS:
        assert re.search(f"{a} is preferred to {b}|{a} against {b}: cannot tell", first)


def test_every_pair_of_every_judge_is_drawn_and_in_the_table(summary: dict[str, Any]) -> None:
    html = judge_section(summary)
    reader = parsed(html)
    labels = [a["aria-label"] or "" for tag, a in reader.tags if tag == "svg" and "aria-label" in a]
    assert len(labels) == 4, "the panel and three judges"
    for label in labels:
        assert all(f"{a} against {b}: " in label for a, b in PAIRS)
    table = html.partition("every judge, whether it passed or not")[2].partition("</table>")[0]
    assert table.count('<th scope="row">') == 12 == len(summary["pairs"])
    for row in summary["pairs"]:
        assert f'<td class="number" data-value="{row["win_rate"]["rate"]}">' in table


def test_long_names_keep_their_ends_and_a_short_one_leaves_its_room() -> None:
    assert _names("balanced-text.cool0", "balanced-text.cool20", "62.7 %") == (
        "balanced-text.cool0 against balanced-text.cool20"
    )
    one, other = _names(f"{'balanced-' * 5}cool0", f"{'balanced-' * 5}cool20", "62.7 %").split(" against ")
    assert one.startswith("balanced-") and one.endswith("cool0") and other.endswith("cool20")
    assert len(one) == len(other) == 21 and one[10] == "…"
    assert _names("text", f"{'balanced-' * 3}cool20", "62.7 %").endswith(f"{'balanced-' * 3}cool20")
    failed = _names("balanced-text.cool0", "balanced-text.cool20", "judge failed the exam")
    assert failed == "balanc…t.cool0 against balanc….cool20"


def test_the_answer_has_the_decided_pairs_and_counts_the_others(summary: dict[str, Any]) -> None:
    decided = [claim for claim in summary["claim"] if claim["prefers"]]
    told = judged_sentence(summary)
    assert told.startswith(f"Win rates: of 3 judged pairs, {len(decided)} ") and "code is preferred to text: " in told
    assert all(claim["text"].partition(", ties half")[0] in told for claim in decided)
    left = 3 - len(decided)
    assert told.endswith(f"{left} cannot be told." if left else "none is left open.")
    open_ = {**summary, "claim": [{**claim, "prefers": None} for claim in summary["claim"]]}
    assert judged_sentence(open_) == "Win rates: nothing is decided; none of 3 judged pairs can be told."
    failed = summarise(simulated({"code": 5.0, "text": 0.0}, ["leaning"]))
    assert judged_sentence(failed) == "Win rates: no judge passed its exam, so 1 pair of arms cannot be told."


def test_an_answer_from_single_checkpoints_says_so(summary: dict[str, Any]) -> None:
    arms = {"code": 1.0, "text": 0.0}
    told = [judged_sentence(summarise(simulated(arms, seeds=range(seeds)))) for seeds in (1, 5)]
    assert ["not about another training" in one for one in told] == [True, False]


def test_what_a_failed_judge_found_is_grey_and_says_why(summary: dict[str, Any]) -> None:
    html = judge_section(summary)
    figure = re.search(r"<figure><figcaption>By <bdi>leaning verdict.*?</figure>", html, re.S)
    assert figure and "judge failed the exam" in figure.group()
    assert "var(--better" not in figure.group() and "var(--worse" not in figure.group()
    assert "var(--better" in html.partition("</figure>")[0]
    told = parsed(html).text
    for shortfall in next(judge for judge in summary["judges"] if not judge["passed"])["exam"]["shortfalls"]:
        assert shortfall in told


def test_where_no_judge_passed_the_section_says_so_before_any_number() -> None:
    found = summarise(simulated({"code": 5.0, "text": 0.0}, ["leaning"]))
    told = parsed(judge_section(found)).text
    assert told.startswith("Win rates code against text: cannot tell: no judge passed.")
    assert told.index("No judge passed the exam") < told.index("Wins")


def test_a_judge_that_was_not_asked_about_the_pairs_is_said_to_have_failed_and_no_more() -> None:
    judged = simulated({"code": 5.0, "text": 0.0}, ["leaning"])
    found = summarise(replace(judged, judgements=[]))
    html = judge_section(found)
    told = parsed(html).text
    assert "leaning verdict failed the exam, not asked about the pairs. It is below the bar:" in told
    assert "None was asked about the pairs, so there are no win rates." in told
    assert "<svg" not in html and "First arm against second" not in html
    words = " ".join(printed(found, 120).split())
    assert "leaning verdict failed the exam, not asked about the pairs: accuracy 0.500" in words
    assert "5 seeds" in words and "win rate of the first arm" not in words
    asked = parsed(judge_section(summarise(judged))).text
    assert "leaning verdict failed the exam. It is below the bar:" in asked and "not asked" not in asked


def test_nothing_written_by_models_or_named_by_users_becomes_markup(tmp_path: Path) -> None:
    found = summarise(hostile())
    (tmp_path / "judge.json").write_text(json.dumps(found))
    page = write_judge_page(tmp_path)
    reader = read(page)
    names = [tag for tag, _ in reader.tags]
    assert names.count("script") == 1 and names.count("h2") == 1 and "img" not in names and "b" not in names
    assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]
    assert names.count("details") == len(found["examples"]) > 8
    assert "<script>alert(2)</script>" in reader.text and "</div></details><h2>fake</h2>" in reader.text
    isolated = [attributes for tag, attributes in reader.tags if attributes.get("dir") == "auto"]
    assert len(isolated) >= 3 * len(found["examples"])


def test_the_page_loads_nothing_and_names_every_figure_and_table(summary: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "judge.json").write_text(json.dumps(summary))
    page = write_judge_page(tmp_path)
    text, reader = page.read_text(encoding="utf-8"), read(page)
    assert page.name == "report.html" and "http:" not in text and "https:" not in text
    names = [tag for tag, _ in reader.tags]
    assert names.count("table") == names.count("caption") and names.count("h1") == 1
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) and "judge" in ids
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)) <= set(ids)
    write_judge_page(tmp_path)
    assert page.read_text(encoding="utf-8") == text


def test_examples_show_both_answers_both_verdicts_and_the_words(summary: dict[str, Any]) -> None:
    html = judge_section(summary)
    folds = re.findall(r'<details class="pair">.*?</details>', html, re.S)
    assert len(folds) == len(summary["examples"]) == 12
    for fold, one in zip(folds, summary["examples"], strict=True):
        told = parsed(fold).text
        assert " ".join(one["answer_a"].split()) in told and " ".join(one["answer_b"].split()) in told
        for said in one["said"]:
            assert said["a_first"]["words"] in told
            assert one[said["b_first"]["preferred"]] in told


@pytest.mark.parametrize("written", [None, "{", "[]", '{"pairs": []}'])
def test_a_folder_that_was_not_judged_is_told_and_gets_no_page(written: str | None, tmp_path: Path) -> None:
    if written is not None:
        (tmp_path / "judge.json").write_text(written)
    with pytest.raises(InputError, match=re.escape("judge.json")):
        write_judge_page(tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_table_fits_a_terminal_and_cuts_nothing_off(summary: dict[str, Any], width: int) -> None:
    told = printed(summary, width)
    assert max(map(len, told.splitlines())) <= width
    assert "…" not in told
    words = " ".join(told.split())
    assert "reading passed the exam" in words and "leaning verdict failed the exam" in words
    assert words.count("judge failed") >= 3 and "code preferred" in words
    for claim in summary["claim"]:
        assert claim["text"] in words
    assert "win rate" in told and "at equal" in told, "a table, not sentences"


def test_a_terminal_too_narrow_for_the_table_gets_sentences(summary: dict[str, Any]) -> None:
    told = " ".join(printed(summary, 60).split())
    rate = summary["pairs"][0]["win_rate"]
    assert f"code against text by panel: {rate['wins']} wins, {rate['ties']} ties, {rate['losses']} losses" in told


def test_no_name_steers_the_terminal() -> None:
    told = printed(summarise(hostile()), 120)
    assert not [char for char in told if not char.isprintable() and char != "\n"]
    assert "[bold]text[/bold]" in told.replace("\n", "")
