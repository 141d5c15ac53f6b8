"""Duplicates and near duplicates: shingles against a plain reading, MinHash against exact similarity, clusters."""

import hashlib
import os
import random
import re
import subprocess
import sys
import sysconfig
import unicodedata
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from _near import EDITS, collide, jaccard, nearest, oracle, planted, recall, shingle_set, similar_pairs, words
from assay.corpus.near import (
    BANDS,
    DUPLICATE,
    KNOWN,
    NEAR,
    NEAR_KNOWN,
    REASONS,
    ROWS,
    Seen,
    find,
    s_curve,
    seen,
    signatures,
    sketch,
)
from assay.corpus.shingles import WORDS, folding, shingles
from assay.errors import StepError

STDLIB = Path(sysconfig.get_path("stdlib"))


@pytest.fixture(scope="module")
def documents() -> list[str]:
    """Real prose and code: the language reference's topics and modules of the standard library."""
    modules = [path.read_bytes().decode("utf-8", "replace") for path in sorted(STDLIB.glob("*.py"))]
    return [text for text in [*topics.values(), *modules] if 500 < len(text) < 30_000]


def alike(one: str, other: str) -> bool:
    """Whether two texts have the same shingles."""
    return np.array_equal(shingles(one)[1], shingles(other)[1])


def found(one: str, other: str) -> bool:
    bands = sketch([one, other]).bands
    return bool(collide(bands[:1], bands[1:])[0])


def everything(texts: list[str]) -> NDArray[np.bool_]:
    return np.ones(len(texts), np.bool_)


# Shingles


def test_a_text_has_as_many_distinct_shingles_as_runs_of_five_words_and_shares_the_same_number(
    documents: list[str],
) -> None:
    texts = [text for text in documents if text.isascii()]
    hashed = [set(shingles(text)[1].tolist()) for text in texts]
    plain = [shingle_set(text) for text in texts]
    assert len(texts) > 100
    assert [len(found) for found in hashed] == [len(found) for found in plain]
    assert [len(a & b) for a, b in pairwise(hashed)] == [len(a & b) for a, b in pairwise(plain)]
    assert len(set.union(*hashed)) == len(set.union(*plain))


def plainly(text: str) -> tuple[int, list[int]]:
    """Shingles once more, in plain Python and by characters instead of bytes."""
    fold, mask = folding(), 2**64 - 1

    def mix(value: int) -> int:
        for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
            value = ((value ^ (value >> 33)) * factor) & mask
        return value ^ (value >> 33)

    def fnv(codes: list[int]) -> int:
        value = 0xCBF29CE484222325
        for code in codes:
            value = ((value ^ code) * 0x100000001B3) & mask
        return mix(value)

    found: list[list[int]] = [[]]
    plain: list[int] = []
    for char in text:
        code = ord(char)
        folded = int(fold[code]) if code < 0x10000 else 0 if 0x1F000 <= code < 0x20000 else code
        plain.append(0x20 if folded == 1 else code)
        if folded == 2:
            continue
        if folded < 2:
            found.append([])
        elif 0x2E80 <= code < 0xA000 or code >= 0x20000 or 0xE00 <= code < 0xF00 or 0xF900 <= code < 0xFB00:
            found += [[folded], []]
        else:
            found[-1].append(folded)
    hashed = [fnv(word) for word in found if word]
    runs = [hashed[start : start + WORDS] for start in range(max(min(len(hashed), 1), len(hashed) - WORDS + 1))]
    shingled = []
    for run in runs:
        value = 0
        for word in run:
            value = (value * 0x9E3779B97F4A7C15 + word) & mask
        shingled.append(mix(value))
    content = re.sub(" +", " ", "".join(map(chr, plain))).strip(" ")
    return fnv([ord(char) for char in content]), shingled


@settings(max_examples=150, deadline=None)
@given(st.text(st.one_of(st.sampled_from("aB_ \n\t9é中の🙂\x00\ud800\u0301\ufeff\U00010400"), st.characters())))
def test_any_text_even_with_surrogates_is_read_as_in_plain_python(text: str) -> None:
    content, hashes = shingles(text)
    if not any(0x1000 <= ord(char) < 0x10A0 or 0x1780 <= ord(char) < 0x1800 for char in text):
        assert (content, hashes.tolist()) == plainly(text)


def test_case_accents_width_and_punctuation_do_not_tell_texts_apart_and_digits_do() -> None:
    text = "Über the café's naïve, soft-hyphenated façade (ABC 123)."
    assert alike(text, "uber THE cafe s naive soft hyphenated facade abc 123")
    assert alike(text, unicodedata.normalize("NFD", text))
    assert alike("ＡＢＣ one two three ①", "abc one two three 1")
    assert alike("co\u00adoperation of \u200btwo \ufeffor more people", "cooperation of two or more people")
    assert alike("good ⚠️ 👍🏽 signs → of ☀︎ weather there", "good signs of weather there")
    assert not alike("in 1999 it was so", "in 2000 it was so")
    assert not alike("a snake_case name in it", "a snake case name in it")


def test_characters_of_scripts_without_spaces_are_words_of_their_own() -> None:
    assert shingles("我们在这里写一些汉字。")[1].size == 10 - WORDS + 1
    assert shingles("abc我们def在这里")[1].size == 7 - WORDS + 1


def test_the_tables_of_characters_are_the_same_in_every_python() -> None:
    assert hashlib.sha256(folding().astype("<u2").tobytes()).hexdigest()[:16] == "4f8068ea1f5ba0a6"


def test_contents_are_equal_where_only_white_space_differs() -> None:
    assert shingles("a  b\n\tc ")[0] == shingles("\u3000a b\u00a0c")[0]
    assert len({shingles(text)[0] for text in ("a b c", "A b c", "a b, c", "ab c", "", ".", "c b a")}) == 7


# Sketches


def test_sketches_are_the_same_bytes_as_ever() -> None:
    sketches = sketch(["The quick brown fox jumps over the lazy dog.", "def f(x):\n    return x + 1\n"])
    assert sketches.content.tolist() == [975909132701600195, 7359452293609551489]
    assert sketches.bands[:, [0, 13]].tolist() == [
        [15223837089504285214, 12549872762871897088],
        [13353279069976062064, 13960334916457442967],
    ]


def test_a_sketch_depends_on_its_own_text_only(documents: list[str]) -> None:
    texts = documents[:150]
    whole = sketch(texts)
    for size in (1, 7, 64, 65):
        parts = [sketch(texts[start : start + size]) for start in range(0, len(texts), size)]
        assert np.array_equal(np.concatenate([part.content for part in parts]), whole.content)
        assert np.array_equal(np.concatenate([part.bands for part in parts]), whole.bands)
    assert sketch([]).bands.shape == (0, BANDS)


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "RENSA_FORCE_KERNEL": "scalar", "RAYON_NUM_THREADS": "1"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "tr_TR.UTF-8", "RENSA_FORCE_KERNEL": "avx2", "RAYON_NUM_THREADS": "4"},
    ],
)
def test_sketches_are_the_same_in_other_processes_locales_and_instruction_sets(environment: dict[str, str]) -> None:
    code = (
        "from pydoc_data.topics import topics; from assay.corpus.near import sketch;"
        "import sys; sys.stdout.buffer.write(sketch(list(topics.values())).bands.tobytes())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, check=False
    )
    assert done.stdout == sketch(list(topics.values())).bands.tobytes(), done.stderr.decode()


def test_texts_without_a_word_have_no_bands_and_short_ones_have() -> None:
    texts = ["", " \n", "...", "-- !? --", "one", "One!", "one two", "\x00", "\ud800", "a\x00b"]
    bands = sketch(texts).bands
    assert (bands != 0).all(axis=1).tolist() == [False] * 4 + [True] * 3 + [False, False, True]
    assert (bands == 0).all(axis=1).tolist() == [True] * 4 + [False] * 3 + [True, True, False]
    reasons, originals = find(sketch(texts).content, bands, everything(texts), [])
    assert reasons.tolist() == [0, DUPLICATE, 0, 0, 0, NEAR, 0, 0, 0, 0]
    assert originals.tolist() == [-1, 0, -1, -1, -1, 4, -1, -1, -1, -1]


def test_the_estimate_of_similarity_errs_no_more_than_theory_says(documents: list[str]) -> None:
    pairs = [pair for pair in planted(documents) if 0.05 < jaccard(*pair[1:]) < 0.98]
    exact = np.array([jaccard(text, copy) for _, text, copy in pairs])
    signed = [
        signatures([shingles(text)[1] for text in side]) for side in zip(*(pair[1:] for pair in pairs), strict=True)
    ]
    error = (signed[0] == signed[1]).mean(axis=1) - exact
    theory = np.sqrt(exact * (1 - exact) / (BANDS * ROWS))
    assert len(pairs) > 500
    for low, high in ((0.05, 0.5), (0.5, 0.75), (0.75, 0.98)):
        here = (low <= exact) & (exact < high)
        assert abs(error[here].mean()) < 0.15 * theory[here].mean()
        assert 0.8 < np.sqrt((error[here] ** 2).mean() / (theory[here] ** 2).mean()) < 1.2


@pytest.mark.parametrize("size", [60, 500])
def test_sets_are_found_as_often_as_the_s_curve_says(size: int) -> None:
    draw = np.random.default_rng(0)
    for similarity in (0.5, 0.65, 0.75, 0.85):
        shared = round(2 * size * similarity / (1 + similarity))
        drawn = [draw.integers(0, 2**64, 2 * size - shared, dtype=np.uint64) for _ in range(800)]
        one, other = (
            signatures(sets).reshape(-1, BANDS, ROWS)
            for sets in ([every[:size] for every in drawn], [every[size - shared :] for every in drawn])
        )
        hits = (one == other).all(axis=2).any(axis=1).mean()
        [(_, expected)] = s_curve([shared / (2 * size - shared)])
        assert abs(hits - expected) < 4 * np.sqrt(expected * (1 - expected) / 800) + 0.01


def test_the_s_curve_is_that_of_fourteen_bands_of_eight() -> None:
    curve = dict(s_curve([0, 0.5, 0.685, 0.8, 0.9, 1]))
    assert (curve[0], curve[1]) == (0, 1)
    assert [round(curve[s], 3) for s in (0.5, 0.685, 0.8, 0.9)] == [0.053, 0.501, 0.924, 1.0]


# Planted and real near duplicates


def test_planted_near_duplicates_are_found_and_distant_ones_left(documents: list[str]) -> None:
    figures = recall(documents)
    assert figures["planted_at_0.8"] > 500
    assert figures["recall_at_0.8"] >= 0.95
    assert figures["found_below_0.5"] <= 0.01
    for edit in EDITS:
        assert figures[f"{edit}_recall"] == pytest.approx(figures[f"{edit}_expected"], abs=0.06)


def test_every_similar_pair_of_real_documents_is_found_or_missed_as_the_curve_says(documents: list[str]) -> None:
    chance = random.Random(1)
    edits = [EDITS[name] for name in ("words_1", "words_2", "words_5", "words_10")]
    mixed = [text for original in documents[:120] for text in (original, *(edit(original, chance) for edit in edits))]
    figures = oracle(mixed, sample=600)
    assert figures["recall_at_0.8"] >= 0.95
    assert figures["found_pairs_below_0.5"] <= 0.05
    assert sum(figures[f"pairs_0.{tenths}"] for tenths in range(5, 10)) == figures["pairs"]


def test_the_oracle_itself_agrees_with_pairs_taken_one_by_one(documents: list[str]) -> None:
    texts = [*documents[:25], *(EDITS["words_5"](text, random.Random(2)) for text in documents[:5])]
    similarity = {(i, j): jaccard(texts[i], texts[j]) for i in range(len(texts)) for j in range(i + 1, len(texts))}
    listed = {(int(i), int(j)): float(s) for i, j, s in zip(*similar_pairs(texts), strict=True)}
    assert listed == pytest.approx({pair: s for pair, s in similarity.items() if s > 0})
    best = [max((s for (_, later), s in similarity.items() if later == text), default=0.0) for text in (0, 9, 29)]
    assert nearest(texts, np.array([0, 9, 29])).tolist() == pytest.approx(best)


def test_a_file_of_code_with_another_header_version_and_layout_is_found(documents: list[str]) -> None:
    code = (STDLIB / "textwrap.py").read_text(encoding="utf-8")
    licence = "# Copyright 2031 Somebody Else\n# SPDX-License-Identifier: MIT\n\n__version__ = '9.9'\n"
    assert found(code, licence + code)
    assert found(code, code.replace("    ", "\t").replace(" = ", "=").replace("'", '"'))
    assert found(code, re.sub("(?m)^ *#.*\n", "", code))
    assert not found(code, (STDLIB / "shlex.py").read_text(encoding="utf-8"))


# Verdicts


def verdicts(*ingredients: list[str]) -> list[list[int]]:
    """The reasons of each ingredient, built one after the other."""
    earlier: list[Seen] = []
    reasons = []
    for texts in ingredients:
        sketches = sketch(texts)
        found, _ = find(sketches.content, sketches.bands, everything(texts), earlier)
        earlier.append(seen(sketches.content, sketches.bands, found == 0))
        reasons.append(found.tolist())
    return reasons


def test_the_first_of_a_cluster_is_kept_and_the_others_say_whose_duplicate_they_are(documents: list[str]) -> None:
    one, two = documents[0], documents[1]
    near = EDITS["header"](one, random.Random(0))
    texts = [two, near, one, one, f"\n{one}  ", two.replace("\n", " ")]
    sketches = sketch(texts)
    reasons, originals = find(sketches.content, sketches.bands, everything(texts), [])
    assert reasons.tolist() == [0, 0, NEAR, DUPLICATE, DUPLICATE, DUPLICATE]
    assert originals.tolist() == [-1, -1, 1, 2, 2, 0]
    assert {int(reason) for reason in reasons} - {0} <= REASONS.keys()


def test_a_chain_of_near_duplicates_is_one_cluster() -> None:
    chance = random.Random(0)
    vocabulary = words(" ".join(topics.values()))
    chain = [[chance.choice(vocabulary) for _ in range(400)]]
    for _ in range(12):
        chain.append([*chain[-1][20:], *(chance.choice(vocabulary) for _ in range(20))])
    texts = [" ".join(link) for link in chain]
    assert jaccard(texts[0], texts[-1]) < 0.3
    assert all(found(one, other) for one, other in pairwise(texts))
    assert verdicts(texts) == [[0] + [NEAR] * 12]
    assert not found(texts[0], texts[-1])


def test_across_ingredients_only_the_later_loses_and_a_third_changes_neither(documents: list[str]) -> None:
    chance = random.Random(3)
    a, b, c, d = documents[:4]
    near_a, near_b = (EDITS["header"](text, chance) for text in (a, b))
    first, second, third = [a, b, near_a], [c, b, near_a, near_b, c], [d, c, EDITS["header"](c, chance), a]
    assert verdicts(first) == [[0, 0, NEAR]]
    assert verdicts(first, second) == [[0, 0, NEAR], [0, KNOWN, NEAR_KNOWN, NEAR_KNOWN, DUPLICATE]]
    assert verdicts(first, second, third) == [
        [0, 0, NEAR],
        [0, KNOWN, NEAR_KNOWN, NEAR_KNOWN, DUPLICATE],
        [0, KNOWN, NEAR_KNOWN, KNOWN],
    ]


def test_what_is_not_eligible_is_as_if_it_were_not_there(documents: list[str]) -> None:
    texts = [documents[0], documents[1], documents[0], documents[1]]
    sketches = sketch(texts)
    eligible = np.array([False, True, True, False])
    reasons, originals = find(sketches.content, sketches.bands, eligible, [])
    assert (reasons.tolist(), originals.tolist()) == ([0] * 4, [-1] * 4)
    past = seen(sketches.content, sketches.bands, eligible & np.array([False, True, False, False]))
    reasons, originals = find(sketches.content, sketches.bands, everything(texts), [past])
    assert (reasons.tolist(), originals.tolist()) == ([0, KNOWN, DUPLICATE, KNOWN], [-1, -1, 0, -1])


def drawn(numbers: list[list[int]], start: int) -> NDArray[np.uint64]:
    """Bands of few different values in one place, so that clusters grow; all others from ``start`` up."""
    bands = np.arange(start, start + len(numbers) * BANDS, dtype=np.uint64).reshape(-1, BANDS)
    for row, (band, value) in enumerate(numbers):
        bands[row, band] = value
    return bands


ROW = st.tuples(st.integers(0, 2), st.integers(1, 12)).map(list)


@settings(max_examples=200, deadline=None)
@given(st.lists(ROW, max_size=25), st.lists(ROW, max_size=3), st.data())
def test_verdicts_are_those_of_a_search_through_all_links(
    own: list[list[int]], before: list[list[int]], data: st.DataObject
) -> None:
    bands = drawn(own, 1000)
    for row in range(len(own)):  # a second shared band for some, so that links cross
        if data.draw(st.booleans()):
            bands[row, 3] = data.draw(st.integers(1, 4))
    eligible = np.array([data.draw(st.booleans()) for _ in own], np.bool_)
    content = np.arange(len(own), dtype=np.uint64)
    past = drawn(before, 10**6)
    earlier = [seen(np.arange(10**6, 10**6 + len(before), dtype=np.uint64), past, np.ones(len(before), np.bool_))]
    reasons, originals = find(content, bands, eligible, earlier)

    for row in range(len(own)):
        if not eligible[row]:
            assert (reasons[row], originals[row]) == (0, -1)
            continue
        cluster = {row}
        while True:
            grown = {
                other
                for other in np.flatnonzero(eligible).tolist()
                if any((bands[other] == bands[member]).any() for member in cluster)
            } | cluster
            if grown == cluster:
                break
            cluster = grown
        known = any((past == bands[member]).any(axis=1).any() for member in cluster) if before else False
        expected = NEAR_KNOWN if known else NEAR if min(cluster) < row else 0
        assert reasons[row] == expected
        assert originals[row] == (min(cluster) if expected == NEAR else -1)


def test_what_was_seen_is_read_back_as_it_was_written(documents: list[str], tmp_path: Path) -> None:
    sketches = sketch([*documents[:20], "..."])
    for name, kept in (("some", np.arange(21) != 3), ("none", np.zeros(21, np.bool_))):
        folder = tmp_path / name
        folder.mkdir()
        past = seen(sketches.content, sketches.bands, kept)
        assert past.bands.shape == (BANDS, max(0, kept.sum() - 1))
        past.save(folder)
        again = Seen.load(folder)
        assert np.array_equal(again.content, past.content)
        assert np.array_equal(again.bands, past.bands)
        reasons, _ = find(sketches.content, sketches.bands, everything([""] * 21), [again])
        assert (reasons == KNOWN).tolist() == kept.tolist()


def test_sketches_that_cannot_be_read_are_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="cannot read the sketches"):
        Seen.load(tmp_path)
    np.save(tmp_path / "content.npy", np.zeros(3, np.uint64))
    np.save(tmp_path / "bands.npy", np.zeros((9, 3), np.uint64))
    with pytest.raises(StepError, match="another layout than 14 bands"):
        Seen.load(tmp_path)
    (tmp_path / "bands.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(StepError, match="cannot read the sketches"):
        Seen.load(tmp_path)
    with pytest.raises(StepError, match="cannot write"):
        seen(np.zeros(0, np.uint64), np.zeros((0, BANDS), np.uint64), np.zeros(0, np.bool_)).save(tmp_path / "no")


@pytest.mark.slow
def test_two_million_documents_take_less_than_a_minute_and_a_gigabyte() -> None:
    code = """
import resource, time
import numpy as np
from assay.corpus.near import BANDS, find, seen
draw, count = np.random.default_rng(0), 2_000_000
bands = draw.integers(1, 2**64, (count, BANDS), dtype=np.uint64)
content = draw.integers(0, 2**64, count, dtype=np.uint64)
one, other = draw.integers(0, count, (2, count // 5))
bands[one, 5] = bands[other, 5]
started = time.monotonic()
reasons, _ = find(content, bands, np.ones(count, np.bool_), [])
print(time.monotonic() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, (reasons > 0).mean())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, gigabytes, dropped = map(float, done.stdout.split())
    assert seconds < 60
    assert gigabytes < 1
    assert 0.15 < dropped < 0.25
