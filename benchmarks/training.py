"""The training plane beside its peers: speed, memory, start, cost against size, quality, export.

    python benchmarks/training.py [--trial] [PART …]

``speed`` (or ``speed-5M`` for one size) against HF's Trainer, litgpt, OLMo-core and a loop in the style of nanoGPT, as
they are and compiled (`_training_peers`), by turns on two cores (`_training_race`), with the ceiling of bf16 products
(`_training_ours`); ``memory`` against HF's Trainer; ``start`` of a worker to its first step; ``sizes`` from 1M to 150M;
``quality`` beside a plain float32 loop; ``export`` against transformers. Without a part: all. Each part replaces its
own figures in the record, each size of ``speed`` is a part. ``ASSAY_PEERS_PYTHON`` names an interpreter that has the
peers; else a virtual environment is made for the run. ``--trial`` is short, compiles everything, and is not recorded.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import _training_reference
import _training_sizes
import _training_start
from _record import parts_parser, update
from _training_ours import products_flop, token_flop
from _training_pace import Job
from _training_race import HERE, LAYOUTS, PEERS, Program, Race, peers_python, race, say, versions
from _training_text import VOCABULARY, write_tokens
from assay.model.sizes import SIZES

PICTURES = HERE.parent / "docs" / "pictures"
RACED = {"1M": (512, 1024), "5M": (512, 1024), "15M": (512, 1024), "30M": (512,)}
"""Sequences at which a size is raced."""
EAGER = ("hf", "olmo")
"""Peers whose users run them as they are; who follows litgpt's and nanoGPT's own commands compiles."""
LARGEST = [("hf", False), ("hf", True), ("nano", True)]
"""What is raced at 30M, where a start and a compile take a minute: the two that came closest at the sizes below."""
FINALISTS = 1
"""Compiled peers that are raced at the longer sequence too: the fastest at the shorter."""
CLOSE = 1.1
"""A compiled peer has more than its first turns unless another did so much better against us before."""
SECONDS, ROUNDS = 2.5, 2
"""Of a turn, and turns of a compiled peer in its better layout: five seconds."""
QUALITY_STEPS, SEEDS = 300, 3
Figures = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Options:
    """Of the command line, and what the parts share."""

    peers: Callable[[], str]
    """The other interpreter."""
    tokens: Callable[[], Path]
    """Real tokens."""
    trial: bool

    @property
    def seconds(self) -> float:
        """Of a turn."""
        return 0.1 if self.trial else SECONDS

    def job(self, program: str, size: str, compiled: bool) -> Job:
        """A program at a size, at sequence 512."""
        shape, sequence = SIZES[size], 512
        return Job(
            program=program,
            compiled=compiled,
            width=shape.width,
            layers=shape.layers,
            feed_forward=shape.feed_forward,
            vocabulary=VOCABULARY,
            sequence=sequence,
            rows=_training_sizes.TOKENS[size] // sequence,
            threads=1,
            cpu=-1,
            tokens=str(self.tokens()),
        )


def speed(size: str, options: Options) -> Figures:
    """Ratios against every peer at a size, and the fraction of the ceiling."""
    figures: Figures = {}
    peers = [(peer, compiled) for peer in PEERS for compiled in (False, True) if compiled or peer in EAGER]
    if size == "30M":
        peers = LARGEST
    races: dict[int, dict[tuple[str, bool], Race]] = {}
    fractions = []
    for sequence in RACED[size]:
        at = f"cpu_{size.lower()}_s{sequence}"
        if races:
            order = sorted((pair for pair in peers if pair[1]), key=lambda pair: races[512][pair].ratio)
            peers = order[:FINALISTS]
        races[sequence], ceiling = _races(size, sequence, peers, options)
        tokens = ceiling.jobs[0].rows * sequence
        layout = ceiling.best(0)
        rate, flops = ceiling.rate(0, layout), ceiling.rate(1, layout) / tokens * products_flop(ceiling.jobs[1])
        fractions.append(rate * token_flop(ceiling.jobs[0]) / flops)
        figures[f"{at}_tokens_per_s"] = rate
        figures[f"{at}_layout"] = layout
        figures[f"{at}_ceiling_gflops"] = flops / 1e9
        figures[f"{at}_fraction_of_ceiling"] = fractions[-1]
        figures[f"{at}_fraction_of_ceiling_two_threads"] = (
            ceiling.ratio_in("two_threads") * tokens * token_flop(ceiling.jobs[0]) / products_flop(ceiling.jobs[1])
        )
        for (peer, compiled), turns in races[sequence].items():
            name = f"{peer}_compiled" if compiled else peer
            figures[f"{at}_vs_{name}"] = turns.ratio
            figures[f"{at}_two_threads_vs_{name}"] = turns.ratio_in("two_threads")
            figures[f"{at}_{name}_tokens_per_s"] = turns.rate(1, turns.best(1))
            figures[f"{at}_{name}_layout"] = turns.best(1)
    ratios = {
        (turns.ratio, f"{peer}{' compiled' if compiled else ''}, sequence {sequence}")
        for sequence, found in races.items()
        for (peer, compiled), turns in found.items()
    }
    at = f"cpu_{size.lower()}"
    least, best = min(ratios)
    two = min(turns.ratio_in("two_threads") for found in races.values() for turns in found.values())
    head: Figures = {f"{at}_vs_best_peer": least, f"{at}_best_peer": best, f"{at}_two_threads_vs_best_peer": two}
    head[f"{at}_fraction_of_ceiling"] = min(fractions)
    return {**head, **figures}


def _races(
    size: str, sequence: int, peers: list[tuple[str, bool]], options: Options
) -> tuple[dict[tuple[str, bool], Race], Race]:
    """Our races against peers, and against the ceiling."""

    def job(program: str, compiled: bool) -> Job:
        one = options.job(program, size, compiled)
        return replace(one, sequence=sequence, rows=one.rows * one.sequence // sequence)

    python = options.peers()
    found: dict[tuple[str, bool], Race] = {}
    with Program(job("ours", True), python) as ours:
        with Program(job("ceiling", False), python) as other:
            ceiling = race(ours, other, 2, options.seconds)
        for peer, compiled in peers:
            with Program(job(peer, compiled), python) as other:
                close = CLOSE * min((turns.ratio for turns in found.values()), default=math.inf)
                turns = race(ours, other, ROUNDS if compiled else 1, options.seconds, close)
            found[peer, compiled] = turns
            rates = {f"{who} {layout}": round(turns.rate(who, layout)) for who in (0, 1) for layout in LAYOUTS}
            say(f"{size}, {sequence}: {turns.ratio:.2f} x {peer}{' compiled' if compiled else ''} {rates}")
    return found, ceiling


def memory(options: Options) -> Figures:
    """Gigabytes of a training process, ours and HF's."""
    found = _training_sizes.memory(options.job, tuple(RACED), options.peers())
    figures: Figures = {"peak_memory_vs_hf": found["5M"]["ours"] / found["5M"]["hf"]}
    for size, gb in found.items():
        figures[f"peak_memory_vs_hf_{size.lower()}"] = gb["ours"] / gb["hf"]
        figures[f"peak_memory_vs_hf_compiled_{size.lower()}"] = gb["ours"] / gb["hf_compiled"]
        figures |= {f"{who}_peak_gb_{size.lower()}": value for who, value in gb.items()}
    return figures


def start(options: Options) -> Figures:
    """Seconds to the end of the first step."""
    return dict(_training_start.measure(1 if options.trial else _training_start.REPEATS))


def sizes(options: Options) -> Figures:
    """Cost against size, and its picture."""
    found = _training_sizes.curve(options.job, _training_sizes.EVERY, options.seconds)
    _training_sizes.draw(found, _picture("training-sizes.png", options))
    return {
        f"{what}_{size.lower()}": value
        for size, one in found.items()
        for what, value in {
            "sizes_tokens_per_s": one["tokens_per_s"],
            "sizes_fraction_of_ceiling": one["tokens_per_s"] / one["ceiling"],
            "sizes_peak_gb": one["gb"],
        }.items()
    }


def quality(options: Options) -> Figures:
    """Loss after equal tokens beside the plain float32 loop, and the curves."""
    found, curves = _training_reference.compare(options.tokens(), 25 if options.trial else QUALITY_STEPS, SEEDS)
    _training_reference.draw(curves, _picture("reference-loss.png", options))
    return dict(found)


def export(options: Options) -> Figures:
    """Largest difference of a logit in transformers."""
    command = [sys.executable, str(HERE / "_training_export.py"), str(options.tokens()), *RACED]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    found = json.loads(answer.splitlines()[-1])
    by_size = {f"export_logit_difference_{size.lower()}": value for size, value in found.items()}
    return {"export_logit_difference": max(found.values()), **by_size}


def _picture(name: str, options: Options) -> Path:
    return (Path(tempfile.gettempdir()) if options.trial else PICTURES) / name


PARTS: dict[str, Callable[[Options], Figures]] = {
    **{f"speed-{size}": partial(speed, size) for size in RACED},
    "memory": memory,
    "start": start,
    "sizes": sizes,
    "quality": quality,
    "export": export,
}


def main() -> None:
    """Run the parts that are asked for, and record each."""
    parser = parts_parser(__doc__, ["speed", *PARTS])
    parser.add_argument("--trial", action="store_true", help="short turns; compiles everything, records nothing")
    given = parser.parse_args()
    parts = [one for part in given.parts for one in PARTS if part in {one, one.partition("-")[0]}] or list(PARTS)
    with ExitStack() as stack:
        made: dict[str, str] = {}

        def peers() -> str:
            if "python" not in made:
                made["python"] = stack.enter_context(peers_python(os.environ.get("ASSAY_PEERS_PYTHON")))
                made["versions"] = ", ".join(f"{name} {version}" for name, version in versions(made["python"]).items())
                say(made["versions"])
            return made["python"]

        def tokens() -> Path:
            if "tokens" not in made:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-training-"))
                made["tokens"] = str(write_tokens(Path(folder) / "tokens.npy"))
            return Path(made["tokens"])

        options = Options(peers, tokens, given.trial)
        for part in parts:
            figures = PARTS[part](options)
            if "versions" in made and part.startswith("speed"):
                figures["peers"] = made["versions"]
            update("training", part, figures, trial=given.trial)


if __name__ == "__main__":
    main()
