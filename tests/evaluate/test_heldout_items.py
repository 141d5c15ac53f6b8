"""Held-out documents as items: of all languages, or of one."""

from pathlib import Path

import pytest

from assay.corpus.document import Document, write_documents
from assay.errors import StepError
from assay.evaluate.heldout import FILE, SHORTEST, heldout_items
from assay.study.plan import split_heldout

LANGUAGES = {"Python": 6, "JavaScript": 3, "C++": 1}


@pytest.fixture
def ingredient(tmp_path: Path) -> Path:
    documents = [
        Document(
            text=f"{language} {number} " + "é" * 300,
            source=f"source{number % 2}",
            path=f"{language}/{number}",
            group=f"package{number}",
            kind="code",
            language=language,
            licence="MIT",
        )
        for language, count in LANGUAGES.items()
        for number in range(count)
    ]
    write_documents(tmp_path / FILE, documents)
    return tmp_path


def language_of(text: str) -> str:
    return text.split(maxsplit=1)[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_language_is_read_alone_however_it_is_written(ingredient: Path, language: str) -> None:
    items = heldout_items(ingredient, documents=100, bytes=400, language=language)
    assert [language_of(item.choices[0]) for item in items] == [language] * LANGUAGES[language]
    assert heldout_items(ingredient, documents=100, bytes=400, language=language.lower()) == items


def test_all_languages_together_are_their_parts(ingredient: Path) -> None:
    whole = heldout_items(ingredient, documents=100, bytes=400)
    parts = [item for name in LANGUAGES for item in heldout_items(ingredient, 100, 400, name)]
    assert {item.id for item in whole} == {item.id for item in parts}
    assert len(whole) == len(parts) == sum(LANGUAGES.values())


def test_sources_take_turns_and_a_character_is_never_cut(ingredient: Path) -> None:
    items = heldout_items(ingredient, documents=4, bytes=SHORTEST + 1, language="python")
    numbers = [int(item.choices[0].split()[1]) % 2 for item in items]
    assert numbers == [0, 1, 0, 1]
    assert all(SHORTEST - 1 <= len(item.choices[0].encode()) <= SHORTEST + 1 for item in items)


def test_a_language_that_no_document_has_is_told_with_those_there_are(ingredient: Path) -> None:
    with pytest.raises(StepError, match="no held-out document of 200 bytes is pyton; did you mean 'Python'"):
        heldout_items(ingredient, 10, 400, "pyton")


def test_a_held_out_set_is_named_by_its_ingredient_and_language() -> None:
    assert split_heldout("code") == ("code", None)
    assert split_heldout("code:Python") == ("code", "python")
    assert split_heldout("code:C++") == ("code", "c++")
