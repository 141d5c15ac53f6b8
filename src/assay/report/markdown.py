"""A summary of a finished study for a pull request, in GitHub's Markdown: under 60 lines.

It says what the page says first: the question, the sentences, what was declared, what it cost, what to be careful with,
and how to make it again. Where there is no room for every declared comparison, the primary one and what is decided come
first, and what is left out is counted. Texts out of the study are escaped: none is formatted, linked, or calls anybody.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.analyze.results import load_design
from assay.report.frame import read_part
from assay.report.judge_table import judged_sentence
from assay.report.missing import missing_records
from assay.report.numbers import count, duration, interval, percent, plain, signed
from assay.report.steadied import steadied_sentences
from assay.report.table import load_results
from assay.report.trend import end_to_end
from assay.study.design import Design

LINES = 58
"""At most, the last line's end included."""
SENTENCES = 8
CAVEATS = 8

_SPACES = re.compile(r"\s+")
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~$&#!{}^]|^[-+=:]|(?<=:)//|(?<=\bwww)\.")
_CALL = re.compile(r"(?<=[@#])(?=\w)|(?<=:)(?=[\w+-]+:)")
JOINER = "\N{WORD JOINER}"
"""Between what would else be a name that is called or an issue that is linked; it takes no room."""


def markdown_summary(folder: Path, clean: bool = False) -> str:
    """The summary of a run folder that was reported.

    Args:
        folder: Holds ``plan.json`` and ``results.json``; of ``timings.json`` and ``judge/judge.json`` what is there.
        clean: Of ``results.clean.json``, without the items that stand in the training documents.

    Returns:
        Markdown that ends with a line feed.

    Raises:
        InputError: The folder is no finished run.
    """
    design = load_design(folder)
    results = load_results(folder, "results.clean.json" if clean else "results.json")
    try:
        timings = json.loads((folder / "timings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        timings = {}
    judged = read_part(folder / "judge" / "judge.json")
    answer = _answer(results["summary"]) + ([f"- {escaped(judged_sentence(judged))}"] if judged else [])
    before = [*_head(design, results), "", *answer]
    missing = missing_records(design, results, read_part(folder / "plan.json"))
    after = [
        *["", "### Cost", "", _cost(design, timings)],
        *["", "### To be careful with", "", *_caveats(design, results, clean, missing)],
        *["", "### Make it again", "", *_again(results, clean)],
    ]
    table = _table(design, results, LINES - len(before) - len(after) - 7)
    return "\n".join([*before, *table, *after]) + "\n"


def escaped(text: str) -> str:
    """Prose that GitHub shows as it is, on one line: no markup, no HTML, no link, no mention, no table's end."""
    plain_text = _CALL.sub(JOINER, _SPACES.sub(" ", text).strip())
    return _SPECIAL.sub(lambda found: "".join(f"\\{letter}" for letter in found.group()), plain_text)


def code(name: str) -> str:
    """A name as code, in a table too; accents in it do not end it."""
    text = _SPACES.sub(" ", name).strip() or " "
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    room = " " if "`" in (text[0], text[-1]) else ""
    return f"{fence}{room}{text}{room}{fence}".replace("|", "\\|")


def _head(design: Design, results: Mapping[str, Any]) -> list[str]:
    seeds = f"{len(design.seeds)} seed{'' if len(design.seeds) == 1 else 's'}"
    declared = sum(row["declared"] for row in results["contrasts"])
    return [
        f"## {escaped(design.question)}",
        "",
        f"Study {code(design.study)}: {len(design.arms)} arms, {seeds}, "
        f"{escaped(', '.join(design.sizes))} parameters, {len(design.tasks)} tasks; {declared} declared comparisons.",
    ]


def _answer(summary: Mapping[str, Any]) -> list[str]:
    lines = []
    chance = [row for row in summary["above_chance"] if row["tested"]]
    if chance and not any(row["arms"] for row in chance):
        lines.append("- **No accuracy is above chance.** Read the bits per byte.")
    sentences = summary["sentences"]
    lines += [f"- {escaped(sentence['text'])}" for sentence in sentences[:SENTENCES]]
    if len(sentences) > SENTENCES:
        lines.append(f"- {len(sentences) - SENTENCES} more families of comparisons are on the page.")
    if summary["sizes"]:
        lines.append(f"- {escaped(summary['sizes'])}")
    if summary["primary"]:
        lines.append(f"- {escaped(summary['primary'])}")
    return lines


def _table(design: Design, results: Mapping[str, Any], room: int) -> list[str]:
    """The declared comparisons, as many as there is room for: primary, decided, the rest."""
    rows = end_to_end(design, (row for row in results["contrasts"] if row["declared"]))
    if not rows:
        return []
    first = [row for row in rows if row["id"] == design.primary]
    rest = [row for row in rows if row["id"] != design.primary]
    ordered = first + sorted(rest, key=lambda row: row["verdict"] == "cannot tell")
    units = {metric.id: metric.title for metric in design.metrics}
    lines = [
        *["", "### Declared comparisons", ""],
        "| first − second | metric | effect | 95 % interval | could have seen | verdict |",
        "|---|---|--:|--:|--:|---|",
    ]
    for row in ordered[:room]:
        size = f" at {escaped(row['size'])}" if len(design.sizes) > 1 else ""
        name = escaped(row["name"]) if row["kind"] != "pair" else f"{code(row['a'])} − {code(row['b'])}"
        cells = (
            name + size,
            escaped(units[row["metric"]]),
            signed(row["effect"]),
            interval(row["low"], row["high"]),
            plain(row["mde"]),
            _verdict(row),
        )
        lines.append(f"| {' | '.join(cells)} |")
    if left := Counter(_verdict(row).replace("*", "") for row in ordered[room:]):
        told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(left.items()))
        lines += ["", f"And {sum(left.values())} more: {told}."]
    return lines


def _verdict(row: Mapping[str, Any]) -> str:
    if row["favours"] is None:
        return str(row["verdict"])
    return f"**{row['verdict']}**: {'better' if row['favours'] == 'a' else 'worse'}"


def _cost(design: Design, timings: Mapping[str, Any]) -> str:
    trained, declared = design.tokens.get("trained"), design.tokens.get("declared")
    told = []
    if trained and declared:
        told.append(
            f"{count(trained)} tokens trained, where the arms one by one would take {count(declared)} "
            f"({percent(trained / declared, 0)})"
        )
    if total := timings.get("seconds", {}).get("total"):
        told.append(f"{duration(total)} by the clock")
    if machine := timings.get("machine"):
        told.append(f"on {escaped(str(machine))}")
    return f"{', '.join(told)}." if told else "It was not recorded."


def _caveats(design: Design, results: Mapping[str, Any], clean: bool, missing: Sequence[str]) -> list[str]:
    """What a reader may not overlook, the weightiest first."""
    told = [f"Records are missing: {escaped(words)}" for words in missing]
    told += [escaped(" ".join(steadied))] if (steadied := steadied_sentences(design, results)) else []
    if len(design.seeds) < 2:
        told.append("One seed has no spread: there is no interval, and nothing can be told.")
    undecided = len(results["summary"]["undecided"])
    if undecided:
        told.append(
            f"{undecided} declared comparisons cannot be told, which is not the same as no difference; "
            "*could have seen* is the smallest effect that a repeat would find four times in five."
        )
    confounded = len({row["id"] for row in results["contrasts"] if row["confounds"]})
    if confounded:
        told.append(f"The arms of {confounded} contrasts differ in more than what is compared; the page says in what.")
    if results["summary"]["note"]:
        told.append(escaped(results["summary"]["note"]))
    flagged = sum(pair[0] for pair in results["contaminated"].values())
    if clean:
        told.append("Items that stand in the training documents are left out of every number.")
    elif flagged:
        told.append(f"{flagged} items stand in the training documents in part; `assay report --clean` leaves them out.")
    elif not results["contaminated"]:
        told.append("The training documents were not compared with any benchmark.")
    told += [escaped(words) for words in (*design.shared, *design.notes)]
    more = len(told) - CAVEATS
    told = told if more <= 0 else [*told[:CAVEATS], f"The page has {more} more."]
    return [f"- {words}" for words in told] or ["- Nothing in particular."]


def _again(results: Mapping[str, Any], clean: bool) -> Sequence[str]:
    numerics = "; ".join(code(name) for name in results["numerics"])
    verb = f"assay report DIR{' --clean' if clean else ''}{' --steady' if results['steadied'] else ''}"
    return [
        f"`{verb} --markdown -` makes this text from the run folder's item records, without training; "
        f"`{verb} --figures OUT` figures and tables. Numerics: {numerics or 'not recorded'}."
    ]
