"""What a plan says that it will be able to see, against simulation, the textbook, and a run's own records."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from planted import quickstart_design, write_run
from scipy import stats

from assay.analyze.effects import Estimate, Part, Sample, combine, task_part
from assay.analyze.measured import MeasuredPair, MeasuredTask, Noise, Spread, TrainedArm, measure, nearest
from assay.analyze.noise import noise_source, smallest_effects
from assay.analyze.results import load_design, load_items, write_results
from assay.study.plan import Plan, plan_study

KNOWLEDGE = ("triviaqa", "nq_open")
PAIR = "balanced.decay vs text.decay"
METRIC = "knowledge/bits_per_byte"


@dataclass(frozen=True)
class Truth:
    """Standard deviations of a difference: of a seed, of an item, and of a seed on an item."""

    seed: float
    item: float
    both: float

    def draw(self, rng: np.random.Generator, seeds: int, items: Sequence[int], effect: float = 0.0) -> list[Part]:
        """One study: the seeds' shift is common to the tasks, the items are each task's own and even out on it."""
        shift = rng.normal(0, self.seed, (seeds, 1))
        parts = []
        for n in items:
            taste = rng.normal(0, self.item, (1, n))
            values = effect + shift + taste - taste.mean() + rng.normal(0, self.both, (seeds, n))
            parts.append(task_part(Sample(values, np.arange(n))))
        return parts


SEEDS_ONLY = Truth(0.05, 0.0, 0.0)
LIKE_THE_QUICKSTART = Truth(0.03, 0.3, 0.25)
ITEMS_AND_BOTH = Truth(0.0, 0.5, 0.5)


def plan_of(*changes: str) -> Plan:
    """The quickstart with changes, declaring one metric over two tasks."""
    return plan_study("quickstart", [f"metrics=[{METRIC}]", "primary=null", *changes])


def shipped(monkeypatch: pytest.MonkeyPatch, folder: Path, entry: Noise) -> None:
    """Put a table in the place of the one that comes with the program."""
    path = folder / "noise.json"
    path.write_text(json.dumps([entry.model_dump()]))
    monkeypatch.setattr("assay.analyze.measured.SHIPPED", path)


def table(parts: Sequence[Part], limit: int = 200) -> Noise:
    """A table with one pair, as if measured on the quickstart's arms; ``parts`` are those of the two tasks."""
    spreads = {
        name: Spread(
            by_seed=part.by_seed.tolist(),
            items=part.items,
            interaction=part.interaction,
            n_items=part.n_items,
            n_clusters=part.n_clusters,
        )
        for name, part in zip(KNOWLEDGE, parts, strict=True)
    }
    mixes = {"text.decay": {"text": 1.0}, "balanced.decay": {"text": 0.5, "code": 0.4, "markup": 0.1}}
    return Noise(
        corpus="starter",
        tokenizer="starter-4k",
        size="1M",
        seeds=len(parts[0].by_seed),
        arms={
            name: TrainedArm(tokens=675_840, mix=mix, ending="linear", path=[(name, 675_840)])
            for name, mix in mixes.items()
        },
        tasks={name: MeasuredTask(version=1, limit=limit) for name in KNOWLEDGE},
        pairs=[MeasuredPair(a="balanced.decay", b="text.decay", spreads={"bits_per_byte": spreads})],
        numerics=["simulated"],
    )


def found(estimate: Estimate, effect: float) -> bool:
    """Whether a study without effect would have found this one, had it been there."""
    assert estimate.se is not None and estimate.df is not None
    return bool(2 * stats.t.sf(abs(estimate.value + effect) / estimate.se, estimate.df) < 0.05)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("truth", [SEEDS_ONLY, LIKE_THE_QUICKSTART, ITEMS_AND_BOTH])
def test_the_smallest_effect_is_found_in_80_percent_of_simulated_studies(
    seeds: int, truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is measured on other numbers of seeds and items than the study has."""
    rng = np.random.default_rng(seeds)
    shipped(monkeypatch, tmp_path, table(truth.draw(rng, 400, (200, 200))))
    predicted = smallest_effects(plan_of(f"seeds={seeds}", "evaluate.limit=80"))[PAIR, "1M", METRIC]
    assert predicted is not None
    power = np.mean([found(combine(truth.draw(rng, seeds, (80, 80))), predicted) for _ in range(1000)])
    assert 0.75 <= power <= 0.85


def test_what_a_table_of_few_seeds_promises_is_kept_over_such_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its spread may be far off; the promise is over what it may be, and the textbook's would be kept less often."""
    rng = np.random.default_rng(3)
    plan = plan_of("seeds=3", "evaluate.limit=80")
    hits = []
    for _ in range(60):
        shipped(monkeypatch, tmp_path, table(LIKE_THE_QUICKSTART.draw(rng, 4, (80, 80)), limit=80))
        predicted = smallest_effects(plan)[PAIR, "1M", METRIC]
        assert predicted is not None
        hits += [found(combine(LIKE_THE_QUICKSTART.draw(rng, 3, (80, 80))), predicted) for _ in range(20)]
    assert 0.73 <= np.mean(hits) <= 0.87


def test_more_items_help_only_as_far_as_there_are_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = np.arange(9.0) - 4
    parts = [Part(pattern / pattern.std(ddof=1) * 0.03, 0.0, 0.03**2 * 2 / 9, 100, 100) for _ in range(2)]

    def at(limit: int, measured_limit: int) -> float:
        shipped(monkeypatch, tmp_path, table(parts, limit=measured_limit))
        effect = smallest_effects(plan_of("seeds=8", f"evaluate.limit={limit}"))[PAIR, "1M", METRIC]
        assert effect is not None
        return effect

    assert at(400, measured_limit=100) == pytest.approx(at(100, measured_limit=100) / 2, rel=0.02)
    assert at(400, measured_limit=200) == at(100, measured_limit=200), "200 were asked for and 100 came: all there are"
    assert at(25, measured_limit=200) == pytest.approx(at(100, measured_limit=200) * 2, rel=0.02)


@pytest.mark.parametrize(
    "changes",
    [
        ["sizes=[5M]"],
        ["seeds=1"],
        ["units.P=1400k", "max_epochs=9"],
        ["units.P=60k"],
        ["mixes.balanced={code: 1}", "mixes.text={code: 1}"],
    ],
)
def test_what_was_not_measured_is_unknown(changes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped(monkeypatch, tmp_path, table(SEEDS_ONLY.draw(np.random.default_rng(0), 9, (50, 50))))
    assert smallest_effects(plan_of())[PAIR, "1M", METRIC] is not None
    plan = plan_of(*changes)
    assert smallest_effects(plan)[PAIR, plan.design.sizes[0], METRIC] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"corpus": "other"},
        {"tokenizer": "starter-8k"},
        {"tasks": {name: MeasuredTask(version=2, limit=200) for name in KNOWLEDGE}},
    ],
)
def test_noise_of_another_corpus_tokenizer_or_task_is_not_taken(
    changes: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = SEEDS_ONLY.draw(np.random.default_rng(0), 9, (50, 50))
    shipped(monkeypatch, tmp_path, table(parts).model_copy(update=changes))
    assert smallest_effects(plan_of())[PAIR, "1M", METRIC] is None


def test_one_unknown_size_leaves_the_others_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped(monkeypatch, tmp_path, table(SEEDS_ONLY.draw(np.random.default_rng(0), 9, (50, 50))))
    plan = plan_of("sizes=[1M, 5M]")
    effects = smallest_effects(plan)
    assert effects[PAIR, "1M", METRIC] is not None and effects[PAIR, "5M", METRIC] is None
    assert set(effects) == {(one.id, size, METRIC) for one in plan.design.contrasts for size in ("1M", "5M")}
    assert "At 5M it is unknown" in noise_source(plan)
    assert "No noise was measured" in noise_source(plan_of("sizes=[5M]"))
    assert "No noise was measured" in noise_source(plan_of("units.P=1400k", "max_epochs=9")), (
        "no contrast has arms like these"
    )
    assert "One seed" in noise_source(plan_of("seeds=1"))


def arm(code: float, tokens: int = 1000, ending: str = "linear") -> TrainedArm:
    return TrainedArm(
        tokens=tokens, mix={"text": 1 - code, "code": code}, ending=ending, path=[(f"{code} {ending}", tokens)]
    )


def test_a_contrast_takes_the_pair_nearest_in_mix_then_ending_then_length_then_name() -> None:
    measured = {
        "none": arm(0), "some": arm(0.3), "half": arm(0.5), "half.flat": arm(0.5, ending="constant"),
        "half.long": arm(0.5, tokens=2000), "late": arm(0.5),
    }  # fmt: skip
    pairs = [(a, b) for a in measured for b in measured if a != b]

    def chosen(a: tuple[str, TrainedArm], b: tuple[str, TrainedArm]) -> tuple[str, str] | None:
        return nearest(measured, pairs, (a[0], b[0]), dict([a, b]))

    assert chosen(("x", arm(0.28)), ("y", arm(0.05))) == ("some", "none")
    assert chosen(("x", arm(0.5, ending="constant")), ("y", arm(0))) == ("half.flat", "none")
    assert chosen(("x", arm(0.5, tokens=1900)), ("y", arm(0))) == ("half.long", "none")
    assert chosen(("late", arm(0.5)), ("none", arm(0))) == ("late", "none")
    assert chosen(("half", arm(0.5)), ("late", arm(0.5))) == ("half", "late"), "never an arm against itself"
    assert chosen(("x", arm(0.28, tokens=9000)), ("y", arm(0))) is None


def test_a_trend_is_scaled_as_if_all_its_arms_spread_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slope over 0, .1, .2 has weights −5, 0, 5: five times the difference of its ends."""
    shipped(monkeypatch, tmp_path, table(SEEDS_ONLY.draw(np.random.default_rng(0), 9, (50, 50))))
    grid = [
        "arms={'code-{share}': {grid: {share: [0, 0.1, 0.2]}, "
        "stages: [{mix: {code: '{share}', text: rest}, tokens: 2P}, decay]}}",
        "contrasts={share: {asks: how much, factor: code, trend: {arms: 'code-{share}', over: share}}, "
        "ends: {asks: ends, factor: code, pairs: [[code-0.2, code-0]]}}",
    ]
    effects = smallest_effects(plan_of(*grid))
    slope, ends = (effects[name, "1M", METRIC] for name in ("trend of code-{share} over share", "code-0.2 vs code-0"))
    assert slope is not None and ends is not None
    assert slope == pytest.approx(5 * ends, rel=1e-6)


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart's run folder with four seeds of made-up records."""
    folder: Path = tmp_path_factory.mktemp("pilot") / "run"
    write_run(folder, quickstart_design(seeds=4))
    return folder


def test_a_table_holds_the_records_own_spreads(pilot: Path) -> None:
    (entry,) = measure(pilot, "starter", "starter-4k")
    assert (entry.seeds, entry.size, len(entry.pairs)) == (4, "1M", 11 * 10 / 2)
    items = load_items(pilot).to_pandas()
    hellaswag = items[items.task == "hellaswag"]
    sums = hellaswag.groupby(["arm", "seed"])[["gold_bits", "gold_bytes"]].sum()
    per_seed = (sums.gold_bits / sums.gold_bytes).unstack()
    pair = next(one for one in entry.pairs if {one.a, one.b} == {"text.decay", "balanced.decay"})
    spread = pair.spreads["bits_per_byte"]["hellaswag"]
    assert spread.by_seed == pytest.approx(list(per_seed.loc[pair.a] - per_seed.loc[pair.b]), rel=1e-3)
    right = hellaswag.assign(correct=hellaswag.correct.astype(float)).pivot_table("correct", "item", ["arm", "seed"])
    difference = (right[pair.a] - right[pair.b]).mean(axis=1)
    assert pair.spreads["accuracy"]["hellaswag"].items == pytest.approx(difference.var() / len(difference), rel=1e-3)
    assert set(entry.arms["balanced.decay"].mix) == {"text", "code", "markup"}
    assert entry.tasks["cb"].limit == 56


def test_a_pilots_own_arms_give_about_what_its_page_says_it_could_see(pilot: Path) -> None:
    plan = plan_study("quickstart", ["seeds=4", "evaluate.limit=250"])
    suites = {metric.id: metric.tasks for metric in load_design(pilot).metrics}
    same = {metric.id for metric in plan.design.metrics if suites.get(metric.id) == metric.tasks}
    page = {(row["id"], row["size"], row["metric"]): row["mde"] for row in write_results(pilot)["contrasts"]}
    effects = smallest_effects(plan, pilot)
    ratios = [
        effect / page[name]
        for name, effect in effects.items()
        if effect is not None and name in page and name[2] in same
    ]
    assert len(ratios) == 12 * 3
    assert np.median(ratios) == pytest.approx(1, abs=0.01)
    assert min(ratios) > 0.85, "less only as far as the plan asks more items than the pilot did"
    assert "4 seeds" in noise_source(plan, pilot) and str(pilot) in noise_source(plan, pilot)


def test_the_shipped_table_knows_every_contrast_of_the_quickstart() -> None:
    plan = plan_study("quickstart")
    effects = smallest_effects(plan)
    assert len(effects) == len(plan.design.contrasts) * 4
    assert all(effect is not None and 0.005 < effect < 1 for effect in effects.values())
    more = smallest_effects(plan_study("quickstart", ["seeds=6"]))
    assert all(more[key] < effect for key, effect in effects.items() if effect is not None)  # type: ignore[operator]
    assert "16 seeds of " in noise_source(plan) and "0.74 to 1.55" in noise_source(plan)


def test_planning_with_noise_imports_no_torch() -> None:
    code = (
        "import sys, assay.study.plan, assay.analyze.noise as noise; early = 'scipy' in sys.modules;"
        "noise.smallest_effects(assay.study.plan.plan_study('quickstart'));"
        "print(early, {'torch', 'tokenizers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False set()"


def test_arms_that_begin_alike_take_the_noise_of_a_pair_that_does() -> None:
    def made(*stages: tuple[str, int]) -> TrainedArm:
        return TrainedArm(tokens=1000, mix={"text": 1.0}, ending="linear", path=list(stages))

    measured = {
        "a": made(("text", 900), ("decay", 100)),
        "b": made(("text", 900), ("cool", 100)),
        "c": made(("other", 900), ("cool", 100)),
    }
    assert (measured["a"].shared(measured["b"]), measured["a"].shared(measured["c"])) == (0.9, 0.0)
    planned = {
        "x": made(("new", 800), ("decay", 200)),
        "y": made(("new", 800), ("cool", 200)),
        "z": made(("newer", 800), ("cool", 200)),
    }
    pairs = [("a", "b"), ("a", "c")]
    assert nearest(measured, pairs, ("x", "y"), planned) == ("a", "b")
    assert nearest(measured, pairs, ("x", "z"), planned) == ("a", "c")
