"""Noise as it was measured: how the difference of two arms spreads over seeds, items, and both together.

A table of such pairs comes with the program (``noise.json``, made by ``benchmarks/noise.py``), and any finished run
folder gives one of its own. A task's numbers are those that `assay.analyze.effects` makes of the item records, kept
apart by task and seed, so that any choice of tasks, seeds and numbers of items can be worked out from them.
"""

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from assay.study.design import Measure
from assay.study.resolve import habit

if TYPE_CHECKING:
    from assay.analyze.effects import Part

SHIPPED = Path(__file__).parent / "noise.json"
LONGER = 4
"""Arms whose tokens differ by more than this factor are not alike."""
SHARED = 0.5
"""Two arms are alike when at least this share of their tokens is of the same ingredients."""
DIGITS = 5


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainedArm(_Frozen):
    """What of an arm its noise depends on."""

    tokens: int
    mix: dict[str, float]
    """Share of all its tokens, by ingredient."""
    ending: str
    """Schedule of its last stage."""
    path: list[tuple[str, int]]
    """Its stages: what must be equal for two stages to be trained once, and tokens."""

    def shared(self, other: "TrainedArm") -> float:
        """Share of the shorter arm's tokens that both begin with, trained once."""
        together = 0
        for (law, tokens), (other_law, other_tokens) in zip(self.path, other.path, strict=False):
            if law != other_law:
                break
            together += min(tokens, other_tokens)
            if tokens != other_tokens:
                break
        return together / min(self.tokens, other.tokens)


class MeasuredTask(_Frozen):
    """A task as it was asked."""

    version: int
    limit: int
    """Items asked for; where there were fewer, no more exist."""


class Spread(_Frozen):
    """One task's difference between two arms; see `assay.analyze.effects.Part`."""

    by_seed: list[float]
    items: float
    interaction: float
    n_items: int
    n_clusters: int


class MeasuredPair(_Frozen):
    """Two arms that were trained with the same seeds."""

    a: str
    b: str
    spreads: dict[Measure, dict[str, Spread]]
    """By measure and task."""


class Noise(_Frozen):
    """Everything measured at one size."""

    corpus: str
    tokenizer: str
    size: str
    seeds: int
    """Fewest that any pair has."""
    arms: dict[str, TrainedArm]
    tasks: dict[str, MeasuredTask]
    pairs: list[MeasuredPair]
    numerics: list[str]
    """Of the item records that it was made of."""
    date: str | None = None
    """Day on which it was made, of a table that is kept."""

    def like(self, a: str, b: str, arms: Mapping[str, TrainedArm]) -> MeasuredPair | None:
        """The measured pair most like the arms ``a`` and ``b`` of a plan; None where none is like them."""
        both_ways = [way for pair in self.pairs for way in ((pair.a, pair.b), (pair.b, pair.a))]
        chosen = nearest(self.arms, both_ways, (a, b), arms)
        return next((pair for pair in self.pairs if chosen in {(pair.a, pair.b), (pair.b, pair.a)}), None)


def nearest(
    measured: Mapping[str, TrainedArm],
    pairs: Iterable[tuple[str, str]],
    wanted: tuple[str, str],
    planned: Mapping[str, TrainedArm],
) -> tuple[str, str] | None:
    """The pair of measured arms most like two planned ones: first in how much the two share, in steps of a half, as
    what is trained once does not differ; then in their mixes, ending, length and name.

    Args:
        measured: Arms by name.
        pairs: Which of them may be taken together.
        wanted: Names of two planned arms.
        planned: The plan's arms by name.

    Returns:
        None where no pair is alike within `LONGER` and `SHARED`, or one of the two is not trained.
    """
    if not planned.keys() >= set(wanted):
        return None
    best: tuple[tuple[float, ...], tuple[str, str]] | None = None
    shared = planned[wanted[0]].shared(planned[wanted[1]])
    for pair in pairs:
        apart = [_apart(name, planned[name], other, measured[other]) for name, other in zip(wanted, pair, strict=True)]
        if all(mix <= 1 - SHARED and length <= math.log(LONGER) for mix, _, length, _ in apart):
            unlike = round(2 * abs(shared - measured[pair[0]].shared(measured[pair[1]])))
            distance = (unlike, *(round(sum(terms), 9) for terms in zip(*apart, strict=True)))
            if best is None or distance < best[0]:
                best = distance, pair
    return best[1] if best else None


def _apart(name: str, arm: TrainedArm, other_name: str, other: TrainedArm) -> tuple[float, float, float, float]:
    """How far two arms are apart: share of unlike tokens, ending, log of the ratio of lengths, name."""
    names = {*arm.mix, *other.mix}
    mix = sum(abs(arm.mix.get(one, 0) - other.mix.get(one, 0)) for one in names) / 2
    length = abs(math.log(arm.tokens / other.tokens))
    return round(mix, DIGITS - 1), float(arm.ending != other.ending), length, float(name != other_name)


def trained_arms(record: Mapping[str, Any]) -> dict[str, TrainedArm]:
    """The arms of a plan's record (``plan.json``) that are trained, by name."""
    arms = {}
    for arm in (arm for arm in record["arms"] if arm["stages"]):
        tokens = sum(stage["tokens"] for stage in arm["stages"])
        taken: dict[str, float] = {}
        for stage in arm["stages"]:
            for name, share in stage["mix"].items():
                taken[name] = taken.get(name, 0) + share * stage["tokens"]
        mix = {name: round(amount / tokens, DIGITS) for name, amount in taken.items()}
        path = [(_law(stage), stage["tokens"]) for stage in arm["stages"]]
        arms[arm["arm"]] = TrainedArm(tokens=tokens, mix=mix, ending=arm["stages"][-1]["schedule"], path=path)
    return arms


def _law(stage: Mapping[str, Any]) -> str:
    mix = ", ".join(f"{share:g} {name}" for name, share in sorted(stage["mix"].items()))
    length = "" if stage["schedule"] == "constant" else f" over {stage['tokens']}"
    usual = habit(stage["schedule"])
    join = stage.get("join", usual)
    unusual = ("" if join == usual else f", {join}") + (", counter reset" if stage.get("counter") == "reset" else "")
    return f"{mix}, {stage['schedule']}{length}, moments {stage['moments']}{unusual}"


def read_shipped() -> list[Noise]:
    """The noise that comes with the program, an entry a size."""
    return [Noise.model_validate(entry) for entry in json.loads(SHIPPED.read_text(encoding="utf-8"))]


def measure(
    folder: Path,
    corpus: str,
    tokenizer: str,
    wanted: Sequence[tuple[str, str]] | None = None,
    planned: Mapping[str, TrainedArm] | None = None,
) -> list[Noise]:
    """Measure the noise of a finished run, an entry for each of its sizes that has two seeds or more.

    Args:
        folder: The run folder.
        corpus: What it was run on; the folder does not say.
        tokenizer: Likewise.
        wanted: Pairs of planned arms that the noise is wanted for; only the pairs most like these are measured. None:
            every pair.
        planned: The arms that ``wanted`` names.

    Raises:
        InputError: The folder is no run folder or has no item records.
    """
    from assay.analyze.estimator import Estimator
    from assay.analyze.records import read_records
    from assay.analyze.results import load_design, load_items

    design = load_design(folder)
    arms = trained_arms(json.loads((folder / "plan.json").read_text(encoding="utf-8")))
    pairs = list(itertools.combinations(arms, 2))
    if wanted is not None and planned is not None:
        every = list(itertools.permutations(arms, 2))
        found = (nearest(arms, every, pair, planned) for pair in wanted)
        pairs = list(dict.fromkeys(pair for pair in found if pair))
    records = read_records(design, load_items(folder))
    estimator = Estimator(design, records)
    suites: dict[Measure, set[str]] = {}
    for metric in design.metrics:
        suites.setdefault(metric.measure, set()).update(metric.tasks)
    measured = []
    for size in design.sizes:
        at_size = []
        for pair in pairs:
            spreads: dict[Measure, dict[str, Spread]] = {}
            for name, suite in suites.items():
                tasks = [task.id for task in design.tasks if task.id in suite]
                parts = estimator.parts(size, pair, (1.0, -1.0), tasks, name)
                if parts and len(parts[0].by_seed) > 1:
                    spreads[name] = dict(zip(tasks, map(_spread, parts), strict=True))
            if spreads:
                at_size.append(MeasuredPair(a=pair[0], b=pair[1], spreads=spreads))
        counts = [
            len(spread.by_seed) for pair in at_size for tasks in pair.spreads.values() for spread in tasks.values()
        ]
        if counts:
            labels = {one for key, names in records.numerics.items() if key[0] == size for one in names}
            measured.append(
                Noise(
                    corpus=corpus,
                    tokenizer=tokenizer,
                    size=size,
                    seeds=min(counts),
                    arms=arms,
                    tasks={task.id: MeasuredTask(version=task.version, limit=task.n_items) for task in design.tasks},
                    pairs=at_size,
                    numerics=sorted(labels),
                )
            )
    return measured


def _spread(part: "Part") -> Spread:
    return Spread(
        by_seed=[_short(float(value)) for value in part.by_seed],
        items=_short(part.items),
        interaction=_short(part.interaction),
        n_items=part.n_items,
        n_clusters=part.n_clusters,
    )


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
