"""What a tournament says, in one JSON-able account: ``judge.json``.

Made of records alone, so that it can be made again without asking anyone. Every judge's numbers are there, but a pair
has one claim: that of the judge that passed the exam, or of those that passed taken as a panel. Which judge speaks is
thus settled by the exams, before any win rate is seen, and no verdict can be had by choosing a judge afterwards. Where
none passed the claim is *cannot tell*. How answers and judgements came about is not known here beyond what they say.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.analyze.power import ALPHA
from assay.errors import InputError
from assay.judge.answers import Answers
from assay.judge.examples import RULE, choose_examples
from assay.judge.judgement import Judgement
from assay.judge.prompt_set import PromptSet
from assay.judge.tournament import (
    Outcome,
    Seeds,
    WinRate,
    agreement,
    length_controlled,
    outcomes,
    panel,
    quality,
    rank,
    watched,
    win_rates,
)

PANEL = "panel"
"""Name of the judges that passed, taken together."""
FAILED = "judge failed the exam"
NO_EXAM = "judge sat no exam"
OPEN = "cannot tell"
NO_JUDGE = "no judge passed"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A tournament that is over."""

    prompts: PromptSet
    pairs: tuple[tuple[str, str], ...]
    """Arms that were asked about together: Holm's correction is over these."""
    seeds_are: Seeds
    judgements: Sequence[Judgement]
    exams: Mapping[str, Mapping[str, Any]]
    """By judge, as `ExamResult.as_dict` has them; in the order in which the judges are shown."""
    answers: Mapping[str, Answers]
    """By arm."""
    accounts: Mapping[str, str] = field(default_factory=dict)
    """Of judges behind an endpoint: what asking them came to."""


def summarise(judged: Judged, sequential: bool = False) -> dict[str, Any]:
    """What ``judge.json`` holds; the order of the judgements does not matter.

    Args:
        judged: The records.
        sequential: Also say when judging prompt by prompt would have been decided.

    Raises:
        InputError: The judgements contradict each other (see `outcomes`).
    """
    found = outcomes(judged.judgements)
    by_judge: dict[str, list[Outcome]] = {}
    for one in found:
        by_judge.setdefault(one.judge, []).append(one)
    judges = list(dict.fromkeys([*judged.exams, *sorted(by_judge)]))
    passed = [name for name in judges if name in by_judge and _passed(judged, name)]
    speaker = passed[0] if passed else None
    if len(passed) > 1:
        if PANEL in judges:
            raise InputError(f"a judge cannot be called '{PANEL}': that is the name of those that passed together")
        speaker = PANEL
        by_judge[PANEL] = panel([one for one in found if one.judge in passed], PANEL)
    qualities = {one.judge: one.as_dict() for one in quality(judged.judgements)}
    speaking = [*([PANEL] if PANEL in by_judge else []), *(name for name in judges if name in by_judge)]
    pairs = [row for name in speaking for row in _pairs(judged, name, by_judge[name], sequential)]
    rows = {(row["a"], row["b"]): row for row in pairs if row["judge"] == speaker}
    common = [set(judged.answers[a].seeds) & set(judged.answers[b].seeds) for a, b in judged.pairs]
    arms = list(dict.fromkeys(arm for pair in judged.pairs for arm in pair))
    answers = [_answers(judged, arm) for arm in arms]
    decodings = [row["decoding"] for row in answers]
    summary = {
        "prompts": {
            "name": judged.prompts.name,
            "sha256": judged.prompts.sha256,
            "count": len(judged.prompts.prompts),
            "categories": dict(sorted(Counter(prompt.category for prompt in judged.prompts.prompts).items())),
        },
        "decoding": decodings[0] if decodings and all(one == decodings[0] for one in decodings) else None,
        "arms": arms,
        "answers": answers,
        "seeds_are": judged.seeds_are,
        "seeds": sorted({row.seed for row in judged.judgements} or set().union(*common)),
        "judges": [
            {
                "name": name,
                "passed": _passed(judged, name),
                "asked": name in by_judge,
                "exam": judged.exams.get(name),
                "quality": qualities.get(name),
                "account": judged.accounts.get(name),
            }
            for name in judges
        ],
        "speaker": speaker,
        "pairs": pairs,
        "rankings": [_ranking(judged, name, by_judge[name]) for name in speaking] if len(arms) > 2 else [],
        "agreement": agreement(found).as_dict() if len({one.judge for one in found}) > 1 else None,
        "claim": [_claim(judged, a, b, rows.get((a, b)), speaker) for a, b in judged.pairs],
        "examples_rule": RULE,
        "examples": choose_examples(
            judged.judgements, judged.pairs, judges, passed or judges, judged.prompts, judged.answers
        ),
    }
    plain: dict[str, Any] = json.loads(json.dumps(summary, allow_nan=False))
    return plain


def _passed(judged: Judged, judge: str) -> bool | None:
    """None: it sat no exam."""
    return bool(judged.exams[judge]["passed"]) if judge in judged.exams else None


def _pairs(judged: Judged, judge: str, found: Sequence[Outcome], sequential: bool) -> list[dict[str, Any]]:
    """The pairs that a judge has seen, each with its numbers and what they come to."""
    seen = {(one.a, one.b) for one in found}
    asked = [(a, b) for a, b in judged.pairs if (min(a, b), max(a, b)) in seen]
    identity = judged.prompts.sha256
    order = sorted((prompt.id for prompt in judged.prompts.prompts), key=lambda id: _drawn(identity, id))
    rows = []
    for rate in win_rates(found, asked, seeds_are=judged.seeds_are):
        its_own = [row for row in judged.judgements if row.judge == judge and {row.a, row.b} == {rate.a, rate.b}]
        row: dict[str, Any] = {
            "a": rate.a,
            "b": rate.b,
            "judge": judge,
            "win_rate": rate.as_dict(),
            "length_controlled": length_controlled(found, rate.a, rate.b, seeds_are=judged.seeds_are).as_dict(),
            "flip_rate": quality(its_own)[0].as_dict()["flip_rate"] if its_own else None,
            "watched": None,
        }
        if sequential:
            alpha = ALPHA / len(asked)
            row["watched"] = {**watched(found, rate.a, rate.b, order, alpha).as_dict(), "alpha": alpha}
        rows.append({**row, **_verdict(judged, rate, len(asked))})
    return rows


def _drawn(*names: str) -> str:
    return hashlib.sha256("\0".join(names).encode(errors="surrogatepass")).hexdigest()


def _verdict(judged: Judged, rate: WinRate, pairs: int) -> dict[str, Any]:
    """What a pair's numbers come to, which arm they prefer, and why."""
    passed = True if rate.judge == PANEL else _passed(judged, rate.judge)
    if not passed:
        told = NO_EXAM if passed is None else FAILED
        shortfalls = [] if passed is None else judged.exams[rate.judge]["shortfalls"]
        return {"verdict": told, "prefers": None, "why": "; ".join(shortfalls) or told}
    if rate.p_adjusted is None:
        few = "no answer has an outcome" if not rate.prompts else "one prompt shows nothing"
        return {"verdict": OPEN, "prefers": None, "why": few}
    over = f" after Holm's correction over {pairs} pairs" if pairs > 1 else ""
    p = "p < 0.001" if rate.p_adjusted < 0.001 else f"p = {rate.p_adjusted:.3f}"
    if rate.p_adjusted <= ALPHA and rate.win_minus_loss:
        first = rate.win_minus_loss > 0
        prefers = rate.a if first else rate.b
        return {"verdict": "a preferred" if first else "b preferred", "prefers": prefers, "why": p + over}
    return {"verdict": OPEN, "prefers": None, "why": f"{p}{over}; {_could_see(rate)}"}


def _could_see(rate: WinRate) -> str:
    if rate.detectable is None:
        return f"all outcomes on {rate.prompts} prompts are {'ties' if not rate.win_minus_loss else 'the same'}"
    if rate.detectable >= 1 - 1e-9:
        seeds = "" if rate.seeds == 1 else f" and {rate.seeds} seeds"
        return f"{rate.prompts} prompts{seeds} can find no difference, however large"
    return f"a win minus loss of {100 * rate.detectable:.0f} points or more would have been found (80 % power)"


def _claim(judged: Judged, a: str, b: str, row: Mapping[str, Any] | None, speaker: str | None) -> dict[str, Any]:
    """The one thing that is said of a pair, and in a sentence."""
    if row is None:
        why = NO_JUDGE if speaker is None else "its answers were not judged"
        told: dict[str, Any] = {"verdict": OPEN, "prefers": None, "why": why}
    else:
        told = {key: row[key] for key in ("verdict", "prefers", "why")}
    text = f"{a} against {b}: {OPEN}: {told['why']}."
    if row is not None and told["prefers"] is not None:
        rate = row["win_rate"]
        value, low, high = rate["rate"], rate["low"], rate["high"]
        if told["prefers"] == b:
            value, low, high = 1 - value, 1 - high, 1 - low
        seeds = "" if rate["seeds"] == 1 else f" and {rate['seeds']} seeds"
        text = (
            f"{told['prefers']} is preferred to {a if told['prefers'] == b else b}: win rate {100 * value:.1f} % "
            f"[{100 * low:.1f}, {100 * high:.1f}], ties half, over {rate['prompts']} prompts{seeds}; {told['why']}."
        )
        if rate["over"] != "prompts and seeds":
            text += " It speaks of these checkpoints on other prompts, not of another training."
    return {"a": a, "b": b, **told, "judge": speaker, "text": text}


def _ranking(judged: Judged, judge: str, found: Sequence[Outcome]) -> dict[str, Any]:
    try:
        return {**rank(found, seeds_are=judged.seeds_are).as_dict(), "why_not": None}
    except InputError as problem:
        return {"judge": judge, "strengths": [], "why_not": str(problem)}


def _answers(judged: Judged, arm: str) -> dict[str, Any]:
    """How an arm answered, as far as a reader of win rates must know."""
    answers = judged.answers[arm]
    sizes = [len(text.encode(errors="replace")) for text in answers.of.values()]
    return {
        "arm": arm,
        "answers": len(sizes),
        "empty": sizes.count(0),
        "mean_bytes": sum(sizes) / len(sizes) if sizes else None,
        "account": answers.account(judged.prompts),
        "decoding": answers.about.get("decoding"),
        "finish": answers.about.get("finish"),
    }
