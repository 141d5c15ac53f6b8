"""What one process of ``gpu.py`` does: it takes a job as JSON, and answers with JSON lines.

``correctness`` holds the device against the CPU in float32, on the same batches from the same weights; ``speed`` times
training steps of one size; ``together`` is one of several small runs on one card, which begin and end when they are
told. The steps are those of the worker: the same replica, compiled regions and settings, the figures of a step read
while the next is under way.
"""

import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from _gpu_job import Job, token_flop
from assay.evaluate.requests import Request
from assay.evaluate.scorer import score_requests
from assay.model.decoder import initialise, plain_decoder
from assay.model.sizes import SIZES
from assay.run.memory import CHANNEL_BYTES, PARAMETER_BYTES
from assay.train.compiled import compiled_block, compiled_softmax_pass, set_up_torch
from assay.train.figures import Figures
from assay.train.ranks import Ranks
from assay.train.replica import Replica

SETTINGS = {"betas": (0.9, 0.95), "weight_decay": 0.1, "clip": 1.0}
RATE = 1e-3
STEPS = 10
"""Of `correctness`."""
WARM_STEPS = 3
MEMORY_SHARE = 0.8
"""Of what is free on the GPU, for the estimate of a step."""
FEWEST_STEPS = 8


def replica(job: Job, device: str, precision: str, compiled: bool) -> Replica:
    """A fresh model as the training step makes it."""
    parts = (job.shape, initialise(job.shape, 0), SETTINGS, getattr(torch, precision))
    ranks = Ranks(device=device)
    if not compiled:
        return Replica(*parts, ranks=ranks)
    return Replica(*parts, compiled_block(device=device), compiled_softmax_pass(device), ranks)


def batches(job: Job) -> Iterator[Tensor]:
    """Rows of tokens as frequent as words are, each often followed by the same: [rows, sequence + 1], int64."""
    draw = np.random.default_rng(0)
    follower = draw.permutation(job.vocabulary)
    while True:
        ids = (draw.zipf(1.2, (job.rows, job.sequence + 1)) - 1) % job.vocabulary
        for place in range(1, job.sequence + 1, 2):
            ids[:, place] = follower[ids[:, place - 1]]
        yield torch.from_numpy(ids)


def correctness(job: Job) -> dict[str, Any]:
    """Differences of the device from the CPU in float32, and of the device's own precision from its float32."""
    drawn = list(islice(batches(job), STEPS))
    documents = (torch.arange(job.sequence) // (job.sequence // 3)).int().expand(job.rows, -1).contiguous()
    master = initialise(job.shape, 0)
    logits = [_logits(job, master, device, drawn[0]) for device in ("cpu", job.device)]
    plain = _gradient(job, "cpu", False, drawn[0], None), _gradient(job, job.device, job.compiled, drawn[0], None)
    inside = [
        _gradient(job, device, compiled, drawn[0], documents)
        for device, compiled in (("cpu", False), (job.device, job.compiled))
    ]
    scores = [_scores(job, master, device) for device in ("cpu", job.device)]
    expected, _ = _losses(job, drawn, "cpu", "float32", False)
    found, weights = _losses(job, drawn, job.device, "float32", job.compiled)
    again, same = _losses(job, drawn, job.device, "float32", job.compiled)
    low, _ = _losses(job, drawn, job.device, job.precision, job.compiled)
    return {
        "float32_loss_difference": _relative(found, expected),
        "float32_logit_difference": float((logits[0] - logits[1]).abs().max()),
        "float32_gradient_difference": float((plain[0] - plain[1]).norm() / plain[0].norm()),
        "float32_gradient_difference_inside_documents": float((inside[0] - inside[1]).norm() / inside[0].norm()),
        "float32_score_difference_nats": max(abs(one - other) for one, other in zip(*scores, strict=True)),
        "repeats_bit_for_bit": found == again and torch.equal(weights, same),
        "training_precision_loss_difference": _relative(low, found),
        "loss_fell_by": expected[0] - expected[-1],
    }


def _losses(job: Job, drawn: list[Tensor], device: str, precision: str, compiled: bool) -> tuple[list[float], Tensor]:
    """Losses of the steps, and the master weights after them."""
    model = replica(job, device, precision, compiled)
    losses = []
    for batch in drawn:
        ids = batch.to(device)
        losses.append(float(model.backward(ids[:, :-1], ids[:, 1:])))
        model.step(RATE)
    return losses, model.master.cpu()


def _gradient(job: Job, device: str, compiled: bool, batch: Tensor, documents: Tensor | None) -> Tensor:
    model = replica(job, device, "float32", compiled)
    ids = batch.to(device)
    model.backward(ids[:, :-1], ids[:, 1:], None if documents is None else documents.to(device))
    return model.work_gradient.cpu().double()


@torch.inference_mode()
def _logits(job: Job, master: Tensor, device: str, batch: Tensor) -> Tensor:
    decoder = plain_decoder(job.shape, master.to(device))
    return (decoder.hidden(batch[:1, :-1].to(device)) @ decoder.output.t()).cpu()


def _scores(job: Job, master: Tensor, device: str) -> list[float]:
    """Log-likelihoods of four choices behind each of a few contexts."""
    draw = np.random.default_rng(1)
    requests = []
    for index in range(8):
        context = tuple(draw.integers(0, job.vocabulary, 20 + index).tolist())
        choices = tuple(tuple(draw.integers(0, job.vocabulary, 3 + number).tolist()) for number in range(4))
        requests.append(Request(str(index), "", 0, (context,), choices, (1,) * 4, (1,) * 4))
    scored = score_requests(plain_decoder(job.shape, master.to(device)), requests)
    return [score.logprob for row in scored for score in row]


def _relative(found: list[float], expected: list[float]) -> float:
    return max(abs(one - other) / abs(other) for one, other in zip(found, expected, strict=True))


def speed(job: Job) -> dict[str, Any]:
    """Tokens a second, model FLOP/s and memory of one size, at the largest step that fits."""
    rows = _fitting(job)
    while True:
        try:
            return _speed(job, rows)
        except torch.OutOfMemoryError:
            if rows == 1:
                raise
        rows //= 2
        torch.cuda.empty_cache()


def _speed(job: Job, rows: int) -> dict[str, Any]:
    begin = time.perf_counter()
    model = replica(job, job.device, job.precision, job.compiled)
    run = _stepping(model, job, rows)
    next(run)
    first = time.perf_counter() - begin
    for _ in range(WARM_STEPS):
        next(run)
    if job.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times: list[float] = []
    until = time.perf_counter() + job.seconds
    last = time.perf_counter()
    while len(times) < FEWEST_STEPS or time.perf_counter() < until:
        next(run)
        now = time.perf_counter()
        times.append(now - last)
        last = now
    tokens = rows * job.sequence
    rate = tokens / statistics.median(times)
    done = rate * token_flop(SIZES[job.size], job.vocabulary, job.sequence)
    peak = torch.cuda.max_memory_allocated() if job.device == "cuda" else None
    del model, run
    return {
        "tokens_per_second": rate,
        "model_tflops": done / 1e12,
        "gemm_tflops": _gemm(job) / 1e12,
        "memory_gb": None if peak is None else peak / 1e9,
        "rows": rows,
        "sequence": job.sequence,
        "first_step_seconds": first,
        "steps": len(times),
    }


def _fitting(job: Job) -> int:
    """Rows a step, a power of two, that should fit by the estimate of `assay.run.memory`."""
    if job.device != "cuda":
        return job.rows
    size = SIZES[job.size]
    free, _ = torch.cuda.mem_get_info()
    left = MEMORY_SHARE * free - PARAMETER_BYTES * job.shape.parameters
    row = CHANNEL_BYTES * size.width * size.layers * job.sequence
    return min(job.rows, 1 << max(0, int(math.log2(max(1.0, left / row)))))


def _stepping(model: Replica, job: Job, rows: int) -> Iterator[float]:
    """Training steps on one batch; each turn ends when the step before it is done, and gives that step's loss."""
    batch = next(batches(job))[:rows].to(job.device)
    before: Figures | None = None
    while True:
        loss = model.backward(batch[:, :-1], batch[:, 1:])
        figures = Figures.of(loss, model.step(RATE / 10))
        if before is not None:
            yield before.read()[0]
        before = figures


def _gemm(job: Job) -> float:
    """FLOP/s of one large square product in the job's precision."""
    left, right = (
        torch.randn(job.gemm, job.gemm, device=job.device, dtype=getattr(torch, job.precision)) for _ in range(2)
    )
    times = []
    for _ in range(12):
        begin = time.perf_counter()
        left @ right
        if job.device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return 2 * job.gemm**3 / statistics.median(times[2:])


def together(job: Job) -> None:
    """Say ``ready``, then train for as long as each line of standard input says, and tell how far that went."""
    run = _stepping(replica(job, job.device, job.precision, job.compiled), job, job.rows)
    for _ in range(WARM_STEPS):
        next(run)
    _say({"ready": True})
    for line in sys.stdin:
        begin, steps = time.perf_counter(), 0
        while time.perf_counter() - begin < float(line):
            next(run)
            steps += 1
        _say({"tokens_per_second": steps * job.rows * job.sequence / (time.perf_counter() - begin)})


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


PARTS: dict[str, Callable[[Job], dict[str, Any]]] = {"correctness": correctness, "speed": speed}


def main() -> None:
    """Do the job of the one argument."""
    job = Job(**json.loads(sys.argv[1]))
    set_up_torch(job.device)
    if job.part == "together":
        together(job)
    else:
        _say(PARTS[job.part](job))


if __name__ == "__main__":
    main()
