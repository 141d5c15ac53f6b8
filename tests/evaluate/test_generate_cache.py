"""Attention over kept keys and values held against plain float64 attention over each sequence as a whole."""

import mmap
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from small_decoders import SHAPES

from assay.evaluate.key_cache import NativeCache, Run, TorchCache
from assay.model.native import inference
from assay.model.shape import Shape

GROUPED = Shape(64, 256, 2, heads=6, head_size=96, feed_forward=64, block="llama", key_heads=2)
ALONE = SHAPES["parallel"]
KINDS = [
    pytest.param(TorchCache, id="torch"),
    pytest.param(
        NativeCache,
        id="native",
        marks=pytest.mark.skipif(not inference.fits(GROUPED, torch.empty(0)), reason="no kernels for this machine"),
    ),
]
TOLERANCE = {torch.float32: 3e-6, torch.bfloat16: 1.5e-2}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for one another on a busy machine take minutes for what is done in a second."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Sequences:
    """Random queries, keys and values of whole sequences, fed to a cache in parts, and what attention should give."""

    def __init__(self, shape: Shape, dtype: torch.dtype, slots: int, length: int) -> None:
        drawn = torch.Generator().manual_seed(0)
        self.shape, self.group = shape, shape.query_width // shape.key_width
        heads = shape.heads + 2 * shape.key_width // shape.head_size
        self.all = torch.randn(shape.layers, slots, length, heads, shape.head_size, generator=drawn).to(dtype)
        self.reached = [0] * slots

    def check(self, cache: NativeCache | TorchCache, lengths: dict[int, int]) -> None:
        """Let so many tokens of each slot through, and look at every number that comes out."""
        runs, at = [], 0
        for slot, length in lengths.items():
            runs.append(Run(at, length, slot, self.reached[slot]))
            at += length
        cache.place(runs)
        for layer in range(self.shape.layers):
            rows = [self.all[layer, run.slot, run.position : run.position + run.length] for run in runs]
            keys = self.shape.key_width // self.shape.head_size
            parts = torch.split(torch.cat(rows), [self.shape.heads, keys, keys], 1)
            found = cache.attend(layer, *parts)
            assert found.dtype is parts[0].dtype
            expected = torch.cat([self._expected(layer, run) for run in runs])
            assert (found.double() - expected).abs().max() < TOLERANCE[found.dtype]
        for run in runs:
            self.reached[run.slot] = run.position + run.length

    def _expected(self, layer: int, run: Run) -> torch.Tensor:
        end = run.position + run.length
        keys = self.shape.key_width // self.shape.head_size
        whole = self.all[layer, run.slot, :end].double().transpose(0, 1)
        query, key, value = torch.split(whole, [self.shape.heads, keys, keys])
        key, value = key.repeat_interleave(self.group, 0), value.repeat_interleave(self.group, 0)
        scores = query @ key.transpose(1, 2) / self.shape.head_size**0.5
        seen = torch.ones(end, end, dtype=torch.bool).tril()
        shares = torch.softmax(scores.masked_fill(~seen, float("-inf")), -1)
        return torch.matmul(shares, value).transpose(0, 1)[run.position :]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [GROUPED, ALONE], ids=["grouped", "alone"])
@pytest.mark.parametrize("kind", KINDS)
def test_prompts_and_single_tokens_see_all_that_their_own_slot_holds(
    kind: type[NativeCache] | type[TorchCache], shape: Shape, dtype: torch.dtype
) -> None:
    sequences = Sequences(shape, dtype, 4, 150)
    cache = kind(shape, torch.empty(0, dtype=dtype), 4, 150)
    with torch.inference_mode():
        sequences.check(cache, {2: 1, 0: 5, 3: 70})
        sequences.check(cache, {3: 1, 0: 1, 2: 1, 1: 131})
        for _ in range(17):
            sequences.check(cache, {0: 1, 1: 1, 3: 1})


@pytest.mark.parametrize("kind", KINDS)
def test_a_slot_taken_over_holds_nothing_of_what_was_there(kind: type[NativeCache] | type[TorchCache]) -> None:
    cache = kind(GROUPED, torch.empty(0), 2, 64)
    with torch.inference_mode():
        Sequences(GROUPED, torch.float32, 2, 64).check(cache, {0: 64, 1: 50})
        fresh = Sequences(GROUPED, torch.float32, 2, 64)
        fresh.all = fresh.all.flip(2)
        fresh.check(cache, {0: 7, 1: 20})
        fresh.check(cache, {0: 1, 1: 1})


@pytest.mark.parametrize("length", [1, 15, 16, 33])
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_goes_on_from_where_it_was_made_and_leaves_its_source_alone(
    kind: type[NativeCache] | type[TorchCache], length: int
) -> None:
    sequences = Sequences(GROUPED, torch.float32, 3, 64)
    sequences.all[:, 2, :length] = sequences.all[:, 0, :length]
    cache = kind(GROUPED, torch.empty(0), 3, 64)
    with torch.inference_mode():
        sequences.check(cache, {0: 40, 1: 50} if length > 1 else {0: 1, 1: 50})
        cache.copy(0, 2, length)
        sequences.reached[2] = length
        for _ in range(20):
            sequences.check(cache, {0: 1, 1: 1, 2: 1} if sequences.reached[1] < 64 else {0: 1, 2: 1})


@pytest.mark.parametrize("kind", KINDS)
def test_threads_share_a_pass(kind: type[NativeCache] | type[TorchCache]) -> None:
    torch.set_num_threads(3)
    sequences = Sequences(GROUPED, torch.bfloat16, 3, 64)
    cache = kind(GROUPED, torch.empty(0, dtype=torch.bfloat16), 3, 64)
    with torch.inference_mode():
        sequences.check(cache, {0: 3, 2: 60})
        sequences.check(cache, {0: 1, 1: 1, 2: 1})


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no system that says what is resident")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_taken_by_tokens_not_by_capacity_and_given_back(
    kind: type[NativeCache] | type[TorchCache], dtype: torch.dtype
) -> None:
    capacity, tokens, slots = 1 << 17, 1000, 16
    token_bytes = 2 * GROUPED.layers * GROUPED.key_width * dtype.itemsize
    assert slots * capacity * token_bytes > 3e9
    sequences = Sequences(GROUPED, dtype, 2, tokens)
    begun = resident_bytes()
    cache = kind(GROUPED, torch.empty(0, dtype=dtype), slots, capacity)
    assert resident_bytes() - begun < 1 << 20
    with torch.inference_mode():
        sequences.check(cache, {0: 1, 1: tokens})
        before = resident_bytes()
        for slot in range(2, slots):
            cache.copy(1, slot, tokens)
    copied = (slots - 2) * tokens * token_bytes
    assert 0.98 * copied < resident_bytes() - before < 1.1 * copied
    del cache
    assert resident_bytes() - before < -0.98 * tokens * token_bytes
