"""What the page draws: curves over shares, trade-off, transfer, noise by task, and what lies beneath an effect."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from planted import quickstart_design, simulate_items, write_run
from share_study import BEST, ITEMS, SHARES, share_design, write_shares

from assay.analyze.drill import ITEMS_IN_ALL, items_each
from assay.analyze.records import read_records
from assay.analyze.results import load_items, stream_items, write_results
from assay.errors import InputError


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("runs") / "shares"
    write_shares(folder)
    return folder, write_results(folder)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("runs") / "quickstart"
    write_run(folder)
    return folder, write_results(folder)


def test_a_trend_over_a_share_finds_the_planted_best(shares: tuple[Path, dict[str, Any]]) -> None:
    rows = [row for row in shares[1]["dose_response"] if row["metric"] == "heldout_text/bits_per_byte"]
    assert [row["size"] for row in rows] == ["1M", "5M", "15M"]
    for row in rows:
        assert row["shares"] == [share / 100 for share in SHARES]
        assert row["best"]["share"] == pytest.approx(BEST, abs=0.05)
        assert row["best"]["low"] - 0.03 <= BEST <= row["best"]["high"] + 0.03
        assert len(row["grid"]) == len(row["mean"]) == len(row["low_everywhere"])


def test_the_values_behind_a_curve_are_those_of_the_records(shares: tuple[Path, dict[str, Any]]) -> None:
    items = load_items(shares[0]).to_pandas()
    row = next(row for row in shares[1]["dose_response"] if row["metric"] == "heldout_code/bits_per_byte")
    here = items[(items["size"] == row["size"]) & (items.task == "heldout_code")]
    sums = here.groupby(["seed", "arm"])[["gold_bits", "gold_bytes"]].sum()
    expected = (sums.gold_bits / sums.gold_bytes).unstack()[row["arms"]].to_numpy()
    assert np.array(row["by_seed"]) == pytest.approx(expected, rel=1e-9)


def test_a_trend_over_something_else_has_no_curve(tmp_path: Path) -> None:
    design = share_design(("1M",))
    trend = design.contrasts[0].model_copy(update={"factor": "learning rate"})
    write_shares(tmp_path / "run", design.model_copy(update={"contrasts": (trend,)}))
    assert write_results(tmp_path / "run")["dose_response"] == []


def test_arms_that_lose_both_capabilities_are_beaten(shares: tuple[Path, dict[str, Any]]) -> None:
    for row in shares[1]["frontier"]:
        standing = {point["arm"]: point["standing"] for point in row["points"]}
        assert standing["share-0"] != "on the frontier"
        assert standing["share-50"] == standing["share-100"] == "on the frontier"


def test_three_sizes_alike_foretell_the_largest(shares: tuple[Path, dict[str, Any]]) -> None:
    rows = shares[1]["transfer"]
    assert {(row["metric"], row["size"]) for row in rows} == {
        (f"heldout_{name}/bits_per_byte", size) for name in ("text", "code") for size in ("1M", "5M")
    }
    for row in rows:
        assert row["target"] == "15M" and row["decided"] > 5
        assert row["accuracy"] == row["right"] / row["decided"] >= 0.9
        assert len(row["reversals"]) == row["decided"] - row["right"]


def test_one_size_has_no_transfer_and_no_trend_no_curve(quickstart: tuple[Path, dict[str, Any]]) -> None:
    assert quickstart[1]["transfer"] == quickstart[1]["dose_response"] == []


def test_noise_by_task_is_that_of_the_raw_numbers(quickstart: tuple[Path, dict[str, Any]]) -> None:
    items = load_items(quickstart[0]).to_pandas()
    rows = quickstart[1]["task_noise"]
    ratios = [row["ratio"] for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    row = next(row for row in rows if (row["task"], row["measure"]) == ("mbpp", "bits_per_byte"))
    sums = items[items.task == "mbpp"].groupby(["arm", "seed"])[["gold_bits", "gold_bytes"]].sum()
    values = (sums.gold_bits / sums.gold_bytes).unstack()
    within = values.var(axis=1, ddof=1).mean()
    assert row["between_seeds"] == pytest.approx(within**0.5, rel=1e-8)
    assert row["between_arms"] == pytest.approx((values.mean(axis=1).var(ddof=1) - within / 3) ** 0.5, rel=1e-8)
    assert (row["n_arms"], row["n_seeds"], row["n_items"]) == (11, 3, 250)


def test_items_beneath_an_effect_are_those_that_changed_most(quickstart: tuple[Path, dict[str, Any]]) -> None:
    items = load_items(quickstart[0]).to_pandas()
    name, metric = "balanced.decay vs text.decay", "knowledge/bits_per_byte"
    (row,) = [one for one in quickstart[1]["beneath"] if (one["id"], one["metric"]) == (name, metric)]
    (effect,) = [one["effect"] for one in quickstart[1]["contrasts"] if (one["id"], one["metric"]) == (name, metric)]
    assert np.mean(row["by_seed"]) == pytest.approx(effect, rel=1e-9)
    items["value"] = items.gold_bits / items.gold_bytes
    means = items[items.task.isin(["triviaqa", "nq_open"])].groupby(["arm", "item"]).value.mean().unstack("arm")
    change = (means["balanced.decay"] - means["text.decay"]).abs().sort_values(ascending=False)
    assert [one[0] for one in row["items"][:20]] == list(change.index[:20])
    assert len(row["items"]) == 50 and sum(row["counts"]) == row["n_items"] == 500


def test_a_large_study_lists_fewer_items_a_comparison() -> None:
    assert items_each(52) == 50
    assert items_each(2000) * 2000 <= ITEMS_IN_ALL
    assert items_each(10 * ITEMS_IN_ALL) == 0


def test_the_papers_values_stand_beside_arms_of_its_recipes(quickstart: tuple[Path, dict[str, Any]]) -> None:
    printed = {(row["id"], row["category"]): row for row in quickstart[1]["printed"]}
    assert printed["balanced-text.decay vs text.decay", "reasoning"]["gain"] == pytest.approx(0.082)
    assert printed["balanced-text.decay vs text.decay", "code"]["gain"] == pytest.approx(11)
    table = printed["balanced.cool20 vs text.cool20", "reasoning"]
    assert table["gain"] == pytest.approx(53.2 / 54.1 - 1) and table["source"] == "Table 2"
    assert not [row for row in quickstart[1]["printed"] if row["id"] == "balanced-text.cool20 vs text.cool0"]


def test_a_plan_that_does_not_say_what_arms_are_trained_on_has_no_printed_values(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    plan = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    (tmp_path / "run" / "plan.json").write_text(json.dumps({"design": plan["design"]}), encoding="utf-8")
    assert write_results(tmp_path / "run")["printed"] == []


def test_records_in_pieces_are_those_in_one_table(shares: tuple[Path, dict[str, Any]]) -> None:
    design = share_design()
    whole = load_items(shares[0])
    one = read_records(design, whole)
    pieces = read_records(design, stream_items(shares[0]))
    shuffled = whole.take(np.random.default_rng(0).permutation(whole.num_rows))
    for other in (pieces, read_records(design, [shuffled.slice(0, 500), shuffled.slice(500)])):
        assert other.checkpoints == one.checkpoints and other.numerics == one.numerics
        for key, block in one.blocks.items():
            assert other.blocks[key].items == block.items and len(block.items) == ITEMS
            assert np.array_equal(other.blocks[key].clusters, block.clusters)
            for column, values in block.values.items():
                assert np.array_equal(other.blocks[key].values[column], values, equal_nan=True)


def test_a_later_checkpoint_in_another_table_replaces_the_earlier_whatever_their_order() -> None:
    design = quickstart_design(seeds=1)
    items = simulate_items(design, np.random.default_rng(0))
    place = items.column_names.index("tokens_seen")
    early = items.set_column(place, "tokens_seen", pa.array([1000] * items.num_rows))
    early = early.set_column(early.column_names.index("gold_bits"), "gold_bits", pc.add(items["gold_bits"], 5.0))
    known = read_records(design, items).blocks["1M", "piqa"].values["gold_bits"]
    for tables in ([early, items], [items, early]):
        found = read_records(design, tables).blocks["1M", "piqa"].values["gold_bits"]
        assert np.array_equal(found, known)


def test_one_record_in_two_tables_is_refused() -> None:
    design = quickstart_design(seeds=1)
    items = simulate_items(design, np.random.default_rng(0))
    with pytest.raises(InputError, match="has two records for one checkpoint"):
        read_records(design, [items, items.slice(7, 1)])
