"""The tree of segments against the definition: a step is shared exactly where everything up to it is equal."""

import json
import time

from hypothesis import given
from hypothesis import strategies as st

from assay.study.paths import (
    Segment,
    cut,
    path_of,
    path_record,
    read_path,
    restarts,
    segments_below,
    share_prefixes,
    steps_in,
    stops,
)
from assay.study.resolve import Arm, Stage
from planner import disagreements, fewest_steps

A, B = (("code", 500_000), ("text", 500_000)), (("text", 1_000_000),)

stages = st.builds(
    Stage,
    name=st.just("s"),
    mix=st.sampled_from([A, B]),
    steps=st.integers(1, 5),
    schedule=st.sampled_from(["constant", "constant", "linear", "1-sqrt", "cosine"]),
    moments=st.sampled_from(["keep", "keep", "keep", "reset"]),
    join=st.sampled_from([None, None, "continue", "restart"]),
    counter=st.sampled_from(["keep", "keep", "keep", "reset"]),
)
drawn = st.tuples(st.lists(stages, min_size=1, max_size=4), st.sampled_from([0, 0, 1, 2]))
arms = st.lists(drawn, min_size=1, max_size=7).map(
    lambda found: tuple(Arm(f"arm{index}", tuple(one), draw=draw) for index, (one, draw) in enumerate(found))
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


@given(arms, st.integers(1, 4))
def test_what_is_measured_on_the_way_ends_a_segment_and_costs_no_step(found: tuple[Arm, ...], every: int) -> None:
    roots = share_prefixes(found, ROWS, every)
    segments = segments_below(roots)
    assert sum(segment.steps for segment in segments) == fewest_steps(found, ROWS)
    ends = {segment.path for segment in segments}
    for arm in found:
        points = stops(arm, every)
        steps = [step for step, _ in points]
        assert steps == sorted(set(steps) | set(range(every, arm.steps + 1, every)))
        assert steps[-1] == arm.steps
        assert all(cut(path_of(arm, ROWS), step) in ends for step in steps)
        assert {step for step, _ in stops(arm)} <= set(steps)


@given(arms, st.integers(0, 30))
def test_a_path_cut_short_is_the_path_of_its_beginning(found: tuple[Arm, ...], steps: int) -> None:
    path = path_of(found[0], ROWS)
    beginning = cut(path, steps)
    assert steps_in(beginning) == min(steps, steps_in(path))
    assert cut(beginning, steps) == beginning


@given(arms)
def test_a_path_written_into_a_recipe_is_read_as_it_was(found: tuple[Arm, ...]) -> None:
    path = path_of(found[0], ROWS)
    assert read_path(json.loads(json.dumps(path_record(path)))) == path


def test_a_recipe_says_nothing_of_joins_and_counters_that_are_as_usual() -> None:
    plain = Arm("plain", (Stage("s", A, 4, "constant", "keep"), Stage("d", A, 4, "cosine", "keep")))
    assert [set(piece) for piece in path_record(path_of(plain, 2))] == [
        {"mix", "steps", "schedule", "length", "moments"}
    ] * 2


def shared_steps(*arms: Arm) -> int:
    """Steps saved by training what these arms share once."""
    return sum(arm.steps for arm in arms) - sum(segment.steps for segment in segments_below(share_prefixes(arms, 2)))


def test_arms_that_differ_in_the_join_alone_share_what_comes_before() -> None:
    trunk, down = Stage("s", A, 8, "constant", "keep"), Stage("d", A, 4, "linear", "keep")
    goes_on = Arm("on", (trunk, down, Stage("s", B, 6, "constant", "keep", join="continue")))
    again = Arm("again", (trunk, down, Stage("s", B, 6, "constant", "keep", join="restart")))
    assert path_of(goes_on, 2) != path_of(again, 2)
    assert shared_steps(goes_on, again) == 12
    assert (restarts(goes_on), restarts(again)) == ((), (12,))


def test_a_join_that_makes_no_difference_is_none() -> None:
    trunk, down = Stage("s", A, 8, "constant", "keep"), Stage("d", A, 4, "linear", "keep")
    at_the_peak = Arm("peak", (trunk, Stage("s", B, 6, "1-sqrt", "keep", join="restart")))
    assert path_of(at_the_peak, 2) == path_of(Arm("on", (trunk, Stage("s", B, 6, "1-sqrt", "keep"))), 2)
    assert restarts(at_the_peak) == ()
    for schedule in ("linear", "1-sqrt", "cosine"):
        one_step = (Stage("s", B, 1, schedule, "keep", join=join) for join in ("continue", "restart"))
        assert len({path_of(Arm("arm", (trunk, down, stage)), 2) for stage in one_step}) == 1
    wave = Stage("c", A, 8, "cosine", "keep")
    flat, stays = Stage("c", B, 5, "cosine", "keep", join="continue"), Stage("c", B, 5, "constant", "keep")
    assert path_of(Arm("flat", (wave, flat)), 2) == path_of(Arm("stays", (wave, stays)), 2)


def test_a_reset_counter_forks_a_stage_but_not_an_arms_first() -> None:
    trunk = Stage("s", A, 8, "constant", "keep")
    on, anew = (Stage("s", A, 8, "constant", "keep", counter=counter) for counter in ("keep", "reset"))
    assert shared_steps(Arm("on", (trunk, on)), Arm("anew", (trunk, anew))) == 8
    assert path_of(Arm("first", (anew,)), 2) == path_of(Arm("first", (on,)), 2)


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


def test_a_further_draw_is_the_same_path_up_to_its_last_stage_and_says_nothing_where_it_is_the_first() -> None:
    trunk, tail = Stage("s", A, 4, "constant", "keep"), Stage("s", A, 3, "constant", "keep")
    first, again = (path_of(Arm("arm", (trunk, tail), draw=draw), 2) for draw in (0, 1))
    assert len(first) == 1
    assert len(again) == 2, "a stage that is drawn anew is no piece of the one before"
    assert cut(first, 4) == cut(again, 4)
    assert cut(first, 5) != cut(again, 5)
    assert read_path(json.loads(json.dumps(path_record(again)))) == again
    assert "draw" not in path_record(first)[0]
    assert "draw" not in path_record(again)[0]
