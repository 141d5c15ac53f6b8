"""``assay data``: a corpus by itself. Build it, look at an ingredient, compare two."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from assay.errors import InputError, Stopped
from assay.run.choose import EngineName

if TYPE_CHECKING:
    from assay.run.step import Step
    from assay.run.store import Store

data = typer.Typer(name="data", help="Build a corpus, look at its ingredients, compare two.", no_args_is_help=True)
CorpusOption = Annotated[str, typer.Option(help="A built-in recipe or a YAML file.")]
TokenizerOption = Annotated[str | None, typer.Option(help="One of the recipe's tokenizers: tokens are counted.")]
GO_ON = "stopped; what was finished is stored. Run the same command again to go on"


@data.command()
def build(
    corpus: Annotated[str, typer.Argument(metavar="RECIPE", help="A built-in recipe or a YAML file.")] = "starter",
    ingredients: Annotated[list[str] | None, typer.Argument(metavar="INGREDIENT", help="Default: all.")] = None,
    tokenizer: TokenizerOption = None,
    out: Annotated[Path | None, typer.Option(help="Where the log goes; default runs/data-NAME.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default one a core.")] = None,
    engine: Annotated[EngineName, typer.Option(help="Who carries it out: this machine, or a Ray cluster.")] = "local",
    address: Annotated[str | None, typer.Option(help="The Ray cluster's address.")] = None,
) -> None:
    """Make the ingredients of a recipe, and their tokens. Repeats nothing that was done."""
    from assay.corpus.recipe_file import load_recipe
    from assay.run.choose import open_engine
    from assay.run.corpus_run import build_corpus, corpus_steps
    from assay.run.memory import LEAST_BYTES

    recipe = load_recipe(corpus)
    made, tokens = corpus_steps(recipe, ingredients or (), tokenizer)
    out = out or Path("runs") / f"data-{recipe.name}"
    try:
        with open_engine(engine, None, workers, address, LEAST_BYTES) as opened:
            is_new = build_corpus([*made.values(), *tokens.values()], out, opened)
            _print_sizes({name: step.key for name, step in made.items()}, opened.store)
    except KeyboardInterrupt:
        raise Stopped(GO_ON) from None
    if not is_new:
        print("Everything was there already.")


@data.command()
def show(
    ingredient: Annotated[str, typer.Argument(metavar="INGREDIENT", help="Its name in the recipe.")],
    corpus: CorpusOption = "starter",
    tokenizer: TokenizerOption = None,
    examples: Annotated[int, typer.Option(min=0, help="Documents drawn at random.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    dropped: Annotated[
        str | None, typer.Option(metavar="REASON", help="Draw from what was dropped for this reason.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
) -> None:
    """Show an ingredient: counts, languages, licences, what was dropped and why, benchmarks found, examples."""
    from assay.corpus.recipe_file import load_recipe
    from assay.report.data import ingredient_facts
    from assay.report.data_table import print_facts
    from assay.run.corpus_run import corpus_steps

    recipe = load_recipe(corpus)
    made, tokens = corpus_steps(recipe, [ingredient], tokenizer)
    for step in (made[ingredient], *tokens.values()):
        store = _store_with(step, ingredient, corpus, tokenizer)
    facts = ingredient_facts(recipe, made[ingredient], tokens.get(ingredient), store, examples, seed, dropped)
    if dropped is not None and dropped not in facts["dropped"]:
        known = ", ".join(facts["dropped"]) or "nothing was dropped"
        raise InputError(f"nothing of {ingredient} was dropped as '{dropped}'; the reasons: {known}")
    if as_json:
        print(json.dumps(facts, indent=1, ensure_ascii=False))
    else:
        print_facts(facts, Console())


@data.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="INGREDIENT, or RECIPE:INGREDIENT.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise.")],
    corpus: CorpusOption = "starter",
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
) -> None:
    """Compare two ingredients, document by document: what only one of them has, and what was dropped."""
    from assay.corpus.recipe_file import load_recipe
    from assay.report.data import difference
    from assay.report.data_table import print_difference
    from assay.run.corpus_run import corpus_steps

    folders = []
    for name in (a, b):
        where, _, ingredient = name.rpartition(":")
        made, _ = corpus_steps(load_recipe(where or corpus), [ingredient], None)
        store = _store_with(made[ingredient], ingredient, where or corpus, None)
        folders.append(store.open("ingredient", made[ingredient].key))
    told = difference(*folders)
    if as_json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        print_difference(a, b, told, Console())


def _print_sizes(keys: dict[str, str], store: "Store") -> None:
    """A line an ingredient."""
    width = max(map(len, keys))
    for name, key in keys.items():
        summary = json.loads(store.file("ingredient", key, "summary.json").read_text(encoding="utf-8"))
        train, lost = summary["train"], sum(entry["documents"] for entry in summary["dropped"].values())
        size = train["bytes"] / 1e6
        print(f"{name:<{width}} {train['documents']:>10,} documents {size:>10,.2f} MB, {lost:,} dropped")


def _store_with(step: "Step", ingredient: str, corpus: str, tokenizer: str | None) -> "Store":
    """The store, only to look into, if it holds an artifact."""
    from assay.run.store import default_address, existing_store

    store = existing_store()
    if store is not None and store.has(step.kind, step.key):
        store.only_read = True
        return store
    option = f" --tokenizer {tokenizer}" if tokenizer else ""
    said = f"the tokens of {ingredient} are" if step.kind == "tokens" else f"{ingredient} is"
    command = f"assay data build {corpus} {ingredient}{option}"
    raise InputError(f"{said} not in the store {default_address()}; to make what is missing: {command}")
