"""The choice of a token held against numpy: the exact distribution, top-p's tokens, ties, and what a draw hangs on."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.evaluate.sampling import Draw, choose, choose_in_torch, uniform
from assay.model.native import decode
from assay.model.native.library import library

Choose = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
WAYS = [
    pytest.param(choose_in_torch, id="torch"),
    pytest.param(
        decode.choose, id="native", marks=pytest.mark.skipif(library() is None, reason="no kernels for this machine")
    ),
]


def exact(logits: npt.NDArray[np.float32], temperature: float, top_p: float) -> npt.NDArray[np.float64]:
    """Probabilities by definition: sort, keep until the sum reaches top-p, divide by what is kept."""
    scaled = logits.astype(np.float64) / temperature
    mass = np.exp(scaled - scaled.max())
    mass /= mass.sum()
    kept = np.zeros(len(mass))
    total = 0.0
    for index in sorted(range(len(mass)), key=lambda at: (-mass[at], at)):
        if total >= top_p:
            break
        kept[index] = mass[index]
        total += mass[index]
    result: npt.NDArray[np.float64] = kept / kept.sum()
    return result


def counts(way: Choose, logits: npt.NDArray[np.float32], draw: Draw, numbers: npt.NDArray[np.float64]) -> list[int]:
    rows = torch.tensor(logits).repeat(len(numbers), 1)
    drawn = torch.tensor([(draw.temperature, draw.top_p, number) for number in numbers], dtype=torch.float64)
    return [int(count) for count in np.bincount(way(rows, drawn).numpy(), minlength=len(logits))]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 1.0), (1.5, 0.9), (0.8, 0.5), (1.0, 1e-9)])
def test_evenly_spaced_numbers_give_each_token_its_exact_share(way: Choose, temperature: float, top_p: float) -> None:
    logits = np.random.default_rng(0).normal(0, 2, 37).astype(np.float32)
    many = 4000
    found = counts(way, logits, Draw(temperature, top_p), (np.arange(many) + 0.5) / many)
    assert np.abs(np.array(found) - many * exact(logits, temperature, top_p)).max() <= 1


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.8, 0.9)])
def test_draws_under_many_seeds_pass_the_chi_square_test(temperature: float, top_p: float) -> None:
    logits = np.random.default_rng(1).normal(0, 1.5, 50).astype(np.float32)
    draws = [Draw(temperature, top_p, uniform(seed, "item", 0, 3)) for seed in range(8000)]
    found = np.bincount(choose(torch.tensor(logits).repeat(len(draws), 1), draws), minlength=50)
    expected = exact(logits, temperature, top_p) * len(draws)
    assert found[expected == 0].sum() == 0
    often = expected >= 5
    rest = expected > 0
    rest &= ~often
    observed = np.append(found[often], found[rest].sum())
    wanted = np.append(expected[often], expected[rest].sum())
    assert stats.chisquare(observed[wanted > 0], wanted[wanted > 0]).pvalue > 1e-3


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.integers(-12, 12), min_size=1, max_size=70),
    spread=st.sampled_from([0.1, 0.5, 1.0]),
    top_p=st.floats(0.01, 0.999),
    number=st.floats(0, 1, exclude_max=True),
)
def test_no_draw_lies_outside_the_tokens_of_top_p(
    way: Choose, scores: list[int], spread: float, top_p: float, number: float
) -> None:
    logits = (np.array(scores) * spread).astype(np.float32)
    token = int(np.argmax(counts(way, logits, Draw(1.0, top_p), np.array([number]))))
    around = [exact(logits, 1.0, p) for p in (top_p * (1 - 1e-5), min(1.0, top_p * (1 + 1e-5)))]
    assert any(share[token] > 0 for share in around)
    below = [share[:token].sum() for share in around]
    assert min(below) - 1e-4 <= number <= max(b + s[token] for b, s in zip(below, around, strict=True)) + 1e-4


@pytest.mark.parametrize("way", WAYS)
def test_all_tokens_of_top_p_are_drawn_in_a_large_vocabulary_and_no_others(way: Choose) -> None:
    logits = np.random.default_rng(2).normal(0, 3, 5003).astype(np.float32)
    share = exact(logits, 1.0, 0.8)
    edges = np.cumsum(share)
    kept = np.flatnonzero(share > 1e-4)
    found = counts(way, logits, Draw(1.0, 0.8), edges[kept] - share[kept] / 2)
    assert np.flatnonzero(found).tolist() == kept.tolist()


@pytest.mark.parametrize("way", WAYS)
def test_temperature_zero_takes_the_likeliest_token_and_of_equals_the_lowest_id(way: Choose) -> None:
    rows = torch.tensor([[0.0, 3.0, 3.0, 1.0], [-5.0, -7.0, -5.0, -6.0]]).repeat(1, 20)
    assert way(rows, torch.tensor([[0, 1, 0.99], [0, 0.1, 0.5]], dtype=torch.float64)).tolist() == [1, 0]


@pytest.mark.parametrize("way", WAYS)
def test_rows_of_one_call_have_their_own_settings(way: Choose) -> None:
    logits = torch.tensor([1.0, 0.0, 2.0, -1.0]).repeat(3, 1)
    drawn = torch.tensor([[0, 1, 0.0], [1, 1, 0.0], [1, 0.9, 0.999999]], dtype=torch.float64)
    assert way(logits, drawn).tolist() == [2, 0, 2]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [0.0, 1 - 2**-53])
def test_the_ends_of_the_unit_interval_draw_a_token_that_is_kept(way: Choose, number: float) -> None:
    logits = np.array([-1000.0, 0.0, 1.0, 0.5, -1000.0], dtype=np.float32)
    found = counts(way, logits, Draw(1.0, 1.0), np.array([number]))
    assert found.index(1) == (1 if number == 0 else 3)


def test_a_number_hangs_on_all_of_what_it_is_for_and_on_nothing_else() -> None:
    same = uniform(0, "a", 1, 2)
    assert same == uniform(0, "a", 1, 2)
    others = {uniform(*of) for of in ((1, "a", 1, 2), (0, "b", 1, 2), (0, "a", 2, 1), (0, "a", 12, 2), (0, "a1", 2, 2))}
    assert len(others | {same}) == 6


def test_numbers_are_uniform_over_steps_and_samples() -> None:
    for numbers in ([uniform(7, "x", 0, step) for step in range(4000)], [uniform(7, "x", s, 0) for s in range(4000)]):
        assert min(numbers) >= 0 and max(numbers) < 1
        assert stats.kstest(numbers, "uniform").pvalue > 1e-3
