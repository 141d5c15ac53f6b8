"""One learning rate for all mixes: what the table says, and what a study like or unlike the measured one is told."""

import json
import math
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from assay.analyze.results import load_design
from assay.model.sizes import SIZES, sizes_table
from assay.report.page import write_report
from assay.report.plan_report import plan_report
from assay.report.plan_tree import print_plan
from assay.study.learning_rate import RateSensitivity, read_shipped, shared_rate
from assay.study.plan import plan_study

SIZES_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sizes.md"
MIXES = {
    "text": {"text": 1.0},
    "balanced": {"text": 0.5, "code": 0.4, "markup": 0.1},
    "code": {"code": 0.8, "markup": 0.2},
}
SETS = ("text", "code", "markup")
FACTORS = (0.5, 1.0, 2.0)


def table(bits: np.ndarray) -> RateSensitivity:
    """As if measured on the quickstart.

    Args:
        bits: Bits per byte [mixes, factors, held-out sets, seeds].
    """
    return RateSensitivity(
        corpus="starter",
        tokenizer="starter-4k",
        size="1M",
        optimizer="adamw",
        tokens_per_step=2048,
        tokens=675_840,
        learning_rate=4e-3,
        mixes=MIXES,
        heldout={
            mix: {
                factor: {name: bits[m, f, s].tolist() for s, name in enumerate(SETS)}
                for f, factor in enumerate(FACTORS)
            }
            for m, mix in enumerate(MIXES)
        },
    )


def ship(monkeypatch: pytest.MonkeyPatch, folder: Path, *entries: RateSensitivity) -> None:
    """Put a table in the place of the one that comes with the program."""
    path = folder / "learning_rate.json"
    path.write_text(json.dumps([entry.model_dump(mode="json") for entry in entries]))
    monkeypatch.setattr("assay.study.learning_rate.SHIPPED", path)


def text_likes_half() -> RateSensitivity:
    """Text is best at half the rate, balanced at the rate, code at twice."""
    bits = np.full((3, 3, 3, 3), 3.0) + np.arange(3) / 100
    bits[0, 0], bits[1, 1], bits[2, 2] = 2.9, 2.8, 2.75
    bits[0, 0, 0] -= 0.2
    return table(bits)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_the_numbers_are_those_of_plain_arrays(draw: int, seeds: int) -> None:
    bits = np.random.default_rng(draw).normal(2.5, 0.3, (3, 3, 3, seeds))
    entry = table(bits)
    shares = np.array([[mix.get(name, 0.0) for name in SETS] for mix in MIXES.values()])
    own = np.einsum("ms,mfsk->mfk", shares, bits)
    for m, mix in enumerate(MIXES):
        for f, factor in enumerate(FACTORS):
            assert entry.own(mix, factor) == pytest.approx(own[m, f])
        assert entry.best(mix) == FACTORS[own[m].mean(axis=1).argmin()]
    gap = bits[0] - bits[2]
    assert entry.moved("text", "code", (2.0, 2.0), "markup") == pytest.approx(gap[2, 2] - gap[1, 2])
    apart = bits[0, 0, 1] - bits[2, 2, 1] - gap[1, 1]
    assert entry.moved("text", "code", (0.5, 2.0), "code") == pytest.approx(apart)
    gaps = np.stack([bits[0] - bits[1], gap, bits[1] - bits[2]])
    furthest = np.abs((gaps - gaps[:, 1:2]).mean(axis=-1)).max(axis=(0, 1))
    assert [entry.furthest(name) for name in SETS] == pytest.approx(furthest)


def test_a_study_like_the_measured_one_is_told_which_mix_likes_which_rate_and_what_that_moves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ship(monkeypatch, tmp_path, text_likes_half())
    (told,) = plan_study("quickstart").design.shared
    assert "0.002, 0.004 and 0.008" in told
    assert "0.002 (the lowest) for text, 0.004 for balanced, 0.008 (the highest) for code" in told
    assert "difference of two of these mixes by up to 0.52 on text, 0.47 on code and 0.47 on markup" in told
    assert "not measured" not in told


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (["sizes=[5M]"], "not measured at 5M."),
        (["train.learning_rate=0.001"], "with this learning rate."),
        (["train.rows_per_step=4"], "with this batch."),
        (["train.optimizer=muon"], "with this optimizer."),
        (["units.P=20_480"], "with this length of training."),
        (["units.P=20_480", "train.rows_per_step=4"], "with this batch and length of training."),
    ],
)
def test_a_study_unlike_the_measured_one_is_told_that_it_is_unknown(
    changes: list[str], why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ship(monkeypatch, tmp_path, text_likes_half())
    (told,) = plan_study("quickstart", changes).design.shared
    assert "the best of" not in told and told.endswith(why)


@pytest.mark.parametrize("changed", ["corpus", "tokenizer"])
def test_another_corpus_or_tokenizer_is_unknown(changed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ship(monkeypatch, tmp_path, text_likes_half().model_copy(update={changed: "other"}))
    (told,) = plan_study("quickstart").design.shared
    assert told.endswith(f"not measured at 1M with this {changed}.")


def test_one_unknown_size_leaves_the_other_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ship(monkeypatch, tmp_path, text_likes_half())
    (told,) = plan_study("quickstart", ["sizes=[15M, 1M, 5M]"]).design.shared
    assert "At 1M the best" in told and told.endswith("not measured at 15M and 5M.")


def test_the_sizes_own_rate_written_out_is_the_same_study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ship(monkeypatch, tmp_path, text_likes_half())
    assert (
        plan_study("quickstart", ["train.learning_rate=0.004"]).design.shared == plan_study("quickstart").design.shared
    )


def test_arms_of_one_mix_share_their_rate_without_favour() -> None:
    one_mix = ["arms={short: [text], long: [text, text, decay]}", "contrasts={}", "primary=null"]
    plan = plan_study("quickstart", one_mix)
    assert shared_rate(plan.study) is None and plan.design.shared == ()


def test_it_is_printed_with_the_plan_and_on_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ship(monkeypatch, tmp_path, text_likes_half())
    plan = plan_study("quickstart")
    printed = StringIO()
    print_plan(plan, plan_report(plan, "", {}), Console(file=printed, width=160))
    assert f"Confound of every contrast between mixes: {plan.design.shared[0]}" in printed.getvalue()

    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "analyze")
    import planted

    folder = tmp_path / "run"
    planted.write_run(folder, planted.quickstart_design(seeds=2).model_copy(update={"shared": ("<b>1 & 2</b>",)}))
    assert load_design(folder).shared == ("<b>1 & 2</b>",)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "Confound of every contrast between mixes: &lt;b&gt;1 &amp; 2&lt;/b&gt;" in page


def test_the_shipped_table_is_of_the_quickstart() -> None:
    (entry,) = read_shipped()
    assert entry.learning_rate == SIZES[entry.size].learning_rate
    assert {len(entry.own(mix, factor)) for mix in MIXES for factor in FACTORS} == {3}
    assert entry.mixes == MIXES
    assert all(1 < bits < 8 for mix in MIXES for factor in FACTORS for bits in entry.own(mix, factor))
    plan = plan_study("quickstart")
    assert "At 1M the best of 0.002, 0.004 and 0.008 is " in plan.design.shared[0]
    assert {arm.steps * plan.study.tokens_per_step for arm in plan.study.arms} >= {entry.tokens}


def test_the_page_of_sizes_holds_the_sizes() -> None:
    assert sizes_table() in SIZES_PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("size", SIZES)
def test_a_batch_is_within_a_factor_of_root_two_of_the_published_fit(size: str) -> None:
    flops = 6 * SIZES[size].body_parameters * 10**10
    batch = SIZES[size].batch_tokens(10**10)
    assert batch.bit_count() == 1
    assert abs(math.log2(batch) - math.log2(0.292) - 0.3271 * math.log2(flops)) <= 0.5


def test_the_papers_batch_comes_out_at_its_larger_size() -> None:
    assert SIZES["2.8B"].batch_tokens(400 * 10**9) == 512 * 8192
