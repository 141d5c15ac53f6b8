import pytest
import torch

from assay.train.optimizer import FlatAdamW


def test_flat_adamw_takes_the_steps_that_torchs_takes_with_clipping_and_two_groups() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(50, generator=generator)
    ours = FlatAdamW(start, 40, torch.float32, (0.9, 0.95), 0.1, 1.0)
    weights, gains = torch.nn.Parameter(start[:40].clone()), torch.nn.Parameter(start[40:].clone())
    groups = [{"params": [weights], "weight_decay": 0.1}, {"params": [gains], "weight_decay": 0.0}]
    theirs = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    for step in range(20):
        gradient = torch.randn(50, generator=generator) * (3 if step % 2 else 0.01)
        assert ours.work.grad is not None
        ours.work.grad.copy_(gradient)
        norm = ours.step(1e-2)
        assert norm == pytest.approx(gradient.norm().item(), rel=1e-5)
        weights.grad, gains.grad = gradient[:40].clone(), gradient[40:].clone()
        torch.nn.utils.clip_grad_norm_([weights, gains], 1.0)
        for group in theirs.param_groups:
            group["lr"] = 1e-2
        theirs.step()
        assert not ours.work.grad.any(), "gradients begin anew"
    assert torch.allclose(ours.master, torch.cat([weights, gains]).detach(), atol=1e-6)


def test_the_master_keeps_what_the_working_weights_would_round_away() -> None:
    optimizer = FlatAdamW(torch.ones(4), 4, torch.bfloat16, (0.9, 0.95), 0.0, 1.0)
    for _ in range(8):
        assert optimizer.work.grad is not None
        optimizer.work.grad.fill_(1.0)
        optimizer.step(1e-4)
    assert optimizer.master.max() < 0.9995
    assert (optimizer.work == 1).all(), "a step of 1e-4 is below bfloat16's spacing at 1"


def test_moments_put_back_go_on_as_if_never_taken_out() -> None:
    generator = torch.Generator().manual_seed(1)
    gradients = torch.randn(6, 10, generator=generator)

    def steps(optimizer: FlatAdamW, some: torch.Tensor) -> None:
        for gradient in some:
            assert optimizer.work.grad is not None
            optimizer.work.grad.copy_(gradient)
            optimizer.step(1e-2)

    through = FlatAdamW(torch.ones(10), 8, torch.float32, (0.9, 0.95), 0.1, 1.0)
    steps(through, gradients)
    first = FlatAdamW(torch.ones(10), 8, torch.float32, (0.9, 0.95), 0.1, 1.0)
    steps(first, gradients[:3])
    again = FlatAdamW(first.master, 8, torch.float32, (0.9, 0.95), 0.1, 1.0)
    again.load_moments(*first.moments())
    steps(again, gradients[3:])
    assert torch.equal(again.master, through.master)
