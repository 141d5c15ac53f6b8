"""Like for like, the sizes of arms, and ingredients that are only declared: what a study file may ask for."""

from pathlib import Path

import pytest

from assay.corpus.recipe_file import load_recipe
from assay.errors import InputError
from assay.run.graph import build_graph
from assay.run.identity import numerics
from assay.study.plan import Plan, plan_record, plan_study

STUDY = """\
study: small
question: does it work?
base: quickstart
sizes: [1M, 5M]
require: matched
mixes:
  some: {text: 0.5, code: 0.5}
  same-text: {text: 0.5, markup: 0.5}
arms:
  a: [{mix: some, tokens: P}, decay]
  b: [{mix: same-text, tokens: P}, decay]
contrasts:
  which: {asks: which, factor: kind of code, pairs: [[b, a]]}
"""

RECIPE = """\
name: mine
packages: {}
sources: {}
ingredients:
  text: {about: prose, declared: 2M, kind: text}
  code: {declared: 100k}
tokenizers:
  mine: {vocab: 1000, declared: true}
"""

ON_DECLARED = """\
study: declared
question: what would it cost?
corpus: mine.yaml
tokenizer: mine
train: {heldout: [text], rows_per_step: 1}
evaluate: {heldout: [text], tasks: []}
arms:
  a: [{mix: {text: 1}, tokens: 204_800}]
  b: [{mix: {text: 0.5, code: 0.5}, tokens: 204_800}]
contrasts:
  which: {asks: which, factor: code, pairs: [[b, a]]}
"""


def planned(tmp_path: Path, text: str, *overrides: str) -> Plan:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return plan_study(str(path), overrides)


def complaint(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        planned(tmp_path, text)
    return str(caught.value)


def test_matched_arms_are_let_through_where_it_is_required(tmp_path: Path) -> None:
    assert planned(tmp_path, STUDY).design.contrasts[0].confounds == ()


def test_every_unmatched_contrast_is_named_with_its_familys_line_and_what_differs(tmp_path: Path) -> None:
    text = STUDY.replace("  b: [{", "  c: [text, cool20]\n  d: [code]\n  b: [{")
    text = text.replace("pairs: [[b, a]]", "pairs: [[b, a], [c, a]]")
    text += "  other: {asks: other, factor: mix, pairs: [[d, a]]}\n"
    said = complaint(tmp_path, text)
    assert "study.yaml:5: the study requires matched contrasts, and 2 of 3 are not:" in said
    assert "study.yaml:15: c vs a differs also in text tokens seen" in said
    assert "cooldown: 30 steps of" in said
    assert "study.yaml:16: d vs a differs also in total tokens" in said
    assert "b vs a" not in said


def test_unequal_repetition_is_refused_as_soon_as_it_is_known(tmp_path: Path) -> None:
    plan = planned(tmp_path, STUDY)
    plan.check_epochs({"text": 10**7, "code": 10**7, "markup": 10**7})
    with pytest.raises(InputError, match=r"epochs of code: 0\.0 against 1\.8"):
        plan.check_epochs({"code": 100_000})
    planned(tmp_path, STUDY.replace("require: matched\n", "")).check_epochs({"code": 100_000})


def test_another_schedule_of_the_main_stages_is_told_beside_a_contrast(tmp_path: Path) -> None:
    text = STUDY.replace("{mix: some, tokens: P}", "{mix: some, tokens: P, schedule: cosine}")
    (contrast,) = planned(tmp_path, text.replace("require: matched\n", "")).design.contrasts
    assert contrast.confounds == ("schedule of the main stages: constant against cosine",)
    assert "schedule of the main stages" in complaint(tmp_path, text)


def test_an_arm_may_be_trained_at_some_of_the_sizes(tmp_path: Path) -> None:
    text = STUDY.replace(
        "a: [{mix: some, tokens: P}, decay]", "a: {sizes: [5M], stages: [{mix: some, tokens: P}, decay]}"
    )
    everywhere, partly = planned(tmp_path, STUDY), planned(tmp_path, text)
    assert partly.design.contrasts[0].sizes == ("5M",)
    assert everywhere.design.contrasts[0].sizes == ("1M", "5M")
    assert partly.design.tokens["declared"] * 4 == everywhere.design.tokens["declared"] * 3
    record = plan_record(partly, "here")
    assert {arm["arm"]: arm["sizes"] for arm in record["arms"]} == {"a": ["5M"], "b": ["1M", "5M"]}
    assert {tuple(segment["sizes"]) for segment in record["segments"]} == {("1M",), ("5M",)}


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ("[15M]", "'15M', which is none of the study's"),
        ("[]", "has no sizes"),
        ("[1M]", "no size at which b and a are"),
    ],
)
def test_sizes_that_cannot_be_are_told_with_their_line(tmp_path: Path, sizes: str, said: str) -> None:
    text = STUDY.replace("a: [{mix: some, tokens: P}, decay]", f"a: {{sizes: {sizes}, stages: [text]}}")
    text = text.replace("b: [{mix: same-text, tokens: P}, decay]", "b: {sizes: [5M], stages: [text]}")
    complained = complaint(tmp_path, text)
    assert said in complained
    assert "study.yaml:" in complained


def test_a_corpus_of_declared_ingredients_can_be_planned_with_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RECIPE)
    plan = planned(tmp_path, ON_DECLARED)
    assert plan.declared_tokens() == {"text": 2_000_000, "code": 100_000}
    assert plan.only_declared() == ["ingredient 'text'", "ingredient 'code'", "tokenizer 'mine'"]
    (contrast,) = plan.with_epochs(plan.declared_tokens()).design.contrasts
    assert contrast.confounds == ("text tokens seen: 102,400 against 204,800", "epochs of code: 1.0 against 0.0")
    with pytest.raises(InputError, match=r"study\.yaml:3: this study can be planned, not run: the corpus 'mine' only"):
        build_graph(plan, numerics())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("declared: 2M", "declared: 0", "greater than 0"),
        ("declared: 2M", "declared: many", "not a number of tokens"),
        ("declared: 2M", "declared: 2M, heldout: 0.1", "without sources has tokens and a kind alone"),
        ("declared: 100k", "from: text", "text is only declared"),
        ("declared: 100k", "sources: [], kind: code, heldout: 0.1", "needs sources, a generator, from, or declared"),
        ("declared: 100k", "sources: [files], kind: code, heldout: 0.1", "only a declared ingredient"),
        ("vocab: 1000, declared: true", "vocab: 1000", "a sample, a path, a package, or is declared, one of them"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    (tmp_path / "mine.yaml").write_text(RECIPE.replace(old, new))
    with pytest.raises(InputError, match=said):
        load_recipe(tmp_path / "mine.yaml")
