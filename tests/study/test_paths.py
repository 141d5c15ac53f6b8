"""The tree of segments against the definition: a step is shared exactly where everything up to it is equal."""

import time

from hypothesis import given
from hypothesis import strategies as st

from assay.study.paths import Segment, cut, path_of, segments_below, share_prefixes, steps_in
from assay.study.resolve import Arm, Stage
from planner import disagreements, fewest_steps

A, B = (("code", 500_000), ("text", 500_000)), (("text", 1_000_000),)

stages = st.builds(
    Stage,
    name=st.just("s"),
    mix=st.sampled_from([A, B]),
    steps=st.integers(1, 5),
    schedule=st.sampled_from(["constant", "constant", "linear", "cosine"]),
    moments=st.sampled_from(["keep", "keep", "keep", "reset"]),
)
arms = st.lists(st.lists(stages, min_size=1, max_size=4), min_size=1, max_size=7).map(
    lambda lists: tuple(Arm(f"arm{index}", tuple(one)) for index, one in enumerate(lists))
)


ROWS = 3


@given(arms)
def test_as_many_steps_are_trained_as_there_are_different_beginnings(found: tuple[Arm, ...]) -> None:
    planned = sum(segment.steps for segment in segments_below(share_prefixes(found, ROWS)))
    assert planned == fewest_steps(found, ROWS)


def test_the_planner_trains_the_fewest_steps_of_a_thousand_random_studies() -> None:
    assert disagreements(1000, seed=2) == 0


@given(arms)
def test_every_arm_is_a_chain_of_segments_that_end_at_its_stages(found: tuple[Arm, ...]) -> None:
    roots = share_prefixes(found, ROWS)
    for arm in found:
        chain: list[Segment] = []
        level = roots
        while step := next((segment for segment in level if arm.name in segment.arms), None):
            chain.append(step)
            level = step.children
        assert [segment.start for segment in chain] == [0, *(segment.end for segment in chain[:-1])]
        assert chain[-1].end == arm.steps
        assert arm.name in chain[-1].ends
        ends, total = {segment.end for segment in chain}, 0
        for stage in arm.stages:
            total += stage.steps
            assert total in ends, "a stage's end is a place to fork from"
        assert chain[-1].path == path_of(arm, ROWS)


@given(arms, st.integers(0, 30))
def test_a_path_cut_short_is_the_path_of_its_beginning(found: tuple[Arm, ...], steps: int) -> None:
    path = path_of(found[0], ROWS)
    beginning = cut(path, steps)
    assert steps_in(beginning) == min(steps, steps_in(path))
    assert cut(beginning, steps) == beginning


def test_a_stage_written_in_two_halves_is_one() -> None:
    whole = Arm("whole", (Stage("s", A, 8, "constant", "keep"),))
    halves = Arm("halves", (Stage("s", A, 3, "constant", "keep"), Stage("s", A, 5, "constant", "keep")))
    assert path_of(whole, 2) == path_of(halves, 2)
    assert sum(segment.steps for segment in segments_below(share_prefixes((whole, halves), 2))) == 8


def test_two_decays_of_different_length_share_only_their_trunk() -> None:
    trunk = Stage("s", A, 8, "constant", "keep")
    short = Arm("short", (trunk, Stage("d", A, 2, "linear", "keep")))
    long = Arm("long", (trunk, Stage("d", A, 4, "linear", "keep")))
    assert sum(segment.steps for segment in segments_below(share_prefixes((short, long), 2))) == 8 + 2 + 4


def test_stages_that_leave_someone_owed_a_row_are_not_joined() -> None:
    halves = Arm("halves", (Stage("s", A, 3, "constant", "keep"), Stage("s", A, 5, "constant", "keep")))
    assert len(path_of(halves, 1)) == 2, "after three rows of two equal shares someone is owed half a row"
    assert len(path_of(halves, 2)) == 1


def test_cosines_share_whole_stages_or_nothing() -> None:
    wave, longer = Stage("c", A, 8, "cosine", "keep"), Stage("c", A, 9, "cosine", "keep")
    on = Stage("s", B, 3, "constant", "keep")
    arms = (Arm("wave", (wave,)), Arm("on", (wave, on)), Arm("again", (wave, wave)), Arm("longer", (longer,)))
    assert sum(segment.steps for segment in segments_below(share_prefixes(arms, 2))) == 8 + 3 + 8 + 9


def test_a_linear_stage_behind_a_linear_one_stays_at_the_final_rate_and_is_shared_as_such() -> None:
    down = Stage("d", A, 4, "linear", "keep")
    short, long = Stage("d", A, 2, "linear", "keep"), Stage("c", A, 5, "constant", "keep")
    arms = (Arm("short", (down, short)), Arm("long", (down, long)))
    assert sum(segment.steps for segment in segments_below(share_prefixes(arms, 2))) == 4 + 5


def test_planning_takes_no_longer_for_longer_arms() -> None:
    def seconds(steps: int) -> float:
        stages = [Stage("s", mix, steps + more, "constant", "keep") for more in range(10) for mix in (A, B)]
        arms = tuple(Arm(f"arm{number}", tuple(stages[:number])) for number in range(1, len(stages)))
        begin = time.perf_counter()
        share_prefixes(arms, ROWS)
        return time.perf_counter() - begin

    assert min(seconds(10**6) for _ in range(3)) < 5 * min(seconds(1) for _ in range(3)) + 0.01
