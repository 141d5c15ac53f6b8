"""Our training step, and the products that it cannot do without: the ceiling it is held against.

``python _training_ours.py JOB``. ``ours`` is what the worker's training step does with a batch: the replica, the
compiled block, the pass of the loss, one optimizer step, the loss looked at. ``ceiling`` multiplies bf16 matrices of
the same shapes as the layers' two products and the logits', forward, for the input's gradient and for the weight's,
and does nothing else.
"""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from _training_pace import HEAD_SIZE, Job, Pace
from assay.model.decoder import initialise
from assay.model.shape import Shape
from assay.run.identity import precision
from assay.train.compiled import compiled_block, compiled_softmax_pass, set_up_torch
from assay.train.replica import Replica

SETTINGS = {"betas": (0.9, 0.95), "weight_decay": 0.1, "clip": 1.0}
RATE = 1e-4
CHUNK = 1024
"""Rows."""


def shape_of(job: Job) -> Shape:
    """The decoder of a job."""
    return Shape(job.vocabulary, job.width, job.layers, job.heads, HEAD_SIZE, job.feed_forward)


def replica(shape: Shape, seed: int, compiled: bool) -> Replica:
    """A fresh model as the training step makes it."""
    dtype = getattr(torch, precision())
    master = initialise(shape, seed)
    if not compiled:
        return Replica(shape, master, SETTINGS, dtype)
    return Replica(shape, master, SETTINGS, dtype, compiled_block(), compiled_softmax_pass())


def ours(job: Job, pace: Pace) -> None:
    """Train until standard input ends."""
    set_up_torch()
    torch.set_num_threads(job.threads)
    model = replica(shape_of(job), 0, job.compiled)
    for batch in job.batches():
        pace.tick()
        ids = torch.from_numpy(batch)
        float(model.backward(ids[:, :-1], ids[:, 1:]))
        float(model.step(RATE))


def ceiling(job: Job, pace: Pace) -> None:
    """The products of one step between two ticks."""
    torch.set_num_threads(job.threads)
    tokens = job.rows * job.sequence
    layer = [product(tokens, job.width, 3 * job.width + 2 * job.feed_forward)]
    layer.append(product(tokens, job.width + job.feed_forward, job.width))
    logits = product(tokens, job.width, job.vocabulary)
    while True:
        pace.tick()
        for _ in range(job.layers):
            for each in layer:
                each()
        logits()


def product(rows: int, width: int, out: int) -> Callable[[], None]:
    """x·wᵀ, its gradient for x and for w, each in the fastest of several ways to ask for it: 6 · rows · width · out
    floating-point operations."""
    x, weight, gradient = (
        torch.randn(size, dtype=torch.bfloat16) for size in ((rows, width), (out, width), (rows, out))
    )
    parts = list(zip(torch.split(x, CHUNK), torch.split(gradient, CHUNK), strict=True))
    asked: list[list[Callable[[], object]]] = [
        [lambda: F.linear(x, weight), lambda: [F.linear(part, weight) for part, _ in parts]],
        [lambda: gradient @ weight, lambda: [part @ weight for _, part in parts]],
        [lambda: gradient.t() @ x, lambda: x.t() @ gradient, lambda: [two.t() @ one for one, two in parts]],
    ]
    fastest = [min(ways, key=_seconds) for ways in asked]

    def run() -> None:
        for way in fastest:
            way()

    return run


def _seconds(work: Callable[[], object]) -> float:
    """Of the fastest of three calls after a first."""
    work()
    found = []
    for _ in range(3):
        begin = time.perf_counter()
        work()
        found.append(time.perf_counter() - begin)
    return min(found)


def products_flop(job: Job) -> int:
    """Floating-point operations between two ticks of `ceiling`."""
    layer = job.width * (3 * job.width + 2 * job.feed_forward) + (job.width + job.feed_forward) * job.width
    return 6 * job.rows * job.sequence * (job.layers * layer + job.width * job.vocabulary)


def token_flop(job: Job) -> int:
    """Floating-point operations of the model for a token of training: 6 (N + d·V) + 6·L·d·S.

    N is the layers' weights and the norms' gains, d·V the logits, both forward and twice that backward (Kaplan et al.
    2020); the last term is attention's two products over the causal half of the sequence S.
    """
    body = sum(_count(dimensions) for _, dimensions in shape_of(job).weights[1:])
    return 6 * (body + job.width * job.vocabulary) + 6 * job.layers * job.width * job.sequence


def _count(dimensions: tuple[int, ...]) -> int:
    return int(torch.Size(dimensions).numel())


PROGRAMS: dict[str, Callable[[Job, Pace], None]] = {"ours": ours, "ceiling": ceiling}


def main() -> None:
    """Run until standard input ends."""
    job = Job.given()
    PROGRAMS[job.program](job, Pace())


if __name__ == "__main__":
    main()
