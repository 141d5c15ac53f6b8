"""Losses are counted by stage and reason, and counts of parts add up to those of the whole."""

from hand_made import GOOD
from hypothesis import given
from hypothesis import strategies as st

from assay.corpus.synthesis.record import Record, Refused
from assay.corpus.synthesis.verification.yields import STAGES, Yield

RECORD = Record(problem=GOOD, examples=(), mutants=3, killed=3, inputs_tried=60)
outcomes = st.lists(
    st.just(RECORD)
    | st.builds(
        Refused, id=st.just("a"), maker=st.just("model"), stage=st.sampled_from(STAGES), why=st.sampled_from("xyz")
    )
)


@given(outcomes, outcomes)
def test_counts_of_parts_add_up(some: list[Record | Refused], others: list[Record | Refused]) -> None:
    assert Yield.of(some) + Yield.of(others) == Yield.of(some + others)
    assert list((Yield.of(some) + Yield.of(others)).as_dict()["refused"].items()) == list(
        Yield.of(some + others).as_dict()["refused"].items()
    )


@given(outcomes)
def test_each_outcome_is_counted_once(found: list[Record | Refused]) -> None:
    counted = Yield.of(found)
    assert counted.made == len(found)
    assert counted.kept == sum(isinstance(one, Record) for one in found)
    assert counted.share == (counted.kept / len(found) if found else 0)
    assert list(counted.refused) == [stage for stage in STAGES if stage in counted.refused]
    said = counted.as_dict()
    left = list(said["left"].values())
    assert left == sorted(left, reverse=True)
    assert left[-1] == said["kept"]


def test_a_step_says_nothing_of_what_is_looked_for_after_it() -> None:
    assert list(Yield.of([RECORD]).as_dict()["left"]) == [stage for stage in STAGES if stage != "overlap"]


def test_the_most_frequent_reason_comes_first() -> None:
    reasons = ["b", "a", "a", "c"]
    found = [Refused(id=str(at), maker="given", stage="run", why=why) for at, why in enumerate(reasons)]
    assert list(Yield.of([RECORD, *found]).refused["run"].items()) == [("a", 2), ("b", 1), ("c", 1)]
