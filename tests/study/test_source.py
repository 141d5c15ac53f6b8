from pathlib import Path

import pytest

from assay.errors import InputError
from assay.study.plan import plan_study
from assay.study.source import built_in_studies, read_source

SMALL = """\
study: small
question: does it work?
base: quickstart
arms:
  a: [text, decay]
  b: [balanced, decay]
contrasts:
  one: {asks: well, factor: mix, pairs: [[b, a]]}
primary: [b, a]
"""


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return str(path)


def complaint(tmp_path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        plan_study(written(tmp_path, text), overrides)
    return str(caught.value)


def test_a_study_of_ten_lines_takes_everything_else_from_its_base(tmp_path: Path) -> None:
    spec, _ = read_source(written(tmp_path, SMALL))
    assert spec.study == "small"
    assert list(spec.arms) == ["a", "b"]
    assert spec.evaluate.tasks[0] == "triviaqa"
    assert spec.units["P"] == 307_200


def test_every_built_in_study_can_be_planned() -> None:
    assert {"quickstart", "overnight"} <= set(built_in_studies())
    for name in built_in_studies():
        assert plan_study(name).design.arms


def test_an_unknown_key_is_told_with_its_line_and_the_nearest_right_one(tmp_path: Path) -> None:
    said = complaint(tmp_path, SMALL + "train:\n  warmup_step: 3\n")
    assert "study.yaml:11: unknown key 'train.warmup_step'; did you mean 'warmup_steps'?" in said
    said = complaint(tmp_path, SMALL.replace("question:", "qestion:"))
    assert "study.yaml:2: unknown key 'qestion'; did you mean 'question'?" in said


def test_an_unknown_key_in_a_stage_written_out_names_the_stages_keys(tmp_path: Path) -> None:
    said = complaint(tmp_path, SMALL.replace("a: [text, decay]", "a: [{mix: text, token: P}]"))
    assert "study.yaml:5" in said
    assert "did you mean 'tokens'?" in said


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    assert "study.yaml:10: 'study' is written twice" in complaint(tmp_path, SMALL + "study: again\n")


def test_broken_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    assert "study.yaml:11: not valid YAML" in complaint(tmp_path, SMALL + "seeds: [1, 2\n")


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b\n"])
def test_what_is_no_mapping_is_no_study(tmp_path: Path, text: str) -> None:
    assert "a study is a mapping" in complaint(tmp_path, text)


def test_an_unknown_study_name_gets_the_nearest() -> None:
    with pytest.raises(InputError, match="no study 'quickstat'; did you mean 'quickstart'"):
        read_source("quickstat")


def test_a_base_that_leads_back_is_told(tmp_path: Path) -> None:
    assert "goes round in a circle" in complaint(tmp_path, SMALL.replace("base: quickstart", "base: study.yaml"))


def test_set_changes_one_value_and_says_so_in_complaints(tmp_path: Path) -> None:
    spec, _ = read_source(written(tmp_path, SMALL), ["seeds=[4, 7]", "train.learning_rate=0.002", "units.P=4096"])
    assert (spec.seeds, spec.train.learning_rate, spec.units["P"]) == ([4, 7], 0.002, 4096)
    assert spec.train.warmup_steps == 40, "the base's other values stay"
    assert "--set train.warmup=3" in complaint(tmp_path, SMALL, "train.warmup=3")
    assert "write path=value" in complaint(tmp_path, SMALL, "seeds")
    inside = complaint(tmp_path, SMALL.replace("study: ", "train: {clip: 2}\nstudy: ", 1), "train={clip: -1}")
    assert "--set train={clip: -1}" in inside, "what stood beneath in the file was replaced"


def test_set_does_not_change_the_base_for_a_later_study(tmp_path: Path) -> None:
    read_source(written(tmp_path, SMALL), ["train.warmup_steps=7"])
    assert read_source("quickstart")[0].train.warmup_steps == 40


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[b, a]]}", "[b, c]]}", "'c' is no arm of this study"),
        ("[b, a]]}", "[b, b]]}", "'b' is contrasted with itself"),
        ("primary: [b, a]", "primary: [a, b]", "the primary contrast 'a vs b' is in no family"),
        ("a: [text, decay]", "a: [txet, decay]", "unknown stage 'txet'; did you mean 'text'?"),
        ("a: [text, decay]", "a: []", "arm 'a' has no stages"),
        ("a: [text, decay]", "a: [decay]", "the first stage cannot have 'mix: same'"),
    ],
)
def test_names_that_are_not_there_are_told_with_the_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    complained = complaint(tmp_path, SMALL.replace(old, new))
    assert said in complained
    assert ".yaml:" in complained


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("mixes: {text: {text: 0.7, code: 0.4}}", "sum to 1.1"),
        ("mixes: {text: {text: 0.7, code: 0.2}}", "sum to 0.9"),
        ("mixes: {text: {text: rest, code: rest}}", "only one share can be 'rest'"),
        ("mixes: {text: {tekst: 1}}", "unknown ingredient 'tekst'; did you mean 'text'?"),
        ("mixes: {text: {text: 1.5}}", "between 0 and 1"),
        ("units: {P: 0}", "needs more than none"),
        ("stages: {text: {mix: text, tokens: 3 parsecs}}", "'3 parsecs' is not a number of tokens"),
        ("evaluate: {tasks: [helaswag]}", "did you mean 'hellaswag'?"),
        ("evaluate: {heldout: [prose]}", "unknown ingredient 'prose'"),
        ("sizes: [2M]", "unknown size '2M'"),
        ("seeds: [1, 1]", "different ones"),
        ("seeds: 0", "above 0"),
        ("metrics: [reasoning/accurcy]", "did you mean 'reasoning/accuracy'?"),
        ("tokenizer: gpt", "no tokenizer 'gpt'"),
        ("corpus: nowhere", "nowhere"),
        ("max_epochs: many", "'max_epochs'"),
    ],
)
def test_values_that_cannot_be_are_told(tmp_path: Path, extra: str, said: str) -> None:
    assert said in complaint(tmp_path, f"{SMALL}{extra}\n")


def test_an_arm_that_forks_from_itself_is_told(tmp_path: Path) -> None:
    text = SMALL.replace("a: [text, decay]", "a: {from: b, stages: [decay]}")
    said = complaint(tmp_path, text.replace("b: [balanced, decay]", "b: {from: a, stages: [decay]}"))
    assert "forks from itself" in said
    assert "study.yaml:" in said
    said = complaint(tmp_path, SMALL.replace("a: [text, decay]", "a: {from: a, stages: [decay]}"))
    assert "arm 'a' forks from itself (a → a)" in said
