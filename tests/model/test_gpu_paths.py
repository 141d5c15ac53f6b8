"""What the model does on a GPU, as far as it can be seen without one: the kernels' calls on a CPU, devices on ``meta``.

A tensor that is made on the CPU in the middle of the model would stop it on a GPU; on ``meta`` it does too.
"""

import pytest
import torch
from torch import Tensor

from assay.model import decoder
from assay.model.attention import _flash_attention, causal_attention
from assay.model.decoder import Decoder, initialise, views
from assay.model.shape import Shape

SHAPE = Shape(64, 128, 2, 2, 64, 192)


@pytest.mark.parametrize("inside", [False, True])
def test_the_calls_made_on_a_gpu_give_the_definitions_attention_and_gradients(inside: bool) -> None:
    draw = torch.Generator().manual_seed(0)
    found: list[list[Tensor]] = []
    parts = [torch.randn(2, 3, 40, 16, generator=draw) for _ in range(3)]
    documents = torch.tensor([[0] * 40, [0] * 13 + [1] * 7 + [2] * 20], dtype=torch.int32) if inside else None
    for attend in (causal_attention, _flash_attention):
        leaves = [part.clone().requires_grad_() for part in parts]
        out = attend(leaves[0], leaves[1], leaves[2], documents)
        (out * parts[0]).sum().backward()  # type: ignore[no-untyped-call]
        found.append([out.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)])
    assert len(found[0]) == 4
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("inside", [False, True])
def test_training_makes_no_tensor_on_another_device(inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "causal_attention", _flash_attention)
    model = Decoder(SHAPE, views(SHAPE, initialise(SHAPE, 0).to("meta")), trained=True)
    ids = torch.zeros(2, 48, dtype=torch.int64, device="meta")
    loss = model(ids, ids, ids.int() if inside else None)
    loss.backward()
    assert loss.device.type == "meta"
    assert all(weight.grad is not None and weight.grad.device.type == "meta" for weight in model.parameters())
