"""A model dealt out: built without memory, planned, and equal to a whole one in whatever it is asked."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from assay.errors import InputError
from assay.model.decoder import initialise
from assay.model.loss import softmax_pass
from assay.model.sizes import SIZES, Size
from assay.run.identity import numerics, numerics_label
from assay.run.memory import memory_plan, process_bytes
from assay.run.processes import ALONE, Processes, of_machine, processes_of, together
from assay.study.plan import plan_study
from assay.train.ranks import Ranks
from assay.train.replica import Replica
from assay.train.sharded import Sharded, flat_part, meta_decoder, open_sharded
from assay.train.state import State, save_state

SHAPE = Size(128, 2).shape(301)
SETTINGS = {"betas": (0.9, 0.95), "weight_decay": 0.1, "clip": 1.0}
VOCABULARY = 256_000


@pytest.fixture(scope="module", autouse=True)
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process group of this process alone."""
    meeting = tmp_path_factory.mktemp("group") / "meeting"
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def sharded(folder: Path | None, steps: int = 0) -> Sharded:
    ranks = Ranks(0, 1, "cpu", "sharded")
    return open_sharded(SHAPE, folder, 5, steps, SETTINGS, torch.float32, None, softmax_pass, ranks)


def test_the_largest_model_is_built_without_memory() -> None:
    shape = SIZES["2.8B"].shape(VOCABULARY)
    decoder = meta_decoder(shape)
    weights = dict(decoder.named_parameters())
    assert all(weight.is_meta for weight in weights.values())
    assert {name: tuple(weight.shape) for name, weight in weights.items()} == dict(shape.weights)
    assert sum(weight.numel() for weight in weights.values()) == shape.parameters
    assert shape.parameters == pytest.approx(2.8e9 + VOCABULARY * 2560, rel=0.03)
    ids = torch.empty(1, 8192, dtype=torch.int64, device="meta")
    assert decoder.hidden(ids).shape == (1, 8192, 2560)


def test_it_steps_forgets_and_scores_as_a_whole_one() -> None:
    whole = Replica(SHAPE, initialise(SHAPE, 5), SETTINGS, torch.float32)
    dealt = sharded(None)
    chance = torch.Generator().manual_seed(0)
    for step in range(6):
        ids = torch.randint(0, 301, (2, 17), generator=chance)
        if step == 3:
            whole.reset_moments()
            dealt.reset_moments()
        losses = [float(model.backward(ids[:, :-1], ids[:, 1:])) for model in (whole, dealt)]
        norms = [float(model.step(1e-3)) for model in (whole, dealt)]
        assert losses[1] == pytest.approx(losses[0], rel=1e-6)
        assert norms[1] == pytest.approx(norms[0], rel=1e-4)
        with torch.inference_mode():
            hidden = [model.plain().hidden(ids) for model in (whole, dealt)]
        assert torch.allclose(hidden[0], hidden[1], atol=1e-4)
    *tensors, steps = dealt.whole()
    assert steps == 3
    for ours, theirs in zip(tensors, whole.whole()[:3], strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_what_is_written_is_read_weight_by_weight_to_the_bit(tmp_path: Path) -> None:
    chance = torch.Generator().manual_seed(1)
    master, first, second = (torch.rand(SHAPE.parameters, generator=chance) for _ in range(3))
    save_state(State(9, master, first, second, 4), tmp_path)
    *tensors, steps = sharded(tmp_path, 4).whole()
    assert steps == 4
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(tensors, (master, first, second), strict=True))


def test_fresh_weights_are_those_of_one_process() -> None:
    assert torch.equal(sharded(None).whole()[0], initialise(SHAPE, 5))


def test_rows_of_a_weight_are_a_stretch_of_the_flat_buffer() -> None:
    flat = torch.arange(SHAPE.parameters)
    part = flat_part(SHAPE, lambda begin, end: flat[begin:end])
    assert part("embedding", (301, 128), 300, 301).tolist() == [list(range(300 * 128, 301 * 128))]
    assert part("norm", (128,), 0, 128)[-1] == SHAPE.parameters - 1


def test_the_plan_tells_the_memory_of_a_process() -> None:
    plan = plan_study("to-code-paper", ())
    told = json.loads(json.dumps(memory_plan(plan)))
    assert told["size"] == "2.8B"
    rows = {(row["count"], row["layout"]): row["least_bytes"] for row in told["processes"]}
    parameters = SIZES["2.8B"].shape(VOCABULARY).parameters
    assert rows[1, "replicated"] > 20 * parameters
    dealt = [rows[count, "sharded"] for count in (2, 4, 8, 16, 32, 64)]
    assert dealt == sorted(dealt, reverse=True)
    assert rows[2, "sharded"] - rows[64, "sharded"] == pytest.approx(16 * parameters * (1 / 2 - 1 / 64), rel=0.01)
    assert process_bytes(plan, "2.8B", Processes(8, "sharded"), 1) == rows[8, "sharded"]


def test_only_several_processes_are_in_the_numerics() -> None:
    here = numerics()
    assert ALONE.numerics(here) == here
    several = Processes(4, "sharded")
    told = several.numerics(here)
    assert (processes_of(told), processes_of(here), of_machine(told)) == (several, ALONE, here)
    assert numerics_label(told) == f"{numerics_label(here)} 4 processes sharded"


def test_what_cannot_be_dealt_out_is_refused() -> None:
    train = plan_study("quickstart", ()).study.spec.train
    with pytest.raises(InputError, match="cannot be dealt out to 3 processes evenly"):
        together(3, "replicated", train)
    with pytest.raises(InputError, match="add --processes"):
        together(1, "sharded", train)
    with pytest.raises(InputError, match="muon needs whole matrices"):
        together(2, "sharded", train.model_copy(update={"optimizer": "muon"}))
