"""What a judging will take and what it can show, said before anything is loaded or paid for.

Numbers of answers, judgements and calls are those of the whole; what is stored already is not made or asked again. The
tokens of calls are an upper bound: a token for every byte, and answers that are not there yet at their longest. The
smallest difference is for one training of each arm, as if further seeds taught nothing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.endpoint import Endpoint, Question
from assay.evaluate.decoding import Decoding
from assay.judge.answers import Answers
from assay.judge.exam import build_exam
from assay.judge.judgement import Pairing
from assay.judge.pairings import shown_prompts
from assay.judge.prompt_set import PromptSet
from assay.judge.wanted import EndpointWanted, LocalWanted
from assay.run.judged_arms import JudgedArm
from assay.run.judging import Wanted, common_seeds, judge_label, open_endpoint

if TYPE_CHECKING:
    from assay.judge.tournament import Seeds

TIES = 0.3
"""Share of ties that is expected: disagreeing orders are among them."""
BYTES_PER_TOKEN = 8
"""Of an answer that is not there yet: twice what English text has."""


def plan_judging(
    arms: Sequence[JudgedArm],
    pairs: Sequence[tuple[str, str]],
    wanted: Sequence[Wanted],
    prompts: PromptSet,
    decoding: Decoding,
    seeds_are: "Seeds",
    difference: float,
) -> dict[str, Any]:
    """What will be done; JSON-able.

    Args:
        arms: Those in a pair are counted.
        pairs: Of their names.
        wanted: The judges.
        prompts: What is answered.
        decoding: Of the answers to be made.
        seeds_are: What a seed is.
        difference: Win minus loss that is to be found, in units of 1.

    Raises:
        InputError: There are too few references for an exam, or no such format.
    """
    from assay.judge.tournament import prompts_needed, smallest_difference

    known = {arm.name: arm for arm in arms if any(arm.name in pair for pair in pairs)}
    exam = build_exam(shown_prompts(prompts, "chat"))
    count = len(prompts.prompts)
    compared = {(a, b): common_seeds(_by_seed(known[a]), _by_seed(known[b])) for a, b in pairs}
    judgements = sum(2 * count * len(seeds) for seeds in compared.values())
    most = {name: _most(arm.answers, decoding) for name, arm in known.items()}
    return {
        "arms": [
            {
                "name": arm.name,
                "given": arm.given,
                "seeds": list(arm.seeds),
                "answers": len(arm.answers.of) if arm.answers else count * len(arm.seeds),
                "are_there": arm.answers is not None,
                "account": arm.answers.account(prompts) if arm.answers else None,
            }
            for arm in known.values()
        ],
        "pairs": [{"a": a, "b": b, "seeds": seeds} for (a, b), seeds in compared.items()],
        "seeds_are": seeds_are,
        "prompts": {
            "name": prompts.name,
            "count": count,
            "categories": len({prompt.category for prompt in prompts.prompts}),
            "with_reference": sum(bool(prompt.reference) for prompt in prompts.prompts),
            "doubles": list(prompts.doubles),
        },
        "decoding": {"tokens": decoding.tokens, "temperature": decoding.temperature, "top_p": decoding.top_p},
        "answers_to_make": sum(count * len(arm.seeds) for arm in known.values() if arm.answers is None),
        "judgements": judgements,
        "exam": len(exam.pairings),
        "judges": [judge_costs(one, prompts, exam.pairings, compared, most) for one in wanted],
        "finds": {
            "ties": TIES,
            "pairs": len(pairs),
            "smallest_difference": smallest_difference(count, ties=TIES, pairs=len(pairs)) if count > 1 else None,
            "difference": difference,
            "prompts_needed": prompts_needed(difference, ties=TIES, pairs=len(pairs)),
        },
    }


def plan_lines(plan: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The plan for a person: what each line is about, and the line."""
    lines = [
        ("arm", arm["account"] or f"{arm['name']}: {arm['answers']:,} answers, {_under(arm['seeds'])}")
        for arm in plan["arms"]
    ]
    lines += [("pair", f"{pair['a']} against {pair['b']}, {_under(pair['seeds'])}") for pair in plan["pairs"]]
    prompts, decoding = plan["prompts"], plan["decoding"]
    told = f"{prompts['count']:,} of {prompts['name']}, {prompts['with_reference']:,} with a reference answer"
    if prompts["doubles"]:
        told += f"; {len(prompts['doubles'])} that repeat another are left out"
    lines.append(("prompts", told))
    if plan["answers_to_make"]:
        told = f"{plan['answers_to_make']:,} to make, of {decoding['tokens']} tokens at most, at temperature "
        lines.append(("answers", f"{told}{decoding['temperature']:g} and top-p {decoding['top_p']:g}"))
    told = f"{plan['judgements']:,} by each judge, both orders of every pair, and {plan['exam']:,} in its exam"
    lines.append(("judgements", told))
    lines += [("judge", judge_line(one)) for one in plan["judges"]]
    lines.append(("finds", _finds(plan["finds"])))
    return lines


def _finds(finds: Mapping[str, Any]) -> str:
    """What so many prompts can show."""
    least = finds["smallest_difference"]
    told = (
        "no win minus loss, however large, is found"
        if least is None
        else f"a win minus loss of {100 * least:.1f} points is found"
    )
    over = f", over {finds['pairs']} pairs" if finds["pairs"] > 1 else ""
    return (
        f"{told} in 8 of 10 cases with {100 * finds['ties']:g} % ties{over}; {100 * finds['difference']:g} points take "
        f"{finds['prompts_needed']:,} prompts. How far trainings differ is not reckoned with"
    )


def _by_seed(arm: JudgedArm) -> dict[int, None]:
    return dict.fromkeys(arm.seeds)


def _most(answers: Answers | None, decoding: Decoding) -> int:
    """Bytes of an arm's longest answer."""
    if answers is None:
        return decoding.tokens * BYTES_PER_TOKEN
    return max(len(text.encode(errors="replace")) for text in answers.of.values())


def judge_costs(
    wanted: Wanted,
    prompts: PromptSet,
    exam: Iterable[Pairing],
    compared: Mapping[tuple[str, str], Sequence[int]],
    most: Mapping[str, int],
) -> dict[str, Any]:
    """What asking a judge takes at most.

    Args:
        wanted: The judge; one on this machine costs nothing.
        prompts: What is answered.
        exam: Its pairings.
        compared: Seeds by pair of arms.
        most: Bytes of the longest answer by arm.
    """
    told: dict[str, Any] = {"judge": judge_label(wanted), "endpoint": None}
    if isinstance(wanted, LocalWanted):
        return told
    judge = open_endpoint(wanted, Path())
    questions = [judge.question(pairing) for pairing in exam]
    tokens = [(one.longest(), one.tokens) for one in questions]
    for (a, b), seeds in compared.items():
        for prompt in shown_prompts(prompts, "chat"):
            pairing = Pairing(prompt=prompt, first="x" * most[a], second="x" * most[b])
            question = judge.question(pairing)
            tokens += [(question.longest(), question.tokens)] * (2 * len(seeds))
    return told | {"endpoint": _calls(wanted, wanted.endpoint, tokens, questions)}


def _calls(
    wanted: EndpointWanted, endpoint: Endpoint, tokens: Sequence[tuple[int, int]], exam: Sequence[Question]
) -> dict[str, Any]:
    budget = wanted.budget
    return {
        "url": endpoint.url,
        "model": endpoint.model,
        "calls": len(tokens),
        "of_the_exam": len(exam),
        "tokens": sum(map(sum, tokens)),
        "dollars": math.fsum(endpoint.dollars(*one) for one in tokens),
        "cap_dollars": budget.dollars if budget else None,
        "cap_calls": budget.calls if budget else None,
    }


def judge_line(one: Mapping[str, Any]) -> str:
    """A judge and its costs, from `judge_costs`, in a line."""
    asked = one["endpoint"]
    if asked is None:
        return str(one["judge"])
    line = (
        f"{one['judge']} at {asked['url']}: {asked['calls']:,} calls, {asked['tokens']:,} tokens and "
        f"${asked['dollars']:,.2f} at most"
    )
    caps = []
    if asked["cap_dollars"] is not None:
        caps.append((f"${asked['cap_dollars']:g}", asked["cap_dollars"] < asked["dollars"]))
    if asked["cap_calls"] is not None:
        caps.append((f"{asked['cap_calls']:,} calls", asked["cap_calls"] < asked["calls"]))
    if caps:
        line += f"; the cap is {' and '.join(name for name, _ in caps)}"
        line += ", and may end it before all is asked" if any(less for _, less in caps) else ""
    return line


def _under(seeds: Sequence[int]) -> str:
    return f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"
