"""`assay why`: what made an artifact, and which field makes two of them differ."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from assay.errors import InputError
from assay.run.identity import key_of
from assay.run.lineage import ABSENT, Record, differences, find, record_of
from assay.run.store import Store
from tiny_study import STUDY, TinyStudy


def key_from(study: TinyStudy, kind: str, title: str) -> str:
    """The key of the artifact with this title."""
    paths = (study.store / "objects" / kind).glob("*/manifest.json")
    return next(str(path.parent.name) for path in paths if json.loads(path.read_text())["title"] == title)


def ancestors(study: TinyStudy, kind: str, key: str) -> set[str]:
    """KIND/KEY of all that an artifact was made from, read from the manifests by hand."""
    manifest = json.loads((study.store / "objects" / kind / key / "manifest.json").read_text())
    found = set()
    for need in manifest["inputs"].values():
        found |= {f"{need['kind']}/{need['key']}"} | ancestors(study, need["kind"], need["key"])
    return found


def test_why_shows_recipe_files_and_every_artifact_down_to_the_package_once(ran: TinyStudy) -> None:
    key = key_from(ran, "scores", "score colours, 1M seed 1")
    told = ran.assay("why", key[:10])
    assert told.returncode == 0, told.stderr
    assert f"scores/{key}" in told.stdout
    assert re.search(r"scores\.parquet +[\d.]+ kB", told.stdout)
    assert "download prose 1.0, 475.7 kB" in told.stdout
    wanted = {name.split("/")[0] + "/" + name.split("/")[1][:12] for name in ancestors(ran, "scores", key)}
    assert sorted(re.findall(r"  (\w+/[0-9a-f]{12})$", told.stdout, re.MULTILINE)) == sorted(wanted)


def test_a_recipe_is_told_in_words(ran: TinyStudy) -> None:
    told = ran.assay("why", f"state/{key_from(ran, 'state', 'train half.decay 1M seed 0 to step 12')}").stdout
    assert "- length 0, mix 50 % code, 50 % text, moments keep, schedule constant, steps 5" in told
    assert re.search(r"learning_rate +0\.004", told)
    assert re.search(r"numerics: .*mode eager", told)
    assert re.search(r"made 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC on \S+ in .*, by Assay", told)


def test_a_study_says_whether_it_would_use_an_artifact_and_else_which_field_differs(ran: TinyStudy) -> None:
    key = key_from(ran, "state", "train half.decay 1M seed 1 to step 10")
    same = ran.assay("why", key, "--study", "study.yaml").stdout
    assert f"would use state/{key[:12]} as it is, for 'train half.decay 1M seed 1 to step 10'" in same
    other = ran.assay("why", key, "--study", "study.yaml", "--set", "train.learning_rate=0.002").stdout
    assert "They differ in 1 field:\n  recipe.train.learning_rate: 0.004 against 0.002\n" in other


def test_a_score_is_compared_with_its_own_arms_though_its_title_does_not_name_the_arm(ran: TinyStudy) -> None:
    state = key_from(ran, "state", "train half.decay 1M seed 1 to step 10")
    manifests = [json.loads(path.read_text()) for path in (ran.store / "objects" / "scores").glob("*/manifest.json")]
    score = next(one["key"] for one in manifests if one["inputs"]["state"]["key"] == state)
    told = ran.assay("why", score, "--study", "study.yaml", "--set", "train.clip=2").stdout
    assert "They differ in 1 field:\n  input state differs:\n    recipe.train.clip: 1.0 against 2.0\n" in told


def test_the_root_cause_is_found_below_the_inputs(ran: TinyStudy) -> None:
    (ran.folder / "corpus-400.yaml").write_text((ran.folder / "corpus.yaml").read_text().replace("512,", "400,"))
    (ran.folder / "study-400.yaml").write_text(STUDY.replace("corpus.yaml", "corpus-400.yaml"))
    told = ran.assay("why", key_from(ran, "tokens", "tokenise code"), "--study", "study-400.yaml").stdout
    assert "They differ in 1 field:\n  input tokenizer differs:\n    recipe.vocab: 512 against 400\n" in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("123", "give 4 or more of the hexadecimal digits"),
        ("quickstart", "names no artifact"),
        ("stat/1234", "there is no kind of artifact 'stat'; did you mean 'state'?"),
    ],
)
def test_what_is_no_name_of_an_artifact_is_refused_with_what_would_be(ran: TinyStudy, name: str, told: str) -> None:
    done = ran.assay("why", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_mistyped_key_is_answered_with_the_nearest(ran: TinyStudy) -> None:
    key = key_from(ran, "tokenizer", "train tokenizer tiny-512")
    typed = key[:5] + ("0" if key[5] != "0" else "1") + key[6:10]
    with pytest.raises(InputError, match=f"tokenizer/{key[:12]}  train tokenizer tiny-512"):
        find(Store(ran.store), typed)


def test_an_ambiguous_beginning_lists_who_is_meant(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for key in ("abcd" + "0" * 36, "abcd" + "1" * 36):
        publish(store, "tokens", key, {}, {})
    with pytest.raises(InputError, match=r"2 artifacts begin with 'abcd'; give more digits:\n  tokens/abcd0"):
        find(store, "abcd")
    assert find(store, "abcd1") == find(store, "tokens/abcd1") == ("tokens", "abcd" + "1" * 36)


def test_looking_for_a_store_that_is_not_there_makes_none(ran: TinyStudy, tmp_path: Path) -> None:
    done = ran.assay("why", "1234", ASSAY_STORE=str(tmp_path / "none"))
    assert done.returncode == 2
    assert "there is no store at" in done.stderr
    assert not (tmp_path / "none").exists()


def publish(
    store: Store, kind: str, key: str, recipe: dict[str, Any], inputs: dict[str, Record], numerics: Any = None
) -> Record:
    """Publish an artifact with this manifest; its record."""
    with store.staging() as out:
        named = {name: {"kind": one.kind, "key": one.key, "files": {}} for name, one in inputs.items()}
        about = {"title": f"make {kind}", "recipe": recipe, "numerics": numerics, "inputs": named, "made": {}}
        store.publish(out, kind, key, about)
    return record_of(store, kind, key)


def chain(store: Store, files: list[str], vocab: int, version: int = 1) -> Record:
    """Tokens of an ingredient of one source, recipes repeating what inputs decide as the real ones do."""
    source = {"name": "pages", "files": files}
    documents = publish(store, "documents", key_of(["d", source]), {"source": source}, {})
    about = {"version": version, "sources": [{"source": source}], "compared_with": [key_of(source)]}
    ingredient = publish(store, "ingredient", key_of(["i", about]), about, {"documents:pages": documents})
    tokenizer_recipe = {"version": version, "vocab": vocab}
    names = [ingredient.key, tokenizer_recipe]
    tokenizer = publish(store, "tokenizer", key_of(names), tokenizer_recipe, {"text": ingredient})
    key = key_of([ingredient.key, tokenizer.key])
    return publish(store, "tokens", key, {"version": 1}, {"ingredient": ingredient, "tokenizer": tokenizer})


def test_a_field_copied_upwards_and_an_inputs_digest_are_not_named_beside_their_cause(tmp_path: Path) -> None:
    store = Store(tmp_path)
    found = differences(chain(store, ["a"], 512), chain(store, ["b"], 512))
    assert [(each.field, each.one, each.other) for each in found] == [("recipe.source.files", ["a"], ["b"])]
    assert found[0].chain == ("ingredient", "documents:pages")
    assert set(found[0].through) == {"ingredient", "tokenizer"}


def test_independent_causes_are_all_named_versions_of_two_steps_too(tmp_path: Path) -> None:
    store = Store(tmp_path)
    found = differences(chain(store, ["a"], 512), chain(store, ["a"], 1024, version=2))
    assert {(each.chain, each.field) for each in found} == {
        (("ingredient",), "recipe.version"),
        (("tokenizer",), "recipe.version"),
        (("tokenizer",), "recipe.vocab"),
    }


def test_rows_put_into_a_table_and_inputs_of_one_side_are_named_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    a, b, c = ({"name": name} for name in "abc")
    need = publish(store, "package", "1" * 40, {"file": "x.whl"}, {})
    one = publish(store, "ingredient", "2" * 40, {"sources": [a, c]}, {})
    other = publish(store, "ingredient", "3" * 40, {"sources": [a, b, c]}, {"package:x": need})
    found = [(each.field, each.one, each.other) for each in differences(one, other)]
    assert found == [("recipe.sources[1]", ABSENT, b), ("inputs.package:x", ABSENT, "make package")]


def test_numerics_are_named_once_though_the_recipe_repeats_the_precision(tmp_path: Path) -> None:
    store = Store(tmp_path)
    states = [
        publish(store, "state", key * 40, {"precision": precision}, {}, {"precision": precision, "mode": "eager"})
        for key, precision in (("4", "bfloat16"), ("5", "float32"))
    ]
    assert [each.field for each in differences(*states)] == ["numerics.precision"]
