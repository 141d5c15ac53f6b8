"""The training loop on random documents: what is kept, what stops it, what it writes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from random_documents import ROWS, SEQUENCE, state_recipe, write_documents

from assay.errors import InputError, StepError, Stopped
from assay.model.decoder import BLOCKS, initialise, plain_decoder
from assay.model.loss import softmax_pass
from assay.model.sizes import Size
from assay.run.step import Call
from assay.run.store import is_sealed
from assay.train import trainer
from assay.train.log import read_training_log
from assay.train.ranks import Ranks
from assay.train.state import State, load_state, load_weights, snapshot_name
from assay.train.trainer import Trainer

VOCABULARY = 256
SHAPE = Size(128, 2).shape(VOCABULARY)
Train = Callable[..., State]


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Uncompiled, so that the tests take seconds."""
    monkeypatch.setattr(trainer, "compiled_block", lambda kind, _: BLOCKS[kind])
    monkeypatch.setattr(trainer, "compiled_softmax_pass", lambda _: softmax_pass)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """Documents of random ids, some shorter than a row."""
    return write_documents(tmp_path / "tokens", VOCABULARY, [700, 9, 14, 90, 350, 21])


def recipe(steps: int, **changed: Any) -> dict[str, Any]:
    extra = {key: changed.pop(key) for key in ("snapshots", "precision") if key in changed}
    return state_recipe(SHAPE, steps, **changed) | extra


@pytest.fixture
def train(tokens: Path, tmp_path: Path) -> Train:
    """Carries a recipe out in a folder of its own."""

    def carry_out(order: dict[str, Any], name: str, after: Path | None = None, **call: Any) -> State:
        out = tmp_path / name
        out.mkdir(exist_ok=True)
        Trainer(Call(order, {}, {"tokens:text": tokens}, out, out / "partial", after, lambda _: None, **call)).run()
        return load_state(out)

    return carry_out


def test_the_log_has_every_step_with_its_loss_rate_and_norm(train: Train, tmp_path: Path) -> None:
    state = train(recipe(5), "run")
    lines = read_training_log(tmp_path / "run" / "train.jsonl")
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert [line["loss"] for line in lines] == state.losses
    assert [line["learning_rate"] for line in lines] == [5e-4, 1e-3, 1e-3, 1e-3, 1e-3]
    assert [line["tokens"] for line in lines] == [SEQUENCE * ROWS * step for step in range(1, 6)]
    assert all(line["gradient_norm"] > 0 for line in lines)


def test_put_aside_after_any_step_and_gone_on_with_it_ends_with_the_same_bits(train: Train, tmp_path: Path) -> None:
    order = recipe(7, snapshots=[2, 4, 7])
    through = train(order, "through")
    asked = iter([False, False, False, True] + [False] * 20)
    with pytest.raises(Stopped, match="after step 3"):
        train(order, "stopped", stopping=lambda: next(asked))
    (save,) = (tmp_path / "stopped" / "partial").glob("step-*")
    assert is_sealed(save)
    resumed = train(order, "stopped")
    for one, other in ((through.master, resumed.master), (through.first, resumed.first)):
        assert torch.equal(one, other)
    assert (through.losses, through.seen, through.log.lines) == (resumed.losses, resumed.seen, resumed.log.lines)
    assert all(torch.equal(through.snapshots[step], resumed.snapshots[step]) for step in (2, 4))


def test_snapshots_are_the_weights_after_their_steps(train: Train, tmp_path: Path) -> None:
    train(recipe(6, snapshots=[2, 4, 6]), "whole")
    for step in (2, 4):
        short = train(recipe(step), f"to-{step}")
        assert torch.equal(load_weights(tmp_path / "whole", snapshot_name(step)), short.master)


def test_a_spike_is_logged_with_its_rows_and_training_goes_on(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    step_of = Trainer._step

    def jumping(self: Trainer, model: Any, step: int) -> Any:
        taken = step_of(self, model, step)
        taken.figures.values[0] += 5.0 if step == 40 else 0.0
        return taken

    monkeypatch.setattr(Trainer, "_step", jumping)
    state = train(recipe(45), "run")
    events = [line for line in state.log.lines if '"event"' in line]
    assert len(events) == 1
    assert '"step": 41, "event": "spike"' in events[0]
    assert events[0].count('["text", ') == ROWS


def test_a_loss_that_is_no_number_stops_the_run_and_nothing_of_it_is_kept(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_SAVE_SECONDS", "0")
    with pytest.raises(StepError, match=r"text row \d+, documents \d.*learning_rate") as caught:
        train(recipe(200, learning_rate=1e30, warmup_steps=0, clip=1e30), "run")
    step, row = map(int, re.findall(r"at step (\d+) .*?text row (\d+)", str(caught.value))[0])
    assert row == (step - 1) * ROWS, "steps count from 1, as for `assay trace`"
    assert not (tmp_path / "run" / "state.safetensors").exists()
    for save in (tmp_path / "run" / "partial").glob("step-*"):
        assert torch.isfinite(load_weights(save)).all()


def test_judging_a_step_while_the_next_is_under_way_as_on_a_gpu_changes_no_bit(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = recipe(7, snapshots=[2, 4, 7])
    at_once = train(order, "at once")
    monkeypatch.setitem(trainer.BEHIND, "cpu", 1)
    late = train(order, "late")
    asked = iter([False, False, False, True] + [False] * 20)
    with pytest.raises(Stopped, match="after step 3"):
        train(order, "stopped", stopping=lambda: next(asked))
    (save,) = (tmp_path / "stopped" / "partial").glob("step-*")
    assert len(load_state(save).losses) == 3, "all that is saved was judged"
    for other in (late, train(order, "stopped")):
        assert torch.equal(at_once.master, other.master)
        assert (at_once.losses, at_once.seen, at_once.log.lines) == (other.losses, other.seen, other.log.lines)
        assert all(torch.equal(at_once.snapshots[step], other.snapshots[step]) for step in (2, 4))


def test_a_run_that_diverges_is_stopped_before_a_save_though_judged_late(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(trainer.BEHIND, "cpu", 1)
    test_a_loss_that_is_no_number_stops_the_run_and_nothing_of_it_is_kept(train, tmp_path, monkeypatch)


def test_attention_inside_documents_sees_nothing_of_the_document_before(train: Train) -> None:
    inside, across = train(recipe(3, attention="document"), "inside"), train(recipe(3), "across")
    assert inside.losses != across.losses
    decoder = plain_decoder(SHAPE, initialise(SHAPE, 0))
    ids = torch.randint(0, VOCABULARY, (1, 20), generator=torch.Generator().manual_seed(0))
    documents = torch.tensor([[0] * 7 + [1] * 13], dtype=torch.int32)
    joined = decoder.hidden(ids, documents=documents)[0]
    alone = decoder.hidden(ids[:, 7:])[0]
    assert torch.allclose(joined[7:], alone, atol=1e-5), "rotary positions are relative"


def test_rows_that_cannot_be_dealt_out_evenly_are_refused(tokens: Path, tmp_path: Path) -> None:
    call = Call(recipe(2), {}, {"tokens:text": tokens}, tmp_path, tmp_path, None, lambda _: None)
    with pytest.raises(InputError, match="4 rows a step cannot be dealt out to 3 processes"):
        Trainer(call, Ranks(0, 3))
