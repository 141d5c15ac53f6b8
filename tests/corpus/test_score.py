import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from assay.corpus.score import LONGEST, Scorer, rank_share, score, train

FOLDER = os.environ.get("ASSAY_TEST_DATA")
needs_data = pytest.mark.skipif(FOLDER is None, reason="set ASSAY_TEST_DATA to the folder of real benchmark files")


def _rows(path: str) -> Iterator[dict[str, object]]:
    file = Path(str(FOLDER)) / path
    for line in (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()).splitlines():
        yield json.loads(line)


def _column(path: str, column: str) -> list[str]:
    return list(dict.fromkeys(str(row[column]) for row in _rows(path) if len(str(row[column])) > 200))


def _halves(texts: list[str]) -> tuple[list[str], list[str]]:
    texts = list(texts)
    random.Random(0).shuffle(texts)
    return texts[: len(texts) // 2], texts[len(texts) // 2 :]


def _auc(good: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(mannwhitneyu(good, other).statistic) / (len(good) * len(other))


def _shuffled(text: str) -> str:
    words = text.split()
    random.Random(len(text)).shuffle(words)
    return " ".join(words)


def _repeated(text: str) -> str:
    lines = text.replace(". ", ".\n").split("\n")
    few = lines[1 : 2 + len(lines) // 4] or lines
    return "\n".join(few * (len(lines) // len(few) + 1))


@pytest.fixture(scope="module")
def encyclopaedia() -> tuple[list[str], list[str]]:
    """Paragraphs of Wikipedia, half to learn from and half held out."""
    passages = _column("benchmarks/boolq/validation.jsonl", "passage")
    return _halves(passages + _column("benchmarks/squad/validation_1000.jsonl", "context"))


@pytest.fixture(scope="module")
def answers() -> tuple[list[str], list[str]]:
    """Answers of chat models and of crowd workers."""
    return _halves(_column("instruct/dolly_hhrlhf/train_small.jsonl", "response"))


@pytest.fixture(scope="module")
def problems() -> list[str]:
    """Word problems: no text of their kind is learnt from."""
    return _column("benchmarks/gsm8k/test.jsonl", "question")


@pytest.fixture(scope="module")
def scorer(encyclopaedia: tuple[list[str], list[str]], answers: tuple[list[str], list[str]]) -> Scorer:
    return train(encyclopaedia[0], answers[0])


@needs_data
def test_held_out_texts_are_told_from_texts_of_known_and_of_unknown_kinds(
    scorer: Scorer,
    encyclopaedia: tuple[list[str], list[str]],
    answers: tuple[list[str], list[str]],
    problems: list[str],
) -> None:
    good = score(scorer, encyclopaedia[1])
    assert _auc(good, score(scorer, problems)) > 0.9
    assert _auc(good, score(scorer, answers[1])) > 0.87, (
        "246 answers are learnt from, and some are copied from Wikipedia"
    )
    assert good.min() >= 0
    assert good.max() <= 1


@needs_data
@pytest.mark.parametrize("damage", [_shuffled, _repeated])
def test_damaged_copies_score_lower_than_their_originals(
    scorer: Scorer, encyclopaedia: tuple[list[str], list[str]], damage: type[str]
) -> None:
    texts = encyclopaedia[1]
    lower = score(scorer, [damage(text) for text in texts]) < score(scorer, texts)
    assert lower.mean() > 0.9


@needs_data
def test_the_order_of_the_texts_changes_nothing(
    scorer: Scorer, encyclopaedia: tuple[list[str], list[str]], answers: tuple[list[str], list[str]]
) -> None:
    again = train(reversed(encyclopaedia[0]), iter(answers[0][5:] + answers[0][:5]))
    assert np.array_equal(again.weights, scorer.weights)
    assert again.bias == scorer.bias
    texts = encyclopaedia[1]
    one_by_one = np.concatenate([score(scorer, [text]) for text in texts[:20]])
    assert np.array_equal(one_by_one, score(scorer, texts)[:20])


LIKE = [
    f"The river {name} rises in the hills north of {name}ton and is {length} km long."
    for length, name in enumerate(["Aire", "Bure", "Cam", "Dane", "Exe", "Frome", "Gade", "Hull"])
]
UNLIKE = [
    f"omg click here {number} times!!! best {name} deals free free free"
    for number, name in enumerate(["shoe", "watch", "phone", "car", "bag", "hat", "toy", "pen"])
]


def test_a_processor_without_wide_instructions_gives_the_same_bits(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/corpus')\n"
        "from test_score import LIKE, UNLIKE\n"
        "from assay.corpus.score import score, train\n"
        "scorer = train(LIKE, UNLIKE)\n"
        "print(scorer.bias, scorer.weights.tobytes().hex()[:200000], score(scorer, LIKE + UNLIKE).tobytes().hex())"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **extra},
            capture_output=True,
            check=True,
            text=True,
            cwd=Path(__file__).parents[2],
        ).stdout
        for extra in ({}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CACHE_DIR": str(tmp_path)})
    ]
    assert said[0] == said[1]


def test_weights_are_whole_multiples_and_scores_a_plain_sum_of_them() -> None:
    scorer = train(LIKE, UNLIKE)
    assert np.array_equal(scorer.weights * 256, np.round(scorer.weights * 256))
    assert np.count_nonzero(scorer.weights)
    empty, good, other = score(scorer, ["", LIKE[0], UNLIKE[0]])
    assert empty == pytest.approx(1 / (1 + np.exp(-scorer.bias)), abs=1e-5)
    assert good > other


def test_case_and_digits_do_not_count_and_only_the_beginning_is_read() -> None:
    scorer = train(LIKE, UNLIKE)
    text = "Free watch 12 km long. "
    same = score(scorer, [text, text.upper(), text.replace("12", "34")])
    assert len(set(same.tolist())) == 1
    long = "word and word, " * (LONGEST // 10)
    assert score(scorer, [long]) == score(scorer, [long + " free free free!!!" * 1000])
    assert 0 < score(scorer, ["é" * LONGEST, "\ud800 broken"]).min() < 1


def test_both_sides_need_texts() -> None:
    with pytest.raises(ValueError, match="both sides"):
        train(LIKE, [])


_SCORED = st.lists(st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9]), st.integers(1, 1000)), min_size=1)


@given(_SCORED, st.floats(0.01, 1))
def test_the_threshold_keeps_at_least_the_share_and_the_next_would_not(
    scored: list[tuple[float, int]], share: float
) -> None:
    scores = np.array([one for one, _ in scored], dtype=np.float32)
    sizes = np.array([size for _, size in scored], dtype=np.int64)
    threshold = rank_share(scores, sizes, share)
    assert threshold in scores
    assert sizes[scores >= threshold].sum() >= share * sizes.sum()
    assert sizes[scores > threshold].sum() < share * sizes.sum()


@pytest.mark.parametrize("share", [0, -1, 1.01])
def test_a_share_is_more_than_nothing_and_at_most_all(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        rank_share(np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.int64), share)
