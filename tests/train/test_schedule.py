"""Learning rates against their formulas, and the schedules' promises at the joins of stages."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.run.graph import build_graph
from assay.run.identity import numerics
from assay.study.paths import Path, Piece, cut, path_of
from assay.study.plan import plan_study
from assay.study.resolve import Arm, Stage
from assay.train.schedule import learning_rates

MIX = (("text", 1_000_000),)

stages = st.builds(
    Stage,
    name=st.just("s"),
    mix=st.just(MIX),
    steps=st.integers(1, 6),
    schedule=st.sampled_from(["constant", "linear", "cosine"]),
    moments=st.just("keep"),
)


def piece(schedule: str, steps: int, length: int | None = None) -> Piece:
    return Piece(MIX, steps, schedule, 0 if schedule == "constant" else length or steps, "keep")


def rates(*path: Piece, warmup: int = 0) -> list[float]:
    return learning_rates(path, 1.0, warmup, 0.2, 0.1)


def test_the_rate_warms_up_stays_and_goes_down_to_the_end() -> None:
    found = rates(piece("constant", 10), piece("linear", 4), warmup=5)
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert found[5:10] == [1.0] * 5
    assert found[10:] == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_a_cosine_falls_from_the_peak_to_its_floor_over_its_whole_length() -> None:
    found = rates(piece("cosine", 8))
    assert found == pytest.approx([0.1 + 0.9 * math.cos(math.pi * step / 16) ** 2 for step in range(1, 9)])
    assert found[-1] == 0.1


def test_every_cosine_begins_at_the_peak_again_and_a_linear_stage_goes_on_from_the_floor() -> None:
    found = rates(piece("cosine", 8), piece("cosine", 8), piece("linear", 2), piece("constant", 1))
    assert found[:8] == found[8:16]
    assert found[16:] == pytest.approx([0.15, 0.2, 0.2])


def test_warm_up_multiplies_a_cosine_and_counts_from_the_arms_beginning() -> None:
    plain, warmed = (
        rates(piece("cosine", 4), piece("cosine", 4)),
        rates(piece("cosine", 4), piece("cosine", 4), warmup=6),
    )
    factors = [warm / rate for warm, rate in zip(warmed, plain, strict=True)]
    assert factors == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1])


@given(st.lists(stages, min_size=1, max_size=4), st.integers(0, 20))
def test_rates_of_a_beginning_are_the_beginning_of_the_rates(found: list[Stage], steps: int) -> None:
    whole = path_of(Arm("arm", tuple(found)), 1)
    part = cut(whole, steps)
    assert learning_rates(part, 3e-3, 4, 1e-6, 0.1) == learning_rates(whole, 3e-3, 4, 1e-6, 0.1)[:steps]


@given(st.lists(stages, min_size=1, max_size=4))
def test_joining_stages_into_pieces_changes_no_rate(found: list[Stage]) -> None:
    declared: Path = tuple(piece(stage.schedule, stage.steps) for stage in found)
    joined = path_of(Arm("arm", tuple(found)), 1)
    assert learning_rates(joined, 3e-3, 4, 1e-6, 0.1) == learning_rates(declared, 3e-3, 4, 1e-6, 0.1)


def test_the_cosines_floor_is_in_the_key_of_a_path_with_a_cosine_and_in_no_others() -> None:
    def keys(*overrides: str) -> list[str]:
        plan = plan_study("quickstart", ["seeds=1", *overrides])
        return [step.key for step in build_graph(plan, numerics()).states]

    assert keys() == keys("train.cosine_floor=0.2")
    cosine = "stages.code.schedule=cosine"
    changed = [one != other for one, other in zip(keys(cosine), keys(cosine, "train.cosine_floor=0.2"), strict=True)]
    assert sum(changed) == 4, "the code trunk, what follows it, and that one's two endings"
