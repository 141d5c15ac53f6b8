"""What is measured of records is what slow and plain arithmetic gives."""

import json
import math
import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_problems import ALONE, GAP, NESTED, RECORDS, SETS, TABBED

from assay.corpus.shingles import shingles
from assay.corpus.synthesis.layouts import documents
from assay.corpus.synthesis.measure.difficulty import share_of_depth, spreads
from assay.corpus.synthesis.measure.diversity import count_words, diversity, entropy
from assay.corpus.synthesis.measure.duplicates import near_duplicate_rate, near_duplicates
from assay.corpus.synthesis.measure.measures import OWN, measure
from assay.corpus.synthesis.measure.teaching import names_every_parameter, parameters, teaching
from assay.corpus.synthesis.record import write_records
from assay.errors import InputError


def similarity(one: str, other: str) -> float:
    first, second = set(shingles(one)[1].tolist()), set(shingles(other)[1].tolist())
    return len(first & second) / len(first | second) if first | second else 0.0


@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.8, 0.95, 1.0]))
@settings(max_examples=60, deadline=None)
def test_near_duplicates_are_those_that_comparing_all_pairs_finds(seed: int, least: float) -> None:
    draw = random.Random(seed)
    texts: list[str] = []
    for _ in range(30):
        words = draw.choice(texts).split() if texts and draw.random() < 0.7 else draw.choices("abcdefgh", k=30)
        for _ in range(draw.choice([0, 0, 1, 2, 4])):
            words[draw.randrange(len(words)) if words else 0 :][:1] = []
            if words:
                words[draw.randrange(len(words))] = draw.choice("stuv")
        texts.append(" ".join(words[: draw.choice([3, 12, 40])]))
    found = near_duplicates(texts, least)
    for number, text in enumerate(texts):
        alike = [earlier for earlier in range(number) if similarity(texts[earlier], text) >= least - 1e-12]
        assert found[number] == (alike[0] if alike else -1)


def test_the_rate_counts_documents_with_an_earlier_one_and_nothing_else() -> None:
    text = " ".join(f"word{number}" for number in range(100))
    near = text.replace("word50", "changed")
    assert similarity(text, near) > 0.8
    assert near_duplicate_rate([text, near, "quite another text of a few words", "", ""]) == pytest.approx(0.2)
    assert near_duplicate_rate([]) == 0.0


def test_documents_of_different_records_are_no_near_duplicates_of_each_other() -> None:
    made = list(documents(RECORDS, {"docstring": 1, "notebook": 1, "question": 1, "tests": 1}, "s", 1, every=True))
    pairs = [
        (made[number].path, made[int(other)].path)
        for number, other in enumerate(near_duplicates([d.text for d in made]))
        if other >= 0
    ]
    assert [pair for pair in pairs if pair[0].split("#")[0] != pair[1].split("#")[0]] == []


def test_diversity_is_counted_over_the_same_words_whatever_the_order() -> None:
    texts = ["the cat sat, the cat ran.", "a dog sat; a dog ran!", "the end", "so it is: x = x + 1"] * 3
    texts = [f"{text} {number}" for number, text in enumerate(texts)]
    one = diversity(texts, 50, 6)
    assert one == diversity(texts[::-1], 50, 6)
    assert (one.words, one.openings) == (50, 6)
    assert diversity(texts, 10_000, 6).words == count_words(texts)


def test_distinct_n_grams_do_not_reach_over_the_end_of_a_document() -> None:
    texts = ["a b a b c", "b c d", "e"]
    grams: dict[int, list[tuple[str, ...]]] = {order: [] for order in range(1, 5)}
    for text in texts:
        words = text.split()
        for order, found in grams.items():
            found += [tuple(words[at : at + order]) for at in range(len(words) - order + 1)]
    whole = diversity(texts, 100, 3)
    assert whole.distinct == pytest.approx([len(set(found)) / len(found) for found in grams.values()])
    assert whole.vocabulary == 5


@given(st.lists(st.text("ab ,\n", max_size=12), max_size=6), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_vocabulary_and_shares_are_those_of_plain_counting(texts: list[str], words: int) -> None:
    whole = diversity(texts, words, 3)
    assert whole.words == min(words, count_words(texts))
    if count_words(texts) <= words:
        found = [word for text in texts for word in re.findall(r"\w+|[^\w\s]", text)]
        assert whole.vocabulary == len(set(found))
        assert whole.distinct[0] == (len(set(found)) / len(found) if found else 0.0)


def test_repetition_lowers_diversity_and_raises_compression() -> None:
    draw = random.Random(1)
    varied = [" ".join(f"w{draw.randrange(5000)}" for _ in range(60)) for _ in range(40)]
    same = [f"{number} is a number and this is said of every number again and again" * 4 for number in range(40)]
    one, other = diversity(varied, 1500, 30), diversity(same, 1500, 30)
    assert one.vocabulary > 5 * other.vocabulary
    assert all(a > b for a, b in zip(one.distinct, other.distinct, strict=True))
    assert one.compression < other.compression
    assert diversity(["same words here always"] * 9, 20, 9).opening_bits == 0.0


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30))
def test_entropy_is_that_of_the_textbook(values: list[str]) -> None:
    shares = [count / len(values) for count in Counter(values).values()]
    assert entropy(values) == pytest.approx(-sum(share * math.log2(share) for share in shares), abs=1e-12)


def test_difficulty_is_spread_over_the_records() -> None:
    found = spreads(RECORDS)
    assert found["depth"].counts == {2: 11, 3: 1}
    assert found["depth"].mean == pytest.approx(25 / 12)
    lines = [record.problem.solution.count("\n") for record in RECORDS]
    assert found["lines"].median == np.median(lines)
    assert list(found["lines"].counts) == sorted(set(lines))
    assert share_of_depth(RECORDS, 3) == pytest.approx(1 / 12)


def test_a_statement_names_a_parameter_as_code_or_in_words_and_only_as_whole_words() -> None:
    assert names_every_parameter(GAP)
    assert not names_every_parameter(SETS)
    assert names_every_parameter(ALONE)
    assert names_every_parameter(TABBED)
    assert not names_every_parameter(NESTED) or "rows" in NESTED.problem.statement
    assert parameters("def f(a, /, b: int = 3, *rest: str, c, **more) -> None") == ["a", "b", "c", "rest", "more"]
    assert parameters("no python (") == []


def test_teaching_counts_documents_with_sessions() -> None:
    texts = [document.text for document in documents(RECORDS, {"docstring": 1, "tests": 1}, "s", 1, every=True)]
    assert teaching(RECORDS, texts).with_doctest == 0.5
    assert teaching([GAP], [">>> is a prompt", "  >>> 1 + 1\n  2"]).with_doctest == 1.0
    assert teaching([GAP], ["what >>> means"]).with_doctest == 0.0
    assert teaching([GAP], []).properties == 3


def test_a_file_of_records_is_measured_beside_other_corpora(tmp_path: Path) -> None:
    write_records(tmp_path / "records.parquet", RECORDS)
    others = {"prose": ["It rained all day in the town, and nobody went out."] * 12}
    whole = measure(tmp_path / "records.parquet", others)
    assert (whole.records, whole.documents, whole.groups) == (12, 12, 12)
    assert list(whole.diversity) == [OWN, "prose"]
    assert whole.diversity[OWN].words == whole.diversity["prose"].words == 12 * 13
    assert whole.diversity[OWN].openings == 12
    assert whole.mutants_killed == 1.0
    assert whole.overlap is None
    assert json.loads(json.dumps(whole.as_dict()))["difficulty"]["depth"]["counts"] == {"2": 11, "3": 1}
    assert measure(tmp_path / "records.parquet", {}, most=5).records == 5


def test_nothing_to_measure_is_said(tmp_path: Path) -> None:
    write_records(tmp_path / "none.parquet", [])
    with pytest.raises(InputError, match="holds no record"):
        measure(tmp_path / "none.parquet", {})
    write_records(tmp_path / "one.parquet", [GAP])
    with pytest.raises(InputError, match="'empty' has no word"):
        measure(tmp_path / "one.parquet", {"empty": [""]})
