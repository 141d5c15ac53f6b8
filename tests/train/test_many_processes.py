"""Several processes train one model: real processes that meet over loopback (gloo), on the same global batches."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from random_documents import state_recipe, write_documents

from assay.errors import InputError, Lost, Stopped
from assay.model.sizes import Size
from assay.run.processes import Layout, Processes
from assay.run.step import Call
from assay.train.state import State, load_state
from assay.train.steps import train

VOCABULARY = 250
SHAPE = Size(128, 2).shape(VOCABULARY)
FIRST = 20
"""Steps over which losses are held to 1e-5."""
LONG = 100
Train = Callable[..., State]


@pytest.fixture(scope="module", autouse=True)
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No compiler in sight of this process and those that it starts; torch's settings are put back."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))
        patch.delenv("CXX", raising=False)
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("ASSAY_SAVE_SECONDS", "0.05")
        yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents of random ids."""
    return write_documents(tmp_path_factory.mktemp("tokens"), VOCABULARY, [7000, 9, 14, 90, 3500, 21])


def recipe(steps: int, **changed: Any) -> dict[str, Any]:
    return state_recipe(SHAPE, steps, **changed)


@pytest.fixture(scope="module")
def carry_out(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Trains in a folder, a new one unless it is named."""

    def run(
        order: dict[str, Any], count: int = 1, layout: Layout = "replicated", out: Path | None = None, **call: Any
    ) -> State:
        out = out or tmp_path_factory.mktemp("out")
        call = {"after": None, "tell": lambda _: None} | call
        numerics = Processes(count, layout).numerics({"device": "cpu"})
        train(Call(order, {}, {"tokens:text": tokens}, out, out / "partial", numerics=numerics, **call))
        return load_state(out)

    return run


@pytest.fixture(scope="module")
def alone(carry_out: Train) -> State:
    """What one process makes of the first steps."""
    return carry_out(recipe(FIRST))


@pytest.mark.parametrize(
    ("count", "layout"),
    [
        (2, "replicated"),
        pytest.param(4, "replicated", marks=pytest.mark.slow),
        (2, "sharded"),
        pytest.param(4, "sharded", marks=pytest.mark.slow),
    ],
)
def test_several_processes_get_the_losses_of_one(carry_out: Train, alone: State, count: int, layout: Layout) -> None:
    state = carry_out(recipe(FIRST), count, layout)
    assert state.losses == pytest.approx(alone.losses, rel=1e-5)
    assert state.seen == alone.seen
    assert float((state.master - alone.master).abs().max()) < 2e-4
    assert state.moment_steps == FIRST


def test_a_state_goes_on_with_any_number_of_processes_and_any_layout(
    carry_out: Train, alone: State, tmp_path: Path
) -> None:
    after = None
    for end, count, layout in ((7, 2, "sharded"), (14, 4, "replicated"), (FIRST, 2, "sharded")):
        out = tmp_path / str(end)
        out.mkdir()
        state = carry_out(recipe(end), count, layout, out, after=after)
        assert state.step == end
        after = out
    assert state.losses == pytest.approx(alone.losses, rel=1e-5)
    assert state.moment_steps == FIRST


@pytest.mark.slow
def test_stopped_and_robbed_of_a_process_a_group_goes_on_to_the_same_bits(carry_out: Train, tmp_path: Path) -> None:
    order = recipe(LONG)
    through = carry_out(order, 2)
    saved = (tmp_path / "partial").glob
    heard: list[int] = []

    with pytest.raises(Stopped, match="put aside after step"):
        carry_out(order, 2, out=tmp_path, tell=lambda told: heard.append(told["done"]), stopping=lambda: bool(heard))
    (first,) = saved("step-*")

    def kill(_: dict[str, Any]) -> None:
        if next(saved("step-*")) != first:
            for child in psutil.Process().children():
                if child.cmdline()[2:5] == ["assay.train.rank", "1", "2"]:
                    child.send_signal(signal.SIGKILL)

    with pytest.raises(Lost, match="process 1 of 2 was killed by SIGKILL"):
        carry_out(order, 2, out=tmp_path, tell=kill)
    assert next(saved("step-*")).name > first.name, "what was saved before stays"
    left = [child.cmdline() for child in psutil.Process().children()]
    assert not any("assay.train.rank" in command for command in left), "the other is ended"

    state = carry_out(order, 2, out=tmp_path)
    for name in ("master", "first", "second"):
        assert torch.equal(getattr(state, name), getattr(through, name))
    assert state.losses == through.losses


def test_what_a_process_says_of_the_input_is_told_as_such(carry_out: Train) -> None:
    with pytest.raises(InputError, match="Muon needs whole matrices"):
        carry_out(recipe(2, optimizer="muon"), 2, "sharded")
