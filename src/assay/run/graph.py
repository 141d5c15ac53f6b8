"""A plan as a graph of steps: packages → documents → ingredients → tokens and requests → states → scores and win rates.

Keys follow from recipes and inputs alone. What a study adds to another (a seed, a task, an arm) adds steps; the
steps that were there keep their keys and are found in the store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.corpus.recipe import Recipe
from assay.evaluate.task import Task
from assay.evaluate.task_file import load_task
from assay.model.shape import Shape
from assay.model.sizes import SIZES
from assay.run.answer_steps import answers_step, generation_of, gold_step, prompts_step, verdicts_step
from assay.run.corpus_graph import CorpusSteps
from assay.run.evaluation_steps import TaskRows, heldout_step, model_step, requests_step, score_step
from assay.run.step import Step
from assay.study.paths import Path, Segment, cut, path_of, path_record, stops
from assay.study.plan import HELDOUT, Plan, split_heldout
from assay.study.resolve import Arm
from assay.study.spec import TrainSpec

if TYPE_CHECKING:
    from assay.run.judging import Judging

FLAGS_VERSION = 1
TRAIN_VERSION = 4
LOOK = {"documents": 16, "bytes": 1000}
"""What is read of a held-out set when it is looked at during training."""


@dataclass(frozen=True)
class Point:
    """Where along an arm something is measured."""

    steps: int
    """From the arm's beginning."""
    stage: str
    """The stage that it ends or lies in; empty for a model as it is."""
    state: Step
    scores: Mapping[str, Step]
    """By task id."""
    verdicts: Mapping[str, Step]
    """By task id, of the tasks that are answered in words."""

    @property
    def made(self) -> list[Step]:
        """All that is measured here."""
        return [*self.scores.values(), *self.verdicts.values()]


@dataclass(frozen=True)
class Leaf:
    """An arm at one size and seed: where it ends and what is measured there and on the way."""

    arm: Arm
    size: str
    seed: int
    states: tuple[Step, ...]
    """At the end of each stage; of an arm without any, the model that the study starts from."""
    points: tuple[Point, ...]
    """Ascending; the last is the arm's end, which contrasts are about."""
    further: tuple[Point, ...] = ()
    """The ends of the further draws of its last stage."""

    @property
    def measured(self) -> tuple[Point, ...]:
        """All points."""
        return (*self.points, *self.further)

    @property
    def made(self) -> list[Step]:
        """All that is measured along the arm and its further draws."""
        return [step for point in self.measured for step in point.made]


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
    judging: "Judging | None" = None
    """Answers to open-ended prompts and what the judges on this machine make of them; None: no win rates are asked."""

    @property
    def points(self) -> "list[Point]":
        """Where all arms are measured."""
        return [point for leaf in self.leaves for point in leaf.measured]

    def goals(self) -> list[Step]:
        """Everything that is read when the study's results are written."""
        return [
            *self.tokens.values(),
            *self.states,
            *self.flags.values(),
            *(step for leaf in self.leaves for step in leaf.made),
            *(self.judging.goals if self.judging else ()),
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
        self.points: dict[tuple[str, bool], Point] = {}
        self.answered: dict[str, tuple[TaskRows, Step, Step | None]] = {}

    def graph(self) -> Graph:
        model = model_step(self.plan.study.model, self.corpus.package) if self.plan.study.model else None
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
            requests[task.id] = requests_step(
                self._rows(task, name, evaluate.limit), tokenizer, self.spec.train.sequence
            )
            if self.recipe.decontaminate:
                flags[task.id] = self._flags(requests[task.id], task.id, tokens)
        self.answered = self._questions(tokenizer)
        states: list[Step] = []
        leaves: list[Leaf] = []
        for size in self.spec.sizes:
            for seed in self.plan.study.seeds:
                by_path = self._states(size, seed, tokens, looks, tokenizer, model)
                states += by_path.values()
                leaves += [
                    self._leaf(arm, size, seed, by_path, requests, model) for arm in self.plan.study.arms_at(size)
                ]
        judging = self._judging(leaves, tokenizer)
        return Graph(tokens, requests, looks, tuple(states), tuple(leaves), flags, judging)

    def _judging(self, leaves: Sequence[Leaf], tokenizer: Step) -> "Judging | None":
        """What win rates take, of the arms' last points: every seed answers under its own number."""
        plan = self.plan.judging
        if plan is None:
            return None
        from assay.run.judge_steps import replies_step
        from assay.run.judging import build_judging
        from assay.study.judging import judged_arms, judged_name, judged_pairs

        study, prompts, asked = self.plan.study, plan.prompts, plan.asked
        answering = judged_arms(study, plan)
        average = self.spec.evaluate.average
        arms: dict[str, dict[int, Step]] = {judged_name(study, arm, size): {} for size, arm in answering}
        for leaf in leaves:
            if (leaf.size, leaf.arm.name) not in answering:
                continue
            name = judged_name(study, leaf.arm.name, leaf.size)
            arms[name][leaf.seed] = replies_step(
                prompts=prompts,
                asked=asked,
                state=leaf.points[-1].state,
                tokenizer=tokenizer,
                shape=self._shape(leaf.size),
                precision=self.numerics["precision"],
                numerics=self.numerics,
                longest=self.spec.train.sequence,
                decoding=plan.decoding,
                seeds=(leaf.seed,),
                average=average.steps(leaf.arm.steps) if average and leaf.arm.steps else (),
                title=f"answer {prompts.name}, {leaf.arm.name} {leaf.size} seed {leaf.seed}",
            )
        pairs = [(judged_name(study, a, size), judged_name(study, b, size)) for size, a, b in judged_pairs(study, plan)]
        return build_judging(arms, pairs, plan.judges, prompts, asked, self.numerics, seeds_are="trained")

    def _heldout(self, name: str, tokenizer: Step, read: Mapping[str, int]) -> Step:
        ingredient = self.corpus.ingredient(split_heldout(name)[0])
        return heldout_step(name, ingredient, tokenizer, read, self.spec.train.sequence)

    def _rows(self, task: Task, written: str, limit: int | None) -> TaskRows:
        return TaskRows(task, written, limit, self.corpus.package, self.recipe.packages)

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
                "shape": asdict(self._shape(size)),
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

    def _shape(self, size: str) -> Shape:
        return self.plan.study.known_sizes[size].shape(self.plan.vocabulary)

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
        at = self.spec.evaluate.at
        ends, places = [], []
        if not arm.stages:
            assert model is not None, "without a model to start from every arm has a stage"
            ends, places = [model], [(0, "", model)]
        for steps, stage in stops(arm, at if isinstance(at, int) else None):
            places.append((steps, stage, states[cut(path, steps)]))
        for steps, _ in stops(arm):
            ends.append(states[cut(path, steps)])
        chosen = places[-1:] if at == "end" else places
        points = tuple(
            self._point(steps, stage, state, size, seed, requests, is_end=steps == arm.steps)
            for steps, stage, state in chosen
        )
        draws = [states[path_of(run, self.spec.train.rows_per_step)] for run in self.plan.study.draws_of(arm)[1:]]
        steps, stage, _ = places[-1]
        further = tuple(self._point(steps, stage, state, size, seed, requests, is_end=True) for state in draws)
        return Leaf(arm, size, seed, tuple(ends), points, further)

    def _point(
        self, steps: int, stage: str, state: Step, size: str, seed: int, requests: Mapping[str, Step], is_end: bool
    ) -> Point:
        spec = self.spec.evaluate.average
        average = spec.steps(steps) if spec is not None and is_end and steps else None
        found = self.points.get((state.key, is_end))
        if found is None:
            what = f"{size} seed {seed}{'' if is_end else f' at step {steps}'}" if steps else f"{size} as it is"
            shape, precision = self._shape(size), self.numerics["precision"]
            scores = {
                task: score_step(need, state, shape, precision, self.numerics, f"score {task}, {what}", average or ())
                for task, need in requests.items()
            }
            verdicts = {task: self._verdicts(task, state, size, average, what) for task in self.answered}
            found = self.points[state.key, is_end] = Point(steps, stage, state, scores, verdicts)
        return replace(found, stage=stage)

    def _verdicts(self, task_id: str, state: Step, size: str, average: list[int] | None, what: str) -> Step:
        rows, prompts, gold = self.answered[task_id]
        decoding = self.spec.evaluate.generate
        assert decoding is not None, "nothing is answered in words without being asked for"
        answers = answers_step(
            prompts,
            state,
            asdict(self._shape(size)),
            generation_of(rows.task),
            decoding,
            self.numerics["precision"],
            self.numerics,
            average,
            title=f"answer {task_id}, {what}",
        )
        return verdicts_step(rows, prompts, answers, gold, title=f"check answers to {task_id}, {what}")

    def _questions(self, tokenizer: Step) -> dict[str, tuple[TaskRows, Step, Step | None]]:
        """By task id, of the tasks that are answered in words: rows, prompts, gold check."""
        asked = self.spec.evaluate.generate
        if asked is None:
            return {}
        found = {}
        limit = asked.limit or self.spec.evaluate.limit
        for written in self.spec.evaluate.tasks:
            task = load_task(written)
            generation = task.format().generate
            if asked.tasks is not None and written not in asked.tasks:
                continue
            if generation is None and asked.tasks is None:
                continue
            rows = self._rows(task, written, limit)
            prompts = prompts_step(rows, tokenizer, self.spec.train.sequence)
            gold = gold_step(rows) if generation_of(task).check == "program" else None
            found[task.id] = rows, prompts, gold
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
