"""Averages over tasks, against the same made by hand from the records."""

import numpy as np
import pytest
from planted import quickstart_design, simulate_items

from assay.analyze.averages import tiny_sets
from assay.analyze.results import build_results


def test_each_way_of_averaging_is_what_its_name_says() -> None:
    design = quickstart_design()
    arms = ("text.decay", "balanced.decay")
    contrast = next(one for one in design.contrasts if set(one.arms) == set(arms))
    design = design.model_copy(
        update={
            "arms": arms,
            "contrasts": (contrast,),
            "primary": None,
            "metrics": tuple(one for one in design.metrics if one.id in {"reasoning/accuracy", "code/bits_per_byte"}),
        }
    )
    items = simulate_items(design, np.random.default_rng(0))
    rows = {(row["of"], row["metric"], row["way"]): row for row in build_results(design, items)["averages"]}
    right = items.to_pandas().query("task in @design.metrics[0].tasks").astype({"correct": float})
    accuracy = right.groupby(["arm", "task"]).correct.mean().unstack(0)
    chance = {task.id: task.chance for task in design.tasks if task.id in accuracy.index and task.chance is not None}
    centred = accuracy.apply(lambda row: (row - chance[row.name]) / (1 - chance[row.name]), axis=1)
    kept = accuracy.index.difference(["cb", "copa"])
    by_hand = {
        "plain": accuracy.mean(),
        "without tiny sets": accuracy.loc[kept].mean(),
        "centred on chance": centred.mean(),
        "centred, without tiny sets": centred.loc[kept].mean(),
    }
    for way, values in by_hand.items():
        for arm in arms:
            assert rows[arm, "reasoning/accuracy", way]["value"] == pytest.approx(values[arm], abs=1e-9)
        row = rows[contrast.id, "reasoning/accuracy", way]
        assert row["value"] == pytest.approx(values[contrast.a] - values[contrast.b], abs=1e-9)
        assert row["low"] < row["value"] < row["high"]
    assert [way for of, metric, way in rows if (of, metric) == (arms[0], "code/bits_per_byte")] == ["plain"]


def test_a_set_is_tiny_beside_larger_ones_only() -> None:
    design = quickstart_design()
    reasoning = next(one for one in design.metrics if one.id == "reasoning/accuracy")
    assert tiny_sets(design, reasoning) == ["cb", "copa"]
    short = design.model_copy(update={"tasks": tuple(task.model_copy(update={"n_items": 50}) for task in design.tasks)})
    assert tiny_sets(short, reasoning) == []
