"""The training benchmark measures what it says: models of equal size, honest counts, turns that alternate."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import _record
import _training_ours
import _training_peers
import _training_race
import _training_reference
import _training_text
import training
from _training_pace import Job
from assay.model.decoder import initialise, plain_decoder, views
from assay.model.sizes import SIZES


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    file = tmp_path_factory.mktemp("tokens") / "tokens.npy"
    _training_text.write_tokens(file, vocabulary=512, size=600_000)
    return Job("ours", False, 128, 2, 384, 512, 64, 2, 1, -1, str(file))


def test_batches_are_the_tokens_in_their_order_and_begin_again_at_the_end(job: Job) -> None:
    ids = np.load(job.tokens)
    assert len(ids) > 100_000
    batches = job.batches()
    first, second = next(batches), next(batches)
    assert first.shape == (2, 65)
    assert first[0].tolist() == ids[:65].tolist()
    assert second[1].tolist() == ids[192:257].tolist()
    for _ in range((len(ids) - 1) // 128 - 2):
        next(batches)
    assert np.array_equal(next(batches), first)


def test_flop_counts_are_those_that_torch_counts_in_the_plain_model(job: Job) -> None:
    shape = _training_ours.shape_of(job)
    model = _training_reference.Model(job.vocabulary, job.width, job.layers, job.feed_forward, job.heads)
    batch = torch.from_numpy(next(job.batches()))
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(_training_reference.loss_of(model, batch))
    counted = counter.get_flop_counts()["Global"]
    products = sum(flop for name, flop in counted.items() if "mm" in str(name))
    tokens = job.rows * job.sequence
    assert products == _training_ours.products_flop(job)
    gains = shape.parameters - shape.decayed
    attention = 6 * job.layers * job.width * job.sequence
    assert _training_ours.token_flop(job) == products / tokens + 6 * gains + attention


def test_a_product_and_its_two_gradients_are_those_that_autograd_takes() -> None:
    run = _training_ours.product(8, 16, 32)
    with FlopCounterMode(display=False) as counter:
        run()
    assert counter.get_total_flops() == 6 * 8 * 16 * 32


@pytest.mark.parametrize("size", training.RACED)
def test_the_loop_in_the_style_of_nanogpt_has_our_parameters_but_for_a_second_norm_a_layer(size: str) -> None:
    shape, one = SIZES[size].shape(8192), SIZES[size]
    job = Job("nano", False, one.width, one.layers, one.feed_forward, 8192, 512, 8, 1, -1, "")
    with torch.device("meta"):
        count = sum(weight.numel() for weight in _training_peers.Nano(job).parameters())
    assert count - one.layers * one.width == shape.parameters


def test_the_reference_model_has_the_loss_and_gradient_of_ours(job: Job) -> None:
    shape = _training_ours.shape_of(job)
    flat = initialise(shape, 3)
    flat[shape.decayed :] += 0.1 * torch.randn(shape.parameters - shape.decayed)
    model = _training_reference.Model(job.vocabulary, job.width, job.layers, job.feed_forward, job.heads)
    model.load(views(shape, flat))
    batch = torch.from_numpy(next(job.batches()))
    ours = plain_decoder(shape, flat).requires_grad_()
    loss, other = ours(batch[:, :-1], batch[:, 1:]), _training_reference.loss_of(model, batch)
    assert loss.item() == pytest.approx(other.item(), rel=1e-6)
    torch.autograd.backward([loss, other])
    mine = dict(ours.named_parameters())
    assert mine["embedding"].grad is not None
    torch.testing.assert_close(mine["embedding"].grad, model.embedding.weight.grad, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(mine["norm"].grad, model.norm.weight.grad, rtol=1e-3, atol=1e-6)


def test_a_run_reads_the_rows_that_its_seed_draws_and_no_held_out_one(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_training_reference, "SEQUENCE", 64)
    run = _training_reference.Run("ours", 0, 20, job.tokens)
    batches, heldout = _training_reference.rows_of(run)
    again, same = _training_reference.rows_of(replace(run, trainer="reference"))
    other, still = _training_reference.rows_of(replace(run, seed=1))
    assert all(torch.equal(one, two) for one, two in zip(batches, again, strict=True))
    assert not torch.equal(batches[0], other[0])
    assert torch.equal(heldout, same) and torch.equal(heldout, still)
    held = {tuple(row.tolist()) for row in heldout}
    assert not held & {tuple(row.tolist()) for batch in batches for row in batch}


@pytest.mark.slow
def test_programs_take_turns_and_end_with_ours(job: Job) -> None:
    layouts = ["two_processes"]
    with (
        _training_race.Program(job, "", layouts) as ours,
        _training_race.Program(replace(job, program="ceiling"), "", layouts) as other,
    ):
        found = _training_race.race(ours, other, 2, 0.0)
        assert ours.peak_gb("two_processes") > 0.1
    assert [len(times) for times in found.times[0, "two_processes"]] == [3, 3]
    assert [len(times) for times in found.times[1, "two_processes"]] == [2, 2]
    assert all(second > 0 for of in found.times.values() for times in of for second in times)


def test_a_ratio_is_of_the_better_layouts_and_a_rate_of_medians(job: Job) -> None:
    found = _training_race.Race((job, job))
    found.add(0, "two_threads", [[1.0, 9.0, 2.0]])
    found.add(0, "two_processes", [[2.0], [4.0]])
    found.add(0, "two_processes", [[2.0], [4.0]])
    found.add(1, "two_threads", [[4.0]])
    found.add(1, "two_processes", [[4.0], [4.0]])
    assert found.rate(0, "two_threads") == 128 / 2
    assert found.rate(0, "two_processes") == 128 / 2 + 128 / 4
    assert (found.best(0), found.best(1)) == ("two_processes", "two_processes")
    assert found.ratio == (1 / 2 + 1 / 4) / (1 / 4 + 1 / 4)
    assert found.ratio_in("two_threads") == 2


def test_a_program_that_fails_says_why(job: Job) -> None:
    with (
        pytest.raises(SystemExit, match="No such file"),
        _training_race.Program(replace(job, tokens="/nowhere.npy"), "", ["two_threads"]),
    ):
        pass


def test_each_part_replaces_its_own_figures_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_record, "RESULTS", tmp_path)
    monkeypatch.setattr(_record, "PAGE", tmp_path / "page.md")
    _record.update("training", "speed-1M", {"cpu_1m_vs_best_peer": 1.5, "cpu_1m_old": 1})
    _record.update("training", "memory", {"peak_memory_vs_hf": 0.5})
    _record.update("training", "speed-1M", {"cpu_1m_vs_best_peer": 1.7})
    result = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert result["figures"] == {"peak_memory_vs_hf": 0.5, "cpu_1m_vs_best_peer": 1.7}
    assert set(result["parts"]) == {"speed-1M", "memory"}
