"""The study's claims against its tables, the arms that play their parts, and what a run's own data say of them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import typer
from planted import quickstart_design, write_run
from typer.testing import CliRunner

from assay.analyze.claims.asked import answer, ask
from assay.analyze.claims.claim import Claim, Role, Table, check_claims, claim_named, load_claims
from assay.analyze.claims.printed import printed_gains
from assay.analyze.claims.rederive import rederive
from assay.analyze.claims.roles import kinds_seen, pairs_of, play
from assay.analyze.results import write_results
from assay.claims_cli import claims
from assay.errors import InputError
from assay.study.plan import plan_record, plan_study

ARTICLE = {
    "start-reasoning": ("+8.2", "agrees"),
    "start-knowledge": ("+4.2", "agrees"),
    "start-generation": ("+6.6", "cannot be checked"),
    "start-code": ("12", "agrees"),
    "synthetic-reasoning": ("+9", "cannot be checked"),
    "synthetic-code": ("+44", "cannot be checked"),
    "cooldown-reasoning": ("+3.6", "agrees"),
    "cooldown-knowledge": ("+10.1", "agrees"),
    "cooldown-code": ("+20", "agrees"),
}
TEXT = {"text": 1.0}
BALANCED = {"text": 0.5, "code": 0.4, "markup": 0.1}
MOSTLY = {"text": 0.9, "code": 0.08, "markup": 0.02}
COOL = {"best_text": 0.5, "math": 0.15, "instruct": 0.15, "code": 0.16, "markup": 0.04}


def stage(mix: dict[str, float], tokens: int = 1000, schedule: str = "constant", **more: Any) -> dict[str, Any]:
    return {"stage": "s", "mix": mix, "tokens": tokens, "schedule": schedule, "moments": "keep", **more}


def arm(name: str, *stages: dict[str, Any], sizes: tuple[str, ...] = ("1M",)) -> dict[str, Any]:
    return {"arm": name, "sizes": list(sizes), "stages": list(stages)}


def invented(a: str, b: str, stated: str, unit: Any) -> tuple[Claim, dict[str, Table]]:
    """A claim over a table of two printed cells."""
    table = Table(title="t", source="Table 1", unit="percent", columns=["reasoning"], rows={"a": [a], "b": [b]})
    claim = Claim(
        name="invented", states="s", source="§1", a=Role(recipe="text-only"), b=Role(recipe="code→text"),
        metric="reasoning", stated=stated, unit=unit, cells=(("t", "a", "reasoning"), ("t", "b", "reasoning")),
    )  # fmt: skip
    return claim, {"t": table}


def test_the_first_nine_are_the_articles_own_in_its_order() -> None:
    every, tables = load_claims()
    nine = {claim.name: (claim.stated, rederive(claim, tables).verdict) for claim in every[:9]}
    assert nine == ARTICLE
    assert list(nine) == list(ARTICLE)
    assert [claim.article for claim in every] == [True] * 9 + [False] * (len(every) - 9)


def test_the_claims_known_to_disagree_with_table_2_do_and_no_others() -> None:
    every, tables = load_claims()
    wrong = {
        claim.name: rederive(claim, tables).value for claim in every if rederive(claim, tables).verdict == "disagrees"
    }
    assert wrong == {
        "balanced-reasoning": pytest.approx(5.714, abs=0.001),
        "start-vs-code-start-knowledge": pytest.approx(4.211, abs=0.001),
        "balanced-vs-start-code": pytest.approx(87.5),
        "balanced-vs-code-start-code": pytest.approx(119.512, abs=0.001),
        "recipe-balanced-vs-code-start-code": pytest.approx(12.0),
        "recipe-balanced-vs-start-code": pytest.approx(44.828, abs=0.001),
    }


def test_table_2s_averages_are_those_of_its_own_columns() -> None:
    _, tables = load_claims()
    half = Decimal("0.1")
    for row in tables["table-2"].rows.values():
        values = [Decimal(value) for value in row if value is not None]
        reasoning, knowledge, language, code, total = values
        assert abs((reasoning + knowledge) / 2 - language) <= half
        assert abs((reasoning + knowledge + code) / 3 - total) <= half


def test_a_cell_that_was_not_printed_cannot_be_checked() -> None:
    every, tables = load_claims()
    for claim in every:
        made = rederive(claim, tables)
        printed = [tables[table].rows[row][tables[table].columns.index(column)] for table, row, column in claim.cells]
        assert (made.verdict == "cannot be checked") == (None in printed)
        assert (made.value is None) == (None in printed)


@pytest.mark.parametrize(
    ("a", "b", "stated", "unit", "verdict"),
    [
        ("5.8", "4.8", "+20", "relative %", "agrees"),  # 20.8 as printed, 18.6 to 23.2 as rounded
        ("5.8", "4.8", "+24", "relative %", "disagrees"),
        ("5.8", "4.8", "-20", "relative %", "disagrees"),
        ("4.8", "0.4", "12", "times", "agrees"),
        ("4.8", "0.4", "10", "times", "disagrees"),  # at the least 4.75 / 0.45 = 10.56
        ("52.3", "48.2", "+4.1", "points", "agrees"),
        ("52.3", "48.2", "+4.3", "points", "disagrees"),
        ("37.7", "33.7", "+4", "win minus loss", "agrees"),
        ("1", "0", "2", "times", "cannot be checked"),
    ],
)
def test_a_claim_agrees_within_the_rounding_of_what_is_printed(
    a: str, b: str, stated: str, unit: str, verdict: str
) -> None:
    made = rederive(*invented(a, b, stated, unit))
    assert made.verdict == verdict
    if made.value is not None:
        assert made.low is not None
        assert made.high is not None
        assert made.low < made.value < made.high
        assert made.off == pytest.approx(float(stated) - made.value)


def test_a_claim_on_a_cell_that_is_in_no_table_is_refused() -> None:
    every, tables = load_claims()
    plain = [claim.model_dump() for claim in every]
    plain[3]["cells"] = (("table-2", "balanced→text, continued", "arithmetic"), plain[3]["cells"][1])
    with pytest.raises(InputError, match=r"'start-code' names table-2 / .* / arithmetic, which is in no table"):
        check_claims(plain, {name: table.model_dump() for name, table in tables.items()})
    plain[3]["stated"] = "twelve"
    with pytest.raises(InputError, match="'twelve' is no number"):
        check_claims(plain, {name: table.model_dump() for name, table in tables.items()})


def test_a_name_that_is_nearly_right_is_hinted_at() -> None:
    with pytest.raises(InputError, match="did you mean 'start-reasoning'"):
        claim_named("start-reasonin")


def matched(study: str) -> dict[str, list[tuple[str, str]]]:
    """By claim: the arms that a built-in study has for it, without what has none."""
    record = plan_record(plan_study(study), "x")
    own = {(one["a"], one["b"]) for one in record["design"]["contrasts"] if one["kind"] == "pair"}
    played = play(record["arms"], {})
    pairs = {claim.name: pairs_of(claim, played, own) for claim in load_claims()[0]}
    return {name: [(pair.a.arm, pair.b.arm) for pair in found] for name, found in pairs.items() if found}


def test_the_quickstarts_arms_play_the_parts_that_they_are_built_for() -> None:
    found = matched("quickstart")
    assert found["start-reasoning"] == [("balanced-text.decay", "text.decay")]
    assert found["code-start-reasoning"] == [("code-text.decay", "text.decay")]
    assert found["balanced-reasoning"] == [("balanced.decay", "text.decay")]
    assert found["cooldown-code"] == [
        ("balanced-text.cool20", "balanced-text.decay"),
        ("balanced-text.cool20", "balanced-text.none"),
    ]
    assert found["cooldown-without-code"][0] == ("balanced-text.cool0", "balanced-text.decay")
    assert found["cooldown-code-share-code"] == [("balanced-text.cool20", "balanced-text.cool0")]
    assert found["recipe-generation"] == [("balanced-text.cool20", "text.cool20")]
    assert not {"synthetic-reasoning", "markup-code", "adjacent-code", "share-25-reasoning"} & set(found)


def test_the_whole_papers_arms_play_every_part_but_the_change_of_size() -> None:
    found = matched("to-code-paper")
    assert found["start-reasoning"] == [("balanced-text.decay", "text.decay")]  # and not share-0, half as long
    assert found["share-25-reasoning"] == [("share-25", "share-0")]
    assert found["share-100-code"] == [("share-100", "share-25")]  # and not web-code, which the study does not ask
    assert found["markup-code"] == [("share-100", "web-code")]
    assert found["adjacent-code"] == [("code-adjacent", "web-code")]
    assert found["synthetic-code"] == [("code-synth", "web-code")]
    assert found["synthetic-start-code"] == [("synth-text.decay", "balanced-text.decay")]
    missing = {claim.name for claim in load_claims()[0]} - set(found)
    assert missing == {claim.name for claim in load_claims()[0] if claim.name.startswith("scale-")}


def test_a_claim_that_two_contrasts_of_the_study_play_alike_is_asked_of_both() -> None:
    assert matched("to-code")["synthetic-code"] == [("code-synth", "web-code"), ("code-few-synth", "web-code")]


def test_names_of_arms_do_not_matter() -> None:
    stages = {
        "x": [stage(BALANCED), stage(MOSTLY), stage(MOSTLY, 200, "linear")],
        "y": [stage(TEXT), stage(TEXT), stage(TEXT, 200, "linear")],
    }
    (pair,) = pairs_of(claim_named("start-reasoning"), play([arm(name, *one) for name, one in stages.items()], {}))
    assert (pair.a.arm, pair.b.arm) == ("x", "y")


@pytest.mark.parametrize(
    "b",
    [
        arm("cooled", stage(TEXT, 2000), stage(COOL, 200, "linear")),  # another ending
        arm("shorter", stage(TEXT, 1000), stage(TEXT, 200, "linear")),
        arm("other text", stage({"weak_text": 1.0}, 2000), stage({"weak_text": 1.0}, 200, "linear")),
        arm("some code", stage({"text": 0.95, "code": 0.05}, 2000), stage({"text": 0.95, "code": 0.05}, 200, "linear")),
        arm("other size", stage(TEXT, 2000), stage(TEXT, 200, "linear"), sizes=("5M",)),
        arm("untrained"),
    ],
    ids=lambda one: one["arm"],
)
def test_an_arm_that_differs_in_more_is_no_partner(b: dict[str, Any]) -> None:
    a = arm("a", stage(BALANCED), stage(MOSTLY), stage(MOSTLY, 200, "linear"))
    assert pairs_of(claim_named("start-reasoning"), play([a, b], {"weak_text": "text"})) == []


def test_scrambled_code_and_reset_joins_do_not_stand_for_the_recipe() -> None:
    def started(name: str, code: str, **join: Any) -> dict[str, Any]:
        mix = {"text": 0.5, code: 0.4, "markup": 0.1}
        after = {"text": 0.9, code: 0.08, "markup": 0.02}
        return arm(name, stage(mix), stage(after, **join), stage(after, 200, "linear"))

    text = arm("text", stage(TEXT, 2000), stage(TEXT, 200, "linear"))
    plain, other = started("plain", "code"), arm("code", stage({"code": 1.0}, 2000))
    kinds = {"code_scrambled": "code"}
    arms = [started("scrambled", "code_scrambled"), started("reset", "code", moments="reset"), plain, other, text]
    (pair,) = pairs_of(claim_named("start-reasoning"), play(arms, kinds))
    assert pair.a.arm == "plain"
    assert (
        pairs_of(
            claim_named("start-reasoning"), play([arms[0], plain | {"stages": other["stages"]}, other, text], kinds)
        )
        == []
    )


def test_a_cosine_counts_as_decayed_and_a_constant_rate_as_not() -> None:
    arms = [
        arm("a", stage(BALANCED), stage(MOSTLY, schedule="cosine")),
        arm("b", stage(TEXT, 2000, "cosine")),
        arm("c", stage(BALANCED), stage(MOSTLY)),
        arm("d", stage(TEXT, 2000)),
    ]
    found = pairs_of(claim_named("start-reasoning"), play(arms, {}))
    assert [(pair.a.arm, pair.b.arm, pair.a.ending) for pair in found] == [
        ("a", "b", "decayed"),
        ("c", "d", "without decay"),
    ]


def test_a_ledger_says_what_an_ingredient_is() -> None:
    def row(ingredient: str, kind: str, tokens: int) -> dict[str, Any]:
        return {"ingredient": ingredient, "kind": kind, "tokens": tokens}

    ledger = [
        row("x", "code", 10),
        row("x", "markup", 3),
        row("y", "commit", 5),
        row("y", "qa", 4),
        row("y", "text", 6),
    ]
    assert kinds_seen(ledger) == {"x": "code", "y": "adjacent"}


@pytest.mark.parametrize(
    ("direction", "verdict", "favours", "expected"),
    [
        (1, "lower", "a", "replicated"),  # fewer bits per byte
        (1, "higher", "b", "contradicted"),
        (-1, "higher", "b", "replicated"),
        (-1, "lower", "a", "contradicted"),
        (0, "no difference", None, "replicated"),
        (0, "higher", "a", "contradicted"),
        (1, "no difference", None, "no difference"),
        (1, "cannot tell", None, "cannot tell at this scale"),
        (0, "cannot tell", None, "cannot tell at this scale"),
    ],
)
def test_only_a_verdict_for_the_right_arm_replicates(
    direction: int, verdict: str, favours: str | None, expected: str
) -> None:
    assert answer(direction, verdict, favours) == expected


TRUNKS = {"text": [TEXT, TEXT], "balanced": [BALANCED, BALANCED], "balanced-text": [BALANCED, MOSTLY]} | {
    "code-text": [{"code": 0.8, "markup": 0.2}, MOSTLY]
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished quickstart with planted effects, its stages as the real one has them."""
    folder: Path = tmp_path_factory.mktemp("claims") / "run"
    full = quickstart_design()
    tasks = {"hellaswag", "piqa", "triviaqa", "humaneval", "mbpp"}
    metrics = [
        metric.model_copy(update={"tasks": tuple(task for task in metric.tasks if task in tasks)})
        for metric in full.metrics
        if metric.id.partition("/")[0] in {"reasoning", "knowledge", "code"}
    ]
    design = full.model_copy(
        update={"tasks": tuple(task for task in full.tasks if task.id in tasks), "metrics": tuple(metrics)}
    )
    write_run(folder, design)
    plan = json.loads((folder / "plan.json").read_text())
    cool0 = {"best_text": 0.7, "math": 0.15, "instruct": 0.15}
    for one in plan["arms"]:
        trunk, _, ending = one["arm"].partition(".")
        mixes = TRUNKS[trunk]
        endings = {"decay": mixes[-1], "cool20": COOL, "cool0": cool0}
        one["stages"] = [stage(mix) for mix in mixes]
        if ending in endings:
            one["stages"].append(stage(endings[ending], 200, "linear"))
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "ledger.json").unlink(missing_ok=True)
    write_results(folder)
    return folder


def test_a_runs_rows_are_those_of_its_results(run: Path) -> None:
    (found,) = ask(run, [claim_named("start-reasoning")])
    own = {(row["id"], row["metric"]): row for row in json.loads((run / "results.json").read_text())["contrasts"]}
    expected = own["balanced-text.decay vs text.decay", "reasoning/bits_per_byte"]
    assert found["metric"] == "reasoning/bits_per_byte"
    assert found["gain"] == -expected["effect"]  # fewer bits per byte are a gain
    assert (found["low"], found["high"]) == (-expected["high"], -expected["low"])
    assert (found["smallest"], found["n_seeds"]) == (expected["mde"], 3)
    (beside,) = found["beside"]
    exact = own["balanced-text.decay vs text.decay", "reasoning/accuracy"]
    assert (beside["metric"], beside["gain"]) == ("reasoning/accuracy", exact["effect"])


def test_a_planted_effect_replicates_the_claim_and_its_mirror_contradicts_it(run: Path, tmp_path: Path) -> None:
    claim = claim_named("start-code")  # code is planted 1.4 bits per byte better where code was seen
    (row,) = ask(run, [claim])
    assert row["verdict"] == "replicated"
    assert row["low"] > 1
    mirror = tmp_path / "mirror"
    (mirror / "items").mkdir(parents=True)
    swapped = {"balanced-text.decay": "text.decay", "text.decay": "balanced-text.decay"}
    for path in sorted((run / "items").glob("*.parquet")):
        table = pq.read_table(path)
        (name,) = pc.unique(table["arm"]).to_pylist()
        other = pa.array([swapped.get(name, name)] * len(table))
        checkpoint = pa.array([f"{swapped.get(name, name)}:{seed}" for seed in table["seed"].to_pylist()])
        table = table.set_column(table.column_names.index("arm"), "arm", other)
        table = table.set_column(table.column_names.index("checkpoint"), "checkpoint", checkpoint)
        pq.write_table(table, mirror / "items" / path.name)
    (mirror / "plan.json").write_text((run / "plan.json").read_text())
    write_results(mirror)
    (turned,) = ask(mirror, [claim])
    assert turned["verdict"] == "contradicted"
    assert turned["gain"] == pytest.approx(-row["gain"])


def test_a_contrast_that_the_study_does_not_make_is_made_by_the_same_function(run: Path) -> None:
    (row,) = ask(run, [claim_named("balanced-vs-start-code")])
    own = {(one["a"], one["b"]) for one in json.loads((run / "results.json").read_text())["contrasts"]}
    assert (row["a"], row["b"]) == ("balanced.decay", "balanced-text.decay")
    assert (row["a"], row["b"]) not in own
    assert (row["b"], row["a"]) not in own
    assert row["gain"] == pytest.approx(0.18, abs=0.1)
    assert row["smallest"] > 0
    assert "not worked out" in row["confounds"][0]


def test_the_papers_language_is_the_mean_of_reasoning_and_knowledge(run: Path) -> None:
    (row,) = ask(run, [claim_named("large-start-vs-balanced-language")])
    assert row["metric"] == "reasoning and knowledge/bits_per_byte"
    parts = [claim_named("start-vs-balanced-knowledge"), claim_named("start-vs-balanced-reasoning")]
    gains = [part["gain"] for part in ask(run, parts)]
    assert (row["a"], row["b"]) == ("balanced-text.decay", "balanced.decay")
    assert row["gain"] == pytest.approx(sum(gains) / 2)
    assert row["low"] < row["gain"] < row["high"]


def test_a_verdict_does_not_depend_on_what_else_is_asked(run: Path) -> None:
    every = ask(run, load_claims()[0])
    for name in ("balanced-vs-start-code", "recipe-balanced-vs-start-code", "recipe-balanced-language"):
        assert ask(run, [claim_named(name)]) == [row for row in every if row["claim"] == name]


def test_one_decayed_and_one_not_is_said(run: Path) -> None:
    rows = ask(run, [claim_named("cooldown-code"), claim_named("start-code")])
    said = {row["b"]: any("learning rate of one" in confound for confound in row["confounds"]) for row in rows}
    assert said == {"balanced-text.decay": False, "balanced-text.none": True, "text.decay": False}


def test_a_mark_stands_only_beside_the_comparison_that_was_printed(tmp_path: Path) -> None:
    record = plan_record(plan_study("to-code"), "x")
    (tmp_path / "plan.json").write_text(json.dumps(record))
    contrasts = record["design"]["contrasts"]
    found = {(row["id"], row["category"]): row["gain"] for row in printed_gains(tmp_path, contrasts)}
    assert found["balanced.decay vs text.decay", "reasoning"] == pytest.approx(0.032)  # as stated
    assert found["balanced-text.decay vs balanced.decay", "code"] == pytest.approx(4.8 / 9.0 - 1)  # 470M, not 2.8B
    assert found["balanced-text.cool20 vs text.cool20", "knowledge"] == pytest.approx(10.9 / 11.1 - 1)
    assert found["share-25 vs share-0", "reasoning"] == pytest.approx(0.034)
    marked = {name for name, _ in found}
    assert not marked & {"share-50 vs share-0", "weak+code vs weak", "filtered+code vs filtered"}
    assert "balanced-text.cool20 vs balanced-text.decay" in marked
    assert "balanced-text.cool20 vs balanced-text.none" not in marked  # its learning rate had not come down


def test_a_person_reads_gain_interval_and_verdict_and_what_was_not_asked(run: Path) -> None:
    app = typer.Typer()
    app.command()(claims)
    lines = CliRunner().invoke(app, ["--study", str(run)]).output.splitlines()
    row = next(line for line in lines if "start-code" in line)
    assert "replicated" in row
    assert "bits per byte" in row
    assert "[+1." in row
    against = [line for line in lines if "cooldown-reasoning" in line]
    assert len(against) == 2
    assert "balanced-text.decay" in against[0]
    assert any("the learning rate of one of the two came down" in line for line in lines)
    assert any(line.startswith("Not asked (no judge compared") and "start-generation" in line for line in lines)
    told = json.loads(CliRunner().invoke(app, ["start-code", "--study", str(run), "--json"]).output)
    assert told == ask(run, [claim_named("start-code")])


def test_what_a_study_cannot_answer_is_not_asked_and_says_why(run: Path) -> None:
    rows = {row["claim"]: row for row in ask(run, load_claims()[0])}
    assert set(rows) == {claim.name for claim in load_claims()[0]}
    for name, why in {
        "start-generation": "--pairs code-text.decay:text.decay has it done",
        "scale-code-start-language": "larger one of the same recipe",
        "synthetic-code": "no such arms: code and synthetic and web code",
    }.items():
        assert rows[name]["verdict"] == "not asked"
        assert why in rows[name]["why"]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no plan\.json"):
        ask(tmp_path, load_claims()[0])
