"""The optimizer against torch's own, tensor by tensor."""

import pytest
import torch

from assay.model.decoder import initialise, views
from assay.model.shape import Shape
from assay.train.optimizer import MUON_MOMENTUM
from assay.train.replica import Replica

SHAPE = Shape(vocabulary=19, width=8, layers=2, heads=1, head_size=8, feed_forward=12)
SETTINGS = {"betas": (0.9, 0.95), "weight_decay": 0.1, "clip": 1.0}


def replica(dtype: torch.dtype = torch.float32, **settings: object) -> Replica:
    return Replica(SHAPE, initialise(SHAPE, 0), SETTINGS | settings, dtype)


def take(model: Replica, gradients: torch.Tensor) -> None:
    for gradient in gradients:
        model.work_gradient.copy_(gradient)
        model.step(1e-2)


def some_gradients(count: int) -> torch.Tensor:
    drawn = torch.randn(count, SHAPE.parameters, generator=torch.Generator().manual_seed(0))
    drawn[::2] *= 0.001
    return drawn


def test_adamw_takes_the_steps_that_torchs_takes_with_clipping_and_two_groups() -> None:
    ours = replica()
    theirs = {name: torch.nn.Parameter(weight.clone()) for name, weight in views(SHAPE, initialise(SHAPE, 0)).items()}
    matrices = [weight for weight in theirs.values() if weight.dim() > 1]
    gains = [weight for weight in theirs.values() if weight.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95))
    for gradient in some_gradients(20):
        ours.work_gradient.copy_(gradient)
        norm = ours.step(1e-2)
        for name, part in views(SHAPE, gradient).items():
            theirs[name].grad = part.clone()
        assert float(norm) == pytest.approx(float(torch.nn.utils.clip_grad_norm_(theirs.values(), 1.0)), rel=1e-5)
        adamw.step()
        assert not ours.work_gradient.any(), "gradients begin anew"
    for name, weight in views(SHAPE, ours.master).items():
        assert torch.allclose(weight, theirs[name], atol=1e-6), name


def test_muon_takes_the_steps_that_torchs_takes_on_each_matrix_of_a_fused_product() -> None:
    ours = replica(optimizer="muon", clip=1e9)
    start = views(SHAPE, initialise(SHAPE, 0))
    width, feed_forward = SHAPE.width, SHAPE.feed_forward
    rows = [width, width, width, feed_forward, feed_forward]
    parts = [*torch.split(start["layers.1.input"], rows), *torch.split(start["layers.1.output"], [8, 12], 1)]
    theirs = [torch.nn.Parameter(part.clone().contiguous()) for part in parts]
    muon: torch.optim.Optimizer = torch.optim.Muon(
        theirs, lr=1e-2, weight_decay=0.1, momentum=MUON_MOMENTUM, adjust_lr_fn="match_rms_adamw"
    )
    for gradient in some_gradients(5):
        ours.work_gradient.copy_(gradient)
        ours.step(1e-2)
        named = views(SHAPE, gradient)
        split = [*torch.split(named["layers.1.input"], rows), *torch.split(named["layers.1.output"], [8, 12], 1)]
        for weight, part in zip(theirs, split, strict=True):
            weight.grad = part.clone()
        muon.step()
    found = views(SHAPE, ours.master)
    assert torch.allclose(found["layers.1.input"], torch.cat([*theirs[:5]]), atol=1e-5)
    assert torch.allclose(found["layers.1.output"], torch.cat([*theirs[5:]], 1), atol=1e-5)
    assert not torch.equal(found["embedding"], start["embedding"]), "AdamW has the rest"


def test_the_master_keeps_what_the_working_weights_would_round_away() -> None:
    model = replica(torch.bfloat16, weight_decay=0.0)
    place = SHAPE.parameters - 4  # of the last norm's gains, which begin at one
    for _ in range(8):
        model.work_gradient[place:] = 1.0
        model.step(1e-4)
    assert model.master[place:].max() < 0.9995
    assert (model.work[place:] == 1).all(), "a step of 1e-4 is below bfloat16's spacing at 1"


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_moments_put_back_go_on_as_if_never_taken_out(optimizer: str) -> None:
    gradients = some_gradients(6)
    through = replica(optimizer=optimizer)
    take(through, gradients)
    first = replica(optimizer=optimizer)
    take(first, gradients[:3])
    master, *moments, steps = first.whole()
    again = Replica(SHAPE, master, SETTINGS | {"optimizer": optimizer}, torch.float32)
    again.load_moments(moments[0].clone(), moments[1].clone(), steps)
    take(again, gradients[3:])
    assert steps == 3
    assert torch.equal(again.master, through.master)


def test_a_step_in_parts_is_the_step_at_once() -> None:
    ids = torch.randint(0, SHAPE.vocabulary, (4, 17), generator=torch.Generator().manual_seed(3))
    at_once, parts = replica(), replica()
    whole = at_once.backward(ids[:, :-1], ids[:, 1:])
    shares = [parts.backward(row[None, :-1], row[None, 1:], share=0.25) for row in ids]
    assert float(sum(shares)) == pytest.approx(float(whole), rel=1e-6)
    assert float(parts.step(1e-2)) == pytest.approx(float(at_once.step(1e-2)), rel=1e-5)
    assert torch.allclose(parts.gradient, at_once.gradient, atol=1e-7)


def test_in_bfloat16_the_parts_of_a_step_are_added_in_float32() -> None:
    model = replica(torch.bfloat16)
    ids = torch.randint(0, SHAPE.vocabulary, (4, 17), generator=torch.Generator().manual_seed(3))
    parts = []
    for row in ids:
        alone = replica(torch.bfloat16)
        alone.backward(row[None, :-1], row[None, 1:], share=0.25)
        parts.append(alone.gradient.clone())
        model.backward(row[None, :-1], row[None, 1:], share=0.25)
    assert torch.equal(model.gradient, ((parts[0] + parts[1]) + parts[2]) + parts[3])
