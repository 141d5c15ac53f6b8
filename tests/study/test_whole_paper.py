"""The paper's whole study as a plan: its own numbers, and what the schedules, sizes and repetitions come to."""

import time

import pytest

from assay.corpus.recipe_file import load_recipe
from assay.errors import InputError
from assay.study.alternatives import alternatives
from assay.study.confounds import tokens_taken
from assay.study.plan import Plan, plan_study
from assay.study.trees import count_tokens


@pytest.fixture(scope="module")
def paper() -> Plan:
    return plan_study("to-code-paper")


def billions(plan: Plan, arm: str) -> dict[str, float]:
    taken = tokens_taken(plan.study.arm(arm), plan.study.tokens_per_step)
    return {name: round(tokens / 1e9, 1) for name, tokens in taken.items()}


def test_its_arms_take_the_papers_tokens(paper: Plan) -> None:
    """§2.3 and §3, Table 2: steps, and tokens of text and code by recipe; the ending comes beside them."""
    assert paper.study.tokens_per_step == 512 * 8192
    lengths = {arm.name: [stage.steps for stage in arm.stages] for arm in paper.study.arms}
    assert lengths["text.cool20"] == [95_368, 9_537]
    assert lengths["balanced-text.none"] == [47_684, 47_684]
    assert billions(paper, "balanced-text.none") == {"text": 280.0, "code": 96.0, "markup": 24.0}
    assert billions(paper, "code-text.cool20")["text"] == 180.0
    share = {arm.name: dict(arm.stages[0].mix).get("text", 0) for arm in paper.study.arms if arm.grid}
    assert share == {
        "share-0": 1_000_000, "share-25": 750_000, "share-50": 500_000, "share-75": 250_000, "share-90": 100_000,
        "share-100": 0,
    }  # fmt: skip


def test_its_largest_repetition_is_the_synthetic_code_of_the_paper(paper: Plan) -> None:
    held = paper.declared_tokens()
    paper.check_epochs(held)
    epochs = {name: tokens / held[name] for name, tokens in paper.tokens_wanted().items()}
    assert max(epochs, key=epochs.__getitem__) == "synthetic"
    assert epochs["synthetic"] == pytest.approx(6.25 * 1.1, rel=0.001), "6.25 epochs, and a tenth in the decay"
    found = {one.id: one.confounds for one in paper.with_epochs(held).design.contrasts}
    assert "epochs of synthetic: 6.9 against 0.0" in found["code-synth vs web-code"]


def test_sharing_saves_what_adding_up_its_trunks_says(paper: Plan) -> None:
    """In units of 200B tokens, by hand: every stage once where arms begin alike."""
    unit = 200_001_191_936
    counts = count_tokens(paper.study, paper.trees)
    text, balanced, balanced_text, code_text = 2 + 0.5, 2 + 0.5, 1 + 0.6, 2 + 0.5
    shares, qualities, synthetic = 3 * 1.1, 3 * 1.1, 2 + 0.2
    trained = text + balanced + balanced_text + code_text + shares + qualities + synthetic
    declared = 9 * 2.2 + 2.0 + 9 * 1.1 + 2.2
    assert counts["470M"]["trained"] / unit == pytest.approx(trained, rel=1e-4)
    assert counts["470M"]["declared"] / unit == pytest.approx(declared, rel=1e-4)
    assert counts["2.8B"]["trained"] / counts["2.8B"]["declared"] == pytest.approx(7.8 / 8.8, rel=1e-4)
    assert counts["470M"]["trained"] <= 0.55 * counts["470M"]["declared"]


def test_cosines_cost_more_than_constant_trunks(paper: Plan) -> None:
    own, constant, cosine = alternatives(paper.study)
    assert own.trained == constant.trained == paper.design.tokens["trained"]
    assert own.declared == constant.declared == cosine.declared
    more = 3 * 200_001_191_936  # 400B of text, and of the balanced mix at both sizes, begin like no cosine over 200B
    assert cosine.trained - own.trained == more


def test_arms_of_the_smaller_size_are_contrasted_there_alone(paper: Plan) -> None:
    sizes = {contrast.id: contrast.sizes for contrast in paper.design.contrasts}
    assert sizes["balanced.decay vs text.decay"] == ("470M", "2.8B")
    assert sizes["balanced.cool20 vs text.cool20"] == ("470M",)
    assert len(paper.study.arms_at("2.8B")) == 4


def test_it_can_be_planned_and_not_run(paper: Plan) -> None:
    said = r"planned, not run.*only declares ingredient 'synthetic', tokenizer 'paper-256k'.*'assay plan'"
    with pytest.raises(InputError, match=said):
        paper.check_material()
    plan_study("quickstart").check_material()
    assert load_recipe("paper").ingredients["synthetic"].declared == 3_200_000_000


def test_it_is_planned_in_a_second_though_its_arms_have_a_hundred_thousand_steps() -> None:
    begin = time.process_time()
    plan_study("to-code-paper")
    assert time.process_time() - begin < 1
