"""Assay: controlled pre-training experiments with error bars."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.api import Study as Study

__version__ = "0.1.0"
__all__ = ["Study", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Study":
        from assay.api import Study

        return Study
    raise AttributeError(f"module 'assay' has no attribute '{name}'")
