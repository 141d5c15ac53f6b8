"""Assay: controlled pre-training experiments with error bars."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.analyze.frame import open_run as open_run
    from assay.api import Study as Study

__version__ = "0.1.0"
__all__ = ["Study", "__version__", "open_run"]


def __getattr__(name: str) -> Any:
    if name == "Study":
        from assay.api import Study

        return Study
    if name == "open_run":
        from assay.analyze.frame import open_run

        return open_run
    raise AttributeError(f"module 'assay' has no attribute '{name}'")
