"""The estimator beside scipy's and statsmodels' own tests on the same numbers."""

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from assay.analyze.effects import Sample, combine, task_part
from assay.analyze.power import detectable_ratio
from assay.analyze.unpaired import UnpairedSample, combine_unpaired
from assay.analyze.verdict import holm

ITEMS = 30


def differences() -> dict[str, float]:
    """Largest relative difference by what is compared."""
    rng = np.random.default_rng(3)
    paired, welch = [], []
    for seeds in (2, 3, 5, 16):
        for _ in range(50):
            a, b = (rng.normal(0, spread, (seeds, ITEMS)) + rng.normal(0, 1, (seeds, 1)) for spread in (1, 4))
            found = combine([task_part(Sample(a - b, np.arange(ITEMS)))])
            test = stats.ttest_rel(a.mean(1), b.mean(1))
            bounds = test.confidence_interval(0.95)
            paired += _apart([found.p, *(found.interval() or ())], [test.pvalue, bounds.low, bounds.high])
            if seeds > 2:
                other = combine_unpaired([UnpairedSample([a, -b], np.arange(ITEMS))])
                test = stats.ttest_ind(a.mean(1), b.mean(1), equal_var=False)
                rounded = 2 * stats.t.sf(abs(test.statistic), np.floor(test.df))
                welch += _apart([other.p, other.df], [rounded, np.floor(test.df)])
    ratios = [
        abs(detectable_ratio(seeds - 1) / seeds**0.5 / TTestPower().solve_power(nobs=seeds, alpha=0.05, power=0.8) - 1)
        for seeds in (4, 6, 16)
    ]
    p_values = rng.random(20) ** 4
    return {
        "paired_t_scipy": max(paired),
        "welch_scipy": max(welch),
        "two_way_anova_statsmodels": max(_anova(rng) for _ in range(5)),
        "mixed_model_statsmodels": max(_mixed(rng) for _ in range(3)),
        "power_statsmodels": max(ratios),
        "holm_statsmodels": max(_apart(list(holm(list(p_values))), list(multipletests(p_values, method="holm")[1]))),
    }


def _anova(rng: np.random.Generator) -> float:
    """Standard error and degrees of freedom for new items, against the mean squares of seeds, items and rest."""
    seeds = 6
    values = 0.1 * rng.normal(size=(seeds, 1)) + 2 * rng.normal(size=(1, ITEMS)) + rng.normal(size=(seeds, ITEMS))
    seed, item = np.indices(values.shape)
    table = anova_lm(
        ols("d ~ C(s) + C(i)", pd.DataFrame({"d": values.ravel(), "s": seed.ravel(), "i": item.ravel()})).fit()
    )
    terms = table["mean_sq"].to_numpy() / values.size
    variance = terms[0] + terms[1] - terms[2]
    df = variance**2 / (terms**2 / table["df"].to_numpy()).sum()
    found = combine([task_part(Sample(values, np.arange(ITEMS)))])
    return max(_apart([found.se_new_items, found.df_new_items], [variance**0.5, df]))


def _mixed(rng: np.random.Generator) -> float:
    """Standard error over seeds, against a mixed model of the item table with a random intercept a seed."""
    seeds = 8
    values = 3 * rng.normal(size=(seeds, 1)) + rng.normal(size=(seeds, ITEMS))
    groups = np.repeat(np.arange(seeds), ITEMS)
    fitted = MixedLM(values.ravel(), np.ones((values.size, 1)), groups).fit(reml=True)
    found = combine([task_part(Sample(values, np.arange(ITEMS)))])
    return max(_apart([found.value, found.se], [fitted.fe_params[0], fitted.bse_fe[0]]))


def _apart(ours: list[float | None], theirs: list[float]) -> list[float]:
    return [abs(float("nan") if a is None else a - b) / max(abs(b), 1e-12) for a, b in zip(ours, theirs, strict=True)]
