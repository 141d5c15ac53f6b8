"""The trees of segments of a whole study, one a size, and the tokens they stand for.

Sizes that train the same arms share one tree. *Declared* is every distinct arm trained alone, from its first step to
its last, every draw of its last stage by itself; *trained* is every segment once. Two arms with the same path are one
arm here: a study gains nothing by naming a recipe twice.
"""

from collections.abc import Mapping

from assay.study.paths import Segment, path_of, segments_below, share_prefixes
from assay.study.resolve import Arm, Study

Trees = Mapping[str, tuple[Segment, ...]]
"""Roots by size."""


def grow_trees(study: Study) -> dict[str, tuple[Segment, ...]]:
    """The segment trees of a study, by size, each for one seed."""
    at = study.spec.evaluate.at
    grown: dict[tuple[Arm, ...], tuple[Segment, ...]] = {}
    trees = {}
    for size in study.spec.sizes:
        arms = study.runs_at(size)
        if arms not in grown:
            grown[arms] = tuple(
                share_prefixes(arms, study.spec.train.rows_per_step, at if isinstance(at, int) else None)
            )
        trees[size] = grown[arms]
    return trees


def count_tokens(study: Study, trees: Trees) -> dict[str, dict[str, int]]:
    """``declared`` and ``trained`` tokens of each size, over its seeds."""
    rows = study.spec.train.rows_per_step
    per_step = study.tokens_per_step * len(study.seeds)
    counts = {}
    for size, roots in trees.items():
        distinct = {path_of(arm, rows): arm.steps for arm in study.runs_at(size)}
        trained = sum(segment.steps for segment in segments_below(roots))
        counts[size] = {"declared": sum(distinct.values()) * per_step, "trained": trained * per_step}
    return counts


def total_tokens(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """``declared`` and ``trained`` over all sizes."""
    return {name: sum(count[name] for count in counts.values()) for name in ("declared", "trained")}
