"""``assay serve-model``: a checkpoint behind an OpenAI-compatible endpoint, on this machine."""

import os
import signal
from typing import Annotated

import typer

from assay.errors import InputError, Stopped, Terminated
from assay.options import CHECKPOINT, ArmOption, DeviceOption, PrecisionOption, SeedOfOption, SizeOption

ENDED = "stopped serving"


def serve_model(
    checkpoint: Annotated[str, typer.Argument(metavar="CHECKPOINT", help=CHECKPOINT)],
    host: Annotated[str, typer.Option(help="Address to listen at; another than this machine's needs --key-from.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    key_from: Annotated[
        str | None, typer.Option(metavar="ENV", help="The environment variable whose value clients must send as key.")
    ] = None,
    arm: ArmOption = None,
    size: SizeOption = None,
    seed_of: SeedOfOption = None,
    precision: PrecisionOption = None,
    context: Annotated[
        int | None, typer.Option(min=2, help="Tokens of a prompt and its answer; default what the model can read.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the processor; default all cores.")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Serve a checkpoint to any client of OpenAI's API, until Ctrl-C: completions, chat completions."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        key = None if key_from is None else _key(key_from)
        try:
            from assay.endpoint.server import listen, serve
        except ModuleNotFoundError as problem:
            if (problem.name or "").partition(".")[0] not in {"starlette", "uvicorn"}:
                raise
            raise InputError("serving a model needs: pip install 'assay[serve]'") from None
        listening = listen(host, port, key)
        import torch

        from assay.endpoint.served import open_served
        from assay.run.chosen import Which
        from assay.run.local import cores

        served = open_served(checkpoint, Which(arm, size, seed_of), device, precision, context)
        torch.set_num_threads(threads or len(cores()))
        serve(served, listening, key, lambda told: print(told, flush=True))
    except KeyboardInterrupt:
        raise Stopped(ENDED) from None


def _key(name: str) -> str:
    key = os.environ.get(name, "")
    if not key:
        raise InputError(f"--key-from {name}: there is no such environment variable, or it is empty")
    return key


def _terminated(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated(ENDED)
