"""The compiled regions against the same functions run as they are. Compiling takes half a minute on one core."""

import pytest
import torch

from assay.model.decoder import BlockFunction, block, initialise
from assay.model.loss import Pass, softmax_pass
from assay.model.sizes import Size
from assay.run.identity import compiler
from assay.train.compiled import compiled_block, compiled_softmax_pass
from assay.train.replica import Replica

VOCABULARY = 512
SHAPE = Size(128, 2).shape(VOCABULARY)


def loss_and_gradient(dtype: torch.dtype, function: BlockFunction, one_pass: Pass) -> tuple[float, torch.Tensor]:
    settings = {"betas": (0.9, 0.95), "weight_decay": 0.1, "clip": 1.0}
    model = Replica(SHAPE, initialise(SHAPE, 0), settings, dtype, function, one_pass)
    ids = torch.randint(0, VOCABULARY, (2, 129), generator=torch.Generator().manual_seed(1))
    loss = model.backward(ids[:, :-1], ids[:, 1:])
    return float(loss), model.work_gradient.float()


@pytest.mark.slow
@pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler with Python's headers")
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)])
def test_compiled_training_takes_the_gradients_of_the_definition(dtype: torch.dtype, tolerance: float) -> None:
    expected, wanted = loss_and_gradient(torch.float32, block, softmax_pass)
    found, gradient = loss_and_gradient(dtype, compiled_block(), compiled_softmax_pass())
    assert found == pytest.approx(expected, rel=tolerance)
    assert (gradient - wanted).norm() < tolerance * 2 * wanted.norm()
