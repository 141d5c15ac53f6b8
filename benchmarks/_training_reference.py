"""One reference loss curve: our trainer beside a plain float32 loop over the same weights, tokens and rates.

The reference is written anew from the architecture's description with what any PyTorch tutorial uses: separate
`nn.Linear` modules, `F.scaled_dot_product_attention`, `F.cross_entropy` over all logits, `torch.optim.AdamW` in two
groups, `clip_grad_norm_`; nothing is compiled, nothing rounded to bfloat16, and no code of the trainer is used. A seed
draws the weights and the order of the rows. Both are judged by the reference's own forward pass in float32 on rows that
neither was trained on. ``python _training_reference.py RUN`` is one run; its JSON answer goes to standard output.
"""

import itertools
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from _training_race import say, surroundings
from assay.model.sizes import SIZES
from assay.run.local import cores

SIZE = "1M"
VOCABULARY, SEQUENCE, ROWS = 8192, 512, 4
HELDOUT_ROWS = 64
WARM_UP = 30
SMOOTHED = 20
"""Steps whose mean is drawn."""


@dataclass(frozen=True)
class Run:
    """A trainer's, from a seed."""

    trainer: str
    """``ours`` or ``reference``."""
    seed: int
    steps: int
    tokens: str
    """A file of `numpy.save`: [tokens], uint16."""


@dataclass(frozen=True)
class Trained:
    """What came of a run."""

    losses: list[float]
    """Of every step, nats a token."""
    heldout: float
    """At the end, nats a token."""


class Layer(nn.Module):
    """x + attention(norm x)·o + (silu(norm x·gate) ⊙ norm x·up)·down, with one norm for both."""

    def __init__(self, width: int, feed_forward: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, eps=1e-5, bias=False)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.gate, self.up = (nn.Linear(width, feed_forward, bias=False) for _ in range(2))
        self.down = nn.Linear(feed_forward, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, sequence, width] → the same."""
        batch, length, width = x.shape
        y = self.norm(x)
        query, key, value = (
            part(y).view(batch, length, self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(turned(query), turned(key), value, is_causal=True)
        out = self.out(attended.transpose(1, 2).reshape(batch, length, width))
        found: Tensor = x + out + self.down(F.silu(self.gate(y)) * self.up(y))
        return found


def turned(x: Tensor) -> Tensor:
    """Each pair (i, i + half) of channels as a complex number, turned by position · 10000^(−i/half)."""
    length, half = x.shape[-2], x.shape[-1] // 2
    angle = torch.arange(length)[:, None] * 10_000.0 ** (-torch.arange(half) / half)
    spun = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat((spun.real, spun.imag), -1)


class Model(nn.Module):
    """The decoder with its tied embedding."""

    def __init__(self, vocabulary: int, width: int, layers: int, feed_forward: int, heads: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(Layer(width, feed_forward, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width, eps=1e-5, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits: [batch, sequence, vocabulary]."""
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x)
        return F.linear(self.norm(x), self.embedding.weight)

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take over weights under the trainer's names, whose products are fused."""
        self.embedding.weight.copy_(weights["embedding"])
        self.norm.weight.copy_(weights["norm"])
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            into, out = weights[f"layers.{index}.input"], weights[f"layers.{index}.output"]
            parts = (layer.query, layer.key, layer.value, layer.gate, layer.up)
            for part, weight in zip(parts, torch.split(into, [part.out_features for part in parts]), strict=True):
                part.weight.copy_(weight)
            layer.out.weight.copy_(out[:, : layer.out.in_features])
            layer.down.weight.copy_(out[:, layer.out.in_features :])
            layer.norm.weight.copy_(weights[f"layers.{index}.norm"])


def loss_of(model: Model, batch: Tensor) -> Tensor:
    """Mean over all positions, nats."""
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


def rates(steps: int, peak: float) -> list[float]:
    """Linear up over `WARM_UP` steps, then a cosine to a tenth."""
    shape = [0.55 + 0.45 * math.cos(math.pi * step / steps) for step in range(steps)]
    return [peak * share * min(1.0, (step + 1) / WARM_UP) for step, share in enumerate(shape)]


def rows_of(run: Run) -> tuple[list[Tensor], Tensor]:
    """The batches of a run in its order, and the held-out rows, which are the same in every run."""
    ids = np.load(run.tokens).astype(np.int64)
    count = (len(ids) - 1) // SEQUENCE
    every = torch.from_numpy(np.stack([ids[row * SEQUENCE : (row + 1) * SEQUENCE + 1] for row in range(count)]))
    apart = np.arange(0, count, max(1, count // HELDOUT_ROWS))[:HELDOUT_ROWS]
    rest = np.setdiff1d(np.arange(count), apart)
    order = np.random.default_rng(run.seed).permutation(rest)[: run.steps * ROWS]
    assert len(order) == run.steps * ROWS, "there are too few tokens"
    return [every[batch] for batch in order.reshape(run.steps, ROWS)], every[apart]


def train(run: Run) -> Trained:
    """Carry a run out."""
    from _training_ours import replica
    from assay.model.decoder import initialise, views
    from assay.train.compiled import set_up_torch

    size = SIZES[SIZE]
    shape = size.shape(VOCABULARY)
    batches, heldout = rows_of(run)
    plan = rates(run.steps, size.learning_rate)
    model = Model(VOCABULARY, size.width, size.layers, size.feed_forward, size.heads)
    losses: list[float] = []
    if run.trainer == "ours":
        set_up_torch()
        ours = replica(shape, run.seed, compiled=True)
        for batch, rate in zip(batches, plan, strict=True):
            losses.append(float(ours.backward(batch[:, :-1], batch[:, 1:])))
            ours.step(rate)
        model.load(views(shape, ours.master))
    else:
        torch.set_num_threads(1)
        model.load(views(shape, initialise(shape, run.seed)))
        wide = [weight for weight in model.parameters() if weight.dim() > 1]
        thin = [weight for weight in model.parameters() if weight.dim() == 1]
        groups = [{"params": wide, "weight_decay": 0.1}, {"params": thin, "weight_decay": 0.0}]
        adam = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95))
        for batch, rate in zip(batches, plan, strict=True):
            loss = loss_of(model, batch)
            adam.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for group in adam.param_groups:
                group["lr"] = rate
            adam.step()
            losses.append(float(loss.detach()))
    with torch.no_grad():
        judged = [float(loss_of(model, rows)) for rows in torch.split(heldout, ROWS)]
    return Trained(losses, statistics.mean(judged))


def compare(tokens: Path, steps: int, seeds: int) -> tuple[dict[str, float | int | str], dict[str, list[list[float]]]]:
    """Train both from some seeds, two runs at a time: (figures, losses of every step by trainer and seed)."""
    runs = [Run(trainer, seed, steps, str(tokens)) for trainer in ("reference", "ours") for seed in range(seeds)]
    with ThreadPoolExecutor(len(cores())) as pool:
        found = list(pool.map(_in_a_process, runs))
    plain, ours = ([one.heldout for one in part] for part in (found[:seeds], found[seeds:]))
    difference = statistics.mean(mine - other for mine, other in zip(ours, plain, strict=True))
    spread = statistics.stdev(plain)
    curves: dict[str, list[list[float]]] = {run.trainer: [] for run in runs}
    for run, one in zip(runs, found, strict=True):
        curves[run.trainer].append(one.losses)
    pairs = itertools.zip_longest(*curves["ours"], *curves["reference"])
    apart = [max(abs(values[seed] - values[seed + seeds]) for seed in range(seeds)) for values in pairs]
    return {
        "reference_loss": statistics.mean(plain),
        "loss": statistics.mean(ours),
        "loss_difference": difference,
        "loss_seed_sd": spread,
        "loss_difference_in_seed_sds": difference / spread,
        "largest_difference_first_20_steps": max(apart[:20]),
        "quality_steps": steps,
        "quality_seeds": seeds,
        "quality_tokens": steps * ROWS * SEQUENCE,
    }, curves


def _in_a_process(run: Run) -> Trained:
    command = [sys.executable, __file__, json.dumps(asdict(run))]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=surroundings(1)).stdout
    say(f"{run.trainer}, seed {run.seed}: done")
    return Trained(**json.loads(answer.splitlines()[-1]))


def draw(curves: Mapping[str, Sequence[Sequence[float]]], file: Path) -> None:
    """Both trainers' curves over each other, and the difference of each pair below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.3))
    looks = {"reference": ("#b0b0b0", 3.0, "plain loop, float32"), "ours": ("#3a6ea5", 1.0, "Assay, bf16")}
    for trainer, (colour, width, label) in looks.items():
        for seed, losses in enumerate(curves[trainer]):
            above.plot(*smooth(losses), color=colour, linewidth=width, label=label if seed == 0 else None)
    for mine, plain in zip(curves["ours"], curves["reference"], strict=True):
        steps, values = smooth([one - other for one, other in zip(mine, plain, strict=True)])
        below.plot(steps, values, color="#3a6ea5", linewidth=1)
    below.axhline(0, color="#999999", linewidth=1)
    above.set(ylabel="loss, nats a token", title=f"{SIZE}, {len(curves['ours'])} seeds, mean of {SMOOTHED} steps")
    below.set(xlabel="step", ylabel="difference")
    above.legend(frameon=False, fontsize=8)
    above.title.set_fontsize(10)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def smooth(values: Sequence[float]) -> tuple[list[int], list[float]]:
    """(steps, mean of the last `SMOOTHED` values) from the first full window on."""
    window = min(SMOOTHED, len(values))
    ends = range(window, len(values) + 1)
    return list(ends), [statistics.mean(values[end - window : end]) for end in ends]


if __name__ == "__main__":
    print(json.dumps(asdict(train(Run(**json.loads(sys.argv[1]))))))
