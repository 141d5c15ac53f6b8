"""Learning rates against their formulas, and the schedules' promises at the joins of stages."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.run.graph import build_graph
from assay.run.identity import numerics
from assay.study.paths import Path, Piece, cut, path_of, restarts, segments_below, share_prefixes
from assay.study.plan import plan_study
from assay.study.resolve import Arm, Stage
from assay.train.schedule import learning_rate, learning_rates

MIX = (("text", 1_000_000),)

stages = st.builds(
    Stage,
    name=st.just("s"),
    mix=st.just(MIX),
    steps=st.integers(1, 6),
    schedule=st.sampled_from(["constant", "linear", "1-sqrt", "cosine"]),
    moments=st.just("keep"),
    join=st.sampled_from([None, "continue", "restart"]),
    counter=st.sampled_from(["keep", "keep", "reset"]),
)
PEAK = 3e-3
LAW = (PEAK, 4, 1e-6, 0.1)
UNWARMED = (PEAK, 0, 1e-6, 0.1)
ENDS = {"linear": 1e-6, "1-sqrt": 1e-6, "cosine": PEAK * 0.1}
FIRST = {"linear": 1.0, "1-sqrt": 0.5, "cosine": 1.0}
"""The first of n steps goes at most n to the power of minus this of a schedule's way."""


def piece(schedule: str, steps: int, join: str | None = None, counter: str = "keep") -> Piece:
    return Piece(MIX, steps, schedule, 0 if schedule == "constant" else steps, "keep", join, counter)


def declared(arm: Arm) -> Path:
    return tuple(piece(stage.schedule, stage.steps, stage.join, stage.counter) for stage in arm.stages)


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


def test_one_minus_the_square_root_falls_fast_and_then_slowly_to_the_final_rate() -> None:
    found = rates(piece("constant", 1), piece("1-sqrt", 4), piece("constant", 1))
    assert found == pytest.approx([1, 0.6, 1 - 0.8 * math.sqrt(0.5), 1 - 0.8 * math.sqrt(0.75), 0.2, 0.2])
    assert found[-1] == 0.2


def test_what_restarts_begins_at_the_peak_and_what_continues_where_the_stage_before_ended() -> None:
    down = piece("linear", 4)
    assert rates(down, piece("constant", 2, "restart"))[4:] == [1.0, 1.0]
    assert rates(down, piece("linear", 4, "restart"))[4:] == rates(down)
    assert rates(piece("cosine", 4), piece("cosine", 3, "continue"))[4:] == [0.1] * 3
    rise = rates(down, piece("cosine", 2, "continue"))[4:]
    assert rise == pytest.approx([0.15, 0.1]), "from the final rate, 0.2, to the floor"


def test_a_reset_counter_warms_up_anew_and_counts_from_there() -> None:
    found = rates(piece("constant", 6), piece("constant", 6, counter="reset"), piece("constant", 1), warmup=4)
    assert found == [*[0.25, 0.5, 0.75, 1, 1, 1] * 2, 1]
    early = rates(piece("constant", 2), piece("constant", 3, counter="reset"), warmup=4)
    assert early == [0.25, 0.5, 0.25, 0.5, 0.75]


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
    assert learning_rates(part, *LAW) == learning_rates(whole, *LAW)[:steps]


@given(st.lists(stages, min_size=1, max_size=4))
def test_the_rate_of_one_step_is_that_of_the_list(found: list[Stage]) -> None:
    path = path_of(Arm("arm", tuple(found)), 1)
    rates = learning_rates(path, *LAW)
    assert [learning_rate(path, step, *LAW) for step in range(len(rates))] == rates
    with pytest.raises(IndexError):
        learning_rate(path, len(rates), *LAW)


@given(st.lists(stages, min_size=1, max_size=4))
def test_joining_stages_into_pieces_changes_no_rate(found: list[Stage]) -> None:
    arm = Arm("arm", tuple(found))
    assert learning_rates(path_of(arm, 1), *LAW) == learning_rates(declared(arm), *LAW)


@given(st.lists(st.lists(stages, min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_segments_rates_are_those_of_every_arm_through_it_trained_alone(lists: list[list[Stage]]) -> None:
    arms = {f"arm{index}": Arm(f"arm{index}", tuple(one)) for index, one in enumerate(lists)}
    for segment in segments_below(share_prefixes(tuple(arms.values()), 1)):
        rates = learning_rates(segment.path, *LAW)
        for name in segment.arms:
            assert learning_rates(declared(arms[name]), *LAW)[: segment.end] == rates


@given(st.lists(stages, min_size=2, max_size=4))
def test_a_stage_that_continues_never_jumps_and_one_that_restarts_begins_at_the_peak(found: list[Stage]) -> None:
    """Without the warm-up."""
    arm = Arm("arm", tuple(found))
    rates, start = learning_rates(declared(arm), *UNWARMED), 0
    level = PEAK
    for stage in arm.stages:
        begin = PEAK if stage.joined == "restart" else level
        end = ENDS.get(stage.schedule, begin)
        mine = rates[start : start + stage.steps]
        first = stage.steps ** -FIRST.get(stage.schedule, 1.0)
        assert abs(mine[0] - begin) <= abs(end - begin) * first * (1 + 1e-9)
        assert mine in (sorted(mine), sorted(mine, reverse=True))
        assert mine[-1] == end
        level, start = end, start + stage.steps


@given(st.lists(stages, min_size=1, max_size=4))
def test_restarts_are_where_the_rate_was_elsewhere_and_is_at_the_peak_again(found: list[Stage]) -> None:
    """Seen from the rates alone: of stages so long that their first step is as good as their begin."""
    long = tuple(Stage("s", MIX, 1000 * stage.steps, stage.schedule, "keep", stage.join) for stage in found)
    arm = Arm("arm", long)
    rates = learning_rates(declared(arm), *UNWARMED)
    starts = [sum(stage.steps for stage in long[:index]) for index in range(1, len(long))]
    near = 0.9 * PEAK
    assert restarts(arm) == tuple(start for start in starts if rates[start] > near > rates[start - 1])


def test_the_cosines_floor_is_in_the_key_of_a_path_with_a_cosine_and_in_no_others() -> None:
    def keys(*overrides: str) -> list[str]:
        plan = plan_study("quickstart", ["seeds=1", *overrides])
        return [step.key for step in build_graph(plan, numerics()).states]

    assert keys() == keys("train.cosine_floor=0.2")
    cosine = "stages.code.schedule=cosine"
    changed = [one != other for one, other in zip(keys(cosine), keys(cosine, "train.cosine_floor=0.2"), strict=True)]
    assert sum(changed) == 4, "the code trunk, what follows it, and that one's two endings"
