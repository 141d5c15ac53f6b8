"""The study's families of contrasts as linear combinations of arms, and its metrics."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from assay.errors import InputError, nearest
from assay.study.confounds import confounds, in_one_only
from assay.study.design import Contrast, Measure, Metric, Task
from assay.study.resolve import Arm, Study
from assay.study.spec import FamilySpec, TrendSpec

MEASURES: dict[Measure, str] = {
    "bits_per_byte": "bits per byte",
    "accuracy": "accuracy",
    "accuracy_norm": "accuracy, length-normalised",
    "margin": "margin of the right choice",
    "answers": "right answers in words",
}
CATEGORY_TITLES = {
    "knowledge": "World knowledge",
    "reasoning": "Reasoning",
    "code": "Code",
    "further-knowledge": "Further knowledge",
    "further-reasoning": "Further reasoning",
    "further-code": "Further code",
    "language": "Language",
    "mathematics": "Mathematics",
    "probes": "Probes",
}
"""The first three are the study's own averages and hold its own tasks alone."""


def build_contrasts(study: Study, text: Collection[str]) -> tuple[Contrast, ...]:
    """All contrasts of all families, in the order of the file.

    Raises:
        InputError: An arm that is not there, an arm against itself, a pair given twice, a trend without its grid, an
            interaction of fewer than four arms.
    """
    built: list[Contrast] = []
    for family, spec in study.spec.contrasts.items():
        place = ("contrasts", family)
        if spec.trend is not None:
            built.append(_trend(study, family, spec, spec.trend, text))
        pairs = list(spec.pairs) + [(late, early) for early, late in itertools.combinations(spec.among, 2)]
        if not pairs and spec.trend is None and not spec.interactions:
            raise InputError(
                f"family '{family}' has no contrast: give 'pairs', 'among', 'interactions' or 'trend'",
                study.source.where(place),
            )
        for a, b in pairs:
            where = study.source.where(place)
            arms = [_arm(study, name, where) for name in (a, b)]
            if a == b:
                raise InputError(f"'{a}' is contrasted with itself", where)
            found = confounds(arms[0], arms[1], spec.factor, study.tokens_per_step, text)
            sizes = _common_sizes(study, arms, where)
            built.append(
                Contrast(
                    id=f"{a} vs {b}",
                    family=family,
                    kind="pair",
                    factor=spec.factor,
                    arms=(a, b),
                    weights=(1.0, -1.0),
                    a=a,
                    b=b,
                    confounds=found,
                    sizes=sizes,
                )
            )
        built += [_interaction(study, family, spec, first, second, text) for first, second in spec.interactions]
    ids = [contrast.id for contrast in built]
    for identity in ids:
        if ids.count(identity) > 1:
            raise InputError(f"the contrast '{identity}' is asked for twice", study.source.where(["contrasts"]))
    return tuple(built)


def primary_id(study: Study, contrasts: Sequence[Contrast]) -> str | None:
    """Id of the study's declared primary contrast."""
    if study.spec.primary is None:
        return None
    identity = " vs ".join(study.spec.primary)
    known = [contrast.id for contrast in contrasts]
    if identity not in known:
        raise InputError(
            f"the primary contrast '{identity}' is in no family{nearest(identity, known)}",
            study.source.where(["primary"]),
        )
    return identity


def build_metrics(study: Study, tasks: Sequence[Task]) -> tuple[Metric, ...]:
    """Every metric these tasks allow: per category and per task; the declared ones first.

    Raises:
        InputError: A declared metric that the suite cannot give.
    """
    possible: dict[str, Metric] = {}
    for category, title in CATEGORY_TITLES.items():
        members = _first_formats([task for task in tasks if task.category == category])
        if members:
            _add_metrics(study, possible, category, title, category, members)
    for task in tasks:
        _add_metrics(study, possible, task.id, task.title, task.category, [task])
    broad = [*CATEGORY_TITLES, *(task.id for task in tasks if task.category == "held-out")]
    usual = [f"{name}/bits_per_byte" for name in broad if f"{name}/bits_per_byte" in possible]
    chosen = usual if study.spec.metrics is None else study.spec.metrics
    for index, wanted in enumerate(chosen):
        if wanted not in possible:
            where = study.source.where(["metrics", index])
            raise InputError(f"the suite gives no metric '{wanted}'{nearest(wanted, possible)}", where)
    declared = [possible[name].model_copy(update={"declared": True}) for name in chosen]
    return (*declared, *(metric for name, metric in possible.items() if name not in chosen))


def _add_metrics(
    study: Study, into: dict[str, Metric], name: str, title: str, category: str, tasks: Sequence[Task]
) -> None:
    margins = study.spec.margins
    choosing = [task for task in tasks if task.chance is not None]
    members_of = {
        "accuracy": choosing + [task for task in tasks if task.greedy],
        "answers": [task for task in tasks if task.answered],
        "bits_per_byte": [task for task in tasks if not task.labels or len(tasks) == 1],
    }
    for measure, shown in MEASURES.items():
        members = members_of.get(measure, choosing)
        if not members or (measure in {"accuracy_norm", "margin"} and len(tasks) > 1):
            continue
        into[f"{name}/{measure}"] = Metric(
            id=f"{name}/{measure}",
            title=f"{title}, {shown}",
            category=category,
            tasks=tuple(task.id for task in members),
            measure=measure,
            better_is="lower" if measure == "bits_per_byte" else "higher",
            margin=margins.accuracy if measure.startswith(("accuracy", "answers")) else margins.bits_per_byte,
            declared=False,
        )


def _first_formats(tasks: Sequence[Task]) -> list[Task]:
    """Each benchmark once, in the format that the study names first."""
    found: dict[str, Task] = {}
    for task in tasks:
        found.setdefault(task.id.partition("@")[0], task)
    return list(found.values())


def _trend(study: Study, family: str, spec: FamilySpec, trend: TrendSpec, text: Collection[str]) -> Contrast:
    where = study.source.where(("contrasts", family, "trend"))
    members: list[tuple[float, Arm]] = []
    for arm in study.arms:
        grid: Mapping[str, Any] = dict(arm.grid)
        if arm.pattern == trend.arms and trend.over in grid:
            if isinstance(grid[trend.over], str):
                raise InputError(f"a trend needs numbers, and {trend.over}={grid[trend.over]!r} is none", where)
            members.append((float(grid[trend.over]), arm))
    if len({value for value, _ in members}) < 2 or len(members) != len({value for value, _ in members}):
        patterns = sorted({arm.pattern for arm in study.arms if arm.grid})
        known = f"; grids are {', '.join(patterns)}" if patterns else "; this study has no grid"
        raise InputError(
            f"'{trend.arms}' over '{trend.over}' is no grid of at least two different numbers{known}", where
        )
    members.sort(key=lambda pair: pair[0])
    values = [value for value, _ in members]
    mean = sum(values) / len(values)
    spread = sum((value - mean) ** 2 for value in values)
    low, high = members[0][1], members[-1][1]
    return Contrast(
        id=f"trend of {trend.arms} over {trend.over}",
        family=family,
        kind="trend",
        factor=spec.factor,
        arms=tuple(arm.name for _, arm in members),
        weights=tuple((value - mean) / spread for value in values),
        a=high.name,
        b=low.name,
        confounds=confounds(high, low, spec.factor, study.tokens_per_step, text),
        sizes=_common_sizes(study, [arm for _, arm in members], where),
    )


def _interaction(
    study: Study, family: str, spec: FamilySpec, first: tuple[str, str], second: tuple[str, str], text: Collection[str]
) -> Contrast:
    where = study.source.where(("contrasts", family, "interactions"))
    names = (*first, *second)
    arms = [_arm(study, name, where) for name in names]
    if len(set(names)) < len(names):
        raise InputError(
            f"an interaction is of four arms, and {', '.join(names)} are {len(set(names))}: give a pair for three",
            where,
        )
    found = [confounds(a, b, spec.factor, study.tokens_per_step, text) for a, b in (arms[:2], arms[2:])]
    return Contrast(
        id=f"({first[0]} vs {first[1]}) vs ({second[0]} vs {second[1]})",
        family=family,
        kind="interaction",
        factor=spec.factor,
        arms=names,
        weights=(1.0, -1.0, -1.0, 1.0),
        a=f"{first[0]} − {first[1]}",
        b=f"{second[0]} − {second[1]}",
        confounds=in_one_only((first, second), found),
        sizes=_common_sizes(study, arms, where),
    )


def _common_sizes(study: Study, arms: Sequence[Arm], where: str | None) -> tuple[str, ...]:
    """Sizes at which all of these arms are trained."""
    common = tuple(size for size in study.spec.sizes if all(size in arm.sizes for arm in arms))
    if not common:
        names = " and ".join(arm.name for arm in arms)
        raise InputError(f"there is no size at which {names} are all trained, so they cannot be contrasted", where)
    return common


def _arm(study: Study, name: str, where: str | None) -> Arm:
    known = [arm.name for arm in study.arms]
    if name not in known:
        raise InputError(f"'{name}' is no arm of this study{nearest(name, known)}", where)
    return study.arm(name)
