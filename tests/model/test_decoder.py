"""The decoder against a plain float64 reading of its definition, and its parts against torch's own."""

import math

import pytest
import torch
import torch.nn.functional as F

from assay.model.attention import QUERY_BLOCK, causal_attention, masked_attention
from assay.model.decoder import initialise, plain_decoder, views
from assay.model.loss import linear_cross_entropy, softmax_pass, token_log_likelihoods
from assay.model.sizes import HEAD_SIZE, SIZES, Size
from assay.study.quantity import parse_tokens

SMALL = Size(256, 2)
VOCABULARY = 97
SHAPE = SMALL.shape(VOCABULARY)


def reference(flat: torch.Tensor, ids: list[int]) -> torch.Tensor:
    """Hidden states of one sequence, token by token, head by head."""
    weights = views(SHAPE, flat.double())

    def norm(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * gain

    def turned(x: torch.Tensor, position: int) -> torch.Tensor:
        half = HEAD_SIZE // 2
        angles = [position * SHAPE.rotary_base ** (-2 * index / HEAD_SIZE) for index in range(half)]
        cos, sin = torch.tensor([[f(a) for a in angles] for f in (math.cos, math.sin)], dtype=torch.float64)
        return torch.cat((x[:half] * cos - x[half:] * sin, x[half:] * cos + x[:half] * sin))

    x = weights["embedding"][ids]
    width, feed_forward = SMALL.width, SMALL.feed_forward
    for layer in range(SMALL.layers):
        y = norm(x, weights[f"layers.{layer}.norm"])
        rows = weights[f"layers.{layer}.input"]
        query, key, value = (y @ rows[part * width : (part + 1) * width].T for part in range(3))
        gate = y @ rows[3 * width : 3 * width + feed_forward].T
        up = y @ rows[3 * width + feed_forward :].T
        attended = torch.zeros_like(x)
        for head in range(SMALL.heads):
            columns = slice(head * HEAD_SIZE, (head + 1) * HEAD_SIZE)
            for position in range(len(ids)):
                turned_query = turned(query[position, columns], position)
                scores = torch.stack(
                    [turned_query @ turned(key[other, columns], other) for other in range(position + 1)]
                ) / math.sqrt(HEAD_SIZE)
                attended[position, columns] = torch.softmax(scores, 0) @ value[: position + 1, columns]
        out = weights[f"layers.{layer}.output"]
        x = x + attended @ out[:, :width].T + (gate * torch.sigmoid(gate) * up) @ out[:, width:].T
    return norm(x, weights["norm"])


@pytest.fixture(scope="module")
def flat() -> torch.Tensor:
    return initialise(SHAPE, 1)


def test_hidden_states_equal_the_definition_in_float64(flat: torch.Tensor) -> None:
    ids = [3, 96, 0, 41, 7, 7, 12]
    found = plain_decoder(SHAPE, flat).hidden(torch.tensor([ids]))[0]
    assert torch.allclose(found.double(), reference(flat, ids), atol=2e-5)


def test_positions_and_masks_give_what_a_row_alone_would(flat: torch.Tensor) -> None:
    decoder = plain_decoder(SHAPE, flat)
    context, choices = [5, 9, 2], [[11, 12], [13, 14, 15]]
    joined = torch.tensor([context + choices[0] + choices[1]])
    positions = torch.tensor([[0, 1, 2, 3, 4, 3, 4, 5]])
    part = torch.tensor([[0, 0, 0, 1, 1, 2, 2, 2]])
    allowed = torch.ones(8, 8).tril().bool() & ((part[:, None] == 0) | (part[:, None] == part[:, :, None]))
    tree = decoder.hidden(joined, positions, allowed[:, None])[0]
    for choice, rows in ((choices[0], slice(3, 5)), (choices[1], slice(5, 8))):
        alone = decoder.hidden(torch.tensor([context + choice]))[0]
        assert torch.allclose(tree[rows], alone[3:], atol=1e-5)


@pytest.mark.parametrize("length", [5, QUERY_BLOCK, QUERY_BLOCK + 130])
def test_attention_by_products_equals_torchs_own(length: int) -> None:
    query, key, value = torch.randn(3, 2, 2, length, 64, generator=torch.Generator().manual_seed(0))
    expected = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    assert torch.allclose(causal_attention(query, key, value), expected, atol=1e-5)
    allowed = torch.ones(length, length, dtype=torch.bool).tril()[None, None]
    assert torch.allclose(masked_attention(query, key, value, allowed), expected, atol=1e-5)


def test_loss_and_gradients_equal_those_of_whole_logits() -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(2500, 32, generator=generator, requires_grad=True)
    weight = torch.randn(VOCABULARY, 32, generator=generator, requires_grad=True)
    targets = torch.randint(0, VOCABULARY, (2500,), generator=generator)
    expected = F.cross_entropy(hidden @ weight.T, targets)
    wanted = torch.autograd.grad(expected * 3, (hidden, weight))
    found = linear_cross_entropy(hidden, weight, targets)
    gradients = torch.autograd.grad(found * 3, (hidden, weight))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    for one, other in zip(gradients, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    likelihoods = token_log_likelihoods(hidden.detach(), weight.detach(), targets)
    assert -likelihoods.mean().item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_passes_gradient_is_that_of_the_mean() -> None:
    logits = torch.randn(4, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    targets = torch.tensor([0, 8, 3, 3])
    (expected,) = torch.autograd.grad(F.cross_entropy(logits, targets, reduction="sum") / 10, logits)
    _, found = softmax_pass(logits.detach(), targets, 10.0)
    assert torch.allclose(found, expected, atol=1e-6)


def test_weights_are_glorot_normal_and_a_function_of_the_seed_alone(flat: torch.Tensor) -> None:
    assert torch.equal(flat, initialise(SHAPE, 1))
    assert not torch.equal(flat, initialise(SHAPE, 2))
    decoder = plain_decoder(SHAPE, flat)
    weights = dict(decoder.named_parameters())
    weight_in, weight_out = weights["layers.1.input"], weights["layers.1.output"]
    width, feed_forward = SMALL.width, SMALL.feed_forward
    for part, fans in (
        (weight_in[:width], 2 * width),
        (weight_in[3 * width :], width + feed_forward),
        (weight_out[:, :width], 2 * width),
        (weight_out[:, width:], width + feed_forward),
        (decoder.embedding, VOCABULARY + width),
    ):
        assert part.std().item() == pytest.approx(math.sqrt(2 / fans), rel=0.05)
    assert (flat[SHAPE.decayed :] == 1).all(), "the gains come last and are not decayed"


def test_a_size_has_about_its_name_in_parameters() -> None:
    for name, size in SIZES.items():
        within = 0.03 if size.layers > 10 else 0.35
        assert size.body_parameters == pytest.approx(parse_tokens(name, {}), rel=within)
        assert size.shape(4096).parameters == size.body_parameters + 4096 * size.width
