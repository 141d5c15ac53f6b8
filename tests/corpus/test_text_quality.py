import importlib.metadata
import inspect
import json
import os
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus import text_quality
from assay.corpus.text_quality import faults
from assay.corpus.text_statistics import BATCH, STOP_WORDS, measure, words

PUBLISHED = ["c4", "gopher", "gopher_repetition", "fineweb"]
SPEECH = (
    "The people of this country have kept their promise to one another. They built roads and schools. "
    "They sent their sons to sea, and some of them did not come home. What shall we say to those who wait? "
    "We shall say that the work goes on. It is the duty of every one of us to be with them in it."
)
RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parent / "datatrove_verdicts.jsonl").read_text(encoding="utf-8").strip().split("\n")
]
"""Paragraphs of speeches and of a factbook, whole and damaged, and the reasons of datatrove 0.10.1 (null: kept)."""
PHRASES = {
    "too_few_sentences": "c4: too few sentences",
    "lorem_ipsum": "c4: lorem ipsum",
    "curly_bracket": "c4: curly bracket",
    "gopher_short_doc": "gopher: too few words",
    "gopher_above_avg_threshold": "gopher: mean word length",
    "gopher_below_avg_threshold": "gopher: mean word length",
    "gopher_too_many_hashes": "gopher: hashes",
    "gopher_too_many_ellipsis": "gopher: ellipses",
    "gopher_too_many_bullets": "gopher: bullet lines",
    "gopher_too_many_end_ellipsis": "gopher: lines ending with an ellipsis",
    "gopher_below_alpha_threshold": "gopher: words without a letter",
    "gopher_enough_stop_words": "gopher: too few stop words",
    "dup_para_frac": "gopher_repetition: repeated paragraphs",
    "dup_para_char_frac": "gopher_repetition: repeated paragraphs",
    "dup_line_frac": "gopher_repetition: repeated lines",
    "dup_line_char_frac": "gopher_repetition: repeated lines",
    **{f"top_{width}_gram": f"gopher_repetition: most frequent {width}-gram" for width in (2, 3, 4)},
    **{f"duplicated_{width}_n_grams": f"gopher_repetition: duplicate {width}-grams" for width in range(5, 11)},
    "line_punct_ratio": "fineweb: lines without an end mark",
    "short_line_ratio": "fineweb: short lines",
    "char_dup_ratio": "fineweb: repeated lines",
    "list_ratio": "fineweb: newlines to words",
}


@pytest.mark.parametrize("rule", PUBLISHED)
def test_each_filter_agrees_with_datatrove_on_recorded_documents_and_says_the_same_reason(rule: str) -> None:
    ours = faults([row["text"] for row in RECORDED], [rule])
    theirs = [row[rule] and PHRASES[row[rule]] for row in RECORDED]
    assert ours == theirs
    assert 10 < sum(fault is not None for fault in ours) < len(ours) - 10


def test_nearly_every_threshold_is_met_by_the_recorded_documents() -> None:
    met = {row[rule] for row in RECORDED for rule in PUBLISHED}
    assert set(PHRASES) - met <= {"duplicated_8_n_grams", "list_ratio"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. Smith (of the U.S.) didn't go.", "Mr. Smith ( of the U.S. ) did n't go ."),
        ("well-known, e.g. the 1990s…", "well - known , e.g. the 1990s …"),
        ("“Who?” he’ll ask the dog's owner!", "“ Who ? ” he ’ll ask the dog 's owner !"),
        ("See https://example.org/a-b/c?d=e, or a/b.", "See https://example.org/a-b/c?d=e , or a / b ."),
        ("It costs $5, 10% or 3.5...", "It costs $ 5 , 10 % or 3.5 ..."),
        ("end.Next J. R. Smith", "end . Next J. R. Smith"),
        ("café naïve Москва\u00a0東京 a\u200bb", "café naïve Москва 東京 a\u200bb"),
        ("\n\t ", ""),
    ],
)
def test_words_are_parted_as_a_reader_of_english_parts_them(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@given(st.text())
def test_words_are_all_that_is_not_white_space_in_its_order(text: str) -> None:
    assert "".join(words(text)) == re.sub(r"\s", "", text)


@given(st.lists(st.sampled_from(["a", "b", "c", "dd", "e.", "\n", "\n\n", "-", "it's"]), max_size=120).map(" ".join))
def test_repetition_is_counted_as_its_definition_says(text: str) -> None:
    counts = measure([text], short=3, covered=0.0)[0]
    split = words(text)
    for at, width in enumerate((2, 3, 4)):
        grams = [" ".join(split[start : start + width]) for start in range(len(split) - width + 1)]
        best = Counter(grams).most_common(1)
        assert counts["top"][at] == (len(best[0][0]) * best[0][1] if best else 0)
    for at, width in enumerate(range(5, 11)):
        assert counts["duplicate"][at] == _duplicate(split, width)
    lines = [line for line in text.split("\n") if line.strip()]
    assert counts["full_lines"] == len(lines)
    assert counts["short_lines"] == sum(len(line) <= 3 for line in lines)
    assert counts["repeated_line_characters"] == sum(len(line) for at, line in enumerate(lines) if line in lines[:at])
    assert counts["blocks"] == len(re.split(r"\n+", text))


def _duplicate(split: Sequence[str], width: int) -> int:
    seen, at, characters = set(), 0, 0
    while at <= len(split) - width:
        gram = tuple(split[at : at + width])
        if gram in seen:
            characters += sum(map(len, gram))
            at += width
        else:
            seen.add(gram)
            at += 1
    return characters


def test_leaving_out_the_counts_that_cannot_matter_changes_no_verdict() -> None:
    texts = [row["text"] for row in RECORDED] + [text * 2 for text in list(topics.values())[:20]]
    everything, needed = measure(texts, 30, 0.0), measure(texts, 30, 0.10)
    for at, most in enumerate(text_quality.DUPLICATE_GRAMS.values()):
        broken = everything["duplicate"][:, at] > most * everything["characters"]
        assert (broken == (needed["duplicate"][:, at] > most * needed["characters"])).all()
    assert 30 < (needed["duplicate"] == 0).all(axis=1).sum() < len(texts) - 30


def test_a_verdict_does_not_depend_on_the_neighbours_or_on_the_size_of_a_batch() -> None:
    texts = [row["text"] for row in RECORDED]
    rules = [*PUBLISHED, "no_code"]
    together = faults(texts * (3 * BATCH // sum(map(len, texts))), rules)
    alone = [faults([text], rules)[0] for text in texts]
    assert together == alone * (len(together) // len(alone))


def test_the_first_rule_broken_is_the_reason() -> None:
    assert faults(["Short."], ["gopher", "c4"]) == ["gopher: too few words"]
    assert faults(["Short."], ["c4", "gopher"]) == ["c4: too few sentences"]
    assert faults([SPEECH], [*PUBLISHED, "no_code"]) == [None]
    assert faults([], PUBLISHED) == []
    with pytest.raises(KeyError):
        faults([SPEECH], ["starcoder"])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Please turn on JavaScript to read {this}.", None),
        ("This page uses cookies to count you {so}.", "c4: curly bracket"),
        ("We wrote lorem ipsum there.", "c4: lorem ipsum"),
        ("We wrote {this} without an end mark", None),
    ],
)
def test_c4_looks_only_at_lines_that_end_as_sentences_do(line: str, fault: str | None) -> None:
    assert faults([f"{SPEECH}\n{line}\n"], ["c4"]) == [fault]


def test_lines_that_c4_would_remove_do_not_count_as_sentences() -> None:
    kept = "One of us came. Two of us went. "
    for line in (
        "It needs JavaScript. It needs more. It needs all.",
        "Read our privacy policy. Read it. Read it well.",
        "This goes on... And on. And on. And on...",
        f"{'x' * 1001} is long. It is. It is. It is.",
    ):
        assert faults([f"{kept}\n{line}"], ["c4"]) == ["c4: too few sentences"]
    assert faults([f"{kept}\nThere are more of them. There are three. They end.[12]"], ["c4"]) == [None]


@pytest.mark.parametrize("pair", [(first, second) for first in STOP_WORDS for second in STOP_WORDS if first < second])
def test_any_two_stop_words_are_enough(pair: tuple[str, str]) -> None:
    content = "People built roads across every valley here " * 8
    assert faults([content + pair[0]], ["gopher"]) == ["gopher: too few stop words"]
    assert faults([content + " ".join(pair)], ["gopher"]) == [None]


def test_texts_about_programming_are_dropped_and_the_language_reference_is_one() -> None:
    readmes = [
        text
        for distribution in importlib.metadata.distributions()
        if len(text := (distribution.read_text("METADATA") or "").partition("\n\n")[2]) > 500
    ]
    assert len(readmes) > 50
    dropped = [fault is not None for fault in faults(readmes, ["no_code"])]
    assert sum(dropped) >= 0.95 * len(readmes)
    assert faults([inspect.getsource(json.decoder)], ["no_code"]) == ["no_code: about programming"]


def test_prose_is_kept_even_where_it_names_brands_formulas_and_addresses() -> None:
    prose = [
        SPEECH,
        "YouTube and PayPal are known; so is MacDonald. The author(s) wrote T(n) = O(n2) and/or nothing.",
        "Write to anna@example.org or look at https://example.org/about/us on the life of bees in winter, all of it.",
        "The ``Seventeen Provinces'' were one; N(6)-methyladenosine is found in mRNA -- and so on; x_i > 3 [1, 2].",
    ]
    assert faults(prose, ["no_code"]) == [None] * len(prose)


@pytest.mark.skipif("ASSAY_TEST_DATA" not in os.environ, reason="ASSAY_TEST_DATA names no folder of test data")
def test_real_passages_are_kept() -> None:
    folder = Path(os.environ["ASSAY_TEST_DATA"]) / "benchmarks"
    rows = [
        json.loads(line)
        for path in sorted((folder / "squad").glob("*.jsonl")) + sorted((folder / "boolq").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").strip().split("\n")
    ]
    passages = list({row.get("context") or row["passage"]: None for row in rows})
    assert len(passages) > 1000
    assert faults(passages, ["no_code"]).count(None) >= 0.995 * len(passages)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=200), max_size=4))
def test_no_text_is_too_strange_to_judge(texts: list[str]) -> None:
    rules = [*PUBLISHED, "no_code"]
    assert faults(texts, rules) == [faults([text], rules)[0] for text in texts]


@pytest.mark.parametrize("unit", ["-", ".", "a-", "a.", "[", "]", "a/", "1/", "'", "_", "a", "a\n", "{", "[1]"])
def test_time_grows_with_length_alone(unit: str) -> None:
    faults([SPEECH], [*PUBLISHED, "no_code"])
    started = time.process_time()
    faults([f"{'x' * 1000}.{unit * 100_000}"], [*PUBLISHED, "no_code"])
    assert time.process_time() - started < 1
