"""Above chance: one model against scipy and statsmodels, and arms whose right answers are planted."""

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import records, replaced, small_design
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest

from assay.analyze.chance import bar_of, p_above
from assay.analyze.effects import Sample, task_part
from assay.analyze.results import build_results
from assay.report.markdown import _answer
from assay.study.design import Design


@given(
    st.integers(5, 400).flatmap(lambda items: st.tuples(st.integers(0, items), st.just(items))),
    st.sampled_from([0.2, 0.25, 1 / 3, 0.5, 0.62]),
)
def test_of_items_that_stand_alone_it_is_the_score_test_and_wilsons_bound(counts: tuple[int, int], bar: float) -> None:
    right, items = counts
    share = right / items
    found = p_above(share, math.sqrt(share * (1 - share) / items), items, items, bar)
    assert found == pytest.approx(proportions_ztest(right, items, bar, "larger", prop_var=bar)[1], rel=1e-6, abs=1e-12)
    low = stats.binomtest(right, items).proportion_ci(method="wilson").low
    if abs(low - bar) > 1e-9:
        assert (found < 0.025) == (low > bar)


def test_items_that_share_a_passage_are_not_counted_as_many() -> None:
    draw = np.random.default_rng(3)
    clusters = np.repeat(np.arange(80), 5)
    rejected = {"clustered": 0, "naive": 0}
    for _ in range(2000):
        right = np.repeat(draw.random(80) < 0.25, 5).astype(float)
        part = task_part(Sample(right[None], clusters))
        share = float(part.by_seed[0])
        rejected["clustered"] += p_above(share, math.sqrt(part.items), 400, 80, 0.25) < 0.025
        rejected["naive"] += p_above(share, math.sqrt(share * (1 - share) / 400), 400, 400, 0.25) < 0.025
    assert rejected["clustered"] < 2000 * 0.04 < 2000 * 0.12 < rejected["naive"]


def test_of_items_that_all_say_the_same_the_clusters_are_the_sample() -> None:
    assert p_above(1.0, 0.0, 100, 4, 0.5) == pytest.approx(stats.norm.sf(2.0))
    assert p_above(1.0, None, 100, 1, 0.5) == pytest.approx(stats.norm.sf(1.0))
    assert p_above(1.0, 0.0, 100, 100, 1.0) == 1, "nothing is above a bar of one"


def test_the_bar_of_labels_is_the_most_frequent_one() -> None:
    assert bar_of(0.5, np.array([1, 1, 1, 0])) == 0.75
    assert bar_of(0.5, np.array([0, 1, 2])) == 0.5
    assert bar_of(0.25, None) == bar_of(0.25, np.array([], dtype=np.int64)) == 0.25


def with_answers(design: Design, right: Callable[[str, str, int, int], bool]) -> pa.Table:
    """Records whose accuracy is what ``right`` says of task, arm, seed and the item's number."""
    items = records(design)
    columns = (items[name].to_pylist() for name in ("task", "arm", "seed", "item", "correct"))
    return replaced(
        items,
        "correct",
        [
            None if before is None else right(task, arm, seed, int(name.rpartition("-")[2]))
            for task, arm, seed, name, before in zip(*columns, strict=True)
        ],
    )


def told(design: Design, items: pa.Table) -> dict[str, dict[str, object]]:
    return {row["task"]: row for row in build_results(design, items)["summary"]["above_chance"]}


@pytest.mark.parametrize("labels", [True, False])
def test_always_the_most_frequent_label_is_not_above_chance_and_a_place_is_no_label(labels: bool) -> None:
    design = small_design()
    tasks = [task.model_copy(update={"labels": labels}) if task.id == "boolq" else task for task in design.tasks]
    design = design.model_copy(update={"tasks": tuple(tasks)})
    items = with_answers(design, lambda task, arm, seed, number: number % 10 < 8)
    names = zip(items["task"].to_pylist(), items["item"].to_pylist(), items["gold"].to_pylist(), strict=True)
    gold = [int(name.rpartition("-")[2]) % 10 >= 8 if task == "boolq" else old for task, name, old in names]
    row = told(design, replaced(items, "gold", [int(one) for one in gold]))["boolq"]
    assert row["best_accuracy"] == pytest.approx(0.8)
    assert row["most_frequent"] == (pytest.approx(0.8) if labels else None)
    assert row["arms"] == ([] if labels else list(design.arms))


def test_every_seed_of_an_arm_has_to_be_above() -> None:
    design = small_design()
    full, partly = design.arms[:2]

    def right(task: str, arm: str, seed: int, number: int) -> bool:
        return number % 4 < (3 if arm == full or (arm == partly and seed > 0) else 1)

    assert told(design, with_answers(design, right))["hellaswag"]["arms"] == [full]


@pytest.mark.parametrize("seeds", [1, 3])
def test_no_accuracy_above_chance_is_said_so_also_of_one_seed(seeds: int) -> None:
    design = small_design(seeds=seeds)
    summaries = [
        build_results(design, items)["summary"]
        for items in (records(design), with_answers(design, lambda task, arm, seed, number: True))
    ]
    at_chance = ["No accuracy is above chance." in line for line in _answer(summaries[0])]
    assert any(at_chance) and [row["tested"] for row in summaries[0]["above_chance"]] == [3, 3]
    assert not any("chance" in line for line in _answer(summaries[1]))
    assert all(row["arms"] == list(design.arms) for row in summaries[1]["above_chance"])
