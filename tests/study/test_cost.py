import pytest

from assay.errors import InputError
from assay.model.sizes import SIZES
from assay.run.graph import build_graph
from assay.run.identity import numerics
from assay.study.accelerators import load_accelerators
from assay.study.cost import Calibration, flops_per_token, machine_rate, plan_cost
from assay.study.disk import disk_needed
from assay.study.plan import plan_study
from assay.study.trees import count_tokens

V5E = next(chip for chip in load_accelerators() if chip.name == "v5e")


@pytest.mark.parametrize(("size", "hours"), [("470M", 4_736), ("2.8B", 13_824)])
def test_the_papers_chip_hours_are_met_within_a_quarter(size: str, hours: float) -> None:
    """Both of the paper's figures for 200B tokens on TPU v5e (§2.3). The utilisation at these two sizes is read off the
    same figures, so what is checked is the arithmetic: FLOPs, peak, hours, and the point of the table that is taken."""
    flops = flops_per_token(size, vocabulary=256_000, sequence=8192) * 200e9
    assert V5E.chip_hours(flops, SIZES[size].body_parameters) == pytest.approx(hours, rel=0.25)


def test_one_utilisation_for_both_of_the_papers_sizes_would_be_off_by_a_third() -> None:
    """What the rising utilisation is there for: independent of its values."""
    ratio = flops_per_token("2.8B", 256_000, 8192) / flops_per_token("470M", 256_000, 8192)
    assert ratio > 1.3 * 13_824 / 4_736


def test_flops_are_those_of_the_matrices_and_half_of_the_attention() -> None:
    width, layers, feed_forward = 128, 6, 384
    multiplied = layers * (4 * width**2 + 3 * width * feed_forward) + 4096 * width
    attention = layers * 2 * (1024 / 2) * width  # queries by keys and weights by values, over half of the positions
    forward = 2 * (multiplied + attention)
    assert flops_per_token("1M", 4096, 1024) == pytest.approx(3 * forward, rel=0.002)


def test_utilisation_rises_with_the_size_between_the_stated_points_and_stays_outside() -> None:
    sizes = sorted({size.body_parameters for size in SIZES.values()})
    for chip in load_accelerators():
        shares = [chip.mfu(parameters) for parameters in sizes]
        assert shares == sorted(shares)
        assert chip.mfu(1) == chip.points[0][1]
        assert chip.mfu(10**12) == chip.points[-1][1]
        assert all(chip.mfu(parameters) == pytest.approx(share) for parameters, share in chip.points)
        assert chip.source


def test_a_price_of_ones_own_replaces_the_assumed_one() -> None:
    plan = plan_study("to-code-paper")
    rows = {row["name"]: row for row in plan_cost(plan, prices=["H100=2.10"])["accelerators"]}
    assert rows["H100"]["dollars"] == pytest.approx(rows["H100"]["chip_hours"] * 2.10)
    assert rows["H200"]["dollars_per_chip_hour"] != 2.10


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("H10=2", "did you mean 'H100'"),
        ("H100=cheap", "write NAME=DOLLARS"),
        ("H100=-1", "write NAME"),
        ("H100", "write"),
    ],
)
def test_a_price_that_cannot_be_is_told(price: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_accelerators([price])


def test_this_machines_time_is_tokens_over_its_rate_and_its_scoring_of_every_checkpoint() -> None:
    plan = plan_study("quickstart")
    cost = plan_cost(plan, Calibration({"1M": 20_000.0}, {"1M": 5.0}, "two cores", 4096, 1024))
    assert cost["machine"]["training_seconds"] == plan.design.tokens["trained"] / 20_000
    assert cost["machine"]["scoring_seconds"] == pytest.approx(11 * 3 * 5.0)
    assert not cost["machine"]["rates"]["1M"]["extrapolated"]
    assert plan_cost(plan)["machine"] is None
    assert plan_cost(plan, Calibration({}, {}, "nothing", 4096, 1024))["machine"] is None


def test_a_size_that_was_not_measured_is_extrapolated_by_flops_from_the_largest_that_was() -> None:
    measured = Calibration({"1M": 20_000.0, "5M": 8_000.0}, {}, "two cores", 4096, 1024)
    rate = machine_rate("15M", measured, 4096, 1024)
    assert rate is not None
    assert rate.extrapolated
    assert rate.tokens_per_second * flops_per_token("15M", 4096, 1024) == pytest.approx(
        8_000.0 * flops_per_token("5M", 4096, 1024)
    )
    known = machine_rate("1M", measured, 4096, 1024)
    assert known is not None
    assert (known.tokens_per_second, known.extrapolated) == (20_000.0, False)


def test_flops_and_disk_grow_with_sizes_and_seeds() -> None:
    once, more = (plan_study("quickstart", [f"seeds={seeds}", "sizes=[1M, 5M]"]) for seeds in (1, 3))
    assert plan_cost(more)["flops"]["total"] == 3 * plan_cost(once)["flops"]["total"]
    held = {"text": 8_000_000, "code": 6_000_000}
    disk, thrice = (disk_needed(plan, held) for plan in (once, more))
    assert thrice["states"] == 3 * disk["states"]
    assert (thrice["packages"], thrice["tokens"]) == (disk["packages"], disk["tokens"])
    assert disk["tokens"] == 2 * 14_000_000
    segments, sizes = len(once.segments("1M")), once.design.parameters
    assert disk["states"] == 12 * segments * sum(sum(counts.values()) for counts in sizes.values())
    assert set(disk["tokens_unknown"]) == {"markup", "best_text", "math", "instruct"}


def test_weights_that_are_kept_for_averaging_take_disk_too() -> None:
    average = "evaluate.average={last: 3, every: 2}"
    plain, averaged = (plan_study("quickstart", ["seeds=2", *more]) for more in ([], [average]))
    more = disk_needed(averaged, {})["states"] - disk_needed(plain, {})["states"]
    assert more == 2 * 11 * 2 * 4 * sum(plain.design.parameters["1M"].values()), "seeds, arms, weights, float32"


def test_what_is_downloaded_is_what_the_run_would_download() -> None:
    plan = plan_study("quickstart")
    packages: dict[str, float] = {}
    waiting = build_graph(plan, numerics()).goals()
    seen = set()
    while waiting:
        step = waiting.pop()
        if step.key not in seen:
            seen.add(step.key)
            waiting += step.inputs.values()
            if step.kind == "package":
                packages[step.key] = step.size
    assert disk_needed(plan, {})["packages"] == sum(packages.values())


def test_tokens_by_size_add_up() -> None:
    plan = plan_study("to-code-paper")
    counts = count_tokens(plan.study, plan.trees)
    for name in ("declared", "trained"):
        assert sum(count[name] for count in counts.values()) == plan.design.tokens[name]
