"""Runs of words against a second way of finding them: regular expressions and tuples of strings."""

import re
from unicodedata import ucd_3_2_0 as UNICODE

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.contamination.table import Table
from assay.corpus.contamination.words import candidates, character_table, runs_of

TABLE = character_table()
SENTENCE = "The quick brown fox jumps over the lazy dog while seven wizards quietly watch from behind a hedge"
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789éß", min_size=1, max_size=6)


def words_in(text: str) -> list[str]:
    """Words of a text; what lies beyond the first 65,536 characters separates them."""
    decomposed = "".join(UNICODE.normalize("NFKD", letter)[0] if letter < "\U00010000" else " " for letter in text)
    plain = "".join(letter for letter in decomposed if UNICODE.category(letter)[0] != "M" and letter != "\xad")
    kept = (
        letter.lower() if UNICODE.category(letter)[0] in "LN" and letter < "\U00010000" else " " for letter in plain
    )
    return "".join(kept).split()


def runs_in(text: str) -> set[tuple[str, ...]]:
    """The runs that `runs_of` should give, as words."""
    words = words_in(text)
    length = min(len(words), 13)
    if length < 8:
        return set()
    runs = {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}
    return {run for run in runs if len({word for word in run if any(letter > "9" for letter in word)}) >= 7}


def hashes_of(text: str) -> list[int]:
    return [int(value) for value in runs_of([text], TABLE)[1]]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=400) | st.lists(WORDS, max_size=30).map(" ".join), max_size=6))
def test_runs_are_those_that_python_finds_and_equal_runs_have_equal_hashes(texts: list[str]) -> None:
    numbers, hashes, _ = runs_of(texts, TABLE)
    for number, text in enumerate(texts):
        assert len(set(hashes[numbers == number].tolist())) == len(runs_in(text))


def test_a_text_of_eight_to_twelve_words_is_one_run_and_shorter_ones_are_none() -> None:
    words = SENTENCE.split()
    assert [len(hashes_of(" ".join(words[:length]))) for length in (0, 7, 8, 12, 13, 14, 17)] == [0, 0, 1, 1, 1, 2, 5]


def test_case_punctuation_accents_markdown_and_line_ends_make_no_difference() -> None:
    dressed = (
        "THE *quick*, “brown” fox — jumps\r\n> over the_lazy dog; while séven wiz\xadards quíetly watch from\tbehind"
        " a: hedge!"
    )
    assert hashes_of(dressed) == hashes_of(SENTENCE)
    assert hashes_of(dressed.replace("fox", "ox")) != hashes_of(SENTENCE)


def test_letters_of_any_alphabet_make_words() -> None:
    greek = "μῆνιν ἄειδε θεὰ Πηληϊάδεω Ἀχιλῆος οὐλομένην ἣ μυρί' Ἀχαιοῖς ἄλγε' ἔθηκε"
    assert len(hashes_of(greek)) == len(runs_in(greek)) == 1
    assert hashes_of(greek) == hashes_of(UNICODE.normalize("NFD", greek).replace("Ἀ", "ἀ"))


@settings(deadline=None)
@given(
    st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=60),
    st.sampled_from(" ,\t\n|+=*"),
)
def test_numbers_have_no_runs(numbers: list[float], between: str) -> None:
    assert hashes_of(f" {between} ".join(map(str, numbers))) == []


def test_refrains_and_tables_have_no_runs() -> None:
    assert hashes_of("row row row your boat gently down the stream " * 3) != []
    assert hashes_of("a b a b a b a b c c c c d d d d e e e e " * 4) == []
    assert hashes_of("| 1 | yes | 0.5 | no | 3 | yes | 0.7 | no | 8 | yes | 0 | no |") == []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_planted_text_is_found_wherever_it_stands(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, 4))
    planted = " ".join(SENTENCE.split()[start : start + data.draw(st.integers(8, 18))])
    before, after = (data.draw(st.lists(st.text(max_size=12) | WORDS, max_size=30)) for _ in range(2))
    document = " ".join([*before, planted, *after])
    numbers, hashes, beginnings = runs_of([planted], TABLE)
    table = Table.of(hashes, numbers, beginnings)
    texts, found, places = candidates(["", document, "other"], TABLE, table.sieve)
    known = table.first(found) >= 0
    assert set(found[known].tolist()) == set(hashes.tolist())
    assert set(texts[known].tolist()) == {1}
    first = document.encode("utf-8", "replace")[int(places[known].min()) :].decode("utf-8")
    assert words_in(first)[:3] == words_in(planted)[:3]


def test_runs_do_not_reach_from_one_document_into_the_next() -> None:
    numbers, hashes, beginnings = runs_of([SENTENCE], TABLE)
    table = Table.of(hashes, numbers, beginnings)
    half = SENTENCE.index("wizards")
    _, found, _ = candidates([SENTENCE[:half], SENTENCE[half:]], TABLE, table.sieve)
    assert not (table.first(found) >= 0).any()


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 9)), max_size=50), st.integers(0, 2**64 - 1))
def test_a_table_knows_what_was_put_in_and_nothing_else(pairs: list[tuple[int, int]], other: int) -> None:
    hashes = np.array([value for value, _ in pairs], np.uint64)
    owners = np.array([owner for _, owner in pairs], np.int32)
    table = Table.of(hashes, owners, hashes)
    asked = np.array([*(value for value, _ in pairs), other], np.uint64)
    expected = {value: {owner for same, owner in pairs if same == value} for value, _ in pairs}
    for value, place in zip(asked.tolist(), table.first(asked).tolist(), strict=True):
        assert (place >= 0) == (value in expected)
        if place >= 0:
            assert set(table.owners_of(place).tolist()) == expected[value]


def test_the_reference_words_are_those_of_a_regular_expression_on_plain_text() -> None:
    assert words_in(SENTENCE) == re.findall(r"[a-z]+", SENTENCE.lower())
