"""Estimates over one set of item records: any weighted sum of arms, on any tasks and measure, at any size.

What a task gives to an estimate is made once and kept, because the same arms and tasks stand in many metrics,
averages and figures. Arms are taken together in the seeds that they share and on the items that they all answered;
where they share fewer than two seeds, by Welch's way. Nothing is decided here.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from assay.analyze.effects import Estimate, Part, Prior, Sample, combine, task_part
from assay.analyze.records import VALUE_OF, Floats, Records
from assay.analyze.unpaired import UnpairedSample, combine_unpaired
from assay.study.design import Design, Measure, Metric


class Steady(Protocol):
    """Where the variance over seeds may be steadied by what was measured before; see `assay.analyze.steady`."""

    def prior(self, size: str, weights: Sequence[float], tasks: Sequence[str], measure: Measure) -> Prior | None:
        """What is known of a contrast's variance; None where nothing is."""

    def told(self, sizes: Sequence[str], metrics: Sequence[Metric]) -> dict[str, Any]:
        """JSON-able: what was steadied and by what."""


class Estimator:
    """Estimates over one set of records; holds the per-task parts already made."""

    def __init__(self, design: Design, records: Records, steady: Steady | None = None) -> None:
        self.design = design
        self.records = records
        self.steady = steady
        self._arms = {arm: index for index, arm in enumerate(design.arms)}
        self._parts: dict[tuple[object, ...], Part] = {}

    def estimate(
        self, size: str, arms: Sequence[str], weights: Sequence[float], tasks: Sequence[str], measure: Measure
    ) -> Estimate | None:
        """Σ_arm weight · value over the seeds that all these arms and tasks have; None where there is none.

        Where all arms have records but fewer than two seeds in common, their own seeds are taken, unpaired.
        """
        parts = self.parts(size, arms, weights, tasks, measure)
        if len(arms) > 1 and (not parts or len(parts[0].by_seed) < 2):
            unpaired = self._unpaired(size, arms, weights, tasks, measure)
            if unpaired is not None and (unpaired.se is not None or not parts):
                return unpaired
        if not parts:
            return None
        prior = self.steady.prior(size, weights, tasks, measure) if self.steady and len(arms) > 1 else None
        return combine(parts, prior)

    def parts(
        self, size: str, arms: Sequence[str], weights: Sequence[float], tasks: Sequence[str], measure: Measure
    ) -> list[Part]:
        """What each task gives to that estimate; empty where no seed has all these arms and tasks.

        Within a task only the items that every arm answered in every such seed count.
        """
        arrays = [self._values(size, arms, task, VALUE_OF[measure]) for task in tasks]
        seeds = self._seeds(arrays)
        if not len(seeds):
            return []
        parts = []
        for task, values in zip(tasks, arrays, strict=True):
            key = (size, tuple(arms), tuple(weights), task, measure, tuple(seeds))
            if key not in self._parts:
                assert values is not None
                sample = self._sample(size, task, values[:, seeds], weights, measure)
                if sample is None:
                    return []
                self._parts[key] = task_part(sample)
            parts.append(self._parts[key])
        return parts

    def by_seed(self, size: str, arm: str, tasks: Sequence[str], measure: Measure) -> dict[int, float]:
        """One arm's value in each seed that has all these tasks."""
        parts = self.parts(size, (arm,), (1.0,), tasks, measure)
        if not parts:
            return {}
        values = np.mean([part.by_seed for part in parts], axis=0)
        return dict(zip(self.seeds(size, (arm,), tasks, measure), values.tolist(), strict=True))

    def seeds(self, size: str, arms: Sequence[str], tasks: Sequence[str], measure: Measure) -> list[int]:
        """The seeds in which all these arms answered something of each of the tasks."""
        arrays = [self._values(size, arms, task, VALUE_OF[measure]) for task in tasks]
        return [self.design.seeds[place] for place in self._seeds(arrays)]

    def one_checkpoint(self, size: str, arms: Sequence[str], tasks: Sequence[str]) -> bool:
        """Whether the arms are one checkpoint: by name, or by the very same bits of every gold answer."""
        arrays = [self._values(size, arms, task, VALUE_OF["bits_per_byte"]) for task in tasks]
        seeds = self._seeds(arrays)
        if not len(seeds):
            return False
        if self.records.one_checkpoint(size, arms, [self.design.seeds[index] for index in seeds]):
            return True
        chosen = [values[:, seeds] for values in arrays if values is not None]
        return all(bool((values == values[0])[:, np.isfinite(values[0])].all()) for values in chosen)

    def _unpaired(
        self, size: str, arms: Sequence[str], weights: Sequence[float], tasks: Sequence[str], measure: Measure
    ) -> Estimate | None:
        """The same over each arm's own seeds; None where an arm has none, or no item is common to them all."""
        arrays = [self._values(size, arms, task, VALUE_OF[measure]) for task in tasks]
        seeds = [self._seeds([None if one is None else one[[place]] for one in arrays]) for place in range(len(arms))]
        if not all(seeds):
            return None
        samples = []
        for task, values in zip(tasks, arrays, strict=True):
            assert values is not None
            own = [values[place, there] for place, there in enumerate(seeds)]
            items = np.all([np.isfinite(one).all(axis=0) for one in own], axis=0)
            if not items.any():
                return None
            block = self.records.blocks[size, task]
            samples.append(
                UnpairedSample(
                    values=[weight * one[:, items] for weight, one in zip(weights, own, strict=True)],
                    clusters=block.clusters[items],
                    bytes=block.bytes[items] if measure == "bits_per_byte" else None,
                )
            )
        return combine_unpaired(samples)

    def _values(self, size: str, arms: Sequence[str], task: str, column: str) -> Floats | None:
        block = self.records.blocks.get((size, task))
        return None if block is None else block.values[column][[self._arms[arm] for arm in arms]]

    @staticmethod
    def _seeds(arrays: Sequence[Floats | None]) -> list[int]:
        """Positions of the seeds in which every arm answered something of every task."""
        there = []
        for values in arrays:
            if values is None:
                return []
            there.append(np.isfinite(values).any(axis=2).all(axis=0))
        return [int(index) for index in np.flatnonzero(np.all(there, axis=0))]

    def _sample(
        self, size: str, task: str, values: Floats, weights: Sequence[float], measure: Measure
    ) -> Sample | None:
        block = self.records.blocks[size, task]
        items = np.isfinite(values).all(axis=(0, 1))
        if not items.any():
            return None
        combined = np.tensordot(np.asarray(weights, dtype=np.float64), values[:, :, items], axes=1)
        answer_bytes = block.bytes[items] if measure == "bits_per_byte" else None
        return Sample(values=combined, clusters=block.clusters[items], bytes=answer_bytes)
