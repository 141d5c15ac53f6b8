"""Arms between two capabilities: who is beaten for sure, who only on this draw."""

import numpy as np
import pytest

from assay.analyze.frontier import frontier
from assay.errors import InputError

SEEDS = np.array([0.0, 0.01, -0.01, 0.005])


def level(value: float) -> np.ndarray:
    return value + SEEDS


def test_an_arm_behind_in_both_is_beaten_and_a_trade_is_not() -> None:
    noise = np.array([0.001, -0.001, 0.0005, -0.0005])
    reasoning = {
        "text": level(0.5),
        "balanced": level(0.55) + noise,
        "code": level(0.4) - noise,
        "weak": level(0.3) + noise,
    }
    code = {
        "text": level(0.0),
        "balanced": level(0.1) + noise,
        "code": level(0.2) - noise,
        "weak": level(0.05) + 2 * noise,
    }
    points = {point.arm: point for point in frontier(reasoning, code, "higher", "higher")}
    assert points["balanced"].standing == points["code"].standing == "on the frontier"
    assert points["text"].standing == "beaten"
    assert points["text"].beaten_by == ("balanced",)
    assert set(points["weak"].beaten_by) == {"balanced", "code"}


def test_bits_per_byte_count_the_other_way() -> None:
    noise = np.array([0.001, -0.001, 0.0005, -0.0005])
    bits = {"a": level(2.0), "b": level(2.5) + noise}
    right = {"a": level(0.5), "b": level(0.4) + noise}
    assert [point.standing for point in frontier(bits, right, "lower", "higher")] == ["on the frontier", "beaten"]


def test_arms_that_only_noise_tells_apart_are_rarely_beaten() -> None:
    rng = np.random.default_rng(1)
    beaten = 0
    for _ in range(150):
        x, y = ({name: rng.normal(0, 1, 3) for name in "abc"} for _ in range(2))
        beaten += any(point.standing == "beaten" for point in frontier(x, y, "higher", "higher"))
    # three arms at 5 % each, were both tests alike; they are independent here, so far fewer
    assert beaten / 150 <= 0.05


def test_one_seed_beats_nobody_for_sure() -> None:
    points = frontier({"a": np.ones(1), "b": np.zeros(1)}, {"a": np.ones(1), "b": np.zeros(1)}, "higher", "higher")
    assert [point.standing for point in points] == ["on the frontier", "may be on it"]
    assert points[0].x_interval is None


def test_arms_that_differ_are_refused() -> None:
    with pytest.raises(InputError, match="both capabilities"):
        frontier({"a": np.ones(2), "b": np.ones(2)}, {"a": np.ones(2), "c": np.ones(2)}, "higher", "higher")
