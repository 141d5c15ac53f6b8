"""Tournaments with a known answer: how often win rates, strengths and stopping are wrong, by simulation.

Two arms' answers differ in quality by prompt, by seed and by both; a judge with a position lean and noise sees each
pair in both orders, and now and then cannot be read. A/A: arms alike in law, so that every claim is false. The records'
own arithmetic is used from the two verdicts on. `python benchmarks/_judge_simulations.py` prints all figures in about
a minute of processor time; the tests run small versions of the same functions.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from assay.analyze.records import Floats
from assay.judge.tournament.crossed import Seeds
from assay.judge.tournament.length_control import regressed
from assay.judge.tournament.outcome import UNREAD, agreed
from assay.judge.tournament.sequential import ConfidenceSequence
from assay.judge.tournament.win_rate import of_scores

PROMPTS = 60
WRONG = 0.05


@dataclass(frozen=True)
class World:
    """What there is to be judged, and by whom; qualities in the judge's logits."""

    seeds: int = 1
    difference: float = 0.0
    """Of the arms' quality."""
    prompt: float = 1.5
    """Standard deviation over prompts of what one arm is better by …"""
    seed: float = 0.0
    """… over seeds …"""
    both: float = 1.0
    """… and over what one seed answers to one prompt."""
    lean: float = 0.0
    """Of the judge to the answer shown first."""
    unread: float = 0.03
    """Share of verdicts that cannot be read."""
    length: float = 0.0
    """What the judge gives for one standard deviation of length."""
    longer: float = 0.0
    """Standard deviations by which the first arm's answers are the longer."""


A_A: dict[str, World] = {
    f"{seeds} seed{'s' * (seeds > 1)}, {name}": replace(world, seeds=seeds)
    for seeds in (1, 2, 3)
    for name, world in {
        "no lean": World(),
        "lean": World(lean=1.5),
        "strong lean": World(lean=4.0),
        "noise alone": World(prompt=0.0, both=0.0, lean=0.5),
        "sharp judge": World(prompt=6.0, both=3.0, unread=0.0),
    }.items()
}
A_A |= {
    f"{seeds} seeds, seeds differ": World(seeds=seeds, seed=0.7, lean=0.5) for seeds in (2, 3)
}  # With one seed its effect would be the arms' own.
COVERED: dict[str, World] = {
    f"{seeds} seed{'s' * (seeds > 1)}, {name}": replace(world, seeds=seeds)
    for seeds in (1, 3)
    for name, world in {
        "difference": World(difference=1.0, lean=0.5),
        "large difference": World(difference=2.5, lean=1.0),
        "very large difference": World(difference=5.0, lean=1.0),
        "many unread": World(difference=0.5, unread=0.3),
    }.items()
} | {"3 seeds, seeds differ": World(seeds=3, difference=1.0, seed=0.7)}


def drawn(world: World, tournaments: int, prompts: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Scores and lengths.

    Returns:
        float64 [tournaments, seeds, prompts]: scores of the first arm with NaN for no outcome, and the standard
        deviations by which its answers are the longer.
    """
    shape = (tournaments, world.seeds, prompts)
    longer = world.longer + rng.normal(size=shape)
    better = (
        world.difference
        + world.prompt * rng.normal(size=(tournaments, 1, prompts))
        + world.seed * rng.normal(size=(tournaments, world.seeds, 1))
        + world.both * rng.normal(size=shape)
        + world.length * np.tanh(longer)
    )
    verdicts = []
    for sign in (1, -1):
        verdict = np.where(rng.random(shape) < special.expit(better + sign * world.lean), 1, -1)
        verdicts.append(np.where(rng.random(shape) < world.unread, UNREAD, verdict).astype(np.int8))
    return agreed(*verdicts), longer


def truth(world: World) -> float:
    """The mean score, from 200,000 prompts with seeds of their own."""
    scores, _ = drawn(replace(world, seeds=1), 100_000, 2, np.random.default_rng(99))
    return float(np.nanmean(scores))


def false_positives(
    world: World, tournaments: int, seed: int, prompts: int = PROMPTS, seeds_are: Seeds = "trained"
) -> float:
    """Share of tournaments that find a difference at 5 %."""
    scores, _ = drawn(world, tournaments, prompts, np.random.default_rng(seed))
    found = [of_scores(one, seeds_are) for one in scores]
    return sum(one is not None and one.p is not None and one.p < WRONG for one in found) / tournaments


def coverage(world: World, tournaments: int, seed: int, prompts: int = PROMPTS, seeds_are: Seeds = "trained") -> float:
    """Share of 95 % intervals that hold the truth."""
    scores, _ = drawn(world, tournaments, prompts, np.random.default_rng(seed))
    true = truth(world)
    held = 0
    for one in scores:
        found = of_scores(one, seeds_are)
        held += (
            found is not None and found.low is not None and found.high is not None and found.low <= true <= found.high
        )
    return held / tournaments


def length_false_positives(world: World, tournaments: int, seed: int, prompts: int = PROMPTS) -> tuple[float, float]:
    """Of arms alike but for length: share found different at equal length, and share found different plainly."""
    scores, longer = drawn(world, tournaments, prompts, np.random.default_rng(seed))
    controlled = [regressed(one, length)[0] for one, length in zip(scores, longer, strict=True)]
    plain = [of_scores(one) for one in scores]
    return (
        sum(one is not None and one.p is not None and one.p < WRONG for one in controlled) / tournaments,
        sum(one is not None and one.p is not None and one.p < WRONG for one in plain) / tournaments,
    )


def stopped(world: World, tournaments: int, prompts: int, seed: int) -> tuple[float, float, float]:
    """Judging until decided.

    Returns:
        Share whose interval ever left out the true win rate; share decided; mean prompts judged.
    """
    scores, _ = drawn(replace(world, unread=0.0), tournaments, prompts, np.random.default_rng(seed))
    true = (1 + truth(replace(world, unread=0.0))) / 2
    failed = decided = judged = 0
    for one in (1 + scores.mean(axis=1)) / 2:
        sequence = ConfidenceSequence()
        after = None
        for value in one:
            low, high = sequence.add(float(value))
            if after is None and not low <= 0.5 <= high:
                after = sequence.seen
        failed += not sequence.low <= true <= sequence.high
        decided += after is not None
        judged += after or prompts
    return failed / tournaments, decided / tournaments, judged / tournaments


def a_a(tournaments: int) -> Mapping[str, float]:
    """False positives by world, with this many tournaments each."""
    trained = {name: false_positives(world, tournaments, seed) for seed, (name, world) in enumerate(A_A.items())}
    sampled = {
        f"{name}, sampled": false_positives(world, tournaments, seed, seeds_are="sampled")
        for seed, (name, world) in enumerate(A_A.items())
        if world.seeds > 1 and not world.seed
    }
    return trained | sampled


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tournaments", type=int, default=5_000, help="for each setting of the A/A")
    number = parser.parse_args().tournaments
    began = time.process_time()
    for name, share in a_a(number).items():
        print(f"A/A, false positives at 5 %: {name:40s} {100 * share:5.2f} %")
    print(f"{number} tournaments each, {time.process_time() - began:.0f} s of processor time")
    for place, (name, world) in enumerate(COVERED.items()):
        held = coverage(world, number // 2, 100 + place)
        print(f"coverage of 95 %: {name:40s} {100 * held:5.2f} %")
        if world.seeds > 1 and not world.seed:
            held = coverage(world, number // 2, 100 + place, seeds_are="sampled")
            print(f"coverage of 95 %: {name + ', sampled':40s} {100 * held:5.2f} %")
    for seeds in (1, 3):
        world = World(seeds=seeds, length=2.0, longer=0.7)
        controlled, plain = length_false_positives(world, number // 2, 200 + seeds)
        print(f"longer alone, {seeds} seed(s): {100 * controlled:.2f} % at equal length, {100 * plain:.2f} % plainly")
    for difference in (0.0, 0.5, 1.5):
        world = World(difference=difference)
        failed, decided, judged = stopped(world, number // 25, 400, 300)
        print(
            f"judging until decided, win minus loss {100 * truth(world):.0f} points: "
            f"{100 * failed:.2f} % ever wrong, {100 * decided:.1f} % decided within 400, "
            f"{judged:.0f} prompts on average"
        )


if __name__ == "__main__":
    main()
