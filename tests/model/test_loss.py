"""The loss that never holds all logits, against torch's cross-entropy of whole ones in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.loss import CHUNK, Pass, linear_cross_entropy, softmax_pass, token_log_likelihoods
from assay.model.native.cross_entropy import native_softmax_pass
from assay.model.native.library import library

ROWS = 2 * CHUNK + 76


def drawn(vocabulary: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(ROWS, width, generator=generator)
    weight = torch.randn(vocabulary, width, generator=generator) / width**0.5
    return hidden, weight, torch.randint(0, vocabulary, (ROWS,), generator=generator)


def exact(hidden: Tensor, weight: Tensor, targets: Tensor, times: float) -> tuple[float, list[Tensor]]:
    """Loss in float64, and its gradients by hidden states and weights, times a number."""
    inputs = [hidden.double().requires_grad_(), weight.double().requires_grad_()]
    loss = F.cross_entropy(inputs[0] @ inputs[1].T, targets)
    return loss.item(), list(torch.autograd.grad(loss * times, inputs))


def test_loss_and_gradients_equal_those_of_whole_logits() -> None:
    hidden, weight, targets = drawn(97, 32)
    expected, wanted = exact(hidden, weight, targets, 3.0)
    found = linear_cross_entropy(hidden.requires_grad_(), weight.requires_grad_(), targets)
    assert found.item() == pytest.approx(expected, rel=1e-6)
    for one, other in zip(torch.autograd.grad(found * 3, (hidden, weight)), wanted, strict=True):
        assert (one - other).norm() < 1e-5 * other.norm()
    likelihoods = token_log_likelihoods(hidden.detach(), weight.detach(), targets)
    assert -likelihoods.mean().item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "one_pass",
    [
        softmax_pass,
        pytest.param(native_softmax_pass, marks=pytest.mark.skipif(library() is None, reason="no native kernels")),
    ],
)
@pytest.mark.parametrize("vocabulary", [97, 512])
def test_in_bfloat16_they_are_as_close_as_its_bits_allow(one_pass: Pass, vocabulary: int) -> None:
    hidden, weight, targets = drawn(vocabulary, 128)
    hidden, weight = hidden.bfloat16(), weight.bfloat16()
    expected, wanted = exact(hidden, weight, targets, 1.0)
    found = linear_cross_entropy(hidden.requires_grad_(), weight.requires_grad_(), targets, one_pass)
    assert found.item() == pytest.approx(expected, rel=3e-4)
    for one, other in zip(torch.autograd.grad(found, (hidden, weight)), wanted, strict=True):
        assert (one.double() - other).norm() < 0.006 * other.norm()


def test_a_passes_gradient_is_that_of_the_mean() -> None:
    logits = torch.randn(4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    targets = torch.tensor([0, 8, 3, 3])
    (expected,) = torch.autograd.grad(F.cross_entropy(logits, targets, reduction="sum") / 10, logits)
    _, found = softmax_pass(logits.detach(), targets, 10.0)
    assert torch.allclose(found, expected, atol=1e-6)
