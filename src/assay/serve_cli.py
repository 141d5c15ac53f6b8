"""``assay serve``: a run in the browser, while it goes on and afterwards."""

import os
from pathlib import Path
from typing import Annotated

import typer

from assay.errors import InputError


def serve(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A run folder, as given to 'assay run --out'; of a run under way too.")
    ],
    host: Annotated[
        str, typer.Option(help="Address to listen at; another than this machine's own asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    token_from: Annotated[
        str | None,
        typer.Option(metavar="ENV", help="The environment variable that holds the token; default one made at random."),
    ] = None,
) -> None:
    """Show a run in the browser, live while it goes on, until Ctrl-C: report, items, batches, answers, log."""
    token = None
    if token_from is not None:
        token = os.environ.get(token_from, "")
        if not token:
            raise InputError(f"--token-from {token_from}: there is no such environment variable, or it is empty")
    if not any((folder / name).is_file() for name in ("log.jsonl", "plan.json")):
        raise InputError(f"{folder} is no run folder: it has neither log.jsonl nor plan.json")
    try:
        from assay.serve.server import end_when_told, listen
        from assay.serve.server import serve as serve_folder
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] not in {"starlette", "uvicorn"}:
            raise
        raise InputError("a run in the browser needs: pip install 'assay[serve]'") from None
    listening = listen(host, port)
    end_when_told()
    serve_folder(folder, listening, host, token, lambda told: print(told, flush=True))
