"""What records say of their judges: flips, leans, silence, and agreement beyond chance against statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import special
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa
from tournament_rows import both_orders, exchanged, tournaments

from assay.judge.judgement import Judgement
from assay.judge.tournament import agreement, outcomes, quality
from assay.judge.tournament.agreement import cohen, fleiss


def test_a_judge_that_always_takes_the_first_answer_is_all_lean_and_all_flips() -> None:
    rows = [row for n in range(20) for row in both_orders(f"{n}", "a", "b", lengths=(30, 10))]
    (found,) = quality(rows)
    assert found.position_lean is not None
    assert found.flip_rate is not None
    assert found.length_lean is not None
    assert (found.position_lean.value, found.position_lean.high, found.position_lean.of) == (1, 1, 40)
    assert (found.flip_rate.value, found.flip_rate.of) == (1, 20)
    assert found.length_lean.value == 0
    assert found.unparsed.value == 0


def test_a_judge_that_takes_the_longer_answer_has_no_flip_and_no_lean_to_a_position() -> None:
    rows = [row for n in range(20) for row in both_orders(f"{n}", "b", "b", lengths=(10, 11))]
    (found,) = quality(rows)
    assert found.length_lean is not None
    assert found.position_lean is not None
    assert found.flip_rate is not None
    assert (found.length_lean.value, found.position_lean.value, found.flip_rate.value) == (1, 0, 0)


def test_shares_are_counted_as_their_definitions_say() -> None:
    rows = [
        *both_orders("1", "a", "b", lengths=(10, 5)),  # first twice: a flip; the longer once, the shorter once
        *both_orders("2", "b", "b", lengths=(10, 5)),  # second, first; the shorter twice
        *both_orders("3", "tie", "a", lengths=(7, 7)),  # a flip; second; no length
        *both_orders("4", "none", "b", lengths=(1, 9)),  # not read in both orders; first; the longer
        *both_orders("5", "none", "none"),
    ]
    (found,) = quality(rows)
    assert found.flip_rate is not None
    assert found.position_lean is not None
    assert found.length_lean is not None
    assert found.flip_rate.value == pytest.approx(2 / 3)
    assert found.position_lean.value == pytest.approx((4 - 2) / 7)
    assert found.length_lean.value == pytest.approx((2 - 3) / 5)
    assert found.unparsed.value == pytest.approx(3 / 10)
    shares = (found.flip_rate, found.position_lean, found.length_lean, found.unparsed)
    assert [share.of for share in shares] == [3, 7, 5, 10]
    assert found.half_unparsed == 1


def test_intervals_are_clustered_by_prompt() -> None:
    rng = np.random.default_rng(1)
    rows = [
        row
        for prompt in range(30)
        for seed in range(int(rng.integers(1, 4)))
        for row in both_orders(f"{prompt:02d}", rng.choice(["a", "b"]), rng.choice(["a", "b"]), seed=seed)
    ]
    (found,) = quality(rows)
    for_first = np.array([1.0 if (row.preferred == "a") == row.a_first else -1.0 for row in rows])
    oracle = GLM((1 + for_first) / 2, np.ones(len(rows)), family=Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": np.array([int(row.prompt) for row in rows])}, use_t=True
    )
    assert found.position_lean is not None
    low, high = 2 * special.expit(oracle.conf_int()[0]) - 1
    assert found.position_lean.value == pytest.approx(for_first.mean())
    assert (found.position_lean.low, found.position_lean.high) == pytest.approx((low, high))


@given(tournaments(arms=3))
@settings(max_examples=25, deadline=None)
def test_a_judge_s_quality_does_not_depend_on_which_arm_is_called_a(rows: list[Judgement]) -> None:
    mixed = [exchanged(row) if place % 3 else row for place, row in enumerate(rows)][::-1]
    for one, other in zip(quality(rows), quality(mixed), strict=True):
        for name in ("flip_rate", "position_lean", "length_lean", "unparsed"):
            share, same = one.as_dict()[name], other.as_dict()[name]
            assert share == (pytest.approx(same, abs=1e-12) if share is not None else None)


def test_kappas_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        table = rng.integers(0, 12, (3, 3))
        assert cohen(table) == pytest.approx(cohens_kappa(table).kappa)
        counts = rng.multinomial(4, [0.5, 0.2, 0.3], size=25)
        assert fleiss(counts) == pytest.approx(fleiss_kappa(counts))


def test_a_panel_s_agreement_is_over_what_its_judges_share() -> None:
    rng = np.random.default_rng(3)
    rows, said = [], {}
    for judge in ("one", "three", "two"):
        for prompt in range(40):
            verdict = rng.choice(["a", "b", "none"], p=[0.5, 0.4, 0.1])
            said[judge, prompt] = verdict
            rows += both_orders(f"{prompt}", verdict, verdict, judge=judge)
    found = agreement(outcomes(rows))
    assert found.judges == ("one", "three", "two")
    shared = [n for n in range(40) if "none" not in (said["one", n], said["two", n])]
    table = np.zeros((2, 2), np.int64)
    for n in shared:
        table["ab".index(said["one", n]), "ab".index(said["two", n])] += 1
    (pair,) = [pair for pair in found.pairs if (pair.one, pair.other) == ("one", "two")]
    assert pair.answers == len(shared)
    assert pair.kappa == pytest.approx(cohens_kappa(table).kappa)
    whole = [n for n in range(40) if all(said[judge, n] != "none" for judge in found.judges)]
    counts = np.array([[sum(said[judge, n] == side for judge in found.judges) for side in "ab"] for n in whole])
    assert found.answers == len(whole)
    assert found.fleiss == pytest.approx(fleiss_kappa(counts))


def test_judges_that_always_say_the_same_one_thing_have_no_kappa() -> None:
    rows = [row for judge in "xy" for n in range(5) for row in both_orders(f"{n}", "a", "a", judge=judge)]
    found = agreement(outcomes(rows))
    assert (found.pairs[0].kappa, found.pairs[0].agreement, found.fleiss) == (None, 1.0, None)
