"""Attention in torch against torch's own, and inside documents against each document alone."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from assay.model.attention import LONGEST, QUERY_BLOCK, causal_attention, masked_attention


def drawn(length: int, head: int = 32) -> tuple[Tensor, Tensor, Tensor]:
    query, key, value = torch.randn(3, 2, 2, length, head, generator=torch.Generator().manual_seed(0))
    return query, key, value


@pytest.mark.parametrize("length", [1, QUERY_BLOCK, QUERY_BLOCK + 130, LONGEST + 1])
def test_causal_attention_equals_torchs_own(length: int) -> None:
    query, key, value = drawn(length)
    expected = F.scaled_dot_product_attention(query.double(), key.double(), value.double(), is_causal=True)
    assert torch.allclose(causal_attention(query, key, value).double(), expected, atol=1e-5)


def test_its_gradients_equal_torchs_own() -> None:
    inputs = [part.requires_grad_() for part in drawn(QUERY_BLOCK + 7)]
    expected = F.scaled_dot_product_attention(inputs[0], inputs[1], inputs[2], is_causal=True)
    wanted = torch.autograd.grad(expected.square().sum(), inputs)
    found = torch.autograd.grad(causal_attention(inputs[0], inputs[1], inputs[2]).square().sum(), inputs)
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_inside_documents_each_is_as_if_alone() -> None:
    query, key, value = drawn(QUERY_BLOCK + 60)
    ends = [0, 1, 200, QUERY_BLOCK + 20, QUERY_BLOCK + 60]
    pieces = list(itertools.pairwise(ends))
    numbers = torch.cat([torch.full((end - begin,), at) for at, (begin, end) in enumerate(pieces)])
    together = causal_attention(query, key, value, numbers.int().expand(2, -1))
    for begin, end in pieces:
        alone = F.scaled_dot_product_attention(
            query[:, :, begin:end], key[:, :, begin:end], value[:, :, begin:end], is_causal=True
        )
        assert torch.allclose(together[:, :, begin:end], alone, atol=1e-5)


def test_any_mask_says_where_a_query_looks() -> None:
    query, key, value = drawn(33)
    allowed = torch.rand(2, 1, 33, 33, generator=torch.Generator().manual_seed(1)) < 0.5
    allowed |= torch.eye(33, dtype=torch.bool)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
    assert torch.allclose(masked_attention(query, key, value, allowed), expected, atol=1e-5)
