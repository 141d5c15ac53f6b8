"""The native kernels against the definition in float64, and their library's way into the cache.

bfloat16 keeps 8 bits, so that a result is compared by its relative distance: products of rounded factors lie 0.004 to
0.006 from the exact ones, and an error in an index or a mask gives 0.1 and more.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from assay.errors import StepError
from assay.model.decoder import BlockFunction, block
from assay.model.native import library as module
from assay.model.native.block import first_positions, fits, native_block
from assay.model.native.cross_entropy import native_softmax_pass
from assay.model.native.library import folder, library
from assay.model.native.products import add_outer_product, outer_product
from assay.model.rotary import rotary_tables

native = pytest.mark.skipif(library() is None, reason="no AVX-512 with bfloat16, or no compiler that knows it")


def distance(found: Tensor, wanted: Tensor) -> float:
    return float((found.double() - wanted).norm() / wanted.norm())


def inputs(width: int, feed_forward: int, rows: int, length: int) -> tuple[Tensor, list[Tensor], Tensor]:
    """Hidden states, weights and the gradient of what comes out, all exact in bfloat16."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    weights = [
        1 + 0.1 * normal(width),
        normal(3 * width + 2 * feed_forward, width) * 1.5 / width**0.5,
        normal(width, width + feed_forward) / width**0.5,
    ]
    x, gradient = normal(rows, length, width), normal(rows, length, width)
    return x.bfloat16(), [weight.bfloat16() for weight in weights], gradient.bfloat16()


def run(
    function: BlockFunction,
    dtype: torch.dtype,
    given: tuple[Tensor, list[Tensor], Tensor],
    mask: Tensor | None,
    head: int,
) -> list[Tensor]:
    """What the layer makes, and its gradients by input and weights."""
    x, *weights = (tensor.to(dtype).requires_grad_() for tensor in (given[0], *given[1]))
    cos, sin = rotary_tables(torch.arange(x.shape[1]), head, 10_000.0, dtype)
    made = function(x, tuple(weights), cos, sin, mask, head, 1e-5)
    return [made.detach(), *torch.autograd.grad(made, [x, *weights], given[2].to(dtype))]


@native
@pytest.mark.parametrize(
    ("width", "head", "rows", "length"),
    [
        (128, 128, 1, 1),
        (128, 128, 3, 37),
        (256, 128, 2, 129),
        (128, 64, 2, 200),
        (384, 128, 1, 300),
        (128, 128, 1, 1024),
    ],
)
@pytest.mark.parametrize("inside_documents", [False, True])
def test_a_layer_and_its_gradients_equal_the_definition(
    width: int, head: int, rows: int, length: int, inside_documents: bool
) -> None:
    given = inputs(width, 2 * width + 64, rows, length)
    drawn = torch.randint(0, 6, (rows, length), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    documents = drawn.sort(1).values if inside_documents else None
    wanted = run(block, torch.float64, given, documents, head)
    found = run(native_block, torch.bfloat16, given, documents, head)
    for name, one, other in zip(("made", "x", "gain", "in", "out"), found, wanted, strict=True):
        assert distance(one, other) < 0.008, name


@native
def test_a_layer_is_the_same_to_the_bit_whatever_the_threads() -> None:
    given = inputs(256, 704, 3, 150)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 1):
            torch.set_num_threads(threads)
            results.append(run(native_block, torch.bfloat16, given, None, 128))
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        assert all(torch.equal(one, other) for one, other in zip(result, results[0], strict=True))


@native
def test_a_layer_reads_nothing_that_comes_later() -> None:
    x, weights, gradient = inputs(128, 384, 1, 140)
    other = x.clone()
    other[:, 100:] = 7
    one = run(native_block, torch.bfloat16, (x, weights, gradient), None, 128)[0]
    changed = run(native_block, torch.bfloat16, (other, weights, gradient), None, 128)[0]
    assert torch.equal(one[:, :100], changed[:, :100])
    assert not torch.equal(one[:, 100], changed[:, 100])


@native
def test_scores_far_apart_neither_overflow_nor_vanish() -> None:
    x, weights, gradient = inputs(128, 384, 1, 100)
    weights[1][:256] *= 30
    wanted = run(block, torch.float64, (x, weights, gradient), None, 128)
    found = run(native_block, torch.bfloat16, (x, weights, gradient), None, 128)
    assert all(tensor.isfinite().all() for tensor in found)
    assert distance(found[0], wanted[0]) < 0.05


@native
@pytest.mark.parametrize(("rows", "vocabulary"), [(1, 2), (5, 97), (64, 4101), (130, 8192)])
def test_the_softmax_pass_equals_float64(rows: int, vocabulary: int) -> None:
    generator = torch.Generator().manual_seed(rows)
    logits = (torch.randn(rows, vocabulary, generator=generator) * 8).bfloat16()
    targets = torch.randint(0, vocabulary, (rows,), generator=generator)
    exact = logits.double().requires_grad_()
    wanted = F.cross_entropy(exact, targets, reduction="sum")
    (slope,) = torch.autograd.grad(wanted / 4096, exact)
    loss, gradient = native_softmax_pass(logits, targets, 4096.0)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert (gradient.double() - slope).abs().max() < 2**-8 / 4096
    assert distance(gradient, slope) < 0.003


@pytest.mark.parametrize(("rows", "count", "width"), [(1, 16, 64), (2, 97, 64), (301, 208, 128), (600, 96, 100)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_weights_gradient_is_the_sum_of_outer_products(rows: int, count: int, width: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    g = torch.randn(rows, count, generator=generator).to(dtype)
    x = torch.randn(rows, width, generator=generator).to(dtype)
    wanted = g.double().t() @ x.double()
    assert distance(outer_product(g, x), wanted) < (1e-6 if dtype is torch.float32 else 0.003)
    sums = torch.full((count, width), 2.0)
    add_outer_product(sums, g, x)
    summed_wide = dtype is torch.float32 or (library() is not None and count % 16 == width % 64 == 0)
    assert distance(sums - 2, wanted) < (1e-6 if summed_wide else 0.003)


@native
def test_what_the_kernels_cannot_do_is_not_given_to_them() -> None:
    x, weights, _ = inputs(128, 384, 1, 8)
    cos, _ = rotary_tables(torch.arange(8), 128, 10_000.0, torch.bfloat16)
    layer = tuple(weights)
    assert fits(x, layer, cos, None, 128)
    assert not fits(x.float(), layer, cos, None, 128)
    assert not fits(x, layer, cos[None, None], None, 128), "positions of their own"
    assert not fits(x, layer, cos, torch.ones(1, 1, 8, 8, dtype=torch.bool), 128), "any mask"
    assert not fits(x, layer, cos, None, 32), "heads that do not fill a strip"


@given(st.lists(st.lists(st.integers(0, 3), min_size=7, max_size=7), min_size=1, max_size=3))
def test_a_document_begins_where_the_number_changes(rows: list[list[int]]) -> None:
    wanted = []
    for row in rows:
        begin = 0
        for place, number in enumerate(row):
            begin = place if place and number != row[place - 1] else begin
            wanted.append(begin)
    assert first_positions(torch.tensor(rows, dtype=torch.int32)).flatten().tolist() == wanted


@pytest.mark.slow
@native
def test_two_processes_build_one_whole_library_and_a_third_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    code = "from assay.model.native.library import library; assert library().softmax_pass"
    building = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(60) for process in building] == [0, 0]
    (built,) = folder().iterdir()
    stamp = built.stat().st_mtime_ns
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert [path.stat().st_mtime_ns for path in folder().iterdir()] == [stamp]


@pytest.fixture
def anew() -> Iterator[None]:
    """The library is looked for again, and again after the test."""
    module.library.cache_clear()
    yield
    module.library.cache_clear()


def test_without_a_compiler_there_is_no_library(anew: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "native_compiler", lambda: None)
    assert module.library() is None


@native
def test_what_cannot_be_built_is_told_and_not_replaced_by_other_numerics(
    anew: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(module, "FLAGS", (*module.FLAGS, "--no-such-flag"))
    with pytest.raises(StepError, match=r"cannot build the native kernels.*no-such-flag"):
        module.library()
    assert list(folder().iterdir()) == []
