"""From the study as written to arms as lists of exact stages: grids expanded, names looked up, tokens in steps.

Shares become whole millionths, so that which ingredient a row takes is integer arithmetic on every machine.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from assay.errors import InputError, nearest
from assay.model.described import Described
from assay.model.sizes import SIZES, ImportedSize, Size
from assay.study.quantity import parse_tokens
from assay.study.source import Source
from assay.study.spec import INIT, ArmSpec, Mix, StageSpec, StudySpec

MILLION = 1_000_000
NAME = re.compile(r"[\w.+=-]+")
"""Names of arms, which are names of files too."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, ready to train."""

    name: str
    mix: tuple[tuple[str, int], ...]
    """(ingredient, millionths of the tokens), sorted by ingredient; they sum to a million."""
    steps: int
    schedule: str
    moments: str
    join: str | None = None
    """``continue`` or ``restart``; None: the schedule's habit."""
    counter: str = "keep"
    """``reset`` where the warm-up begins anew."""

    @property
    def joined(self) -> str:
        """``continue`` or ``restart``: where its learning rate begins."""
        return self.join or habit(self.schedule)


def habit(schedule: str) -> str:
    """How a schedule joins the stage before unless it is told: a cosine restarts at the peak, all others continue."""
    return "restart" if schedule == "cosine" else "continue"


@dataclass(frozen=True, slots=True)
class Arm:
    """A recipe under test."""

    name: str
    stages: tuple[Stage, ...]
    """Empty: the model that the study starts from, as it is."""
    grid: tuple[tuple[str, float | int | str], ...] = ()
    """The grid values this arm stands for."""
    pattern: str = ""
    """The name as written, with the grid's ``{name}``."""
    sizes: tuple[str, ...] = ()
    """Sizes at which it is trained, in the study's order."""
    draw: int = 0
    """Which draw of its last stage this is: another order of that stage's data."""

    @property
    def steps(self) -> int:
        """Optimizer steps from end to end."""
        return sum(stage.steps for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Study:
    """A study whose every name is resolved."""

    spec: StudySpec
    source: Source
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    model: Described | None = None
    """What every arm starts from; None: fresh weights."""

    @property
    def known_sizes(self) -> Mapping[str, Size | ImportedSize]:
        """Every size there is: those of `assay.model.sizes`, and that of the model that the arms start from."""
        return SIZES if self.model is None else {**SIZES, INIT: ImportedSize(self.model.shape)}

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one batch."""
        return self.spec.train.sequence * self.spec.train.rows_per_step

    def arm(self, name: str) -> Arm:
        """The arm of that name."""
        return next(arm for arm in self.arms if arm.name == name)

    def arms_at(self, size: str) -> tuple[Arm, ...]:
        """The arms that are trained at a size."""
        return tuple(arm for arm in self.arms if size in arm.sizes)

    def draws_of(self, arm: Arm) -> tuple[Arm, ...]:
        """The arm, and behind it the further draws of its last stage (``fork_seeds``); of an arm that leaves no trunk,
        having one stage or none, there are no others."""
        count = self.spec.fork_seeds if len(arm.stages) > 1 else 1
        return (arm, *(replace(arm, name=f"{arm.name}, draw {draw + 1}", draw=draw) for draw in range(1, count)))

    def runs_at(self, size: str) -> tuple[Arm, ...]:
        """All draws of the arms that are trained at a size."""
        return tuple(run for arm in self.arms_at(size) for run in self.draws_of(arm))


def resolve(spec: StudySpec, source: Source, ingredients: Mapping[str, Any], model: Described | None = None) -> Study:
    """Look every name up.

    Args:
        spec: The study as written.
        source: Where everything stood, for messages.
        ingredients: Those of the corpus recipe; only the names count.
        model: That ``init`` names.

    Raises:
        InputError: A name that is not there, shares that do not sum to 1, an arm that forks from itself …
    """
    mixes = {name: _mix(mix, source, ("mixes", name), ingredients) for name, mix in spec.mixes.items()}
    if model is not None:
        _check_start(spec, source, model)
    for place, size in enumerate(spec.sizes):
        if model is None and size not in SIZES:
            raise InputError(f"unknown size '{size}'{nearest(size, SIZES)}", source.where(["sizes", place]))
    train = spec.train
    if train.micro_rows is not None and train.rows_per_step % train.micro_rows:
        fitting = [count for count in range(1, train.rows_per_step + 1) if train.rows_per_step % count == 0]
        raise InputError(
            f"train.micro_rows divides rows_per_step, and {train.micro_rows} does not divide {train.rows_per_step}; "
            f"take {', '.join(map(str, fitting))}",
            source.where(["train", "micro_rows"]),
        )
    written = _expand_grids(spec, source)
    maker = _ArmMaker(spec, source, mixes, ingredients, written)
    arms = tuple(maker.arm(name) for name in written)
    if not any(arm.stages for arm in arms):
        raise InputError("a study needs at least one arm that is trained", source.where(["arms"]))
    seeds = tuple(range(spec.seeds)) if isinstance(spec.seeds, int) else tuple(spec.seeds)
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise InputError("'seeds' is a number of seeds above 0, or a list of different ones", source.where(["seeds"]))
    if spec.fork_seeds > 1 and all(len(arm.stages) < 2 for arm in arms):
        raise InputError(
            f"'fork_seeds: {spec.fork_seeds}' draws each arm's last stage that often from the trunk before it, and no "
            "arm has a stage before its last: leave it out, or ask for more seeds",
            source.where(["fork_seeds"]),
        )
    return Study(spec, source, arms, seeds, model)


def _check_start(spec: StudySpec, source: Source, model: Described) -> None:
    """Refuse what cannot be said of a study whose arms start from a model."""
    if spec.tokenizer != INIT:
        raise InputError(
            f"a study with 'init' has that model's own tokenizer, and '{spec.tokenizer}' is another: leave 'tokenizer' "
            f"out, or write {INIT}",
            source.where(["tokenizer"]),
        )
    if spec.sizes != [INIT]:
        raise InputError(
            f"a study with 'init' has that model's own size: leave 'sizes' out, or write [{INIT}]",
            source.where(["sizes"]),
        )
    if spec.train.learning_rate is None:
        raise InputError(
            f"'train.learning_rate' is missing: {model.name} has none that is known here, unlike the sizes",
            source.where(["train"]) or source.where([INIT]),
        )
    if spec.train.sequence > model.longest:
        raise InputError(
            f"'train.sequence' is {spec.train.sequence:,}, and {model.name} was made for {model.longest:,} tokens at "
            "most",
            source.where(["train", "sequence"]),
        )


@dataclass(frozen=True, slots=True)
class _WrittenArm:
    place: str
    """Key under ``arms`` in the file."""
    spec: ArmSpec
    grid: dict[str, Any]


class _ArmMaker:
    def __init__(
        self,
        spec: StudySpec,
        source: Source,
        mixes: Mapping[str, tuple[tuple[str, int], ...]],
        ingredients: Mapping[str, Any],
        written: Mapping[str, _WrittenArm],
    ) -> None:
        self.spec, self.source, self.mixes, self.ingredients, self.written = spec, source, mixes, ingredients, written

    def arm(self, name: str) -> Arm:
        written = self.written[name]
        grid = tuple(sorted(written.grid.items()))
        return Arm(name, _numbered(self._stages(name, ())), grid, written.place, self._sizes(written))

    def _sizes(self, written: _WrittenArm) -> tuple[str, ...]:
        asked = written.spec.sizes
        if asked is None:
            return tuple(self.spec.sizes)
        place = ("arms", written.place, "sizes")
        if not asked:
            raise InputError(f"arm '{written.place}' has no sizes; leave the key out for all", self.source.where(place))
        for index, size in enumerate(asked):
            if size not in self.spec.sizes:
                raise InputError(
                    f"arm '{written.place}' asks for size '{size}', which is none of the study's"
                    f"{nearest(size, self.spec.sizes)}",
                    self.source.where((*place, index)),
                )
        return tuple(size for size in self.spec.sizes if size in asked)

    def _stages(self, name: str, above: tuple[str, ...]) -> list[Stage]:
        written = self.written[name]
        where = self.source.where(["arms", written.place])
        if name in above:
            way = " → ".join((*above[above.index(name) :], name))
            raise InputError(
                f"arm '{name}' forks from itself ({way})", self.source.where(["arms", written.place, "from"])
            )
        stages: list[Stage] = []
        if written.spec.from_ is not None:
            parent = written.spec.from_
            if parent not in self.written:
                raise InputError(
                    f"arm '{name}' starts from '{parent}', which is no arm{nearest(parent, self.written)}", where
                )
            stages += self._stages(parent, (*above, name))
        for index, stage in enumerate(written.spec.stages):
            stages.append(self._stage(stage, stages, ("arms", written.place, "stages", index)))
        if not stages and self.spec.init is None:
            raise InputError(f"arm '{name}' has no stages", where)
        return stages

    def _stage(self, stage: str | StageSpec, before: list[Stage], place: tuple[str | int, ...]) -> Stage:
        name = stage if isinstance(stage, str) else ""
        if isinstance(stage, str):
            if stage not in self.spec.stages:
                hint = nearest(stage, self.spec.stages)
                raise InputError(f"unknown stage '{stage}'{hint}", self.source.where(place))
            place = ("stages", stage)
            stage = self.spec.stages[stage]
        where = self.source.where(place)
        if stage.mix == "same":
            if not before:
                raise InputError("the first stage cannot have 'mix: same'; there is none before it", where)
            mix = before[-1].mix
            name = name or "same"
        elif isinstance(stage.mix, str):
            if stage.mix not in self.mixes:
                raise InputError(f"unknown mix '{stage.mix}'{nearest(stage.mix, self.mixes)}", where)
            mix = self.mixes[stage.mix]
            name = name or stage.mix
        else:
            mix = _mix(stage.mix, self.source, (*place, "mix"), self.ingredients)
            name = name or "+".join(ingredient for ingredient, _ in mix)
        tokens = parse_tokens(stage.tokens, self.spec.units, self.source.where((*place, "tokens")))
        per_step = self.spec.train.sequence * self.spec.train.rows_per_step
        counter = stage.counter if self.spec.train.warmup_steps > 1 else "keep"  # without a warm-up none begins anew
        steps = max(1, round(tokens / per_step))
        return Stage(name, mix, steps, stage.schedule, stage.moments, stage.join, counter)


def _numbered(stages: list[Stage]) -> tuple[Stage, ...]:
    """Stages that come again get a number behind their name."""
    met: dict[str, int] = {}
    numbered = []
    for stage in stages:
        met[stage.name] = met.get(stage.name, 0) + 1
        count = met[stage.name]
        numbered.append(replace(stage, name=f"{stage.name} ({count})") if count > 1 else stage)
    return tuple(numbered)


def _mix(
    mix: Mix, source: Source, place: tuple[str | int, ...], known: Mapping[str, Any]
) -> tuple[tuple[str, int], ...]:
    where = source.where(place)
    for ingredient, share in mix.items():
        if ingredient not in known:
            raise InputError(
                f"unknown ingredient '{ingredient}'{nearest(ingredient, known)}", source.where((*place, ingredient))
            )
        if share != "rest" and not (isinstance(share, int | float) and 0 <= share <= 1):
            raise InputError(
                f"a share is a number between 0 and 1, or 'rest', and {share!r} is not",
                source.where((*place, ingredient)),
            )
    rests = [ingredient for ingredient, share in mix.items() if share == "rest"]
    stated = {ingredient: share for ingredient, share in mix.items() if share != "rest"}
    total = sum(float(share) for share in stated.values())
    if len(rests) > 1:
        raise InputError(f"only one share can be 'rest', and {' and '.join(rests)} both are", where)
    if total > 1 + 1e-9 or (not rests and abs(total - 1) > 1e-9):
        shown = " + ".join(f"{share:g} {ingredient}" for ingredient, share in stated.items())
        raise InputError(f"the shares of a mix sum to 1, and these sum to {total:.6g} ({shown})", where)
    parts = {ingredient: round(float(share) * MILLION) for ingredient, share in stated.items()}
    largest = rests[0] if rests else max(parts, key=lambda ingredient: (parts[ingredient], ingredient))
    parts[largest] = parts.get(largest, 0) + MILLION - sum(parts.values())
    return tuple(sorted((ingredient, part) for ingredient, part in parts.items() if part))


def _expand_grids(spec: StudySpec, source: Source) -> dict[str, _WrittenArm]:
    arms: dict[str, _WrittenArm] = {}
    for place, written in spec.arms.items():
        arm = ArmSpec(stages=written) if isinstance(written, list) else written
        where = source.where(["arms", place])
        for name in arm.grid:
            if "{" + name + "}" not in place:
                raise InputError(f"arm '{place}' has a grid over '{name}', so its name must hold {{{name}}}", where)
        for values in itertools.product(*arm.grid.values()):
            grid = dict(zip(arm.grid, values, strict=True))
            name = str(_fill(place, grid))
            if not NAME.fullmatch(name):
                raise InputError(f"an arm's name is made of letters, digits and . _ - + =, and '{name}' is not", where)
            if name in arms:
                raise InputError(f"two arms are called '{name}'", where)
            raw = arm.model_dump(by_alias=True, exclude={"grid"})
            try:
                filled = ArmSpec.model_validate(_fill(raw, grid))
            except ValueError:
                raise InputError(f"arm '{name}' makes no sense with {grid}", where) from None
            arms[name] = _WrittenArm(place, filled, grid)
    return arms


def _fill(value: Any, grid: Mapping[str, Any]) -> Any:
    """Replace ``{name}`` in every text of a nested value; a text that is nothing else becomes the value itself."""
    if isinstance(value, dict):
        return {_fill(key, grid): _fill(child, grid) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(child, grid) for child in value]
    if not isinstance(value, str):
        return value
    for name, chosen in grid.items():
        if value == "{" + name + "}":
            return chosen
        value = value.replace("{" + name + "}", f"{chosen}")
    return value
