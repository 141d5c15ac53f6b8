"""Interactions: whether one difference of two arms is another."""

import numpy as np
import pyarrow.compute as pc
import pytest
from planted import records, replaced, row_of, small_design
from scipy import stats

from assay.analyze.results import build_results
from assay.study.design import Contrast

INTERACTION = Contrast(
    id="both", family="cooldown", kind="interaction", factor="cooldown", weights=(1.0, -1.0, -1.0, 1.0),
    arms=("balanced-text.cool20", "balanced-text.cool0", "text.cool20", "text.cool0"),
    a="balanced-text.cool20 − balanced-text.cool0", b="text.cool20 − text.cool0", confounds=(),
)  # fmt: skip


def test_an_interaction_is_the_paired_test_of_its_double_differences() -> None:
    design = small_design(5, arms=INTERACTION.arms, contrasts=(INTERACTION,))
    items = records(design)
    row = row_of(build_results(design, items), "both", "heldout_text/bits_per_byte")
    frame = items.filter(pc.equal(items["task"], "heldout_text")).to_pandas()
    sums = frame.groupby(["arm", "seed"])[["gold_bits", "gold_bytes"]].sum()
    values = [(sums.gold_bits / sums.gold_bytes)[arm].to_numpy() for arm in INTERACTION.arms]
    double = values[0] - values[1] - values[2] + values[3]
    assert row["effect"] == pytest.approx(double.mean(), rel=1e-9)
    assert row["p"] == pytest.approx(stats.ttest_1samp(double, 0).pvalue, rel=1e-6)
    assert (row["margin"], row["relative"], row["n_seeds"]) == (0.02, None, 5)


def test_a_decided_interaction_says_what_helps_more() -> None:
    design = small_design(5, arms=INTERACTION.arms, contrasts=(INTERACTION,), families={"cooldown": "more?"})
    items = records(design)
    better = np.array(items["arm"].to_pylist()) == "balanced-text.cool20"
    bits = np.where(better, 0.5, 1.0) * np.array(items["gold_bits"])
    (sentence,) = build_results(design, replaced(items, "gold_bits", bits))["summary"]["sentences"]
    told = (
        "held-out text (bits per byte) is helped more by balanced-text.cool20 − balanced-text.cool0 than by "
        "text.cool20 − text.cool0 (by "
    )
    assert told in sentence["text"]
    (sentence,) = build_results(design, replaced(items, "gold_bits", bits / np.where(better, 0.25, 1.0)))["summary"][
        "sentences"
    ]
    assert "is helped less by balanced-text.cool20" in sentence["text"]
