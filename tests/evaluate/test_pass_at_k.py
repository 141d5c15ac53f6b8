"""pass@k against exact fractions and against its own definition."""

from fractions import Fraction
from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evaluate.pass_at_k import pass_at_k


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int, int]:
    samples = draw(st.integers(1, 400))
    return samples, draw(st.integers(0, samples)), draw(st.integers(1, samples))


@given(counts())
def test_it_is_the_exact_fraction_to_twelve_digits(case: tuple[int, int, int]) -> None:
    samples, right, k = case
    exact = 1 - Fraction(comb(samples - right, k), comb(samples, k))
    assert pass_at_k(samples, right, k) == pytest.approx(float(exact), rel=1e-12, abs=0)


@given(counts())
def test_more_right_answers_never_lower_it_and_more_tries_neither(case: tuple[int, int, int]) -> None:
    samples, right, k = case
    value = pass_at_k(samples, right, k)
    assert 0.0 <= value <= 1.0
    assert right == samples or pass_at_k(samples, right + 1, k) >= value
    assert k == samples or pass_at_k(samples, right, k + 1) >= value - 1e-15


def test_one_try_is_the_share_of_right_answers() -> None:
    assert [pass_at_k(8, right, 1) for right in range(9)] == pytest.approx([right / 8 for right in range(9)])


def test_it_is_the_mean_over_all_ways_to_draw_k_of_the_answers() -> None:
    answers = [True] * 3 + [False] * 5
    drawn = [any(chosen) for chosen in combinations(answers, 4)]
    assert pass_at_k(8, 3, 4) == pytest.approx(sum(drawn) / len(drawn), rel=1e-14)


def test_small_probabilities_keep_their_digits_where_binomials_overflow() -> None:
    samples = 100_000
    assert pass_at_k(samples, 1, 1) == pytest.approx(1 / samples, rel=1e-12)
    assert pass_at_k(samples, 0, 50_000) == 0.0
    assert str(pass_at_k(samples, 0, 1)) == "0.0"
    assert pass_at_k(samples, samples, 1) == 1.0


@pytest.mark.parametrize(("samples", "right", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1), (0, 0, 1)])
def test_it_refuses_what_cannot_be_estimated(samples: int, right: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"pass@|cannot be right"):
        pass_at_k(samples, right, k)
