"""What a study will do, before it does it: segments, tokens, epochs, contrasts and their confounds.

Planning trains nothing, downloads nothing and imports no torch. `assay plan` prints it; a run writes it to
``plan.json`` and then carries it out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.corpus.recipe import Recipe
from assay.corpus.recipe_file import load_recipe
from assay.errors import InputError, nearest
from assay.evaluate.task import Task as EvaluationTask
from assay.evaluate.task_file import load_task
from assay.model.described import Described, describe
from assay.study.choices import open_choices
from assay.study.confounds import in_one_only, repetitions, tokens_taken
from assay.study.contrasts import build_contrasts, build_metrics, primary_id
from assay.study.design import Contrast, Design, Task
from assay.study.learning_rate import shared_rate
from assay.study.paths import Segment, segments_below
from assay.study.resolve import MILLION, Study, resolve
from assay.study.source import Source, read_source
from assay.study.spec import GenerateSpec, StudySpec
from assay.study.trees import Trees, count_tokens, grow_trees, total_tokens

if TYPE_CHECKING:
    from assay.study.judging import JudgePlan

HELDOUT = "heldout_"
"""Task id of a held-out set: this and its name."""


def split_heldout(written: str) -> tuple[str, str | None]:
    """Ingredient and language of a held-out set as a study names it: ``code``, or ``code:python``."""
    name, _, language = written.partition(":")
    return name, language.casefold() or None


@dataclass(frozen=True, slots=True)
class Plan:
    """A study, its corpus recipe, and the trees of segments that every (size, seed) trains."""

    study: Study
    recipe: Recipe
    design: Design
    trees: Trees
    judging: "JudgePlan | None" = None
    """None: no win rates are asked for."""

    @property
    def vocabulary(self) -> int:
        """Entries of the tokenizer, as the model's embedding has rows."""
        model = self.study.model
        return self.recipe.tokenizers[self.study.spec.tokenizer].vocab if model is None else model.shape.vocabulary

    def segments(self, size: str) -> list[Segment]:
        """All segments of a size's tree, parents before children."""
        return segments_below(self.trees[size])

    def sizes_by_tree(self) -> list[tuple[tuple[str, ...], tuple[Segment, ...]]]:
        """Each different tree with the sizes that train it, in the study's order."""
        groups: dict[int, list[str]] = {}
        for size, roots in self.trees.items():
            groups.setdefault(id(roots), []).append(size)
        return [(tuple(sizes), self.trees[sizes[0]]) for sizes in groups.values()]

    def ingredients(self) -> list[str]:
        """Ingredients that any arm is trained on, in the recipe's order."""
        used = {name for arm in self.study.arms for stage in arm.stages for name, _ in stage.mix}
        return [name for name in self.recipe.ingredients if name in used]

    def heldout_ingredients(self) -> list[str]:
        """Ingredients whose held-out documents are read, during training or after."""
        measured = [split_heldout(name)[0] for name in self.study.spec.evaluate.heldout]
        used = {*measured, *self.study.spec.train.heldout}
        return [name for name in self.recipe.ingredients if name in used]

    def tokens_wanted(self) -> dict[str, int]:
        """Most tokens that any one arm takes from each ingredient."""
        wanted: dict[str, int] = {}
        for arm in self.study.arms:
            for name, tokens in tokens_taken(arm, self.study.tokens_per_step).items():
                wanted[name] = max(wanted.get(name, 0), round(tokens))
        return wanted

    def with_epochs(self, tokens: Mapping[str, int]) -> "Plan":
        """The plan with repetition among the confounds, once it is known how much each ingredient holds.

        Args:
            tokens: Training tokens by ingredient.
        """
        contrasts = []
        for contrast in self.design.contrasts:
            found = [
                repetitions(self.study.arm(a), self.study.arm(b), self.study.tokens_per_step, tokens)
                for a, b in contrast.pairs
            ]
            repeated = found[0] if len(found) == 1 else in_one_only(contrast.pairs, found)
            contrasts.append(contrast.model_copy(update={"confounds": (*contrast.confounds, *repeated)}))
        return replace(self, design=self.design.model_copy(update={"contrasts": tuple(contrasts)}))

    def declared_tokens(self) -> dict[str, int]:
        """Tokens of the ingredients in use that declare them: what is planned with until they are counted."""
        used = {*self.ingredients(), *self.heldout_ingredients()}
        return {
            name: ingredient.declared
            for name, ingredient in self.recipe.ingredients.items()
            if name in used and ingredient.declared is not None
        }

    def only_declared(self) -> list[str]:
        """Ingredients in use, and the tokenizer, that are only declared."""
        used = [*self.ingredients(), *(name for name in self.heldout_ingredients() if name not in self.ingredients())]
        names = [f"ingredient '{name}'" for name in used if self.recipe.ingredients[name].is_only_declared]
        if self.study.model is None and self.recipe.tokenizers[self.study.spec.tokenizer].declared:
            names.append(f"tokenizer '{self.study.spec.tokenizer}'")
        return names

    def check_material(self) -> None:
        """Refuse to carry out a study on ingredients or a tokenizer that are only declared.

        Raises:
            InputError: Naming them, and what can be done instead.
        """
        if names := self.only_declared():
            raise InputError(
                f"this study can be planned, not run: the corpus '{self.recipe.name}' only declares "
                f"{', '.join(names)}, and has nothing to make them from. See what it would cost with "
                "'assay plan', or name a corpus of your own that has sources for these ingredients",
                self.study.source.where(["corpus"]),
            )

    def check_epochs(self, tokens: Mapping[str, int]) -> None:
        """Refuse arms that would repeat an ingredient more often than the study allows, or, where the study requires
        matched contrasts, more often than the arm they are held against.

        Args:
            tokens: Training tokens each ingredient holds, as far as it is known.

        Raises:
            InputError: Naming the arm, the ingredient, how often it would be seen and what would fit.
        """
        if self.study.spec.require == "matched":
            _check_matched(self.study, self.with_epochs(tokens).design.contrasts)
        limit = self.study.spec.max_epochs
        for arm in self.study.arms:
            for name, taken in sorted(tokens_taken(arm, self.study.tokens_per_step).items()):
                if name in tokens and taken > limit * tokens[name]:
                    raise InputError(
                        f"arm '{arm.name}' takes {taken:,.0f} tokens of '{name}', which holds {tokens[name]:,}: "
                        f"{taken / max(1, tokens[name]):.1f} epochs, and max_epochs is {limit:g}. "
                        f"Ask for fewer tokens, a smaller share, or raise max_epochs",
                        self.study.source.where(["arms", arm.pattern]),
                    )


def plan_study(study: str, overrides: Sequence[str] = ()) -> Plan:
    """Read, check and plan a study.

    Raises:
        InputError: Anything wrong with the study, its recipe or its tasks.
    """
    spec, source = read_source(study, overrides)
    recipe = load_recipe(spec.corpus)
    model = _start(spec, source)
    if model is None and spec.tokenizer not in recipe.tokenizers:
        hint = nearest(spec.tokenizer, recipe.tokenizers)
        raise InputError(
            f"the corpus '{recipe.name}' has no tokenizer '{spec.tokenizer}'{hint}", source.where(["tokenizer"])
        )
    resolved = resolve(spec, source, recipe.ingredients, model)
    text = [name for name in recipe.ingredients if _is_text(recipe, name)]
    tasks = _tasks(resolved, recipe)
    contrasts = build_contrasts(resolved, text)
    if spec.require == "matched":
        _check_matched(resolved, contrasts)
    trees = grow_trees(resolved)
    _check_average(resolved, trees)
    design = Design(
        study=spec.study,
        question=spec.question.strip(),
        arms=tuple(arm.name for arm in resolved.arms),
        sizes=tuple(spec.sizes),
        seeds=resolved.seeds,
        tasks=tasks,
        metrics=build_metrics(resolved, tasks),
        families={name: family.asks for name, family in spec.contrasts.items()},
        contrasts=contrasts,
        primary=primary_id(resolved, contrasts),
        open_choices=open_choices(resolved, recipe),
        tokens=total_tokens(count_tokens(resolved, trees)),
        parameters=_parameters(resolved, recipe),
        shared=tuple(told for told in (shared_rate(resolved),) if told),
        notes=(*_notes(tasks), *_draws(resolved)),
    )
    return Plan(resolved, recipe, design, trees, _judging(resolved, contrasts))


def _judging(study: Study, contrasts: Sequence[Contrast]) -> "JudgePlan | None":
    if study.spec.judge is None:
        return None
    from assay.study.judging import plan_judging

    return plan_judging(study, study.spec.judge, contrasts)


def _start(spec: StudySpec, source: Source) -> Described | None:
    """The model that every arm starts from; None: fresh weights."""
    if spec.init is None:
        return None
    try:
        return describe(spec.init)
    except InputError as problem:
        raise InputError(str(problem), source.where(["init"])) from None


def _parameters(study: Study, recipe: Recipe) -> dict[str, dict[str, int]]:
    """Weights by size: ``body`` and ``embedding``, with the output layer where that is another matrix."""
    model, found = study.model, {}
    vocabulary = recipe.tokenizers[study.spec.tokenizer].vocab if model is None else model.shape.vocabulary
    for name in study.spec.sizes:
        size = study.known_sizes[name]
        found[name] = {"body": size.body_parameters, "embedding": size.embeddings * vocabulary * size.width}
    return found


def plan_record(plan: Plan, numerics: str) -> dict[str, Any]:
    """The plan as ``plan.json`` holds it."""
    per_step, spec = plan.study.tokens_per_step, plan.study.spec.evaluate
    return {
        **({} if plan.judging is None else {"judge": plan.judging.record()}),
        "study": plan.design.study,
        "tokens": plan.design.tokens,
        "design": plan.design.model_dump(mode="json"),
        "numerics": numerics,
        "tokens_per_step": per_step,
        "tokens_per_arm": {arm.name: arm.steps * per_step for arm in plan.study.arms},
        "tokens_wanted": plan.tokens_wanted(),
        "heldout": {"documents": spec.heldout_documents, "bytes": spec.heldout_bytes},
        "arms": [
            {
                "arm": arm.name,
                "sizes": list(arm.sizes),
                "stages": [
                    {
                        "stage": stage.name,
                        "mix": {name: share / MILLION for name, share in stage.mix},
                        "tokens": stage.steps * per_step,
                        "schedule": stage.schedule,
                        "join": stage.joined,
                        "moments": stage.moments,
                        "counter": stage.counter,
                    }
                    for stage in arm.stages
                ],
            }
            for arm in plan.study.arms
        ],
        "segments": [
            {
                "sizes": list(sizes),
                "from_step": segment.start,
                "to_step": segment.end,
                "tokens": segment.steps * per_step,
                "arms": segment.arms,
                "ends": segment.ends,
                "mix": {name: share / MILLION for name, share in segment.path[-1].mix},
                "schedule": segment.path[-1].schedule,
            }
            for sizes, roots in plan.sizes_by_tree()
            for segment in segments_below(roots)
        ],
    }


def _check_matched(study: Study, contrasts: Sequence[Contrast]) -> None:
    """Refuse contrasts whose arms differ in anything besides the named factor."""
    found = []
    for contrast in contrasts:
        if contrast.confounds:
            place = study.source.where(["contrasts", contrast.family])
            found.append(f"\n  {place}: {contrast.id} differs also in {'; '.join(contrast.confounds)}")
    if found:
        raise InputError(
            f"the study requires matched contrasts, and {len(found)} of {len(contrasts)} "
            f"{'is' if len(found) == 1 else 'are'} not:{''.join(found)}",
            study.source.where(["require"]),
        )


def _check_average(study: Study, trees: Trees) -> None:
    """Refuse an average that reaches back beyond what an arm trains alone: its last segment."""
    average = study.spec.evaluate.average
    if average is None:
        return
    window = (average.last - 1) * average.every
    ending = [segment for roots in trees.values() for segment in segments_below(roots) if segment.ends]
    shortest = min(ending, key=lambda segment: segment.steps)
    if window >= shortest.steps:
        most = (shortest.steps - 1) // (average.last - 1)
        advice = f"'every: {most}' or less" if most else f"'last: {shortest.steps}' or less, 'every: 1'"
        raise InputError(
            f"the last {average.last} weights, {average.every} steps apart, reach back {window} steps, and the last "
            f"{shortest.steps} of arm '{shortest.ends[0]}' are all that it does not share; take {advice}",
            study.source.where(["evaluate", "average"]),
        )


def _is_text(recipe: Recipe, name: str) -> bool:
    """Whether an ingredient is prose: all of its sources are, or it is declared to be."""
    ingredient = recipe.ingredients[name]
    if ingredient.is_only_declared:
        return ingredient.kind == "text"
    kinds = {recipe.sources[source].kind for source in recipe.sources_of(name) if source in recipe.sources}
    return kinds == {"text"} and ingredient.generator is None


def _tasks(study: Study, recipe: Recipe) -> tuple[Task, ...]:
    spec = study.spec.evaluate
    tasks = []
    for section, names in (("evaluate", spec.heldout), ("train", study.spec.train.heldout)):
        for index, written in enumerate(names):
            name = split_heldout(written)[0] if section == "evaluate" else written
            if name not in recipe.ingredients:
                where = study.source.where([section, "heldout", index])
                raise InputError(f"unknown ingredient '{name}'{nearest(name, recipe.ingredients)}", where)
    for name in spec.heldout:
        tasks.append(
            Task(
                id=HELDOUT + name,
                title=f"Held-out {name}",
                category="held-out",
                version=1,
                n_items=spec.heldout_documents,
                chance=None,
            )
        )
    for index, name in enumerate(spec.tasks):
        try:
            task = load_task(name)
        except InputError as problem:
            raise InputError(str(problem), study.source.where(["evaluate", "tasks", index])) from None
        tasks.append(
            Task(
                id=task.id,
                title=task.title,
                category=task.category,
                version=task.version,
                n_items=spec.limit,
                chance=task.chance,
                labels=task.labels,
                greedy=task.greedy,
                answered=_is_answered(spec.generate, task, name),
            )
        )
    known = list(spec.tasks)
    for index, name in enumerate((spec.generate.tasks if spec.generate else None) or ()):
        where = study.source.where(["evaluate", "generate", "tasks", index])
        if name not in known:
            raise InputError(f"'{name}' is not among the study's tasks{nearest(name, known)}", where)
        if load_task(name).format().generate is None:
            raise InputError(f"task '{name}' is scored only: it does not say how an answer is checked", where)
    ids = [task.id for task in tasks]
    if len(set(ids)) < len(ids):
        raise InputError("a task is listed twice", study.source.where(["evaluate", "tasks"]))
    return tuple(tasks)


def _is_answered(asked: GenerateSpec | None, task: EvaluationTask, written: str) -> bool:
    """Whether a study has a task answered in words."""
    if asked is None:
        return False
    if asked.tasks is None:
        return task.format().generate is not None
    return written in asked.tasks


PAPER_REASONING = (
    "boolq", "piqa", "sciq", "social_iqa", "quac", "cb", "copa", "storycloze", "hellaswag", "winogrande", "arc_easy",
)  # fmt: skip
"""The study's eleven reasoning tasks (paper, §2.2)."""


def _draws(study: Study) -> Iterator[str]:
    if any(len(study.draws_of(arm)) > 1 for arm in study.arms):
        yield (
            f"Each arm's last stage was drawn {study.spec.fork_seeds} times from the trunk that it leaves, its data in "
            "another order each time; the draws of a seed are averaged and count as that one seed."
        )


def _notes(tasks: Sequence[Task]) -> tuple[str, ...]:
    present = {task.id for task in tasks}
    reasoning = [name for name in PAPER_REASONING if name in present]
    notes = []
    if reasoning and len(reasoning) < len(PAPER_REASONING):
        missing = [name for name in PAPER_REASONING if name not in present]
        notes.append(
            f"Reasoning is {len(reasoning)} of the study's {len(PAPER_REASONING)} tasks; without {', '.join(missing)}."
        )
    labels = [task.title for task in tasks if task.labels]
    if labels:
        notes.append(
            f"Bits per byte over a category leave out {' and '.join(labels)}, whose answers are label words; "
            "their accuracies count."
        )
    words = {task.id for task in tasks if task.answered}
    if (present - words) & {"humaneval", "mbpp"}:
        notes.append("Code is the likelihood of the reference solutions; no program was generated or run.")
    if (present - words) & {"triviaqa", "nq_open"}:
        notes.append("Knowledge is the likelihood of the reference answer, not exact match of a generated one.")
    return tuple(notes)
