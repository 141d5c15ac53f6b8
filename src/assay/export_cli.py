"""``assay export``: a trained model as a folder that transformers, lm-eval and their like load as it is."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Dtype = Literal["float32", "bfloat16"]


def export(
    what: Annotated[
        str, typer.Argument(metavar="RUN|STATE", help="A finished study's run folder, or a state such as state/1f8e91.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; nothing may be there.")],
    arm: Annotated[str | None, typer.Option(help="Name of the arm; a run folder needs it.")] = None,
    size: Annotated[str | None, typer.Option(help="Size; default the arm's first.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; default the study's first.")] = None,
    dtype: Annotated[Dtype, typer.Option(help="Of the weights.")] = "float32",
) -> None:
    """Write a trained model as a Hugging Face folder: configuration, weights, tokenizer, model card."""
    from assay.run.export import export_state, find_state
    from assay.run.store import present_store

    store = present_store()
    record, of = find_state(store, what, arm, size, seed)
    export_state(store, record, of, out, dtype)
    print(f"{record.name}, {of or record.title}: {out}")
