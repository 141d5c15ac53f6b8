"""Cross-entropy straight from hidden states, in chunks, with its gradient found on the way forward.

The logits of a step (4,096 rows × vocabulary) are never held whole: each chunk's are made, turned into loss and
gradient in one fused pass, multiplied back, and dropped. 512 rows of 8,192 bfloat16 logits stay in a processor's
cache; with 1,024 the products that read them lose a tenth. Softmax and sum are taken in float32.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.native.products import add_outer_product

CHUNK = 512
CUDA_LOGITS = 1 << 28
"""Logits held at once on a GPU, which wants large products: half a gigabyte in bfloat16."""
Pass = Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]


def softmax_pass(logits: Tensor, targets: Tensor, count: float) -> tuple[Tensor, Tensor]:
    """Summed loss (nats, float32) of a chunk, and the gradient of the mean loss in the logits' dtype.

    Args:
        logits: [rows, vocabulary]; another pass than this may write the gradient over them.
        targets: [rows], int64.
        count: Rows of the whole step.
    """
    wide = logits.float()
    log_sum = torch.logsumexp(wide, -1, keepdim=True)
    loss = (log_sum - wide.gather(1, targets[:, None])).sum()
    hit = torch.arange(wide.shape[1], device=wide.device)[None] == targets[:, None]
    gradient = (torch.exp(wide - log_sum) - hit.float()) / count
    return loss, gradient.to(logits.dtype)


class LinearCrossEntropy(torch.autograd.Function):
    """mean over rows of −log softmax(x·wᵀ)[target]."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, one_pass: Pass) -> Tensor:
        """
        Args:
            ctx: Autograd's.
            hidden: [rows, d].
            weight: [vocabulary, d], in the same dtype.
            targets: [rows], int64.
            one_pass: `softmax_pass`, a compiled or a native one.
        """
        rows = hidden.shape[0]
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.zeros_like(weight, dtype=torch.float32)
        total = torch.zeros((), device=hidden.device)
        chunk = rows_at_once(hidden, weight)
        logits = hidden.new_empty(min(rows, chunk), weight.shape[0])
        for start in range(0, rows, chunk):
            part = hidden[start : start + chunk]
            torch.mm(part, weight.t(), out=logits[: len(part)])
            loss, gradient = one_pass(logits[: len(part)], targets[start : start + chunk], float(rows))
            total += loss
            torch.mm(gradient, weight, out=hidden_gradient[start : start + chunk])
            add_outer_product(weight_gradient, gradient, part)
        ctx.save_for_backward(hidden_gradient, weight_gradient.to(weight.dtype))
        return total / rows

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Scale what forward found."""
        hidden_gradient, weight_gradient = ctx.saved_tensors
        scale = outputs[0]
        return (
            hidden_gradient * scale.to(hidden_gradient.dtype),
            weight_gradient * scale.to(weight_gradient.dtype),
            None,
            None,
        )


def rows_at_once(hidden: Tensor, weight: Tensor) -> int:
    """How many rows' logits are made at a time: `CHUNK` on a CPU, up to `CUDA_LOGITS` numbers on a GPU."""
    return max(CHUNK, CUDA_LOGITS // weight.shape[0]) if hidden.is_cuda else CHUNK


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, one_pass: Pass = softmax_pass) -> Tensor:
    """Mean negative log-likelihood in nats, float32; see `LinearCrossEntropy`."""
    loss: Tensor = LinearCrossEntropy.apply(hidden, weight, targets, one_pass)  # type: ignore[no-untyped-call]
    return loss


def token_log_likelihoods(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """log softmax(x·wᵀ)[target] of each row: [rows], float32, nats; without gradients."""
    found = []
    chunk = rows_at_once(hidden, weight)
    for start in range(0, hidden.shape[0], chunk):
        logits = (hidden[start : start + chunk] @ weight.t()).float()
        found.append(-F.cross_entropy(logits, targets[start : start + chunk], reduction="none"))
    return torch.cat(found) if found else torch.empty(0)
