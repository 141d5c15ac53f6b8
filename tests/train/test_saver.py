import threading
from pathlib import Path

import pytest
import torch

from assay.train.saver import Saver
from assay.train.state import State, average_weights, load_state, save_state


def state(step: int = 1) -> State:
    flat = torch.arange(5.0) + step
    return State(step, flat, flat * 2, flat * 3, step, losses=[1.0] * step)


def test_what_is_written_is_the_state_as_it_was_when_it_was_handed_over(tmp_path: Path) -> None:
    free = threading.Event()

    def write(copy: State) -> None:
        assert free.wait(10)
        save_state(copy, tmp_path / "saved")

    saver, training = Saver(write), state()
    saver.save(training)
    training.master += 100  # training goes on while the write is held up
    training.losses.append(9.0)
    free.set()
    saver.wait()
    saved = load_state(tmp_path / "saved")
    assert torch.equal(saved.master, state().master)
    assert saved.losses == [1.0]


def test_writes_come_one_after_the_other() -> None:
    order: list[tuple[str, int]] = []

    def write(copy: State) -> None:
        order.append(("begin", copy.step))
        order.append(("end", copy.step))

    saver = Saver(write)
    for step in range(1, 6):
        saver.save(state(step))
    saver.wait()
    assert order == [(what, step) for step in range(1, 6) for what in ("begin", "end")]


def test_a_full_disk_is_told_to_the_one_who_trains() -> None:
    def write(_: State) -> None:
        raise OSError(28, "No space left on device")

    saver = Saver(write)
    saver.save(state())
    with pytest.raises(OSError, match="No space left"):
        saver.save(state(2))
    saver.wait()


def test_snapshots_come_back_and_are_averaged_with_the_last_weights(tmp_path: Path) -> None:
    whole = state(6)
    whole.snapshots = {2: torch.full((5,), 1.0), 4: torch.full((5,), 4.0)}
    save_state(whole, tmp_path)
    assert {step: float(kept[0]) for step, kept in load_state(tmp_path).snapshots.items()} == {2: 1.0, 4: 4.0}
    expected = (torch.arange(5.0) + 6 + 1 + 4) / 3
    assert torch.allclose(average_weights(tmp_path, [2, 4, 6]), expected)
    assert torch.equal(average_weights(tmp_path, [6]), whole.master)
