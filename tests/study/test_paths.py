"""The tree of segments against the definition: a step is shared exactly where everything up to it is equal."""

from hypothesis import given
from hypothesis import strategies as st

from assay.study.paths import Segment, cut, path_of, segments_below, share_prefixes, steps_in
from assay.study.resolve import Arm, Stage

A, B = (("code", 500_000), ("text", 500_000)), (("text", 1_000_000),)

stages = st.builds(
    Stage,
    name=st.just("s"),
    mix=st.sampled_from([A, B]),
    steps=st.integers(1, 5),
    schedule=st.sampled_from(["constant", "constant", "linear"]),
    moments=st.sampled_from(["keep", "keep", "keep", "reset"]),
)
arms = st.lists(st.lists(stages, min_size=1, max_size=4), min_size=1, max_size=7).map(
    lambda lists: tuple(Arm(f"arm{index}", tuple(one)) for index, one in enumerate(lists))
)


ROWS = 3


def laws(arm: Arm) -> list[tuple[object, ...]]:
    """What decides each step of an arm, written down step by step: which row each ingredient is owed included."""
    steps: list[tuple[object, ...]] = []
    dealt = 0  # rows since the shares were last dealt out anew
    for index, stage in enumerate(arm.stages):
        before = arm.stages[index - 1] if index else None
        even = all(dealt * share % 1_000_000 == 0 for _, share in stage.mix)
        goes_on = before is not None and before.mix == stage.mix and even
        if not goes_on:
            dealt = 0
        for step in range(stage.steps):
            within = (stage.steps, step) if stage.schedule == "linear" else ()
            anew = step == 0 and not even
            reset = index > 0 and step == 0 and stage.moments == "reset"
            steps.append(
                (stage.mix, stage.schedule, within, anew and before is not None and before.mix == stage.mix, reset)
            )
            dealt += ROWS
    return steps


@given(arms)
def test_as_many_steps_are_trained_as_there_are_different_prefixes(found: tuple[Arm, ...]) -> None:
    prefixes = {tuple(laws(arm)[: step + 1]) for arm in found for step in range(arm.steps)}
    assert sum(segment.steps for segment in segments_below(share_prefixes(found, ROWS))) == len(prefixes)


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
