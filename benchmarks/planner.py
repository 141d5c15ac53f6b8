"""The planner against brute force: 1,000 random studies, and the figure of the paper's own.

Brute force writes every arm down step by step and counts the different beginnings: that is the least number of steps
that any way of sharing has to train. ``planner_disagreements`` is the number of studies where the planner trains
another number.

    python benchmarks/planner.py
"""

import math
import random
from collections.abc import Iterator
from typing import Any

from assay.study.paths import Piece, segments_below, share_prefixes
from assay.study.plan import plan_study
from assay.study.resolve import MILLION, Arm, Study, resolve
from assay.study.source import Source
from assay.study.spec import StudySpec
from assay.study.trees import count_tokens, total_tokens
from assay.tokens.mixture import Mixture
from assay.train.schedule import learning_rates

STUDIES = 1000
SEQUENCE = 16
PEAK, FINAL, FLOOR, WARMUP = 4e-3, 1e-6, 0.1, 3
MIXES = {
    "text": {"text": 1},
    "half": {"text": 0.5, "code": 0.5},
    "third": {"text": 0.34, "code": 0.33, "math": 0.33},
    "little": {"text": 0.9, "code": 0.1},
}

Fact = tuple[object, ...]


def facts(arm: Arm, rows_per_step: int) -> Iterator[Fact]:
    """What each step of an arm depends on, beside the steps before it.

    The row of its stream that every row of the batch is, and in which draw of the last stage; the learning rate as a
    number, whether the moments are reset; the decay that it is part of, as the whole of its rates; and where the
    mixture stands: the shares in force, and the rows they have dealt out since the last time that nobody was owed
    anything. The last three are in a state's key, as what decides the steps to come. By rows and rates alone one in
    nine of these studies, of stages a few steps long, would share a step or two more: different shares deal the same
    first rows now and then, and a linear decay of two steps begins like a 1-sqrt one of four. No study could rely on
    that, a state would have as many names as there are shares that begin with its rows, and telling takes work for
    every row of an arm, of which the paper's have 49 million.

    Nothing here is the planner's: stages are as declared, never joined.
    """
    pieces = [
        Piece(stage.mix, stage.steps, stage.schedule, stage.steps, stage.moments, stage.join, stage.counter)
        for stage in arm.stages
    ]
    rates = learning_rates(pieces, PEAK, WARMUP, FINAL, FLOOR)
    unwarmed = learning_rates(pieces, PEAK, 0, FINAL, FLOOR)
    mixture = Mixture([(stage.mix, stage.steps) for stage in arm.stages], {}, rows_per_step)
    dealt, step = 0, 0
    before: object = None
    for stage in arm.stages:
        round_rows = MILLION // math.gcd(MILLION, *(share for _, share in stage.mix))
        if before != stage.mix or dealt % round_rows:
            dealt = 0  # a stage deals anew, even on the mix before it
        before = stage.mix
        decay = tuple(unwarmed[step : step + stage.steps])
        decay = decay if len(set(decay)) > 1 else ()
        for within in range(stage.steps):
            rows = tuple(mixture.draws(step, step + 1))
            reset = step > 0 and within == 0 and stage.moments == "reset"
            draw = arm.draw if stage is arm.stages[-1] else 0
            yield (stage.mix, dealt % round_rows, rows, rates[step], decay, reset, draw)
            dealt += rows_per_step
            step += 1


def fewest_steps(arms: tuple[Arm, ...], rows_per_step: int) -> int:
    """Number of different beginnings of these arms: one is a set of all facts up to a step."""
    beginnings: set[tuple[Fact, ...]] = set()
    for arm in arms:
        whole = tuple(facts(arm, rows_per_step))
        beginnings.update(whole[: step + 1] for step in range(len(whole)))
    return len(beginnings)


def random_study(chance: random.Random) -> Study:
    """A study whose arms are put together from few stages, so that many begin alike."""
    rows = chance.choice([1, 2, 3, 4, 10])
    stages = {f"s{number}": _random_stage(chance, rows) for number in range(chance.randint(2, 5))}
    arms: dict[str, Any] = {}
    for number in range(chance.randint(2, 8)):
        names: list[Any] = [chance.choice(list(stages)) for _ in range(chance.randint(1, 4))]
        if chance.random() < 0.3:
            names.append({**_random_stage(chance, rows), "mix": "same"})
        if arms and chance.random() < 0.4:
            arms[f"a{number}"] = {"from": chance.choice(list(arms)), "stages": names}
        else:
            arms[f"a{number}"] = names
    values = {
        "study": "random",
        "question": "does the planner find every equal step?",
        "train": {"sequence": SEQUENCE, "rows_per_step": rows},
        "mixes": MIXES,
        "stages": stages,
        "arms": arms,
        "evaluate": {"tasks": []},
    }
    ingredients = dict.fromkeys(("text", "code", "math"))
    return resolve(StudySpec.model_validate(values), Source(values), ingredients)


def disagreements(studies: int, seed: int) -> int:
    """How many of so many random studies the planner and brute force train a different number of steps for."""
    chance = random.Random(seed)
    found = 0
    for _ in range(studies):
        study = random_study(chance)
        rows = study.spec.train.rows_per_step
        planned = sum(segment.steps for segment in segments_below(share_prefixes(study.arms, rows)))
        found += planned != fewest_steps(study.arms, rows)
    return found


def _random_stage(chance: random.Random, rows: int) -> dict[str, Any]:
    return {
        "mix": chance.choice(list(MIXES)),
        "tokens": SEQUENCE * rows * chance.choice([1, 1, 2, 3, 4, 5, 10]),
        "schedule": chance.choice(["constant", "constant", "constant", "linear", "1-sqrt", "cosine"]),
        "join": chance.choice([None, None, "continue", "restart"]),
        "moments": chance.choice(["keep", "keep", "keep", "reset"]),
        "counter": chance.choice(["keep", "keep", "keep", "reset"]),
    }


def main() -> None:
    """Run and record."""
    from _record import record

    paper = plan_study("to-code-paper")
    counts = count_tokens(paper.study, paper.trees)
    total = total_tokens(counts)
    record(
        "planner",
        {
            "random_studies": STUDIES,
            "planner_disagreements": disagreements(STUDIES, seed=0),
            "trained_over_declared": total["trained"] / total["declared"],
            **{f"trained_over_declared_{size}": one["trained"] / one["declared"] for size, one in counts.items()},
        },
    )


if __name__ == "__main__":
    main()
