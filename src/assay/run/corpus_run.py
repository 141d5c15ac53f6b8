"""Making a corpus without a study: its ingredients, and their tokens where a tokenizer is named."""

from collections.abc import Sequence
from pathlib import Path

from assay.corpus.recipe import Recipe
from assay.errors import InputError, nearest
from assay.files import refused
from assay.report.status import BUILT
from assay.run.corpus_graph import CorpusSteps
from assay.run.engine import Engine
from assay.run.progress import RunProgress
from assay.run.step import Step


def corpus_steps(
    recipe: Recipe, names: Sequence[str], tokenizer: str | None
) -> tuple[dict[str, Step], dict[str, Step]]:
    """The steps of ingredients, and of their tokens where a tokenizer is named, by ingredient.

    Args:
        recipe: Where they are declared.
        names: Of the ingredients; none: all that can be made.
        tokenizer: Name of one of the recipe's tokenizers.

    Raises:
        InputError: A name that the recipe does not have, or that is only declared.
    """
    makeable = [name for name, one in recipe.ingredients.items() if not one.is_only_declared]
    for name in names:
        if name not in recipe.ingredients:
            raise InputError(f"the corpus '{recipe.name}' has no ingredient '{name}'{nearest(name, makeable)}")
        if name not in makeable:
            raise InputError(f"the corpus '{recipe.name}' only declares '{name}': there is nothing to make it from")
    if tokenizer is not None and tokenizer not in recipe.tokenizers:
        raise InputError(
            f"the corpus '{recipe.name}' has no tokenizer '{tokenizer}'{nearest(tokenizer, recipe.tokenizers)}"
        )
    if tokenizer is not None and recipe.tokenizers[tokenizer].declared:
        raise InputError(f"the tokenizer '{tokenizer}' is only declared: there is nothing to make it from")
    steps = CorpusSteps(recipe)
    chosen = list(names) or makeable
    ingredients = {name: steps.ingredient(name) for name in chosen}
    if tokenizer is None:
        return ingredients, {}
    made = steps.tokenizer(tokenizer)
    return ingredients, {name: steps.tokens(name, made) for name in chosen}


def build_corpus(goals: Sequence[Step], out: Path, engine: Engine) -> bool:
    """Have steps made, watched like a run; False if everything was there already.

    Args:
        goals: From `corpus_steps`.
        out: Folder for the log, as of a run.
        engine: Who does it, and with which store.

    Raises:
        InputError: A source that is not there.
        StepError: Network, disk, a lost worker. What was finished is kept.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with engine.store.in_use(), RunProgress(out / "log.jsonl") as progress:
            engine.listen = progress.hear
            missing = engine.missing(goals)
            progress.expect(missing, engine.workers)
            engine.make(goals)
            progress.say(BUILT)
    except OSError as problem:
        if told := refused(problem, out):
            raise told from None
        raise
    return bool(missing)
