"""What a plan costs to train: FLOPs, chip-hours and price on named accelerators, time on this machine.

FLOPs per token are 6·(body + vocabulary·width) for the matrices, forward and backward, and 6·layers·sequence·width for
attention, of which a causal mask leaves half: 12·layers·sequence·width halved (Kaplan et al. 2020, arXiv 2001.08361,
§2.1; Chowdhery et al. 2022, arXiv 2204.02311, appendix B). Evaluation, and win rates judged here, are in the machine's
time where it was calibrated, and nowhere else; data preparation is in neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.model.sizes import SIZES, ImportedSize, Size
from assay.study.accelerators import HERE, load_accelerators, price_of, prices_as_of
from assay.study.paths import path_of
from assay.study.plan import Plan
from assay.study.trees import count_tokens

GENERATION_SHARE = 0.25
"""FLOPs a second of generating over those of training: a token at a time reuses little of what is read of memory."""
ANSWER_TOKENS = 300
"""That a judge reads of an answer, behind its prompt and alone, or of both in a verdict; roughly."""
EXAM_ANSWERS = 6
"""Answers of an exam to each prompt: a good one, and each kind of worse one."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What this machine was measured to do."""

    tokens_per_second: Mapping[str, float]
    """Training, by size, of all workers together."""
    scoring_seconds: Mapping[str, float]
    """By size: the evaluation suite on one checkpoint, with all workers."""
    machine: str
    """What it is, in words."""
    vocabulary: int
    """That it was measured with."""
    sequence: int
    """Likewise, in tokens."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a machine trains a size."""

    tokens_per_second: float
    extrapolated: bool
    """True: not measured with this size, vocabulary and sequence, but worked out by FLOPs."""


def flops_per_token(size: str, vocabulary: int, sequence: int, sizes: Mapping[str, Size | ImportedSize] = SIZES) -> int:
    """FLOPs of training on one token, forward and backward."""
    shape = sizes[size]
    matrices = 6 * (shape.body_parameters + vocabulary * shape.width)
    return matrices + 6 * shape.layers * sequence * shape.width


def machine_rate(
    size: str,
    calibration: Calibration,
    vocabulary: int,
    sequence: int,
    sizes: Mapping[str, Size | ImportedSize] = SIZES,
) -> Rate | None:
    """Tokens per second of a machine at a size; None where nothing was measured.

    A size that was not measured is extrapolated from the largest that was, as if FLOPs per second were the same. Small
    models reach a smaller share of the peak, so this is too slow for larger sizes and too fast for smaller ones.
    """
    measured = calibration.tokens_per_second
    if not measured:
        return None
    nearest = size if size in measured else _largest(measured, sizes)
    asked, known = (size, vocabulary, sequence), (nearest, calibration.vocabulary, calibration.sequence)
    work = flops_per_token(*asked, sizes) / flops_per_token(*known, sizes)
    return Rate(measured[nearest] / work, asked != known)


def plan_cost(plan: Plan, calibration: Calibration | None = None, prices: Sequence[str] = ()) -> dict[str, Any]:
    """FLOPs, accelerators and this machine, over all sizes and seeds.

    Args:
        plan: What to price.
        calibration: This machine's rates; None: not measured.
        prices: ``NAME=DOLLARS`` an hour and chip, in place of the shipped assumptions; ``here=DOLLARS`` is this
            machine's hour.

    Returns:
        JSON-able: ``flops_per_token`` and ``flops`` by size, ``accelerators`` as rows with ``chip_hours``, ``dollars``
        and ``mfu`` by size, ``machine`` or None.

    Raises:
        InputError: A price of no known accelerator.
    """
    vocabulary, sequence = plan.vocabulary, plan.study.spec.train.sequence
    sizes = plan.study.known_sizes
    each = {size: flops_per_token(size, vocabulary, sequence, sizes) for size in plan.study.spec.sizes}
    trained = {size: count["trained"] for size, count in count_tokens(plan.study, plan.trees).items()}
    flops = {size: each[size] * trained[size] for size in each}
    rows = []
    here = dict(price_of(written) for written in prices).get(HERE)
    for chip in load_accelerators(written for written in prices if price_of(written)[0] != HERE):
        body = {size: sizes[size].body_parameters for size in each}
        hours = sum(chip.chip_hours(flops[size], body[size]) for size in each)
        rows.append(
            {
                "name": chip.name,
                "title": chip.title,
                "peak_tflops": chip.peak / 1e12,
                "mfu": {size: round(chip.mfu(body[size]), 3) for size in each},
                "mfu_source": chip.source,
                "chip_hours": hours,
                "dollars_per_chip_hour": chip.price,
                "dollars": hours * chip.price,
            }
        )
    machine = None if calibration is None else _machine(plan, calibration, trained, vocabulary, sequence)
    if machine is not None:
        machine["dollars_per_hour"] = here
        machine["dollars"] = None if here is None else machine["seconds"] / 3600 * here
    return {
        "flops_per_token": each,
        "flops": {**flops, "total": sum(flops.values())},
        "accelerators": rows,
        "prices_as_of": prices_as_of(),
        "machine": machine,
        "left_out": "evaluation, data preparation and failures are in no accelerator's hours",
    }


def _machine(
    plan: Plan, calibration: Calibration, trained: Mapping[str, int], vocabulary: int, sequence: int
) -> dict[str, Any] | None:
    """Seconds of training and scoring on a calibrated machine; None where nothing was measured."""
    training = scoring = judging = 0.0
    rates = {}
    scored, sizes = calibration.scoring_seconds, plan.study.known_sizes
    for size, tokens in trained.items():
        rate = machine_rate(size, calibration, vocabulary, sequence, sizes)
        if rate is None:
            return None
        rates[size] = {"tokens_per_second": rate.tokens_per_second, "extrapolated": rate.extrapolated}
        training += tokens / rate.tokens_per_second
        flops = rate.tokens_per_second * flops_per_token(size, vocabulary, sequence, sizes)
        judging += _judging_flops(plan, size) / flops
        if scored:
            nearest = size if size in scored else _largest(scored, sizes)
            asked, known = (flops_per_token(one, vocabulary, sequence, sizes) for one in (size, nearest))
            work = asked / known
            scoring += _checkpoints(plan, size) * scored[nearest] * work
    return {
        "machine": calibration.machine,
        "rates": rates,
        "training_seconds": training,
        "scoring_seconds": scoring if scored else None,
        **({"judging_seconds": judging} if plan.judging else {}),
        "seconds": training + scoring + judging,
    }


def _judging_flops(plan: Plan, size: str) -> float:
    """Of a size's answers and of what the judges on this machine read of them, in FLOPs at the pace of training.

    Answers are taken at their longest; every parameter costs two FLOPs a token forward. Exams go to the first size.
    """
    if plan.judging is None:
        return 0.0
    from assay.judge.wanted import LocalWanted
    from assay.study.judging import judged_arms, judged_pairs

    study, judging = plan.study, plan.judging
    rounds = len(study.seeds) * len(judging.prompts.prompts)
    answers = rounds * sum(at == size for at, _ in judged_arms(study, judging))
    flops = 2 * sum(plan.design.parameters[size].values()) * answers * judging.spec.tokens / GENERATION_SHARE
    if judging.model is not None:
        local = sum(isinstance(judge, LocalWanted) for judge in judging.judges)
        read = 2 * rounds * sum(at == size for at, _, _ in judged_pairs(study, judging))
        if size == study.spec.sizes[0]:
            read += EXAM_ANSWERS * len(judging.prompts.prompts)
        flops += 2 * judging.model.shape.parameters * local * read * ANSWER_TOKENS
    return flops


def _checkpoints(plan: Plan, size: str) -> int:
    """Checkpoints that are evaluated at a size: the ends of its distinct arms and their draws, over seeds."""
    rows = plan.study.spec.train.rows_per_step
    return len({path_of(arm, rows) for arm in plan.study.runs_at(size)}) * len(plan.study.seeds)


def _largest(measured: Mapping[str, float], sizes: Mapping[str, Size | ImportedSize]) -> str:
    return max(measured, key=lambda size: sizes[size].body_parameters)
