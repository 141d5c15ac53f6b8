"""Win rates for the terminal: how each judge did in its exam, the pairs, and what may be said of them.

The exam comes first, as it decides whether the numbers below it mean anything. A terminal too narrow for the table
gets a sentence a pair. Everything is read from the summary; nothing is computed here. Names come from files and
studies, and are printed without control characters.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from assay.report.numbers import NONE, percent, plain, probability, signed

MOST_TOLD = 6
"""Pairs named in the answer."""
COLOURS = {"a preferred": "green", "b preferred": "yellow", "cannot tell": ""}
"""Of rows; those of judges that did not pass are grey."""


def tell_judged(summary: Mapping[str, Any], console: Console) -> None:
    """Print what a tournament says.

    Args:
        summary: What ``judge.json`` holds.
        console: Where to.
    """
    prompts, seeds = summary["prompts"], summary["seeds"]
    _tell(
        f"Win rates of {len(summary['arms'])} arms on {prompts['count']} prompts of {prompts['name']}, "
        f"{_count(len(seeds), 'seed')}, both orders; ties count half.",
        console,
    )
    for judge in summary["judges"]:
        for line in exam_lines(judge):
            _tell(line, console)
    by_judge: dict[str, list[Mapping[str, Any]]] = {}
    for row in summary["pairs"]:
        by_judge.setdefault(row["judge"], []).append(row)
    for judge, rows in by_judge.items():
        table = _table(judge, rows)
        endless = console.options.update_width(1 << 16)
        if Measurement.get(console, endless, table).minimum <= console.width:
            console.print(table)
        else:
            for row in rows:
                _tell(_sentence(row), console)
        for row in rows:
            if row["watched"] and judge == summary["speaker"]:
                _tell(watched_words(row), console)
    for ranking in summary["rankings"]:
        if ranking["judge"] == summary["speaker"]:
            _tell(_ranking(ranking), console)
    if summary["agreement"]:
        _tell(_agreement(summary["agreement"]), console)
    for claim in summary["claim"]:
        _tell(claim["text"], console, "bold" if claim["prefers"] else "")


def judged_sentence(summary: Mapping[str, Any]) -> str:
    """What the judged pairs come to, as the study's answer has it: who is preferred, and how much is not decided."""
    claims, speaker = summary["claim"], summary["speaker"]
    if speaker is None:
        return f"Win rates: no judge passed its exam, so {_count(len(claims), 'pair')} of arms cannot be told."
    decided = [claim["text"].partition(", ties half")[0] for claim in claims if claim["prefers"]]
    asked = _count(len(claims), "judged pair")
    if not decided:
        return f"Win rates: nothing is decided; none of {asked} can be told."
    more = len(decided) - MOST_TOLD
    left = len(claims) - len(decided)
    told = decided[:MOST_TOLD] + ([f"{more} more"] if more > 0 else [])
    told.append(f"{left} cannot be told" if left else "none is left open")
    over = {row["win_rate"]["over"] for row in summary["pairs"] if row["judge"] == speaker and row["prefers"]}
    which = "" if over == {"prompts and seeds"} else " This is about these checkpoints, not about another training."
    return f"Win rates: of {asked}, {_is(len(decided))} decided: {'; '.join(told)}.{which}"


def exam_lines(judge: Mapping[str, Any]) -> Iterator[str]:
    """How a judge did, and what asking it came to, a sentence each."""
    exam = judge["exam"]
    if exam is None:
        yield f"{judge['name']} sat no exam: its win rates carry no claim."
    else:
        overall = exam["overall"]
        lean = "not known" if exam["length_lean"] is None else signed(exam["length_lean"])
        yield (
            f"{judge['name']} {standing(judge)}: accuracy {share(overall)} on {overall['cases']:,} cases, "
            f"position lean {signed(exam['position_lean'])}, flips {percent(exam['flip_rate'])}, length lean {lean}, "
            f"no verdict {percent(exam['unparsed'])}."
        )
        for shortfall in exam["shortfalls"]:
            yield f"  below the bar: {shortfall}"
    for line in (judge["account"] or "").splitlines():
        yield f"  {line}"


def standing(judge: Mapping[str, Any]) -> str:
    """How a judge did in its exam, and whether it was asked about the arms at all."""
    if judge["passed"]:
        return "passed the exam"
    return "failed the exam" if judge["asked"] else "failed the exam, not asked about the pairs"


def share(value: Mapping[str, Any]) -> str:
    """A share of an exam with its interval."""
    return f"{plain(value['value'])} [{plain(value['low'])}, {plain(value['high'])}]"


def printable(text: str) -> str:
    """Without control characters, which would steer a terminal and which XML cannot hold."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def verdict_words(row: Mapping[str, Any]) -> str:
    """A verdict as a reader needs it: which arm, by name."""
    return f"{row['prefers']} preferred" if row["prefers"] else str(row["verdict"])


def watched_words(row: Mapping[str, Any]) -> str:
    """What judging prompt by prompt would have said of a pair."""
    seen = row["watched"]
    after = f"decided after {seen['decided_after']} of {seen['prompts']} prompts, {seen['prefers']} preferred"
    return (
        f"{row['a']} against {row['b']} by {row['judge']}, watched prompt by prompt: "
        f"{after if seen['prefers'] else 'not decided'}; the win rate lies between "
        f"{percent(seen['low'])} and {percent(seen['high'])}, however often one looks."
    )


def _table(judge: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows of one judge; the columns of names and verdicts alone are broken."""
    title = Text(printable(f"By {judge}: win rate of the first arm, 95 % interval beneath"))
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("first arm\nagainst", overflow="fold", min_width=12)
    for name in ("wins/ties\n/losses", "win\nrate", "win −\nloss", "at equal\nlength", "flips", "p\nHolm"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold", min_width=12)
    for row in rows:
        rate, equal = row["win_rate"], row["length_controlled"]
        table.add_row(
            Text(printable(row["a"]) + "\n" + printable(row["b"])),
            f"{rate['wins']}/{rate['ties']}/{rate['losses']}",
            _over(rate),
            NONE if rate["win_minus_loss"] is None else signed(100 * rate["win_minus_loss"], 1),
            _over(equal),
            percent(row["flip_rate"]["value"], 0) if row["flip_rate"] else NONE,
            probability(rate["p_adjusted"]),
            Text(printable(verdict_words(row))),
            style=COLOURS.get(row["verdict"], "bright_black"),
        )
    return table


def _over(rate: Mapping[str, Any]) -> str:
    """A rate, and its interval beneath."""
    ends = "" if rate["low"] is None else f"\n{100 * rate['low']:.0f} to {100 * rate['high']:.0f}"
    return percent(rate["rate"]) + ends


def _sentence(row: Mapping[str, Any]) -> str:
    rate = row["win_rate"]
    ends = "" if rate["low"] is None else f" [{percent(rate['low'])}, {percent(rate['high'])}]"
    flips = f"{percent(row['flip_rate']['value'], 0)} flips, " if row["flip_rate"] else ""
    return (
        f"{row['a']} against {row['b']} by {row['judge']}: {rate['wins']} wins, {rate['ties']} ties, {rate['losses']} "
        f"losses, win rate {percent(rate['rate'])}{ends}, at equal length {percent(row['length_controlled']['rate'])}, "
        f"{flips}p {probability(rate['p_adjusted'])}: {verdict_words(row)}."
    )


def _ranking(ranking: Mapping[str, Any]) -> str:
    if ranking["why_not"]:
        return f"Strengths by {ranking['judge']}: none, as {ranking['why_not']}."
    told = [
        f"{one['arm']} {signed(one['strength'], 2)}"
        + ("" if one["low"] is None else f" [{signed(one['low'], 2)}, {signed(one['high'], 2)}]")
        for one in ranking["strengths"]
    ]
    return f"Strengths by {ranking['judge']} (Bradley–Terry, log-odds against the average): {', '.join(told)}."


def _agreement(found: Mapping[str, Any]) -> str:
    pairs = [
        f"{one['one']} and {one['other']} {percent(one['agreement'], 0)}, kappa {signed(one['kappa'], 2)}"
        for one in found["pairs"]
    ]
    fleiss = f"; Fleiss' kappa of all {signed(found['fleiss'], 2)}" if len(found["judges"]) > 2 else ""
    return f"The judges agree: {'; '.join(pairs)}{fleiss}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _is(number: int) -> str:
    return f"{number} {'is' if number == 1 else 'are'}"


def _tell(line: str, console: Console, style: str = "") -> None:
    console.print(Text(printable(line), style), soft_wrap=not console.is_terminal)
