"""Pairs of answers to be read beside the numbers, chosen by a stated rule and not by anyone.

What is drawn depends on the prompts, arms and seeds alone, through a hash, so the same records show the same examples
and nobody can show the flattering ones. They are there to be read; how often each kind occurs is what the win rates
say. Long texts are cut.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from assay.judge.answers import Answers
from assay.judge.judgement import Judgement
from assay.judge.prompt_set import PromptSet

EXAMPLES = 12
LONGEST = 1200
"""Characters of a prompt or an answer that are shown."""
LONGEST_WORDS = 600
"""Characters of a judge's words that are shown."""
KINDS = ("win", "loss", "flip", "judges differ")
"""Of examples: the judges who count prefer the first arm's answer in both orders; the second's; one of them changes its
mind with the order; two judges prefer different answers, each in both orders."""
RULE = (
    f"At most {EXAMPLES}, drawn by a hash of prompt, arms and seed, in turn from clear wins of the first arm, clear "
    "wins of the second, answers on which a judge changes its mind with the order, and answers on which two judges "
    f"differ. Texts are cut at {LONGEST:,} characters. Judges that failed the exam decide what is a win only where no "
    "other judge is there."
)
Key = tuple[str, str, int, str]
"""First arm, second arm, seed, prompt."""


def choose_examples(
    rows: Sequence[Judgement],
    pairs: Sequence[tuple[str, str]],
    judges: Sequence[str],
    counting: Sequence[str],
    prompts: PromptSet,
    answers: Mapping[str, Answers],
) -> list[dict[str, Any]]:
    """The examples, by `RULE`.

    Args:
        rows: Judgements, in any order.
        pairs: The arms, in the order in which they are to be shown.
        judges: All of them, in the order in which they are to be shown.
        counting: Those who decide what is a win.
        prompts: What was asked.
        answers: By arm.
    """
    asked = {frozenset(pair): pair for pair in pairs}
    said: dict[Key, dict[str, dict[str, Judgement]]] = {}
    for row in rows:
        if pair := asked.get(frozenset((row.a, row.b))):
            order = "a_first" if row.a_first == (row.a == pair[0]) else "b_first"
            said.setdefault((*pair, row.seed, row.prompt), {}).setdefault(row.judge, {})[order] = row
    identity = prompts.sha256
    drawn: dict[str, list[Key]] = {kind: [] for kind in KINDS}
    for key in sorted(said, key=lambda key: _draw(identity, key)):
        if kind := _kind(key, said[key], counting):
            drawn[kind].append(key)
    turns = [
        (turn, place, key) for place, keys in enumerate(drawn.values()) for turn, key in enumerate(keys)
    ]  # one of each kind, then the next of each
    by_id = {prompt.id: prompt for prompt in prompts.prompts}
    shown = []
    for _, place, (a, b, seed, id) in sorted(turns)[:EXAMPLES]:
        each = said[a, b, seed, id]
        shown.append(
            {
                "kind": KINDS[place],
                "prompt": id,
                "text": _cut(by_id[id].text),
                "category": by_id[id].category,
                "a": a,
                "b": b,
                "seed": seed,
                "answer_a": _cut(answers[a].of[id, seed]),
                "answer_b": _cut(answers[b].of[id, seed]),
                "said": [
                    {"judge": judge, **{order: _told(each[judge].get(order), a) for order in ("a_first", "b_first")}}
                    for judge in judges
                    if judge in each
                ],
            }
        )
    return shown


def _kind(key: Key, each: Mapping[str, Mapping[str, Judgement]], counting: Sequence[str]) -> str | None:
    clear: dict[str, str] = {}
    flips = False
    for judge, orders in each.items():
        verdicts = [_preferred(row, key[0]) for row in orders.values()]
        if len(verdicts) == 2 and "none" not in verdicts:
            if verdicts[0] == verdicts[1]:
                clear[judge] = verdicts[0]
            elif judge in counting:
                flips = True
    if {"a", "b"} <= set(clear.values()):
        return "judges differ"
    if flips:
        return "flip"
    found = {clear[judge] for judge in counting if judge in clear}
    return {frozenset("a"): "win", frozenset("b"): "loss"}.get(frozenset(found))


def _preferred(row: Judgement, a: str) -> str:
    """The verdict with the arms in the order shown."""
    return row.preferred if row.a == a else {"a": "b", "b": "a"}.get(row.preferred, row.preferred)


def _told(row: Judgement | None, a: str) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"preferred": _preferred(row, a), "words": _cut(row.words, LONGEST_WORDS)}


def _draw(identity: str, key: Key) -> str:
    return hashlib.sha256("\0".join([identity, *map(str, key)]).encode(errors="surrogatepass")).hexdigest()


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} characters more)"
