"""The flat forward pass and its native passes against the decoder's own, written for batches of rows."""

import pytest
import torch
from torch import Tensor

from assay.model import inference
from assay.model.decoder import Decoder, initialise, plain_decoder
from assay.model.inference import flat_hidden
from assay.model.native import inference as native
from assay.model.shape import Shape
from assay.model.tree_attention import TreeAttention

SHAPES = {
    "parallel": Shape(300, 128, 3, 2, 64, 352),
    "parallel, one wide head": Shape(300, 128, 2, 1, 128, 352),
    "llama": Shape(300, 64, 3, 2, 32, 96, "llama"),
    "llama, grouped queries": Shape(300, 192, 2, 6, 32, 160, "llama", 2, False, 1e-6, 100_000.0),
    "llama, heads of 96": Shape(300, 192, 2, 2, 96, 96, "llama", 1),
}
TOLERANCE = {torch.float32: 2e-5, torch.bfloat16: 0.12}
LENGTHS = (1, 33, 16, 70)


def decoder_of(shape: Shape, dtype: torch.dtype) -> Decoder:
    return plain_decoder(shape, initialise(shape, 0).to(dtype))


def rows(count: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 300, (count,), generator=torch.Generator().manual_seed(seed))


def without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "fits", lambda shape, weights: False)


def needs_kernels(shape: Shape) -> None:
    if not native.fits(shape, torch.empty(1)):
        pytest.skip("no native kernels on this machine")


def side_by_side(decoder: Decoder, wanted: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
    """Sequences of unlike lengths in one row, and each alone through the decoder."""
    sequences = [rows(length, length) for length in LENGTHS]
    begins = [0]
    for length in LENGTHS:
        begins.append(begins[-1] + length)
    attend = TreeAttention(begins, [[] for _ in LENGTHS], native.fits(decoder.shape, decoder.output))
    positions = torch.cat([torch.arange(length) for length in LENGTHS])
    flat = flat_hidden(decoder, torch.cat(sequences), positions, attend, wanted)
    with torch.inference_mode():
        return flat, [decoder.hidden(sequence[None])[0] for sequence in sequences]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("kernels", [True, False], ids=["native", "torch"])
def test_sequences_in_one_row_have_the_states_that_each_has_alone(
    name: str, dtype: torch.dtype, kernels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernels:
        needs_kernels(SHAPES[name])
    else:
        without_kernels(monkeypatch)
    flat, alone = side_by_side(decoder_of(SHAPES[name], dtype))
    assert flat.dtype is dtype
    assert (flat - torch.cat(alone)).abs().max() < TOLERANCE[dtype]


@pytest.mark.parametrize("name", ["parallel", "llama, grouped queries"])
@pytest.mark.parametrize("kernels", [True, False], ids=["native", "torch"])
def test_states_that_are_wanted_are_those_of_all(name: str, kernels: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if kernels:
        needs_kernels(SHAPES[name])
    else:
        without_kernels(monkeypatch)
    decoder = decoder_of(SHAPES[name], torch.float32)
    wanted = torch.tensor([0, 5, 33, 34, 119])
    some, _ = side_by_side(decoder, wanted)
    everything, _ = side_by_side(decoder)
    assert torch.allclose(some, everything[wanted], atol=1e-5)


def test_bfloat16_states_are_nearer_to_exact_ones_than_the_decoders_own() -> None:
    shape = Shape(300, 128, 12, 2, 64, 352, "llama")
    needs_kernels(shape)
    flat = initialise(shape, 0).bfloat16()
    ours, theirs = side_by_side(plain_decoder(shape, flat))
    _, exact = side_by_side(plain_decoder(shape, flat.float()))
    error = [(states.float() - torch.cat(exact)).square().mean().sqrt() for states in (ours, torch.cat(theirs))]
    assert error[0] < 0.8 * error[1], "the residual stream is float32 between bfloat16 products"


def test_a_token_sees_its_own_branch_alone() -> None:
    decoder = decoder_of(SHAPES["parallel"], torch.float32)
    needs_kernels(decoder.shape)
    trunk, left, right = rows(37, 1), rows(20, 2), rows(11, 3)
    attend = TreeAttention([0, 37, 57, 68], [[], [(0, 37)], [(0, 30)]], True)
    positions = torch.cat((torch.arange(37), torch.arange(37, 57), torch.arange(30, 41)))
    flat = flat_hidden(decoder, torch.cat((trunk, left, right)), positions, attend)
    with torch.inference_mode():
        one = decoder.hidden(torch.cat((trunk, left))[None])[0]
        other = decoder.hidden(torch.cat((trunk[:30], right))[None])[0]
    assert torch.allclose(flat[:57], one, atol=2e-5)
    assert torch.allclose(flat[57:], other[30:], atol=2e-5)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("vocabulary", [5, 64, 700, 1029])
def test_log_probabilities_of_tokens_are_log_softmax(vocabulary: int, dtype: torch.dtype) -> None:
    needs_kernels(SHAPES["parallel"])
    draw = torch.Generator().manual_seed(vocabulary)
    output = torch.randn(vocabulary, 96, generator=draw).to(dtype)
    hidden = torch.randn(101, 96, generator=draw).to(dtype)
    counts = torch.randint(1, 4, (101,), generator=draw)
    offsets = torch.cat((torch.zeros(1, dtype=torch.int64), counts.cumsum(0)))
    targets = torch.randint(0, vocabulary, (int(offsets[-1]),), generator=draw)
    logits = hidden.double() @ output.double().t()
    row = torch.arange(101).repeat_interleave(counts)
    targets[::3] = logits.argmax(-1)[row[::3]]
    found, likeliest = native.TokenScores(output)(hidden, offsets, targets)
    exact = logits.log_softmax(-1)[row, targets]
    assert (found - exact).abs().max() < 2e-5, "bfloat16 factors are exact, and their sums float32"
    assert torch.equal(likeliest, logits.argmax(-1)[row] == targets)
    assert likeliest[::3].all()


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_of_equally_likely_tokens_the_lowest_is_the_likeliest(dtype: torch.dtype) -> None:
    needs_kernels(SHAPES["parallel"])
    output = torch.ones(700, 64, dtype=dtype)
    output[:600] = 0
    offsets, targets = torch.tensor([0, 3]), torch.tensor([600, 601, 0])
    _, likeliest = native.TokenScores(output)(torch.ones(1, 64, dtype=dtype), offsets, targets)
    assert likeliest.tolist() == [True, False, False]


def test_a_shape_that_the_kernels_do_not_take_goes_through_torch() -> None:
    odd = Shape(300, 40, 1, 2, 20, 24, "llama")
    assert not native.fits(odd, torch.empty(1))
    flat, alone = side_by_side(decoder_of(odd, torch.float32))
    assert torch.allclose(flat, torch.cat(alone), atol=1e-5)


@pytest.mark.parametrize("name", ["parallel", "llama, grouped queries"])
def test_nothing_is_made_on_another_device(name: str) -> None:
    shape = SHAPES[name]
    decoder = plain_decoder(shape, initialise(shape, 0).to("meta"))
    ids = torch.zeros(12, dtype=torch.int64, device="meta")
    made = inference.flat_hidden(decoder, ids, ids, lambda layer, query, key, value: query + 0, ids[:5])
    assert made.device.type == "meta" and made.shape == (5, shape.width)
