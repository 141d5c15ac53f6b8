"""Whether small models predict larger ones, on sizes with planted orders."""

import itertools
import math
from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats

from assay.analyze.records import Floats
from assay.analyze.transfer import AtSize, carried_to, held_out, transfer
from assay.errors import InputError

ARMS = ("text", "quarter", "half", "most", "all", "start")
SIZES = (("1M", 1_000_000), ("5M", 5_000_000), ("15M", 15_000_000))


def at(size: tuple[str, int], levels: dict[str, float], noise: float, seed: int, seeds: int = 4) -> AtSize:
    rng = np.random.default_rng([seed, size[1]])
    shared = rng.normal(0, 0.05, seeds)
    values = {arm: level + shared + rng.normal(0, noise, seeds) for arm, level in levels.items()}
    return AtSize(size[0], size[1], values)


def spread(step: float = 0.1) -> dict[str, float]:
    return {arm: step * place for place, arm in enumerate(ARMS)}


def test_sizes_that_agree_are_told_so() -> None:
    found = transfer([at(size, spread(), 0.002, 1) for size in SIZES])
    assert [one.size for one in found] == ["1M", "5M"]
    for one in found:
        assert (one.decided, one.right, one.accuracy) == (15, 15, 1.0)
        assert one.spearman == pytest.approx(1)
        assert one.reversals == ()
        assert one.low is not None
        assert one.low == pytest.approx(0.025 ** (1 / 3))
        assert one.high == 1


def test_a_planted_reversal_is_named() -> None:
    swapped = spread() | {"text": 0.1, "quarter": 0.0}
    sizes = [at(SIZES[0], swapped, 0.002, 2), at(SIZES[1], spread(), 0.002, 2), at(SIZES[2], spread(), 0.002, 2)]
    small, middle = transfer(sizes)
    assert (small.right, small.decided) == (14, 15)
    (reversal,) = small.reversals
    assert {reversal.a, reversal.b} == {"text", "quarter"}
    assert reversal.decided
    assert reversal.small > 0 > reversal.target
    assert small.low is not None
    assert small.accuracy is not None
    assert small.low < small.accuracy < 1
    assert middle.reversals == ()


def test_the_order_of_the_sizes_and_arms_does_not_matter() -> None:
    sizes = [at(size, spread(0.01), 0.01, 3) for size in SIZES]
    turned = [
        AtSize(one.size, one.parameters, {arm: one.values[arm] for arm in reversed(ARMS)}) for one in reversed(sizes)
    ]
    for one, other in zip(transfer(sizes), transfer(turned), strict=True):
        assert (one.decided, one.right) == (other.decided, other.right)
        assert one.spearman == pytest.approx(other.spearman)


def test_the_same_draws_give_the_same_interval() -> None:
    sizes = [at(size, spread(0.01), 0.01, 4) for size in SIZES]
    assert transfer(sizes) == transfer(sizes)


def test_pairs_that_all_share_one_arm_count_as_one_decision() -> None:
    levels = dict.fromkeys(ARMS, 0.1) | {"start": 0.0}
    star = [at(size, levels, 0.002, 1, seeds=3) for size in SIZES]
    # alike but for the start, to the last bit: only pairs with it are decided
    star = [AtSize(one.size, one.parameters, _alike(one.values)) for one in star]
    for found in transfer(star):
        assert (found.decided, found.right) == (5, 5)
        assert found.low == pytest.approx(0.025) and found.high == 1


def _alike(values: Mapping[str, Floats]) -> dict[str, Floats]:
    return {arm: values["start" if arm == "start" else "text"] for arm in values}


def test_a_target_that_decides_nothing_has_no_accuracy() -> None:
    found = transfer([at(size, dict.fromkeys(ARMS, 0.0), 0.01, 9) for size in SIZES])
    assert found[0].decided == 0
    assert found[0].accuracy is found[0].low is None


def test_four_arms_give_no_interval() -> None:
    levels = {arm: level for arm, level in spread().items() if arm in ARMS[:4]}
    found = transfer([at(size, levels, 0.002, 5) for size in SIZES])
    assert found[0].accuracy == 1
    assert found[0].low is found[0].high is None


def test_random_small_sizes_are_right_half_of_the_time_and_the_interval_says_so() -> None:
    shares, inside = [], 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        levels = dict(zip(ARMS, rng.permutation(len(ARMS)) * 0.1, strict=True))
        sizes = [at(SIZES[0], levels, 0.002, seed), *(at(size, spread(), 0.002, seed) for size in SIZES[1:])]
        small = transfer(sizes)[0]
        assert small.accuracy is not None
        assert small.low is not None
        assert small.high is not None
        shares.append(small.accuracy)
        inside += small.low <= 0.5 <= small.high
    assert np.mean(shares) == pytest.approx(0.5, abs=0.1)
    assert inside >= 48


def test_spearman_is_scipys() -> None:
    sizes = [at(size, spread(0.002), 0.01, 6) for size in SIZES]
    expected = [
        stats.spearmanr(*([float(np.mean(size.values[arm])) for arm in ARMS] for size in (small, sizes[2]))).statistic
        for small in sizes[:2]
    ]
    assert [one.spearman for one in transfer(sizes)] == pytest.approx(expected)


def lines(slope: float, bend: float, seed: int, noise: float = 0.005) -> list[AtSize]:
    """Two arms whose difference is a line over the logarithm of the parameters, and a bend at the largest."""
    sizes = []
    for name, parameters in SIZES:
        apart = 0.02 + slope * math.log(parameters / 1e6) + (bend if name == "15M" else 0)
        sizes.append(at((name, parameters), {"a": 1 + apart, "b": 1.0}, noise, seed))
    return sizes


def test_the_held_out_size_is_predicted_95_times_in_100() -> None:
    held = [held_out(lines(0.03, 0, seed))[0].held for seed in range(200)]
    assert sum(map(bool, held)) / len(held) == pytest.approx(0.95, abs=0.06)


def test_a_bend_at_the_largest_size_fails_the_check() -> None:
    (found,) = held_out(lines(0.03, -0.3, 1))
    assert found.held is False
    assert found.observed is not None
    assert found.observed < found.low


def test_two_sizes_are_carried_on_the_line_through_them() -> None:
    sizes = lines(0.03, 0, 2, noise=0.0)
    assert held_out(sizes)[0].predicted == pytest.approx(0.02 + 0.03 * math.log(15))
    assert carried_to(sizes, "a", "b", 3_000_000).predicted == pytest.approx(0.02 + 0.03 * math.log(3))
    assert carried_to(sizes, "b", "a", 3_000_000).predicted == pytest.approx(-0.02 - 0.03 * math.log(3))


def test_only_the_pairs_that_were_asked_are_foretold_and_in_their_own_direction() -> None:
    sizes = lines(0.03, 0, 2, noise=0.0)
    (found,) = held_out(sizes, [("b", "a")])
    assert (found.a, found.b) == ("b", "a")
    assert found.predicted == pytest.approx(-0.02 - 0.03 * math.log(15))


@pytest.mark.parametrize("parameters", [999_999, 15_000_001, 470_000_000])
def test_nothing_is_said_beyond_what_was_trained(parameters: int) -> None:
    with pytest.raises(InputError, match="outside what was trained"):
        carried_to(lines(0.03, 0, 3), "a", "b", parameters)


def test_two_sizes_are_too_few() -> None:
    with pytest.raises(InputError, match="at least 3 sizes"):
        transfer([at(size, spread(), 0.01, 1) for size in SIZES[:2]])


def test_sizes_with_other_arms_or_one_seed_are_refused() -> None:
    sizes = [at(size, spread(), 0.01, 1) for size in SIZES]
    fewer = AtSize("1M", 1_000_000, dict(itertools.islice(sizes[0].values.items(), 5)))
    with pytest.raises(InputError, match="other arms"):
        transfer([fewer, *sizes[1:]])
    with pytest.raises(InputError, match="two seeds"):
        transfer([at(size, spread(), 0.01, 1, seeds=1) for size in SIZES])


def test_pairs_of_the_same_sign_are_counted_whether_or_not_they_are_decided() -> None:
    rng = np.random.default_rng(5)
    sizes = [
        AtSize(name, parameters, {arm: rng.normal(0, 1, 3) for arm in "abcdef"})
        for name, parameters in (("1M", 10**6), ("5M", 5 * 10**6), ("15M", 15 * 10**6))
    ]
    target = {arm: values.mean() for arm, values in sizes[2].values.items()}
    for small, found in zip(sizes, transfer(sizes), strict=False):
        means = {arm: values.mean() for arm, values in small.values.items()}
        same = [(means[a] > means[b]) == (target[a] > target[b]) for a, b in itertools.combinations(sorted(target), 2)]
        assert (found.same, found.pairs) == (sum(same), 15) and found.decided < 15
