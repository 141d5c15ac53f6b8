"""Steadied variances: the prior is recovered, A/A holds where it is true, and the table is refused where it fails."""

import numpy as np
import pytest
from scipy import stats

from assay.analyze.effects import Prior, Sample, combine, task_part
from assay.analyze.measured import read_shipped
from assay.analyze.steady import SteadyByTable, fit, null_rate
from assay.study.design import Task


def task(name: str, version: int = 1) -> Task:
    return Task(id=name, title=name, category="reasoning", version=version, n_items=200, chance=0.25)


def test_the_prior_of_drawn_variances_is_recovered() -> None:
    rng = np.random.default_rng(0)
    variances = 0.04 * 6 / rng.chisquare(6, 4000) * rng.chisquare(15, 4000) / 15
    found = fit(list(variances), 15)
    assert found.df == pytest.approx(6, rel=0.15) and found.variance == pytest.approx(0.04, rel=0.05)


def test_a_prior_is_worth_no_more_than_one_measured_pair() -> None:
    assert fit([0.01, 0.01, 0.01, 0.01], 15).df == 15


def test_a_against_a_holds_with_a_true_prior_and_finds_more() -> None:
    rng = np.random.default_rng(1)
    prior, one = Prior(0.04, 6.0), np.zeros(1, dtype=np.int64)
    false = found = alone = 0
    sims = 1000
    for _ in range(sims):
        spread = (0.04 * 6 / rng.chisquare(6)) ** 0.5
        values = rng.normal(0, spread, (3, 1))
        p = combine([task_part(Sample(values, one))], prior).p
        planted = task_part(Sample(values + 0.5, one))
        with_prior, without = combine([planted], prior).p, combine([planted]).p
        assert p is not None and with_prior is not None and without is not None
        false += p < 0.05
        found += with_prior < 0.05
        alone += without < 0.05
    assert false / sims == pytest.approx(0.05, abs=0.028)
    assert found > 1.3 * alone


def test_the_shipped_table_steadies_what_passes_a_against_a_on_its_own_seeds() -> None:
    (noise,) = read_shipped()
    names = ("piqa", "winogrande", "heldout_code", "heldout_markup")
    steady = SteadyByTable({noise.size: noise}, {name: task(name) for name in names})
    priors = {name: steady.prior(noise.size, (1.0, -1.0), [name], "bits_per_byte") for name in names}
    assert priors["heldout_code"] is None and priors["heldout_markup"] is None, "spreads too unlike from pair to pair"
    for name in ("piqa", "winogrande"):
        rate, prior = null_rate(noise, [name], "bits_per_byte"), priors[name]
        assert rate is not None and rate <= 0.056 and prior is not None and 2 < prior.df <= 15
    trend = steady.prior(noise.size, (2.0, 0.0, -2.0), ["piqa"], "bits_per_byte")
    assert trend is not None and priors["piqa"] is not None
    assert trend.variance == pytest.approx(4 * priors["piqa"].variance)


def test_what_the_table_does_not_know_is_not_steadied() -> None:
    (noise,) = read_shipped()
    steady = SteadyByTable({noise.size: noise}, {"piqa": task("piqa", version=99), "new": task("new")})
    assert steady.prior(noise.size, (1.0, -1.0), ["piqa"], "bits_per_byte") is None
    assert steady.prior(noise.size, (1.0, -1.0), ["new"], "bits_per_byte") is None
    assert steady.prior("5M", (1.0, -1.0), ["piqa"], "bits_per_byte") is None


def test_the_test_of_a_subset_against_the_whole_is_exact_for_one_variance() -> None:
    rng = np.random.default_rng(2)
    runs = rng.normal(size=(40_000, 16))
    chosen = runs[:, :3]
    error = chosen.std(axis=1, ddof=1) * (1 / 3 - 1 / 16) ** 0.5
    rejected = np.abs(chosen.mean(axis=1) - runs.mean(axis=1)) > stats.t.ppf(0.975, 2) * error
    assert rejected.mean() == pytest.approx(0.05, abs=0.004)
