"""The summary for a pull request: short, true, and showing every name as it is."""

import json
import re
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_export_figures import hostile_design, small_design
from test_page import read, write_run

from assay.analyze.results import write_results
from assay.errors import InputError
from assay.report.markdown import JOINER, code, escaped, markdown_summary
from assay.report.numbers import interval, signed
from assay.report.page import write_report


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs") / "quickstart"
    write_run(folder)
    write_results(folder)
    return folder


def test_it_says_what_the_page_says_in_under_sixty_lines(run: Path) -> None:
    told = markdown_summary(run)
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert len(told.splitlines()) < 60 and told.endswith("\n")
    assert told.startswith("## Does code in pre-training help or hurt a small language model?\n")
    for sentence in results["summary"]["sentences"]:
        assert f"- {escaped(sentence['text'])}\n" in told
    assert "**No accuracy is above chance.**" in told
    assert "2.95 million tokens trained, where the arms one by one would take 7.86 million (38 %)" in told
    assert "9 of the study's 11 tasks" in told and "assay report DIR" in told


def test_the_table_has_the_primary_contrast_first_and_counts_what_it_leaves_out(run: Path) -> None:
    told = markdown_summary(run)
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    declared = [row for row in results["contrasts"] if row["declared"]]
    lines = [line for line in told.splitlines() if line.startswith("| `")]
    primary = [row for row in declared if row["id"] == results["primary"]]
    for line, row in zip(lines, primary, strict=False):
        assert line.startswith(f"| `{row['a']}` − `{row['b']}` |")
        assert f"| {signed(row['effect'])} | {interval(row['low'], row['high'])} |" in line
    is_open = [line.endswith("cannot tell |") for line in lines[len(primary) :]]
    assert is_open and is_open == sorted(is_open), "what is decided comes before what is not"
    left = re.search(r"^And (\d+) more: ", told, re.MULTILINE)
    assert left and int(left[1]) + len(lines) == len(declared)
    assert {line.count(" | ") for line in lines} == {5}


def test_hostile_names_are_shown_and_do_nothing(tmp_path: Path) -> None:
    write_run(tmp_path / "run", hostile_design())
    write_results(tmp_path / "run")
    told = markdown_summary(tmp_path / "run")
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", told)
    assert not re.search(r"(?<!\\)<", outside) and not re.search(r"(?<!\\)!?\[[^\]]*\]\(", outside)
    for line in told.splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) == 7


def test_nobody_is_called_nothing_is_linked_and_no_table_ends() -> None:
    assert escaped("@team see #12 and :tada:") == f"@{JOINER}team see \\#{JOINER}12 and :{JOINER}tada:"
    assert escaped("a|b *c* _d_ <e> [f](g) `h` ~~i~~ $j$ &amp;") == (
        r"a\|b \*c\* \_d\_ \<e\> \[f\](g) \`h\` \~\~i\~\~ \$j\$ \&amp;"
    )
    assert "://" not in escaped("https://example.org") and "www." not in escaped("www.example.org")
    assert escaped("- a\n\n# b") == r"\- a \# b"
    assert code("a|b") == r"`a\|b`" and code("a`b``c") == "```a`b``c```" and code("`x") == "`` `x ``"


@given(st.text())
def test_escaped_prose_loses_no_word(text: str) -> None:
    shown = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", escaped(text)).replace(JOINER, "")
    assert shown == re.sub(r"\s+", " ", text).strip().replace(JOINER, "")


def test_one_seed_and_no_timings_are_said(tmp_path: Path) -> None:
    import planted

    write_run(tmp_path / "run", planted.quickstart_design(seeds=1))
    (tmp_path / "run" / "timings.json").unlink()
    write_results(tmp_path / "run")
    told = markdown_summary(tmp_path / "run")
    assert "1 seed, 1M parameters" in told and "One seed has no spread" in told and "by the clock" not in told


def test_records_that_are_missing_are_said_on_page_and_in_summary(tmp_path: Path) -> None:
    write_run(tmp_path / "run", small_design())
    items = tmp_path / "run" / "items"
    (items / "code-text-decay.parquet").unlink()
    rows = pq.read_table(items / "balanced-decay.parquet")
    pq.write_table(rows.filter(pc.less(rows["seed"], 2)), items / "balanced-decay.parquet")
    told = read(write_report(tmp_path / "run")).text
    words = "1 of 4 arms has no records (code-text.decay); 1 of 4 arms lacks seeds (balanced.decay)."
    assert f"Records are missing. {words}" in told.partition("The answer")[0]
    assert f"\n- Records are missing: {words}\n" in markdown_summary(tmp_path / "run")


def test_a_folder_without_results_is_told(run: Path, tmp_path: Path) -> None:
    shutil.copy(run / "plan.json", tmp_path)
    with pytest.raises(InputError, match=r"results\.json"):
        markdown_summary(tmp_path)
