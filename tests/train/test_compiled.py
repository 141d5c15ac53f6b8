"""The compiled regions against the same functions run as they are. Compiling takes half a minute on one core."""

import pytest
import torch

from assay.model.decoder import BlockFunction, Decoder, block, initialise
from assay.model.loss import Pass, linear_cross_entropy, softmax_pass
from assay.model.sizes import Size
from assay.run.identity import compiler
from assay.train.compiled import compiled_block, compiled_softmax_pass

SMALL, VOCABULARY = Size(128, 2), 512


def loss_and_gradient(dtype: torch.dtype, block_function: BlockFunction, one_pass: Pass) -> tuple[float, torch.Tensor]:
    flat = initialise(SMALL, VOCABULARY, 0).to(dtype).requires_grad_()
    decoder = Decoder(SMALL, VOCABULARY, flat, block_function)
    ids = torch.randint(0, VOCABULARY, (2, 129), generator=torch.Generator().manual_seed(1))
    hidden = decoder.hidden(ids[:, :-1]).flatten(0, 1)
    loss = linear_cross_entropy(hidden, decoder.embedding, ids[:, 1:].flatten(), one_pass)
    (gradient,) = torch.autograd.grad(loss, flat)
    return float(loss.detach()), gradient.float()


@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler with Python's headers")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)])
def test_compiled_training_takes_the_gradients_of_the_definition(dtype: torch.dtype, tolerance: float) -> None:
    expected, wanted = loss_and_gradient(torch.float32, block, softmax_pass)
    found, gradient = loss_and_gradient(dtype, compiled_block(), compiled_softmax_pass())
    assert found == pytest.approx(expected, rel=tolerance)
    assert (gradient - wanted).norm() < tolerance * 2 * wanted.norm()
