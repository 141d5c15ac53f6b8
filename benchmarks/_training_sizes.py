"""Tokens a second and memory from 1M to 150M beside the ceiling, and memory beside HF's `Trainer`; the picture.

Memory is the kernel's high-water mark of a training process with two threads after `WARM_STEPS` steps, interpreter,
compiler and optimizer included, with the allocator's settings that all are measured with. The curve of tokens is of
two processes side by side where that is faster.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from _training_ours import products_flop, token_flop
from _training_pace import Job
from _training_race import Program, race, say
from assay.model.sizes import SIZES

EVERY = ("1M", "5M", "15M", "30M", "60M", "150M")
TOKENS = {"1M": 8192, "5M": 4096, "15M": 4096, "30M": 2048, "60M": 2048, "150M": 2048}
"""Of a step."""
Jobs = Callable[[str, str, bool], Job]
"""(program, size, compiled) → the job at sequence 512."""


def curve(job: Jobs, sizes: Sequence[str], seconds: float) -> dict[str, dict[str, float]]:
    """``tokens_per_s``, ``ceiling`` (tokens a second if there were nothing but products), ``gb``; by size."""
    found = {}
    for size in sizes:
        with Program(job("ours", size, True), "") as ours, Program(job("ceiling", size, False), "") as ceiling:
            turns = race(ours, ceiling, 2, seconds)
            one = ours.job
            rate = turns.rate(1, turns.best(0)) * products_flop(one) / (one.rows * one.sequence)
            found[size] = {
                "tokens_per_s": turns.rate(0, turns.best(0)),
                "ceiling": rate / token_flop(one),
                "gb": ours.peak_gb("two_threads"),
            }
        say(f"{size}: {found[size]}")
    return found


def memory(job: Jobs, sizes: Sequence[str], python: str) -> dict[str, dict[str, float]]:
    """Gigabytes of ``ours``, ``hf`` and ``hf_compiled``, by size."""
    found: dict[str, dict[str, float]] = {}
    for size in sizes:
        found[size] = {}
        for name, program, compiled in (("ours", "ours", True), ("hf", "hf", False), ("hf_compiled", "hf", True)):
            with Program(job(program, size, compiled), python, ["two_threads"]) as one:
                found[size][name] = one.peak_gb("two_threads")
        say(f"{size}: {found[size]}")
    return found


def draw(found: Mapping[str, Mapping[str, float]], file: Path) -> None:
    """Rate and memory against parameters beside the embedding."""
    from matplotlib.figure import Figure

    parameters = [SIZES[size].body_parameters / 1e6 for size in found]
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    rate, memory = figure.subplots(1, 2)
    rate.plot(parameters, [one["ceiling"] for one in found.values()], "--", color="#999999", label="products alone")
    rate.plot(parameters, [one["tokens_per_s"] for one in found.values()], "o-", color="#3a6ea5", label="training")
    rate.set(xscale="log", yscale="log", ylabel="tokens a second, two cores", title="Speed")
    rate.legend(frameon=False, fontsize=8)
    memory.plot(parameters, [one["gb"] for one in found.values()], "o-", color="#3a6ea5")
    memory.set(xscale="log", ylabel="GB resident, one process", title="Memory", ylim=(0, None))
    for axes in (rate, memory):
        axes.set_xticks(parameters, list(found), fontsize=8)
        axes.minorticks_off()
        axes.set_xlabel("size")
        axes.title.set_fontsize(10)
        axes.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
