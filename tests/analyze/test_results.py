"""results.json from item records: its keys, its bytes, and what does not change it."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from planted import metric, pair, records, replaced, row_of, small_design, write_run
from scipy import stats

from assay.analyze.effects import Prior
from assay.analyze.frame import Results
from assay.analyze.power import seeds_needed
from assay.analyze.results import build_results, load_design, load_items, write_results
from assay.analyze.summary import _primary
from assay.errors import InputError
from assay.study.design import Contrast

CONTRAST_KEYS = {
    "id", "kind", "size", "metric", "category", "better_is", "a", "b", "arms", "effect", "relative", "low", "high",
    "df", "n_seeds", "n_items", "p", "p_adjusted", "margin", "mde", "verdict", "favours", "confounds",
    "family", "factor", "declared", "se", "paired", "relative_low", "relative_high", "low_new_items",
    "high_new_items", "holds_on_new_items",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("runs") / "quickstart"
    write_run(folder)
    return folder


def test_every_promised_key_is_there(run: Path) -> None:
    results = write_results(run)
    assert {"study", "arms", "sizes", "seeds", "tasks", "open_choices", "tokens", "contrasts"} <= set(results)
    design = load_design(run)
    assert len(results["contrasts"]) == len(design.contrasts) * len(design.metrics)
    assert all(set(row) == CONTRAST_KEYS for row in results["contrasts"])
    assert {row["verdict"] for row in results["contrasts"]} <= {"higher", "lower", "no difference", "cannot tell"}


def test_the_bytes_are_the_same_each_time(run: Path) -> None:
    write_results(run)
    first = (run / "results.json").read_bytes()
    (run / "results.json").unlink()
    write_results(run)
    assert (run / "results.json").read_bytes() == first
    assert first.endswith(b"}\n") and b"NaN" not in first
    assert list(run.glob(".results*")) == []


def test_effects_are_those_of_the_raw_numbers(run: Path) -> None:
    items = load_items(run).to_pandas()
    row = row_of(write_results(run), "balanced.decay vs text.decay", "reasoning/bits_per_byte")
    tasks = next(m.tasks for m in load_design(run).metrics if m.id == "reasoning/bits_per_byte")
    sums = items[items.task.isin(tasks)].groupby(["arm", "seed", "task"])[["gold_bits", "gold_bytes"]].sum()
    per_seed = (sums.gold_bits / sums.gold_bytes).groupby(["arm", "seed"]).mean()
    expected = (per_seed["balanced.decay"] - per_seed["text.decay"]).mean()
    assert row["effect"] == pytest.approx(expected, rel=1e-9)
    assert row["relative"] == pytest.approx(expected / per_seed["text.decay"].mean(), rel=1e-9)


def test_accuracy_at_chance_has_no_relative_effect(run: Path) -> None:
    row = row_of(write_results(run), "balanced.decay vs text.decay", "reasoning/accuracy")
    assert row["relative"] is None and row["effect"] is not None


def test_a_planted_effect_is_found_and_favours_the_right_arm(run: Path) -> None:
    row = row_of(write_results(run), "balanced.decay vs text.decay", "code/bits_per_byte")
    assert (row["verdict"], row["favours"], row["better_is"]) == ("lower", "a", "lower")
    assert row["low"] < row["effect"] < row["high"] < 0 and row["mde"] < abs(row["effect"])


def test_the_order_of_rows_changes_nothing() -> None:
    design = small_design()
    items = records(design)
    shuffled = items.take(np.random.default_rng(1).permutation(items.num_rows))
    assert json.dumps(build_results(design, items)) == json.dumps(build_results(design, shuffled))


def test_a_contrast_does_not_depend_on_the_others_but_for_holm() -> None:
    design = small_design()
    items = records(design)
    alone = design.model_copy(update={"contrasts": design.contrasts[:1]})
    together = build_results(design, items)["contrasts"]
    for row in build_results(alone, items)["contrasts"]:
        twin = next(other for other in together if (other["id"], other["metric"]) == (row["id"], row["metric"]))
        changing = {"p_adjusted", "verdict", "favours"}
        assert {k: v for k, v in row.items() if k not in changing} == {
            k: v for k, v in twin.items() if k not in changing
        }


def test_exploratory_metrics_do_not_weaken_the_declared() -> None:
    design = small_design()
    items = records(design)
    declared = design.model_copy(update={"metrics": tuple(metric for metric in design.metrics if metric.declared)})
    with_rest = [row for row in build_results(design, items)["contrasts"] if row["declared"]]
    assert with_rest == build_results(declared, items)["contrasts"]


def test_one_seed_cannot_tell() -> None:
    design = small_design(seeds=1)
    results = build_results(design, records(design))
    for row in results["contrasts"]:
        assert row["effect"] is not None
        assert (row["low"], row["p"], row["mde"], row["verdict"]) == (None, None, None, "cannot tell")
    assert all("one seed" in entry["why"] for entry in results["summary"]["undecided"])


def test_arms_that_are_one_checkpoint_do_not_differ_and_are_not_tested() -> None:
    design = small_design(
        contrasts=(pair("initialisation", "none", "copy", "text.decay"),), arms=("text.decay", "copy")
    )
    original = records(small_design(arms=("text.decay",), contrasts=()))
    items = pa.concat_tables([original, replaced(original, "arm", ["copy"] * original.num_rows)])
    for row in build_results(design, items)["contrasts"]:
        assert (row["effect"], row["low"], row["high"], row["p"]) == (0, 0, 0, None)
        assert (row["verdict"], row["favours"]) == ("no difference", None)


def test_two_models_that_answer_alike_are_not_taken_for_one() -> None:
    design = small_design()
    items = records(design)
    alike = replaced(items, "correct", [None if value is None else True for value in items["correct"].to_pylist()])
    row = row_of(build_results(design, alike), "balanced.decay vs text.decay", "boolq/accuracy")
    assert (row["effect"], row["low"], row["verdict"]) == (0, None, "cannot tell")


def test_only_seeds_that_both_arms_have_count() -> None:
    design = small_design(seeds=4)
    items = records(design)
    missing = pc.and_(pc.equal(items["arm"], "text.decay"), pc.equal(items["seed"], 2))
    results = build_results(design, items.filter(pc.invert(missing)))
    assert {row["n_seeds"] for row in results["contrasts"]} == {3}
    three = design.model_copy(update={"seeds": (0, 1, 3)})
    assert build_results(three, items)["contrasts"] == results["contrasts"]


def without(items: pa.Table, arm: str, seeds: list[int]) -> pa.Table:
    of_arm = pc.and_(pc.equal(items["arm"], arm), pc.is_in(items["seed"], pa.array(seeds, pa.int32())))
    return items.filter(pc.invert(of_arm))


def test_arms_without_common_seeds_are_compared_unpaired() -> None:
    design = small_design(seeds=6)
    items = without(without(records(design), "balanced.decay", [0, 1, 2]), "text.decay", [3, 4, 5])
    results = build_results(design, items)
    row = row_of(results, "balanced.decay vs text.decay", "heldout_text/bits_per_byte")
    table = items.to_pandas()
    sums = table[table.task == "heldout_text"].groupby(["arm", "seed"])[["gold_bits", "gold_bytes"]].sum()
    per_seed = sums.gold_bits / sums.gold_bytes
    oracle = stats.ttest_ind(per_seed["balanced.decay"], per_seed["text.decay"], equal_var=False)
    assert (row["paired"], row["n_seeds"]) == (False, 3)
    assert row["effect"] == pytest.approx(per_seed["balanced.decay"].mean() - per_seed["text.decay"].mean(), rel=1e-9)
    assert row["se"] == pytest.approx(abs(row["effect"] / oracle.statistic), rel=1e-8)
    assert row["df"] == np.floor(oracle.df)
    assert row_of(results, "code-text.decay vs text.decay", "heldout_text/bits_per_byte")["paired"] is True


def test_fewer_than_three_unpaired_seeds_are_refused_with_the_reason() -> None:
    design = small_design(seeds=5)
    items = without(without(records(design), "balanced.decay", [0, 1, 2]), "text.decay", [3, 4])
    results = build_results(design, items)
    row = row_of(results, "balanced.decay vs text.decay", "heldout_text/bits_per_byte")
    assert row["effect"] is not None
    assert (row["low"], row["mde"], row["verdict"], row["n_seeds"]) == (None, None, "cannot tell", 2)
    whys = {entry["why"] for entry in results["summary"]["undecided"] if entry["id"] == row["id"]}
    assert whys == {"its arms share no two seeds, and unpaired it takes 3 seeds an arm"}


def test_an_effect_of_a_few_items_is_an_effect_on_the_suite_that_need_not_hold_on_others() -> None:
    """A third of the items speak for either arm in every seed alike, and the suite for one by a little."""
    design = small_design()
    items = records(design)
    rng = np.random.default_rng(5)
    arm, task = items["arm"].to_pylist(), items["task"].to_pylist()
    number = [int(name.rpartition("-")[2]) for name in items["item"].to_pylist()]
    changed = [
        (90.0 * (i % 3 - 1) * (a == "balanced.decay") + 0.5 * (a == "balanced.decay") + 100 + rng.normal(0, 0.01))
        if t == "hellaswag" else value
        for a, t, i, value in zip(arm, task, number, items["gold_bits"].to_pylist(), strict=True)
    ]  # fmt: skip
    results = build_results(design, replaced(items, "gold_bits", changed))
    row = row_of(results, "balanced.decay vs text.decay", "hellaswag/bits_per_byte")
    assert row["verdict"] != "cannot tell"
    assert row["low_new_items"] < 0 < row["high_new_items"] and row["holds_on_new_items"] is False


def test_a_contrast_without_records_says_so() -> None:
    design = small_design(sizes=("1M", "5M"))
    results = build_results(design, records(small_design()))
    empty = [row for row in results["contrasts"] if row["size"] == "5M"]
    assert {(row["effect"], row["n_seeds"], row["verdict"]) for row in empty} == {(None, 0, "cannot tell")}


def test_forks_of_a_seed_are_averaged_and_are_no_seeds() -> None:
    design = small_design()
    items = records(design)
    bits = items["gold_bits"].to_numpy()
    up, down = replaced(items, "gold_bits", bits + 1), replaced(items, "gold_bits", bits - 1)
    forked = pa.concat_tables([up, replaced(down, "fork_seed", [1] * items.num_rows)])
    for row, plain in zip(
        build_results(design, forked)["contrasts"], build_results(design, items)["contrasts"], strict=True
    ):
        assert row["n_seeds"] == 3
        assert row["effect"] == pytest.approx(plain["effect"], rel=1e-6, abs=1e-9)


def test_only_an_arms_last_checkpoint_counts() -> None:
    design = small_design()
    items = records(design)
    early = replaced(items, "tokens_seen", [1000] * items.num_rows)
    early = replaced(early, "gold_bits", items["gold_bits"].to_numpy() * 3)
    assert build_results(design, pa.concat_tables([early, items])) == build_results(design, items)


def test_right_answers_in_words_are_a_share_of_the_samples_of_the_items_that_were_asked() -> None:
    design = small_design()
    task = design.tasks[-1]
    answers = metric(task.id, task.title, task.category, [task.id], "answers", declared=True)
    design = design.model_copy(update={"metrics": (answers,)})
    items = records(design)
    is_here = pc.equal(items["task"], task.id).to_pylist()
    numbers = [int(name.rpartition("-")[2]) for name in items["item"].to_pylist()]
    asked = [here and number % 3 > 0 for here, number in zip(is_here, numbers, strict=True)]
    is_first = pc.equal(items["arm"], design.arms[0]).to_pylist()
    samples = [4 if one else None for one in asked]
    right = [(3.0 if first else 1.0) if one else None for one, first in zip(asked, is_first, strict=True)]
    items = replaced(replaced(items, "samples", samples), "right", right)
    results = build_results(design, items)
    values = {row["arm"]: row["value"] for row in results["arms_table"] if row["metric"] == answers.id}
    assert values[design.arms[0]] == pytest.approx(0.75)
    assert values[design.arms[1]] == pytest.approx(0.25)


def test_a_trend_over_a_grid_is_its_least_squares_slope() -> None:
    design = small_design()
    grid = np.array([0.0, 0.5, 1.0])
    weights = (grid - grid.mean()) / np.square(grid - grid.mean()).sum()
    trend = Contrast(
        id="share of code",
        family="initialisation",
        kind="trend",
        factor="share",
        arms=design.arms,
        weights=tuple(weights),
        a=design.arms[2],
        b=design.arms[0],
        confounds=(),
    )
    results = build_results(design.model_copy(update={"contrasts": (trend,)}), records(design))
    values = [
        next(
            row["value"] for row in results["arms_table"] if (row["arm"], row["metric"]) == (arm, "boolq/bits_per_byte")
        )
        for arm in design.arms
    ]
    row = row_of(results, "share of code", "boolq/bits_per_byte")
    assert row["effect"] == pytest.approx(np.polyfit(grid, values, 1)[0], rel=1e-8)


def test_different_numerics_are_named_as_a_confound() -> None:
    design = small_design()
    items = records(design)
    numerics = ["other" if arm == "text.decay" else "cpu" for arm in items["arm"].to_pylist()]
    results = build_results(design, replaced(items, "numerics", numerics))
    assert all("numerics: cpu against other" in row["confounds"] for row in results["contrasts"])


def test_a_primary_contrast_of_smaller_sizes_is_told_at_its_own_largest() -> None:
    design = small_design(sizes=("1M", "5M"), parameters={"1M": {"body": 1}, "5M": {"body": 5}})
    first, *rest = design.contrasts
    design = design.model_copy(
        update={"contrasts": (first.model_copy(update={"sizes": ("1M",)}), *rest), "primary": first.id}
    )
    items = pa.concat_tables([records(design.model_copy(update={"sizes": (size,)})) for size in design.sizes])
    told = build_results(design, items)["summary"]["primary"]
    assert told.startswith(f"The study's primary contrast, {first.a} against {first.b} at 1M")
    everywhere = design.model_copy(update={"contrasts": (first, *rest)})
    assert f"{first.b} at 5M" in build_results(everywhere, items)["summary"]["primary"]


def test_the_summary_says_how_large_what_is_decided_is_and_where_else_it_is_decided() -> None:
    design = small_design(sizes=("1M", "5M"), parameters={"1M": {"body": 1}, "5M": {"body": 5}})
    results = build_results(
        design, pa.concat_tables([records(design.model_copy(update={"sizes": (size,)})) for size in design.sizes])
    )
    rows = [row for row in results["contrasts"] if row["declared"] and row["favours"] and row["size"] == "5M"]
    assert rows
    told = " ".join(one["text"] for one in results["summary"]["sentences"])
    for row in rows:
        alike = [one for one in rows if (one["metric"], one["favours"]) == (row["metric"], row["favours"])]
        sizes = [abs(one["effect"]) for one in alike]
        assert f"(by {min(sizes):.3f} {'[' if len(alike) == 1 else f'to {max(sizes):.3f}'}" in told
    asked = [row | {"id": "x"} for row in results["contrasts"] if row["declared"] and row["id"] == rows[0]["id"]]
    for row in asked:
        decided = row["size"] == "1M" and row["metric"] == rows[0]["metric"]
        row.update({"verdict": "lower", "favours": "a"} if decided else {"verdict": "cannot tell", "favours": None})
    sentence = _primary(design.model_copy(update={"primary": "x"}), asked)
    assert sentence is not None
    assert "at 5M, is not decided on any declared metric. But at 1M " in sentence
    assert sentence.endswith(" is better.")


def test_a_flat_trend_is_named_as_one() -> None:
    design = small_design()
    flat = Contrast(
        id="share of code", family="initialisation", kind="trend", factor="share of code", arms=design.arms,
        weights=(-0.001, 0.0, 0.001), a=design.arms[2], b=design.arms[0], confounds=(),
    )  # fmt: skip
    wide = tuple(metric.model_copy(update={"margin": 10.0}) for metric in design.metrics if metric.declared)
    design = design.model_copy(update={"contrasts": (flat,), "metrics": wide})
    (sentence,) = build_results(design, records(design))["summary"]["sentences"]
    told = "1 shows no difference that matters (held-out text (bits per byte): the trend over the share of code)"
    assert told in sentence["text"]


class Lending:
    """Steadies every contrast by one prior."""

    def prior(self, size: str, weights: Any, tasks: Any, measure: Any) -> Prior:
        return Prior(0.04, 6.0)

    def told(self, sizes: Any, metrics: Any) -> dict[str, Any]:
        return {}


def test_seeds_needed_are_those_of_the_steadied_variance() -> None:
    design = small_design()
    results = build_results(design, records(design), Lending())
    rows = {(row["id"], row["metric"]): row for row in results["contrasts"] if row["declared"]}
    tests = Counter(row["family"] for row in rows.values())
    undecided = results["summary"]["undecided"]
    assert undecided
    for entry in undecided:
        row = rows[entry["id"], entry["metric"]]
        needed = seeds_needed(row["margin"], 3 * row["se"] ** 2, known=row["df"], alpha=0.05 / tests[row["family"]])
        assert row["df"] == 8 and entry["seeds_for_margin"] == needed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda items: pa.concat_tables([items, items.slice(0, 1)]), "two records"),
        (lambda items: items.drop_columns(["gold_bits"]), "gold_bits"),
        (lambda items: replaced(items, "task_version", [2] * items.num_rows), "the plan says 1"),
        (lambda items: replaced(items, "format", ["x", *items["format"].to_pylist()[1:]]), "more than one format"),
        (lambda items: replaced(items, "gold_bytes", [7777, *items["gold_bytes"].to_pylist()[1:]]), "disagree"),
    ],
)
def test_records_that_do_not_fit_are_refused_with_the_reason(change: Any, told: str) -> None:
    design = small_design()
    with pytest.raises(InputError, match=told):
        build_results(design, change(records(design)))


def test_a_folder_that_is_no_run_is_refused_in_one_message(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run folder"):
        write_results(tmp_path)
    (tmp_path / "plan.json").write_text('{"design": {"study": 3}}', encoding="utf-8")
    with pytest.raises(InputError, match=r"plan\.json"):
        write_results(tmp_path)
    (tmp_path / "plan.json").write_text(
        json.dumps({"design": small_design().model_dump(mode="json")}), encoding="utf-8"
    )
    with pytest.raises(InputError, match="no item records"):
        write_results(tmp_path)
    (tmp_path / "items").mkdir()
    (tmp_path / "items" / "x.parquet").write_bytes(b"not parquet")
    with pytest.raises(InputError, match=r"x\.parquet"):
        write_results(tmp_path)
    pq.write_table(pa.table({"arm": ["a"]}), tmp_path / "items" / "x.parquet")
    with pytest.raises(InputError, match="lack"):
        write_results(tmp_path)


def test_results_can_be_had_in_python(run: Path) -> None:
    write_results(run)
    results = Results(run)
    frame = results.to_frame()
    assert len(frame) == len(results.contrasts) == 13 * len(load_design(run).metrics)
    assert set(frame.columns) == CONTRAST_KEYS
    with pytest.raises(InputError, match="assay report"):
        Results(run / "items")


def test_neither_statistics_nor_page_import_torch() -> None:
    heavy = "{'torch', 'tokenizers', 'pandas'}"
    code = f"import sys, assay.analyze.frame, assay.report.page; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
