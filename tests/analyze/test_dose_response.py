"""Curves over the share of code: planted ones are found, and intervals hold the planted best as often as they say."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import interpolate, stats

from assay.analyze.dose_response import Curve, dose_response
from assay.errors import InputError

Floats = npt.NDArray[np.float64]
SHARES = np.array([0, 0.25, 0.5, 0.75, 0.9, 1])


def hill(share: Floats, best: float = 0.3) -> Floats:
    """Accuracy, best at a share."""
    height: Floats = 0.55 - 0.2 * (share - best) ** 2
    return height


def drawn(rng: np.random.Generator, truth: Floats, seeds: int, noise: float) -> Floats:
    """Values with a seed's own level, a slope of its own, and noise that grows with the share."""
    level, slope = rng.normal(0, 0.05, (seeds, 1)), rng.normal(0, noise, (seeds, 1)) * SHARES
    values: Floats = truth + level + slope + rng.normal(0, 1, (seeds, len(SHARES))) * noise * (0.5 + SHARES)
    return values


def test_a_quadratic_without_noise_is_found_exactly() -> None:
    levels = np.array([[0.0], [0.01], [-0.02]])
    found = dose_response(SHARES, hill(SHARES) + levels, "higher", "quadratic").chosen
    assert found.mean == pytest.approx(hill(found.shares) + levels.mean(), abs=1e-9)
    assert found.best.share == pytest.approx(0.3, abs=0.003)
    assert found.best.low == pytest.approx(0.3, abs=0.006)
    assert found.best.high == pytest.approx(0.3, abs=0.006)
    assert not found.best.at_edge


def test_the_order_of_the_shares_does_not_matter() -> None:
    values = drawn(np.random.default_rng(3), hill(SHARES), 4, 0.01)
    one, other = (
        dose_response(SHARES[order], values[:, order], "higher") for order in ([0, 1, 2, 3, 4, 5], [4, 0, 5, 2, 1, 3])
    )
    assert one.chosen.form == other.chosen.form
    assert np.allclose(one.chosen.mean, other.chosen.mean)
    assert one.chosen.best.words() == other.chosen.best.words()


def test_lower_is_the_mirror_of_higher() -> None:
    values = drawn(np.random.default_rng(4), hill(SHARES), 5, 0.01)
    assert dose_response(SHARES, values, "higher").chosen.best == dose_response(SHARES, -values, "lower").chosen.best


def test_the_interval_of_two_seeds_is_wider_than_that_of_ten() -> None:
    def width(seeds: int) -> float:
        widths = []
        for seed in range(20):
            values = drawn(np.random.default_rng(seed), hill(SHARES), seeds, 0.01)
            best = dose_response(SHARES, values, "higher", "quadratic").chosen.best
            assert best.low is not None
            assert best.high is not None
            widths.append(best.high - best.low)
        return float(np.mean(widths))

    assert width(2) > 2 * width(10)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_planted_best_is_in_the_interval_95_times_in_100(seeds: int) -> None:
    times, inside = 300, 0
    rng = np.random.default_rng(seeds)
    for _ in range(times):
        best = dose_response(SHARES, drawn(rng, hill(SHARES), seeds, 0.02), "higher", "quadratic").chosen.best
        assert best.low is not None
        assert best.high is not None
        inside += best.low - 0.0025 <= 0.3 <= best.high + 0.0025
    # four standard errors of a share over 300 draws below the promise; above it a hull may be
    assert inside / times >= 0.95 - 4 * (0.95 * 0.05 / times) ** 0.5


def test_the_bands_hold_the_curve_as_often_as_they_say() -> None:
    times, at_one, everywhere = 300, 0, 0
    rng = np.random.default_rng(7)
    for _ in range(times):
        curve = dose_response(SHARES, drawn(rng, hill(SHARES), 3, 0.02), "higher", "quadratic").chosen
        assert curve.low is not None
        assert curve.high is not None
        assert curve.low_everywhere is not None
        assert curve.high_everywhere is not None
        truth = hill(curve.shares)
        middle = len(truth) // 2
        at_one += bool(curve.low[middle] <= truth[middle] <= curve.high[middle])
        everywhere += bool(((curve.low_everywhere <= truth) & (truth <= curve.high_everywhere)).all())
    assert abs(at_one / times - 0.95) <= 4 * (0.95 * 0.05 / times) ** 0.5
    assert everywhere / times >= 0.95 - 4 * (0.95 * 0.05 / times) ** 0.5


def test_the_band_at_a_share_is_the_t_interval_of_the_seeds_fits() -> None:
    values = drawn(np.random.default_rng(11), hill(SHARES), 4, 0.02)
    curve = dose_response(SHARES, values, "higher", "quadratic").chosen
    at = 40
    fits = [np.polyval(np.polyfit(SHARES, row, 2), curve.shares[at]) for row in values]
    low, high = stats.t.interval(0.95, 3, np.mean(fits), stats.sem(fits))
    assert curve.low is not None
    assert curve.high is not None
    assert (curve.low[at], curve.high[at]) == pytest.approx((low, high))


def test_a_mixing_law_is_known_for_one_and_is_best_at_the_edge() -> None:
    truth = 2.0 + 0.8 * np.exp(-6 * SHARES)
    values = drawn(np.random.default_rng(5), truth, 3, 0.002)
    found = dose_response(SHARES, values, "lower")
    assert found.chosen.form == "mixing law"
    assert found.chosen.mean == pytest.approx(
        2.0 + 0.8 * np.exp(-6 * found.chosen.shares) + np.mean(values - truth), abs=0.02
    )
    assert found.chosen.best.at_edge
    assert "at the edge of what was tried" in found.chosen.best.words()


def test_a_wave_that_no_quadratic_fits_is_left_to_the_spline() -> None:
    shares = np.linspace(0, 1, 9)
    truth = interpolate.CubicSpline([0, 1 / 3, 2 / 3, 1], [0, 1, -1, 0.5], bc_type="natural")(shares)
    values = truth + np.random.default_rng(6).normal(0, 0.01, (3, 9))
    found = dose_response(shares, values, "higher")
    assert found.chosen.form == "spline"
    assert set(found.refused) == {"quadratic", "mixing law"}


STEEP = np.array([1.813, 1.892, 1.999, 2.147, 2.366, 3.107])
"""Held-out text of the study to-code at 1M, in bits per byte: worse with every share of code, most at the end."""


def test_a_form_that_the_values_contradict_is_refused_however_narrow_its_interval() -> None:
    values = STEEP + np.random.default_rng(0).normal(0, 0.012, (3, 6))
    quadratic = dose_response(SHARES, values, "lower", "quadratic").chosen
    assert quadratic.misfit is not None and quadratic.misfit < 1e-4
    assert 0.2 < quadratic.best.share < 0.3, "a best of the form's own making"
    found = dose_response(SHARES, values, "lower")
    assert "quadratic" in found.refused
    assert found.chosen.form == "piecewise linear"
    assert found.chosen.best.words() == "best between 0 % and 25 %, at the edge of what was tried"
    assert found.chosen.best.share == 0
    at_the_shares = np.interp(SHARES, found.chosen.shares, found.chosen.mean)
    assert at_the_shares == pytest.approx(values.mean(axis=0), abs=1e-3)


def test_the_best_is_sought_between_the_neighbours_of_the_shares_that_are_left() -> None:
    bends = np.array([1.0, 3.0, 1.0, 2.9, 0.0, 0.5])
    values = bends + np.random.default_rng(1).normal(0, 0.01, (4, 6))
    best = dose_response(SHARES, values, "higher", "piecewise linear").chosen.best
    assert best.possible == ((0, 0.5),)
    values[:, 3] = values[:, 1] + np.array([0.05, -0.06, 0.04, -0.05])
    best = dose_response(SHARES, values, "higher", "piecewise linear").chosen.best
    assert best.possible == ((0, 0.5), (0.5, 0.9))
    assert best.words() == "best between 0 % and 50 %, or between 50 % and 90 %, at the edge of what was tried"
    assert best.near is None


@pytest.mark.parametrize(("truth", "at"), [(hill(SHARES), 0.3), (-STEEP, 0.0), (-(np.abs(SHARES - 0.6) ** 0.5), 0.6)])
def test_whatever_the_curve_is_the_best_is_ruled_out_in_5_of_100_studies(truth: Floats, at: float) -> None:
    times, inside = 300, 0
    rng = np.random.default_rng(int(100 * at))
    for _ in range(times):
        noise = rng.normal(0, 0.03, (3, 1)) + rng.normal(0, 0.01, (3, 6))
        best = dose_response(SHARES, truth + noise, "higher").chosen.best
        inside += any(low - 0.0025 <= at <= high + 0.0025 for low, high in best.possible)
    assert inside / times >= 0.95 - 4 * (0.95 * 0.05 / times) ** 0.5


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_a_form_that_holds_is_refused_in_5_of_100_studies(seeds: int) -> None:
    rng, times = np.random.default_rng(seeds), 400
    refused = 0
    for _ in range(times):
        values = hill(SHARES) + rng.normal(0, 0.05, (seeds, 1)) + rng.normal(0, 0.01, (seeds, 6))
        misfit = dose_response(SHARES, values, "higher", "quadratic").chosen.misfit
        assert misfit is not None
        refused += misfit < 0.05
    assert abs(refused / times - 0.05) <= 4 * (0.95 * 0.05 / times) ** 0.5
    assert dose_response(SHARES, hill(SHARES) + np.zeros((2, 1)), "higher", "quadratic").chosen.misfit == 1


def test_noise_alone_rules_out_next_to_nothing() -> None:
    whole = 0
    rng = np.random.default_rng(8)
    for _ in range(50):
        best = dose_response(SHARES, rng.normal(0, 0.01, (3, 6)), "higher", "quadratic").chosen.best
        assert best.low is not None
        assert best.high is not None
        whole += best.high - best.low > 0.5
    assert whole >= 40


def test_one_seed_gives_a_curve_and_no_interval() -> None:
    found = dose_response(SHARES, hill(SHARES), "higher", "quadratic").chosen
    assert found.low is None
    assert found.best.low is None
    assert "one seed gives no interval" in found.best.words()


def test_a_curve_that_is_good_at_both_ends_is_best_in_two_stretches() -> None:
    tilts = np.array([[-0.1], [0.12], [0.03]])
    values = 4 * (SHARES - 0.5) ** 2 + tilts * (SHARES - 0.5)
    best = dose_response(SHARES, values, "higher", "quadratic").chosen.best
    assert len(best.possible) == 2 and (best.low, best.high) == best.tried
    assert best.possible[0][1] < 0.1 and best.possible[1][0] > 0.9, "the middle is worse by 1 in every seed"
    assert best.words().startswith("best at 0 %, or ") and "ruled out" not in best.words()


def test_only_where_all_shares_are_possible_none_can_be_ruled_out() -> None:
    values = np.array([[1.0], [0.0], [-1.0]]) * hill(SHARES)
    best = dose_response(SHARES, values, "higher", "quadratic").chosen.best
    assert best.possible == (best.tried,)
    assert best.words() == "best anywhere from 0 % to 100 %: no share can be ruled out"


@given(st.integers(0, 10_000), st.floats(0.1, 20), st.floats(-5, 5))
def test_units_of_the_metric_do_not_matter(seed: int, scale: float, shift: float) -> None:
    values = drawn(np.random.default_rng(seed), hill(SHARES), 3, 0.02)
    one: Curve = dose_response(SHARES, values, "higher", "quadratic").chosen
    other: Curve = dose_response(SHARES, values * scale + shift, "higher", "quadratic").chosen
    assert other.mean == pytest.approx(one.mean * scale + shift, abs=1e-8)
    assert other.best.share == pytest.approx(one.best.share, abs=0.0051)


@pytest.mark.parametrize(
    ("shares", "values", "told"),
    [
        ([0, 0.5, 1], np.zeros((2, 3)), "at least 4 shares"),
        ([0, 0.5, 0.5, 1], np.zeros((2, 4)), "twice"),
        ([0, 50, 75, 100], np.zeros((2, 4)), "from 0 to 1"),
        ([0, 0.25, 0.5, 1], np.full((2, 4), np.nan), "each seed's value"),
        ([0, 0.25, 0.5, 1], np.zeros((2, 5)), "each seed's value"),
    ],
)
def test_what_cannot_be_fitted_is_refused(shares: list[float], values: Floats, told: str) -> None:
    with pytest.raises(InputError, match=told):
        dose_response(shares, values, "higher")


def test_a_spline_through_four_shares_is_refused() -> None:
    with pytest.raises(InputError, match="needs 5 shares"):
        dose_response([0, 0.25, 0.5, 1], np.zeros((2, 4)), "higher", "spline")


def test_shares_as_good_as_the_best_are_those_surely_less_than_the_margin_worse() -> None:
    levels = np.array([[0.0], [0.01], [-0.02]])
    best = dose_response(SHARES, hill(SHARES) + levels, "higher", "quadratic", margin=0.02).chosen.best
    reach = (0.02 / 0.2) ** 0.5
    assert best.near is not None
    assert best.near[0] == 0 and best.near[1] == pytest.approx(0.3 + reach, abs=0.01), "0 is 0.018 worse"
    assert best.words().endswith("; 0 % to 61 % is less than 0.02 worse")


def test_a_law_that_is_flat_at_its_end_is_best_there_and_as_good_long_before() -> None:
    rng = np.random.default_rng(0)
    values = 2.8 + 1.6 * np.exp(-9 * SHARES) + rng.normal(0, 0.004, (3, len(SHARES)))
    best = dose_response(SHARES, values, "lower", "mixing law", margin=0.05).chosen.best
    assert best.low == 1 and best.near is not None and 0.3 < best.near[0] < 0.7 and best.near[1] == 1


def test_more_noise_leaves_fewer_shares_as_good_for_sure_and_one_seed_none() -> None:
    widths = []
    for noise in (0.001, 0.01, 0.05):
        values = drawn(np.random.default_rng(1), hill(SHARES), 4, noise)
        near = dose_response(SHARES, values, "higher", "quadratic", margin=0.02).chosen.best.near
        assert near is not None
        widths.append(near[1] - near[0])
    assert widths == sorted(widths, reverse=True)
    assert dose_response(SHARES, hill(SHARES)[None], "higher", margin=0.02).chosen.best.near is None
