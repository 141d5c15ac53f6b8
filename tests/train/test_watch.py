import math
import random

from hypothesis import given
from hypothesis import strategies as st

from assay.train.watch import LEAST, PATIENCE, Watch


def usual(count: int, spread: float = 0.05) -> list[float]:
    chance = random.Random(0)
    return [4 - 0.001 * step + chance.gauss(0, spread) for step in range(count)]


def test_a_usual_curve_has_no_spikes() -> None:
    watch = Watch()
    assert not any(watch.judge(loss) for loss in usual(2000))


def test_a_loss_far_above_those_before_is_a_spike_and_is_forgotten_when_it_is_over() -> None:
    watch = Watch(usual(200))
    spike = watch.judge(6.0)
    assert spike is not None
    assert (spike.row, spike.diverged) == (1, False)
    assert abs(spike.usual - 3.85) < 0.1
    assert watch.judge(3.8) is None
    again = watch.judge(6.0)
    assert again is not None
    assert again.row == 1


def test_losses_that_stay_above_are_divergence() -> None:
    watch = Watch(usual(200))
    verdicts = [watch.judge(7.0) for _ in range(PATIENCE)]
    assert [spike is not None and spike.diverged for spike in verdicts] == [False] * (PATIENCE - 1) + [True]


def test_another_mix_begins_another_window() -> None:
    watch = Watch(usual(200))
    watch.begin()
    assert not any(watch.judge(loss + 2) for loss in usual(200))


def test_nothing_is_judged_before_there_is_something_to_hold_it_against() -> None:
    watch = Watch(usual(LEAST - 1))
    assert watch.judge(50.0) is None


def test_a_slow_loss_of_a_steady_run_is_a_spike_only_beyond_half_a_nat() -> None:
    watch = Watch([4.0] * 100)
    assert watch.judge(4.4) is None
    assert watch.judge(4.6) is not None


def test_what_is_not_a_number_is_a_spike() -> None:
    assert Watch(usual(100)).judge(math.nan) is not None


@given(st.lists(st.floats(0.1, 20), max_size=200), st.data())
def test_verdicts_follow_from_the_losses_alone(losses: list[float], data: st.DataObject) -> None:
    split = data.draw(st.integers(0, len(losses)))
    through = Watch()
    whole = [through.judge(loss) for loss in losses]
    resumed = Watch(losses[:split])
    assert [resumed.judge(loss) for loss in losses[split:]] == whole[split:]
