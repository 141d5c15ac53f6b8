"""The steps of a win rate: arms' answers to a prompt set, the exam of a local judge, and its judgements of two arms.

Which prompts are meant is in the recipes as their content's hash; where they are read from is place, and the worker
sees that it still gives them. What a model of others is taught to talk like is not among the files that identify it,
so it has a hash of its own. An arm's name is in none of the steps: an arm that is renamed is not asked again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assay.endpoint.told import told_of
from assay.errors import InputError
from assay.evaluate.decoding import Decoding
from assay.judge.exam import BAR, build_exam
from assay.judge.likelihood import WEIGHTS
from assay.judge.prompt_set import ENDINGS, AskedSet, PromptSet
from assay.judge.verdict import open_format
from assay.judge.wanted import LIKELIHOOD, LocalWanted
from assay.model.described import describe, split_source
from assay.model.shape import Shape
from assay.run.corpus_graph import package_step
from assay.run.evaluation_steps import model_step
from assay.run.identity import file_hash
from assay.run.step import Step

REPLIES_VERSION = 1
EXAM_VERSION = 1
JUDGEMENTS_VERSION = 1
JUDGE_PRECISION = "float32"


def replies_step(
    *,
    prompts: PromptSet,
    asked: AskedSet,
    state: Step,
    tokenizer: Step,
    shape: Shape,
    precision: str,
    numerics: Mapping[str, str],
    longest: int,
    decoding: Decoding,
    seeds: Sequence[int],
    average: Sequence[int] = (),
    title: str,
) -> Step:
    """A checkpoint's answers to a prompt set; see `assay.judge.answers.make_answers`.

    A model of others that has a chat template is asked as a chat model, everything else as a base model.

    Args:
        prompts: What is asked.
        asked: What it was loaded as.
        state: The checkpoint: a ``state`` or a ``model``.
        tokenizer: A ``tokenizer``, or the model.
        shape: Of the model.
        precision: That it is computed in: ``float32`` or ``bfloat16``.
        numerics: Of the workers that will do it.
        longest: Tokens of a prompt and its answer together.
        decoding: Its seed is not used.
        seeds: Of sampling.
        average: Steps whose weights' mean is asked; none: the last alone.
        title: What a person calls it.

    Raises:
        InputError: Answers leave no room for prompts, several seeds are asked of a model that always says the
            likeliest, or the model's files are not what they should be.
    """
    if decoding.tokens >= longest:
        raise InputError(f"answers of {decoding.tokens} tokens leave nothing of {longest} for their prompts")
    if not seeds:
        raise InputError("answers need a seed of sampling")
    if decoding.temperature == 0 and len(set(seeds)) > 1:
        raise InputError("at temperature 0 the answers of all seeds are the same: ask for one seed")
    recipe: dict[str, Any] = {
        "version": REPLIES_VERSION,
        "prompts": _identity(prompts),
        "shape": asdict(shape),
        "precision": precision,
        "longest": longest,
        "decoding": {
            "tokens": decoding.tokens,
            "stop": list(decoding.stop),
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
        },
        "seeds": sorted(set(seeds)),
    }
    if average:
        recipe["average"] = list(average)
    inputs, place = {"state": state, "tokenizer": tokenizer}, _place(asked)
    source = state.place.get("source") if state.kind == "model" else None
    if isinstance(source, str):
        recipe["told"] = _told(source)
        place["source"] = source
        inputs |= _packages(state)
    return Step("replies", recipe, inputs, numerics, title=title, place=place)


def answer_file_step(path: Path, prompts: PromptSet, asked: AskedSet) -> Step:
    """Answers that a file holds, as those of a checkpoint.

    Raises:
        InputError: There is no such file.
    """
    try:
        digest = file_hash(path)
    except OSError as problem:
        raise InputError(f"the answer file cannot be read: {problem.strerror or problem}", str(path)) from None
    recipe = {"version": REPLIES_VERSION, "prompts": _identity(prompts), "file": digest, "name": path.stem}
    place = {**_place(asked), "file": str(path.absolute())}
    return Step("replies", recipe, title=f"read {path.name}", place=place)


def judge_model_step(wanted: LocalWanted) -> Step:
    """A local judge's model.

    Raises:
        InputError: There is none, or none that can be rebuilt.
    """
    return model_step(describe(wanted.model), package_step)


def judge_name(wanted: LocalWanted) -> str:
    """What a local judge is called in the records, before it is opened.

    Raises:
        InputError: There is no such model or format.
    """
    model = _called(wanted)
    return f"{model} {LIKELIHOOD}" if wanted.role == "likelihood" else f"{model} {_format(wanted)['name']} verdict"


def exam_step(wanted: LocalWanted, prompts: PromptSet, asked: AskedSet, numerics: Mapping[str, str]) -> Step:
    """A local judge's exam, made from the references of a prompt set.

    Raises:
        InputError: There is no such judge, or no exam can be made of the prompts.
    """
    build_exam(prompts.prompts)
    recipe, inputs, place = _judge(wanted, prompts, asked)
    recipe |= {"version": EXAM_VERSION, "seed": 0, "bar": asdict(BAR)}
    return Step("exam", recipe, inputs, numerics, title=f"exam of {judge_name(wanted)}", place=place)


def judgements_step(
    wanted: LocalWanted,
    prompts: PromptSet,
    asked: AskedSet,
    a: Step,
    b: Step,
    seed: int,
    numerics: Mapping[str, str],
    title: str,
) -> Step:
    """What a local judge says of two arms' answers, both orders of every prompt that both answer under a seed.

    Args:
        wanted: The judge.
        prompts: What was asked.
        asked: What it was loaded as.
        a: An arm's ``replies``.
        b: The other's.
        seed: Of both.
        numerics: Of the workers that will do it.
        title: What a person calls it.

    Raises:
        InputError: There is no such judge.
    """
    recipe, inputs, place = _judge(wanted, prompts, asked)
    recipe |= {"version": JUDGEMENTS_VERSION, "seed": seed}
    return Step("judgements", recipe, {**inputs, "a": a, "b": b}, numerics, title=title, place=place)


def _judge(
    wanted: LocalWanted, prompts: PromptSet, asked: AskedSet
) -> tuple[dict[str, Any], dict[str, Step], dict[str, Any]]:
    """Recipe, inputs and place of whatever a judge does."""
    model = describe(wanted.model)
    step = model_step(model, package_step)
    recipe: dict[str, Any] = {
        "prompts": _identity(prompts),
        "model": _called(wanted),
        "told": _told(model.source),
        "role": wanted.role,
        "precision": JUDGE_PRECISION,
        "longest": model.longest,
    }
    place = {**_place(asked), "source": model.source}
    if wanted.role == "likelihood":
        recipe["weights"] = asdict(WEIGHTS)
    else:
        recipe["format"] = _format(wanted)
        place["format"] = _written(str(wanted.format))
    return recipe, {"model": step, **_packages(step)}, place


def _called(wanted: LocalWanted) -> str:
    """As `assay.run.chosen.Checkpoint.file` calls a model."""
    return describe(wanted.model).name.replace("/", "_")


def _format(wanted: LocalWanted) -> dict[str, str]:
    if wanted.format is None:
        raise InputError("a judge that gives verdicts needs a format")
    format = open_format(wanted.format)
    return {"name": format.name, "sha256": format.sha256}


def _identity(prompts: PromptSet) -> dict[str, str]:
    return {"name": prompts.name, "sha256": prompts.sha256}


def _place(asked: AskedSet) -> dict[str, Any]:
    return {
        "prompts": {
            "written": _written(asked.written),
            "limit": asked.limit,
            "categories": list(asked.categories),
        }
    }


def _written(name_or_path: str) -> str:
    """The name of what comes with Assay, or a file's place in any working folder."""
    return str(Path(name_or_path).absolute()) if Path(name_or_path).suffix in ENDINGS else name_or_path


def _told(source: str) -> str:
    """Identity of what a model's files say of conversations; of a wheel its own, which is among the inputs, says it."""
    return "wheel" if split_source(source)[0] == "wheel" else told_of(source).sha256


def _packages(model: Step) -> dict[str, Step]:
    return {name: step for name, step in model.inputs.items() if name.startswith("package:")}
