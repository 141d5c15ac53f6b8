"""What the page draws: curves over shares, trade-off, transfer, noise by task, and what lies beneath an effect."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import statsmodels.formula.api as smf
from planted import ARMS, quickstart_design, simulate_items, write_run
from share_study import BEST, ITEMS, SHARES, share_design, write_shares

from assay.analyze.drill import ITEMS_IN_ALL, items_each
from assay.analyze.estimator import Estimator
from assay.analyze.records import read_records
from assay.analyze.results import load_items, stream_items, write_results
from assay.analyze.summary import from_size_to_size
from assay.analyze.task_noise import task_noise
from assay.errors import InputError
from assay.study.design import Design


@pytest.fixture(scope="module")
def shares(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("runs") / "shares"
    write_shares(folder, seed=2)
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


def test_each_pair_at_the_largest_size_is_foretold_by_the_smaller_beside_what_was_measured(
    shares: tuple[Path, dict[str, Any]],
) -> None:
    rows = shares[1]["foretold"]
    measured = {(row["a"], row["b"], row["metric"]): row for row in shares[1]["contrasts"] if row["size"] == "15M"}
    assert len(rows) == 2 * (len(SHARES) - 1)
    for row in rows:
        assert row["target"] == "15M" and row["low"] < row["predicted"] < row["high"]
        assert row["observed"] == pytest.approx(measured[row["a"], row["b"], row["metric"]]["effect"], rel=1e-9)
    assert sum(row["held"] for row in rows) >= 8, "the planted differences are those of the smaller sizes"


def test_the_answer_says_what_smaller_sizes_are_right_about(shares: tuple[Path, dict[str, Any]]) -> None:
    rows, foretold = shares[1]["transfer"], shares[1]["foretold"]
    sentence = shares[1]["summary"]["sizes"]
    decided = sum(row["decided"] for row in rows if row["size"] == "1M")
    assert sentence.startswith(f"From size to size: of {decided} differences between two arms that 15M decides")
    for size in ("1M", "5M"):
        right = sum(row["right"] for row in rows if row["size"] == size)
        assert f"{size} has the sign of {right}" in sentence or (right == decided and "the sign of all" in sentence)
    assert f"foretold {sum(row['held'] for row in foretold)} of {len(foretold)} comparisons" in sentence


@pytest.mark.parametrize(
    ("right", "observed", "signs", "line"),
    [
        (
            {"1M": 4, "5M": 4}, [0.2, 0.3], "1M and 5M have the sign of all",
            "2 of 4, worst on text, 2 of 4; all that it missed came out smaller than foretold.",
        ),
        (
            {"1M": 0, "5M": 3}, [0.2, 0.9], "1M has the sign of none and 5M has the sign of 3",
            "2 of 4, worst on text, 2 of 4.",
        ),
        ({"1M": 3, "5M": 4}, [], "1M has the sign of 3 and 5M has the sign of all", "2 of 2."),
    ],
)  # fmt: skip
def test_what_smaller_sizes_are_wrong_about_is_said(
    right: dict[str, int], observed: list[float], signs: str, line: str
) -> None:
    metric = "heldout_text/bits_per_byte"
    transferred = [
        {"metric": metric, "size": size, "target": "15M", "decided": 4, "right": n} for size, n in right.items()
    ]
    foretold = [{"metric": metric, "held": True, "predicted": 0.5, "observed": 0.5} for _ in range(2)]
    foretold += [{"metric": metric, "held": False, "predicted": 0.5, "observed": value} for value in observed]
    told = from_size_to_size(share_design(("1M", "5M", "15M")), transferred, foretold)
    start = "From size to size: of 4 differences between two arms that 15M decides, over all pairs and metrics, "
    assert told and told.startswith(f"{start}{signs}. A line through the smaller sizes foretold ")
    shorter = told.replace(" comparisons within the noise of both", "").replace("held-out text (bits per byte)", "text")
    assert shorter.endswith(f" foretold {line}")
    undecided = [{**row, "decided": 0, "right": 0} for row in transferred]
    assert "no two arms differ decidedly at 15M" in (from_size_to_size(share_design(("1M",)), undecided, []) or "")


def test_one_size_has_no_transfer_and_no_trend_no_curve(quickstart: tuple[Path, dict[str, Any]]) -> None:
    assert quickstart[1]["transfer"] == quickstart[1]["foretold"] == quickstart[1]["dose_response"] == []
    assert quickstart[1]["summary"]["sizes"] is None


def test_noise_by_task_is_that_of_the_raw_numbers(quickstart: tuple[Path, dict[str, Any]]) -> None:
    items = load_items(quickstart[0]).to_pandas()
    rows = quickstart[1]["task_noise"]
    ratios = [row["ratio"] for row in rows]
    assert ratios == sorted(ratios, reverse=True)
    row = next(row for row in rows if (row["task"], row["measure"]) == ("mbpp", "bits_per_byte"))
    sums = items[items.task == "mbpp"].groupby(["arm", "seed"])[["gold_bits", "gold_bytes"]].sum()
    values = (sums.gold_bits / sums.gold_bytes).unstack()
    table = values.stack().rename("value").reset_index()
    left = smf.ols("value ~ C(arm) + C(seed)", table).fit().mse_resid
    assert row["between_seeds"] == pytest.approx(left**0.5, rel=1e-8)
    assert row["between_arms"] == pytest.approx((values.mean(axis=1).var(ddof=1) - left / 3) ** 0.5, rel=1e-8)
    assert (row["n_arms"], row["n_seeds"], row["n_items"]) == (11, 3, 250)
    assert {row["between_checkpoints"] for row in rows} == {None}, "only the end was measured"


def shifted(design: Design, shift: Mapping[tuple[str, int], float], tokens: int = 1000) -> pa.Table:
    """Records of one task whose bits per byte are the same for all but for a shift of each (arm, seed)."""
    items = simulate_items(design, np.random.default_rng(0), noise=0)
    runs = zip(items["arm"].to_pylist(), items["seed"].to_pylist(), strict=True)
    bits = (3 + np.array([shift[run] for run in runs])) * items["gold_bytes"].to_numpy()
    items = items.set_column(items.column_names.index("gold_bits"), "gold_bits", pa.array(bits))
    seen = pa.array([tokens] * items.num_rows, pa.int64())
    return items.set_column(items.column_names.index("tokens_seen"), "tokens_seen", seen)


def one_task(seeds: int) -> Design:
    full = quickstart_design(seeds)
    tasks = tuple(task for task in full.tasks if task.id == "triviaqa")
    return full.model_copy(update={"arms": ARMS[:3], "tasks": tasks, "metrics": (), "contrasts": ()})


def noise_of(design: Design, tables: Sequence[pa.Table]) -> list[dict[str, Any]]:
    return task_noise(design, Estimator(design, read_records(design, tables)))


def test_what_a_seed_does_to_all_arms_is_neither_noise_nor_taken_off_the_signal() -> None:
    design = one_task(3)
    rest = np.random.default_rng(0).normal(0, 0.002, (3, 3))
    shift = {
        (arm, seed): 0.05 * (place - 1) + 0.1 * (seed - 1) + rest[place, seed]
        for place, arm in enumerate(design.arms)
        for seed in design.seeds
    }
    (row,) = noise_of(design, [shifted(design, shift)])
    assert row["between_arms"] == pytest.approx(0.05, abs=0.003)
    assert row["between_seeds"] < 0.005 and row["ratio"] > 10


def test_noise_by_task_is_over_the_seeds_that_all_arms_share_and_there_is_none_without_two() -> None:
    design = one_task(4)
    shift = dict(
        zip(itertools.product(design.arms, design.seeds), np.random.default_rng(1).normal(0, 0.05, 12), strict=True)
    )
    items = shifted(design, shift)

    def without(*runs: tuple[str, int]) -> list[dict[str, Any]]:
        gone = [run in runs for run in zip(items["arm"].to_pylist(), items["seed"].to_pylist(), strict=True)]
        return noise_of(design, [items.filter(pc.invert(pa.array(gone)))])

    first, second, _ = design.arms
    fewer = noise_of(design.model_copy(update={"seeds": (0, 1, 2)}), [items])
    assert without((first, 3)) == fewer and fewer[0]["n_seeds"] == 3
    assert without((first, 0), (first, 1), (second, 2), (second, 3)) == []


def test_noise_of_the_last_checkpoints_is_what_they_are_off_their_line() -> None:
    design = one_task(30)
    rng = np.random.default_rng(2)
    runs = list(itertools.product(design.arms, design.seeds))
    level = dict(zip(runs, rng.normal(0, 0.2, len(runs)), strict=True))
    slope = dict(zip(runs, rng.normal(0, 1e-4, len(runs)), strict=True))
    tables = [
        shifted(
            design,
            # a bend that the seeds of an arm share, and an early checkpoint that does not count
            {
                run: level[run] + slope[run] * at + 1e-6 * (at - 1000) ** 2 + rng.normal(0, 0.03) + 9 * (at < 500)
                for run in runs
            },
            at,
        )
        for at in (2000, 100, 1200, 900)
    ]
    (row,) = noise_of(design, tables)
    assert row["between_checkpoints"] == pytest.approx(0.03, rel=0.2)
    assert noise_of(design, tables[:2])[0]["between_checkpoints"] is None


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
