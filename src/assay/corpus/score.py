"""How much a text is like texts that a recipe calls good: a score that splits one body into *weak* and *filtered*.

A logistic regression on hashed words and pairs of neighbouring words, like the classifiers behind DCLM and GPT-3's
training data, learnt from the recipe's own sources: no model is fetched, and what counts as good stays a choice that
the recipe shows. Besides the texts that it must be told from, it learns from damaged copies of the good ones, words
shuffled or a passage repeated. Only additions, multiplications, divisions and square roots in a fixed order are
used, so weights and scores are the same bits on every machine. It knows style and grammar, not truth.
"""

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

BITS = 18
"""Features are 2^BITS buckets, which unrelated pairs of words may share."""
LONGEST = 20_000
"""Bytes at the beginning of a text by which it is judged, so that a book costs no more than an article."""
MOST = 32_000_000
"""Bytes a side that are learnt from: the texts whose hashes are smallest, whatever their order."""
PASSES = 60
"""Steps of the fit over all texts."""
PENALTY = 0.001
"""Of the squared weights, beside a mean loss per text."""
RARE = 5e-5
"""Added to a feature's frequency before weights are divided by its root: rarer ones are learnt with less trust."""
SHRINK = 32
"""Features of no weight that every text is taken to have besides its own, so that a few words cannot decide."""

MOST_FEATURES = 3 * LONGEST
_GRAIN = 256
"""Weights are multiples of 1 / _GRAIN."""


@dataclass(frozen=True)
class Scorer:
    """What was learnt."""

    weights: NDArray[np.float32]
    """[2^BITS]; a text's logit is ``bias`` plus the mean weight of its features."""
    bias: float


def train(like: Iterable[str], unlike: Iterable[str]) -> Scorer:
    """Learn to tell ``like`` from ``unlike`` and from damaged copies of ``like``.

    The good texts weigh as much as all others together, and of these ``unlike`` as much as the damaged copies, whatever
    their numbers. The order of the texts changes nothing.

    Raises:
        ValueError: One side has no text.
    """
    good, other = _sample(like), _sample(unlike)
    if not good or not other:
        raise ValueError("a quality score is learnt from texts on both sides, and one side has none")
    damaged = [_damaged(text, number) for number, text in enumerate(good)]
    features, ends = _features([*good, *other, *damaged])
    sizes = [len(good), len(other), len(damaged)]
    classes = np.repeat(np.array([1.0, -1.0, -1.0]), sizes)
    shares = np.repeat(np.array([0.5, 0.25, 0.25]) / sizes, sizes)
    weights, bias = _fit(features, ends, classes, shares)
    grain = np.float32(_GRAIN)
    return Scorer(weights=np.round(weights.astype(np.float32) * grain) / grain, bias=round(bias * _GRAIN) / _GRAIN)


def score(scorer: Scorer, texts: Sequence[str]) -> NDArray[np.float32]:
    """[texts] between 0 and 1, higher the more a text is like those called good.

    A text is judged by its first ``LONGEST`` bytes; without a single word or mark it scores as ``bias`` says.
    """
    data, starts = _joined(texts)
    found: NDArray[np.float32] = _score(data, starts, scorer.weights, scorer.bias)
    return found


def rank_share(scores: NDArray[np.float32], sizes: NDArray[np.int64], share: float) -> float:
    """The highest threshold at which texts of that score or more hold at least ``share`` of all bytes.

    Texts of equal score stay together, so the threshold alone decides and the order of texts does not matter.

    Args:
        scores: [texts].
        sizes: [texts], bytes.
        share: In (0, 1].

    Raises:
        ValueError: There is no text, or the share is outside (0, 1].
    """
    if not len(scores) or not 0 < share <= 1:
        raise ValueError(f"a share in (0, 1] of at least one text is needed; got {share} of {len(scores)} texts")
    order = np.argsort(-scores, kind="stable")
    held = np.cumsum(sizes[order], dtype=np.int64)
    wanted = share * float(held[-1])
    return float(scores[order[int(np.searchsorted(held, wanted))]])


def _sample(texts: Iterable[str]) -> list[str]:
    """The texts with the smallest hashes that hold ``MOST`` bytes together, by their hashes."""
    kept: list[tuple[int, str, int]] = []
    held = 0
    for text in texts:
        start = text[:LONGEST]
        data = start.encode("utf-8", "replace")
        digest = hashlib.blake2b(data, digest_size=8).digest()
        heapq.heappush(kept, (-int.from_bytes(digest, "big"), start, len(data)))
        held += len(data)
        while held > MOST:
            held -= heapq.heappop(kept)[2]
    return [text for _, text, _ in sorted(kept, reverse=True)]


def _damaged(text: str, number: int) -> str:
    """A copy with its words in the order of their hashes, or with a tenth of it again and again."""
    words = text.split(" ")
    if number % 2:
        few = words[: max(8, len(words) // 10)]
        return " ".join(few * (len(words) // len(few) + 1))
    places = sorted(range(len(words)), key=lambda place: hashlib.blake2b(place.to_bytes(8, "big")).digest())
    return " ".join(words[place] for place in places)


def _joined(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The texts' first bytes in one array, and where each begins; one more at the end."""
    data = [text[:LONGEST].encode("utf-8", "replace")[:LONGEST] for text in texts]
    starts = np.zeros(len(data) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in data], out=starts[1:])
    return np.frombuffer(b"".join(data), dtype=np.uint8), starts


def _features(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The features of all texts, and where each text's begin; one more at the end."""
    data, starts = _joined(texts)
    buffer = np.empty(MOST_FEATURES, dtype=np.uint32)
    met = np.full(1 << BITS, -1, dtype=np.int32)
    found = [
        buffer[: _read(data, starts[text], starts[text + 1], buffer, met, text)].copy() for text in range(len(texts))
    ]
    ends = np.zeros(len(starts), dtype=np.int64)
    np.cumsum([len(one) for one in found], out=ends[1:])
    return np.concatenate(found), ends


def _classes_of_bytes() -> NDArray[np.uint8]:
    """What a byte is to `_read`: 0 white space, 1 a mark of its own, otherwise the letter it counts as in a word."""
    table = np.ones(256, dtype=np.uint8)
    table[: ord(" ") + 1] = 0
    table[128:] = np.arange(128, 256)
    for letter in range(ord("a"), ord("z") + 1):
        table[letter] = table[letter - 32] = letter
    table[ord("0") : ord("9") + 1] = ord("0")
    return table


_BYTES = _classes_of_bytes()


@njit(cache=True, nogil=True)
def _read(data: Any, start: int, end: int, into: Any, met: Any, text: int) -> int:
    """Write a text's features into ``into`` and return how many. Digits are one letter, case is none.

    A word (or a mark that is none) gives one, a pair of neighbours another, and a pair met before in the text a
    third that tells how many words were read so far, to the power of two: long texts may repeat more.
    """
    shift = np.uint64(64 - BITS)
    mixer = np.uint64(0x9E3779B97F4A7C15)
    prime = np.uint64(0x100000001B3)
    before = np.uint64(0)
    count = words = 0
    place = start
    while place < end:
        kind = _BYTES[data[place]]
        if kind == 0:
            place += 1
            continue
        word = np.uint64(0xCBF29CE484222325)
        if kind == 1:
            word = (word ^ np.uint64(data[place])) * prime
            place += 1
        else:
            while kind > 1:
                word = (word ^ np.uint64(kind)) * prime
                place += 1
                kind = _BYTES[data[place]] if place < end else np.uint8(0)
        into[count] = np.uint32(((word ^ (word >> np.uint64(29))) * mixer) >> shift)
        count += 1
        if words:
            pair = (before * prime + word) * mixer
            bucket = np.uint32(((pair ^ (pair >> np.uint64(32))) * mixer) >> shift)
            into[count] = bucket
            count += 1
            if met[bucket] == text:
                size = np.uint64(1)
                while (np.uint64(1) << size) <= np.uint64(words):
                    size += np.uint64(1)
                into[count] = np.uint32((size * mixer) >> shift)
                count += 1
            met[bucket] = text
        words += 1
        before = word
    return count


@njit(cache=True, nogil=True)
def _sigmoid(logit: float) -> float:
    """1 / (1 + e^-logit) with e^x = (1 + x / 2^20)^(2^20): no library's exponential, which differ in the last bit."""
    power = 1.0 - max(-40.0, min(40.0, logit)) / 1048576.0
    for _ in range(20):
        power *= power
    return 1.0 / (1.0 + power)


@njit(cache=True, nogil=True)
def _score(data: Any, starts: Any, weights: Any, bias: float) -> Any:
    scores = np.empty(len(starts) - 1, dtype=np.float32)
    features = np.empty(MOST_FEATURES, dtype=np.uint32)
    met = np.full(1 << BITS, -1, dtype=np.int32)
    for text in range(len(scores)):
        count = _read(data, starts[text], starts[text + 1], features, met, text)
        total = 0.0
        for place in range(count):
            total += weights[features[place]]
        scores[text] = _sigmoid(bias + total / (count + SHRINK))
    return scores


@njit(cache=True, nogil=True)
def _fit(features: Any, ends: Any, classes: Any, shares: Any) -> tuple[Any, float]:
    """Nesterov's accelerated descent on the mean logistic loss, features divided by the root of their frequency.

    The step is the inverse of the largest curvature, found by the power method: a quarter of the largest eigenvalue
    of the features' second moments, of which ten rounds find enough.
    """
    texts = len(classes)
    size = 1 << BITS
    scales = np.zeros(size)
    lengths = np.empty(texts)
    for text in range(texts):
        lengths[text] = 1.0 / (ends[text + 1] - ends[text] + SHRINK)
        for place in range(ends[text], ends[text + 1]):
            scales[features[place]] += shares[text] * lengths[text]
    for bucket in range(size):
        scales[bucket] = 1.0 / np.sqrt(scales[bucket] + RARE)

    ahead = np.ones(size)
    curvature = 1.0
    gradient = np.zeros(size)
    for _ in range(10):
        norm = 0.0
        for bucket in range(size):
            norm += ahead[bucket] * ahead[bucket]
        norm = np.sqrt(norm)
        for bucket in range(size):
            ahead[bucket] *= scales[bucket] / norm
            gradient[bucket] = 0.0
        for text in range(texts):
            total = 0.0
            for place in range(ends[text], ends[text + 1]):
                total += ahead[features[place]]
            total *= shares[text] * lengths[text] * lengths[text]
            for place in range(ends[text], ends[text + 1]):
                gradient[features[place]] += total
        curvature = 0.0
        for bucket in range(size):
            ahead[bucket] = gradient[bucket] * scales[bucket]
            curvature += ahead[bucket] * ahead[bucket]
        curvature = np.sqrt(curvature)
    step = 1.0 / (0.3 * (curvature + 1.0) + PENALTY)

    weights = np.zeros(size)
    ahead[:] = 0.0
    bias = bias_ahead = 0.0
    effective = np.empty(size)
    for number in range(PASSES):
        for bucket in range(size):
            effective[bucket] = ahead[bucket] * scales[bucket]
            gradient[bucket] = 0.0
        bias_gradient = 0.0
        for text in range(texts):
            total = 0.0
            for place in range(ends[text], ends[text + 1]):
                total += effective[features[place]]
            logit = bias_ahead + total * lengths[text]
            slope = -classes[text] * _sigmoid(-classes[text] * logit) * shares[text]
            bias_gradient += slope
            slope *= lengths[text]
            for place in range(ends[text], ends[text + 1]):
                gradient[features[place]] += slope
        momentum = number / (number + 3.0)
        for bucket in range(size):
            moved = ahead[bucket] - step * (gradient[bucket] * scales[bucket] + PENALTY * ahead[bucket])
            ahead[bucket] = moved + momentum * (moved - weights[bucket])
            weights[bucket] = moved
        moved_bias = bias_ahead - step * bias_gradient
        bias_ahead = moved_bias + momentum * (moved_bias - bias)
        bias = moved_bias
    for bucket in range(size):
        weights[bucket] *= scales[bucket]
    return weights, bias
